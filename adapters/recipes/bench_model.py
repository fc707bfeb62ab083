"""Makes a Llama of 6.5 million random weights for speed comparisons. Not for the repository.

    python bench_model.py OUT_FOLDER

| in the folder | |
| --- | --- |
| `hf` | transformers, float32 |
| `fp32`, `int4` | onnxruntime-genai's builder, CPU |
| `lora` | `fp32` with LoRA inputs |
| `adapter` | a random PEFT adapter, r = 16 |
| `prompts.jsonl` | prompts of 32 to 1,000 tokens: `{"prompt", "ids"}` |

An end of sequence is never written, so that every program writes as many tokens as asked.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

import graph
import random_adapter
import tiny_tokenizer
from lora_inputs import add_lora_inputs

VOCABULARY = 4096
CONTEXT = 4096
PROMPT_TOKENS = [32, 32, 64, 64, 128, 128, 256, 512, 1000]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=Path)
    out = arguments.parse_args().out
    torch.set_num_threads(1)
    write_model(out / "hf")
    write_prompts(out / "prompts.jsonl", out / "hf")
    for precision in ("fp32", "int4"):
        graph.builder(out / "hf", out / precision, precision, prune_lm_head="true")
    add_lora_inputs(out / "fp32", out / "lora")
    random_adapter.write(out / "hf", out / "adapter", base="bench", rank=16, alpha=16, seed=5, strength=0.05)


def write_model(folder: Path) -> None:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        bos_token_id=VOCABULARY - 3,
        eos_token_id=[VOCABULARY - 1, VOCABULARY - 3],
        dtype=torch.float32,
    )
    torch.manual_seed(3)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.12)
        model.lm_head.weight[config.eos_token_id] = 0.0
    model.generation_config = GenerationConfig(eos_token_id=config.eos_token_id, pad_token_id=VOCABULARY - 3)
    model.save_pretrained(folder)
    tiny_tokenizer.byte_level(folder, SPECIALS, "<|im_end|>", tiny_tokenizer.CHATML, VOCABULARY, corpus())
    print(f"{model.num_parameters():,} parameters")


def write_prompts(path: Path, hf_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(hf_folder)
    with path.open("w") as file:
        for seed, length in enumerate(PROMPT_TOKENS):
            ids = tokenizer(" ".join(corpus(seed=seed + 100, lines=300)))["input_ids"][:length]
            prompt = tokenizer.decode(ids)
            file.write(json.dumps({"prompt": prompt, "ids": tokenizer(prompt)["input_ids"]}) + "\n")


def corpus(seed: int = 0, lines: int = 4000) -> list[str]:
    """Sentences of invented words, so that the tokenizer finds enough pieces to learn."""
    names = random.Random(1)
    syllables = [onset + vowel for onset in "b d f g k l m n p r s t v z st tr ch sh".split() for vowel in "aeiou"]
    lexicon = ["".join(names.choices(syllables, k=names.randrange(1, 5))) for _ in range(6000)]
    rng = random.Random(seed)
    return [" ".join(rng.choices(lexicon, k=rng.randrange(4, 14))).capitalize() + "." for _ in range(lines)]


if __name__ == "__main__":
    main()
