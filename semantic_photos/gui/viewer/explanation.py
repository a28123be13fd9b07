# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains in the viewer why a photo matches the query: heat map over the photo, words below."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.query import Example, Query, ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.viewer.photo_viewer import PhotoViewer
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.services.explain.explanation import Explanation
from semantic_photos.translation import tr, translated

#: Opacity of the shade on regions that do not match the query, and of the colour on those that do.
_SHADE, _GLOW = 0.58, 0.3


class ExplanationController(QObject):
    """Computes explanations when the viewer asks for them."""

    def __init__(self, bridge: Bridge, viewer: PhotoViewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._viewer = bridge, viewer
        self._query = Query()
        self._generation = 0
        self._token = CancelToken()
        viewer.explanation_requested.connect(self._ask)
        viewer.explanation_likely.connect(lambda: prepare(bridge))

    def show_page(self, page: ResultPage | None) -> None:
        """Take the query of a result page; without a ranking there is nothing to explain."""
        self._query = page.query if page is not None and page.scores is not None else Query()
        self._generation += 1
        self._viewer.offer_explanation(offered=not self._query.is_empty)

    def _ask(self, photo_id: int) -> None:
        self._generation += 1
        generation, query, explainer = self._generation, self._query, self._bridge.library.explainer
        shade, glow = colours()
        # The user moved on: an explanation that has not begun is not needed any more.
        self._token.cancel()
        token = self._token = CancelToken()

        def work() -> tuple[QImage, str]:
            token.raise_if_cancelled()
            why = explainer.explain(Example(PhotoId(photo_id)), query)
            return heat_map_image(why.heat, shade, glow), reason(why)

        self._bridge.run(
            work,
            lambda answer: self._show(photo_id, generation, *answer),
            lambda error: self._show(photo_id, generation, None, formatting.shown(translated(error))),
            lane="pool",
        )

    def _show(self, photo_id: int, generation: int, heat: QImage | None, words: str) -> None:
        if generation == self._generation:
            self._viewer.show_explanation(photo_id, heat, words)


def prepare(bridge: Bridge) -> None:
    """Load the network ahead of a likely request; errors are shown only when the request comes."""
    bridge.run(bridge.library.thumbnail_explainer.prepare, on_error=lambda _: None, lane="pool")


def colours() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return ``shade`` and ``glow`` for ``heat_map_image``."""
    return _rgb("stage"), _rgb("glow")


def _rgb(name: str) -> tuple[int, int, int]:
    colour = theme.color(name)
    return colour.red(), colour.green(), colour.blue()


def reason(why: Explanation) -> str:
    """Return the explanation as one line."""
    shares = " · ".join(one.told() for one in why.words if round(100 * one.share))
    parts = [shares] if shares else []
    if why.shared:
        words = ", ".join(concept.tag for concept in why.shared)
        parts.append(tr("Similar because of: {words}", words=words))
    if why.exact:
        parts.append(tr("In the file name or keywords: {words}", words=", ".join(why.exact)))
    if not parts:
        parts.append(tr("No single word explains this match."))
    return formatting.shown("   ·   ".join(parts))


def heat_map_image(heat: FloatArray, shade: tuple[int, ...], glow: tuple[int, ...]) -> QImage:
    """Return a heat map as an image to draw over the photo. Thread: any.

    Args:
        heat: float32 (h, w) in 0..1.
        shade: red, green and blue where the heat is low.
        glow: red, green and blue where it is high.
    """
    warm = np.clip(np.asarray(heat, np.float32), 0.0, 1.0)[..., None]
    colour = (1 - warm) * np.array(shade, np.float32) + warm * np.array(glow, np.float32)
    alpha = 255.0 * ((1 - warm) * _SHADE + warm * _GLOW)
    pixels = np.ascontiguousarray(np.concatenate([colour, alpha], axis=2).round().astype(np.uint8))
    height, width = warm.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
