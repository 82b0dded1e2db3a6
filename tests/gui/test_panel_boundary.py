"""The panel of the decision boundary: the picture is what the network answers, and nothing is disturbed by asking."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, with_training, xor
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import MakeBench, ShowPanel
from visualbp.analysis.boundary import Boundary
from visualbp.debugger.commands import Level, Train
from visualbp.gui.panels.boundary import BoundaryPanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.boundary_picture import boundary_image, contour
from visualbp.network import Network


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench(xor(8, training=with_training(xor(), batch_size=4).training, seed=3))


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> Iterator[BoundaryPanel]:
    made = show_panel(bench, BoundaryPanel, (302, 260))
    yield made
    made._timer.stop()


def settled(qtbot: QtBot, panel: BoundaryPanel) -> Boundary:
    """Wait until the picture is as fine as it gets, and return it."""
    qtbot.waitUntil(lambda: panel.boundary is not None and not panel._timer.isActive(), timeout=10000)
    assert panel.boundary is not None
    return panel.boundary


def spot_of(panel: BoundaryPanel, x: float, y: float) -> QPointF:
    return QPointF(panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(x, y))))


def test_a_trained_xor_parts_the_corners(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    bench.send(Train(8000))
    assert (bench.snapshot.loss or 1.0) < 0.1
    found = settled(qtbot, panel)
    for x, y, wanted in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        row, column = int(np.abs(found.y - y).argmin()), int(np.abs(found.x - x).argmin())
        assert found.classes[row, column] == wanted
    picture = pixels(panel.plot)
    blue, red = (
        picture[int(spot.y()) + 14, int(spot.x()) + 14] for spot in (spot_of(panel, 0, 0), spot_of(panel, 0, 1))
    )
    assert blue[0] > blue[2] and red[2] > red[0]


def test_the_picture_follows_the_training(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    first = settled(qtbot, panel)
    bench.send(Train(200))
    qtbot.waitUntil(lambda: panel.boundary is not first, timeout=30_000)
    second = settled(qtbot, panel)
    assert not np.array_equal(first.probabilities[:1, :1], second.probabilities[:1, :1])


def test_asking_for_the_picture_disturbs_nothing(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    bench.step(level=Level.ITERATION)
    before = {value: array.copy() for value, array in bench.snapshot.values.items()}
    settled(qtbot, panel)
    bench.settle()
    assert before.keys() == bench.snapshot.values.keys()
    for value, array in before.items():
        np.testing.assert_array_equal(array, bench.snapshot.values[value])


def test_clicking_a_point_chooses_the_sample(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    settled(qtbot, panel)
    before = pixels(panel.plot)
    spot = spot_of(panel, 1.0, 0.0).toPoint()
    QTest.mouseClick(panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert bench.selection.sample == 2
    assert not np.array_equal(before, pixels(panel.plot))
    assert panel.hover_text(QPointF(spot)).startswith("sample 2: (1.000, 0)")


def test_hovering_tells_the_answer_there(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    settled(qtbot, panel)
    assert "probability" in panel.hover_text(spot_of(panel, 0.5, 0.6))


def test_other_networks_get_a_sentence_instead(bench: Bench, panel: BoundaryPanel) -> None:
    bench.open(
        chain(
            ("input", "input", {"shape": [3]}),
            ("output", "dense", {"units": 1}),
            ("loss", "mean_squared_error", {}),
            data=inline([[1.0, 2.0, 3.0]], [[0.0]]),
        )
    )
    assert panel.pages.currentWidget() is panel.empty
    assert "two inputs" in panel.empty.text.text() and "(3)" in panel.empty.text.text()
    bench.open(Network())
    assert "open a sample" in panel.empty.text.text()


def test_a_batch_that_is_part_of_the_data_is_ringed(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    bench.open(with_training(xor(), batch_size=2))
    bench.step(level=Level.ITERATION)
    settled(qtbot, panel)
    x, y = panel.batch.getData()
    assert list(zip(x, y, strict=True)) == [(0.0, 0.0), (0.0, 1.0)]
    assert "the batch" in panel.words.text()


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_any_number_of_classes_is_drawn(qtbot: QtBot, bench: Bench, panel: BoundaryPanel, classes: int) -> None:
    generator = np.random.default_rng(1)
    bench.open(
        chain(
            ("input", "input", {"shape": [2]}),
            ("output", "dense", {"units": classes}),
            ("loss", "softmax_cross_entropy", {}),
            data=inline(generator.standard_normal((40, 2)), generator.integers(0, classes, 40)),
        )
    )
    found = settled(qtbot, panel)
    assert found.probabilities.shape[-1] == classes
    assert boundary_image(found).width() == len(found.x)
    assert len(np.unique(pixels(panel.plot).reshape(-1, 4), axis=0)) > 30


def test_answers_that_are_not_finite_are_said(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    bench.open(
        chain(
            ("input", "input", {"shape": [2]}),
            ("output", "dense", {"units": 1}),
            ("loss", "mean_squared_error", {}),
            data=inline([[0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0]]),
            parameters={"output": {"weight": np.array([[np.nan, 1.0]]), "bias": np.zeros(1)}},
        )
    )
    settled(qtbot, panel)
    assert "not finite" in panel.words.text() and panel.words.tone == "error"


def test_a_change_of_theme_draws_it_in_its_colours(qtbot: QtBot, bench: Bench, panel: BoundaryPanel) -> None:
    settled(qtbot, panel)
    dark = pixels(panel.plot)
    try:
        theme().set("light")
        QApplication.processEvents()
        assert not np.array_equal(dark, pixels(panel.plot))
    finally:
        theme().set("dark")


def test_the_contour_of_a_disc_is_its_circle() -> None:
    x, y = np.linspace(-2, 2, 81), np.linspace(-1.5, 1.5, 61)
    across, up = np.meshgrid(x, y)
    lines = contour(x, y, 1.0 - across**2 - up**2)
    points = np.array([(p.x(), p.y()) for line in lines for p in (line.p1(), line.p2())])
    np.testing.assert_allclose(np.hypot(*points.T), 1.0, atol=2e-3)
    length = sum(line.length() for line in lines)
    assert length == pytest.approx(2 * np.pi, rel=5e-3)


def test_a_contour_has_no_piece_where_there_is_nan() -> None:
    values = np.array([[1.0, -1.0], [np.nan, 1.0]])
    assert contour(np.array([0.0, 1.0]), np.array([0.0, 1.0]), values) == []
