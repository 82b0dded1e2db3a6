"""Heat maps: every cell answers, nothing that stands out is lost, and what is absent never looks like zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.gui.bench import pixels
from tests.refs import ref
from visualbp.gui.painting import short_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets import heat_tile
from visualbp.gui.widgets.arrangement import sample_grid, whole_grid
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heat_tile import HeatTile
from visualbp.gui.widgets.histogram import BINS, Histogram, bin_counts
from visualbp.gui.widgets.shading import Diverging, Magnitude, SharedRange, nice_limit, peaks

VALUE = ref("hidden", "h")
ARRAY = np.array([[0.1234567890123456, -1.0, 0.0], [1.0, np.nan, 2.0]])


@pytest.fixture
def heat_map(qtbot: QtBot) -> Iterator[HeatMap]:
    widget = HeatMap()
    qtbot.addWidget(widget)
    widget.resize(300, 100)
    widget.show_array(VALUE, ARRAY, Diverging(2.0))
    widget.show()
    qtbot.waitExposed(widget)
    pixels(widget)
    yield widget


def cell_centre(heat_map: HeatMap, row: int, column: int) -> QPoint:
    box = heat_map.tile.cell_rect((row, column))
    assert box is not None
    return box.center().toPoint()


def color_at(heat_map: HeatMap, row: int, column: int) -> QColor:
    box = heat_map.tile.cell_rect((row, column))
    assert box is not None
    blue, green, red, _ = pixels(heat_map)[int(box.top()) + 3, int(box.left()) + 3]
    return QColor(int(red), int(green), int(blue))


def test_hovering_tells_name_index_and_the_exact_value(heat_map: HeatMap) -> None:
    assert heat_map.hover_text(QPointF(cell_centre(heat_map, 0, 0))) == "hidden.h[0, 0] = 0.1234567890123456"
    assert heat_map.hover_text(QPointF(cell_centre(heat_map, 1, 2))) == "hidden.h[1, 2] = 2.0"


def test_a_click_asks_where_that_number_came_from(heat_map: HeatMap, qtbot: QtBot) -> None:
    with qtbot.waitSignal(heat_map.number_chosen) as asked:
        QTest.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=cell_centre(heat_map, 1, 0))
    assert asked.args == [VALUE, (1, 0)]


def test_arrow_keys_walk_over_the_cells_and_enter_asks(heat_map: HeatMap, qtbot: QtBot) -> None:
    heat_map.setFocus(Qt.FocusReason.TabFocusReason)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        QTest.keyClick(heat_map, key)
    with qtbot.waitSignal(heat_map.number_chosen) as asked:
        QTest.keyClick(heat_map, Qt.Key.Key_Return)
    assert asked.args == [VALUE, (1, 1)]
    assert "hidden.h[1, 1]" in heat_map.accessibleDescription()


def test_arrow_keys_stop_at_the_edges(heat_map: HeatMap, qtbot: QtBot) -> None:
    heat_map.setFocus(Qt.FocusReason.TabFocusReason)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
        QTest.keyClick(heat_map, key)
    with qtbot.waitSignal(heat_map.number_chosen) as asked:
        QTest.keyClick(heat_map, Qt.Key.Key_Space)
    assert asked.args == [VALUE, (0, 0)]


def test_copying_gives_exact_numbers_in_rows_and_tabs(heat_map: HeatMap) -> None:
    heat_map.setFocus()
    QTest.keyClick(heat_map, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    rows = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    np.testing.assert_array_equal(np.array([[float(cell) for cell in row] for row in rows]), ARRAY)


def test_ctrl_c_is_taken_from_the_windows_own_copy(heat_map: HeatMap) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    event.ignore()
    QGuiApplication.sendEvent(heat_map, event)
    assert event.isAccepted()


def test_zero_is_neutral_and_signs_are_blue_and_red(heat_map: HeatMap) -> None:
    zero, negative, positive = (color_at(heat_map, *cell) for cell in ((0, 2), (0, 1), (1, 2)))
    assert zero.name() == theme().palette.neutral
    assert negative.blue() > negative.red() and positive.red() > positive.blue()


def test_a_value_that_is_not_finite_has_the_colour_of_an_error(heat_map: HeatMap) -> None:
    assert color_at(heat_map, 1, 1).name() == theme().palette.error


def test_an_absent_array_is_hatched_says_so_and_cannot_be_clicked(heat_map: HeatMap, qtbot: QtBot) -> None:
    zeros = np.zeros_like(ARRAY)
    heat_map.show_array(VALUE, zeros, Diverging(2.0))
    of_zeros = pixels(heat_map)
    heat_map.show_array(VALUE, None, Diverging(2.0))
    assert not np.array_equal(of_zeros, pixels(heat_map))
    assert heat_map.hover_text(QPointF(50, 50)) == "hidden.h: not yet computed"
    with qtbot.assertNotEmitted(heat_map.number_chosen):
        QTest.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))


def test_an_outdated_array_is_dimmed_and_says_so(heat_map: HeatMap) -> None:
    fresh = color_at(heat_map, 1, 2)
    heat_map.show_array(VALUE, ARRAY, Diverging(2.0), stale=True)
    assert color_at(heat_map, 1, 2) != fresh
    assert heat_map.hover_text(QPointF(cell_centre(heat_map, 1, 2))).endswith("(outdated)")


def test_a_changed_array_is_drawn_anew_even_where_memory_is_reused(heat_map: HeatMap) -> None:
    for sign in (1.0, -1.0) * 5:
        heat_map.show_array(VALUE, np.full((2, 3), sign * 2.0), Diverging(2.0))
        color = color_at(heat_map, 0, 0)
        assert (color.red() > color.blue()) == (sign > 0)


def test_the_chosen_number_is_outlined(heat_map: HeatMap) -> None:
    before = pixels(heat_map)
    heat_map.mark_number((VALUE, (0, 1)))
    after = pixels(heat_map)
    changed = np.argwhere((before != after).any(-1))
    box = heat_map.tile.cell_rect((0, 1))
    assert box is not None and len(changed)
    top, left = changed.min(0)
    bottom, right = changed.max(0)
    assert box.left() - 3 <= left and right <= box.right() + 3 and box.top() - 3 <= top and bottom <= box.bottom() + 3


def test_a_thousand_samples_with_one_outlier_show_it_in_a_small_picture(qtbot: QtBot) -> None:
    array = np.zeros((1000, 784))
    array[517, 333] = 9.0
    widget = HeatMap()
    qtbot.addWidget(widget)
    widget.resize(120, 40)
    widget.show_array(VALUE, array, Diverging(9.0))
    reds = (pixels(widget)[..., 2] > 180).sum()
    assert reds >= 1
    spot = QPointF(333 / 784 * 120 + 0.2, 517 / 1000 * 40 + 0.2)
    assert widget.hover_text(spot) == "hidden.h[517, 333] = 9.0"


@given(
    arrays(
        np.float64,
        array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(allow_nan=False, width=32) | st.just(np.nan),
    ),
    st.integers(1, 12),
    st.integers(1, 12),
)
@settings(max_examples=60, deadline=None)
def test_cutting_a_matrix_to_pixels_keeps_its_largest_magnitude(matrix: np.ndarray, rows: int, columns: int) -> None:
    cut = peaks(matrix, rows, columns)
    assert cut.shape == (min(rows, matrix.shape[0]), min(columns, matrix.shape[1]))
    assert np.isnan(cut).any() == np.isnan(matrix).any()
    if not np.isnan(matrix).any():
        assert np.abs(cut).max() == np.abs(matrix).max()
    assert np.isin(cut[~np.isnan(cut)], matrix).all()


@given(array_shapes(min_dims=1, max_dims=4, max_side=6), st.data())
@settings(max_examples=60, deadline=None)
def test_every_index_has_a_cell_and_every_cell_its_index(shape: tuple[int, ...], data: st.DataObject) -> None:
    tile = HeatTile(VALUE)
    array = np.arange(np.prod(shape), dtype=float).reshape(shape)
    grid = whole_grid(shape)
    if len(shape) > 1 and data.draw(st.booleans()):
        sample = data.draw(st.integers(0, shape[0] - 1))
        grid = sample_grid(shape, sample, data.draw(st.integers(1, 300)), data.draw(st.integers(1, 100)))
        assert grid.count == array[sample].size
    tile.show(array, Diverging(1.0), grid)
    for row in range(grid.rows):
        for column in range(grid.columns):
            index = tile.index_of((row, column))
            if index is None:
                assert grid.blank
                continue
            assert tile.cell_of(index) == (row, column)
            assert tile.number((row, column)) == array[index]


@given(st.floats(1e-250, 1e250))
def test_a_nice_limit_is_at_or_a_little_above_what_it_holds(limit: float) -> None:
    found = nice_limit(limit)
    assert limit * (1 - 1e-8) <= found <= limit * 1.6


def test_one_range_holds_all_arrays_and_leaves_out_what_is_not_finite() -> None:
    shared = SharedRange()
    arrays_ = {"a": np.array([1.0, np.nan]), "b": np.array([-3.7, np.inf])}
    assert 3.7 <= shared.limit(arrays_) <= 4.0
    assert shared.limit({"a": arrays_["a"]}) == 1.0
    assert shared.limit({}) == 1.0


def test_magnitudes_have_more_colour_the_larger_they_are_and_zero_the_least() -> None:
    places = Magnitude(1e-6, 1.0).indices(np.array([0.0, 1e-6, 1e-3, 1.0, np.inf]))
    assert places[0] == places[1] < places[2] < places[3] < places[4]


# -- the histogram ---------------------------------------------------------------------------------------------------


@given(arrays(np.float64, st.integers(0, 200), elements=st.floats(-1, 1)))
def test_a_histogram_counts_as_numpy_does(numbers: np.ndarray) -> None:
    counts, wrong = bin_counts(numbers, 1.0)
    assert wrong == 0 and counts.sum() == len(numbers)
    edges = np.linspace(-1, 1, BINS + 1)
    inside = np.abs(numbers[:, None] - edges[None]).min(1, initial=np.inf) > 1e-12  # edges round either way
    np.testing.assert_array_equal(bin_counts(numbers[inside], 1.0)[0], np.histogram(numbers[inside], edges)[0])


def test_a_histogram_says_how_many_are_not_finite() -> None:
    counts, wrong = bin_counts(np.array([0.0, np.nan, np.inf, 0.5]), 1.0)
    assert (counts.sum(), wrong) == (2, 2)


def test_clicking_a_bar_chooses_a_number_that_it_counts(qtbot: QtBot) -> None:
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.resize(310, 80)
    array = np.array([[0.05, -0.9], [0.64, 0.63]])
    histogram.show_array(VALUE, array, 1.0)
    bar = int(np.searchsorted([histogram.bounds(place)[1] for place in range(BINS)], 0.64))
    spot = QPoint(int((bar + 0.5) * 10), 30)
    with qtbot.waitSignal(histogram.number_chosen) as asked:
        QTest.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=spot)
    assert asked.args == [VALUE, (1, 0)]
    assert "2 of 4 (50.0%)" in histogram.hover_text(QPointF(spot))


def test_a_bar_of_one_sample_has_the_index_in_the_whole_batch(qtbot: QtBot) -> None:
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.resize(310, 80)
    histogram.show_array(VALUE, np.array([[0.0, 0.1], [0.9, -0.9]]), 1.0, sample=1)
    with qtbot.waitSignal(histogram.number_chosen) as asked:
        QTest.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=QPoint(15, 70 - 15))
    assert asked.args == [VALUE, (1, 1)]


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_short_number_has_seven_signs_at_most_and_means_the_same(number: float) -> None:
    text = short_text(number)
    assert len(text) <= 7
    read = float(text.replace("−", "-"))
    assert np.isclose(read, number, rtol=0.5, atol=5e-324, equal_nan=True) or np.isinf(read)


def test_a_number_that_is_wider_than_its_cell_is_written_short(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    shortened: list[float] = []
    monkeypatch.setattr(heat_tile, "short_text", lambda number: (shortened.append(number), short_text(number))[1])
    heat_map = HeatMap()
    qtbot.addWidget(heat_map)
    heat_map.show_array(VALUE, np.array([[-5.953e-05, 0.5, 0.25, 1.0]]), Diverging(1.0))
    for width, expected in ((4 * 54, [-5.953e-05]), (4 * 120, [])):
        shortened.clear()
        heat_map.resize(width, 30)
        heat_map.grab()
        assert shortened == expected
