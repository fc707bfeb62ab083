"""Ingestion against a plain Python pipeline with the same ONNX model, in turns on the same folder of Markdown.

    python benches/ingest_peer.py PROGRAM MODEL_DIR FOLDER

PROGRAM is lorekeeper; MODEL_DIR has model_int8.onnx and tokenizer.json (.setup/minilm). The pipeline reads the files,
cuts them at headings into pieces of 200 tokens, embeds them with onnxruntime (one thread; once 16 at a time sorted by
length, once one by one) and writes vectors and texts into SQLite. It keeps no token vectors, terms or rights, as
Lorekeeper does. Wants onnxruntime, numpy and tokenizers. Prints a line of JSON each, then the ratio.
"""

import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

TOKENS = 200


def main(program, model_dir, folder):
    files = sorted(pathlib.Path(folder).rglob("*.md"))
    size = sum(file.stat().st_size for file in files)

    def tell(what, seconds, chunks):
        pages, megabytes = len(files) / seconds, size / seconds / 1e6
        print(json.dumps({
            "run": what, "seconds": round(seconds, 2), "pages": len(files), "chunks": chunks,
            "pages_per_s": round(pages, 2), "mb_per_s": round(megabytes, 4), "chunks_per_s": round(chunks / seconds, 1),
        }), flush=True)
        return chunks / seconds

    rates = [tell(f"python, {rows} at a time", *pipeline(files, model_dir, rows)) for rows in (16, 1)]
    with tempfile.TemporaryDirectory() as data:
        seconds, chunks = ingest(program, data, folder)
        ours = tell("lorekeeper", seconds, chunks)
        again, _ = ingest(program, data, folder)
        tell("lorekeeper, nothing changed", again, chunks)
    print(f"chunks a second: lorekeeper {ours:.1f}, python {max(rates):.1f}, ratio {ours / max(rates):.2f}")


def ingest(program, data, folder):
    began = time.perf_counter()
    command = [program, "--data-dir", data, "ingest", folder, "--source", "pages", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads(done.stdout.splitlines()[-1])
    return time.perf_counter() - began, report["chunks"]


def pipeline(files, model_dir, rows):
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    began = time.perf_counter()
    tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{model_dir}/model_int8.onnx", options)
    chunks = [(str(file), piece) for file in files for piece in pieces(file.read_text(), tokenizer)]
    encoded = tokenizer.encode_batch([text for _, text in chunks])
    order = sorted(range(len(encoded)), key=lambda n: len(encoded[n].ids))
    vectors = [b""] * len(encoded)
    for first in range(0, len(order), rows):
        batch = order[first:first + rows]
        longest = max(len(encoded[n].ids) for n in batch)
        ids, mask = np.zeros((len(batch), longest), np.int64), np.zeros((len(batch), longest), np.int64)
        for row, n in enumerate(batch):
            length = len(encoded[n].ids)
            ids[row, :length], mask[row, :length] = encoded[n].ids, 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, inputs)[0]
        for row, n in enumerate(batch):
            mean = states[row, :mask[row].sum()].mean(axis=0)
            vectors[n] = (mean / np.linalg.norm(mean)).astype(np.float32).tobytes()
    with tempfile.TemporaryDirectory() as data, sqlite3.connect(f"{data}/index.sqlite") as store:
        store.execute("CREATE TABLE passage (file TEXT, text TEXT, vector BLOB)")
        store.executemany("INSERT INTO passage VALUES (?, ?, ?)", [(*chunk, v) for chunk, v in zip(chunks, vectors)])
    return time.perf_counter() - began, len(chunks)


def pieces(text, tokenizer):
    """Paragraphs under one heading, together up to `TOKENS`."""
    for section in re.split(r"(?m)^(?=#{1,6} )", text):
        open_piece, length = [], 0
        for paragraph in filter(str.strip, section.split("\n\n")):
            tokens = len(tokenizer.encode(paragraph, add_special_tokens=False).ids)
            if open_piece and length + tokens > TOKENS:
                yield "\n\n".join(open_piece)
                open_piece, length = [], 0
            open_piece.append(paragraph)
            length += tokens
        if open_piece:
            yield "\n\n".join(open_piece)


if __name__ == "__main__":
    main(*sys.argv[1:])
