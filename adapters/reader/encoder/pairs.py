"""Groups to train the reading model on: a question and passages, of which the first answers or none does.

From documentation (`documentation.py`): headings asked of their own section
against others of the same page, words of a sentence against the same lines
without it, one word exchanged, a sentence against the paragraph that it was
taken from. From questions that people wrote (`candidates.py`): the passages
that answer against those that a search brings.
"""

import collections
import dataclasses
import json
import math
import random
import re

STOP_WORDS = set("""a an the of to in on at by for with and or not no is are was were be been being it its this that
these those as from if when which who what how why where will would can could may might must should shall do does did
has have had you your we our they their he she i me my us them there here then than so such but also into over under up
out about only any all each more most other some one used use using see""".split())
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_'-]*|\d[\d.,:%-]*")
ASKS = re.compile(r"(how|what|why|when|where|who|can|is|are|do|does|should|which|i )\b", re.I)
LEFT_OUT = 0.3
"""How often a question that is answered is asked without its answer among the passages."""


@dataclasses.dataclass
class Group:
    question: str
    passages: list
    answered: bool
    """Whether the first passage answers."""
    prior: float = 0.0
    """Log-odds of `answered` by the question's wording alone."""


class Documentation:
    MOST, SENTENCES, CHARS = 2500, 24, 240

    def __init__(self, path, seed=1):
        random_ = random.Random(seed)
        packages = collections.defaultdict(lambda: collections.defaultdict(list))
        for line in open(path, encoding="utf-8"):
            row = json.loads(line)
            packages[row["package"]][row["page"]].append(row)
        self.pages = []
        for pages in packages.values():
            names, count = sorted(pages), 0
            random_.shuffle(names)
            for name in names:
                if count > self.MOST:
                    break
                page = [self.section(row) for row in pages[name]]
                count += len(page)
                if len(page) >= 3:
                    self.pages.append(page)
        self.weights = [min(len(page), 40) for page in self.pages]
        self.questions = [(page, at) for page in self.pages for at, section in enumerate(page)
                          if is_question(section["path"][-1]) and sum(map(len, section["sentences"])) > 60]

    def section(self, row):
        sentences = [sentence[:self.CHARS] for para in row["paras"] for sentence in split(para)]
        return {"path": [heading[:90] for heading in row["path"]], "sentences": sentences[:self.SENTENCES]}

    def group(self, random_):
        while True:
            draw = random_.random()
            if draw < 0.38:
                group = self.of_heading(random_, *self.place(random_), random_.choice((100, 140, 200, 280)))
            elif draw < 0.5:
                group = self.of_question(random_)
            elif draw < 0.85:
                group = self.of_words(random_)
            else:
                group = self.of_sentence(random_)
            if group and len(group.passages) >= 2:
                return group

    def of_question(self, random_):
        """A heading that is a question: frequently asked ones mostly."""
        return self.of_heading(random_, *random_.choice(self.questions), random_.choice((200, 320)))

    def of_heading(self, random_, page, at, chars):
        section = page[at]
        heading, parent = section["path"][-1], (section["path"] + [""])[-2] if len(section["path"]) > 1 else ""
        if len(heading) < 5:
            return None
        draw, question = random_.random(), heading
        if heading.endswith("?"):
            question = f"{parent}: {heading}" if parent and draw < 0.15 else heading
        elif draw < 0.2:
            question = f"{parent} {heading}"
        elif draw < 0.35 and not heading.lower().startswith(("how", "what")):
            question = f"how do I {heading[0].lower()}{heading[1:]}"
        elif 0.35 <= draw < 0.45:
            question = f"what about {heading}"
        elif 0.45 <= draw < 0.55:
            question = f"where can I read about {heading}?"
        elif 0.55 <= draw < 0.65 and parent:
            question = f"{heading} in {parent}"
        headings = random_.random() < 0.6
        show = lambda one, first: shown(one, window(random_, one, 0 if first else None, chars), headings, leaf=False)
        right = show(section, random_.random() < 0.6)
        wrong = [show(page[other], random_.random() < 0.5) for other in others(random_, page, at, 3)]
        return finish(random_, question, right, wrong, 0.2)

    def of_words(self, random_):
        page, at = self.place(random_)
        section = page[at]
        where = random_.randrange(len(section["sentences"]))
        words = content(section["sentences"][where])
        if len(words) < 5:
            return None
        chosen = sorted(random_.sample(range(len(words)), random_.randint(3, min(7, len(words) - 1))))
        asked = [words[n] for n in chosen]
        chars, headings = random_.choice((100, 140, 200, 260)), random_.random() < 0.4
        right = shown(section, window(random_, section, where, chars), headings)
        wrong = []
        if len(section["sentences"]) > 2:
            wrong.append(shown(section, window(random_, section, beside(random_, section, where), chars, without=where), headings))
        stems = {stem(word) for word in asked}
        shares = lambda text: len(stems & {stem(word) for word in content(text)})
        rivals = sorted(others(random_, page, at, 8), key=lambda n: -shares(" ".join(page[n]["sentences"])))
        for rival in rivals[:3 - len(wrong)]:
            nearest = max(range(len(page[rival]["sentences"])), key=lambda n: shares(page[rival]["sentences"][n]))
            wrong.append(shown(page[rival], window(random_, page[rival], nearest, chars), headings))
        exchanged = random_.random() < 0.3 and self.exchange(random_, page, at, asked, right)
        before = random_.choice(([], [], [], [], [], [], ["how", "many"], ["when"], ["what"], ["can", "I"]))
        question = " ".join(before + asked)
        if exchanged:
            return Group(typed(random_, question), [right] + wrong[:2], False)
        return finish(random_, question, right, wrong, 0.15)

    def exchange(self, random_, page, at, asked, right):
        """One word for another of the page that the right passage does not have."""
        there = {stem(word) for word in content(right)}
        other = page[random_.choice(others(random_, page, at, 4))]
        known = [word for word in content(" ".join(other["sentences"])) if stem(word) not in there]
        if known:
            asked[random_.randrange(len(asked))] = random_.choice(known)
        return bool(known)

    def of_sentence(self, random_):
        page, at = self.place(random_)
        section = page[at]
        if len(section["sentences"]) < 3:
            return None
        where = random_.randrange(len(section["sentences"]))
        sentence = section["sentences"][where]
        chars, headings = random_.choice((100, 140, 200)), random_.random() < 0.3
        right = shown(section, window(random_, section, beside(random_, section, where), chars, without=where), headings)
        if len(sentence) < 40 or "|" in sentence or len(right) < 40:
            return None
        wrong = [shown(page[n], window(random_, page[n], None, chars), headings) for n in others(random_, page, at, 3)]
        return finish(random_, sentence[:110], right, wrong, 0.0)

    def place(self, random_):
        page = random_.choices(self.pages, self.weights)[0]
        return page, random_.randrange(len(page))


