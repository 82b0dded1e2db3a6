"""Deltas: the error signals of the backward pass, dL/dz and dL/dh."""

from __future__ import annotations

from typing import ClassVar

from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.widgets.links import Link


class DeltasPanel(ValuePanel):
    """The gradients dL/dz and dL/dh of all layers as heat maps, or one of them with its numbers."""

    name = "deltas"
    title = "Deltas"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.ROW, 1),
        Workspace.COMPARE: DockPlace(Area.ROW, 1),
    }
    hint = "δ and upstream of the backward pass: click a number to see where it came from"
    links = (
        Link("delta", "δ", "δ = dL/dz, the error signal"),
        Link("upstream", "upstream", "upstream = dL/dh, what comes back from the layers after"),
    )
    first = "delta"
    phase_color = "backward"
    backward = True
