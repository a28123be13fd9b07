# SPDX-License-Identifier: GPL-3.0-or-later
"""The only module with colours: two palettes, the style sheet made from them, and tinted icons."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from semantic_photos.paths import resources

#: Distances in logical pixels; everything is a multiple of four.
GAP = 8
MARGIN = 16
RADIUS = 8

#: Side of an icon on a button in logical pixels, and the device pixel ratios that it is drawn for.
ICON_SIDE = 20
SCALES = (1, 2, 3)
#: Opacity of the icon of a disabled button.
DISABLED = 0.4


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one scheme, named by their use.

    Attributes:
        window: background of the window.
        surface: background of fields, lists and the details panel.
        raised: chips and hovered buttons on a surface.
        line: borders and dividers.
        text: normal text.
        dim: secondary text.
        accent: selection, focus and the primary button.
        on_accent: text on the accent.
        accent_soft: a light tint of the accent.
        danger: errors.
        notice: background of a notice.
        blank: a thumbnail that is not loaded yet.
        stage: background of the viewer.
        on_stage: text on the stage and on photos.
        glow: the heat map.
    """

    window: str
    surface: str
    raised: str
    line: str
    text: str
    dim: str
    accent: str
    on_accent: str
    accent_soft: str
    danger: str
    notice: str
    blank: str
    stage: str
    on_stage: str
    glow: str


LIGHT = Colours(
    window="#f5f5f3", surface="#ffffff", raised="#ecece8", line="#dededa", text="#1c1d20", dim="#62656c",
    accent="#4a56d2", on_accent="#ffffff", accent_soft="#e6e8fb", danger="#b3362c", notice="#fdf1d6",
    blank="#e6e6e2", stage="#141517", on_stage="#f2f2f4", glow="#ff9a2e",
)  # fmt: skip
DARK = Colours(
    window="#16171a", surface="#1e2024", raised="#2b2d33", line="#34373e", text="#ececef", dim="#a0a4ad",
    accent="#95a0ff", on_accent="#14151d", accent_soft="#2d3152", danger="#ff8f83", notice="#3a3220",
    blank="#26282d", stage="#0c0d0e", on_stage="#f2f2f4", glow="#ff9a2e",
)  # fmt: skip

_current = LIGHT
_held = ""


def colours() -> Colours:
    """Return the current colours."""
    return _current


def color(name: str, alpha: float = 1.0) -> QColor:
    """Return a current colour by its name in ``Colours``."""
    found = QColor(getattr(_current, name))
    found.setAlphaF(alpha)
    return found


def apply(application: QApplication, scheme: str = "") -> None:
    """Follow the system's colour scheme and its changes; ``dark`` or ``light`` keeps to one."""
    global _held
    _held = scheme
    application.setStyle("Fusion")
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.connect(lambda _: _dress(application))
    _dress(application)


def _dress(application: QApplication) -> None:
    global _current
    dark = _held == "dark" or (not _held and QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark)
    _current = DARK if dark else LIGHT
    application.setPalette(_palette(_current))
    application.setStyleSheet(_sheet(_current))


def _palette(c: Colours) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for part, value in {
        role.Window: c.window, role.WindowText: c.text, role.Base: c.surface, role.AlternateBase: c.window,
        role.Text: c.text, role.PlaceholderText: c.dim, role.Button: c.surface, role.ButtonText: c.text,
        role.BrightText: c.danger, role.Highlight: c.accent, role.HighlightedText: c.on_accent, role.Link: c.accent,
        role.LinkVisited: c.accent, role.ToolTipBase: c.surface, role.ToolTipText: c.text, role.Light: c.raised,
        role.Midlight: c.raised, role.Mid: c.line, role.Dark: c.line, role.Shadow: c.line, role.Accent: c.accent,
    }.items():  # fmt: skip
        palette.setColor(part, QColor(value))
    for part in (role.WindowText, role.Text, role.ButtonText):
        faded = QColor(c.dim)
        faded.setAlphaF(0.55)
        palette.setColor(QPalette.ColorGroup.Disabled, part, faded)
    return palette


