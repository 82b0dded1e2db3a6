"""Which panels there are. A new panel is one file, and one line here; where it stands, its `places` say."""

from __future__ import annotations

from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.boundary import BoundaryPanel
from visualbp.gui.panels.deltas import DeltasPanel
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.panels.gradients import GradientsPanel
from visualbp.gui.panels.images import ImagesPanel
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.panels.loss import LossPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.palette import PalettePanel
from visualbp.gui.panels.problems import ProblemsPanel
from visualbp.gui.panels.timeline import TimelinePanel

PANELS: tuple[type[Panel], ...] = (
    PalettePanel,
    InspectorPanel,
    MathematicsPanel,
    ActivationsPanel,
    DeltasPanel,
    GradientsPanel,
    LossPanel,
    GradientCheckPanel,
    BoundaryPanel,
    ImagesPanel,
    ProblemsPanel,
    TimelinePanel,
)
