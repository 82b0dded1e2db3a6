"""A person at the window, with nothing but mouse and keyboard, and the network that they build first."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton, QToolButton, QWidget

from tests.gui.bench import type_over
from tests.gui.canvas_bench import LEFT, NOTHING, Hand
from visualbp.gui.main_window import MainWindow


class Person(Hand):
    """Two hands at a window, which wait for what they have done."""

    def __init__(self, window: MainWindow) -> None:
        self.window, self.canvas = window, window.canvas

    def wait(self) -> None:
        assert self.window.debugger.settle()

    # -- the canvas --------------------------------------------------------------------------------------------------

    def drop(self, type_name: str, *places: QPointF, let_go: bool = True) -> None:
        super().drop(type_name, *places, let_go=let_go)
        self.wait()

    def drag(self, start: QPointF, *places: QPointF, button: Qt.MouseButton = LEFT) -> None:
        super().drag(start, *places, button=button)
        self.wait()

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NOTHING) -> None:
        super().key(key, modifiers)
        self.wait()

    def connect(self, source: str, target: str) -> None:
        self.drag(self.item(source).output_port, self.item(target).input_port)

    def click_card(self, name: str) -> None:
        self.click(self.grip(name))

    def click_empty_canvas(self) -> None:
        QTest.mouseClick(self.canvas.viewport(), LEFT, NOTHING, QPoint(8, 8))

    # -- the inspector and the tool bar ------------------------------------------------------------------------------

    def shown(self, kind: type, name: str) -> QWidget:
        """Return the widget of this name that can be seen in the inspector."""
        found = [w for w in self.window.docks["inspector"].findChildren(kind, name) if w.isVisible()]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def type_into(self, name: str, text: str) -> None:
        field = self.shown(QLineEdit, name)
        assert isinstance(field, QLineEdit)
        type_over(field, text)
        self.wait()

    def choose(self, name: str, words: str) -> None:
        """Choose an entry of a list by typing its first letters."""
        combo = self.shown(QComboBox, name)
        assert isinstance(combo, QComboBox)
        combo.setFocus()
        QTest.keyClicks(combo, words)
        assert combo.currentText().lower().startswith(words.lower())
        self.wait()

    def push(self, name: str) -> None:
        button = self.window.findChild(QToolButton, f"button_{name}")
        assert button is not None and button.isEnabled(), name
        QTest.mouseClick(button, LEFT)


def start_empty(window: MainWindow) -> Person:
    """Press the button of the start page that begins a new network."""
    window.activateWindow()
    new = next(b for b in window.start_page.findChildren(QPushButton) if "new" in b.text().lower())
    QTest.mouseClick(new, LEFT)
    person = Person(window)
    person.wait()
    QApplication.processEvents()
    return person


def build_xor(person: Person) -> None:
    """Drag four layers onto the canvas, connect them, choose data and options."""
    middle = person.canvas.visible_rect().center()
    for number, type_name in enumerate(("input", "dense", "dense", "binary_cross_entropy")):
        person.drop(type_name, middle + QPointF(-360 + 240 * number, -20))
    for source, target in (("input", "dense"), ("dense", "dense_2"), ("dense_2", "loss")):
        person.connect(source, target)
    person.click_empty_canvas()
    person.choose("data_source", "xor")
    person.click_card("dense_2")
    person.type_into("option_units", "1")
    person.choose("option_activation", "sig")