def _sheet(c: Colours) -> str:
    return f"""
QToolTip {{ background: {c.surface}; color: {c.text}; border: 1px solid {c.line}; padding: 5px 8px; }}
QMenu {{ background: {c.surface}; border: 1px solid {c.line}; padding: 5px; }}
QMenu::item {{ padding: 6px 24px 6px 10px; border-radius: 5px; }}
QMenu::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QMenu::item:disabled {{ color: {c.dim}; }}
QMenu::separator {{ height: 1px; background: {c.line}; margin: 5px 8px; }}
QPushButton {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 7px; padding: 6px 14px;
  min-height: 16px; }}
QPushButton[kind="word"], QPushButton[kind="link"] {{ min-height: 0; }}
QPushButton:hover {{ background: {c.raised}; }}
QPushButton:focus {{ border: 1px solid {c.accent}; }}
QPushButton:disabled {{ background: {c.window}; }}
QPushButton[kind="primary"] {{ background: {c.accent}; color: {c.on_accent}; border: 1px solid {c.accent};
  padding: 9px 20px; font-weight: 600; }}
QPushButton[kind="primary"]:disabled {{ background: {c.raised}; color: {c.dim}; border: 1px solid {c.line}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {c.text}; padding: 8px 19px; }}
QPushButton[kind="word"] {{ background: transparent; border: 1px solid transparent; text-align: left; padding: 3px 6px;
  border-radius: 6px; }}
QPushButton[kind="word"]:hover {{ background: {c.raised}; }}
QPushButton[kind="word"]:focus {{ border: 1px solid {c.accent}; }}
QPushButton[kind="link"] {{ background: transparent; border: 1px solid transparent; color: {c.accent};
  padding: 2px 6px; border-radius: 5px; }}
QPushButton[kind="link"]:hover {{ background: {c.accent_soft}; }}
QPushButton[kind="link"]:focus {{ border: 1px solid {c.accent}; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 7px; padding: 5px; }}
QToolButton:hover {{ background: {c.raised}; }}
QToolButton:focus {{ border: 1px solid {c.accent}; }}
QToolButton:checked {{ background: {c.accent_soft}; }}
QToolButton[kind="stage"] {{ background: rgba(0, 0, 0, 90); border-radius: 9px; padding: 8px; }}
QToolButton[kind="stage"]:hover, QToolButton[kind="stage"]:focus {{ background: rgba(255, 255, 255, 46); }}
QToolButton[kind="stage"]:checked {{ background: rgba(255, 255, 255, 84); }}
QToolButton::menu-indicator {{ image: none; }}
QFrame#search {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 12px; }}
QFrame#search[lit="true"] {{ border: 2px solid {c.accent}; }}
QFrame#search QLineEdit {{ background: transparent; border: none; padding: 0; selection-background-color: {c.accent}; }}
QListView#completions {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 8px; padding: 4px;
  outline: none; }}
QListView#completions::item {{ padding: 5px 8px; border-radius: 5px; }}
QListView#completions::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QFrame#panel {{ background: {c.surface}; border: none; border-left: 1px solid {c.line}; }}
QFrame#panel QScrollArea, QFrame#panel QWidget#panelBody {{ background: transparent; border: none; }}
QFrame#saved {{ background: {c.window}; border: none; border-right: 1px solid {c.line}; }}
QListView#tagList {{ background: transparent; border: none; outline: none; }}
QListWidget#savedList {{ background: transparent; border: none; padding: 0; }}
QFrame#band {{ background: {c.window}; border-top: 1px solid {c.line}; }}
QFrame#status {{ background: {c.window}; border-top: 1px solid {c.line}; }}
QFrame#advice {{ background: {c.accent_soft}; border: none; border-radius: 9px; }}
QFrame#toast {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; }}
QFrame#notice {{ background: {c.notice}; border: none; border-radius: 9px; }}
QFrame#goodNotice {{ background: {c.accent_soft}; border: none; border-radius: 9px; }}
QLabel[kind="dim"] {{ color: {c.dim}; }}
QLabel[kind="title"] {{ font-size: 19pt; font-weight: 600; }}
QLabel[kind="heading"] {{ font-weight: 600; }}
QLabel[kind="stage"] {{ color: {c.on_stage}; }}
QLabel[kind="said"] {{ color: {c.on_stage}; background: rgba(0, 0, 0, 170); border-radius: 10px; padding: 8px 16px; }}
QLabel[kind="error"] {{ color: {c.danger}; }}
QFrame#gridFrame, QListView#grid {{ background: {c.window}; border: none; }}
QListWidget, QTreeWidget {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 8px; outline: none;
  padding: 4px; selection-background-color: {c.accent_soft}; selection-color: {c.text}; }}
QListWidget::item, QTreeWidget::item {{ padding: 6px 4px; border-radius: 5px; }}
QTreeWidget::item {{ border-radius: 0; }}
QListWidget::item:selected, QTreeWidget::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QListWidget::item:focus, QTreeWidget::item:focus {{ border: none; }}
QHeaderView::section {{ background: {c.surface}; color: {c.dim}; border: none; border-bottom: 1px solid {c.line};
  padding: 5px 6px; }}
QLineEdit {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 7px; padding: 5px 8px; }}
QLineEdit:focus {{ border: 1px solid {c.accent}; }}
QProgressBar {{ background: {c.raised}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.dim}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: {c.dim}; }}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {c.accent}; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {c.line}; min-height: 36px; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:disabled {{ background: transparent; }}
QScrollBar::handle:vertical:hover {{ background: {c.dim}; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {c.line}; min-width: 36px; border-radius: 4px; margin: 2px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: transparent; }}
"""


