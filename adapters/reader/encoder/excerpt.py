"""What the reading model is shown of a passage: about 100 tokens, so that four take 30 ms on one core."""

import collections
import re

from pairs import content, stem

EXCERPT, HEADING, BESIDE = 400, 120, 0.35
PARTS = re.compile(r"\n+|(?<=[.!?])\s+(?=[A-Z\"'(*`])")


def excerpt(question, passage):
    """Headings, then the lines and sentences that share most with the question, in their order."""
    title, section = passage["title"], passage["section"]
    heading = section if section.startswith(title) else f"{title} > {section}" if section else title
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", passage["text"])
    parts = [part.strip() for part in PARTS.split(text) if part.strip() and not re.fullmatch(r"[|:\s-]+", part)]
    kept = range(len(parts)) if sum(map(len, parts)) <= EXCERPT else choose(question, parts)
    return f"{heading[-HEADING:]}. {' '.join(parts[n][:EXCERPT] for n in kept)}"


def choose(question, parts):
    stems = lambda text: {stem(word) for word in content(text)}
    asked, words = stems(question), [stems(part) for part in parts]
    parts_with = collections.Counter(word for there in words for word in there)
    shared = [sum(1 / parts_with[word] for word in there & asked) for there in words] + [0.0]
    worth = lambda n: shared[n] + BESIDE * max(shared[n - 1] if n else 0.0, shared[n + 1])
    chosen, left = [], EXCERPT
    for n in sorted(range(len(parts)), key=lambda n: -worth(n)):
        length = min(len(parts[n]), EXCERPT)
        if length <= left:
            chosen.append(n)
            left -= length
    return sorted(chosen)
