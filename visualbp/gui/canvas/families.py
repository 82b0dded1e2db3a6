"""The colour that each family of layers has in the palette and on the canvas, and icons drawn in any colour."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtSvg import QSvgRenderer

from visualbp.core.resource_files import resource_path
from visualbp.gui.theme import theme
from visualbp.layers import LayerType

_FAMILIES = {
    "layer_input": "source",
    "layer_activation": "function",
    "layer_norm": "norm",
    "layer_group_norm": "norm",
    "layer_dropout": "noise",
    "layer_add": "combine",
    "layer_multiply": "combine",
    "layer_concatenate": "combine",
    "layer_flatten": "combine",
    "layer_loss": "loss",
}
_COLORS = {
    "dark": {"source": "#8b95a5", "affine": "#6ea8fe", "function": "#b794f6", "norm": "#5cc98a", "noise": "#f0a36b",
             "combine": "#f08cc0", "loss": "#f2777f"},
    "light": {"source": "#5c6878", "affine": "#2f6fe4", "function": "#7c4fd6", "norm": "#218a4f", "noise": "#b9601c",
              "combine": "#bd3f88", "loss": "#cc3a48"},
}  # fmt: skip


def family_color(kind: LayerType) -> QColor:
    """Return the colour of the family of layers that `kind` belongs to, in the theme in use."""
    return color_of_icon(kind.icon)


def color_of_icon(icon: str) -> QColor:
    """Return the colour of the family whose layers have this icon."""
    family = _FAMILIES.get(icon, "affine")
    return QColor(_COLORS["dark" if theme().is_dark else "light"][family])


@lru_cache(maxsize=256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    source = resource_path("icons", f"{name}.svg").read_text(encoding="utf-8").replace("#000000", color)
    return QSvgRenderer(source.encode())


def draw_icon(painter: QPainter, rect: QRectF, name: str, color: QColor) -> None:
    """Draw an icon as lines, sharp at any zoom."""
    _renderer(name, color.name()).render(painter, rect)
