"""What a new user sees: at every size nothing is cut off, lies over anything else or jumps, and words are plain."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizeGrip,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenWindow
from tests.gui.person import Person, build_xor, start_empty
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.rooms import Room
from visualbp.gui.start_page import SampleCard
from visualbp.gui.theme import theme


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """The start page."""
    return open_window(None)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_panels_never_lie_over_each_other_and_the_window_fits_its_screen(
    window: MainWindow, qtbot: QtBot, scale: float
) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    theme().set(scale=scale)
    for size in (QSize(1920, 1080), QSize(1280, 800), QSize(1000, 620)):
        window.resize(size)
        for _ in range(4):
            QApplication.processEvents()
        places = {name: dock.geometry() for name, dock in window.docks.items() if not dock.visibleRegion().isEmpty()}
        shown = {"mathematics", "activations", "deltas", "gradients", "timeline"}
        wanted = {Room.WIDE: shown, Room.MEDIUM: shown - {"gradients"}, Room.LOW: {"mathematics"}}
        assert set(places) == wanted[window.workspaces.room]
        for (one, first), (other, second) in combinations(places.items(), 2):
            assert not first.intersects(second), f"{one} lies over {other} at {size}, scale {scale}"
        assert (window.width(), window.height()) == (size.width(), size.height())


def test_links_of_a_narrow_panel_move_into_a_menu(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    dock = window.docks["gradient_check"]
    dock.setFloating(True)
    title = dock.titleBarWidget()
    more = next(b for b in title.findChildren(QToolButton) if b.text() == "⋯")
    dock.resize(420, 300)
    QApplication.processEvents()
    assert not more.isVisible() and dock.panel.header().isVisible()
    dock.resize(170, 300)
    QApplication.processEvents()
    assert more.isVisible() and not dock.panel.header().isVisible()
    more.menu().aboutToShow.emit()
    actions = more.menu().actions()
    assert [action.text() for action in actions] == [b.text() for b in dock.panel.header().findChildren(QPushButton)]
    actions[1].trigger()
    assert dock.panel.header().findChildren(QPushButton)[1].isChecked()


@pytest.mark.parametrize(("scale", "width"), [(1.0, 1600), (1.0, 1000), (1.5, 1280), (2.0, 1600)])
def test_the_phase_and_the_iteration_can_be_seen_at_every_size(
    window: MainWindow, qtbot: QtBot, scale: float, width: int
) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    theme().set(scale=scale)
    window.resize(width, 800)
    for _ in range(4):
        QApplication.processEvents()
    bar = window.tool_bar
    for widget in (bar.pill, bar.numbers, bar.widgetForAction(window.actions_by_name["train"])):
        assert widget.isVisible() and bar.rect().contains(widget.geometry())


def test_panels_grow_with_the_presenter_and_come_back_as_they_were(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    window.resizeDocks([window.docks["mathematics"]], [360], Qt.Orientation.Horizontal)

    def extents() -> dict[str, tuple[int, int]]:
        for _ in range(4):
            QApplication.processEvents()
        names = ("mathematics", "activations", "deltas", "gradients", "timeline")
        return {name: (window.docks[name].width(), window.docks[name].height()) for name in names}

    before = extents()
    window.actions_by_name["larger"].trigger()
    larger = extents()
    assert larger["mathematics"][0] == pytest.approx(1.1 * before["mathematics"][0], abs=2)
    assert larger["timeline"][1] > 1.05 * before["timeline"][1]
    window.actions_by_name["smaller"].trigger()
    for name, size in extents().items():
        assert size == pytest.approx(before[name], abs=4), name
    window.actions_by_name["presenter"].trigger()
    assert extents()["timeline"][1] > 1.3 * before["timeline"][1]
    assert window.workspaces.room == Room.MEDIUM, "there is less room at that size"
    window.actions_by_name["presenter"].trigger()
    for name, size in extents().items():
        assert size == pytest.approx(before[name], abs=4), name


def test_nothing_jumps_when_the_timeline_gets_more_steps_than_it_can_show(window: MainWindow, qtbot: QtBot) -> None:
    person = start_empty(window)
    window.open_sample("xor")
    person.wait()

    def heights() -> list[int]:
        for _ in range(4):
            QApplication.processEvents()
        return [window.docks[name].height() for name in ("timeline", "activations", "gradients", "palette")]

    window.selection.select(("hidden",))
    before, steps = heights(), len(window.debugger.snapshot.plan.steps)  # type: ignore[union-attr]
    for _ in range(8):
        window.canvas.add_layer("dense")
    person.wait()
    assert len(window.debugger.snapshot.plan.steps) > 2 * steps  # type: ignore[union-attr]
    assert heights() == before


def test_a_long_message_wraps_and_does_not_widen_the_window(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    before = window.minimumSizeHint().width()
    window.show_failure("/a/very/long/path/" * 30 + "model.vbp: cannot be read: no such file; choose another one")
    QApplication.processEvents()
    assert window.minimumSizeHint().width() == before
    window.resize(1000, 700)
    QApplication.processEvents()
    assert window.width() == 1000


def test_a_name_from_a_file_is_never_taken_for_markup(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_empty(window)
    name = "<h1>Huge</h1><img src='/etc/icon.png'>"
    window.document.edit(lambda network: replace(network, name=name), "Rename")
    formats: list[Qt.TextFormat] = []

    def cancel(box: QMessageBox) -> QMessageBox.StandardButton:
        assert name in box.text()
        formats.append(box.textFormat())
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "exec", cancel)
    window.files.new()
    window.show_failure(f"{name}: cannot be written")
    formats += [label.textFormat() for label in window.message_bar.findChildren(QLabel) if name in label.text()]
    assert formats == [Qt.TextFormat.PlainText] * 2


def test_a_floating_panel_has_an_edge_and_a_corner_to_resize_it_by(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    dock = window.docks["mathematics"]
    window.workspaces.bring("mathematics")
    grip = dock.findChild(QSizeGrip)
    assert grip is not None and not grip.isVisible()
    dock.setFloating(True)
    QApplication.processEvents()
    assert grip.isVisible() and grip.geometry().bottomRight() == dock.rect().bottomRight()
    edge, inner = dock.grab().toImage().pixelColor(0, 40), dock.grab().toImage().pixelColor(3, 40)
    assert edge == theme().color("accent") and inner == theme().color("panel")
    dock.setFloating(False)
    QApplication.processEvents()
    assert not grip.isVisible() and dock.contentsMargins().left() == 0


def test_an_empty_canvas_shows_the_algorithm_and_says_in_full_that_it_cannot_run(
    window: MainWindow, qtbot: QtBot
) -> None:
    start_empty(window)
    window.workspaces.show("step")
    panel = window.docks["mathematics"].panel
    assert isinstance(panel, MathematicsPanel)
    assert panel.code.isVisible() and panel.code.current is None
    colours = {panel.code.grab().toImage().pixel(x, 6) for x in range(0, 200)}
    assert len(colours) > 3, "the first line of the algorithm is written"
    pill = window.tool_bar.pill
    bold, plain = theme().font(12, QFont.Weight.Bold), theme().font(12, QFont.Weight.DemiBold)
    words = QFontMetrics(bold).horizontalAdvance(pill.word) + QFontMetrics(plain).horizontalAdvance(pill.detail)
    assert pill.word == "CANNOT RUN" and words + 8 + 24 <= pill.width()
    window.workspaces.show("build")
    build_xor(Person(window))
    window.workspaces.show("step")
    assert panel.code.current is not None and panel.equation.isVisible()


def test_the_start_page_can_be_made_very_narrow(window: MainWindow, qtbot: QtBot) -> None:
    theme().set(scale=2.0)
    for width in (1400, 600, 300):
        window.resize(width, 500)
        for _ in range(3):
            QApplication.processEvents()
        assert all(card.width() > 0 for card in window.start_page.findChildren(SampleCard))
