"""A practice task, small enough for a CPU: find the passage that answers, and cite it.

    python practice.py data OUT_FOLDER
    python practice.py base DATA_FOLDER OUT_FOLDER [--minutes 40]
    python practice.py score MODEL_FOLDER TASK_FILE [--adapter FOLDER]

`data` writes three files in a world where people keep things in places:

| file | what |
| --- | --- |
| `base.jsonl` | conversations for the base, which answers with a passage, or "I don't know." |
| `train.jsonl`, `eval.jsonl` | the task for the adapter: the same, and the passage is cited |
| `test.jsonl` | the same, never trained on; for `score` |

`base` trains a Llama of 3 million weights from nothing; `train.py` then fine-tunes it.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

import dataset
import tiny_tokenizer

PEOPLE = "Freya Mara Tomas Aiko Priya Olu Zoe Jonas Lena Ravi Nina Omar Ines Karl Yuki Bela Dana Egon Vera Lior".split()
THINGS = (
    "badge laptop parcel ladder drill lamp key map printer router "
    "kettle chair folder cable scale tent crate desk bike clock"
).split()
PLACES = (
    "Lisbon Graz Malmo Turin Leeds Basel Porto Gdansk Lyon Cork Ghent Riga Oslo Brno Nice Split Vigo Bern Kiel Bari"
).split()
FACTS = [
    "{person} keeps the {thing} in {place}.",
    "The {thing} of {person} is in {place}.",
    "In {place} lies the {thing} of {person}.",
]
QUESTIONS = ["Where is the {thing} of {person}?", "Where does {person} keep the {thing}?"]
UNKNOWN = "I don't know."
VOCABULARY = 512
CONTEXT = 256


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = arguments.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data")
    data.add_argument("out", type=Path)
    base = commands.add_parser("base")
    base.add_argument("data", type=Path)
    base.add_argument("out", type=Path)
    base.add_argument("--minutes", type=float, default=40)
    score_ = commands.add_parser("score")
    score_.add_argument("model", type=Path)
    score_.add_argument("task", type=Path)
    score_.add_argument("--adapter", type=Path)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.command == "data":
        write_data(options.out)
    elif options.command == "base":
        train_base(options.data, options.out, options.minutes)
    else:
        print(json.dumps(score(options.model, options.task, options.adapter)))


def write_data(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    files = {"base": (30_000, 1, False), "train": (1_500, 2, True), "eval": (150, 3, True), "test": (300, 4, True)}
    for name, (count, seed, cited) in files.items():
        rng = random.Random(seed)
        lines = (json.dumps(example(rng, cited)) + "\n" for _ in range(count))
        (out / f"{name}.jsonl").write_text("".join(lines))


def example(rng: random.Random, cited: bool) -> dict:
    """An instruction with passages. Every seventh question is about something that no passage tells."""
    facts = []
    used: set[tuple[str, str]] = set()
    while len(facts) < 4:
        fact = {"person": rng.choice(PEOPLE), "thing": rng.choice(THINGS), "place": rng.choice(PLACES)}
        if (fact["person"], fact["thing"]) not in used:
            used.add((fact["person"], fact["thing"]))
            facts.append(fact)
    shown, asked = facts[:3], rng.choice(facts[:3])
    if rng.random() < 1 / 7:
        asked = facts[3]
    passages = [rng.choice(FACTS).format(**fact) for fact in shown]
    if asked not in shown:
        answer = UNKNOWN
    else:
        at = shown.index(asked)
        answer = f"{passages[at]} [{at + 1}]" if cited else passages[at]
    numbered = "\n".join(f"[{number}] {passage}" for number, passage in enumerate(passages, start=1))
    return {"instruction": rng.choice(QUESTIONS).format(**asked), "input": numbered, "output": answer}


def train_base(data: Path, out: Path, minutes: float, batch: int = 16, rate: float = 1e-3) -> None:
    write_tokenizer(data / "base.jsonl", out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    ends = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    torch.manual_seed(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=640,
            num_hidden_layers=4,
            num_attention_heads=8,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            bos_token_id=ends[1],
            eos_token_id=ends,
            tie_word_embeddings=False,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.05)
    examples = dataset.encode(tokenizer, dataset.read(data / "base.jsonl"), CONTEXT).examples
    started, step, rng = time.monotonic(), 0, random.Random(1)
    while (spent := (time.monotonic() - started) / (60 * minutes)) < 1:
        warm = min(1.0, (step + 1) / 100)
        optimizer.param_groups[0]["lr"] = rate * warm * (0.05 + 0.95 * (1 + math.cos(math.pi * spent)) / 2)
        # Passages are drawn at random and teach little; most of the lesson is the answer.
        chosen = dataset.collate(rng.sample(examples, batch), pad=ends[1])
        everything = chosen["input_ids"].masked_fill(chosen["attention_mask"] == 0, dataset.IGNORED)
        logits = model(input_ids=chosen["input_ids"], attention_mask=chosen["attention_mask"]).logits
        loss = _loss(logits, chosen["labels"]) + 0.2 * _loss(logits, everything)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            answers = _loss(logits, chosen["labels"])
            print(f"step {step}, {spent:.0%} of the time, loss of answers {answers:.3f}", flush=True)
        step += 1
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=ends[1])
    model.save_pretrained(out)
    print(f"{model.num_parameters():,} parameters, {step} steps of {batch} conversations")


def write_tokenizer(text: Path, out: Path) -> None:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    lines = [json.loads(line) for line in text.read_text().splitlines()[:3000]]
    corpus = ["\n".join(["system user assistant", *line.values()]) for line in lines]
    tiny_tokenizer.byte_level(out, specials, "<|im_end|>", tiny_tokenizer.CHATML, VOCABULARY, corpus)


def score(model_folder: Path, task: Path, adapter: Path | None, count: int = 300) -> dict:
    """Shares of greedy answers that are right as a whole, in their sentence, in their citation or its absence."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter).eval()
    right = {"exact": 0, "sentence": 0, "citation": 0}
    conversations = dataset.read(task)[:count]
    for *asked, wanted in conversations:
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        out = model.generate(**ids, do_sample=False, max_new_tokens=24)
        answer = tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True).strip()
        sentence, _, citation = wanted["content"].partition(" [")
        right["exact"] += answer == wanted["content"]
        right["sentence"] += answer.partition(" [")[0] == sentence
        right["citation"] += answer.partition(" [")[2] == citation
    shares = {name: round(count / len(conversations), 3) for name, count in right.items()}
    return {"questions": len(conversations), **shares}


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=dataset.IGNORED
    )


if __name__ == "__main__":
    main()
