# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures become unit vectors, whatever type and order of axes the network of a pack takes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from semantic_photos.domain.errors import CancelledError, InternalError
from semantic_photos.domain.ports import FloatArray, ImageEncoder
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.ml.image_encoder import BATCH, OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, load_pack, ramp_picture
from semantic_photos.ml.text_encoder import WordTableEncoder
from tests.fakes.encoders import CHANNELS, DIM, GRID, FakeImageEncoder
from tests.fakes.packs import build_tiny_pack, model, random_photos, read_manifest, write_manifest

RED, GREEN, BLUE = (215, 25, 25), (30, 180, 40), (30, 50, 215)


def plain(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])


def near(first: FloatArray, second: FloatArray) -> bool:
    return bool(np.allclose(first, second, atol=2e-6))


@pytest.fixture(scope="module")
def encoder(pack: ModelPack) -> OnnxImageEncoder:
    return OnnxImageEncoder(pack, 2)


def test_it_is_an_image_encoder(encoder: OnnxImageEncoder, pack: ModelPack) -> None:
    port: ImageEncoder = encoder
    assert (port.dim, port.fingerprint, port.recipe) == (DIM, pack.fingerprint, pack.recipe)
    assert encoder.providers == ["CPUExecutionProvider"]


def test_words_find_pictures(encoder: OnnxImageEncoder, pack: ModelPack) -> None:
    vectors = encoder.encode(plain(RED, GREEN, BLUE))
    assert vectors.dtype == np.float32
    words = WordTableEncoder(pack)
    for place, word in enumerate(("red", "grass", "sea")):
        query = words.encode(word)
        assert query is not None
        assert int(np.argmax(vectors @ query)) == place


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_way_into_the_network_gives_the_same(tmp_path: Path, layout: str, dtype: str) -> None:
    pack = load_pack(build_tiny_pack(tmp_path / "tiny", layout=layout, dtype=dtype))
    encoder, fake, photos = OnnxImageEncoder(pack), FakeImageEncoder(), random_photos(32, 5)
    assert near(encoder.encode(photos), fake.encode(photos))
    for ours, theirs in zip(encoder.encode_map(photos), fake.encode_map(photos), strict=True):
        assert near(ours, theirs)


@pytest.mark.parametrize("n", [0, 1, BATCH, BATCH + 1, 2 * BATCH + 3])
def test_any_number_of_pictures_and_each_on_its_own(encoder: OnnxImageEncoder, n: int) -> None:
    photos = random_photos(32, n)
    vectors = encoder.encode(photos)
    assert vectors.shape == (n, DIM)
    assert usable_rows(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    for place in range(0, n, 7):
        assert near(encoder.encode(photos[place : place + 1])[0], vectors[place])
    activations, positions = encoder.encode_map(photos)
    assert (len(activations), activations.shape[1], len(positions), positions.shape[3]) == (n, CHANNELS, n, DIM)


def test_a_picture_cut_out_of_a_larger_array_is_read_right(encoder: OnnxImageEncoder) -> None:
    photos = random_photos(32, 4)
    assert near(encoder.encode(photos[::2]), encoder.encode(photos[::2].copy()))
    assert near(encoder.encode(photos[:, :, ::-1]), encoder.encode(photos[:, :, ::-1].copy()))


def test_the_map_agrees_with_the_whole(encoder: OnnxImageEncoder) -> None:
    photos = random_photos(32, 3)
    activations, positions = encoder.encode_map(photos)
    assert activations.shape == (3, CHANNELS, GRID, GRID)
    assert positions.shape == (3, GRID, GRID, DIM)
    assert near(encoder.project(activations.mean(axis=(2, 3))), encoder.encode(photos))
    assert near(encoder.project(activations[1, :, 2, 3][None])[0], positions[1, 2, 3])


def test_the_map_says_where(encoder: OnnxImageEncoder, pack: ModelPack) -> None:
    picture = plain(BLUE)
    picture[0, 8:16, 24:] = RED
    red = WordTableEncoder(pack).encode("red")
    _, positions = encoder.encode_map(picture)
    assert np.unravel_index(int(np.argmax(positions[0] @ red)), (GRID, GRID)) == (1, 3)


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 16, 32, 3), np.uint8),
        np.zeros((1, 32, 32, 4), np.uint8),
    ],
)
def test_arrays_that_do_not_fit_are_our_mistake(encoder: OnnxImageEncoder, pictures: np.ndarray) -> None:
    with pytest.raises(InternalError):
        encoder.encode(pictures)
    with pytest.raises(InternalError):
        encoder.encode_map(pictures)


