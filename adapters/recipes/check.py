"""Checks the recipes on tiny models; about two minutes on one core.

    python check.py [NAME]...

Each function is a fact; without names, all of them are checked.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import dataset
import golden
import graph
import lora_pack
import random_adapter
import tiny_models
from decoder import Decoder
from fixtures import FIXTURES
from lora_inputs import add_lora_inputs

HERE = Path(__file__).parent


def loss_counts_the_answer_and_its_end_only(work: Path) -> None:
    for architecture in tiny_models.CONFIGS:
        folder = work / architecture
        tiny_models.write_tokenizer(architecture, folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        record = {"instruction": "Where is the badge?", "input": "[1] In Graz.", "output": "In Graz. [1]"}
        (example,) = dataset.encode(tokenizer, [dataset.conversation(record)], 512).examples
        learnt = [token for token in example["labels"] if token != dataset.IGNORED]
        text = tokenizer.decode(learnt)
        assert text.strip().startswith("In Graz. [1]") and "badge" not in text, (architecture, text)
        assert example["input_ids"][-1] == learnt[-1] and len(learnt) < len(example["labels"])


def every_answer_of_a_conversation_is_an_example(work: Path) -> None:
    tiny_models.write_tokenizer("qwen2", work)
    turns = [("system", "Be short."), ("human", "Who?"), ("gpt", "Mara."), ("human", "Where?"), ("gpt", "In Graz.")]
    record = {"conversations": [{"from": speaker, "value": value} for speaker, value in turns]}
    tokenizer = AutoTokenizer.from_pretrained(work)
    first, second = dataset.encode(tokenizer, [dataset.conversation(record)], 512).examples
    assert second["input_ids"][: len(first["input_ids"])] == first["input_ids"]
    assert tokenizer.decode([t for t in second["labels"] if t != dataset.IGNORED]) == "In Graz.<|im_end|>"


def a_broken_line_is_named(work: Path) -> None:
    path = work / "data.jsonl"
    for broken in ('{"instruction": "a"}', "{", '{"conversations": [{"from": "robot", "value": "a"}]}', "[]"):
        path.write_text('{"instruction": "a", "output": "b"}\n' + broken + "\n")
        try:
            dataset.read(path)
        except ValueError as error:
            assert "line 2" in str(error), error
        else:
            raise AssertionError(f"accepted {broken}")


def adapters_as_inputs_equal_merged_weights(work: Path) -> None:
    """No adapter, one, and a batch that mixes none, north and south; q, k, v packed or not."""
    tiny_models.write("llama", work / "hf")
    random_adapter.write(work / "hf", work / "north", "llama", rank=4, alpha=8, seed=11)
    random_adapter.write(work / "hf", work / "south", "llama", rank=8, alpha=12, seed=12)
    adapters = [lora_pack.read(work / name) for name in ("north", "south")]
    merged = [random_adapter.merged(work / "hf", work / name) for name in ("north", "south")]
    base = AutoModelForCausalLM.from_pretrained(work / "hf", dtype=torch.float32).eval()
    ids = torch.randint(3, 500, (3, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        none, north, south = (model(ids).logits.numpy() for model in (base, *merged))
    for name, options in (("packed", {}), ("unpacked", {"disable_qkv_fusion": "true"})):
        graph.builder(work / "hf", work / name, "fp32", **options)
        add_lora_inputs(work / name, work / name)
        decoder = Decoder(work / name)
        _near(_batch(decoder, ids, {}), none)
        _near(_batch(decoder, ids, lora_pack.pack(adapters[:1], [0], decoder.shapes)), north)
        mixed = _batch(decoder, ids, lora_pack.pack(adapters, [None, 0, 1], decoder.shapes))
        _near(mixed, np.stack([none[0], north[1], south[2]]))


def adapters_of_packed_checkpoints_equal_merged_weights(work: Path) -> None:
    tiny_models.write("phi3", work / "hf")
    random_adapter.write(work / "hf", work / "east", "phi3", rank=4, alpha=8, seed=13)
    graph.builder(work / "hf", work / "onnx", "fp32")
    add_lora_inputs(work / "onnx", work / "onnx")
    decoder, east = Decoder(work / "onnx"), lora_pack.read(work / "east")
    ids = torch.randint(3, 500, (1, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        merged = random_adapter.merged(work / "hf", work / "east")(ids).logits.numpy()
    _near(_batch(decoder, ids, lora_pack.pack([east], [0], decoder.shapes)), merged)


def rows_of_a_mixed_int4_batch_equal_rows_alone(work: Path) -> None:
    tiny_models.write("qwen2", work / "hf")
    random_adapter.write(work / "hf", work / "north", "qwen2", rank=4, alpha=8, seed=11)
    adapter = lora_pack.read(work / "north")
    graph.builder(work / "hf", work / "plain", "int4")
    add_lora_inputs(work / "plain", work / "lora")
    plain, decoder = Decoder(work / "plain"), Decoder(work / "lora")
    ids = torch.randint(3, 500, (2, 9), generator=torch.Generator().manual_seed(1))
    mixed = _batch(decoder, ids, lora_pack.pack([adapter], [None, 0], decoder.shapes))
    alone = _batch(decoder, ids, lora_pack.pack([adapter], [0], decoder.shapes))
    without = _batch(plain, ids, {})
    _near(mixed, np.stack([without[0], alone[1]]))
    assert np.abs(alone - without).max() > 0.1, "the adapter does nothing"


def fixtures_write_their_golden_tokens(work: Path) -> None:
    for folder in sorted((FIXTURES / "models").iterdir()):
        if (folder / "golden.jsonl").exists():
            _replay(Decoder(folder), folder)
    for folder in sorted((FIXTURES / "adapters").iterdir()):
        base = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        decoder = Decoder(FIXTURES / "models" / base)
        decoder.use(lora_pack.read(folder))
        _replay(decoder, folder, FIXTURES / "models" / base)


def a_trained_adapter_is_better_and_its_export_the_same(work: Path) -> None:
    """The whole way by the command line: train, export the base, record the adapter."""
    tiny_models.write("qwen2", work / "hf", liveliness=0.05)
    lines = [{"instruction": f"Where is parcel {n}?", "output": f"In depot {n % 3}. [1]"} for n in range(60)]
    data = work / "data.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    hf, adapter, onnx = work / "hf", work / "adapter", work / "onnx"
    _run("train.py", f"--base={hf}", f"--data={data}", f"--out={adapter}", "--epochs=5", "--learning-rate=1e-2")
    record = json.loads((adapter / "training.json").read_text())
    assert record["metrics"]["eval_loss"] < record["metrics"]["eval_loss_before"] - 1, record["metrics"]
    told = _run("export.py", "base", hf, onnx, f"--prompts={data}", "--count=5")
    assert told["same"] + told["ties"] == 5, told
    told = _run("export.py", "adapter", adapter, onnx, f"--base={hf}", f"--prompts={data}", "--count=5")
    assert told["golden"] > 0, told
    exported = json.loads((onnx / "export.json").read_text())
    assert exported["base"] == record["base"], "adapter and export name different bases"


def _batch(decoder: Decoder, ids: torch.Tensor, adapter: dict[str, np.ndarray]) -> np.ndarray:
    empty = np.repeat(decoder.empty, len(ids), axis=0)
    feeds = {"input_ids": ids.numpy(), "attention_mask": np.ones(ids.shape, np.int64), **adapter}
    return decoder.session.run(["logits"], feeds | dict.fromkeys(decoder.caches, empty))[0]


def _near(found: np.ndarray, wanted: np.ndarray) -> None:
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert error < 1e-5, f"off by {error:.1e} of the largest logit"


def _replay(decoder: Decoder, folder: Path, model: Path | None = None) -> None:
    config = json.loads(next(path for path in _configs(model or folder) if path.exists()).read_text())
    ends = config.get("model", config)["eos_token_id"]
    for line in golden.read(folder / "golden.jsonl"):
        tokens, _ = golden.greedy(decoder, line["ids"], ends)
        assert tokens == line["tokens"], f"{folder.name}: {line['prompt']}"


def _configs(folder: Path) -> list[Path]:
    return [folder / "genai_config.json", folder / "config.json"]


def _run(script: str, *words: object) -> dict:
    command = [sys.executable, HERE / script, *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{script}:\n{done.stdout}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


FACTS = [
    loss_counts_the_answer_and_its_end_only,
    every_answer_of_a_conversation_is_an_example,
    a_broken_line_is_named,
    adapters_as_inputs_equal_merged_weights,
    adapters_of_packed_checkpoints_equal_merged_weights,
    rows_of_a_mixed_int4_batch_equal_rows_alone,
    fixtures_write_their_golden_tokens,
    a_trained_adapter_is_better_and_its_export_the_same,
]

if __name__ == "__main__":
    torch.set_num_threads(1)
    asked = [fact for fact in FACTS if fact.__name__ in sys.argv[1:]] if sys.argv[1:] else FACTS
    if not asked:
        sys.exit("no such fact; there are: " + ", ".join(fact.__name__ for fact in FACTS))
    for fact in asked:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            fact(Path(folder))
        print(f"ok {fact.__name__} ({time.monotonic() - started:.0f} s)", flush=True)
