# SPDX-License-Identifier: GPL-3.0-or-later
"""Phrases in context: what the network is asked and when, what is remembered, and which networks are refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from semantic_photos.domain.errors import PackError
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, load_pack, verify_known_answer
from semantic_photos.ml.pack_smoke_test import try_pack
from semantic_photos.ml.phrases import REMEMBERED, PhraseNetwork
from semantic_photos.ml.text_encoder import WordTableEncoder
from tests.fakes.encoders import DIM, VOCABULARY, word_vector
from tests.fakes.packs import add_phrases, build_tiny_pack, in_order, model, phrase_model, read_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return add_phrases(build_tiny_pack(tmp_path / "tiny"))


@pytest.fixture
def pack(folder: Path) -> ModelPack:
    return load_pack(folder)


def cosine(one: Any, other: Any) -> float:
    assert one is not None
    return float(np.dot(one, other))


def test_the_order_of_the_words_counts_and_stop_words_take_part(pack: ModelPack) -> None:
    words = WordTableEncoder(pack)
    for text in ("dog beach", "beach dog", "red the snow", "dog red beach"):
        assert cosine(words.encode(text), in_order(text)) > 0.999
    assert cosine(words.encode("dog beach"), words.encode("beach dog")) < 0.9999


def test_a_single_word_is_its_vector_in_the_table(pack: ModelPack) -> None:
    words = WordTableEncoder(pack)
    for text in ("red", "the red", "red red", "reds"):
        assert np.array_equal(words.encode(text), pack.word_table.phrase("red"))
    assert words.encode("the of") is None


def test_unknown_words_are_left_out_of_the_phrase(pack: ModelPack) -> None:
    assert cosine(WordTableEncoder(pack).encode("dog qqqq beach"), in_order("dog beach")) > 0.999


def test_without_a_network_a_phrase_is_a_weighted_mean(tmp_path: Path) -> None:
    words = WordTableEncoder(load_pack(build_tiny_pack(tmp_path / "plain")))
    assert np.allclose(words.encode("dog beach"), words.encode("beach dog"))


def test_words_beyond_the_most_are_not_asked(tmp_path: Path) -> None:
    words = WordTableEncoder(load_pack(add_phrases(build_tiny_pack(tmp_path / "tiny"), max_words=2)))
    assert np.array_equal(words.encode("dog beach snow"), words.encode("dog beach"))


def test_only_declared_inputs_are_fed_and_a_fixed_length_is_filled_up(tmp_path: Path) -> None:
    fixed = add_phrases(build_tiny_pack(tmp_path / "fixed"), phrase_model(length=4), max_words=4)
    assert cosine(WordTableEncoder(load_pack(fixed)).encode("dog beach"), in_order("dog beach")) > 0.999
    # By row numbers alone: a table inside the network, whose row 0 is padding.
    table = np.concatenate([np.zeros((1, DIM)), [word_vector(word) for word in VOCABULARY]]).astype(np.float32)
    by_rows = model(
        [
            helper.make_node("Gather", ["table", "rows"], ["words"]),
            helper.make_node("ReduceSum", ["words", "along"], ["total"], keepdims=0),
            helper.make_node("LpNormalization", ["total"], ["vector"], axis=-1, p=2),
        ],
        inputs=[helper.make_tensor_value_info("rows", TensorProto.INT64, [1, 8])],
        outputs=[helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIM])],
        constants={"table": table, "along": np.array([1], np.int64)},
    )
    words = WordTableEncoder(load_pack(add_phrases(build_tiny_pack(tmp_path / "rows"), by_rows, max_words=8)))
    mean = word_vector("dog") + word_vector("beach")
    assert cosine(words.encode("dog beach"), mean / np.linalg.norm(mean)) > 0.999


def test_answers_are_remembered_and_no_more_than_so_many(pack: ModelPack) -> None:
    assert pack.phrases is not None
    network = PhraseNetwork(pack.phrases, pack.read_model, pack.word_table)
    first = network.encode((8, 9))
    assert first is not None
    assert network.encode((8, 9)) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0
    for i in range(REMEMBERED):
        network.encode((10 + i % 40, 10 + i // 40))
    assert network.encode((8, 9)) is not first
    begun = time.perf_counter()
    for _ in range(1000):
        network.encode((8, 9))
    assert time.perf_counter() - begun < 1.0


def test_an_answer_of_no_length_falls_back_on_the_weighted_mean(tmp_path: Path) -> None:
    nothing = model(
        [
            helper.make_node("ReduceSum", ["words", "along"], ["total"], keepdims=0),
            helper.make_node("Mul", ["total", "zero"], ["vector"]),
        ],
        inputs=[helper.make_tensor_value_info("words", TensorProto.FLOAT, [1, "L", DIM])],
        outputs=[helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIM])],
        constants={"along": np.array([1], np.int64), "zero": np.array(0.0, np.float32)},
    )
    pack = load_pack(add_phrases(build_tiny_pack(tmp_path / "tiny"), nothing))
    assert np.array_equal(WordTableEncoder(pack).encode("dog beach"), pack.word_table.phrase("dog beach"))


def test_the_known_answer_tries_the_network(folder: Path) -> None:
    pack = load_pack(folder)
    verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))
    manifest = read_manifest(folder)
    manifest["known_answer"]["text"]["embedding"] = in_order("beach dog").tolist()
    write_manifest(folder, manifest)
    pack = load_pack(folder)
    with pytest.raises(PackError, match="network for phrases"):
        verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))
    manifest["known_answer"]["text"]["query"] = "dog"
    write_manifest(folder, manifest)
    with pytest.raises(PackError, match="does not test"):
        load_pack(folder)


@pytest.mark.slow
def test_a_pack_with_a_network_for_phrases_is_tried_out_in_a_child(folder: Path) -> None:
    try_pack(folder)


def test_photos_stay_indexed_when_only_the_words_change(tmp_path: Path) -> None:
    plain = load_pack(build_tiny_pack(tmp_path / "tiny"))
    better = load_pack(add_phrases(tmp_path / "tiny"))
    assert better.fingerprint == plain.fingerprint
    assert better.manifest.digest != plain.manifest.digest


def _renamed(proto: onnx.ModelProto, old: str, new: str) -> onnx.ModelProto:
    for part in (*proto.graph.input, *proto.graph.output):
        part.name = new if part.name == old else part.name
    for node in proto.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    return proto


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda: _renamed(phrase_model(), "words", "letters"), "letters"),
        (lambda: _renamed(phrase_model(), "vector", "answer"), "no output"),
        (lambda: phrase_model(dim=DIM + 1), "another type or shape"),
        (lambda: phrase_model(length=5), "not 1 × 16"),
        (lambda: phrase_model(inputs=("weights",)), "takes no words"),
        (lambda: _of_type(phrase_model(), "weights", TensorProto.INT64), "another type"),
    ],
)
def test_networks_of_another_make_are_refused(tmp_path: Path, make: Callable[[], onnx.ModelProto], fact: str) -> None:
    folder = add_phrases(build_tiny_pack(tmp_path / "tiny"), make())
    with pytest.raises(PackError, match=fact):
        load_pack(folder)


def _of_type(proto: onnx.ModelProto, name: str, kind: int) -> onnx.ModelProto:
    for value in proto.graph.input:
        if value.name == name:
            value.type.tensor_type.elem_type = kind
    return proto


@pytest.mark.parametrize("phrases", [
    {"file": "phrases.onnx"}, {"file": "phrases.onnx", "max_words": 1}, {"file": "phrases.onnx", "max_words": 65},
    {"file": "words.npy", "max_words": 16}, {"file": "none.onnx", "max_words": 16}, "phrases.onnx",
])  # fmt: skip
def test_what_the_manifest_says_of_phrases_is_read_strictly(folder: Path, phrases: object) -> None:
    write_manifest(folder, {**read_manifest(folder), "phrases": phrases})
    with pytest.raises(PackError, match="phrases"):
        load_pack(folder)


def test_a_network_that_the_manifest_does_not_use_is_refused(folder: Path) -> None:
    manifest = read_manifest(folder)
    del manifest["phrases"]
    write_manifest(folder, manifest)
    with pytest.raises(PackError, match="does not use"):
        load_pack(folder)