def icon(name: str, part: str = "dim") -> QIcon:
    """Return an icon of ``resources/icons`` in a current colour; call again when the palette changes.

    Raises:
        FileNotFoundError: when there is no such icon.
    """
    # A copy, so that a caller who changes it does not change the cached one.
    return QIcon(_icon(name, part, _current))


@functools.lru_cache(maxsize=256)
def _icon(name: str, part: str, tints: Colours) -> QIcon:
    made = QIcon()
    for scale in SCALES:
        plain = _tinted(name, getattr(tints, part), ICON_SIDE, float(scale))
        made.addPixmap(plain)
        if part == "dim":
            made.addPixmap(_faded(plain), QIcon.Mode.Disabled)
            made.addPixmap(_tinted(name, tints.text, ICON_SIDE, float(scale)), QIcon.Mode.Active)
    return made


def _faded(picture: QPixmap) -> QPixmap:
    made = QPixmap(picture.size())
    made.setDevicePixelRatio(picture.devicePixelRatio())
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setOpacity(DISABLED)
    painter.drawPixmap(0, 0, picture)
    painter.end()
    return made


def pixmap(name: str, part: str, side: int, ratio: float, opacity: float = 1.0) -> QPixmap:
    """Return an icon as a square pixmap, ``side`` logical pixels wide, for a device pixel ratio."""
    return _tinted(name, getattr(_current, part), side, ratio, opacity)


@functools.lru_cache(maxsize=512)
def _tinted(name: str, tint: str, side: int, ratio: float, opacity: float = 1.0) -> QPixmap:
    source = _source(name).replace("currentColor", tint)
    picture = QPixmap(QSize(side, side) * ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setOpacity(opacity)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, side * ratio, side * ratio))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


@functools.cache
def _source(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def preload_icons() -> None:
    """Read all icon files once at the start, so that painting never reads a file."""
    for file in sorted((resources() / "icons").glob("*.svg")):
        _source(file.stem)


def icon_tasks() -> Iterator[Callable[[], object]]:
    """Yield one small step for each icon that tints it before it is first shown."""
    for part in ("dim", "on_stage"):
        for file in sorted((resources() / "icons").glob("*.svg")):
            yield functools.partial(icon, file.stem, part)
