"""All keys at a glance, and menus whose check marks and icons can be seen in both themes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QMenu, QScrollArea, QToolButton
from pytestqt.qtbot import QtBot

from tests.gui.bench import pixels
from tests.gui.conftest import OpenWindow
from visualbp.gui.actions import ALL
from visualbp.gui.dialogs import CANVAS, COLUMNS, MOUSE, key_lists, show_keys
from visualbp.gui.main_window import MainWindow
from visualbp.gui.theme import theme


def keys_of(window: MainWindow) -> QDialog:
    window.show_keys()
    QApplication.processEvents()
    dialog = window.findChild(QDialog, "keys")
    assert dialog is not None
    return dialog


def test_f1_lists_every_key_of_every_action_and_every_gesture(window: MainWindow) -> None:
    shown = {label.text() for label in keys_of(window).findChildren(QLabel)}
    for spec in ALL:
        if spec.keys:
            native = [QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in spec.keys]
            assert ", ".join(native) in shown and spec.text in shown, spec.name
    for gesture, meaning in (*CANVAS, *MOUSE):
        assert gesture in shown and meaning in shown


def test_no_list_of_keys_is_left_out_of_the_columns() -> None:
    assert sorted(title for titles in COLUMNS for title in titles) == sorted(key_lists())


@pytest.mark.parametrize(("scale", "fits"), [(1.0, True), (2.0, False)])
def test_the_keys_fit_a_small_window_or_scroll(qtbot: QtBot, open_window: OpenWindow, scale: float, fits: bool) -> None:
    window = open_window("xor", (1024, 700))
    theme().set("dark", scale)
    qtbot.wait(50)
    dialog = show_keys(window)
    qtbot.wait(50)
    area = dialog.findChild(QScrollArea)
    assert area is not None
    assert dialog.width() <= window.width() and dialog.height() <= window.height()
    assert (area.verticalScrollBar().maximum() == 0) == fits
    assert (area.horizontalScrollBar().maximum() == 0) == fits


@pytest.mark.parametrize("name", ["dark", "light"])
def test_a_checked_entry_differs_from_an_unchecked_one_by_a_tick(window: MainWindow, name: str) -> None:
    theme().set(name)
    menu = QMenu(window)
    one = menu.addAction("Entry")
    one.setCheckable(True)
    menu.resize(menu.sizeHint())
    plain = pixels(menu)
    one.setChecked(True)
    checked = pixels(menu)
    assert not np.array_equal(plain, checked)
    accent, tick = theme().color("accent"), theme().color("on_accent")
    for color in (accent, tick):
        wanted = np.array([color.blue(), color.green(), color.red()])
        near = np.abs(checked[..., :3].astype(int) - wanted).max(axis=-1) < 40
        assert near.any(), color.name()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_icons_in_menus_stand_out_from_their_ground(window: MainWindow, name: str) -> None:
    theme().set(name)
    ground = theme().color("card").lightness()
    for spec in ALL:
        action = window.actions_by_name[spec.name]
        if not spec.icon or spec.checkable:
            continue
        image = action.icon().pixmap(20, 20).toImage()
        drawn = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        assert any(c.alpha() > 200 and abs(c.lightness() - ground) > 70 for c in drawn), spec.name


def test_continue_keeps_its_own_colour_on_its_button(window: MainWindow) -> None:
    theme().set("light")
    button = window.tool_bar.findChild(QToolButton, "button_continue")
    assert button is not None
    image = button.icon().pixmap(20, 20).toImage()
    drawn = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    assert {c.name() for c in drawn if c.alpha() == 255} <= {theme().color("on_accent").name()}
