"""Workspaces: named arrangements of panels, each kept as a person has left it, in each room that the window has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTabBar
from pytestqt.qtbot import QtBot

from tests.gui.bench import shut
from tests.gui.conftest import OpenWindow
from visualbp.cli.screenshot import WORKSPACES
from visualbp.debugger.commands import Level, StepForward
from visualbp.gui import create_window
from visualbp.gui.main_window import MainWindow
from visualbp.gui.own_workspaces import OwnWorkspace, checked_name, from_text, to_text
from visualbp.gui.panels import registry
from visualbp.gui.panels.place import Area, DockPlace, Workspace
from visualbp.gui.rooms import Room, fitted, room_of
from visualbp.gui.screenshot import take_screenshot
from visualbp.gui.workspaces import QUIET

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    made = open_window(size=(1600, 1000))
    made.activateWindow()
    turn(made)
    return made


def turn(window: MainWindow, milliseconds: int = 0) -> None:
    """Let what was asked for take effect; with time, let the window come to rest."""
    for _ in range(4):
        QApplication.processEvents()
    if milliseconds:
        QTest.qWait(milliseconds)


def seen(window: MainWindow) -> set[str]:
    turn(window)
    return {name for name, dock in window.docks.items() if dock.panel.is_seen}


def widths(window: MainWindow, *names: str) -> dict[str, int]:
    turn(window)
    return {name: window.docks[name].width() for name in names}


# -- choosing one ------------------------------------------------------------------------------------------------------

SEEN = {
    Workspace.BUILD: {"palette", "inspector", "problems"},
    Workspace.STEP: {"mathematics", "activations", "deltas", "gradients", "timeline"},
    Workspace.ANALYZE: {"gradients", "loss", "boundary", "gradient_check", "timeline"},
    Workspace.COMPARE: {"images", "activations", "deltas", "gradients", "timeline"},
    Workspace.LESSON: {"inspector", "mathematics", "timeline"},
    Workspace.PRESENT: {"mathematics", "timeline"},
}


def test_each_workspace_has_a_key_and_a_tab_and_shows_its_panels(window: MainWindow) -> None:
    tabs = window.menu_bar.workspaces.tabs
    assert seen(window) == SEEN[Workspace.STEP] and tabs.tabText(tabs.currentIndex()) == "Step"
    for number, (name, panels) in enumerate(SEEN.items(), 1):
        QTest.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), CTRL)
        assert seen(window) == panels, name
        assert tabs.tabText(tabs.currentIndex()).lower() == name
        assert [w for w in Workspace if window.actions_by_name[f"workspace_{w}"].isChecked()] == [name]
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(0).center())
    assert seen(window) == SEEN[Workspace.BUILD]


def test_every_panel_stands_in_a_workspace_and_every_workspace_has_panels() -> None:
    assert all(panel.places for panel in registry.PANELS)
    assert {workspace for panel in registry.PANELS for workspace in panel.places} == set(Workspace)


def test_what_a_person_changes_is_kept_in_each_and_a_reset_takes_it_back(window: MainWindow) -> None:
    show = window.workspaces.show
    window.resizeDocks([window.docks["mathematics"]], [330], Qt.Orientation.Horizontal)
    window.docks["deltas"].close()
    before = widths(window, "mathematics", "activations", "gradients")
    for name in (Workspace.ANALYZE, Workspace.BUILD, Workspace.STEP):
        show(name)
    assert seen(window) == SEEN[Workspace.STEP] - {"deltas"}
    assert widths(window, *before) == pytest.approx(before, abs=2)
    show(Workspace.COMPARE)
    assert "deltas" in seen(window), "only there it was closed"
    show(Workspace.STEP)
    window.actions_by_name["reset_workspace"].trigger()
    assert seen(window) == SEEN[Workspace.STEP] and widths(window, "mathematics")["mathematics"] > 380


def test_nothing_else_is_lost(window: MainWindow) -> None:
    window.debugger.send(StepForward(Level.LAYER))
    window.debugger.settle()
    window.selection.select(("hidden",))
    window.canvas.zoom_to(1.7)
    centre = window.canvas.mapToScene(window.canvas.viewport().rect().center())
    for name in (*Workspace, Workspace.STEP):
        window.workspaces.show(name)
        turn(window)
    assert window.selection.layers == ("hidden",) and window.debugger.snapshot.cursor > 0
    assert window.canvas.transform().m11() == pytest.approx(1.7)
    now = window.canvas.mapToScene(window.canvas.viewport().rect().center())
    assert (now - centre).manhattanLength() < 4


def test_a_panel_from_elsewhere_comes_when_it_is_asked_for(window: MainWindow) -> None:
    assert "gradient_check" not in seen(window)
    window.actions_by_name["check_gradients"].trigger()
    assert "gradient_check" in seen(window)
    window.debugger.settle()
    window.workspaces.show(Workspace.PRESENT)
    window.actions_by_name["check_gradients"].trigger()
    assert "gradient_check" in seen(window), "its result is seen in any workspace"
    window.docks["palette"].toggleViewAction().trigger()
    assert "palette" in seen(window)
    assert window.dockWidgetArea(window.docks["palette"]) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_an_empty_canvas_is_for_building_and_a_network_for_what_was_there_before(window: MainWindow) -> None:
    window.workspaces.show(Workspace.ANALYZE)
    window.files.may_discard = lambda: True  # type: ignore[method-assign]
    window.files.new()
    assert window.workspaces.current == Workspace.BUILD
    window.open_sample("spirals")
    assert window.workspaces.current == Workspace.ANALYZE
    window.files.new()
    window.workspaces.show(Workspace.LESSON)
    window.open_sample("xor")
    assert window.workspaces.current == Workspace.LESSON, "a person's own choice stays"


def test_the_start_page_has_no_workspaces_and_gives_them_back(window: MainWindow) -> None:
    window.docks["deltas"].close()
    window.show_start_page()
    assert seen(window) == set() and not window.menu_bar.workspaces.isVisible()
    window.workspaces.show(Workspace.ANALYZE)
    assert seen(window) == set()
    window.show_canvas()
    assert seen(window) == SEEN[Workspace.ANALYZE]
    window.workspaces.show(Workspace.STEP)
    assert seen(window) == SEEN[Workspace.STEP] - {"deltas"}


def test_all_is_remembered_for_the_next_session(open_window: OpenWindow) -> None:
    first = open_window(size=(1600, 1000))
    first.docks["deltas"].close()
    first.workspaces.show(Workspace.ANALYZE)
    first.docks["loss"].close()
    assert first.arranging.make_named("Mine")
    first.docks["timeline"].close()
    shut(first)
    second = create_window("xor")
    try:
        second.show()
        second.resize(1600, 1000)  # the screen of a test is smaller
        second.debugger.settle()
        assert second.workspaces.current == "Mine"
        assert seen(second) == SEEN[Workspace.ANALYZE] - {"loss", "timeline"}
        second.workspaces.reset()
        assert seen(second) == SEEN[Workspace.ANALYZE] - {"loss"}, "as it was when it was made"
        second.workspaces.show(Workspace.STEP)
        assert seen(second) == SEEN[Workspace.STEP] - {"deltas"}
    finally:
        shut(second)
        second.deleteLater()


def test_what_is_closed_stays_closed_in_a_smaller_room(window: MainWindow) -> None:
    window.docks["deltas"].close()
    window.workspaces.bring("problems")
    window.resize(1024, 700)
    turn(window)
    assert window.workspaces.room == Room.MEDIUM
    assert window.docks["deltas"].isHidden() and not window.docks["problems"].isHidden()


# -- room --------------------------------------------------------------------------------------------------------------


def test_a_narrow_window_has_fewer_panels_side_by_side_and_growing_back_restores(window: MainWindow) -> None:
    turn(window, 3 * QUIET)
    window.resizeDocks([window.docks["mathematics"]], [350], Qt.Orientation.Horizontal)
    turn(window, 3 * QUIET)
    names = ("mathematics", "activations", "deltas", "gradients")
    before = widths(window, *names)
    for size in ((1300, 760), (1024, 700), (820, 640), (1024, 560), (640, 900), (1280, 720), (1600, 1000)):
        window.resize(*size)
        turn(window)
        assert (window.width(), window.height()) == size
        assert window.workspaces.room == room_of(*size, 1.0)
        everything = {n for n, dock in window.docks.items() if not dock.isHidden()}
        assert everything >= SEEN[Workspace.STEP] | {"loss"}, f"at {size} something is lost"
        for dock in window.docks.values():
            if dock.panel.is_seen:
                assert dock.width() >= 120, f"{dock.panel.name} is crushed at {size}"
    assert widths(window, *names) == pytest.approx(before, abs=2)


def test_default_sizes_go_with_the_window_until_a_person_gives_others(window: MainWindow) -> None:
    turn(window, 3 * QUIET)
    before = widths(window, "mathematics")
    window.resize(1200, 800)
    smaller = widths(window, "mathematics")["mathematics"]
    turn(window, 3 * QUIET)
    assert smaller == pytest.approx(0.256 * 1200, abs=3) and before["mathematics"] > 400
    window.resizeDocks([window.docks["mathematics"]], [360], Qt.Orientation.Horizontal)
    turn(window, 3 * QUIET)
    window.resize(1400, 900)
    assert widths(window, "mathematics")["mathematics"] == pytest.approx(360, abs=2)


def test_sizes_given_in_small_steps_come_back_too(window: MainWindow) -> None:
    before = widths(window, "mathematics", "activations", "gradients")
    for width in (*range(1600, 900, -50), *range(900, 1601, 50)):
        window.resize(width, 1000)
        turn(window)
    assert widths(window, *before) == pytest.approx(before, abs=6)


def test_rooms_go_by_the_size_of_what_is_in_the_window() -> None:
    assert room_of(1600, 1000, 1.0) == Room.WIDE and room_of(2560, 1440, 2.0) == Room.WIDE
    assert room_of(1024, 700, 1.0) == Room.MEDIUM
    assert room_of(1280, 720, 1.5) == Room.LOW and room_of(1600, 1000, 2.0) == Room.LOW
    assert room_of(700, 900, 1.0) == Room.TALL


@pytest.mark.parametrize("room", Room)
@pytest.mark.parametrize("workspace", Workspace)
def test_a_smaller_layout_has_the_same_panels_each_in_a_place_of_its_own(workspace: Workspace, room: Room) -> None:
    layout = {panel.name: panel.places[workspace] for panel in registry.PANELS if workspace in panel.places}
    found = fitted(layout, room)
    assert found.keys() == layout.keys()
    assert len(set(found.values())) == len(found)
    columns = {place.column for place in found.values() if place.area == Area.ROW}
    assert len(columns) <= {Room.WIDE: 9, Room.MEDIUM: 2, Room.LOW: 0, Room.TALL: 1}[room]
    if room in (Room.LOW, Room.TALL):
        assert len({(place.area, place.column) for place in found.values()}) == 1


def test_a_small_layout_is_in_the_order_of_the_large_one() -> None:
    layout = {
        "left": DockPlace(Area.LEFT),
        "right": DockPlace(Area.RIGHT),
        "behind": DockPlace(Area.ROW, 0, 1),
        "row": DockPlace(Area.ROW),
        "foot": DockPlace(Area.FOOT),
    }
    low = fitted(layout, Room.LOW)
    assert sorted(low, key=low.__getitem__) == ["left", "right", "row", "behind", "foot"]


def test_where_there_is_no_room_for_tabs_a_button_has_them_in_a_menu(window: MainWindow) -> None:
    bar = window.menu_bar
    assert bar.workspaces.tabs.isVisible() and not bar.workspaces.button.isVisible()
    window.resize(700, 700)
    turn(window)
    button = bar.workspaces.button
    assert button.isVisible() and not bar.workspaces.tabs.isVisible()
    assert button.text().startswith("Step") and bar.rect().contains(bar.workspaces.geometry())
    assert [action.text() for action in button.menu().actions()][:2] == ["Build", "Step"]
    button.menu().actions()[0].trigger()
    assert window.workspaces.current == Workspace.BUILD and button.text().startswith("Build")


def test_tabs_of_docks_are_never_cut(window: MainWindow) -> None:
    window.resize(820, 560)
    turn(window)
    bars = [bar for bar in window.findChildren(QTabBar) if bar.parent() is window and bar.isVisible()]
    assert bars and all(bar.elideMode() == Qt.TextElideMode.ElideNone for bar in bars)


# -- one's own ---------------------------------------------------------------------------------------------------------


def test_own_workspaces_are_made_shown_reset_and_deleted(window: MainWindow) -> None:
    window.docks["deltas"].close()
    assert window.arranging.make_named("  My   lecture ")
    assert window.workspaces.current == "My lecture"
    tabs = window.menu_bar.workspaces.tabs
    assert tabs.tabText(tabs.count() - 1) == "My lecture" == tabs.tabText(tabs.currentIndex())
    window.docks["gradients"].close()
    window.workspaces.show(Workspace.STEP)
    assert seen(window) == SEEN[Workspace.STEP] - {"deltas"}
    QTest.keyClick(window, Qt.Key.Key_7, CTRL)
    assert window.workspaces.current == "My lecture"
    assert not seen(window) & {"deltas", "gradients"}
    window.workspaces.reset()
    assert "gradients" in seen(window) and "deltas" not in seen(window)
    window.actions_by_name["delete_workspace"].trigger()
    assert window.workspaces.current == Workspace.STEP and tabs.count() == len(Workspace)
    assert not window.actions_by_name["delete_workspace"].isEnabled()


@pytest.mark.parametrize(
    ("name", "said"),
    [("  ", "needs a name"), ("x" * 25, "24 letters are the most"), ("step", "already"), ("MINE", "already")],
)
def test_a_name_that_cannot_be_given_is_refused_in_one_sentence(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_name(name, {"Mine"})


def test_a_workspace_is_written_to_a_file_and_read_from_it(window: MainWindow, tmp_path: Path) -> None:
    from visualbp.gui.own_workspaces import export_workspace

    window.docks["deltas"].close()
    window.arranging.make_named("Mine")
    path = tmp_path / "mine.workspace.json"
    export_workspace(window.workspaces.current_as_own(), path)
    window.workspaces.delete()
    window.workspaces.reset()
    assert window.arranging.take_in_from(path)
    assert window.workspaces.current == "Mine" and seen(window) == SEEN[Workspace.STEP] - {"deltas"}
    assert window.arranging.take_in_from(path)
    assert window.workspaces.current == "Mine 2", "no workspace takes the place of another"


GOOD = {"format": "visualbp-workspace", "version": 1, "name": "A", "base": "step", "arrangements": {"wide": "QUJD"}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "format: is not 'visualbp-workspace'"),
        ({"version": 2}, "version: must be 1"),
        ({"name": ""}, "name: must be a text"),
        ({"base": "x"}, "base: is none of build, step"),
        ({"arrangements": {"huge": "QUJD"}}, "arrangements.huge: is not known"),
        ({"arrangements": {"wide": "?"}}, "arrangements.wide: is not what was exported"),
        ({"arrangements": []}, "arrangements: must be an object"),
        ({"more": 1}, "more: is not known"),
    ],
)
def test_a_file_that_is_no_workspace_is_refused_and_nothing_changes(
    window: MainWindow, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps({**GOOD, **change}))
    assert not window.arranging.take_in_from(path)
    assert said in window.message_bar.text
    assert window.workspaces.current == Workspace.STEP and not window.workspaces.own


def test_an_arrangement_that_qt_cannot_read_falls_back_to_the_one_it_was_made_from(
    window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(GOOD))
    assert window.arranging.take_in_from(path)
    assert window.workspaces.current == "A" and seen(window) == SEEN[Workspace.STEP]


def test_what_the_settings_keep_comes_back_and_what_cannot_be_read_is_left_out() -> None:
    own = {"A": OwnWorkspace("A", Workspace.LESSON, {Room.WIDE: b"\x00\x01", Room.LOW: b""})}
    assert from_text(to_text(own)) == own
    assert from_text("") == from_text("[1, {}]") == from_text("{") == {}


# -- the keyboard ------------------------------------------------------------------------------------------------------


def test_a_key_goes_from_panel_to_panel_and_back(window: MainWindow) -> None:
    window.canvas.setFocus()
    visited = []
    for _ in range(7):
        window.actions_by_name["next_panel"].trigger()
        focused = QApplication.focusWidget()
        assert focused is not None
        inside = [name for name, dock in window.docks.items() if dock.isAncestorOf(focused)]
        visited.append(inside[0] if inside else "canvas")
    assert set(visited) >= SEEN[Workspace.STEP] | {"canvas"}
    last = visited[-2]
    window.actions_by_name["previous_panel"].trigger()
    focused = QApplication.focusWidget()
    assert focused is not None and (last == "canvas" or window.docks[last].isAncestorOf(focused))


def test_a_right_click_on_a_tab_offers_what_can_be_done_with_it(window: MainWindow) -> None:
    tabs = window.menu_bar.workspaces.tabs
    place: QPoint = tabs.tabRect(2).center()
    tabs.customContextMenuRequested.emit(place)
    turn(window)
    assert window.workspaces.current == Workspace.ANALYZE
    menu = window.menu_bar.workspaces._arrangement
    assert menu.isVisible() and "Reset this workspace" in [action.text() for action in menu.actions()]
    menu.close()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_the_command_line_knows_the_workspaces_and_draws_them(qtbot: QtBot, tmp_path: Path) -> None:
    assert tuple(Workspace) == WORKSPACES
    pictures = []
    for name in ("build", "present"):
        out = tmp_path / f"{name}.png"
        take_screenshot("xor", out, workspace=name, size=(1280, 720))
        pictures.append(QImage(str(out)))
    assert not pictures[0].isNull() and pictures[0] != pictures[1]
    assert pictures[0].size() == pictures[1].size()
