"""Training data: instruction JSONL and ShareGPT, into tokens with a loss on answers only.

    {"instruction": "…", "input": "…", "output": "…"}            input may be empty or missing
    {"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}, …]}

Every turn of the assistant is an example of its own, with all that was said before as its
prompt: that is what the model is given when it answers, whatever the chat template does.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch

# Label of a token that counts for no loss, as torch's cross entropy has it.
IGNORED = -100

SPEAKERS = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}

Conversation = list[dict[str, str]]


@dataclass
class Encoded:
    # `input_ids` and `labels` of one length each.
    examples: list[dict[str, list[int]]]
    # Left out, because cutting them would cut the question or the answer.
    too_long: int


def read(path: Path) -> list[Conversation]:
    """Raises ValueError that names the line."""
    conversations = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip():
            try:
                conversations.append(conversation(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path}, line {number}: {error!r}") from error
    if not conversations:
        raise ValueError(f"{path}: no examples")
    return conversations


def conversation(record: dict) -> Conversation:
    if "conversations" in record:
        turns = [{"role": SPEAKERS[turn["from"]], "content": turn["value"].strip()} for turn in record["conversations"]]
    elif "instruction" in record:
        asked = "\n\n".join(part for part in (record["instruction"].strip(), record.get("input", "").strip()) if part)
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": record["output"].strip()}]
    else:
        raise ValueError("neither `instruction` nor `conversations`")
    if not any(turn["role"] == "assistant" and turn["content"] for turn in turns):
        raise ValueError("no answer to learn from")
    return turns


def encode(tokenizer, conversations: list[Conversation], longest: int) -> Encoded:
    encoded = Encoded([], 0)
    for turns in conversations:
        for at, turn in enumerate(turns):
            if turn["role"] == "assistant" and turn["content"]:
                example = _example(tokenizer, turns[:at], turn)
                if len(example["input_ids"]) > longest:
                    encoded.too_long += 1
                else:
                    encoded.examples.append(example)
    if not encoded.examples:
        raise ValueError(f"all {encoded.too_long} examples have more than {longest} tokens")
    return encoded


def _example(tokenizer, before: Conversation, answer: dict[str, str]) -> dict[str, list[int]]:
    prompt = tokenizer.apply_chat_template(before, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*before, answer], tokenize=False)
    if not whole.startswith(prompt):
        raise ValueError("the chat template writes a prompt differently once it is answered")
    # Tokenized in one go, so that tokenizers which mark the start of a text mark it once.
    tokens = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    ids = tokens["input_ids"]
    first = next(at for at, (_, end) in enumerate(tokens["offset_mapping"]) if end > len(prompt))
    # Nothing is ever written behind the end of sequence, so nothing is learnt there.
    last = next((at for at in range(first, len(ids)) if ids[at] == tokenizer.eos_token_id), len(ids) - 1)
    ids = ids[: last + 1]
    return {"input_ids": ids, "labels": [IGNORED] * first + ids[first:]}


def collate(examples: list[dict[str, list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Right-padded tensors of shape [batch, longest]."""
    longest = max(len(example["input_ids"]) for example in examples)

    def rows(key: str, filler: int) -> torch.Tensor:
        return torch.tensor([example[key] + [filler] * (longest - len(example[key])) for example in examples])

    mask = [[1] * len(e["input_ids"]) + [0] * (longest - len(e["input_ids"])) for e in examples]
    return {
        "input_ids": rows("input_ids", pad),
        "labels": rows("labels", IGNORED),
        "attention_mask": torch.tensor(mask),
    }


def sha256(*paths: Path) -> str:
    """Of the contents, one file after the other in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
