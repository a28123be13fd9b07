# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the training that a mistake would hide in; they need torch and are left out where it is missing."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("wordfreq")

from onnx.reference import ReferenceEvaluator  # noqa: E402

from semantic_photos.training import progress  # noqa: E402
from semantic_photos.training.calibration import fit_logistic, support  # noqa: E402
from semantic_photos.training.dataset import Augmentation, EpochSampler, PhotoRecord, augment  # noqa: E402
from semantic_photos.training.export import quantise_rows, ramp_picture  # noqa: E402
from semantic_photos.training.head import Goals, Head, TunedTable, several_right  # noqa: E402
from semantic_photos.training.onnx_graph import encoder_model, head_model  # noqa: E402
from semantic_photos.training.student import Student, StudentShape  # noqa: E402
from semantic_photos.training.texts import Bags, CaptionBank, WordVectorTable  # noqa: E402
from semantic_photos.training.unpack import student_of  # noqa: E402
from semantic_photos.training.words import read_tags, words_of  # noqa: E402

pytestmark = pytest.mark.slow

SMALL = StudentShape(widths=(8, 8, 8, 8), blocks=(1, 1, 1, 1), stem=8)


def lived_in_student() -> Student:
    """A small student whose normalisation statistics and residual branches are not those of a fresh start."""
    torch.manual_seed(0)
    student = Student(SMALL)
    for module in student.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    student.train()
    for _ in range(3):
        student(torch.rand(4, 3, 64, 64) * 255)
    return student.eval()


@pytest.mark.parametrize(("storage", "least"), [("float32", 0.999999), ("float16", 0.9999), ("int8", 0.998)])
def test_the_written_graph_computes_what_the_student_does(storage, least):
    student = lived_in_student()
    picture = ramp_picture(64)[None]
    feature_map, pooled = ReferenceEvaluator(encoder_model(student, 64, storage)).run(None, {"image": picture})
    with torch.no_grad():
        wanted = student(torch.from_numpy(picture).permute(0, 3, 1, 2).float())[-1]
    assert feature_map.shape == (1, 1280, 2, 2)
    assert np.allclose(pooled, feature_map.mean(axis=(2, 3)), atol=1e-5)
    a, b = feature_map.ravel(), wanted.numpy().ravel()
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > least


def test_the_written_head_gives_unit_vectors_equal_to_the_trained_ones():
    torch.manual_seed(0)
    head = Head(12, 8, 4, 0.0).eval()
    features = torch.randn(5, 12)
    head.standardise(features)
    (made,) = ReferenceEvaluator(head_model(head, "float32")).run(None, {"features": features.numpy()})
    assert np.allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-5)
    assert np.allclose(made, head(features).detach().numpy(), atol=1e-5)


def test_the_ramp_follows_its_formula():
    picture = ramp_picture(128)
    assert picture.dtype == np.uint8
    for y, x, c in [(0, 0, 0), (3, 7, 1), (127, 127, 2), (64, 1, 0)]:
        assert picture[y, x, c] == (x * (c + 1) * 5 + y * (3 - c) * 3) % 256


def test_rows_keep_their_direction_in_eight_bits():
    table = np.random.default_rng(0).normal(size=(50, 256))
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    whole, scales = quantise_rows(table)
    back = whole * scales[:, None]
    assert whole.dtype == np.int8
    assert ((back * table).sum(axis=1) / np.linalg.norm(back, axis=1)).min() > 0.9995


def test_no_change_asked_means_the_same_picture():
    batch = torch.rand(3, 3, 32, 32) * 255
    how = Augmentation(min_area=1.0, whole=1.0, max_stretch=1.0, brightness=0.0, contrast=0.0, saturation=0.0)
    made = augment(batch, torch.Generator().manual_seed(0), how)
    for before, after in zip(batch, made, strict=True):
        straight, mirrored = (after - before).abs().max(), (after - before.flip(-1)).abs().max()
        assert min(straight, mirrored) < 0.1


def test_a_sampler_goes_on_where_it_was_interrupted():
    rows = np.arange(10)
    first = EpochSampler(rows, 4, seed=3)
    first.next()
    state = first.state()
    wanted = [first.next().tolist() for _ in range(5)]
    second = EpochSampler(rows, 4, seed=99)
    second.restore(state)
    assert [second.next().tolist() for _ in range(5)] == wanted


def test_a_pass_sees_every_photo_once():
    sampler = EpochSampler(np.arange(12), 4, seed=1)
    assert sorted(np.concatenate([sampler.next() for _ in range(3)]).tolist()) == list(range(12))


