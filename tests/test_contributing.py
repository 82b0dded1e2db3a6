"""CONTRIBUTING.md and the decisions name what is there: folders, files, classes, methods, tests and commands."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.refs import ref
from visualbp.cli.main import COMMANDS
from visualbp.engine import Phase, compile_plan
from visualbp.files import find_model, load_network
from visualbp.gui.panels.registry import PANELS

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", CONTRIBUTING, ROOT / ".github" / "CHANGELOG.md"]
DECISIONS = sorted((ROOT / "resources" / "decisions").glob("*.md"))

CHOSEN = re.compile(r"NAME|mine\.vbp|out\.png")
"""What a reader chooses."""
COMMAND = re.compile(r"(python3?|pip|pre-commit|visualbp|-k) ")
PATH = re.compile(r"[\w.-]*/[\w./-]*|[\w-]+\.(py|toml|md)")
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
PLACED = re.compile(r"`([\w.]+)`(?:,? in\s+| \()`([\w./]+\.py)`")
OTHERS = {"torch.optim.Optimizer", "importlib.import_module", "gradient/weight"}


def spans(text: str) -> Iterator[str]:
    """Yield each line of a block of code, and what stands in backticks elsewhere."""
    for place, part in enumerate(re.split(r"^```\w*$", text, flags=re.MULTILINE)):
        yield from part.strip().splitlines() if place % 2 else re.findall(r"`([^`]+)`", part)


@cache
def definitions(path: Path) -> frozenset[str]:
    """Return what a file of Python defines: names of the module, and `Class.member`."""
    found: set[str] = set()

    def add(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                add(node.body, f"{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    add(ast.parse(path.read_text("utf-8")).body, "")
    return frozenset(found)


@cache
def sources() -> tuple[str, frozenset[str]]:
    """Return the text of all Python of the program, its tests and its script, and all that is defined there."""
    paths = [path for folder in ("visualbp", "tests", "resources") for path in (ROOT / folder).rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in paths if path != Path(__file__))
    return text, frozenset().union(*map(definitions, paths))


def found(path: str) -> Path | None:
    """Return the file or folder of this path: from the top or, as the pages write it for short, from visualbp."""
    places = (ROOT / path, ROOT / "visualbp" / path, ROOT / "visualbp" / "core" / path)
    return next((place for place in places if place.exists()), None)


def names_of_tests(paths: list[Path]) -> str:
    """Return the names of tests, and of their files, by which `-k` chooses."""
    files = [file for path in paths for file in (path.rglob("test_*.py") if path.is_dir() else [path])]
    return " ".join(name for file in files for name in (file.stem, *definitions(file)))


def faults_of_command(words: list[str]) -> Iterator[str]:
    """Yield the parts of a command that are not there."""
    paths = [word for word in words if PATH.fullmatch(word) and not CHOSEN.search(word)]
    yield from (path for path in paths if found(path) is None)
    if "-k" in words:
        named = names_of_tests([place for path in paths if (place := found(path))] or [ROOT / "tests"])
        chosen = re.split(" or | and ", words[words.index("-k") + 1])
        yield from (name for name in chosen if not CHOSEN.search(name) and name not in named)
    match words:
        case ["python", "-m", module, *_] if module.startswith("tests."):
            if found(module.replace(".", "/") + ".py") is None:
                yield module
        case ["python", "-m", "visualbp", command, *arguments] | ["visualbp", command, *arguments]:
            if command in COMMANDS:
                yield from faults_of_arguments(command, arguments)
            elif not CHOSEN.search(command):
                find_model(command)  # raises where there is no such sample


def faults_of_arguments(command: str, arguments: list[str]) -> Iterator[str]:
    parser = ArgumentParser(exit_on_error=False)
    importlib.import_module(f"visualbp.cli.{command}").add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    yield from (word for word in arguments if word.startswith("--") and word not in options)
    panels = {panel.name for panel in PANELS}
    named = [value for option, value in pairwise(arguments) if option == "--panel"]
    yield from (name for name in named if name not in panels and not CHOSEN.search(name))


def faults(text: str) -> list[str]:
    """Return everything that a text names and that is not there."""
    wrong: list[str] = []
    everything, defined = sources()
    for span in spans(text):
        if COMMAND.match(span):
            wrong += faults_of_command(shlex.split(span))
        elif CHOSEN.search(span) or span in OTHERS:
            continue
        elif PATH.fullmatch(span):
            wrong += [span] if found(span) is None else []
        elif re.fullmatch(r"[A-Z]\w*\.\w+", span):
            wrong += [span] if span not in defined else []
        elif NAME.fullmatch(span):
            wrong += [span] if not re.search(rf"\b{re.escape(span)}\b", everything) else []
    for name, path in PLACED.findall(text):
        place = found(path)
        wrong += [f"{name} in {path}"] if place is None or name not in definitions(place) else []
    return wrong


@pytest.mark.parametrize("page", [CONTRIBUTING, *DECISIONS], ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert faults(page.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`engine/compilers.py`", "engine/compilers.py"),
        ("`Affine.vjps`", "Affine.vjps"),
        ("`no_such_word`", "no_such_word"),
        ("`Dense` in `layers/rnn.py`", "Dense in layers/rnn.py"),
        ("`Dense.lowers` in\n   `layers/dense.py`", "Dense.lowers in layers/dense.py"),
        ("`python -m tests.benchmarks.engines`", "tests.benchmarks.engines"),
        ("`python -m visualbp trace xor --iteration 3`", "--iteration"),
        ("`python -m visualbp screenshot xor out.png --panel delta`", "delta"),
        ("```\npython -m pytest tests/test_heights.py\n```\n", "tests/test_heights.py"),
        ('`python -m pytest tests/gui/test_layout.py -k "NAME or mazurs_forward"`', "mazurs_forward"),
        ("`-k no_such_test_anywhere`", "no_such_test_anywhere"),
    ],
)
def test_what_is_not_there_is_noticed(text: str, missing: str) -> None:
    assert missing in faults(text)


def test_the_map_has_every_folder_of_the_program_and_no_other() -> None:
    mapped = re.findall(r"^\| `visualbp/(\w+)/`", CONTRIBUTING.read_text("utf-8"), re.MULTILINE)
    assert sorted(mapped) == sorted(path.parent.name for path in (ROOT / "visualbp").glob("*/__init__.py"))


def test_the_steps_of_the_walk_lead_from_the_loss_to_the_weight() -> None:
    steps = compile_plan(load_network(find_model("xor"))).steps[5:11]
    assert [step.phase for step in steps] == [Phase.BACKWARD] * 6
    assert steps[0].layer == "loss" and steps[0].writes == (ref("output", "delta"),)
    assert steps[-1].writes == (ref("hidden", "weight").gradient,)


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.stem)
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_pages_are_linked_from_the_readme() -> None:
    readme, contributing = (page.read_text("utf-8") for page in PAGES[:2])
    assert "(.github/CONTRIBUTING.md)" in readme
    assert "(CHANGELOG.md)" in contributing and "(../resources/decisions)" in contributing


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_short_and_has_a_number_a_date_and_its_three_parts(page: Path) -> None:
    text = page.read_text("utf-8")
    title, _, day, *_ = text.splitlines()
    assert title.startswith(f"# {page.name[:4]}: ") and date.fromisoformat(day)
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequence"]
    assert 10 <= len(text.splitlines()) <= 20


def test_decisions_are_numbered_without_gaps() -> None:
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
