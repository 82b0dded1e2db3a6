"""Widgets whose heights follow from their widths, and how they are dragged through all widths: at each, everything is
resized twice at most, and what is shown follows from the size alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from tests.gui.bench import Bench
from tests.gui.shape_networks import ALL
from tests.refs import ref
from visualbp.debugger.commands import CheckGradients, Level
from visualbp.gui.context import Context
from visualbp.gui.equations import typeset
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.panels.images import ImagesPanel
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.network import edits
from visualbp.network.network import make_layer

WIDTHS = range(150, 901)
MOST_RESIZES = 2


class Resizes(QObject):
    """Counts how often each watched widget is resized."""

    def __init__(self, widgets: list[QWidget]) -> None:
        super().__init__()
        self.counts: Counter[QObject] = Counter()
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.counts[watched] += 1
        return False

    @property
    def most(self) -> tuple[int, str]:
        """The most resizes of a widget, and which it was."""
        if not self.counts:
            return 0, ""
        widget, count = self.counts.most_common(1)[0]
        return count, f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"


def contents(whole: QWidget) -> list[QWidget]:
    """Return what is scrolled in a panel, and all that has its height from its width."""
    found = [area.widget() for area in whole.findChildren(QScrollArea)]
    return found + [child for child in whole.findChildren(QWidget) if child.hasHeightForWidth()]


def state(whole: QWidget) -> list[tuple[int, int, bool]]:
    """Return the size of all that is scrolled, and whether its bar is there."""
    return [
        (area.widget().width(), area.widget().height(), area.verticalScrollBar().isVisible())
        for area in whole.findChildren(QScrollArea)
        if area.isVisible()
    ]


def drag(whole: QWidget, height: int, widths: Iterable[int] = WIDTHS, unsettled: bool = False) -> set[bool]:
    """Drag a widget of this height through widths, and return whether bars were there. At a width that it has had
    before it must be the same again. `unsettled`: other words were just written, and no layout has followed yet."""
    widths = list(widths)
    for width in widths[:2]:
        whole.resize(width, height)
        QApplication.processEvents()
    each = list(dict.fromkeys(contents(whole)))
    resizes, bars = Resizes(each), set()
    seen: dict[int, list[tuple[int, int, bool]]] = {}
    for width in widths:
        resizes.counts.clear()
        for child in each if unsettled else ():
            child.updateGeometry()
        whole.resize(width, height)
        QApplication.sendPostedEvents()
        assert whole.width() == width
        found = state(whole)
        assert found == seen.setdefault(width, found), f"at {width} x {height} it depends on the way"
        bars |= {bar for *_, bar in found}
        count, which = resizes.most
        assert count <= MOST_RESIZES, f"at {width} x {height} {which} is resized {count} times"
    return bars


def set_all(panel: MathematicsPanel) -> None:
    """Have the equations set that the panel shows."""
    for line in panel.equation._lines:
        typeset(line)
    panel.equation._take()
    found = panel.card.explanation
    if found is not None and found.formula_latex:
        typeset(found.formula_latex)
    panel.card.retheme()


Prepare = Callable[[Panel, Bench], None]


def at_a_step(panel: Panel, bench: Bench) -> None:
    bench.step(9)
    assert isinstance(panel, MathematicsPanel)
    set_all(panel)


def with_a_number(panel: Panel, bench: Bench) -> None:
    bench.selection.choose_number(ref("conv", "h"), (1, 2, 3, 4))
    assert isinstance(panel, MathematicsPanel) and panel.card.links
    set_all(panel)


def selecting(*names: str) -> Prepare:
    return lambda panel, bench: bench.selection.select(names)


def nothing(panel: Panel, bench: Bench) -> None:
    pass


def checked(panel: Panel, bench: Bench) -> None:
    bench.send(CheckGradients())


def broken(panel: Panel, bench: Bench) -> None:
    for name in ("lonely_layer_with_a_long_name", "another", "third"):
        layer = make_layer(name, "dense", {"units": 3})
        bench.document.edit(lambda network, layer=layer: edits.add_layer(network, layer, (0.0, 0.0)), "Add")
    bench.settle()


SUBJECTS: dict[str, tuple[str, Callable[[Context], Panel], Prepare]] = {
    "mathematics of a step": ("typed", MathematicsPanel, at_a_step),
    "mathematics of a number": ("images", MathematicsPanel, with_a_number),
    "inspector of the network": ("sequences", InspectorPanel, nothing),
    "inspector of filters": ("images", InspectorPanel, selecting("conv")),
    "inspector of an expression": ("typed", InspectorPanel, selecting("function")),
    "inspector of a wide table": ("tokens", InspectorPanel, selecting("attend")),
    "inspector of several layers": ("images", InspectorPanel, selecting("conv", "conv2")),
    "values of all layers": ("images", ActivationsPanel, nothing),
    "values of images": ("images", ActivationsPanel, selecting("conv")),
    "values of sequences": ("sequences", ActivationsPanel, selecting("rnn")),
    "samples as images": ("images", ImagesPanel, nothing),
    "gradient check": ("images", GradientCheckPanel, checked),
}


def made(bench: Bench, name: str) -> tuple[QWidget, Panel]:
    """Return one of SUBJECTS, in a window that leaves it as narrow as it is dragged."""
    network, kind, prepare = SUBJECTS[name]
    bench.open(ALL[network]())
    bench.step(level=Level.ITERATION)
    window, panel = QWidget(), kind(bench.context)
    panel.setParent(window)
    panel.resize(500, 600)
    window.resize(900, 600)
    window.show()
    prepare(panel, bench)
    QApplication.processEvents()
    panel.setUpdatesEnabled(False)
    return window, panel
