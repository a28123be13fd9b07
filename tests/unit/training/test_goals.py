# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from semantic_photos.training import progress  # noqa: E402
from semantic_photos.training.dataset import PhotoRecord  # noqa: E402
from semantic_photos.training.finetune import grown  # noqa: E402
from semantic_photos.training.goals import add_photos, beside  # noqa: E402
from semantic_photos.training.head import Head  # noqa: E402
from semantic_photos.training.objects import ObjectBank  # noqa: E402
from semantic_photos.training.student import Student, StudentShape  # noqa: E402
from semantic_photos.training.targets import Goals  # noqa: E402
from semantic_photos.training.teacher_features import compute  # noqa: E402

SHAPE = StudentShape((8, 8, 16, 16), (1, 1, 1, 1), 8)


def _checkpoint(student: Student) -> dict[str, Any]:
    return {"student_shape": student.shape.as_dict(), "average": student.state_dict()}


def test_a_grown_student_says_at_first_what_it_said_before() -> None:
    torch.manual_seed(0)
    small = Student(SHAPE)
    photos = torch.rand(8, 3, 64, 64) * 255
    small(photos)
    large = grown(_checkpoint(small), (0, 0, 1, 2))
    assert large.shape.blocks == (1, 1, 2, 3)
    with torch.no_grad():
        assert torch.allclose(large.eval()(photos)[-1], small.eval()(photos)[-1], atol=1e-5)


def test_a_checkpoint_of_another_shape_is_not_taken_for_one_that_grew() -> None:
    torch.manual_seed(0)
    broken = _checkpoint(Student(SHAPE))
    broken["average"].pop(next(iter(broken["average"])))
    with pytest.raises(KeyError):
        grown(broken, (0, 0, 0, 0))


class _Colour(torch.nn.Module):
    """Its feature is a photo's mean colour; it counts the photos it was shown."""

    shown = 0

    def forward(self, image: Any) -> list[Any]:
        self.shown += len(image)
        return [image]


class _Photos:
    """Photos of one colour each: row r has the value r + 1."""

    def __init__(self, count: int) -> None:
        self.records = tuple(range(count))

    def clean(self, rows: np.ndarray) -> Any:
        return torch.from_numpy(rows + 1.0).float()[:, None, None, None].expand(-1, 3, 4, 4)


def test_features_are_kept_and_only_later_photos_are_computed(tmp_path: Any) -> None:
    network, kept = _Colour(), tmp_path / "features.npy"
    compute(network, _Photos(10), kept, mirrored=False, batch=4)  # type: ignore[arg-type]
    assert np.load(kept)[:, 0].tolist() == list(range(1, 11))
    assert network.shown == 10
    compute(network, _Photos(13), kept, mirrored=False, batch=4)  # type: ignore[arg-type]
    assert np.load(kept)[:, 0].tolist() == list(range(1, 14))
    assert network.shown == 13


def test_features_of_several_networks_stand_beside_each_other_for_photos_that_all_have_seen(tmp_path: Any) -> None:
    np.save(tmp_path / "a.npy", np.array([[1.0], [2.0], [3.0]], np.float16))
    np.save(tmp_path / "b.npy", np.array([[4.0, 5.0], [6.0, 7.0]], np.float16))
    assert beside([tmp_path / "a.npy", tmp_path / "b.npy"]).tolist() == [[1.0, 4.0, 5.0], [2.0, 6.0, 7.0]]


def test_later_photos_get_goals_and_earlier_ones_keep_theirs(tmp_path: Any) -> None:
    torch.manual_seed(0)
    head = Head(2, 4, 3, 0.0)
    before = torch.nn.functional.normalize(torch.randn(2, 3), dim=1).half()
    kept = {"vectors": before, "side": {}, "head": head.state_dict(), "hidden": 4}
    progress.save_atomically(kept, tmp_path / "goals.pt")
    features = torch.randn(4, 2).half()
    assert add_photos(tmp_path / "goals.pt", features, 5, tmp_path / "more.pt") == 2
    vectors = progress.load_checkpoint(tmp_path / "more.pt")["vectors"]
    assert torch.equal(vectors[:2], before)
    assert torch.allclose(vectors[2:4].float(), head.eval()(features[2:].float()).detach(), atol=2e-3)
    assert not vectors[4].any()


def test_goals_count_photos_that_have_one_and_look_from_their_middle() -> None:
    torch.manual_seed(0)
    cone = torch.nn.functional.normalize(torch.tensor([3.0, 0.0, 0.0]) + torch.randn(40, 3) * 0.3, dim=1)
    cone[7] = 0.0
    goals, rows, bank = Goals(cone), torch.arange(40), torch.eye(3)
    right = torch.where(cone.abs().sum(dim=1, keepdim=True) > 0, cone, torch.tensor([0.0, 1.0, 0.0]))
    apart, differ = goals.loss(right, rows, bank)
    assert float(apart) == pytest.approx(0.0, abs=1e-5)
    assert float(differ) == pytest.approx(0.0, abs=1e-5)
    # All photos lie within a narrow cone: the next photo's place is near in angle, but as good as chance.
    apart, differ = goals.loss(right.roll(1, dims=0), rows, bank)
    assert float(apart) > 0.7
    assert float(differ) > 0.1


def test_detectors_labels_and_captions_say_what_is_there_and_silence_is_no_denial(tmp_path: Any) -> None:
    records = [
        PhotoRecord("a", 1, "s", "train", (), ()),
        PhotoRecord("b", 1, "s", "train", ("dog",), ()),
        PhotoRecord("c", 1, "s", "train", (), ("two dogs and a teddy bear",)),
        PhotoRecord("d", 1, "s", "train", (), ()),
    ]
    lines = [{"file": "a", "coco": {"dog": 0.4, "teddy bear": 0.8, "cell phone": 0.6}}, {"file": "d", "coco": {}}]
    with gzip.open(tmp_path / "objects.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    bank = ObjectBank(tmp_path / "objects.jsonl.gz", records, support=1)
    assert bank.names == ["dog", "phone", "teddy bear"]
    chance, weight = bank.targets(torch.arange(4))
    assert weight.tolist() == [[1, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 1]]
    assert chance[1, 0] > chance[2, 0] > chance[0, 0] > 0.4
    assert chance[2, 2] > 0.5
    # Nobody saw a dog in the last photo: hardly any, but not none.
    assert 0.0 < chance[3, 0] < 0.05
