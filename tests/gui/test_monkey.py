"""A monkey at the window: seeded random mouse, keys, edits and commands, in any order, running or at rest.

Nothing may raise, nothing may warn (pytest-qt fails on both), the canvas mirrors the document throughout, and undo to
the start and redo to the end meet the same networks again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QDragLeaveEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from tests.building import inline
from tests.gui.bench import type_over
from tests.gui.canvas_bench import LEFT, NOTHING, Hand, bring, move_mouse
from tests.gui.conftest import OpenWindow
from visualbp.core.options import OptionError, parse_options
from visualbp.datasets import DataSpec, datasets
from visualbp.debugger.commands import CheckGradients, Continue, Pause, Seek, SetBreakpoints, Train
from visualbp.files import find_model, load_network
from visualbp.gui.main_window import MainWindow
from visualbp.gui.theme import theme
from visualbp.layers import layer_types
from visualbp.network import Network, edits
from visualbp.operations.activations import activations

RIGHT = Qt.MouseButton.RightButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SAMPLES = ("xor", "digits", "exploding")
KEY_NAMES = (
    "F10 F11 F5 F6 F9 F8 Z Y C V D A L R Delete Backspace Escape Tab Left Right Up Down Return F2 Plus Minus F T P"
)
KEYS = [(key, modifiers) for key in KEY_NAMES.split() for modifiers in (NOTHING, CTRL, SHIFT, CTRL | SHIFT)]


class Monkey(Hand):
    """Does one random thing at a time. The same seed does the same things, as far as the worker's timing allows."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        self.window, self.canvas, self.random = window, window.canvas, random.Random(seed)
        self.done: list[str] = []
        self.things: list[Callable[[], None]] = [
            *[self.press_key] * 5,
            *[self.trigger_action] * 5,
            *[self.click_canvas] * 2,
            *[self.drag_canvas] * 3,
            *[self.draw_connection] * 3,
            *[self.drop_layer] * 2,
            *[self.send_command] * 3,
            *[self.change_option] * 3,
            self.open_menu_of_canvas,
            self.turn_wheel,
            self.click_in_a_panel,
            self.edit_a_weight,
            self.rename,
            self.choose_number,
            self.choose_sample,
            self.change_a_field,
            self.toggle_dock,
            self.change_size,
            self.change_theme,
            self.seek,
            self.change_data,
        ]

    # -- what it does ------------------------------------------------------------------------------------------------

    def act(self) -> None:
        thing = self.random.choice(self.things)
        self.done.append(thing.__name__)
        thing()
        if self.random.random() < 0.5:
            QApplication.processEvents()
        if self.random.random() < 0.15:
            self.window.debugger.send(Pause())
            assert self.window.debugger.settle(), self.done[-20:]
        self.close_popups()

    def note(self, what: object) -> None:
        self.done[-1] += f" {what}"

    def close_popups(self) -> None:
        for _ in range(3):
            popup = QApplication.activePopupWidget()
            if popup is None:
                break
            popup.close()
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.close()

    @property
    def network(self) -> Network:
        return self.window.document.network

    def place(self) -> QPoint:
        port = self.canvas.viewport()
        return QPoint(self.random.randrange(port.width()), self.random.randrange(port.height()))

    def name(self) -> str | None:
        return self.random.choice(self.network.names) if self.network.names else None

    def press_key(self) -> None:
        key, modifiers = self.random.choice(KEYS)
        self.note((key, modifiers))
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"), modifiers)

    def trigger_action(self) -> None:
        names = [a for a in self.window.actions_by_name.all() if a.isEnabled()]
        action = self.random.choice(names)
        self.note(action.objectName())
        action.trigger()

    def click_canvas(self) -> None:
        port, place = self.canvas.viewport(), self.place()
        modifiers = self.random.choice([NOTHING, NOTHING, SHIFT, CTRL])
        self.note(place)
        (QTest.mouseDClick if self.random.random() < 0.2 else QTest.mouseClick)(port, LEFT, modifiers, place)
        self._leave_field()

    def _leave_field(self) -> None:
        """A double click on a name opens a field: leave it one way or the other."""
        field = QApplication.focusWidget()
        if isinstance(field, QLineEdit) and field.isVisible():
            QTest.keyClick(field, self.random.choice([Qt.Key.Key_Escape, Qt.Key.Key_Return]))

    def _drag(self, start: QPoint, end: QPoint) -> None:
        port = self.canvas.viewport()
        self.note((start, end))
        QTest.mousePress(port, LEFT, NOTHING, start)
        for share in (0.3, 0.6, 1.0):
            move_mouse(self.canvas, start + (end - start) * share, LEFT)
            if self.random.random() < 0.1:
                self.trigger_action()  # with the button held down
        if self.random.random() < 0.15:
            QTest.keyClick(self.canvas, Qt.Key.Key_Escape)
        QTest.mouseRelease(port, LEFT, NOTHING, end)

    def drag_canvas(self) -> None:
        name = self.name()
        start = self.place()
        if name is not None and self.random.random() < 0.7:
            start = self.view(self.grip(name))
        self._drag(start, self.place())

    def draw_connection(self) -> None:
        one, other = self.name(), self.name()
        if one is None or other is None:
            return
        self.note((one, other))
        item = self.item(one)
        start = self.view(item.output_port if self.random.random() < 0.7 else item.input_port)
        end = self.view(self.item(other).input_port) if self.random.random() < 0.8 else self.place()
        self._drag(start, end)

    def drop_layer(self) -> None:
        type_name = self.random.choice([kind.type_name for kind in layer_types])
        spot = self.place()
        if self.network.connections and self.random.random() < 0.5:
            edge = self.scene.connections[self.random.choice(self.network.connections)]
            spot = self.view((edge.source.output_port + edge.target.input_port) / 2)
        self.note((type_name, spot))
        let_go = self.random.random() >= 0.15
        bring(self.canvas, type_name, spot, let_go=let_go)
        if not let_go:
            QApplication.sendEvent(self.canvas.viewport(), QDragLeaveEvent())

    def send_command(self) -> None:
        number = self.random.randrange(200)
        command = self.random.choice(
            [Train(), Train(number), Continue(), Continue(50.0), Pause(), CheckGradients(), SetBreakpoints(frozenset())]
        )
        self.note(command)
        self.window.debugger.send(command)

    def seek(self) -> None:
        self.window.debugger.send(Seek(self.random.randrange(60), self.random.randrange(30)))

    def change_option(self) -> None:
        """Change an option of a layer, as the inspector does."""
        name = self.name()
        if name is None:
            return
        layer, function = self.network.layer(name), self.random.choice(activations.names())
        changes = {
            "dense": {"units": self.random.choice([1, 2, 3, 64]), "activation": function},
            "input": {"shape": self.random.choice([(1,), (2,), (8, 8), (1, 8, 8)])},
            "activation": {"function": function},
            "dropout": {"rate": self.random.choice([0.0, 0.5, 0.9])},
        }.get(layer.type)
        if changes is None:
            return
        self.note((name, changes))
        with suppress(OptionError):
            self.window.document.edit(lambda network: edits.set_options(network, name, changes), f"Change {name}", "m")

    def edit_a_weight(self) -> None:
        snapshot = self.window.debugger.snapshot
        if snapshot.plan is None or not snapshot.plan.parameters:
            return
        info = self.random.choice(snapshot.plan.parameters)
        array = snapshot.values.get(info.value)
        if array is None or info.value.layer not in self.network.names:
            return
        changed = array.copy()
        changed.flat[0] = self.random.choice([0.0, 1.5, -3.0, 1e200])
        changed.setflags(write=False)
        specs = {spec.name: spec.shape for spec in self.window.document.structure.parameters.get(info.value.layer, ())}
        if specs.get(info.value.name) != changed.shape:
            return
        self.note(info.value.text)
        self.window.document.edit(
            lambda network: edits.set_parameter(network, info.value.layer, info.value.name, changed), "Edit weight"
        )

    def rename(self) -> None:
        name = self.name()
        if name is None:
            return
        self.canvas.rename(name)
        field = QApplication.focusWidget()
        if isinstance(field, QLineEdit) and field.isVisible():
            QTest.keyClicks(field, self.random.choice(["a", "b c", "x+y", "  ", "loss"]))
            QTest.keyClick(field, self.random.choice([Qt.Key.Key_Return, Qt.Key.Key_Escape]))
        self._leave_field()

    def choose_number(self) -> None:
        snapshot = self.window.debugger.snapshot
        values = [(value, array) for value, array in snapshot.values.items() if array.size]
        if values:
            value, array = self.random.choice(values)
            self.window.selection.choose_number(value, tuple(self.random.randrange(n) for n in array.shape))

    def choose_sample(self) -> None:
        self.window.selection.choose_sample(self.random.randrange(6))

    def open_menu_of_canvas(self) -> None:
        port, place = self.canvas.viewport(), self.place()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, port.mapToGlobal(place))
        QApplication.sendEvent(port, event)
        menu = QApplication.activePopupWidget()
        actions = [action for action in menu.actions() if action.isEnabled() and not action.menu()] if menu else []
        if actions:
            action = self.random.choice(actions)
            self.note(action.text())
            action.trigger()
            self._leave_field()

    def turn_wheel(self) -> None:
        place = QPointF(self.place())
        event = QWheelEvent(
            place, place, QPoint(), QPoint(0, self.random.choice([-480, -120, 120, 480])), Qt.MouseButton.NoButton,
            self.random.choice([CTRL, CTRL, NOTHING]), Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas.viewport(), event)

    def click_in_a_panel(self) -> None:
        dock = self.random.choice(list(self.window.docks.values()))
        if not dock.isVisible() or dock.visibleRegion().isEmpty():
            return
        panel = dock.widget()
        place = QPoint(self.random.randrange(max(1, panel.width())), self.random.randrange(max(1, panel.height())))
        target = panel.childAt(place) or panel
        self.note((dock.objectName(), place, type(target).__name__))
        inside = target.mapFrom(panel, place)
        QTest.mouseMove(target, inside)
        QTest.mouseClick(target, LEFT, NOTHING, inside)

    def change_a_field(self) -> None:
        """Type into a field of the inspector, or choose from one of its lists, or push one of its buttons."""
        kinds: tuple[type[QWidget], ...] = (QLineEdit, QComboBox, QAbstractButton)
        found = [
            widget for kind in kinds for widget in self.window.docks["inspector"].findChildren(kind)
            if widget.isVisible() and widget.isEnabled() and "file" not in widget.objectName()
        ]  # fmt: skip
        if not found:
            return
        widget = self.random.choice(found)
        self.note((type(widget).__name__, widget.objectName(), getattr(widget, "text", str)()))
        if isinstance(widget, QLineEdit):
            text = self.random.choice(["1", "3", "0.5", "-1", "1e9", "x", "", "2, 2", "nan", "1e300"])
            type_over(widget, text, self.random.choice([Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Escape]))
        elif isinstance(widget, QComboBox):
            widget.setFocus()
            QTest.keyClick(widget, self.random.choice([Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_C, Qt.Key.Key_S]))
        elif "…" not in widget.text():  # those open a dialog
            QTest.mouseClick(widget, LEFT)

    def toggle_dock(self) -> None:
        dock = self.random.choice(list(self.window.docks.values()))
        if self.random.random() < 0.3:
            dock.setFloating(not dock.isFloating())
        else:
            dock.toggleViewAction().trigger()

    def change_size(self) -> None:
        self.window.resize(self.random.randrange(400, 1800), self.random.randrange(300, 1100))

    def change_theme(self) -> None:
        theme().set(self.random.choice(["dark", "light"]), self.random.choice([1.0, 1.0, 1.5, 2.0, 0.85]))

    def change_data(self) -> None:
        data = self.random.choice(
            [None, inline([[0, 0], [1, 1]], [[0.0], [1.0]]), inline([[float("1e308")] * 2], [0])]
            + [DataSpec(name, {}) for name in datasets.names() if name not in ("inline", "csv")]
        )
        if data is not None and data.source != "inline":
            data = DataSpec(data.source, parse_options(datasets.get(data.source).options, {}))
        self.window.document.edit(lambda network: replace(network, data=data), "Change data")

    # -- what holds --------------------------------------------------------------------------------------------------

    def assert_mirrors(self) -> None:
        scene, network = self.canvas.network_scene, self.network
        assert set(scene.layers) == set(network.names), self.done[-3:]
        assert set(scene.connections) == set(network.connections), self.done[-3:]
        assert set(self.window.selection.layers) <= set(network.names), self.done[-3:]


