"""The bar above the canvas: questions wait until they are answered, and nothing of a long text is cut off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.bench import press_button
from visualbp.gui.widgets.message_bar import LEAST_BESIDE, MessageBar

LONG = "Work that cannot be read: version: is 9, and this reads up to 1. It is kept in /home/somebody" + "/deep" * 20


@pytest.fixture
def bar(qtbot: QtBot) -> Iterator[MessageBar]:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    bar = MessageBar()
    column.addWidget(bar)
    column.addStretch()
    window.resize(900, 500)
    window.show()
    yield bar


@pytest.mark.parametrize("width", [320, 420, 600, 760, 900, 1500])
def test_a_long_text_has_room_beside_its_buttons_or_above_them(bar: MessageBar, width: int) -> None:
    bar.ask("matter", LONG, "error", ("Show its folder", lambda: None), ("Delete it", lambda: None))
    bar.window().resize(width, 500)
    QApplication.processEvents()
    text = bar._text
    assert text.height() >= text.heightForWidth(text.width())
    assert text.width() >= min(LEAST_BESIDE, width - 100) - 60, "the buttons leave room for words"
    inside = bar.rect()
    for button in bar._buttons:
        corner = button.mapTo(bar, button.rect().bottomRight())
        assert inside.contains(corner) and button.width() >= button.sizeHint().width()
        assert not button.geometry().translated(bar._holder.pos()).intersects(text.geometry())


def test_a_question_is_covered_by_a_message_and_not_lost(bar: MessageBar) -> None:
    answers: list[str] = []
    bar.ask("matter", "A question", "info", ("Yes", lambda: answers.append("yes")))
    bar.show_message("A message")
    bar.clear()
    assert bar.text == "A question"
    bar.show_message("Another message")
    press_button(bar, "Close")
    assert bar.text == "A question"
    press_button(bar, "Yes")
    assert answers == ["yes"] and bar.text == ""


def test_a_question_takes_the_place_of_one_about_the_same_matter(bar: MessageBar) -> None:
    later: list[str] = []
    bar.ask("one", "First", "info", ("Yes", lambda: None))
    bar.ask("two", "Second", "info", ("Yes", lambda: None), later=lambda: later.append("second"))
    bar.ask("one", "First again", "info", ("Yes", lambda: None))
    bar.withdraw("one")
    assert bar.text == "Second"
    press_button(bar, "Not now")
    assert later == ["second"] and bar.text == ""
