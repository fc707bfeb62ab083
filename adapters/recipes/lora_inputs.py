"""Makes a builder graph take LoRA adapters as inputs, so that one session serves them all.

    python lora_inputs.py MODEL_FOLDER OUT_FOLDER

Behind each projection y = W(x) of attention and MLP (`MatMul` or `MatMulNBits`) the graph gets

    y = W(x) + ((x · A) * mask) · B

| input | shape | |
| --- | --- | --- |
| `layers.N.attn.o_proj.lora_A` | [in, lora_rank] | also q, k, v; `mlp.gate_proj`, up, down |
| `layers.N.attn.o_proj.lora_B` | [lora_rank, out] | alpha / r already multiplied in |
| `layers.N.attn.qkv_proj.lora_A` | [in, 3 * lora_rank] | packed: all q, then all k, then all v |
| `layers.N.attn.qkv_proj.lora_B` | [3 * lora_rank, q + k + v] | block-diagonal |
| `lora_mask` | [batch or 1, 1, lora_rank] | |

`lora_rank` is the sum of the ranks of all adapters that are active in a batch, laid side by
side. Row b of the mask has ones at the columns of its own adapter and zeros elsewhere, so one
batch mixes adapters, and rows without any, exactly. Element type: that of the cache.

Every input has a default of rank 0: a caller who knows nothing of LoRA runs the base model.
LoRA: Hu et al., 2021, https://arxiv.org/abs/2106.09685
"""

import argparse
import re
import shutil
from pathlib import Path

import onnx
from onnx import TensorProto, helper

MASK = "lora_mask"
PACKED_MASK = "lora_mask_qkv"

# Names that onnxruntime-genai's builder gives, `_Q4` and the like behind quantised ones.
PROJECTION = re.compile(
    r"/model/layers\.(?P<layer>\d+)/(?P<module>attn/(?:qkv|q|k|v|o)_proj|mlp/(?:gate|up|down)_proj)/MatMul(?:_Q\d+)?"
)
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}


def add_lora_inputs(folder: Path, out: Path) -> list[str]:
    """Writes `out` as `folder` with the LoRA inputs added; returns their names. The two may be the same.

    Weights are copied as they are and never read, so that the size of a model does not matter.
    """
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    names = edit(model)
    if out != folder:
        shutil.copytree(folder, out, dirs_exist_ok=True)
    onnx.save(model, out / "model.onnx")
    return names


def edit(model: onnx.ModelProto) -> list[str]:
    """Adds the inputs to `model` in place."""
    graph = model.graph
    if any(value.name == MASK for value in graph.input):
        raise ValueError(f"the graph has an input `{MASK}` already; start from the builder's own graph")
    added = _Added(_cache_type(graph))
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        found = PROJECTION.fullmatch(node.name)
        if found and node.op_type in ("MatMul", "MatMulNBits"):
            prefix = f"layers.{found['layer']}.{found['module'].replace('/', '.')}"
            nodes += added.branch(node, prefix, *_shape(node, weights))
    if not added.inputs:
        raise ValueError("the graph has no projection named as onnxruntime-genai's builder names them")
    added.mask()
    if any(node.input[1] == PACKED_MASK for node in nodes if node.op_type == "Mul"):
        nodes.insert(0, helper.make_node("Concat", [MASK] * 3, [PACKED_MASK], name="/lora/mask_qkv", axis=-1))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.input.extend(added.inputs)
    graph.initializer.extend(added.defaults)
    return [value.name for value in added.inputs]


class _Added:
    """What the graph gets: inputs and their defaults of rank 0."""

    def __init__(self, element: int):
        self.element = element
        self.inputs: list[onnx.ValueInfoProto] = []
        self.defaults: list[onnx.TensorProto] = []

    def branch(self, node: onnx.NodeProto, prefix: str, width_in: int, width_out: int) -> list[onnx.NodeProto]:
        """Takes the node's output name over and returns the nodes of the second branch."""
        packed = prefix.endswith("qkv_proj")
        rank = "lora_rank_qkv" if packed else "lora_rank"
        a, b = f"{prefix}.lora_A", f"{prefix}.lora_B"
        self._input(a, [width_in, rank], [width_in, 0])
        self._input(b, [rank, width_out], [0, width_out])
        x, y = node.input[0], node.output[0]
        node.output[0] = f"{prefix}.base"
        mask = PACKED_MASK if packed else MASK
        return [
            helper.make_node("MatMul", [x, a], [f"{prefix}.narrow"], name=f"/lora/{prefix}/A"),
            helper.make_node("Mul", [f"{prefix}.narrow", mask], [f"{prefix}.masked"], name=f"/lora/{prefix}/mask"),
            helper.make_node("MatMul", [f"{prefix}.masked", b], [f"{prefix}.wide"], name=f"/lora/{prefix}/B"),
            helper.make_node("Add", [f"{prefix}.base", f"{prefix}.wide"], [y], name=f"/lora/{prefix}/add"),
        ]

    def mask(self) -> None:
        # A dimension of its own, not the batch: where all rows use one adapter, one row will do.
        self._input(MASK, ["lora_batch", 1, "lora_rank"], [1, 1, 0])

    def _input(self, name: str, shape: list, default: list[int]) -> None:
        self.inputs.append(helper.make_tensor_value_info(name, self.element, shape))
        self.defaults.append(helper.make_tensor(name, self.element, default, b"", raw=True))


def _shape(node: onnx.NodeProto, weights: dict[str, list[int]]) -> tuple[int, int]:
    """Width in and out of a projection."""
    if node.op_type == "MatMul":
        width_in, width_out = weights[node.input[1]]
        return width_in, width_out
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    return attributes["K"], attributes["N"]


def _cache_type(graph: onnx.GraphProto) -> int:
    for value in graph.input:
        if value.name == "past_key_values.0.key":
            element = value.type.tensor_type.elem_type
            if element not in FLOATS:
                raise ValueError(f"the cache holds {TensorProto.DataType.Name(element)}; LoRA inputs need floats")
            return element
    raise ValueError("the graph has no input `past_key_values.0.key`: not a decoder with a cache")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("model", type=Path)
    arguments.add_argument("out", type=Path)
    options = arguments.parse_args()
    print(f"{len(add_lora_inputs(options.model, options.out))} LoRA inputs added")
