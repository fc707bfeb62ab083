"""Tiny decoders with random weights: one of each architecture, as transformers writes them.

A random decoder is good for comparing two programs as long as it is not dull:
`liveliness` is the standard deviation of the weights, large enough that
continuations vary and that the likeliest token stands clear of the second.
"""

from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

import tiny_tokenizer
from tiny_tokenizer import VOCABULARY

CONTEXT = 1024

SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": False,
}


def llama() -> PretrainedConfig:
    rope = {"rope_type": "default", "rope_theta": 500000.0}
    return LlamaConfig(**SHAPE, rope_parameters=rope, bos_token_id=1, eos_token_id=[2, 511])


def mistral() -> PretrainedConfig:
    # A window shorter than the golden prompts, so that it matters.
    return MistralConfig(**SHAPE, sliding_window=24, bos_token_id=1, eos_token_id=[2, 511])


def qwen2() -> PretrainedConfig:
    return Qwen2Config(**SHAPE, bos_token_id=509, eos_token_id=[511, 509])


def qwen3() -> PretrainedConfig:
    return Qwen3Config(**SHAPE, head_dim=32, bos_token_id=509, eos_token_id=[511, 509])


def phi3() -> PretrainedConfig:
    # Where the two context lengths differ, the builder expects LongRoPE factors.
    return Phi3Config(
        **SHAPE,
        original_max_position_embeddings=CONTEXT,
        bos_token_id=508,
        eos_token_id=[508, 511],
        pad_token_id=508,
    )


CONFIGS = {"llama": llama, "mistral": mistral, "qwen2": qwen2, "qwen3": qwen3, "phi3": phi3}


def write(name: str, folder: Path, seed: int = 7, liveliness: float = 0.3) -> None:
    """Writes config, generation defaults, float32 weights, tokenizer and chat template."""
    config = CONFIGS[name]()
    config.dtype = torch.float32
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, liveliness)
            else:
                # Norm weights around 1, biases around 0: both must matter.
                parameter.add_(torch.randn_like(parameter) * 0.2)
        # Ends of sequence a little likelier than chance, so that some continuations end.
        model.get_output_embeddings().weight[config.eos_token_id] *= 1.3
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.eos_token_id[0],
        do_sample=True,
        temperature=0.7,
        top_k=20,
        top_p=0.8,
        repetition_penalty=1.05,
    )
    model.save_pretrained(folder)
    write_tokenizer(name, folder)


def ends(folder: Path) -> list[int]:
    """The end-of-sequence tokens of a folder that `write` made."""
    return GenerationConfig.from_pretrained(folder).eos_token_id


def write_tokenizer(name: str, folder: Path) -> None:
    if name == "llama":
        tiny_tokenizer.sentencepiece(folder, ["<|end|>"], tiny_tokenizer.HEADERS, metaspace=False)
    elif name == "mistral":
        tiny_tokenizer.sentencepiece(folder, ["<|end|>"], tiny_tokenizer.INSTRUCT, metaspace=True)
    elif name == "phi3":
        specials = ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>"]
        tiny_tokenizer.byte_level(folder, specials, "<|endoftext|>", tiny_tokenizer.PHI)
    else:
        specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        tiny_tokenizer.byte_level(folder, specials, "<|im_end|>", tiny_tokenizer.CHATML)
