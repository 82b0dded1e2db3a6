"""Inspector and mathematics in a narrow column, and for a lecturer: everything wraps, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.conftest import MakeBench, ShowPanel
from tests.gui.shape_networks import ALL
from tests.refs import ref
from visualbp.debugger.commands import Level
from visualbp.gui.inspector.form import OptionForm
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.flow_layout import FlowLayout


@pytest.fixture(params=[1.0, 1.5])
def scale(request: pytest.FixtureRequest) -> Iterator[float]:
    theme().set(scale=request.param)
    yield request.param


def cut_off(panel: QWidget) -> list[str]:
    """Return what ends beyond the right edge of the visible page."""
    QApplication.processEvents()
    found = []
    for area in panel.findChildren(QScrollArea):
        if not area.isVisible():
            continue
        for child in area.widget().findChildren(QWidget):
            if child.isVisible() and isinstance(child, QLabel | QPushButton | OptionForm):
                right = child.mapTo(area.widget(), QPoint(child.width(), 0)).x()
                if right > area.viewport().width():
                    found.append(f"{type(child).__name__} {child.objectName()}: {right} > {area.viewport().width()}")
    return found


@pytest.mark.parametrize("name", list(ALL))
def test_in_a_column_of_300_pixels_nothing_is_cut_off(
    make_bench: MakeBench, show_panel: ShowPanel, scale: float, name: str
) -> None:
    bench = make_bench(ALL[name]())
    bench.step(level=Level.ITERATION)
    for kind in (InspectorPanel, MathematicsPanel):
        panel = show_panel(bench, kind, (300, 700))
        assert panel.width() == 300
        for layer in ("", *bench.network.names):
            bench.selection.select((layer,) if layer else ())
            for role in ("weight", "h", "attention"):
                array = bench.snapshot.get(layer, role)
                if array is not None and kind is MathematicsPanel:
                    bench.selection.choose_number(ref(layer, role), (0,) * array.ndim)
                assert cut_off(panel) == [], (kind, layer, role)


def test_four_choosers_go_on_in_a_new_line_and_stand_in_one_where_there_is_room(
    make_bench: MakeBench, show_panel: ShowPanel
) -> None:
    bench = make_bench(ALL["images"]())
    bench.step(level=Level.ITERATION)
    panel = show_panel(bench, MathematicsPanel, (300, 700))
    bench.selection.choose_number(ref("conv", "h"), (1, 2, 3, 4))
    assert [label.text() for label in panel.axes.labels] == ["sample", "channel", "row", "column"]
    for width, several in ((300, True), (900, False)):
        panel.resize(width, 700)
        QApplication.processEvents()
        tops = {pair.y() for pair in panel.axes.pairs if pair.isVisible()}
        assert (len(tops) > 1) == several


def test_words_stand_above_their_editors_where_there_is_no_room_beside(
    make_bench: MakeBench, show_panel: ShowPanel
) -> None:
    bench = make_bench(ALL["images"]())
    panel = show_panel(bench, InspectorPanel, (300, 700))
    bench.selection.select(("conv",))
    row = panel.layer_page.form.rows["weight_init"]
    for width, above in ((220, True), (420, False)):
        panel.resize(width, 700)
        QApplication.processEvents()
        assert (row.label.geometry().bottom() < row.editor.y()) == above


def test_a_flow_has_as_many_lines_as_it_needs_and_its_right_part_ends_at_the_edge(qtbot: QtBot) -> None:
    whole = QWidget()
    qtbot.addWidget(whole)
    flow = FlowLayout(spacing=10, line_spacing=0)
    whole.setLayout(flow)
    parts = [QWidget() for _ in range(4)]
    for number, part in enumerate(parts):
        part.setFixedSize(50, 20)
        flow.add(part, to_the_right=number == 3)
    assert (flow.heightForWidth(230), flow.heightForWidth(229), flow.heightForWidth(50)) == (20, 40, 80)
    whole.resize(400, 20)
    whole.show()
    QApplication.processEvents()
    assert [part.x() for part in parts] == [0, 60, 120, 350]
    parts[1].hide()
    QApplication.processEvents()
    assert [parts[0].x(), parts[2].x()] == [0, 60]
