# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack is asked what it knows the answer to: what no checksum can see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from semantic_photos.domain.errors import CancelledError, InternalError, PackError
from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, load_pack, verify_known_answer
from semantic_photos.ml.text_encoder import WordTableEncoder
from tests.fakes.encoders import DIM, FakeImageEncoder, FakeTextEncoder, word_vector
from tests.fakes.packs import build_tiny_pack, encoder_model, read_manifest, write_manifest


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest and write it with sizes and checksums that are right."""
    manifest = read_manifest(folder)
    edit(manifest)
    write_manifest(folder, manifest)


def test_the_known_answer_is_given(pack: ModelPack) -> None:
    verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))


def test_the_fakes_know_it_too(pack: ModelPack) -> None:
    verify_known_answer(pack, FakeImageEncoder(), WordTableEncoder(pack))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_networks_of_floats_give_it(tmp_path: Path, layout: str) -> None:
    pack = load_pack(build_tiny_pack(tmp_path / "tiny", layout=layout, dtype="float32"))
    verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))


def test_a_recipe_that_the_network_was_not_made_for_is_found(tmp_path: Path) -> None:
    folder = build_tiny_pack(tmp_path / "tiny", dtype="float32")
    change(folder, lambda manifest: manifest["image"].update(mean=[0.0, 0.0, 0.0]))
    pack = load_pack(folder)
    with pytest.raises(PackError, match="wrong results"):
        verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))


def test_foreign_weights_with_right_checksums_are_found(folder: Path) -> None:
    proto = encoder_model()
    for weights in proto.graph.initializer:
        if weights.name == "join":
            weights.raw_data = bytes(len(weights.raw_data))
    onnx.save(proto, folder / "encoder.onnx")
    change(folder, lambda manifest: None)
    pack = load_pack(folder)
    with pytest.raises(PackError, match="wrong results"):
        verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))


def test_words_of_another_space_are_found(folder: Path) -> None:
    np.save(folder / "words.npy", np.random.default_rng(1).integers(-127, 128, (64, DIM), dtype=np.int8))
    change(folder, lambda manifest: None)
    pack = load_pack(folder)
    with pytest.raises(PackError, match="word table"):
        verify_known_answer(pack, OnnxImageEncoder(pack), WordTableEncoder(pack))


class OddEncoder(FakeImageEncoder):
    """Gives what it is told to."""

    def __init__(self, answer: FloatArray | Exception) -> None:
        super().__init__()
        self.answer = answer

    def encode(self, pictures: ByteArray) -> FloatArray:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer[None]


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        (np.full(DIM, np.nan, np.float32), "unit vector"),
        (np.zeros(DIM, np.float32), "unit vector"),
        (3 * word_vector("red"), "unit vector"),
        (word_vector("red"), "wrong results"),
        (InternalError("memory"), "does not run here: memory"),
        (CancelledError("stopped"), "does not run here: stopped"),
    ],
)
def test_every_odd_answer_is_refused(pack: ModelPack, answer: FloatArray | Exception, fact: str) -> None:
    with pytest.raises(PackError, match=fact):
        verify_known_answer(pack, OddEncoder(answer), FakeTextEncoder())


def test_an_answer_that_does_not_come_is_not_waited_for(pack: ModelPack) -> None:
    class Sleeper(FakeImageEncoder):
        def encode(self, pictures: ByteArray) -> FloatArray:
            vectors = super().encode(pictures)
            if self._stop.is_set():
                raise CancelledError("stopped")
            return vectors

    with pytest.raises(PackError, match="does not run here"):
        verify_known_answer(pack, Sleeper(delay_s=30), FakeTextEncoder(), limit_s=0.05)
