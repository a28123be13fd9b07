# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapting to confirmations, from the menu of tags: tried, figures shown, applied, undone, stopped."""

from __future__ import annotations

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from semantic_photos.gui.dialogs.personalization_dialog import PersonalizationDialog
from tests.gui.conftest import Desk


@pytest.fixture
def dialog(desk: Desk) -> PersonalizationDialog:
    menu = desk.window.tags.menu()
    next(action for action in menu.actions() if action.text().startswith("Personalization")).trigger()
    opened = desk.window.tags.dialog
    assert isinstance(opened, PersonalizationDialog)
    desk.until(lambda: opened.try_button.isEnabled())
    return opened


def test_it_is_tried_shown_applied_and_undone(desk: Desk, dialog: PersonalizationDialog) -> None:
    assert "Personalization is off" in dialog.told.text()
    assert not dialog.undo_button.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    desk.until(dialog.apply_button.isVisible)
    assert dialog.figures() == [("Precision at 10 of confirmed words", "50.0 %", "60.0 %", "12")]
    assert "bello" in dialog.moved.text()
    assert not desk.library.personalization.active, "nothing is changed by a trial"
    dialog.apply_button.click()
    desk.until(dialog.undo_button.isVisible)
    assert desk.library.personalization.active
    assert "40 confirmations" in dialog.told.text()
    desk.until(dialog.undo_button.isEnabled)
    dialog.undo_button.click()
    desk.until(lambda: "Personalization is off" in dialog.told.text())
    assert not desk.library.personalization.active
    dialog.close()


def test_what_is_not_better_cannot_be_applied(desk: Desk, dialog: PersonalizationDialog) -> None:
    desk.library.personalization.better = False
    dialog.try_button.click()
    desk.until(lambda: "No measurable improvement" in dialog.told.text())
    assert not dialog.apply_button.isVisible()
    dialog.close()


def test_a_trial_can_be_stopped_and_ends_with_the_dialog(desk: Desk, dialog: PersonalizationDialog) -> None:
    personalization = desk.library.personalization
    personalization.hold.clear()
    dialog.try_button.click()
    desk.until(dialog.stop_button.isVisible)
    dialog.stop_button.click()
    assert "Nothing was changed" in dialog.told.text()
    desk.until(lambda: personalization.cancelled)
    personalization.cancelled = False
    dialog.try_button.click()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    desk.until(lambda: personalization.cancelled)


def test_a_correction_that_is_not_used_can_be_taken_off(desk: Desk) -> None:
    desk.library.personalization.trouble = "It is damaged."
    desk.window.tags.ask_to_personalize()
    dialog = desk.window.tags.dialog
    assert isinstance(dialog, PersonalizationDialog)
    desk.until(lambda: dialog.told.text() == "It is damaged.")
    dialog.undo_button.click()
    desk.until(lambda: "Personalization is off" in dialog.told.text())
    dialog.close()


def test_a_dialog_that_is_gone_hears_nothing_more_of_its_trial(desk: Desk, dialog: PersonalizationDialog) -> None:
    personalization = desk.library.personalization
    personalization.hold.clear()
    dialog.try_button.click()
    desk.until(lambda: personalization.waiting)
    dialog.close()
    shiboken6.delete(dialog)
    desk.until(lambda: personalization.cancelled)
    assert not personalization.lost, "how far it is goes nowhere, and the trial ends as it should"
