"""Activations: the cached z and h of every layer."""

from __future__ import annotations

from visualbp.gui.panels.place import Area, DockPlace
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.widgets.links import Link


class ActivationsPanel(ValuePanel):
    """The z and h of all layers as heat maps, or one of them with its numbers; blue is negative, red positive."""

    name = "activations"
    title = "Activations"
    place = DockPlace(Area.ROW, 0, 0)
    hint = "z and h of the forward pass: click a number to see where it came from"
    links = (
        Link("z", "z", "z, the values before the activation"),
        Link("h", "h", "h, the values after it"),
    )
    first = "h"
    phase_color = "forward"
