"""What ONNX Runtime alone gives: runs of one row and of 16 rows of unequal length, cache in place.

    python bench_ceiling.py BUILDER_FOLDER [--threads 1] [--rounds 5]

Only the runs are counted, by the processor's time: nothing is chosen, no text is made. No program that
runs this graph on ONNX Runtime can gain more by a batch. Prints JSON.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

# Tokens in the cache at the beginning: what `bench_model.py` makes as prompts, but the longest.
LENGTHS = [32, 32, 64, 64, 128, 128, 256, 512]
STEPS = 127
CONTEXT = 2048


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("builder", type=Path)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    session = open_session(options.builder / "model.onnx", options.threads)
    decoder = json.loads((options.builder / "genai_config.json").read_text())["model"]["decoder"]
    alone, together = Rows(session, decoder, 1), Rows(session, decoder, 16)
    rounds = []
    for _ in range(options.rounds):
        one = statistics.mean(alone.run_ms([length]) for length in LENGTHS)
        rounds.append((one, together.run_ms(LENGTHS * 2)))
    ratios = [16 * one / sixteen for one, sixteen in rounds]
    told = {
        "run_ms": {
            "1 row": round(statistics.median(one for one, _ in rounds), 2),
            "16 rows": round(statistics.median(sixteen for _, sixteen in rounds), 2),
        },
        "ratio": {"median": round(statistics.median(ratios), 2), "rounds": [round(ratio, 2) for ratio in ratios]},
    }
    print(json.dumps(told, indent=1))


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Rows:
    """So many rows of one cache, in float32."""

    def __init__(self, session: onnxruntime.InferenceSession, decoder: dict, rows: int):
        self.session, self.binding = session, session.io_binding()
        shape = (rows, decoder["num_key_value_heads"], CONTEXT, decoder["head_size"])
        for layer in range(decoder["num_hidden_layers"]):
            for part in ("key", "value"):
                cache = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))
                self.binding.bind_ortvalue_input(f"past_key_values.{layer}.{part}", cache)
                self.binding.bind_ortvalue_output(f"present.{layer}.{part}", cache)
        self.binding.bind_output("logits")

    def run_ms(self, lengths: list[int]) -> float:
        """Milliseconds of a run, on average over the steps."""
        held, ids = np.array(lengths), np.ones((len(lengths), 1), np.int64)
        spent = 0.0
        for step in range(STEPS):
            reach = held + step + 1
            mask = (np.arange(reach.max())[None] < reach[:, None]).astype(np.int64)
            self.binding.bind_cpu_input("input_ids", ids)
            self.binding.bind_cpu_input("attention_mask", mask)
            before = time.process_time()
            self.session.run_with_iobinding(self.binding)
            spent += time.process_time() - before
        return 1000 * spent / STEPS


if __name__ == "__main__":
    main()
