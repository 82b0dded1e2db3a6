"""Colours and shapes of classes: never a colour alone."""

from __future__ import annotations

from PySide6.QtGui import QColor

from visualbp.gui.theme import theme

SYMBOLS = ("o", "s", "t1", "d", "p", "h", "star", "t")
"""pyqtgraph's names of the shapes of points, one for each class."""

_MANY = ("#3b82d6", "#e5533d", "#3fae6a", "#c98bdb", "#d9a514", "#34b3c4", "#e07bb0", "#8f9aa8")


def class_color(number: int, count: int) -> QColor:
    """Return the colour of a class. Two classes take the ends of the diverging map: 0 blue, 1 red."""
    palette = theme().palette
    if count <= 2:
        return QColor(palette.positive if number else palette.negative)
    return QColor(_MANY[number % len(_MANY)])


def class_symbol(number: int) -> str:
    """Return pyqtgraph's name of the shape of a class's points; after eight classes they come again."""
    return SYMBOLS[number % len(SYMBOLS)]
