"""Activations: the cached z and h of every layer."""

from __future__ import annotations

from typing import ClassVar

from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.widgets.links import Link


class ActivationsPanel(ValuePanel):
    """The z and h of all layers as heat maps, or one of them with its numbers; blue is negative, red positive."""

    name = "activations"
    title = "Activations"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.ROW, 0),
        Workspace.COMPARE: DockPlace(Area.ROW, 0),
    }
    hint = "z and h of the forward pass: click a number to see where it came from"
    links = (
        Link("z", "z", "z, the values before the activation"),
        Link("h", "h", "h, the values after it"),
    )
    first = "h"
    phase_color = "forward"