@pytest.mark.parametrize("shape", [(9,), (2, 8), (2, 9, 1)])
def test_features_that_do_not_fit_are_our_mistake(encoder: OnnxImageEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(InternalError):
        encoder.project(np.zeros(shape, np.float32))
    assert encoder.project(np.zeros((0, 9), np.float32)).shape == (0, DIM)


def test_a_picture_the_network_cannot_digest_does_not_look_usable(encoder: OnnxImageEncoder) -> None:
    features = np.ones((4, CHANNELS), np.float32)
    features[1], features[2], features[3] = np.nan, np.inf, 0.0
    assert usable_rows(encoder.project(features)).tolist() == [True, False, False, False]


def test_a_head_that_forgets_the_length_gives_unit_vectors_all_the_same(folder: Path) -> None:
    turn = np.random.default_rng(1).normal(size=(CHANNELS, DIM)).astype(np.float32)
    proto = model(
        [helper.make_node("MatMul", ["features", "turn"], ["embedding"])],
        inputs=[helper.make_tensor_value_info("features", TensorProto.FLOAT, ["M", CHANNELS])],
        outputs=[helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["M", DIM])],
        constants={"turn": turn},
    )
    onnx.save(proto, folder / "head.onnx")
    write_manifest(folder, read_manifest(folder))
    vectors = OnnxImageEncoder(load_pack(folder)).encode(random_photos(32, 3))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_an_output_of_another_shape_than_promised_is_refused(folder: Path) -> None:
    # The output's sizes are open in the file, so only the run can tell.
    proto = onnx.load(folder / "encoder.onnx")
    for weights in proto.graph.initializer:
        array = numpy_helper.to_array(weights)
        if weights.name in ("join", "bias"):
            weights.CopyFrom(numpy_helper.from_array(array[:5].copy(), weights.name))
    for output in proto.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = "C"
    onnx.save(proto, folder / "encoder.onnx")
    write_manifest(folder, read_manifest(folder))
    encoder = OnnxImageEncoder(load_pack(folder))
    for call in (encoder.encode, encoder.encode_map):
        with pytest.raises(InternalError, match="instead of"):
            call(ramp_picture(32)[None])


def test_a_long_run_is_stopped_from_another_thread_and_the_next_is_not(pack: ModelPack) -> None:
    encoder = OnnxImageEncoder(pack)
    many, few = np.zeros((20_000, 32, 32, 3), np.uint8), np.zeros((2, 32, 32, 3), np.uint8)
    encoder.encode(few)
    caught: list[Exception] = []

    def work() -> None:
        try:
            encoder.encode(many)
        except CancelledError as error:
            caught.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    # Between two batches nothing runs that could be stopped, hence again and again.
    while thread.is_alive() and time.monotonic() < until:
        encoder.terminate()
    thread.join(1)
    assert caught
    assert encoder.encode(few).shape == (2, DIM)


def test_threads_share_an_encoder(encoder: OnnxImageEncoder) -> None:
    photos = random_photos(32, 12)
    right = encoder.encode(photos)
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(20):
            if not np.array_equal(encoder.encode(photos[n : n + 3]), right[n : n + 3]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(0, 12, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_a_closed_encoder_says_so(pack: ModelPack) -> None:
    encoder = OnnxImageEncoder(pack)
    encoder.encode(plain(RED))
    encoder.close()
    encoder.close()
    with pytest.raises(InternalError, match="closed"):
        encoder.encode(plain(RED))
