"""The table of numbers: what it shows, and editing, copying and pasting as a person does them."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from tests.gui.bench import pixels, type_over
from visualbp.gui.widgets.number_model import NumberError, parse_number, parse_table
from visualbp.gui.widgets.number_table import NumberTable

WEIGHT = np.array([[0.5, -0.25, 1e-7, 2.0], [0.1, 0.2, 0.3, -0.4]])


@pytest.fixture
def table(qtbot: QtBot) -> NumberTable:
    made = NumberTable()
    qtbot.addWidget(made)
    made.set_name("output.weight")
    made.set_editable(True)
    made.show_array(WEIGHT)
    made.resize(400, 80)
    made.show()
    return made


def cell(table: NumberTable, row: int, column: int) -> QPoint:
    return table.visualRect(table.numbers.index(row, column)).center()


def type_into(table: NumberTable, row: int, column: int, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
    """Double-click a cell, type, and press a key."""
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, row, column))
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, row, column))
    field = table.findChild(QLineEdit)
    assert field is not None
    type_over(field, text, key)


def test_a_double_click_edits_a_number_and_gives_a_new_array(qtbot: QtBot, table: NumberTable) -> None:
    with qtbot.waitSignal(table.edited) as edit:
        type_into(table, 0, 2, "0.75")
    array, index = edit.args
    assert index == (0, 2) and array[0, 2] == 0.75
    expected = WEIGHT.copy()
    expected[0, 2] = 0.75
    assert np.array_equal(array, expected)
    assert WEIGHT[0, 2] == 1e-7 and not array.flags.writeable


def test_typing_over_a_chosen_cell_edits_it(qtbot: QtBot, table: NumberTable) -> None:
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 1, 0))
    with qtbot.waitSignal(table.edited) as edit:
        QTest.keyClick(table, Qt.Key.Key_7)
        QTest.keyClick(table.findChild(QLineEdit), Qt.Key.Key_Return)
    assert edit.args[0][1, 0] == 7.0


def test_escape_leaves_the_number_as_it_was(qtbot: QtBot, table: NumberTable) -> None:
    with qtbot.assertNotEmitted(table.edited, wait=50):
        type_into(table, 0, 0, "9", Qt.Key.Key_Escape)


@pytest.mark.parametrize("text", ["abc", "", "1e999", "nan", "1.2.3"])
def test_what_is_no_number_is_refused_in_words_that_name_the_place(qtbot: QtBot, table: NumberTable, text: str) -> None:
    with qtbot.waitSignal(table.refused) as refusal, qtbot.assertNotEmitted(table.edited):
        type_into(table, 1, 3, text or " ")
    assert "output.weight[1, 3]" in refusal.args[0]


def test_a_table_that_is_only_to_look_at_opens_no_editor(table: NumberTable) -> None:
    table.set_editable(False)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 0, 0))
    assert table.findChild(QLineEdit) is None


def test_a_click_and_the_space_bar_ask_where_a_number_came_from(qtbot: QtBot, table: NumberTable) -> None:
    with qtbot.waitSignal(table.number_chosen) as choice:
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 1, 2))
    assert choice.args == [(1, 2)]
    QTest.keyClick(table, Qt.Key.Key_Left)
    with qtbot.waitSignal(table.number_chosen) as choice:
        QTest.keyClick(table, Qt.Key.Key_Space)
    assert choice.args == [(1, 1)]


def test_the_index_of_a_deeper_array_is_its_own_and_not_the_matrix_s(qtbot: QtBot, table: NumberTable) -> None:
    table.set_editable(False)
    table.show_array(np.arange(24.0).reshape(2, 3, 2, 2))
    assert table.numbers.array_index(1, 7) == (1, 1, 1, 1)
    assert table.numbers.number(1, 7) == np.arange(24.0).reshape(2, 3, 2, 2)[1, 1, 1, 1]
    assert table.numbers.cell_of((1, 1, 1, 1)) == (1, 7)


def test_copied_numbers_are_exact_and_come_back_by_pasting(qtbot: QtBot, table: NumberTable) -> None:
    table.copy_array(table.numbers.array)
    text = QGuiApplication.clipboard().text()
    assert np.array_equal(np.array([[float(part) for part in line.split("\t")] for line in text.split("\n")]), WEIGHT)
    QGuiApplication.clipboard().setText("1\t2\n3\t4")
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 0, 1))
    with qtbot.waitSignal(table.edited) as edit:
        QTest.keySequence(table, QKeySequence(QKeySequence.StandardKey.Paste))
    expected = WEIGHT.copy()
    expected[0:2, 1:3] = [[1, 2], [3, 4]]
    assert np.array_equal(edit.args[0], expected)


def test_a_selection_is_copied_by_itself(table: NumberTable) -> None:
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 0, 0))
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, pos=cell(table, 1, 1)
    )
    QTest.keySequence(table, QKeySequence(QKeySequence.StandardKey.Copy))
    assert QGuiApplication.clipboard().text() == "0.5\t-0.25\n0.1\t0.2"


def test_pasting_what_sticks_out_is_cut_and_ragged_text_is_refused(qtbot: QtBot, table: NumberTable) -> None:
    QGuiApplication.clipboard().setText("1 2 3\n4 5 6\n7 8 9")
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 1, 3))
    with qtbot.waitSignal(table.edited) as edit:
        table.paste()
    assert edit.args[0][1, 3] == 1.0 and np.array_equal(edit.args[0][0], WEIGHT[0])
    QGuiApplication.clipboard().setText("1\tmany")
    with qtbot.waitSignal(table.refused) as refusal:
        table.paste()
    assert "row 1, column 2" in refusal.args[0]


def test_absent_numbers_are_hatched_and_never_shown_as_zero(table: NumberTable) -> None:
    table.show_array(np.zeros((2, 4)))
    zeros = pixels(table)
    table.show_array(None, (2, 4))
    absent = pixels(table)
    assert not np.array_equal(zeros, absent)
    assert table.numbers.data(table.numbers.index(0, 0)) == "not yet"
    table.show_array(np.zeros((2, 4)))
    assert np.array_equal(pixels(table), zeros)


def test_what_was_chosen_stays_chosen_when_numbers_come_and_go(table: NumberTable) -> None:
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell(table, 1, 2))
    for array in (None, WEIGHT + 1.0, None, WEIGHT):
        table.show_array(array, WEIGHT.shape)
    assert table.current_index() == (1, 2)


def test_the_sign_and_the_size_of_a_number_show_in_the_colour_of_its_cell(table: NumberTable) -> None:
    table.show_array(np.array([[1.0, -1.0, 0.0, 0.5]]))
    picture = pixels(table)

    def color(column: int) -> np.ndarray:
        rect = table.visualRect(table.numbers.index(0, column))
        return picture[rect.top() + 3, rect.left() + 3, :3].astype(int)  # blue, green, red

    positive, negative, zero, half = (color(column) for column in range(4))
    assert positive[2] > positive[0] + 50 and negative[0] > negative[2] + 50
    assert abs(zero[2] - zero[0]) < 20
    assert zero[2] < half[2] < positive[2] or zero[2] > half[2] > positive[2] or half[0] < zero[0]


def test_a_value_that_is_not_finite_is_marked_and_named(table: NumberTable) -> None:
    table.show_array(np.array([[1.0, 0.0]]))
    plain = pixels(table)
    table.show_array(np.array([[1.0, np.nan]]))
    assert not np.array_equal(pixels(table), plain)
    assert "nan" in table.tip_at(cell(table, 0, 1))


def test_hovering_gives_the_name_the_index_and_the_exact_value(table: NumberTable) -> None:
    assert table.tip_at(cell(table, 0, 2)) == "output.weight[0, 2] = 1e-07"


def test_four_hundred_thousand_numbers_cost_no_more_than_those_in_sight(qtbot: QtBot, table: NumberTable) -> None:
    big = np.random.default_rng(0).normal(size=(512, 784))
    seen = 0
    original = table.numbers.number

    def counting(row: int, column: int) -> float | None:
        nonlocal seen
        seen += 1
        return original(row, column)

    table.numbers.number = counting  # type: ignore[method-assign]
    table.show_array(big)
    pixels(table)
    assert 0 < seen < 2000
    assert table.height() < 400, "it scrolls instead of growing"
    table.show_place((511, 783))
    assert table.visualRect(table.numbers.index(511, 783)).intersects(table.viewport().rect())


def test_columns_fill_the_width_where_they_fit(table: NumberTable) -> None:
    widths = [table.columnWidth(column) for column in range(4)]
    assert max(widths) - min(widths) <= 4
    assert sum(widths) == pytest.approx(table.viewport().width(), abs=2)


@pytest.mark.parametrize(("text", "number"), [("0,5", 0.5), (" −3 ", -3.0), ("1e-3", 1e-3), ("+2", 2.0)])
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    assert parse_number(text) == number


def test_tables_are_read_with_tabs_semicolons_or_blanks() -> None:
    assert parse_table("1\t2\r\n3\t4\r\n") == parse_table("1;2\n3;4") == parse_table("1 2\n3 4") == [[1, 2], [3, 4]]
    with pytest.raises(NumberError, match="no numbers"):
        parse_table("\n\n")
