# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from semantic_photos.training.finetune import grown  # noqa: E402
from semantic_photos.training.goals import beside, kept_features  # noqa: E402
from semantic_photos.training.student import Student, StudentShape  # noqa: E402

SHAPE = StudentShape((8, 8, 16, 16), (1, 1, 1, 1), 8)


def _checkpoint(student: Student) -> dict[str, Any]:
    return {"student_shape": student.shape.as_dict(), "average": student.state_dict()}


def test_a_grown_student_says_at_first_what_it_said_before() -> None:
    torch.manual_seed(0)
    small = Student(SHAPE)
    photos = torch.rand(8, 3, 64, 64) * 255
    small(photos)
    large = grown(_checkpoint(small), 2)
    assert large.shape.blocks == (1, 1, 1, 3)
    with torch.no_grad():
        assert torch.allclose(large.eval()(photos)[-1], small.eval()(photos)[-1], atol=1e-5)


def test_a_checkpoint_of_another_shape_is_not_taken_for_one_that_grew() -> None:
    torch.manual_seed(0)
    broken = _checkpoint(Student(SHAPE))
    broken["average"].pop(next(iter(broken["average"])))
    with pytest.raises(KeyError):
        grown(broken, 0)


class _Colour(torch.nn.Module):
    """Its feature is a photo's mean colour; it counts the photos it was shown."""

    shown = 0

    def forward(self, image: Any) -> list[Any]:
        self.shown += len(image)
        return [image]


class _Photos:
    """Photos of one colour each: row r has the value r + 1."""

    records = tuple(range(10))

    def clean(self, rows: np.ndarray) -> Any:
        return torch.from_numpy(rows + 1.0).float()[:, None, None, None].expand(-1, 3, 4, 4)

    def augmented(self, rows: np.ndarray, _rng: Any, _how: Any, _device: str) -> Any:
        return self.clean(rows) + 0.5

    def rows(self, _split: str) -> np.ndarray:
        return np.arange(8)


def _work() -> Any:
    captions = SimpleNamespace(rows=np.array([1, 2]))
    judge = SimpleNamespace(captioned=np.array([8]), labelled=np.array([9]))
    return SimpleNamespace(photos=_Photos(), material=SimpleNamespace(captions=captions), judge=judge)


def _config(photos: int) -> dict[str, Any]:
    return {"goals": {"photos": photos}, "augmentation": {"min_area": 0.5}}


def test_features_are_kept_and_only_missing_ones_are_made(tmp_path) -> None:
    network = _Colour()
    first = kept_features("colour", lambda: network, _config(2), cast("Any", _work()), tmp_path, "cpu")
    there = (first["all"].abs().sum(dim=1) > 0).sum()
    assert int(there) == 6  # two captioned, two judged, two others
    assert torch.allclose(first["view"].float(), torch.tensor([[2.5] * 3, [3.5] * 3]))
    assert network.shown == 6 + 2
    second = kept_features("colour", lambda: network, _config(0), cast("Any", _work()), tmp_path, "cpu")
    assert torch.allclose(second["all"][:, 0].float(), torch.arange(1.0, 11.0))
    assert network.shown == 6 + 2 + 4
    kept_features("colour", lambda: pytest.fail("asked again"), _config(0), cast("Any", _work()), tmp_path, "cpu")


def test_a_photo_needs_the_features_of_every_network() -> None:
    some = torch.tensor([[1.0], [2.0], [0.0]]).half()
    others = torch.tensor([[3.0, 4.0], [0.0, 0.0], [5.0, 6.0]]).half()
    joined = beside([{"all": some, "view": some[:1]}, {"all": others, "view": others[:1]}])
    assert joined["all"].tolist() == [[1.0, 3.0, 4.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert joined["view"].tolist() == [[1.0, 3.0, 4.0]]
