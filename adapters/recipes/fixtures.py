"""Makes `tests/fixtures`: tiny models of each architecture and layout, with golden tokens.

    python fixtures.py [--only NAME]... [--optimum-python PATH]

Without `--only` everything is made. Seeds are fixed, so a second run on the same
versions writes the same weights. See `tests/fixtures/README.md` for what each folder is.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnxruntime_genai
import torch
from transformers import AutoTokenizer

import golden
import graph
import layout
import random_adapter
import tiny_models
from lora_inputs import add_lora_inputs

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"

# From the transformers folder to the folder to be filled.
Maker = Callable[[Path, Path], None]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", action="append", default=[], help="a folder, as `models/llama`")
    arguments.add_argument("--optimum-python", type=Path, help="interpreter that has optimum-onnx")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    makers: dict[str, tuple[str, Maker]] = {
        "models/llama": ("llama", plain),
        "models/mistral": ("mistral", plain_transformers_4),
        "models/qwen2": ("qwen2", plain_transformers_4),
        "models/qwen3": ("qwen3", plain),
        "models/phi3": ("phi3", plain),
        "models/llama-int4": ("llama", int4),
        "models/qwen2-int4": ("qwen2", int4),
        "models/llama-fp16": ("llama", fp16),
        "models/llama-bf16": ("llama", bf16),
        "models/llama-dynamo": ("llama", dynamo),
        "models/llama-lora": ("llama", lora_ready),
        "models/phi3-lora": ("phi3", lora_ready),
        "adapters/north": ("llama", adapter("llama-lora", rank=4, alpha=8, seed=11)),
        "adapters/south": ("llama", adapter("llama-lora", rank=8, alpha=12, seed=12)),
        "adapters/east": ("phi3", adapter("phi3-lora", rank=4, alpha=8, seed=13)),
    }
    if options.optimum_python:
        makers["models/llama-optimum"] = ("llama", optimum(options.optimum_python))
    for name, (architecture, make) in makers.items():
        if options.only and name not in options.only:
            continue
        folder = FIXTURES / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as work:
            hf_folder = Path(work) / architecture
            tiny_models.write(architecture, hf_folder)
            make(hf_folder, folder)
        print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir()) / 1024:.0f} KB")


def plain(hf_folder: Path, folder: Path) -> None:
    graph.builder(hf_folder, folder, "fp32")
    golden.record_reference(folder, hf_folder)


def plain_transformers_4(hf_folder: Path, folder: Path) -> None:
    plain(hf_folder, folder)
    layout.as_transformers_4(folder)
    shutil.copy(hf_folder / "generation_config.json", folder)


def int4(hf_folder: Path, folder: Path) -> None:
    """Golden tokens of onnxruntime-genai on this very folder: transformers has no such weights."""
    graph.builder(hf_folder, folder, "int4")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Kernels of other processors round differently, so only clear decisions count.
    golden.record(folder / "golden.jsonl", Peer(folder), tokenizer, tiny_models.ends(hf_folder), least_margin=0.05)
    golden.record_chat(folder, tokenizer)


def fp16(hf_folder: Path, folder: Path) -> None:
    """For CUDA. Golden tokens of the float32 weights, where half precision decides the same."""
    graph.builder(hf_folder, folder, "fp16", provider="cuda")
    golden.record_reference(folder, hf_folder, least_margin=0.06)


def bf16(hf_folder: Path, folder: Path) -> None:
    """For CUDA, without golden tokens: bfloat16 rounds too coarsely for this model."""
    graph.builder(hf_folder, folder, "bf16", provider="cuda")


def dynamo(hf_folder: Path, folder: Path) -> None:
    graph.dynamo(hf_folder, folder)
    golden.record_reference(folder, hf_folder)


def optimum(python: Path) -> Maker:
    def make(hf_folder: Path, folder: Path) -> None:
        graph.optimum(hf_folder, folder, python)
        golden.record_reference(folder, hf_folder)
        layout.as_transformers_4(folder)

    return make


def lora_ready(hf_folder: Path, folder: Path) -> None:
    plain(hf_folder, folder)
    add_lora_inputs(folder, folder)


def adapter(base: str, rank: int, alpha: int, seed: int) -> Maker:
    """Golden tokens of the merged weights. `base` is the model's folder."""

    def make(hf_folder: Path, folder: Path) -> None:
        random_adapter.write(hf_folder, folder, base=base, rank=rank, alpha=alpha, seed=seed)
        merged = golden.reference(random_adapter.merged(hf_folder, folder))
        tokenizer = AutoTokenizer.from_pretrained(hf_folder)
        golden.record(folder / "golden.jsonl", merged, tokenizer, tiny_models.ends(hf_folder))

    return make


class Peer:
    """Logits of onnxruntime-genai, which keeps its cache as long as a text only grows."""

    def __init__(self, folder: Path):
        self.model = onnxruntime_genai.Model(str(folder))
        self.fed: list[int] = []
        self.generator = None

    def __call__(self, ids: list[int]) -> torch.Tensor:
        if self.generator is None or ids[: len(self.fed)] != self.fed:
            options = onnxruntime_genai.GeneratorParams(self.model)
            options.set_search_options(do_sample=False, max_length=tiny_models.CONTEXT)
            self.generator, self.fed = onnxruntime_genai.Generator(self.model, options), []
        self.generator.append_tokens(ids[len(self.fed) :])
        self.fed = list(ids)
        return torch.from_numpy(self.generator.get_logits())[0, -1].float()


if __name__ == "__main__":
    main()
