# SPDX-License-Identifier: GPL-3.0-or-later
"""The references' training; it needs torch and is left out where it is missing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("wordfreq")

from semantic_photos.training.dataset import PhotoRecord  # noqa: E402
from semantic_photos.training.reference import Resized, kept, label_targets, train_dense  # noqa: E402

pytestmark = pytest.mark.slow


def test_one_dense_layer_learns_what_one_dense_layer_can():
    torch.manual_seed(0)
    features = torch.randn(600, 12)
    targets = torch.nn.functional.normalize(features @ torch.randn(12, 4), dim=1)
    _layer, cosine = train_dense(features, targets)
    assert cosine > 0.97


def test_the_best_epoch_is_kept_where_there_is_nothing_to_learn():
    torch.manual_seed(0)
    layer, cosine = train_dense(torch.randn(200, 50), torch.nn.functional.normalize(torch.randn(200, 8), dim=1))
    assert cosine < 0.3
    assert torch.isfinite(layer.weight).all()


def test_a_photo_aims_at_the_mean_of_its_known_labels():
    class Photos:
        records = (
            PhotoRecord("a", 1, "s", "train", ("dog", "unknown"), ()),
            PhotoRecord("b", 1, "s", "train", ("unknown",), ()),
            PhotoRecord("c", 1, "s", "train", ("dog", "cat"), ()),
        )

    axes = {"dog": np.array([1, 0], np.float32), "cat": np.array([0, 1], np.float32)}
    rows, targets = label_targets(Photos(), np.arange(3), axes.get)
    assert rows.tolist() == [0, 2]
    assert np.allclose(targets.numpy(), [[1, 0], [0.5**0.5, 0.5**0.5]])


def test_pictures_are_shown_at_the_side_that_was_asked_for():
    sides = []
    network = Resized(torch.nn.Identity(), 10)
    network.network.register_forward_hook(lambda _m, inputs, _out: sides.append(inputs[0].shape[-1]))
    network(torch.rand(1, 3, 6, 6) * 255)
    network(torch.rand(1, 3, 10, 10) * 255)
    assert sides == [10, 10]


def test_features_are_made_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": torch.ones(2)}

    for _ in range(2):
        assert kept(tmp_path / "x.pt", make)["x"].tolist() == [1.0, 1.0]
    assert made == [1]
