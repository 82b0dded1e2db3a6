"""The workspaces that the program brings: what people are told of each, and how large its areas are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visualbp.gui.layout import Sizes
from visualbp.gui.panels.place import Workspace


@dataclass(frozen=True)
class Kind:
    """A workspace as people meet it. Its panels say themselves that they stand in it (`Panel.places`)."""

    title: str
    hint: str
    sizes: Sizes


KINDS: Mapping[Workspace, Kind] = {
    Workspace.BUILD: Kind("Build", "Put a network together: layers, options, what is wrong", Sizes(most_right=460)),
    Workspace.STEP: Kind("Step", "Go through the network: the mathematics of a step, and its numbers", Sizes()),
    Workspace.ANALYZE: Kind(
        "Analyze",
        "How gradients flow, whether they are right, what was learned",
        Sizes(row=0.4, right=0.3, most_right=560),
    ),
    Workspace.COMPARE: Kind("Compare", "Layers and samples beside one another", Sizes(left=280, row=0.46)),
    Workspace.LESSON: Kind(
        "Lesson",
        "What the example shows, beside the canvas and the mathematics",
        Sizes(left=320, right=0.3, most_right=520),
    ),
    Workspace.PRESENT: Kind(
        "Present", "Canvas and mathematics, as large as they get", Sizes(right=0.36, most_right=760)
    ),
}
