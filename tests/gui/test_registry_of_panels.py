"""No panel is left out of the window, and no icon that is drawn is missing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import ClassVar

import pytest

import visualbp.gui
import visualbp.gui.panels
from tests.rooms import classes_below, has_icon, missing_from_panel, said
from visualbp.gui.actions import ALL
from visualbp.gui.canvas.families import family_color
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.palette import PalettePanel
from visualbp.gui.panels.registry import PANELS
from visualbp.gui.theme import theme
from visualbp.layers import layer_types

DRAWN_BY = {"icon": 0, "pixmap": 0, "draw_icon": 2}
"""What draws an icon, and which of its arguments is the name."""


def test_every_panel_of_the_package_is_in_the_window_and_says_where() -> None:
    kinds = classes_below(visualbp.gui.panels, Panel)
    assert said(kinds, lambda kind: missing_from_panel(kind, PANELS)) == []
    assert set(PANELS) <= set(kinds)


def test_a_panel_that_is_left_out_is_named_with_what_is_missing() -> None:
    class Trial(Panel):
        name, title, hint = "trial", "Trial", "A trial."
        places = PalettePanel.places

    class Silent(Panel):
        name: ClassVar[str] = ""

    assert missing_from_panel(Trial, PANELS) == ["its line in PANELS"]
    assert missing_from_panel(Trial, [*PANELS, Trial]) == []
    assert missing_from_panel(Silent, [Silent]) == ["name", "title", "hint", "places"]


def icons_named(source: str) -> set[str]:
    """Return the icons that a file names where it draws them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            place = DRAWN_BY.get(getattr(node.func, "id", getattr(node.func, "attr", "")), len(node.args))
            if place < len(node.args):
                names = [part for part in ast.walk(node.args[place]) if isinstance(part, ast.Constant)]
                found |= {name.value for name in names if isinstance(name.value, str)}
    return found


def test_every_icon_that_is_drawn_has_its_file() -> None:
    files = Path(visualbp.gui.__file__).parent.rglob("*.py")
    named = {name for file in files for name in icons_named(file.read_text("utf-8"))}
    assert len(named) > 10
    assert [name for name in sorted(named | {spec.icon for spec in ALL if spec.icon}) if not has_icon(name)] == []


@pytest.mark.parametrize("line", ['icon("trial")', 'draw_icon(painter, rect, "trial", color)', 'theme.icon("trial")'])
def test_a_drawn_icon_is_found(line: str) -> None:
    assert icons_named(line) == {"trial"} and not has_icon("trial")


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_family_of_layers_has_a_colour_of_its_own(qapp: object, name: str) -> None:
    families = {kind.family for kind in layer_types}
    theme().set(name)
    try:
        assert len({family_color(family).name() for family in families}) == len(families)
    finally:
        theme().set("dark")
