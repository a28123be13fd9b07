# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import recall_calibration
from semantic_photos.index.annoy_index import Segment, open_segment
from semantic_photos.index.segment_folder import SegmentFolder
from tests.unit.index.conftest import DIM, IDS


@pytest.fixture
def segment(folder: Path) -> Segment:
    segment = open_segment(SegmentFolder(folder), dim=DIM, pack="pack-1")
    assert segment is not None
    return segment


def _times(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let the clock of the measurement say these times: exact search first, then each number of candidates."""
    given = iter(seconds)
    monkeypatch.setattr(recall_calibration, "_seconds", lambda ask, n: (ask(0), next(given))[1])


def _finds(monkeypatch: pytest.MonkeyPatch, share: Callable[[int, float], float]) -> None:
    """Let Annoy find a share of the truth that depends on candidates and on the best cosine."""

    def candidates(self: Segment, query: FloatArray, n: int, search_k: int) -> np.ndarray:
        scores = self.rows.vectors @ query
        return np.argsort(-scores)[: int(n * share(search_k, float(scores.max())))]

    monkeypatch.setattr(Segment, "candidates", candidates)


def test_the_farthest_good_level_is_trusted(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    _times(monkeypatch, 1.0, 0.1, 0.2, 0.3, 0.4, 0.9)
    _finds(monkeypatch, lambda search_k, best: 1.0 if best > 0.62 or (search_k >= 50_000 and best > 0.45) else 0.9)
    search_k, trusted = recall_calibration.calibrate(segment, CancelToken())
    assert search_k == 50_000
    assert 0.4 < trusted < 0.65


def test_slower_than_exact_is_never_chosen(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    _times(monkeypatch, 1.0, 0.71)
    _finds(monkeypatch, lambda search_k, best: 1.0)
    assert recall_calibration.calibrate(segment, CancelToken())[1] > 1.0


def test_too_few_found_is_never_trusted(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    _times(monkeypatch, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1)
    _finds(monkeypatch, lambda search_k, best: 0.9)
    assert recall_calibration.calibrate(segment, CancelToken()) == (
        recall_calibration.SEARCH_KS[-1],
        recall_calibration.NEVER,
    )


def test_a_photo_of_the_library_passes_its_own_border(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    _times(monkeypatch, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1)
    _finds(monkeypatch, lambda search_k, best: 1.0 if best > 0.9999 else 0.5)
    trusted = recall_calibration.calibrate(segment, CancelToken())[1]
    own = segment.rows.vectors @ segment.rows.vectors[5]
    assert 0.9 < trusted <= own.max()


def test_truth_is_the_truth_over_chunks(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall_calibration, "CHUNK_ROWS", 33)
    vectors = segment.rows.vectors
    questions = vectors[::40] * np.float32(1.0)
    rows, best = recall_calibration._true_nearest(vectors, questions, 50, CancelToken())
    scores = questions @ vectors.T
    for found, row in zip(rows, scores, strict=True):
        assert sorted(found.tolist()) == sorted(np.argsort(-row)[:50].tolist())
    assert np.allclose(best, 1.0, atol=1e-5)
    few, _ = recall_calibration._true_nearest(vectors[:3], questions, 3, CancelToken())
    assert np.sort(few, axis=1).tolist() == [[0, 1, 2]] * len(questions)


def test_can_be_cancelled(segment: Segment) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        recall_calibration.calibrate(segment, token)


def test_really_measures(segment: Segment) -> None:
    search_k, trusted = recall_calibration.calibrate(segment, CancelToken())
    assert search_k in recall_calibration.SEARCH_KS
    assert 0.0 < trusted <= recall_calibration.NEVER
    assert len(IDS) == segment.rows.size


def test_all_levels_may_be_good(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    _times(monkeypatch, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1)
    _finds(monkeypatch, lambda search_k, best: 1.0)
    search_k, trusted = recall_calibration.calibrate(segment, CancelToken())
    assert search_k == recall_calibration.SEARCH_KS[0]
    assert trusted < 0.5
