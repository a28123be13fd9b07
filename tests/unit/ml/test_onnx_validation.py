# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in a network before it may run, with models made by the reference implementation of ONNX."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from semantic_photos.domain.errors import PackError
from semantic_photos.ml import onnx_validation
from semantic_photos.ml.onnx_validation import TensorFacts, inspect_model
from tests.fakes.packs import encoder_model, head_model
from tests.unit.ml.hostile import loop_model, one_node


def refusal(proto: onnx.ModelProto | bytes) -> str:
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(PackError) as caught:
        inspect_model(data, "net.onnx")
    assert "net.onnx" in str(caught.value)
    return str(caught.value)


def test_a_good_model_tells_its_inputs_and_outputs() -> None:
    facts = inspect_model(encoder_model().SerializeToString(), "encoder.onnx")
    assert facts.inputs == {"image": TensorFacts("uint8", (None, 32, 32, 3))}
    assert facts.outputs == {
        "map": TensorFacts("float32", (None, 9, 4, 4)),
        "pooled": TensorFacts("float32", (None, 9)),
    }
    assert {"Conv", "Relu", "AveragePool"} <= facts.operators


def test_weights_that_old_models_list_among_the_inputs_are_no_inputs() -> None:
    proto = head_model()
    proto.graph.input.append(helper.make_tensor_value_info("turn", TensorProto.FLOAT, [9, 16]))
    assert set(inspect_model(proto.SerializeToString(), "head.onnx").inputs) == {"features"}


def test_loops_are_refused() -> None:
    assert "control flow" in refusal(loop_model())


def test_control_flow_is_refused_under_any_name() -> None:
    proto = loop_model()
    proto.graph.node[0].op_type = "Relu"
    assert "control flow" in refusal(proto)


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Tile", "Range", "RandomNormalLike", "NoSuchThing", "Scan"])
def test_operators_that_no_encoder_needs_are_refused(operator: str) -> None:
    assert operator in refusal(one_node(helper.make_node(operator, ["x"], ["y"])))


def test_operators_of_other_libraries_are_refused() -> None:
    assert "com.microsoft" in refusal(one_node(helper.make_node("Relu", ["x"], ["y"], domain="com.microsoft")))


def test_functions_and_training_steps_are_refused() -> None:
    proto = head_model()
    proto.functions.append(
        helper.make_function("", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], proto.opset_import)
    )
    assert "functions" in refusal(proto)
    proto = head_model()
    proto.training_info.add()
    assert "training" in refusal(proto)


@pytest.mark.parametrize("place", ["secret.bin", "../secret.bin", "/etc/hostname", "sub/../../secret.bin"])
def test_weights_in_other_files_are_refused(place: str) -> None:
    proto = head_model()
    weights = proto.graph.initializer[0]
    onnx.external_data_helper.set_external_data(weights, location=place)
    weights.ClearField("raw_data")
    assert "another file" in refusal(proto)


def test_weights_in_other_files_are_refused_inside_a_constant() -> None:
    tensor = numpy_helper.from_array(np.zeros((4, 4), np.float32), "c")
    onnx.external_data_helper.set_external_data(tensor, location="secret.bin")
    assert "another file" in refusal(one_node(helper.make_node("Constant", [], ["y"], value=tensor)))


def test_sparse_tensors_are_refused() -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    places = numpy_helper.from_array(np.zeros(1, np.int64), "p")
    proto = head_model()
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [2**40]))
    assert "sparse" in refusal(proto)


def test_a_tensor_that_claims_more_than_it_holds_is_refused() -> None:
    proto = head_model()
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend([2**20, 2**20])
    assert "more weights" in refusal(proto)


@pytest.mark.parametrize("opset", [9, 99])
def test_other_versions_of_the_operators_are_refused(opset: int) -> None:
    proto = head_model()
    proto.opset_import[0].version = opset
    assert str(opset) in refusal(proto)


def test_a_second_graph_cannot_hide_behind_the_first() -> None:
    # Protobuf merges a repeated message into the first, so both would run.
    assert "control flow" in refusal(head_model().SerializeToString() + loop_model().SerializeToString())


@pytest.mark.parametrize("data", [b"", b"no model at all", b"\xff\xd8\xff\xe0" + bytes(500), bytes(4096)])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    assert refusal(data)


def test_a_model_cut_anywhere_is_refused() -> None:
    data = encoder_model().SerializeToString()
    for end in range(0, len(data) - 4, 7):
        assert refusal(data[:end])


def test_a_file_of_countless_fields_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_validation, "MOST_FIELDS", 1000)
    assert "too many parts" in refusal(b"\x08\x01" * 1001)
    proto = head_model()
    proto.graph.initializer[0].dims.extend([1] * 1000)
    assert "too many parts" in refusal(proto)


@settings(max_examples=50)
@given(st.data())
def test_no_damage_leads_to_another_kind_of_error(data: st.DataObject) -> None:
    damaged = bytearray(encoder_model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        inspect_model(bytes(damaged), "net.onnx")
    except PackError as error:
        assert str(error)  # not raising is as good: some bytes are only names
