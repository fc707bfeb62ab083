"""Exports a base model for the daemon, and records golden tokens for an adapter.

    python export.py base HF_FOLDER OUT --prompts FILE [--precision fp32|int4|fp16|bf16] [--provider cpu|cuda]
    python export.py adapter ADAPTER_FOLDER MODEL_FOLDER --prompts FILE [--base HF_FOLDER]

`base` writes the builder's graph with LoRA inputs, tokenizer, chat template, generation
defaults and `export.json` (what it is, and the hash of every file), then compares greedy tokens
with transformers: in fp32 they must be the same, in int4 it tells how many are. Graphs for CUDA
are not compared.

`adapter` adds `golden.jsonl` to the adapter's folder: what the exported graph writes with it,
replayed by the daemon when it loads the adapter. With `--base` the tokens are compared with
transformers on merged weights first.

FILE is training data of any kind that `train.py` reads; only the questions are used.
"""

import argparse
import importlib.metadata
import json
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import dataset
import golden
import graph
import lora_pack
import random_adapter
from decoder import Decoder
from identity import base_identity
from lora_inputs import add_lora_inputs

# Below this lead of the likeliest token two programs may differ by rounding alone.
TIE = 1e-3

RECORD = "export.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    base = commands.add_parser("base")
    base.add_argument("hf", type=Path)
    base.add_argument("out", type=Path)
    base.add_argument("--precision", choices=["fp32", "int4", "fp16", "bf16"], default="fp32")
    base.add_argument("--provider", choices=["cpu", "cuda"], default="cpu")
    adapter = commands.add_parser("adapter")
    adapter.add_argument("adapter", type=Path)
    adapter.add_argument("model", type=Path, help="folder that `base` wrote")
    adapter.add_argument("--base", type=Path, help="transformers folder, to compare with merged weights")
    for command in (base, adapter):
        command.add_argument("--prompts", type=Path, required=True)
        command.add_argument("--count", type=int, default=20, help="prompts to compare or record")
        command.add_argument("--tokens", type=int, default=32)
    options = parser.parse_args()
    print(json.dumps(export_base(options) if options.command == "base" else record_adapter(options)))


def export_base(options) -> dict:
    # Logits of the last position alone: nobody reads the others, and a long prompt has many.
    graph.builder(options.hf, options.out, options.precision, options.provider, prune_lm_head="true")
    count = len(add_lora_inputs(options.out, options.out))
    # As they were published: the builder would write the tokenizer anew, and its hash would change.
    for name in [*graph.tokenizer_files(options.hf), "generation_config.json"]:
        if (options.hf / name).exists():
            shutil.copy(options.hf / name, options.out / name)
    record = {
        "base": base_identity(options.hf),
        "precision": options.precision,
        "provider": options.provider,
        "lora_inputs": count,
        "builder": importlib.metadata.version("onnxruntime-genai"),
        "check": compare(options) if options.provider == "cpu" else {"prompts": 0},
        "files": {path.name: dataset.sha256(path) for path in sorted(options.out.iterdir()) if path.name != RECORD},
    }
    (options.out / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    return record["check"]


def compare(options) -> dict:
    """Greedy tokens of the export beside those of transformers; raises where fp32 differs."""
    reference = golden.reference(AutoModelForCausalLM.from_pretrained(options.hf, dtype=torch.float32).eval())
    prompts, stops = chat_prompts(options.hf, options), ends(options.out)
    return side_by_side(prompts, reference, Decoder(options.out), stops, options, options.precision == "fp32")


def record_adapter(options) -> dict:
    decoder = Decoder(options.model)
    decoder.use(lora_pack.read(options.adapter))
    prompts = chat_prompts(options.model, options)
    stops = ends(options.model)
    told = {}
    if options.base:
        precision = json.loads((options.model / RECORD).read_text())["precision"]
        merged = golden.reference(random_adapter.merged(options.base, options.adapter))
        told = side_by_side(prompts, merged, decoder, stops, options, precision == "fp32")
    lines = []
    for prompt, ids in prompts:
        tokens, margin = golden.greedy(decoder, ids, stops, options.tokens)
        if margin > TIE:
            lines.append({"prompt": prompt, "ids": ids, "tokens": tokens})
    if not lines:
        raise ValueError("every prompt has a tie, so nothing could be recorded: give other prompts")
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (options.adapter / "golden.jsonl").write_text(text)
    return {**told, "golden": len(lines)}


def side_by_side(prompts, reference, decoder: Decoder, stops: list[int], options, exact: bool) -> dict:
    same = ties = first = 0
    for _, ids in prompts:
        wanted, margin = golden.greedy(reference, ids, stops, options.tokens)
        written, _ = golden.greedy(decoder, ids, stops, options.tokens)
        same += wanted == written
        ties += wanted != written and margin <= TIE
        first += wanted[:1] == written[:1]
    if exact and same + ties < len(prompts):
        raise RuntimeError(f"the export writes other tokens on {len(prompts) - same - ties} of {len(prompts)} prompts")
    return {"prompts": len(prompts), "same": same, "ties": ties, "same_first_token": first}


def chat_prompts(folder: Path, options) -> list[tuple[str, list[int]]]:
    """Rendered questions and their tokens."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = []
    for *asked, _ in dataset.read(options.prompts)[: options.count]:
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        prompts.append((text, tokenizer(text, add_special_tokens=False)["input_ids"]))
    return prompts


def ends(folder: Path) -> list[int]:
    """End-of-sequence tokens, as the builder took them over."""
    found = json.loads((folder / "genai_config.json").read_text())["model"]["eos_token_id"]
    return found if isinstance(found, list) else [found]


if __name__ == "__main__":
    main()