@pytest.fixture
def window(open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    made = open_window(None)
    monkeypatch.setattr(made.files, "may_discard", lambda: False)
    monkeypatch.setattr(QMessageBox, "about", lambda *a: None)
    monkeypatch.setattr(QInputDialog, "getText", lambda *a: ("of a monkey", True))
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *a, **k: ("", ""))
    return made


def run(window: MainWindow, seed: int, count: int) -> Monkey:
    monkey = Monkey(window, seed)
    for _ in range(count):
        monkey.act()
        monkey.assert_mirrors()
    return monkey


@pytest.mark.parametrize(("sample", "seed"), list(zip(SAMPLES, range(3), strict=True)))
def test_nothing_that_a_monkey_does_breaks_the_window(window: MainWindow, sample: str, seed: int) -> None:
    document, debugger = window.document, window.debugger
    document.open(load_network(find_model(sample)))
    assert debugger.settle()
    start = document.network
    monkey = run(window, seed, 110)
    debugger.send(Pause())
    assert debugger.settle(), monkey.done[-20:]
    stack, end = document.undo_stack, document.network
    place = stack.index()
    seen: list[list[Network]] = []
    for _ in range(2):
        while stack.canUndo():
            stack.undo()
            monkey.assert_mirrors()
        assert document.network == start, monkey.done
        seen.append([])
        while stack.index() < place:
            stack.redo()
            seen[-1].append(document.network)
        assert document.network == end
    assert seen[0] == seen[1]
    monkey.assert_mirrors()
    assert debugger.settle()
    assert debugger.snapshot.generation == document.generation
    assert "went wrong" not in window.message_bar.text
