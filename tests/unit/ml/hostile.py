# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that mean no good, made by the reference implementation of ONNX."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.fakes.packs import model

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])


def one_node(node: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """Return a model of one node from ``x`` to ``y``."""
    return model([node], inputs=[X], outputs=[Y], constants=constants)


def loop_model() -> onnx.ModelProto:
    """Return a model of a few hundred bytes that goes round 2**60 times."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    node = helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body)
    return one_node(node, rounds=np.array(2**60, dtype=np.int64))
