"""What a base model is, as hashes: an adapter fits only the base that it was trained on."""

import hashlib
import json
from pathlib import Path

from dataset import sha256


def base_identity(folder: Path) -> dict[str, str]:
    """`name`, and SHA-256 of weights, tokenizer and chat template of a transformers folder."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ValueError(f"{folder}: no weights (*.safetensors)")
    return {
        "name": folder.resolve().name,
        "weights_sha256": sha256(*weights),
        "tokenizer_sha256": sha256(folder / "tokenizer.json"),
        "template_sha256": hashlib.sha256(template(folder).encode()).hexdigest(),
    }


def template(folder: Path) -> str:
    """The chat template, wherever the folder keeps it; empty where there is none."""
    path = folder / "chat_template.jinja"
    if path.exists():
        return path.read_text()
    return json.loads((folder / "tokenizer_config.json").read_text()).get("chat_template") or ""
