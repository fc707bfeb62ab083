"""Packs PEFT adapters into the inputs of a LoRA-ready graph.

A reference for the loader in the daemon, which does the same in Rust, and the
proof that the graph is right. Shapes: see `lora_inputs.py`.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from lora_inputs import MASK

# What adapters are trained on; Phi-3's checkpoints keep some projections packed.
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PACKED_PROJECTIONS = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]

WEIGHT = re.compile(
    r"base_model\.model\.model\.layers\.(\d+)\.(self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight"
)
# Options of PEFT that change the formula; an adapter that uses one would be served wrongly.
UNSUPPORTED = ["use_dora", "rank_pattern", "alpha_pattern", "layers_to_transform", "modules_to_save", "lora_bias"]

# A [in, r] and B [r, out]; alpha / r multiplied into B.
Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Adapter:
    rank: int
    # By the name of the graph's projection, `layers.N.attn.q_proj`.
    pairs: dict[str, Pair]


def read(folder: Path) -> Adapter:
    config = json.loads((folder / "adapter_config.json").read_text())
    for option in UNSUPPORTED:
        if config.get(option):
            raise ValueError(f"{folder}: `{option}` is not supported")
    if config.get("bias", "none") != "none":
        raise ValueError(f"{folder}: adapters with biases are not supported")
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    halves: dict[str, dict[str, np.ndarray]] = {}
    for name, weight in load_file(folder / "adapter_model.safetensors").items():
        found = WEIGHT.fullmatch(name)
        if not found:
            raise ValueError(f"{folder}: weight `{name}` belongs to no projection of attention or MLP")
        layer, block, module, half = found.groups()
        key = f"layers.{layer}.{'attn' if block == 'self_attn' else 'mlp'}.{module}"
        halves.setdefault(key, {})[half] = weight.T.astype(np.float32)
    pairs: dict[str, Pair] = {}
    for key, pair in halves.items():
        a, b = pair["A"], pair["B"] * scale
        if key.endswith("gate_up_proj"):
            # Packed in Phi-3's checkpoints, never in the graph: gate first, then up.
            gate, up = np.split(b, 2, axis=1)
            pairs[key.replace("gate_up_proj", "gate_proj")] = a, gate
            pairs[key.replace("gate_up_proj", "up_proj")] = a, up
        else:
            pairs[key] = a, b
    return Adapter(rank, pairs)


def pack(adapters: list[Adapter], rows: list[int | None], inputs: dict[str, list]) -> dict[str, np.ndarray]:
    """Feeds for a batch: `rows` names the adapter of each row by its place in `adapters`.

    `inputs` are the shapes of the graph's inputs by name.
    """
    ranks = [adapter.rank for adapter in adapters]
    starts = np.concatenate([[0], np.cumsum(ranks)]).astype(int)
    mask = np.zeros((len(rows), 1, starts[-1]), np.float32)
    for row, which in enumerate(rows):
        if which is not None:
            mask[row, 0, starts[which] : starts[which + 1]] = 1.0
    feeds = {MASK: mask}
    for name, shape in inputs.items():
        if name.endswith(".lora_A"):
            target = name.removesuffix(".lora_A")
            side_by_side = _packed if target.endswith("qkv_proj") else _plain
            a, b = side_by_side(adapters, target, shape[0], inputs[f"{target}.lora_B"][1])
            feeds[f"{target}.lora_A"], feeds[f"{target}.lora_B"] = a, b
    return feeds


def _plain(adapters: list[Adapter], target: str, width_in: int, width_out: int) -> Pair:
    """An adapter that leaves `target` alone contributes zeros, so that the columns stay in step."""
    a, b = [np.zeros((width_in, 0), np.float32)], [np.zeros((0, width_out), np.float32)]
    for adapter in adapters:
        zeros = np.zeros((width_in, adapter.rank), np.float32), np.zeros((adapter.rank, width_out), np.float32)
        pair = adapter.pairs.get(target, zeros)
        a.append(pair[0])
        b.append(pair[1])
    return np.concatenate(a, axis=1), np.concatenate(b, axis=0)


def _packed(adapters: list[Adapter], target: str, width_in: int, width_out: int) -> Pair:
    """A = [all q | all k | all v], B block-diagonal."""
    parts = [target.replace("qkv_proj", f"{part}_proj") for part in "qkv"]
    widths = _widths(adapters, parts, width_out)
    pairs = [_plain(adapters, part, width_in, width) for part, width in zip(parts, widths, strict=True)]
    rank = sum(adapter.rank for adapter in adapters)
    a = np.concatenate([pair[0] for pair in pairs], axis=1)
    b = np.zeros((3 * rank, width_out), np.float32)
    column = 0
    for at, (width, pair) in enumerate(zip(widths, pairs, strict=True)):
        b[at * rank : (at + 1) * rank, column : column + width] = pair[1]
        column += width
    start = 0
    for adapter in adapters:
        if target in adapter.pairs:
            # Packed in the checkpoint too: one A for all three, so the columns of q carry everything.
            columns = slice(start, start + adapter.rank)
            a[:, columns], b[columns] = adapter.pairs[target]
        start += adapter.rank
    return a, b


def _widths(adapters: list[Adapter], parts: list[str], total: int) -> list[int]:
    """Widths of q, k and v; k and v are alike, so that one known width gives the others."""
    q, k, v = ([adapter.pairs[part][1].shape[1] for adapter in adapters if part in adapter.pairs] for part in parts)
    side = (total - q[0]) // 2 if q else (k + v + [0])[0]
    return [total - 2 * side, side, side]
