# SPDX-License-Identifier: GPL-3.0-or-later
"""The bar below the photos: result cut-off and strictness, weaker matches, heat maps, order."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSlider, QToolButton, QWidget

from semantic_photos.domain.query import ResultPage
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.grid.result_rows import WEAKER, ResultRows
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, Resting, button, label
from semantic_photos.translation import tr, translated, trn

#: The library's names of the orders, and the names on the screen.
ORDERS = {"relevance": Message("Best first"), "date": Message("Newest first"), "name": Message("By name")}
#: Below these widths in pixels the slider's words, then the slider itself, are left out.
ROOM_FOR_WORDS, ROOM_FOR_SLIDER = 720, 540
#: With less room in pixels the remark is left out; the tooltip of the button has it too.
ROOM_FOR_REMARK = 60
HEAT = Message("Heat maps: show where the photos match  (Ctrl+H)")
#: A text that has no more room than its own width is shortened on some screens.
_SLACK = 8
_STEPS = 20
_SETTLE_MS = 90


class ResultCutoffBar(QFrame):
    """The number of good matches, the strictness of the cut-off, and how the result is shown.

    Signals:
        more_wanted: show more weaker matches.
        fewer_wanted: show no weaker matches.
        caution_changed: the strictness, from 0 (more) to 1 (fewer, surer).
        order_changed: a key of ``ORDERS``.
        heat_toggled: whether heat maps are shown.
        heat_near: the pointer or the focus rests on the button for heat maps.
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
        # Odd, with the line above it: in an even height links stand a pixel higher than labels.
        self.setFixedHeight(45)
        self.order = order
        self._ranked = False
        self._said = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._more = button("", "link")
        self._fewer = button(tr("Hide weaker"), "link")
        self._cautious = label(tr("Fewer, surer"), "dim")
        self._generous = label(tr("More"), "dim")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, _STEPS)
        self._slider.setValue(round((1 - caution) * _STEPS))
        self._slider.setPageStep(_STEPS // 4)
        self._slider.setFixedWidth(104)
        self._slider.setAccessibleName(tr("Good matches: fewer and surer, or more"))
        self._slider.setToolTip(tr("How many photos count as good matches: fewer and surer, or more"))
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
            action = self._orders[order] = QAction(translated(name), self._menu)
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
        """Return the strictness, from 0 (more) to 1 (fewer, surer)."""
        return 1 - self._slider.value() / _STEPS

    def text(self) -> str:
        """Return the text about the result, not shortened."""
        return self._said.full_text()

    def remark(self, text: str) -> None:
        """Tell why there are no heat maps; an empty text hides it."""
        self._remark.set_text(text)
        self.heat_button.set_name("\n".join(filter(None, (translated(HEAT), text))))
        self._fit()

    def set_order(self, order: str) -> None:
        """Show an order without emitting it."""
        self.order = order
        self._name_order(order)

    def _name_order(self, order: str) -> None:
        self._orders[order].setChecked(True)
        name = translated(ORDERS[order])
        self._sort.setText(name)
        self._sort.setAccessibleName(tr("Order: {order}", order=name))
        self._sort.setToolTip(tr("Order of the good matches"))

    def _choose_order(self, order: str) -> None:
        if order != self.order:
            self.set_order(order)
            self.order_changed.emit(order)

    def show_page(self, page: ResultPage | None, arrangement: ResultRows) -> None:
        """Show how many good matches a page has; hidden without a query or result."""
        asked = page is not None and not page.query.is_empty and len(page) > 0
        self.setVisible(asked)
        if page is None or not asked:
            return
        ranked = page.scores is not None
        strong, hidden = min(page.strong, len(page)), arrangement.hidden
        weaker = arrangement.weaker
        text = formatting.good(page) if strong or not ranked else formatting.none_good(page, weaker)
        if ranked and strong and weaker:
            text = " · ".join((text, trn("{count:,} weaker", "{count:,} weaker", weaker)))
        self._said.set_text(text)
        self._said.setMaximumWidth(self._said.fontMetrics().horizontalAdvance(text) + _SLACK)
        step = min(hidden, WEAKER)
        again = weaker > 0
        self._more.setText(
            trn("Show {count:,} more", "Show {count:,} more", step)
            if again
            else trn("Show {count:,} weaker", "Show {count:,} weaker", step)
        )
        self._more.setVisible(hidden > 0)
        self._fewer.setVisible(bool(strong) and again)
        self._ranked = ranked
        # Without scores there is no best one; the newest come first then.
        self._orders["relevance"].setVisible(ranked)
        self._name_order(self.order if ranked or self.order != "relevance" else "date")
        self._fit()

    def _fit(self) -> None:
        """Leave out in a narrow window what can be spared: words first, then the slider."""
        width = self.width()
        self._slider.setVisible(self._ranked and width >= ROOM_FOR_SLIDER)
        self._remark.setVisible(False)
        # Words are longer in some languages; the result comes first.
        for words, order in ((True, True), (False, True), (False, False)):
            self._show_words(words=words and width >= ROOM_FOR_WORDS, order=order and width >= ROOM_FOR_SLIDER)
            if self._row.sizeHint().width() <= width:
                break
        self._fit_remark()

    def _show_words(self, *, words: bool, order: bool) -> None:
        for part in (self._cautious, self._generous):
            part.setVisible(self._ranked and words)
        style = Qt.ToolButtonStyle
        self._sort.setToolButtonStyle(style.ToolButtonTextBesideIcon if order else style.ToolButtonIconOnly)
        self._row.invalidate()

    def _fit_remark(self) -> None:
        """Give the remark the room that all other parts leave."""
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
