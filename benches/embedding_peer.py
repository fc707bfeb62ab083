"""The embedding model against sentence-transformers, in turns on the same texts.

    python benches/embedding_peer.py MODEL_DIR -- cargo bench --bench embedding

MODEL_DIR is all-MiniLM-L6-v2 as sentence-transformers reads it. Both sides use
one thread. Prints milliseconds a text of each round, and the ratio of medians.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
ROUNDS, TEXTS = 3, 320


def main(model_dir, bench):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(model_dir, device="cpu")
    texts = paragraphs()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append({f"batch_{n}_ms": run(model, texts, n) for n in (1, 32)})
        lines = subprocess.run(bench, check=True, capture_output=True, text=True).stdout.splitlines()
        ours.append(json.loads(next(line for line in lines if line.startswith("{"))))
        print("sentence-transformers", theirs[-1], "lorekeeper", ours[-1], flush=True)
    for key in ("batch_1_ms", "batch_32_ms"):
        mine, other = (statistics.median(side[key] for side in sides) for sides in (ours, theirs))
        print(f"{key}: sentence-transformers {other:.2f}, lorekeeper {mine:.2f}, {other / mine:.2f} times as fast")


def run(model, texts, batch):
    model.encode(texts[:batch], batch_size=batch, show_progress_bar=False)
    began = time.perf_counter()
    for at in range(0, len(texts), batch):
        model.encode(texts[at:at + batch], batch_size=batch, show_progress_bar=False)
    return (time.perf_counter() - began) * 1e3 / len(texts)


def paragraphs():
    """The same texts as benches/embedding.rs."""
    docs = pathlib.Path(__file__).parent.parent / "examples/company/docs"
    pages = [path.read_text() for path in sorted(docs.rglob("*.md"))]
    found = [text for page in pages for text in page.split("\n\n") if len(text.encode()) > 40]
    return found[:TEXTS]


if __name__ == "__main__":
    at = sys.argv.index("--")
    main(sys.argv[1], sys.argv[at + 1:])
