"""Writes what was trained as an adapter: adapter.py BASE CHECKPOINT OUT.safetensors VERSION [RANK]

Each matrix's difference from the base is kept as the product of two thin ones
(its first singular vectors), in 16 bits, and the head as it is.
"""

import sys

import torch
from safetensors.torch import save_file

from net import PASSAGE_TOKENS, QUESTION_TOKENS, Reader

BASE_NAME, APART = "all-MiniLM-L6-v2", 3


def main(base, checkpoint, out, version, rank=64):
    before, kept, lost, all_ = Reader(base, APART).state_dict(), {}, 0.0, 0.0
    for key, after in torch.load(checkpoint).items():
        if not key.startswith(("emb", "layers")):
            kept["head." + key] = after.reshape(-1) if after.dim() == 0 else after
            continue
        name, added = "encoder.layer." + key.removeprefix("layers."), after - before[key]
        if key.startswith("emb") or not added.abs().max():
            continue
        if added.dim() == 1:
            kept[name + ".added"] = added
            continue
        left, sizes, right = torch.linalg.svd(added, full_matrices=False)
        root = sizes[:int(rank)].sqrt()
        kept[name + ".left"], kept[name + ".right"] = left[:, :len(root)] * root, root[:, None] * right[:len(root)]
        lost, all_ = lost + (sizes[len(root):] ** 2).sum().item(), all_ + (sizes**2).sum().item()
    about = {"base": BASE_NAME, "apart": str(APART), "version": version, "max_tokens": str(QUESTION_TOKENS + PASSAGE_TOKENS + 4)}
    save_file({key: value.half().contiguous() for key, value in kept.items()}, out, metadata=about)
    print(f"{lost / max(all_, 1e-9):.1%} of what was learnt is left out")


if __name__ == "__main__":
    main(*sys.argv[1:])
