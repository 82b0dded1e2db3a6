"""Bugs are planted from the Debug menu, found by the gradient check, undone, and kept out of plain files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from visualbp.analysis.gradient_check_result import CheckResult
from visualbp.debugger.commands import CheckGradients
from visualbp.debugger.snapshot import CheckDone
from visualbp.files import load_network
from visualbp.gui.bug_menu import BugMenu
from visualbp.gui.main_window import MainWindow


def entries(menu: QMenu) -> dict[str, QAction]:
    found: dict[str, QAction] = {}
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            found |= {f"{action.text()} / {words}": entry for words, entry in entries(inner).items()}
        else:
            found[action.text()] = action
    return found


def check(window: MainWindow) -> CheckResult:
    results: list[CheckResult] = []

    def heard(event: object) -> None:
        if isinstance(event, CheckDone) and isinstance(event.result, CheckResult):
            results.append(event.result)

    window.debugger.happened.connect(heard)
    window.debugger.send(CheckGradients())
    window.debugger.settle()
    window.debugger.happened.disconnect(heard)
    return results[-1]


def choose(window: MainWindow, words: str) -> None:
    menu = window.findChild(BugMenu, "menu_bugs")
    assert menu is not None
    menu.fill()
    entries(menu)[words].trigger()
    window.debugger.settle()


def test_a_planted_bug_fails_the_check_in_its_tensor_and_undo_takes_it_back(window: MainWindow) -> None:
    assert check(window).passed
    choose(window, "Wrong sign / output: from z back to weight")
    result = check(window)
    assert not result.passed
    failed = [(layer, name) for layer, found in result.layers.items() for name, one in found.items() if not one.passed]
    assert failed == [("output", "weight")]
    window.actions_by_name["undo"].trigger()
    window.debugger.settle()
    assert check(window).passed


def test_only_places_of_the_selected_layers_are_offered(window: MainWindow) -> None:
    menu = window.findChild(BugMenu, "menu_bugs")
    assert menu is not None
    window.selection.select(("hidden",))
    menu.fill()
    places = [words.split(" / ")[1] for words in entries(menu) if " / " in words]
    assert places and all(words.startswith("hidden:") for words in places)


def test_bugs_stay_out_of_a_file_unless_it_is_a_hunt(window: MainWindow, tmp_path: Path) -> None:
    choose(window, "Scaled by 1.001 / hidden: from z back to weight")
    assert window.files.save_to(tmp_path / "plain.vbp")
    assert load_network(tmp_path / "plain.vbp").bugs == ()
    assert "not in the file" in window.message_bar.text
    choose(window, "This network is a bug hunt")
    assert window.files.save_to(tmp_path / "hunt.vbp")
    assert load_network(tmp_path / "hunt.vbp").bugs == window.document.network.bugs != ()


def test_a_bug_can_be_planted_without_telling_where(window: MainWindow) -> None:
    choose(window, "Somewhere, and do not tell me")
    assert len(window.document.network.bugs) == 1
    choose(window, "Remove the bug")
    assert window.document.network.bugs == ()
