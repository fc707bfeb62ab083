"""Runs an exported decoder with ONNX Runtime: slow and plain, to check exports by."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import lora_pack

ELEMENTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Decoder:
    """Logits by token ids. The cache is kept as long as a text only grows."""

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # At the level of warnings there is one for every LoRA input.
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, ["CPUExecutionProvider"])
        inputs = self.session.get_inputs()
        # Inputs with a default are listed apart.
        self.shapes = {value.name: value.shape for value in [*inputs, *self.session.get_overridable_initializers()]}
        cache = next(value for value in inputs if value.name == "past_key_values.0.key")
        self.caches = [value.name for value in inputs if value.name.startswith("past_key_values.")]
        self.empty = np.zeros((1, cache.shape[1], 0, head_size(folder)), ELEMENTS[cache.type])
        self.adapter: dict[str, np.ndarray] = {}
        self.forget()

    def use(self, adapter: lora_pack.Adapter | None) -> None:
        """From now on, this adapter or none."""
        packed = lora_pack.pack([adapter], [0], self.shapes) if adapter else {}
        self.adapter = {name: value.astype(self.empty.dtype) for name, value in packed.items()}
        self.forget()

    def forget(self) -> None:
        self.fed: list[int] = []
        self.past = [self.empty] * len(self.caches)

    def __call__(self, ids: list[int]) -> torch.Tensor:
        if ids[: len(self.fed)] != self.fed or len(ids) == len(self.fed):
            self.forget()
        new = ids[len(self.fed) :]
        feeds = {
            "input_ids": np.array([new], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            **dict(zip(self.caches, self.past, strict=True)),
            **self.adapter,
        }
        if "position_ids" in self.shapes:
            feeds["position_ids"] = np.arange(len(self.fed), len(ids))[None]
        wanted = ["logits", *(name.replace("past_key_values", "present") for name in self.caches)]
        logits, *self.past = self.session.run(wanted, feeds)
        self.fed = list(ids)
        return torch.from_numpy(logits[0, -1].astype(np.float32))


def head_size(folder: Path) -> int:
    path = folder / "genai_config.json"
    if path.exists():
        return json.loads(path.read_text())["model"]["decoder"]["head_size"]
    config = json.loads((folder / "config.json").read_text())
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
