"""A canvas on a bench, and a hand to press, drag and drop on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QByteArray, QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.building import inline, xor
from tests.gui.bench import Bench
from visualbp.gui.canvas import Canvas
from visualbp.gui.canvas.layer_item import LayerItem
from visualbp.gui.canvas.layer_list import LAYER_MIME
from visualbp.network import Network

LEFT = Qt.MouseButton.LeftButton
NOTHING = Qt.KeyboardModifier.NoModifier


def xor_twice() -> Network:
    """XOR with each sample twice: of eight samples, cards show the chosen one."""
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]] * 2
    return replace(xor(), data=inline(corners, [[0.0], [1.0], [1.0], [0.0]] * 2))


def move_mouse(canvas: Canvas, place: QPoint, held: Qt.MouseButton) -> None:
    """Move the mouse to a place of the view, with a button held down or none."""
    spot = QPointF(place)
    event = QMouseEvent(QEvent.Type.MouseMove, spot, spot, Qt.MouseButton.NoButton, held, NOTHING)
    QApplication.sendEvent(canvas.viewport(), event)


def bring(canvas: Canvas, type_name: str, *places: QPoint, let_go: bool = True) -> None:
    """Bring a layer from the palette over places of the view, and drop it at the last of them, or hold it there."""
    data = QMimeData()
    data.setData(LAYER_MIME, QByteArray(type_name.encode()))
    port, copy = canvas.viewport(), Qt.DropAction.CopyAction
    QApplication.sendEvent(port, QDragEnterEvent(places[0], copy, data, LEFT, NOTHING))
    for place in places:
        QApplication.sendEvent(port, QDragMoveEvent(place, copy, data, LEFT, NOTHING))
    if let_go:
        QApplication.sendEvent(port, QDropEvent(QPointF(places[-1]), copy, data, LEFT, NOTHING))


class Hand:
    """A hand over a canvas. Places are points of the scene."""

    canvas: Canvas

    @property
    def scene(self):  # type: ignore[no-untyped-def]
        return self.canvas.network_scene

    def item(self, name: str) -> LayerItem:
        return self.scene.layers[name]

    def view(self, place: QPointF) -> QPoint:
        return self.canvas.mapFromScene(place)

    # -- the mouse ---------------------------------------------------------------------------------------------------

    def grip(self, name: str) -> QPointF:
        """A place of a card where there is nothing but the card."""
        item = self.item(name)
        return item.pos() + QPointF(90, item.layout.height - 5)

    def press(self, place: QPointF, modifiers: Qt.KeyboardModifier = NOTHING, button: Qt.MouseButton = LEFT) -> None:
        QTest.mousePress(self.canvas.viewport(), button, modifiers, self.view(place))

    def move(self, place: QPointF) -> None:
        held = LEFT if self.canvas.gesture is not None else Qt.MouseButton.NoButton
        move_mouse(self.canvas, self.view(place), held)
        QApplication.processEvents()

    def release(self, place: QPointF, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseRelease(self.canvas.viewport(), button, NOTHING, self.view(place))
        QApplication.processEvents()

    def click(self, place: QPointF, modifiers: Qt.KeyboardModifier = NOTHING) -> None:
        self.press(place, modifiers)
        self.release(place)

    def drag(self, start: QPointF, *places: QPointF, button: Qt.MouseButton = LEFT) -> None:
        """Press at `start`, go by way of `places`, and release at the last of them."""
        self.press(start, button=button)
        for place in places:
            self.move((start + place) / 2)
            self.move(place)
        self.release(places[-1], button)

    def double_click(self, place: QPointF) -> None:
        QTest.mouseDClick(self.canvas.viewport(), LEFT, NOTHING, self.view(place))
        QApplication.processEvents()

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NOTHING) -> None:
        QTest.keyClick(self.canvas, key, modifiers)
        QApplication.processEvents()

    def drop(self, type_name: str, *places: QPointF, let_go: bool = True) -> None:
        """Bring a layer from the palette over `places`, and drop it at the last of them."""
        bring(self.canvas, type_name, *[self.view(place) for place in places], let_go=let_go)
        QApplication.processEvents()


class CanvasBench(Bench, Hand):
    """A bench with a canvas, and a hand over it."""

    def __init__(self, network: Network | None = None, size: tuple[int, int] = (1100, 640)) -> None:
        super().__init__()
        self.canvas = Canvas(self.context)
        self.canvas.resize(*size)
        self.canvas.show()
        self.messages: list[str] = []
        self.canvas.message.connect(self.messages.append)
        if network is not None:
            self.open(network)
            self.canvas.fit()
        QApplication.processEvents()

    def names(self) -> set[str]:
        return set(self.network.names)

    def assert_mirrors(self) -> None:
        """The scene shows the document's network: its layers, their places, and its connections."""
        assert set(self.scene.layers) == self.names()
        assert {item.name for item in self.scene.layers.values()} == self.names()
        assert set(self.scene.connections) == set(self.network.connections)
        for ends, edge in self.scene.connections.items():
            assert edge.connection == ends
        for name, (x, y) in self.network.positions.items():
            centre = self.item(name).centre
            assert abs(centre.x() - 1.2 * x) < 1e-6 and abs(centre.y() - 1.2 * y) < 1e-6
        assert set(self.selection.layers) <= self.names()

    def history(self) -> Iterable[str]:
        stack = self.document.undo_stack
        return [stack.text(number) for number in range(stack.count())]

    def close(self) -> None:
        super().close()
        self.canvas.close()
        self.canvas.deleteLater()