def test_the_clock_schedule_counts_earlier_runs():
    fresh, late = progress.ClockSchedule(100.0, warmup=0), progress.ClockSchedule(100.0, warmup=0, spent=99.0)
    assert fresh.factor(10) > 0.99
    assert late.factor(10) < 0.01
    assert progress.ClockSchedule(100.0, warmup=0, spent=100.0).done


def test_a_checkpoint_survives_and_leaves_no_half_file(tmp_path):
    path = tmp_path / "checkpoint.pt"
    progress.save_atomically({"step": 1}, path)
    progress.save_atomically({"step": 2, "weights": torch.ones(2)}, path)
    assert progress.load_checkpoint(path)["step"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_several_right_answers_share_and_ignored_ones_do_not_count():
    logits = torch.tensor([[5.0, 5.0, -20.0], [0.0, 50.0, 0.0]])
    right = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    shared = several_right(logits[:1], right[:1])
    assert float(shared) == pytest.approx(float(np.log(2)), abs=1e-4)
    ignored = torch.tensor([[0.0, 1.0, 0.0]])
    assert float(several_right(logits[1:], right[1:], ignored)) == pytest.approx(float(np.log(2)), abs=1e-4)


def test_the_shared_map_moves_words_no_text_ever_holds():
    torch.manual_seed(0)
    base = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    tuned = TunedTable(base, rows=False)
    tuned(Bags(torch.tensor([[0]]), torch.ones(1, 1))).sum().backward()
    with torch.no_grad():
        tuned.turn -= tuned.turn.grad
    assert not torch.allclose(tuned.folded()[5], base[5], atol=1e-3)


def test_queries_fit_every_photo_that_says_their_words():
    def said(*captions: str) -> PhotoRecord:
        return PhotoRecord("x", 1, "s", "train", (), captions)

    words = ["a", "dog", "dogs", "boat", "runs"]
    word_table = WordVectorTable(words, torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0]))
    bank = CaptionBank([said("a dog"), said("dogs"), said("a boat")], np.arange(3), word_table)
    _bags, fits = bank.queries(np.arange(3), np.random.default_rng(0))
    assert fits.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_the_confidence_curve_finds_a_known_slope():
    rng = np.random.default_rng(0)
    x = rng.normal(size=20000)
    y = (rng.random(20000) < 1 / (1 + np.exp(-(2.0 * x - 1.0)))).astype(float)
    a, b = fit_logistic(x, y)
    assert a == pytest.approx(2.0, abs=0.1)
    assert b == pytest.approx(-1.0, abs=0.1)


def test_possessives_and_compounds():
    assert words_of("A dog's T-shirt; the boys’ ball") == ["a", "dog", "t-shirt", "the", "boys", "ball"]


def test_the_tag_list_is_large_and_without_doubles():
    tags = [tag for tag, _category in read_tags()]
    assert len(tags) >= 600
    assert len(tags) == len(set(tags))
    assert json.dumps(tags).isascii()


def test_a_pack_opened_again_computes_the_same() -> None:
    torch.manual_seed(0)
    shape = StudentShape((8, 8, 16, 16), (1, 2, 1, 2), 8)
    student = Student(shape)
    photos = torch.rand(32, 3, 64, 64) * 255
    student(photos)
    student.eval()
    again = student_of(encoder_model(student, 64, "float32"), photos)
    assert again.shape == shape
    with torch.no_grad():
        assert torch.allclose(again(photos)[-1], student(photos)[-1], atol=1e-3)


def test_the_miss_of_goals_counts_photos_that_have_one_and_looks_from_their_middle(tmp_path):
    torch.manual_seed(0)
    cone = torch.nn.functional.normalize(torch.tensor([3.0, 0.0, 0.0]) + torch.randn(40, 3) * 0.3, dim=1)
    cone[7] = 0.0
    progress.save_atomically({"vectors": cone, "table": torch.eye(3)}, tmp_path / "goals.pt")
    goals = Goals(tmp_path / "goals.pt")
    rows = np.arange(40)
    right = torch.where(cone.abs().sum(dim=1, keepdim=True) > 0, cone, torch.tensor([0.0, 1.0, 0.0]))
    assert float(goals.miss(right, rows)) == pytest.approx(0.0, abs=1e-5)
    # All photos lie within a narrow cone: the next photo's place is near in angle, but as good as chance.
    assert float(goals.miss(right.roll(1, dims=0), rows)) > 0.7


def test_a_tag_is_supported_by_training_photos_that_hold_all_its_words():
    def said(split: str, *captions: str, labels: tuple[str, ...] = ()) -> PhotoRecord:
        return PhotoRecord("a.webp", 1, "made", split, labels, captions)

    records = [said("train", "Two dogs", "snow lies"), said("train", labels=("dog",)), said("val", "a boat")]
    assert support(["dog", "snow dog", "boat"], records).tolist() == [2, 1, 0]
