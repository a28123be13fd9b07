# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences, generated from the fields of ``Settings``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QGridLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from semantic_photos.domain.settings import LANGUAGES, SYSTEM_LANGUAGE, Settings
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.translation import tr, translated

#: Fields that the window sets itself.
_HIDDEN = frozenset({"window_geometry", "thumbnail_side", "side_panel", "saved_folded", "caution", "result_order"})
#: Fields that take effect after a restart.
_AT_START = frozenset({"decode_processes", "encoder_threads", "thumbnail_cache_mb", "rescan_minutes", "language"})

_Editor = QSpinBox | QCheckBox | QComboBox


class SettingsDialog(QDialog):
    """Edits settings; ``saved`` is called with the new ones."""

    def __init__(self, settings: Settings, saved: Callable[[Settings], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._saved = settings, saved
        self.setWindowTitle(tr("Preferences"))
        self._fields: dict[str, _Editor] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(14)
        grid.setColumnStretch(0, 1)
        for row, field in enumerate(f for f in dataclasses.fields(Settings) if f.name not in _HIDDEN):
            description = translated(field.metadata["description"])
            words = label(description, wrap=True)
            if field.name in _AT_START:
                words.setText(tr("{description} Takes effect after a restart.", description=description))
            words.setMinimumWidth(330)
            editor = self._editor(field)
            editor.setAccessibleName(description)
            self._fields[field.name] = editor
            grid.addWidget(words, row, 0)
            grid.addWidget(editor, row, 1)
        save, cancel = button(tr("Save"), "primary"), button(tr("Cancel"))
        save.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 18)
        column.setSpacing(20)
        column.addLayout(grid)
        column.addStretch(1)
        column.addLayout(buttons)
        save.clicked.connect(self._save)
        cancel.clicked.connect(self.reject)

    def _editor(self, field: dataclasses.Field[Any]) -> _Editor:
        value = getattr(self._settings, field.name)
        if isinstance(value, bool):
            box = QCheckBox()
            box.setChecked(value)
            return box
        if field.name == "language":
            return _language_box(value)
        spin = QSpinBox()
        spin.setRange(int(field.metadata.get("least", 0)), int(field.metadata.get("most", 1_000_000)))
        spin.setValue(int(value))
        spin.setMinimumWidth(120)
        spin.setMinimumHeight(30)
        spin.setGroupSeparatorShown(True)
        return spin

    def _save(self) -> None:
        values: dict[str, Any] = {name: _value(editor) for name, editor in self._fields.items()}
        self._saved(dataclasses.replace(self._settings, **values))
        self.accept()


def _language_box(value: str) -> QComboBox:
    box = QComboBox()
    for code, name in {SYSTEM_LANGUAGE: tr("System language"), **LANGUAGES}.items():
        box.addItem(name, code)
    box.setCurrentIndex(box.findData(value))
    return box


def _value(editor: _Editor) -> object:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    return editor.currentData() if isinstance(editor, QComboBox) else editor.value()
