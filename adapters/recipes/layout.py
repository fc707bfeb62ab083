"""Tokenizer files as older versions of transformers wrote them.

Published model folders come in both layouts, so the fixtures have both.

| | transformers 4 | transformers 5 |
| --- | --- | --- |
| chat template | in `tokenizer_config.json` | `chat_template.jinja` |
| special tokens | `special_tokens_map.json`, tokens as objects | `tokenizer_config.json`, tokens as text |
| added tokens | repeated in `tokenizer_config.json` | only in `tokenizer.json` |
"""

import json
from pathlib import Path


def as_transformers_4(folder: Path) -> None:
    """Rewrites the tokenizer files of `folder` in place."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    template = folder / "chat_template.jinja"
    special = {key: _object(text) for key, text in config.items() if key.endswith("_token") and text}
    written = {
        "added_tokens_decoder": {str(token["id"]): _without_id(token) for token in added},
        **special,
        "chat_template": template.read_text(),
        "clean_up_tokenization_spaces": False,
        "model_max_length": config["model_max_length"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    path.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    template.unlink()


def _object(text: str) -> dict:
    return {"__type": "AddedToken", "content": text, "lstrip": False, "normalized": False, "rstrip": False}


def _without_id(token: dict) -> dict:
    return {key: value for key, value in token.items() if key != "id"}
