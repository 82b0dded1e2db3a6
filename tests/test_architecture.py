"""The rules that keep the folders readable: imports go downwards, in no circles, Qt stays below gui, files stay short.

Why by a test of our own: resources/decisions/0016-import-rules-by-a-test-of-our-own.md.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "visualbp"

FLOORS = (
    ("core",),
    ("operations",),
    ("layers", "optimizers", "initializers", "datasets"),
    ("network",),
    ("files",),
    ("engine",),
    ("analysis",),
    ("debugger",),
    ("interchange",),
    ("cli", "gui"),
)
"""From the ground up. A module may import from its own package and from the floors below."""

EXCEPTIONS = {
    ("layers", "initializers"): "a layer's options name the initialisers that its parameters may start from",
    ("cli", "gui"): "the commands that open or draw the window, and import it only when they are given",
}
"""Imports that are neither, and why they are right."""

QT = ("PySide6", "shiboken6", "pyqtgraph")
LONGEST_FILE = 420
"""Lines: "about 400"."""

BLOCK_QT = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {qt}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import visualbp
for package in {packages}:
    module = importlib.import_module("visualbp." + package)
    for found in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
        importlib.import_module(found.name)
assert not set(sys.modules) & set({qt})
"""


def floor_of(package: str) -> int | None:
    return next((level for level, names in enumerate(FLOORS) if package in names), None)


def package_of(path: Path) -> str:
    """Return the package of a file: its folder below visualbp, or "" for visualbp's own files."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def module_of(path: Path) -> str:
    return ".".join(("visualbp", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@cache
def modules_imported(path: Path) -> tuple[tuple[str, int], ...]:
    """Return the full name of each import in a file, wherever it stands in it, and its line."""
    found = []
    base = ["visualbp", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = ".".join(base[: len(base) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (prefix, node.module or "") if part)
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__"):
                found.append((str(node.args[0].value), node.lineno))
    return tuple(found)


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_against_the_floors() -> list[str]:
    wrong = []
    for path in sources():
        package = package_of(path)
        for name, line in modules_imported(path) if package else ():  # __init__ and __main__ stand on no floor
            parts = name.split(".")
            if parts[0] != "visualbp" or len(parts) < 2 or parts[1] == package:
                continue
            own, other = floor_of(package), floor_of(parts[1])
            if own is None:
                wrong.append(f"{package} is on no floor: add it to FLOORS")
            elif other is not None and other >= own and (package, parts[1]) not in EXCEPTIONS:
                wrong.append(f"{path.name}, line {line}: {package} may not import {name}")
    return wrong


def circles() -> set[str]:
    """Return the modules that import themselves by way of others, and what lies on the ways between them."""
    modules = {module_of(path): path for path in sources()}

    def module_in(name: str) -> str:
        """Return the module that an import brings in: the name itself, or where it stands."""
        while name not in modules and "." in name:
            name = name.rpartition(".")[0]
        return name

    rest = {
        module: {module_in(name) for name, _ in modules_imported(path)} & modules.keys() - {module}
        for module, path in modules.items()
    }
    while free := {module for module, named in rest.items() if not named & rest.keys()}:
        rest = {module: named for module, named in rest.items() if module not in free}
    return {module for module in rest if any(module in named for named in rest.values())}


def imports_of_qt_outside_gui() -> list[str]:
    return [
        f"{path.name}, line {line}: {name}"
        for path in sources()
        if package_of(path) != "gui"
        for name, line in modules_imported(path)
        if name.split(".")[0] in QT
    ]


def test_imports_go_to_lower_floors_only() -> None:
    assert imports_against_the_floors() == []


def test_qt_is_imported_below_gui_alone() -> None:
    assert imports_of_qt_outside_gui() == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert circles() == set()


def test_every_exception_is_still_needed() -> None:
    used = {
        (package_of(path), name.split(".")[1])
        for path in sources()
        for name, _ in modules_imported(path)
        if name.startswith("visualbp.")
    }
    present = {package_of(path) for path in sources()}
    assert [pair for pair in EXCEPTIONS if pair not in used and pair[0] in present] == []


def test_packages_without_qt_import_where_qt_is_blocked() -> None:
    packages = [
        name for names in FLOORS for name in names if name != "gui" and (PACKAGE / name / "__init__.py").exists()
    ]
    program = BLOCK_QT.format(qt=QT, packages=packages)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_importing_visualbp_imports_nothing_heavy() -> None:
    program = "import sys, visualbp; print(sorted({'numpy', 'PySide6', 'pydantic', 'ziamath'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_no_file_grows_past_about_four_hundred_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_the_rules_find_an_import_that_breaks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "visualbp" / "operations" / "wrong.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "def f():\n    from visualbp.layers import Node\n    import PySide6.QtCore\n    from .. import gui\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "visualbp")
    assert [name for name, _ in modules_imported(module)] == ["visualbp.layers.Node", "PySide6.QtCore", "visualbp.gui"]
    assert imports_against_the_floors() == [
        "wrong.py, line 2: operations may not import visualbp.layers.Node",
        "wrong.py, line 4: operations may not import visualbp.gui",
    ]
    assert imports_of_qt_outside_gui() == ["wrong.py, line 3: PySide6.QtCore"]


def test_the_rules_find_a_circle_and_name_who_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "visualbp" / "operations"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from visualbp.operations.ending import End\n")
    (folder / "first.py").write_text("from visualbp.operations.second import Second\n")
    (folder / "second.py").write_text("def f():\n    from visualbp.operations import third\n")
    (folder / "third.py").write_text("import visualbp.operations.first\nfrom visualbp.operations.ending import End\n")
    (folder / "ending.py").write_text("import numpy\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "visualbp")
    assert circles() == {f"visualbp.operations.{name}" for name in ("first", "second", "third")}
