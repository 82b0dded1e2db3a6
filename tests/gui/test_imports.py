"""No circles: no file of the window imports another one that, by whatever way, imports it."""

from __future__ import annotations

import ast
from pathlib import Path

import visualbp

ROOT = Path(visualbp.__file__).parent


def module_of(path: Path) -> str:
    return ".".join(("visualbp", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def imports() -> dict[str, set[str]]:
    """Return which modules each module of the window names, also inside functions and for types alone."""
    modules = {module_of(path): ast.parse(path.read_text("utf-8")) for path in (ROOT / "gui").rglob("*.py")}
    found: dict[str, set[str]] = {}
    for module, tree in modules.items():
        named: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in modules else node.module for name in inner}
        found[module] = named & modules.keys() - {module}
    return found


def test_no_file_of_the_window_imports_itself_by_way_of_others() -> None:
    rest = imports()
    assert len(rest) > 100 and rest["visualbp.gui.canvas.view"]
    while free := {module for module, named in rest.items() if not named & rest.keys()}:
        rest = {module: named for module, named in rest.items() if module not in free}
    importers = {module for module in rest if any(module in named for named in rest.values())}
    assert not importers, f"circles among {sorted(importers)}"
