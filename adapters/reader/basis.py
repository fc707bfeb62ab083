"""Finds the directions in which token vectors are kept: basis.py MODEL_DIR DEST < passages.jsonl

MODEL_DIR holds model_int8.onnx, tokenizer.json and config.json, as deploy/setup
makes them. Standard input: {"title", "section", "text"} lines. DEST becomes a
safetensors file with `basis`, float16 of [hidden, 96]: the first principal
directions of the last hidden states (uncentred, because late interaction
compares cosines), and the name of the model as metadata.
"""

import json
import pathlib
import re
import sys

import numpy as np
import onnxruntime
from safetensors.numpy import save_file
from tokenizers import Tokenizer

DIMENSIONS, BATCH = 96, 16
# Every fourth passage and every seventh of its tokens: enough for 384 directions.
PASSAGES, TOKENS = 4, 7


def main(model_dir, dest):
    folder = pathlib.Path(model_dir)
    config = json.loads((folder / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(config["max_seq_length"])
    session = onnxruntime.InferenceSession(str(folder / "model_int8.onnx"), providers=["CPUExecutionProvider"])

    texts = [searchable(json.loads(line)) for line in sys.stdin][::PASSAGES]
    states = np.concatenate([s[::TOKENS] for s in hidden_states(session, tokenizer, texts)])
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    _, strength, directions = np.linalg.svd(states, full_matrices=False)
    kept = (strength[:DIMENSIONS] ** 2).sum() / (strength**2).sum()
    print(f"{len(texts)} passages, {len(states)} tokens; {kept:.3f} of their variance kept", file=sys.stderr)
    basis = np.ascontiguousarray(directions[:DIMENSIONS].T.astype(np.float16))
    save_file({"basis": basis}, dest, metadata={"base": config["model_name"]})


def hidden_states(session, tokenizer, texts):
    """One array of [tokens, hidden] a text; texts of like length run together."""
    encodings = sorted(tokenizer.encode_batch(texts), key=lambda encoding: len(encoding.ids))
    for start in range(0, len(encodings), BATCH):
        batch = encodings[start : start + BATCH]
        ids = np.zeros((len(batch), len(batch[-1].ids)), np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(batch):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = session.run(None, inputs)[0]
        yield from (hidden[row, : len(encoding.ids)] for row, encoding in enumerate(batch))


def searchable(passage):
    """Title, heading path and words, roughly as the index embeds them."""
    words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", passage["text"])
    words = re.sub(r"[`*_>|#]|-{3,}", " ", words)
    parts = [passage["title"], passage["section"], " ".join(words.split())]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    main(*sys.argv[1:])
