"""Graphs in bf16 or fp16 for a runtime that has none of it, or that leaves out roundings: computed in float32, every
value rounded where the graph has it in the short format.

That is what a processor with that format does too: it multiplies, adds up in float32 and rounds the sum.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper

SHORT, WIDE = (TensorProto.BFLOAT16, TensorProto.FLOAT16), TensorProto.FLOAT


def widened(source: Path, target: Path) -> int:
    """Write a graph of `source` that rounds instead -> how many of its values are rounded."""
    model = onnx.shape_inference.infer_shapes(onnx.load(source), strict_mode=True)
    rounded = sum(_widen(graph, f"{number}") for number, graph in enumerate(_graphs(model.graph)))
    onnx.save(model, target)
    return rounded


def _graphs(graph: GraphProto) -> list[GraphProto]:
    """A graph and the bodies of its loops, whatever is inside them included."""
    attributes = (attribute for node in graph.node for attribute in node.attribute)
    inner = [attribute.g for attribute in attributes if attribute.type == AttributeProto.GRAPH]
    return [graph, *(nested for body in inner for nested in _graphs(body))]


def _widen(graph: GraphProto, mark: str) -> int:
    values = [*graph.value_info, *graph.output, *graph.input]
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    short = {name: kind for name, kind in kinds.items() if kind in SHORT}
    for value in values:
        if value.name in short:
            value.type.tensor_type.elem_type = WIDE
    for tensor in _tensors(graph):
        if tensor.data_type in SHORT:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    nodes: list[NodeProto] = []
    count = 0
    for node in graph.node:
        nodes.append(node)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in SHORT:
                attribute.i = WIDE
        for place, name in enumerate(node.output):
            if name in short:
                exact, brief = f"{name}.exact.{mark}", f"{name}.brief.{mark}"
                node.output[place] = exact
                nodes += [
                    helper.make_node("Cast", [exact], [brief], to=short[name]),
                    helper.make_node("Cast", [brief], [name], to=WIDE),
                ]
                count += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.type == AttributeProto.TENSOR)