class Asked:
    """Questions with the passages that a search brought, as `candidates.py` writes them."""

    def __init__(self, path, priors=None):
        self.rows = [json.loads(line) for line in open(path, encoding="utf-8")]
        self.priors = priors or {}

    def group(self, random_):
        row = random_.choice(self.rows)
        prior = self.priors.get(row["question"])
        if prior is not None:
            answered = (1 - LEFT_OUT) / (1 + math.exp(-prior))
            prior = math.log(answered / (1 - answered))
        near = [passage["text"] for passage in row["passages"] if passage["near"]]
        found = [passage["text"] for passage in row["passages"] if not passage["near"] and not passage["right"]]
        wrong = random_.sample(near, min(2, len(near)))
        while len(wrong) < 3 and found:
            wrong.append(found[min(len(found) - 1, int(random_.expovariate(0.5)))])
        right = [passage["text"] for passage in row["passages"] if passage["right"]]
        if right and random_.random() >= LEFT_OUT:
            return Group(row["question"], [random_.choice(right)] + wrong, True, prior or 0.0)
        return Group(row["question"], wrong, False, prior or 0.0)


def finish(random_, question, right, wrong, left_out):
    question = typed(random_, question)
    if random_.random() < left_out:
        return Group(question, wrong, False)
    return Group(question, [right] + wrong, True)


def window(random_, section, at, chars, without=None):
    """Sentences around one, about so many characters, one of them left out."""
    sentences = section["sentences"]
    at = random_.randrange(len(sentences)) if at is None else at
    first = last = at
    used = len(sentences[at])
    while used < chars:
        grown = [n for n in (first - 1, last + 1) if 0 <= n < len(sentences)]
        if not grown:
            break
        n = random_.choice(grown)
        if used + len(sentences[n]) > chars + 60:
            break
        used += len(sentences[n])
        first, last = min(first, n), max(last, n)
    kept = " ".join(sentences[n] for n in range(first, last + 1) if n != without)
    return re.sub(r"\s+", " ", kept)


def shown(section, text, headings, leaf=True):
    path = section["path"] if leaf else section["path"][:-1]
    return f"{' > '.join(path)[-70:]}. {text}" if headings and path else text


def beside(random_, section, at):
    return at + 1 if at + 1 < len(section["sentences"]) and (at == 0 or random_.random() < 0.5) else at - 1


def others(random_, page, at, count):
    """Other sections, of which half and one stand near."""
    rest = [n for n in range(len(page)) if n != at]
    near = [n for n in rest if abs(n - at) <= 3]
    random_.shuffle(rest)
    return list(dict.fromkeys(random_.sample(near, min(len(near), count // 2 + 1)) + rest))[:count]


def typed(random_, question):
    draw = random_.random()
    if draw < 0.45:
        question = question.rstrip("?.")
    if draw < 0.35:
        question = question.lower()
    return slip(random_, question) if random_.random() < 0.15 else question


def slip(random_, question):
    words = question.split()
    at = random_.randrange(len(words)) if words else 0
    if words and len(words[at]) > 3 and words[at].isalpha():
        word, n = words[at], random_.randrange(1, len(words[at]) - 1)
        words[at] = random_.choice((word[:n] + word[n + 1:], word[:n] + word[n + 1] + word[n] + word[n + 2:]))
    return " ".join(words)


def split(para):
    if "\n" in para or " | " in para:
        return [line for line in para.splitlines() if line.strip()]
    return [part for part in re.split(r"(?<=[.!?;:])\s+(?=[A-Z\"'(`-])", para) if part.strip()]


def content(text):
    return [word for word in WORD.findall(text) if word.lower() not in STOP_WORDS and len(word) > 1]


def stem(word):
    word = word.lower()
    for ending in ("ations", "ation", "ingly", "ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[:-len(ending)]
    return word


def is_question(heading):
    return len(heading.split()) >= 4 and bool(heading.endswith("?") or ASKS.match(heading))
