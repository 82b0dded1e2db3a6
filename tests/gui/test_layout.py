"""A panel says where it belongs: dock, workspaces, their versions, menu and pictures follow from its `places`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QMenu, QVBoxLayout
from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenWindow
from visualbp.gui.context import Context
from visualbp.gui.layout import arrange, columns, version
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels import registry
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Workspace
from visualbp.gui.screenshot import take_screenshot

Open = Callable[[], MainWindow]


def added_panel(name: str, place: DockPlace) -> type[Panel]:
    """Return a panel such as a new file would define."""

    def build(self: Panel, context: Context) -> None:
        Panel.__init__(self, context)
        QVBoxLayout(self).addWidget(QLabel(name))

    return type(
        "AddedPanel",
        (Panel,),
        {"name": name, "title": f"Added {name}", "places": {Workspace.STEP: place}, "__init__": build},
    )


def add(monkeypatch: pytest.MonkeyPatch, places: Mapping[str, DockPlace]) -> None:
    """Add panels to the registry, in front of all others: their places alone say where they belong."""
    added = tuple(added_panel(name, place) for name, place in places.items())
    monkeypatch.setattr(registry, "PANELS", (*added, *registry.PANELS))


@pytest.fixture
def opened(open_window: OpenWindow) -> Open:
    """Opens windows with the layout that they have at first."""

    def made() -> MainWindow:
        window = open_window(size=(1600, 1000))
        window.workspaces.reset()
        window.debugger.settle()
        return window

    return made


@pytest.mark.parametrize("workspace", Workspace)
def test_each_panel_has_a_place_that_no_other_has(workspace: Workspace) -> None:
    places = [panel.places[workspace] for panel in registry.PANELS if workspace in panel.places]
    assert len(set(places)) == len(places) > 1


ADDED = {
    "left": (DockPlace(Area.LEFT), "deltas", "above"),
    "right": (DockPlace(Area.RIGHT, 2), "mathematics", "below"),
    "row": (DockPlace(Area.ROW, 9), "gradients", "right"),
    "tab": (DockPlace(Area.ROW, 1, 1), "deltas", "behind"),
    "front": (DockPlace(Area.ROW, 0, -1), "activations", "before"),
    "foot": (DockPlace(Area.FOOT, 1), "timeline", "right"),
}


def test_added_panels_stand_in_their_places(opened: Open, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    add(monkeypatch, {name: place for name, (place, _, _) in ADDED.items()})
    window = opened()
    for name, (_, neighbour_name, side) in ADDED.items():
        added, neighbour = window.docks[name], window.docks[neighbour_name]
        assert added.objectName() == f"panel_{name}"
        area = window.dockWidgetArea(added)
        assert area != Qt.DockWidgetArea.NoDockWidgetArea
        assert (area == window.dockWidgetArea(neighbour)) == (side != "above")
        assert not added.isHidden()
        if side in ("behind", "before"):
            assert neighbour in window.tabifiedDockWidgets(added)
            front, back = (added, neighbour) if side == "before" else (neighbour, added)
            qtbot.waitUntil(lambda front=front, back=back: front.panel.is_seen and not back.panel.is_seen)
        else:
            assert added.panel.is_seen
            one, other = neighbour.geometry(), added.geometry()
            stands = {"below": other.top() > one.bottom(), "above": other.bottom() < one.top()}
            assert stands.get(side, other.left() > one.right()), name


def test_an_added_panel_is_in_the_menu_among_its_neighbours(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, {"added": DockPlace(Area.ROW, 1, 1)})
    window = opened()
    menu = next(menu for menu in window.menu_bar.findChildren(QMenu) if menu.title() == "Panels")
    names = [action.text() for action in menu.actions()]
    assert names[names.index("Deltas") + 1] == "Added added"
    action = menu.actions()[names.index("Added added")]
    action.trigger()
    assert window.docks["added"].isHidden()
    window.workspaces.reset()
    assert not window.docks["added"].isHidden()


def test_a_picture_of_an_added_panel_can_be_taken(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, {"added": DockPlace(Area.ROW, 1, 1)})
    take_screenshot("xor", tmp_path / "added.png", panel="added", size=(1280, 720))
    picture = QImage(str(tmp_path / "added.png"))
    assert not picture.isNull() and picture.height() < 720


def test_a_layout_that_was_kept_is_forgotten_when_panels_or_places_change() -> None:
    kept = {p.name: p.places[Workspace.STEP] for p in registry.PANELS if Workspace.STEP in p.places}
    assert version(kept) == version(dict(reversed(kept.items()))), "the order in the registry says nothing"
    moved = {**kept, "loss": replace(kept["loss"], column=0)}
    others = [kept | {"added": DockPlace(Area.ROW, 4)}, moved, {n: p for n, p in kept.items() if n != "loss"}]
    numbers = [version(layout) for layout in (kept, *others)]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < 2**31 for number in numbers), "Qt keeps it in 32 bits with a sign"


def test_columns_are_in_order_and_may_have_gaps() -> None:
    layout = {
        "last": DockPlace(Area.ROW, 7),
        "behind": DockPlace(Area.ROW, 2, 5),
        "front": DockPlace(Area.ROW, 2, 1),
        "elsewhere": DockPlace(Area.LEFT),
    }
    assert columns(layout, Area.ROW) == {2: ["front", "behind"], 7: ["last"]}


def test_another_layout_arranges_the_same_docks(opened: Open) -> None:
    window = opened()
    arrange(window, window.docks, {"loss": DockPlace(Area.LEFT), "timeline": DockPlace(Area.FOOT)})
    assert window.dockWidgetArea(window.docks["loss"]) == Qt.DockWidgetArea.LeftDockWidgetArea
    assert window.dockWidgetArea(window.docks["timeline"]) == Qt.DockWidgetArea.BottomDockWidgetArea
    assert {name for name, dock in window.docks.items() if dock.isVisible()} == {"loss", "timeline"}
    window.workspaces.reset()
    assert {name for name, dock in window.docks.items() if not dock.isHidden()} == set(window.workspaces.layout("step"))
