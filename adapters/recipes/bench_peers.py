"""Measures transformers and onnxruntime-genai on the same prompts: batch of one, greedy.

    python bench_peers.py HF_FOLDER BUILDER_FOLDER PROMPTS [--tokens 128] [--threads 1] [--rounds 3]

Prints JSON. `decode_tokens_per_s` leaves out the prompt and the first token; the engines take
turns prompt by prompt, so that a busy machine is busy for both. The best and the median round
are given: on a shared machine the best is nearer to the truth.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import onnxruntime_genai
import torch
from transformers import AutoModelForCausalLM


class Transformers:
    def __init__(self, folder: Path, threads: int):
        torch.set_num_threads(threads)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def write(self, ids: list[int], count: int) -> tuple[list[int], float, float]:
        """Tokens, seconds to the first, seconds for the others."""
        started = time.perf_counter()
        out = self.model(torch.tensor([ids]), use_cache=True, logits_to_keep=1)
        tokens = [int(out.logits[0, -1].argmax())]
        first = time.perf_counter()
        while len(tokens) < count:
            out = self.model(torch.tensor([tokens[-1:]]), past_key_values=out.past_key_values, use_cache=True)
            tokens.append(int(out.logits[0, -1].argmax()))
        return tokens, first - started, time.perf_counter() - first


class Genai:
    def __init__(self, folder: Path, threads: int, spinning: bool):
        config = onnxruntime_genai.Config(str(folder))
        session = {"intra_op_num_threads": threads, "session.intra_op.allow_spinning": str(int(spinning))}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
        self.model = onnxruntime_genai.Model(config)

    def write(self, ids: list[int], count: int) -> tuple[list[int], float, float]:
        options = onnxruntime_genai.GeneratorParams(self.model)
        options.set_search_options(do_sample=False, max_length=len(ids) + count)
        started = time.perf_counter()
        generator = onnxruntime_genai.Generator(self.model, options)
        generator.append_tokens(ids)
        generator.generate_next_token()
        first = time.perf_counter()
        for _ in range(count - 1):
            generator.generate_next_token()
        tokens = generator.get_sequence(0)[len(ids) :]
        return [int(token) for token in tokens], first - started, time.perf_counter() - first


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("hf", type=Path)
    arguments.add_argument("builder", type=Path)
    arguments.add_argument("prompts", type=Path)
    arguments.add_argument("--tokens", type=int, default=128)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--spinning", action="store_true", help="let idle threads of ONNX Runtime spin")
    options = arguments.parse_args()
    prompts = [json.loads(line)["ids"] for line in options.prompts.read_text().splitlines()]
    engines = {
        "transformers": Transformers(options.hf, options.threads),
        "onnxruntime-genai": Genai(options.builder, options.threads, options.spinning),
    }
    result = measure(engines, prompts, options.tokens, options.rounds)
    print(json.dumps({"threads": options.threads, "tokens": options.tokens, **result}, indent=1))


def measure(engines: dict, prompts: list[list[int]], count: int, rounds: int) -> dict:
    rates: dict[str, list[float]] = {name: [] for name in engines}
    firsts: dict[str, list[float]] = {name: [] for name in engines}
    same = 0
    for engine in engines.values():
        engine.write(prompts[0], 4)
    for turn in range(rounds):
        seconds = dict.fromkeys(engines, 0.0)
        for ids in prompts:
            written = []
            for name, engine in engines.items():
                tokens, first, rest = engine.write(ids, count)
                seconds[name] += rest
                firsts[name].append(first)
                written.append(tokens)
            same += turn == 0 and written[0] == written[1]
        for name in engines:
            rates[name].append(len(prompts) * (count - 1) / seconds[name])
    return {
        "prompts": len(prompts),
        "prompts_with_same_tokens": same,
        "decode_tokens_per_s": {
            name: {"best": round(max(rate)), "median": round(statistics.median(rate))} for name, rate in rates.items()
        },
        "first_token_ms_median": {name: round(1000 * statistics.median(first), 1) for name, first in firsts.items()},
    }


if __name__ == "__main__":
    main()
