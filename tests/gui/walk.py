"""A walk through all widgets that can be seen, and what a designer would object to: text that is cut, parts that lie
over each other or reach beyond what they are in, letters that are too small, the step out of sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QLabel,
    QLineEdit,
    QMainWindow,
    QTabBar,
    QToolButton,
    QWidget,
)

from visualbp.gui.main_window import MainWindow
from visualbp.gui.widgets.elided_label import ElidedLabel

LEAST_LETTERS = 8
"""What is shown at least of a text that is cut."""
LEAST_PIXELS = 11
"""Of the letters of an interface at scale 1."""
SLACK = 2
SIZES = ((1024, 700), (1280, 720), (1600, 1000), (2560, 1440))
SCALES = (1.0, 1.5, 2.0)


def objections(window: MainWindow) -> list[str]:
    """Return all that is wrong with what the window shows, in words."""
    found = [*_places(window)]
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and not widget.visibleRegion().isEmpty() and widget.window() is window:
            found += _texts(widget)
            found += _children(widget)
    return found


def _name(widget: QWidget) -> str:
    part: QWidget | None = widget
    while part is not None and not part.objectName():
        part = part.parentWidget()
    return f"{type(widget).__name__} in {part.objectName() if part is not None else '?'}"


def _texts(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit) and widget.text().strip():
        size = QFontInfo(widget.font()).pixelSize()
        if size < LEAST_PIXELS:
            yield f"{_name(widget)}: {widget.text()[:30]!r} has letters of {size} px"
    if isinstance(widget, ElidedLabel):
        shown, whole = widget.shown_text, widget.text()
        if shown != whole and len(shown.rstrip("…")) < min(LEAST_LETTERS, len(whole)):
            yield f"{_name(widget)}: of {whole!r} only {shown!r} is left"
    elif isinstance(widget, QLabel) and not widget.wordWrap() and widget.text() and not widget.text().startswith("<"):
        wanted = widget.fontMetrics().horizontalAdvance(widget.text().split("\n")[0].replace("&", ""))
        if wanted > widget.width() + SLACK:
            yield f"{_name(widget)}: {widget.text()[:40]!r} needs {wanted} px of {widget.width()}"
    elif isinstance(widget, QLabel) and widget.wordWrap() and widget.text():
        if widget.heightForWidth(widget.width()) > widget.height() + SLACK + widget.fontMetrics().lineSpacing() // 2:
            yield f"{_name(widget)}: {widget.text()[:40]!r} has lines that are cut"
    elif isinstance(widget, QAbstractButton) and widget.text() and _shows_words(widget):
        wanted = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
        if wanted > widget.width() + SLACK:
            yield f"{_name(widget)}: the button {widget.text()!r} needs {wanted} px of {widget.width()}"
    if isinstance(widget, QTabBar) and widget.tabRect(widget.currentIndex()).width() > widget.width() + SLACK:
        yield f"{_name(widget)}: the tab {widget.tabText(widget.currentIndex())!r} is cut"


def _shows_words(button: QAbstractButton) -> bool:
    if isinstance(button, QToolButton):
        return button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly
    return True


def _children(widget: QWidget) -> Iterator[str]:
    layout = widget.layout()
    if layout is None or isinstance(widget, QAbstractScrollArea | QMainWindow):
        return
    parts = [part for part in widget.children() if isinstance(part, QWidget) and layout.indexOf(part) >= 0]
    shown = [part for part in parts if part.isVisible() and part.width() and part.height()]
    for one, other in combinations(shown, 2):
        both = one.geometry().intersected(other.geometry())
        if both.width() > SLACK and both.height() > SLACK and one.parentWidget() is other.parentWidget():
            yield f"{_name(one)} lies over {_name(other)}"
    for part in shown:
        if part.parentWidget() is widget and not widget.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(
            part.geometry()
        ):
            yield f"{_name(part)} reaches beyond {_name(widget)}: {part.geometry()} of {widget.rect()}"


def _places(window: MainWindow) -> Iterator[str]:
    whole = window.rect()
    for part in (window.tool_bar.pill, window.tool_bar.numbers):
        there = QRect(part.mapTo(window, QPoint()), part.size())
        if not part.isVisible() or not whole.contains(there) or part.visibleRegion().boundingRect() != part.rect():
            yield f"the {part.objectName()} cannot be seen whole"
    docks = [dock for dock in window.docks.values() if dock.panel.is_seen and not dock.isFloating()]
    for one, other in combinations(docks, 2):
        if one.geometry().intersects(other.geometry()):
            yield f"{one.objectName()} lies over {other.objectName()}"
    for dock in docks:
        if not whole.contains(dock.geometry()):
            yield f"{dock.objectName()} reaches beyond the window"
    step = window.debugger.snapshot.step
    cards = window.canvas.scene().layers
    if step is not None and step.layer in cards:
        card = window.canvas.mapFromScene(cards[step.layer].sceneBoundingRect()).boundingRect()
        if not window.canvas.viewport().rect().contains(card.center()):
            yield f"the card of {step.layer} is out of sight"


def settle(window: MainWindow) -> None:
    """Let the window lay itself out."""
    for _ in range(5):
        QApplication.processEvents()
    window.debugger.settle()
    for _ in range(5):
        QApplication.processEvents()
