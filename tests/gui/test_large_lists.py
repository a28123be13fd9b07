# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and selections of a list that holds a whole library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.grid.result_model import ResultModel
from semantic_photos.gui.grid.result_view import ResultView
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader

pytestmark = pytest.mark.gui

_ids = st.lists(st.integers(1, 2**62), unique=True, max_size=30)


def model_of(ids: Sequence[int]) -> ResultModel:
    model = ResultModel(ThumbnailLoader(lambda _photo: None), lambda _ids, _on_done: None)
    model.set_page(ResultPage(Query(), 0, np.array(ids, np.int64), None))
    return model


@given(_ids, st.integers(0, 2**62))
def test_each_photo_is_found_in_its_row_and_no_other_one(qapp: object, ids: list[int], other: int) -> None:
    model = model_of(ids)
    assert [model.row_of(photo_id) for photo_id in ids] == list(range(len(ids)))
    assert model.row_of(other) == (ids.index(other) if other in ids else -1)


@given(_ids, st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29))), st.none() | st.integers(0, 40))
def test_the_selected_photos_come_in_the_order_of_the_list(
    qapp: object, ids: list[int], parts: list[tuple[int, int]], most: int | None
) -> None:
    view = ResultView(model_of(ids), 100)
    rows = {row for start, count in parts for row in range(start, start + count) if row < len(ids)}
    view.select_ids([ids[row] for row in rows], None)  # type: ignore[misc]
    chosen = view.selected_ids(most)
    assert chosen == [ids[row] for row in sorted(rows)][:most]
    assert all(type(photo_id) is int for photo_id in chosen)
