"""Measures transformers, onnxruntime-genai and Lorekeeper by turns: batch of one, greedy.

    python bench_peers.py HF_FOLDER BUILDER_FOLDER PROMPTS [--ours PROGRAM --onnxruntime LIBRARY]
                          [--tokens 128] [--threads 1] [--rounds 3]

PROGRAM is what `cargo bench --bench decode --no-run` names. The engines take turns prompt by prompt,
so that a busy machine is busy for all of them. Tokens a second leave out the prompt and the first token.

Prints JSON. `wall` counts the clock's seconds, `processor` the processor's, which on a shared machine is
nearer to the truth; each with the best and the median round. `ratios` are Lorekeeper's rate by another's,
of each round.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import onnxruntime_genai
import torch
from transformers import AutoModelForCausalLM


@dataclass
class Written:
    tokens: list[int]
    """Empty where the engine tells its text only."""
    steps: int
    """After the first token."""
    first: float
    """Seconds to the first token."""
    wall: float
    """Seconds for the steps, and those of the processor."""
    processor: float


class Transformers:
    def __init__(self, folder: Path, threads: int):
        torch.set_num_threads(threads)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def write(self, prompt: dict, count: int) -> Written:
        started = time.perf_counter()
        out = self.model(torch.tensor([prompt["ids"]]), use_cache=True, logits_to_keep=1)
        tokens = [int(out.logits[0, -1].argmax())]
        first, processor = time.perf_counter(), time.process_time()
        while len(tokens) < count:
            out = self.model(torch.tensor([tokens[-1:]]), past_key_values=out.past_key_values, use_cache=True)
            tokens.append(int(out.logits[0, -1].argmax()))
        wall, processor = time.perf_counter() - first, time.process_time() - processor
        return Written(tokens, count - 1, first - started, wall, processor)


class Genai:
    def __init__(self, folder: Path, threads: int, spinning: bool):
        config = onnxruntime_genai.Config(str(folder))
        session = {"intra_op_num_threads": threads, "session.intra_op.allow_spinning": str(int(spinning))}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
        self.model = onnxruntime_genai.Model(config)

    def write(self, prompt: dict, count: int) -> Written:
        ids = prompt["ids"]
        options = onnxruntime_genai.GeneratorParams(self.model)
        options.set_search_options(do_sample=False, max_length=len(ids) + count)
        started = time.perf_counter()
        generator = onnxruntime_genai.Generator(self.model, options)
        generator.append_tokens(ids)
        generator.generate_next_token()
        first, processor = time.perf_counter(), time.process_time()
        for _ in range(count - 1):
            generator.generate_next_token()
        wall, processor = time.perf_counter() - first, time.process_time() - processor
        tokens = [int(token) for token in generator.get_sequence(0)[len(ids) :]]
        return Written(tokens, count - 1, first - started, wall, processor)


class Lorekeeper:
    """A process of its own, which answers a line with a line."""

    def __init__(self, program: Path, folder: Path, library: Path | None, threads: int, spinning: bool):
        settings = {"MODEL": folder.resolve(), "LINES": 1, "THREADS": threads, "SPINNING": int(spinning)}
        environment = {f"LOREKEEPER_BENCH_{name}": str(value) for name, value in settings.items()}
        if library:
            environment["ORT_DYLIB_PATH"] = str(library.resolve())
        self.process = subprocess.Popen(
            [program, "--bench"],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write(self, prompt: dict, count: int) -> Written:
        first = self.ask(prompt, 1)
        # The prompt is known now: its last token is one more step, and the only one besides writing.
        processor = self.processor_seconds()
        answer = self.ask(prompt, count)
        processor = (self.processor_seconds() - processor) * (count - 1) / count
        return Written([], count - 1, first["prefill_ms"] / 1e3, answer["decode_ms"] / 1e3, processor)

    def ask(self, prompt: dict, count: int) -> dict:
        print(json.dumps({"prompt": prompt["prompt"], "tokens": count}), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        assert answer["tokens"] == count, f"{answer['tokens']} tokens, asked for {count}"
        return answer

    def processor_seconds(self) -> float:
        """clock_getcpuclockid(3) of the process, all of its threads together."""
        return time.clock_gettime((~self.process.pid << 3) | 2)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("hf", type=Path)
    arguments.add_argument("builder", type=Path)
    arguments.add_argument("prompts", type=Path)
    arguments.add_argument("--ours", type=Path, help="the program of the bench `decode`")
    arguments.add_argument("--onnxruntime", type=Path, help="the library that it loads")
    arguments.add_argument("--tokens", type=int, default=128)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--spinning", action="store_true", help="let idle threads of ONNX Runtime spin")
    options = arguments.parse_args()
    prompts = [json.loads(line) for line in options.prompts.read_text().splitlines()]
    engines = {
        "transformers": Transformers(options.hf, options.threads),
        "onnxruntime-genai": Genai(options.builder, options.threads, options.spinning),
    }
    if options.ours:
        library, threads = options.onnxruntime, options.threads
        engines[OURS] = Lorekeeper(options.ours, options.builder, library, threads, options.spinning)
    result = measure(engines, prompts, options.tokens, options.rounds)
    print(json.dumps({"threads": options.threads, "tokens": options.tokens, **result}, indent=1))


OURS = "lorekeeper"


def measure(engines: dict, prompts: list[dict], count: int, rounds: int) -> dict:
    wall: dict[str, list[float]] = {name: [] for name in engines}
    processor: dict[str, list[float]] = {name: [] for name in engines}
    firsts: dict[str, list[float]] = {name: [] for name in engines}
    same = 0
    for engine in engines.values():
        engine.write(prompts[0], 4)
    for turn in range(rounds):
        written: dict[str, list[Written]] = {name: [] for name in engines}
        for prompt in prompts:
            for name, engine in engines.items():
                written[name].append(engine.write(prompt, count))
            same += turn == 0 and written["transformers"][-1].tokens == written["onnxruntime-genai"][-1].tokens
        for name, of_engine in written.items():
            steps = sum(one.steps for one in of_engine)
            wall[name].append(steps / sum(one.wall for one in of_engine))
            processor[name].append(steps / sum(one.processor for one in of_engine))
            # Later, Lorekeeper knows the prompts.
            firsts[name] += [one.first for one in of_engine if turn == 0]
    return {
        "prompts": len(prompts),
        "prompts_with_same_tokens": same,
        "decode_tokens_per_s": {name: best_and_median(rates) for name, rates in wall.items()},
        "decode_tokens_per_processor_s": {name: best_and_median(rates) for name, rates in processor.items()},
        "ratios": {
            f"to {name}": {"wall": ratios(wall, name), "processor": ratios(processor, name)}
            for name in engines
            if OURS in engines and name != OURS
        },
        "first_token_ms_median": {name: round(1000 * statistics.median(first), 1) for name, first in firsts.items()},
    }


def best_and_median(rates: list[float]) -> dict:
    return {"best": round(max(rates)), "median": round(statistics.median(rates))}


def ratios(rates: dict[str, list[float]], other: str) -> dict:
    of_rounds = [ours / theirs for ours, theirs in zip(rates[OURS], rates[other], strict=True)]
    return {"median": round(statistics.median(of_rounds), 3), "rounds": [round(ratio, 3) for ratio in of_rounds]}


if __name__ == "__main__":
    main()
