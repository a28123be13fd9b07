# SPDX-License-Identifier: GPL-3.0-or-later
import json

import pytest
from PIL import Image

from semantic_photos.training.curves import Curve, draw, main, read_curves


def write_log(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_each_quantity_is_a_curve_over_steps(tmp_path):
    log = write_log(
        tmp_path / "log.jsonl",
        {"at": "2026-01-01", "event": "start", "step": 0, "stage": "chain", "parameters": 5},
        {"step": 50, "loss": 2.0, "lr": 0.1},
        {"step": 100, "loss": 1.0, "lr": 0.2},
        {"event": "end", "step": 110, "val_cosine": 0.5},
    )
    curves = {curve.name: curve for curve in read_curves(log, "run")}
    assert set(curves) == {"loss", "lr", "val_cosine"}
    assert curves["loss"] == Curve("loss", "run", (50.0, 100.0), (2.0, 1.0))


def test_what_was_done_twice_counts_as_it_was_last(tmp_path):
    log = write_log(
        tmp_path / "log.jsonl", {"step": 1, "loss": 3.0}, {"step": 2, "loss": 9.0}, {"step": 3, "loss": 9.0},
        {"step": 2, "loss": 2.0},
    )  # fmt: skip
    assert read_curves(log, "run")[0].values == (3.0, 2.0)


def test_a_damaged_log_gives_what_is_sound_in_it(tmp_path):
    log = write_log(
        tmp_path / "log.jsonl", "[1, 2]", "", {"loss": 1.0}, {"step": True, "loss": 1.0},
        {"step": 1, "loss": float("nan"), "good": 1.0}, {"step": 2, "loss": "x", "good": 2.0}, '{"step": 3, "go',
    )  # fmt: skip
    assert read_curves(log, "run") == [Curve("good", "run", (1.0, 2.0), (1.0, 2.0))]


@pytest.mark.parametrize(
    "curves",
    [
        [],
        [Curve("one", "a", (1.0,), (0.0,))],
        [Curve("flat", "a", (1.0, 2.0), (3.0, 3.0)), Curve("flat", "b", (5.0, 9.0), (1.0, 2.0))],
        [Curve("long", "a", tuple(map(float, range(50_000))), tuple(map(float, range(50_000))))],
    ],
)
def test_anything_can_be_drawn(curves):
    picture = draw(curves)
    assert picture.mode == "RGB"
    assert picture.getcolors(1 << 20)


def test_the_command_draws_runs_beside_each_other(tmp_path):
    first = write_log(tmp_path / "a" / "log.jsonl", {"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5})
    write_log(tmp_path / "b" / "log.jsonl", {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5})
    out = tmp_path / "curves.png"
    assert main([str(first), str(tmp_path / "b"), "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.width == 1080
