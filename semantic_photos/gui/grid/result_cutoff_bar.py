# SPDX-License-Identifier: GPL-3.0-or-later
"""Below the photos: where the good matches end, a way to the weaker ones, how strict the border is, in which order."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSlider, QToolButton, QWidget

from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.grid.result_rows import WEAKER, ResultRows
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, Resting, button, label

#: What the library calls the orders, and what people call them.
ORDERS = {"relevance": "Best first", "date": "Newest first", "name": "By name"}
#: Below these widths in pixels the slider's words, then the slider itself, would stand on what is said.
ROOM_FOR_WORDS, ROOM_FOR_SLIDER = 720, 540
#: A remark that has less room says nothing; what it would say is the tooltip of its button.
ROOM_FOR_REMARK = 60
HEAT = "Why these photos  (Ctrl+H)"
#: A text that has no more room than its own width is shortened on some screens.
_SLACK = 8
_STEPS = 20
_SETTLE_MS = 90


class ResultCutoffBar(QFrame):
    """The border between good and weaker matches, and the tools for it.

    Signals:
        more_wanted: more weaker matches should be shown.
        fewer_wanted: no weaker match should be shown.
        caution_changed: from 0 (generous) to 1 (cautious).
        order_changed: a key of ``ORDERS``.
        heat_toggled: whether the photos should show why they are here.
        heat_near: that may be wanted soon.
    """

    more_wanted = Signal()
    fewer_wanted = Signal()
    caution_changed = Signal(float)
    order_changed = Signal(str)
    heat_toggled = Signal(bool)
    heat_near = Signal()

    def __init__(self, caution: float, order: str = "relevance", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("band")
        # With the line above it: at an even rest links would stand a pixel higher than labels.
        self.setFixedHeight(45)
        self.order = order
        self._ranked = False
        self._said = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._more = button("", "link")
        self._fewer = button("Hide the weaker ones", "link")
        self._cautious = label("cautious", "dim")
        self._generous = label("generous", "dim")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, _STEPS)
        self._slider.setValue(round((1 - caution) * _STEPS))
        self._slider.setPageStep(_STEPS // 4)
        self._slider.setFixedWidth(104)
        self._slider.setAccessibleName("How much counts as a good match: cautious to generous")
        self._slider.setToolTip("Where good matches end")
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self.heat_button = IconButton("why", HEAT)
        self.heat_button.setCheckable(True)
        self.heat_button.toggled.connect(self.heat_toggled)
        Resting(self.heat_button).begun.connect(self.heat_near)
        self._remark = ElidedLabel(kind="dim", mode=Qt.TextElideMode.ElideRight)
        self._sort = QToolButton()
        self._sort.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._sort.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._sort.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._menu = QMenu(self)
        self._sort.setMenu(self._menu)
        self._orders: dict[str, QAction] = {}
        self._build()
        self.set_order(order)
        self.hide()

    def _build(self) -> None:
        group = QActionGroup(self)
        for order, name in ORDERS.items():
            action = self._orders[order] = QAction(name, self._menu)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, order=order: self._choose_order(order))
            group.addAction(action)
            self._menu.addAction(action)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self._said, 100)
        row.addWidget(self._more)
        row.addWidget(self._fewer)
        row.addWidget(self._remark)
        row.addStretch(1)
        for part in (self._cautious, self._slider, self._generous):
            row.addWidget(part)
        row.addSpacing(12)
        row.addWidget(self.heat_button)
        row.addWidget(self._sort)
        self._more.clicked.connect(self.more_wanted)
        self._fewer.clicked.connect(self.fewer_wanted)
        self._slider.valueChanged.connect(lambda _: self._settle.start())
        self._settle.timeout.connect(lambda: self.caution_changed.emit(self.caution))
        self._tint()
        self.remark("")

    @property
    def caution(self) -> float:
        """Return how much must speak for a good match, from 0 to 1."""
        return 1 - self._slider.value() / _STEPS

    def text(self) -> str:
        """Return what is said."""
        return self._said.full_text()

    def remark(self, text: str) -> None:
        """Say why no photo shows why it is here; an empty text takes it back."""
        self._remark.set_text(text)
        self.heat_button.set_name(HEAT if not text else f"{HEAT}\n{text}")
        self._fit()

    def set_order(self, order: str) -> None:
        """Show an order without asking for it."""
        self.order = order
        self._name_order(order)

    def _name_order(self, order: str) -> None:
        self._orders[order].setChecked(True)
        self._sort.setText(ORDERS[order])
        self._sort.setAccessibleName(f"Order: {ORDERS[order]}")
        self._sort.setToolTip("Order of the good matches")

    def _choose_order(self, order: str) -> None:
        if order != self.order:
            self.set_order(order)
            self.order_changed.emit(order)

    def show_page(self, page: ResultPage | None, arrangement: ResultRows) -> None:
        """Show where the good matches of a page end; hidden where nothing was asked or found."""
        asked = page is not None and not page.query.is_empty and len(page) > 0
        self.setVisible(asked)
        if page is None or not asked:
            return
        ranked = page.scores is not None
        strong, hidden = min(page.strong, len(page)), arrangement.hidden
        text = formatting.good(page) if strong or not ranked else formatting.none_good(page, arrangement.weaker)
        if ranked and strong and arrangement.weaker:
            text += f" · {arrangement.weaker:,} weaker"
        self._said.set_text(text)
        self._said.setMaximumWidth(self._said.fontMetrics().horizontalAdvance(text) + _SLACK)
        step = min(hidden, WEAKER)
        again = arrangement.weaker > 0
        self._more.setText(f"Show {step} more" if again else f"Show {step} weaker")
        self._more.setVisible(hidden > 0)
        self._fewer.setVisible(bool(strong) and again)
        self._ranked = ranked
        # Without a ranking there is no best one; the newest come first then.
        self._orders["relevance"].setVisible(ranked)
        self._name_order(self.order if ranked or self.order != "relevance" else "date")
        self._fit()

    def _fit(self) -> None:
        """Leave out what can be spared where there is no room: words first, then the slider."""
        width = self.width()
        self._slider.setVisible(self._ranked and width >= ROOM_FOR_SLIDER)
        for part in (self._cautious, self._generous):
            part.setVisible(self._ranked and width >= ROOM_FOR_WORDS)
        style = Qt.ToolButtonStyle
        beside = width >= ROOM_FOR_SLIDER
        self._sort.setToolButtonStyle(style.ToolButtonTextBesideIcon if beside else style.ToolButtonIconOnly)
        self._fit_remark()

    def _fit_remark(self) -> None:
        """Give the remark the room that all else leaves, which is said and done before it."""
        self._remark.setVisible(False)
        self._row.invalidate()
        room = self.width() - self._row.sizeHint().width() - self._row.spacing() - _SLACK
        self._remark.setMaximumWidth(max(room, 0))
        self._remark.setVisible(bool(self._remark.full_text()) and room >= ROOM_FOR_REMARK)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        self._sort.setIcon(theme.icon("sort"))
