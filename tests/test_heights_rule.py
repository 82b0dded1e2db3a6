"""A rule for gui: no widget sets its own height when it is resized, and what scrolls is a ColumnScroll. Both together
ended the process: see widgets/heights.py."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

GUI = Path(__file__).parent.parent / "visualbp" / "gui"
HOME = "heights.py"
"""Where a QScrollArea may be made into something."""
RESIZED = ("resizeEvent", "showEvent", "changeEvent", "fit")
SETTERS = (
    "setFixedHeight",
    "setMinimumHeight",
    "setMaximumHeight",
    "setFixedSize",
    "setMinimumSize",
    "setMaximumSize",
    "resize",
    "setGeometry",
    "adjustSize",
)
ALLOWED = {
    ("dock.py", "setGeometry"): "the grip in the corner of a floating dock, which no layout asks for its size",
}
BOTH_WAYS = {"dialogs.py": "the list of all keys: it scrolls both ways, and no height in it goes by a width"}
"""Files with a QScrollArea as it is."""


def methods_reached(owner: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Return the methods that a resize calls, by way of other methods of the class."""
    methods = {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)}
    reached, waiting = {}, [name for name in RESIZED if name in methods]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached[name] = methods[name]
        for node in ast.walk(methods[name]):
            own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
            if own and isinstance(node, ast.Attribute) and node.attr in methods:
                waiting.append(node.attr)
    return reached


def own_heights(source: str, file: str) -> list[str]:
    """Return the places where a widget sets a height of its own because it is resized."""
    found = []
    for owner in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)):
        for name, method in methods_reached(owner).items():
            for call in (node for node in ast.walk(method) if isinstance(node, ast.Call)):
                setter = call.func.attr if isinstance(call.func, ast.Attribute) else ""
                if setter in SETTERS and (file, setter) not in ALLOWED:
                    found.append(f"{file}, line {call.lineno}: {owner.name}.{name} calls {setter} when it is resized")
    return found


def plain_areas(source: str, file: str) -> list[str]:
    """Return the places where a QScrollArea is made or derived from."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Call):
            names = [getattr(node.func, "id", getattr(node.func, "attr", ""))]
        elif isinstance(node, ast.ClassDef):
            names = [getattr(base, "id", getattr(base, "attr", "")) for base in node.bases]
        if {"QScrollArea", "QAbstractScrollArea"} & set(names):
            found.append(f"{file}, line {node.lineno}: a QScrollArea; take ColumnScroll")
    return sorted(found)


def test_no_widget_sets_its_height_when_it_is_resized() -> None:
    files = [path for path in sorted(GUI.rglob("*.py")) if path.name != HOME]
    assert [place for path in files for place in own_heights(path.read_text("utf-8"), path.name)] == []


def test_every_exception_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = set(ALLOWED)
    monkeypatch.setattr(sys.modules[__name__], "ALLOWED", {})
    for file, setter in allowed:
        source = next(GUI.rglob(file)).read_text("utf-8")
        assert any(f"calls {setter} " in place for place in own_heights(source, file))


def test_what_scrolls_is_a_column_scroll() -> None:
    files = [path for path in sorted(GUI.rglob("*.py")) if path.name not in (HOME, *BOTH_WAYS)]
    assert [place for path in files for place in plain_areas(path.read_text("utf-8"), path.name)] == []
    for name in BOTH_WAYS:
        assert plain_areas(next(GUI.rglob(name)).read_text("utf-8"), name), "the exception is not needed any more"


def test_the_rule_finds_what_breaks_it() -> None:
    source = (
        "class Card(QWidget):\n    def resizeEvent(self, event):\n        self.retheme()\n\n"
        "    def retheme(self):\n        self.setFixedHeight(9)\n\n"
        "    def other(self):\n        self.resize(1, 1)\n\n\n"
        "area = QScrollArea()\n\n\nclass Own(QtWidgets.QScrollArea):\n    pass\n"
    )
    assert own_heights(source, "card.py") == ["card.py, line 6: Card.retheme calls setFixedHeight when it is resized"]
    assert plain_areas(source, "card.py") == [
        "card.py, line 12: a QScrollArea; take ColumnScroll",
        "card.py, line 15: a QScrollArea; take ColumnScroll",
    ]
