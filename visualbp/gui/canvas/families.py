"""The colour that each family of layers has in the palette and on the canvas, and icons drawn in any colour."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtSvg import QSvgRenderer

from visualbp.core.resource_files import resource_path
from visualbp.gui.theme import theme

_COLORS = {
    "dark": {"source": "#8b95a5", "affine": "#6ea8fe", "function": "#b794f6", "norm": "#5cc98a", "noise": "#f0a36b",
             "combine": "#f08cc0", "loss": "#f2777f"},
    "light": {"source": "#5c6878", "affine": "#2f6fe4", "function": "#7c4fd6", "norm": "#218a4f", "noise": "#b9601c",
              "combine": "#bd3f88", "loss": "#cc3a48"},
}  # fmt: skip


def family_color(family: str) -> QColor:
    """Return the colour of a family of layers, in the theme in use."""
    return QColor(_COLORS["dark" if theme().is_dark else "light"][family])


@lru_cache(maxsize=256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    source = resource_path("icons", f"{name}.svg").read_text(encoding="utf-8").replace("#000000", color)
    return QSvgRenderer(source.encode())


def draw_icon(painter: QPainter, rect: QRectF, name: str, color: QColor) -> None:
    """Draw an icon as lines, sharp at any zoom."""
    _renderer(name, color.name()).render(painter, rect)
