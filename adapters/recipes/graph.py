"""Decoder graphs from a transformers folder, by the routes that people use.

| route | cache | needs |
| --- | --- | --- |
| `builder`: onnxruntime-genai's model builder | GroupQueryAttention, shared in place | transformers 5 |
| `optimum`: Optimum's exporter | concatenated | transformers below 4.58: an environment of its own |
| `dynamo`: torch's exporter | concatenated | |
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PretrainedConfig


def builder(hf_folder: Path, out: Path, precision: str, provider: str = "cpu", **options: str) -> None:
    """`precision` is fp32, fp16, bf16 or int4. Writes the graph, `genai_config.json` and tokenizer."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        command += ["-i", hf_folder, "-o", out, "-p", precision, "-e", provider, "-c", cache]
        if options:
            command += ["--extra_options", *(f"{key}={value}" for key, value in options.items())]
        _run(command)
    keep_sliding_window(out / "model.onnx", AutoConfig.from_pretrained(hf_folder))
    forget_its_making(out / "model.onnx")


def keep_sliding_window(path: Path, config: PretrainedConfig) -> None:
    """Builder 0.18 loses Mistral's window: attention would see everything, and answers drift apart behind it."""
    window = getattr(config, "sliding_window", None)
    if not window:
        return
    layers = getattr(config, "layer_types", None) or ["sliding_attention"] * config.num_hidden_layers
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "GroupQueryAttention" and layers[layer_of(node.name)] == "sliding_attention":
            kept = [attribute for attribute in node.attribute if attribute.name != "local_window_size"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("local_window_size", window)])
    onnx.save(model, path)


def layer_of(name: str) -> int:
    """`/model/layers.7/attn/GroupQueryAttention` -> 7"""
    return int(name.split("layers.")[1].split("/")[0])


def optimum(hf_folder: Path, out: Path, python: Path) -> None:
    """`python` is the interpreter of the environment made from `requirements-optimum.txt`."""
    with tempfile.TemporaryDirectory() as copied:
        source = Path(copied) / "model"
        shutil.copytree(hf_folder, source)
        _for_transformers_4(source / "config.json")
        export = "from optimum.exporters.onnx import main_export as export; import sys; "
        export += "export(sys.argv[1], sys.argv[2], task='text-generation-with-past', do_validation=False)"
        _run([python, "-c", export, source, out])
    forget_its_making(out / "model.onnx")
    # Version 4 can't read the tokenizer of version 5 as a whole, but the files are the same.
    for name in tokenizer_files(hf_folder):
        shutil.copy(hf_folder / name, out / name)


def dynamo(hf_folder: Path, out: Path) -> None:
    """Float32; the cache goes in and comes out as plain tensors."""
    model = AutoModelForCausalLM.from_pretrained(hf_folder, dtype=torch.float32, attn_implementation="eager").eval()
    layers = model.config.num_hidden_layers
    heads = model.config.num_key_value_heads
    size = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads
    past = [(torch.zeros(2, heads, 3, size), torch.zeros(2, heads, 3, size)) for _ in range(layers)]
    ids = torch.ones(2, 4, dtype=torch.int64)
    example = (ids, torch.ones(2, 7, dtype=torch.int64), torch.arange(3, 7).repeat(2, 1), past)
    dim = torch.export.Dim
    batch, sequence, cached, total = dim("batch"), dim("sequence"), dim("past"), dim("total")
    kv = {0: batch, 2: cached}
    shapes = ({0: batch, 1: sequence}, {0: batch, 1: total}, {0: batch, 1: sequence}, [(kv, kv)] * layers)
    names = [f"{{}}.{layer}.{part}" for layer in range(layers) for part in ("key", "value")]
    out.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        _PlainCache(model),
        example,
        out / "model.onnx",
        dynamo=True,
        external_data=False,
        dynamic_shapes=shapes,
        input_names=["input_ids", "attention_mask", "position_ids", *(n.format("past_key_values") for n in names)],
        output_names=["logits", *(n.format("present") for n in names)],
    )
    forget_its_making(out / "model.onnx")
    for name in ("config.json", "generation_config.json", *tokenizer_files(hf_folder)):
        shutil.copy(hf_folder / name, out / name)


def forget_its_making(path: Path) -> None:
    """Takes out what exporters note of themselves: torch writes stack traces, with paths of the machine, at every node."""
    model = onnx.load(path, load_external_data=False)
    noted = [model, *model.functions, *_graphs(model.graph)]
    for function in model.functions:
        noted += function.node
        noted += [inner for node in function.node for inner in _graphs_in(node)]
    for graph in [part for part in noted if isinstance(part, onnx.GraphProto)]:
        noted += [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for part in noted:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    onnx.save(model, path)


def _graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graph, and those of branches and loops within it."""
    return [graph, *(inner for node in graph.node for inner in _graphs_in(node))]


def _graphs_in(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    attributes = [inner for attribute in node.attribute for inner in (attribute.g, *attribute.graphs) if inner.node]
    return [graph for inner in attributes for graph in _graphs(inner)]


def tokenizer_files(folder: Path) -> list[str]:
    names = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"]
    return [name for name in names if (folder / name).exists()]


class _PlainCache(torch.nn.Module):
    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, past):
        cache = DynamicCache(past)
        out = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        present = [tensor for layer in out.past_key_values.layers for tensor in (layer.keys, layer.values)]
        return out.logits, *present


def _for_transformers_4(path: Path) -> None:
    """Version 4 knows no `rope_parameters` and would fall back to another base frequency in silence."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters", {})
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"{path}: rope type {rope['rope_type']} has no translation for transformers 4 here")
    config["rope_theta"] = rope.get("rope_theta", 10000.0)
    config["torch_dtype"] = config.pop("dtype", "float32")
    path.write_text(json.dumps(config))


def _run(command: list) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:4]))} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
