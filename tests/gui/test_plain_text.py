"""What a stranger's file says is plain words in the window: never markup, and nothing turns the way of reading."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QPlainTextEdit, QStatusBar, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenWindow
from tests.hostile import HOSTILE, hostile_model
from visualbp.debugger.commands import Level, StepForward
from visualbp.gui.canvas.rename import NameField
from visualbp.gui.main_window import MainWindow
from visualbp.gui.plain_text import PlainLabel, file_name_for, plain_tip


@pytest.fixture
def window(open_window: OpenWindow, tmp_path: Path) -> MainWindow:
    return open_window(str(hostile_model(tmp_path / "m<b>.vbp")), (1600, 1000))


def steers(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n" for c in text)


def said(window: MainWindow) -> Iterator[tuple[QWidget, str]]:
    """Every text that some widget shows: labels, titles, tooltips, cells, and the names for a screen reader."""
    for action in window.findChildren(QAction):
        yield window, action.text()
    for widget in [window, *window.findChildren(QWidget)]:
        yield widget, widget.toolTip()
        yield widget, widget.windowTitle()
        yield widget, widget.accessibleName()
        yield widget, widget.accessibleDescription()
        if isinstance(widget, QStatusBar):
            yield widget, widget.currentMessage()
        if isinstance(widget, QLabel):
            yield widget, widget.text()
        if isinstance(widget, QAbstractItemView) and (model := widget.model()) is not None:
            for column in (column for column in range(6) if model.index(0, column).isValid()):
                yield widget, str(model.headerData(column, Qt.Orientation.Horizontal) or "")
                for row in range(6):
                    index = model.index(row, column)
                    for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                        yield widget, str(index.data(role) or "") if index.isValid() else ""


def check(window: MainWindow) -> int:
    """Hold every text of the window against the rule, and return how many of them come from the file."""
    found = 0
    for widget, text in said(window):
        assert not steers(text), (widget, text)
        if "bold</b>" in text:
            found += 1
            if isinstance(widget, QLabel) and text == widget.text():
                assert widget.textFormat() == Qt.TextFormat.PlainText, (widget, text)
            elif text == widget.toolTip():
                assert is_escaped(text), (widget, text)
    return found


def is_escaped(tip: str) -> bool:
    """Whether a tooltip shows the words of the file as words: Qt takes it for HTML once it holds a tag."""
    return tip.startswith("<qt>") and "<b>" not in tip


def test_a_hostile_model_is_shown_as_words(window: MainWindow) -> None:
    assert "<b>bold</b>" in window.windowTitle() and "\\x1b[2J" in window.windowTitle()
    window.debugger.send(StepForward(Level.ITERATION))
    assert window.debugger.settle()
    for names in ((), window.document.network.names[1:2]):
        window.selection.select(names)
        assert window.debugger.settle()
        assert check(window)


def test_the_failure_to_open_a_hostile_file_is_shown_as_words(window: MainWindow, tmp_path: Path) -> None:
    folder = tmp_path / "a<b>\x1b\u202e"
    folder.mkdir()
    assert not window.files.open_path(hostile_model(folder / "bad.vbp", precision=HOSTILE))
    assert "a<b>\\x1b\\u202e" in window.message_bar.text and "<b>bold</b>" in window.message_bar.text
    assert check(window)


def test_data_that_cannot_be_read_are_a_problem_in_words(window: MainWindow, tmp_path: Path) -> None:
    data = {"source": "csv", "path": "table.csv", "target": HOSTILE}
    assert window.files.open_path(hostile_model(tmp_path / "data.vbp", data=data))
    assert window.debugger.settle()
    assert window.debugger.snapshot.plan is None
    assert check(window)


def test_recent_files_are_listed_in_words(window: MainWindow) -> None:
    window.show_start_page()
    assert check(window) >= 0
    links = [b.toolTip() for b in window.start_page.findChildren(QWidget) if "m&lt;b&gt;" in b.toolTip()]
    assert links and all(tip.startswith("<qt>") for tip in links)


def test_a_label_and_a_tip_show_markup_as_it_is(qtbot: QtBot) -> None:
    label = PlainLabel("<b>x</b>\u202e")
    qtbot.addWidget(label)
    assert label.text() == "<b>x</b>\\u202e" and label.textFormat() == Qt.TextFormat.PlainText
    assert plain_tip("two\nlines") == "two\nlines"
    assert plain_tip("<b>\n&lt;") == "<qt>&lt;b&gt;<br>&amp;lt;</qt>"


def test_the_fields_of_a_hostile_model_show_what_would_steer_and_leave_it_as_it_is(window: MainWindow) -> None:
    window.workspaces.bring("inspector")
    before = window.document.network
    field, words = window.findChild(QLineEdit, "network_name"), window.findChild(QPlainTextEdit, "network_description")
    assert field is not None and words is not None
    assert "\\x1b[2J" in field.text() and "\\u202e" in words.toPlainText()
    assert not steers(field.text()) and not steers(words.toPlainText().replace("\t", ""))
    field.setFocus()
    words.setFocus()
    assert window.document.network is before and not window.document.is_modified
    assert HOSTILE.strip() in window.document.network.description


def test_the_bar_below_the_edit_menu_and_names_of_files_say_it_in_words(window: MainWindow) -> None:
    name = window.document.network.names[1]
    window.messages.say(f"{HOSTILE} in a message")
    window._on_undo_text(f"Rename {HOSTILE}")
    assert "\\x1b[2J" in window.statusBar().currentMessage()
    assert check(window)
    assert not steers(file_name_for(window.document.network.name)) and "/" not in file_name_for("a/b\\c")
    assert file_name_for(" .. ") == "network"
    window.selection.select((name,))


def test_the_field_over_a_card_shows_escapes_and_takes_none_of_them_for_the_name(qtbot: QtBot) -> None:
    parent, taken = QWidget(), list[str]()
    qtbot.addWidget(parent)
    field = NameField(HOSTILE, QRect(0, 0, 200, 30), 14, parent)
    field.accepted.connect(taken.append)
    assert not steers(field.text())
    with qtbot.waitSignal(field.closed):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert not taken, "nothing was typed"
    again = NameField(HOSTILE, QRect(0, 0, 200, 30), 14, parent)
    again.accepted.connect(taken.append)
    qtbot.keyClicks(again, "plain")
    qtbot.keyClick(again, Qt.Key.Key_Return)
    assert taken == ["plain"]
