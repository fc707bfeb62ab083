"""Golden tokens: what the reference implementation writes, recorded for tests without torch.

`golden.jsonl` has a line a prompt: `prompt`, its token `ids`, and `tokens`, the greedy
continuation up to `LENGTH` tokens or the first end of sequence, which is not included.
`chat.json` has a conversation, the text that the chat template makes of it, and its ids.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentences import prompts

LENGTH = 32
COUNT = 50

CONVERSATION = [
    {"role": "system", "content": "Answer from the passages only."},
    {"role": "user", "content": "Where is the parcel?"},
    {"role": "assistant", "content": "In the north depot. [1]"},
    {"role": "user", "content": " And who approves it?\n"},
]

# From token ids to one vector of logits for the token that follows.
NextLogits = Callable[[list[int]], torch.Tensor]


def greedy(next_logits: NextLogits, ids: list[int], ends: list[int], length: int = LENGTH) -> tuple[list[int], float]:
    """The continuation, and the least distance between the likeliest and the second token."""
    tokens: list[int] = []
    margin = float("inf")
    while len(tokens) < length:
        best = next_logits(ids + tokens).topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        token = int(best.indices[0])
        if token in ends:
            break
        tokens.append(token)
    return tokens, margin


def reference(model: torch.nn.Module) -> NextLogits:
    """The whole text through the model at every step: slow, and free of any cache."""

    @torch.no_grad()
    def next_logits(ids: list[int]) -> torch.Tensor:
        return model(torch.tensor([ids]), use_cache=False).logits[0, -1].float()

    return next_logits


def record(path: Path, next_logits: NextLogits, tokenizer, ends: list[int], least_margin: float = 1e-3) -> list[dict]:
    """Writes `COUNT` lines, leaving out prompts where rounding could decide."""
    lines: list[dict] = []
    for prompt in prompts(20 * COUNT):
        ids = tokenizer(prompt)["input_ids"]
        tokens, margin = greedy(next_logits, ids, ends)
        if margin > least_margin:
            lines.append({"prompt": prompt, "ids": ids, "tokens": tokens})
        if len(lines) == COUNT:
            break
    _check_lively(path, lines)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return lines


def record_reference(folder: Path, hf_folder: Path, least_margin: float = 1e-3) -> None:
    """Tokens and chat rendering of transformers, in float32, into `folder`."""
    model = AutoModelForCausalLM.from_pretrained(hf_folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(hf_folder)
    record(folder / "golden.jsonl", reference(model), tokenizer, model.config.eos_token_id, least_margin)
    record_chat(folder, tokenizer)


def record_chat(folder: Path, tokenizer) -> None:
    text = tokenizer.apply_chat_template(CONVERSATION, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    chat = {"messages": CONVERSATION, "text": text, "ids": ids}
    (folder / "chat.json").write_text(json.dumps(chat, ensure_ascii=False) + "\n")


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _check_lively(path: Path, lines: list[dict]) -> None:
    """Golden tokens that a broken decoder would write too are worth nothing."""
    ended = sum(len(line["tokens"]) < LENGTH for line in lines)
    varied = sum(len(set(line["tokens"])) for line in lines) / max(1, sum(len(line["tokens"]) for line in lines))
    if len(lines) < COUNT or ended < 3 or ended > COUNT - 10 or varied < 0.5:
        raise ValueError(f"{path}: {len(lines)} prompts, {ended} ended, {varied:.2f} of the tokens differ: too dull")
