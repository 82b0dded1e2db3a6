"""Opening another network leaves nothing of the one before; an empty canvas has no iteration; dialogs, the palette."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QListWidget, QScrollArea

from tests.building import xor
from tests.gui.bench import Bench
from tests.gui.conftest import MakeBench, ShowPanel
from visualbp.debugger.commands import Train
from visualbp.gui.command_palette import CommandPalette
from visualbp.gui.file_dialogs import last_folder
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.loss import LossPanel
from visualbp.network import Network

# -- another file --------------------------------------------------------------------------------------------------


def test_opening_another_file_resets_selection_scrolling_and_status(window: MainWindow) -> None:
    window.selection.select(("hidden",))
    window.selection.choose_sample(2)
    window.workspaces.bring("inspector")
    window.resize(1024, 700)
    QApplication.processEvents()
    areas = window.docks["inspector"].panel.findChildren(QScrollArea)
    bar = max((area.verticalScrollBar() for area in areas), key=lambda bar: bar.maximum())
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    window.messages.say("the former network")
    assert window.files.open_path("spirals", confirmed=True)
    window.debugger.settle()
    assert window.selection.layers == () and window.selection.number is None and window.selection.sample is None
    assert bar.value() == 0
    assert "former" not in window.statusBar().currentMessage()


def test_after_undoing_to_an_empty_canvas_no_iteration_and_no_curve_is_left(
    make_bench: MakeBench, show_panel: ShowPanel
) -> None:
    bench: Bench = make_bench(Network())
    panel = show_panel(bench, LossPanel, (420, 260))
    bench.document.apply(xor(), "Build")
    bench.settle()
    bench.train(30)
    assert bench.snapshot.iteration > 0 and panel.pages.currentWidget() is panel.page
    bench.undo()
    QApplication.processEvents()
    assert bench.snapshot.iteration == 0
    assert panel.pages.currentWidget() is panel.empty
    bench.document.undo_stack.redo()
    bench.settle()
    assert bench.snapshot.iteration > 0  # what was trained is not lost by looking back


def test_the_tool_bar_shows_iteration_0_of_an_empty_canvas(window: MainWindow) -> None:
    window.files.new()
    window.document.apply(xor(), "Build")
    window.debugger.send(Train(20))
    window.debugger.settle()
    assert window.tool_bar.numbers.iteration != "0"
    window.document.undo_stack.undo()
    window.debugger.settle()
    assert (window.tool_bar.numbers.iteration, window.tool_bar.numbers.loss) == ("0", "–")


# -- the palette finds samples ---------------------------------------------------------------------------------------


def test_the_command_palette_finds_a_sample_by_its_title_and_opens_it(window: MainWindow) -> None:
    window.show_command_palette()
    (palette,) = window.findChildren(CommandPalette)
    palette._field.setText("sample a transformer")
    found = palette.findChild(QListWidget)
    assert found is not None and found.item(0).text().startswith("Open sample: A transformer that copies")
    palette._run()
    window.debugger.settle()
    assert window.document.sample == "copy_transformer"


# -- dialogs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", ["open", "save_as", "export", "save_picture", "import_workspace", "export_workspace"]
)
def test_every_file_dialog_opens_where_the_last_one_ended(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    asked: list[str] = []

    def answer(name: str) -> Callable[..., tuple[str, str]]:
        def dialog(parent: object, title: str, start: str, *rest: object) -> tuple[str, str]:
            asked.append(start)
            return name, ""

        return dialog

    (tmp_path / "one").mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer(str(tmp_path / "one" / "picture.png")))
    window.files.save_picture()
    window.files.writing.wait()
    assert last_folder() == tmp_path / "one"
    asked.clear()
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, answer(""))
    window.actions_by_name[action].trigger()
    assert len(asked) == 1 and asked[0].startswith(str(tmp_path / "one"))
    assert last_folder() == tmp_path / "one"  # a dialog that was left changes nothing


def test_data_are_looked_for_there_too(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    window.settings.folder = str(tmp_path)
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda parent, title, start, *rest: (asked.append(start), ("", ""))[1]
    )
    window.docks["inspector"].panel.network_page.data._ask_for_file()
    assert asked == [str(tmp_path)]


def test_a_folder_that_has_gone_is_not_asked_for(window: MainWindow, tmp_path: Path) -> None:
    window.settings.folder = str(tmp_path / "gone")
    assert last_folder() == Path.home()
