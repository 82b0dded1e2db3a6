"""The inspector as a person uses it: forms from option kinds, one undo step an edit, and parameters as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.bench import Bench, shades, type_over
from tests.gui.conftest import ShowPanel
from tests.refs import ref
from visualbp.core.options import Choice, EntryOption, FloatOption, IntOption, Option
from visualbp.datasets import datasets
from visualbp.debugger.commands import Level, Seek, Train
from visualbp.gui.inspector.data_editor import file_columns, relative_path
from visualbp.gui.inspector.editors import FloatEditor, IntEditor, LineEditor
from visualbp.gui.inspector.fields import ParsedLine
from visualbp.gui.inspector.form import EntryEditor, OptionForm, editor_for
from visualbp.gui.inspector.value_section import ValueSection
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.layers import layer_types
from visualbp.network import Network, edits
from visualbp.network.network import Layer, make_layer
from visualbp.optimizers import optimizers


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> InspectorPanel:
    return show_panel(bench, InspectorPanel, (410, 760))


def line(form: OptionForm, name: str) -> ParsedLine:
    editor = form.editor(name)
    assert isinstance(editor, LineEditor)
    return editor.line


def choose(combo: QComboBox, name: str) -> None:
    """Choose an entry by keyboard, as it stands in the list."""
    place = combo.findData(name)
    combo.setCurrentIndex(place)
    combo.activated.emit(place)


def select(bench: Bench, panel: InspectorPanel, *layers: str) -> None:
    bench.selection.select(layers)
    assert panel.isVisible()


def hidden(bench: Bench) -> Layer:
    return bench.network.layer("hidden")


# -- forms -----------------------------------------------------------------------------------------------------------


def test_every_layer_type_gets_a_form_with_an_editor_for_each_option(qtbot: QtBot) -> None:
    for kind in layer_types:
        network = edits.add_layer(Network(), edits.new_layer(Network(), kind.type_name), (0, 0))
        layer = network.layers[0]
        form = OptionForm()
        qtbot.addWidget(form)
        form.show_options(kind.options_for(layer.options), layer.options)
        assert set(form.rows) == set(layer.options), kind.type_name


def test_typed_units_are_taken_over_with_enter_as_one_undo_step(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    type_over(line(panel.layer_page.form, "units"), "6")
    bench.settle()
    assert hidden(bench).options["units"] == 6
    assert bench.snapshot.get("hidden", "weight").shape == (6, 2)
    assert bench.document.undo_stack.count() == 1
    bench.undo()
    assert hidden(bench).options["units"] == 4
    assert line(panel.layer_page.form, "units").text() == "4"


@pytest.mark.parametrize("text", ["abc", "0", "-3", "1e9", "2.5", ""])
def test_a_bad_value_is_told_in_words_and_what_was_typed_stays(bench: Bench, panel: InspectorPanel, text: str) -> None:
    select(bench, panel, "hidden")
    field = line(panel.layer_page.form, "units")
    type_over(field, text or " ")
    assert field.text().strip() == text and "whole number from 1" in field.problem
    assert panel.layer_page.form.rows["units"].problem.isVisible()
    assert bench.document.undo_stack.count() == 0
    bench.step(2)
    assert field.text().strip() == text, "stepping does not take away what is being typed"
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "4" and not field.problem


def test_steps_with_the_arrow_keys_are_one_undo_step_together(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    field = line(panel.layer_page.form, "units")
    field.setFocus()
    for _ in range(3):
        QTest.keyClick(field, Qt.Key.Key_Up)
    assert hidden(bench).options["units"] == 7
    assert bench.document.undo_stack.count() == 1
    bench.undo()
    assert hidden(bench).options["units"] == 4


def test_a_switch_is_one_click(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    switch = panel.layer_page.findChild(QWidget, "option_bias")
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton, pos=QPoint(10, switch.height() // 2))
    bench.settle()
    assert hidden(bench).options["bias"] is False
    assert list(panel.layer_page.sections) == ["weight"]
    bench.undo()
    assert list(panel.layer_page.sections) == ["weight", "bias"]


def test_a_choice_brings_the_options_of_its_own(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    editor = panel.layer_page.form.editor("activation")
    assert isinstance(editor, EntryEditor)
    choose(editor.combo, "leaky_relu")
    bench.settle()
    assert hidden(bench).options["activation"] == Choice("leaky_relu", {"slope": 0.01})
    type_over(line(editor.form, "slope"), "0.2")
    bench.settle()
    assert hidden(bench).options["activation"] == Choice("leaky_relu", {"slope": 0.2})
    bench.undo()
    bench.undo()
    assert hidden(bench).options["activation"].type == "tanh" and not editor.form.rows


def test_another_optimiser_keeps_the_learning_rate(bench: Bench, panel: InspectorPanel) -> None:
    editor = panel.network_page.training.editor("optimizer")
    assert isinstance(editor, EntryEditor)
    type_over(line(editor.form, "learning_rate"), "0.035")
    choose(editor.combo, "adam")
    bench.settle()
    optimizer = bench.network.training.optimizer
    assert (optimizer.type, optimizer.options["learning_rate"]) == ("adam", 0.035)
    bench.step(1, Level.ITERATION)
    assert bench.snapshot.find(ref("hidden", "first_moment/weight")) is not None


@pytest.mark.parametrize("name", optimizers.names())
def test_every_optimiser_can_be_chosen_and_runs(bench: Bench, panel: InspectorPanel, name: str) -> None:
    editor = panel.network_page.training.editor("optimizer")
    assert isinstance(editor, EntryEditor)
    choose(editor.combo, name)
    bench.step(1, Level.ITERATION)
    assert bench.network.training.optimizer.type == name and bench.snapshot.loss is not None


def test_a_number_is_shown_and_read_back_as_the_same_number(qtbot: QtBot) -> None:
    editor = editor_for(FloatOption("rate", minimum=0.0))
    qtbot.addWidget(editor)
    assert isinstance(editor, FloatEditor)
    for number in (0.1, 1e-7, 3.0, 1 / 3, 1e300):
        assert editor.option.parse(editor.read(editor.text_of(number))) == number


def test_a_kind_of_option_that_extends_another_is_edited_as_that_one(qtbot: QtBot) -> None:
    class Even(IntOption):
        """A kind that no editor knows."""

    editor = editor_for(Even("count"))
    qtbot.addWidget(editor)
    assert isinstance(editor, IntEditor)


def test_a_kind_that_no_editor_knows_is_edited_as_json(qtbot: QtBot) -> None:
    class Pair(Option):
        def parse(self, value: object) -> object:
            if not isinstance(value, list) or len(value) != 2:
                raise self.refuse(value, "a list of two")
            return tuple(value)

        def plain(self, value: tuple[object, ...]) -> object:
            return list(value)

    editor = editor_for(Pair("pair"))
    qtbot.addWidget(editor)
    assert isinstance(editor, LineEditor)
    editor.show_value((1, 2))
    assert editor.line.text() == "[1, 2]"
    with qtbot.waitSignal(editor.committed) as change:
        type_over(editor.line, "[3, 4]")
    assert change.args[0] == (3, 4)
    type_over(editor.line, "[3")
    assert "a list of two" in editor.line.problem


# -- the layer -------------------------------------------------------------------------------------------------------


def test_renaming_keeps_the_layer_selected_and_can_be_undone(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    type_over(panel.layer_page.name, "first")
    assert bench.network.names[1] == "first" and bench.selection.layer == "first"
    assert panel.page is panel.layer_page and panel.layer_page.name.text() == "first"
    bench.undo()
    assert bench.network.names[1] == "hidden"


@pytest.mark.parametrize("name", ["output", "a/b", "x" * 61])
def test_a_name_that_cannot_be_is_refused_in_words(bench: Bench, panel: InspectorPanel, name: str) -> None:
    select(bench, panel, "hidden")
    type_over(panel.layer_page.name, name)
    assert panel.layer_page.name_problem.isVisible()
    assert "hidden" in bench.network.names and bench.document.undo_stack.count() == 0


def test_problems_of_the_layer_stand_above_its_options(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    assert not panel.layer_page.problems.isVisible()
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    assert panel.layer_page.problems.isVisible()


def test_freezing_a_parameter_leaves_it_out_of_updates(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    section = panel.layer_page.sections["bias"]
    QTest.mouseClick(section.lock, Qt.MouseButton.LeftButton)
    bench.settle()
    assert hidden(bench).frozen == ("bias",)
    before = bench.snapshot.get("hidden", "bias"), bench.snapshot.get("hidden", "weight")
    bench.step(1, Level.ITERATION)
    assert np.array_equal(bench.snapshot.get("hidden", "bias"), before[0])
    assert not np.array_equal(bench.snapshot.get("hidden", "weight"), before[1])
    QTest.mouseClick(panel.layer_page.sections["weight"].lock, Qt.MouseButton.LeftButton)
    assert hidden(bench).frozen is True
    QTest.mouseClick(section.lock, Qt.MouseButton.LeftButton)
    assert hidden(bench).frozen == ("weight",)


# -- parameters ------------------------------------------------------------------------------------------------------


def edit_cell(section: ValueSection, row: int, column: int, text: str) -> None:
    table = section.table
    place = table.visualRect(table.numbers.index(row, column)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    field = table.findChild(QLineEdit)
    assert field is not None
    type_over(field, text)
    QApplication.processEvents()  # a table takes over what was typed in the next turn of the event loop


def test_an_edited_weight_counts_from_the_next_forward_and_marks_what_is_outdated(
    bench: Bench, panel: InspectorPanel
) -> None:
    select(bench, panel, "hidden")
    bench.send(Seek(0, 5))
    z = bench.snapshot.get("hidden", "z")
    edit_cell(panel.layer_page.sections["weight"], 1, 1, "3.5")
    bench.settle()
    weight = bench.snapshot.get("hidden", "weight")
    assert weight[1, 1] == 3.5
    assert bench.snapshot.is_stale(ref("hidden", "z")) and np.array_equal(bench.snapshot.get("hidden", "z"), z)
    bench.step(2)
    inputs, bias = bench.snapshot.get("input", "h"), bench.snapshot.get("hidden", "bias")
    assert np.allclose(bench.snapshot.get("hidden", "z"), inputs @ weight.T + bias)


def test_undo_of_an_edited_weight_returns_to_the_number_as_it_was_trained(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden")
    bench.send(Train(37))
    trained = bench.snapshot.get("hidden", "weight").copy()
    edit_cell(panel.layer_page.sections["weight"], 0, 0, "-2")
    bench.settle()
    assert bench.snapshot.get("hidden", "weight")[0, 0] == -2.0
    assert bench.document.undo_stack.undoText() == "Edit hidden.weight[0, 0]"
    bench.undo()
    assert np.array_equal(bench.snapshot.get("hidden", "weight"), trained)
    bench.document.undo_stack.redo()
    bench.settle()
    assert bench.snapshot.get("hidden", "weight")[0, 0] == -2.0


def test_a_click_on_a_number_asks_where_it_came_from(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "output")
    table = panel.layer_page.sections["weight"].table
    place = table.visualRect(table.numbers.index(0, 2)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert bench.selection.number == (ref("output", "weight"), (0, 2))


def test_a_section_switches_between_the_parameter_and_its_gradient(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "output")
    section = panel.layer_page.sections["weight"]
    gradient = next(link for link in section._links if link.text() == "gradient")
    QTest.mouseClick(gradient, Qt.MouseButton.LeftButton)
    assert section.table.numbers.array is None, "not computed yet, and not zero"
    bench.step(1, Level.ITERATION)
    assert np.array_equal(section.table.numbers.array, bench.snapshot.find(ref("output", "gradient/weight")))
    assert not section.table.numbers.editable
    bench.step(3)
    assert section.view.words == "gradient", "stepping does not change what a person looks at"


def test_a_network_that_cannot_run_still_shows_what_it_starts_from(bench: Bench, panel: InspectorPanel) -> None:
    given = np.arange(8.0).reshape(4, 2)
    given.setflags(write=False)
    network = edits.set_parameter(bench.network, "hidden", "weight", given)
    bench.open(edits.disconnect(network, [("hidden", "output")]))
    select(bench, panel, "hidden")
    assert panel.layer_page.sections["weight"].table.numbers.array is given
    assert panel.layer_page.sections["bias"].table.numbers.array is None


# -- the network -----------------------------------------------------------------------------------------------------


def test_without_a_selection_the_network_itself_can_be_edited(bench: Bench, panel: InspectorPanel) -> None:
    page = panel.network_page
    assert panel.page is page
    type_over(page.name, "My XOR")
    type_over(line(page.general, "seed"), "12")
    type_over(line(page.training, "batch_size"), "2")
    bench.settle()
    network = bench.network
    assert (network.name, network.seed, network.training.batch_size) == ("My XOR", 12, 2)
    assert len(bench.snapshot.batch) == 2
    assert bench.document.undo_stack.count() == 3


def test_typing_a_description_is_one_undo_step(bench: Bench, panel: InspectorPanel) -> None:
    QTest.keyClicks(panel.network_page.description, "why a hidden layer")
    assert bench.network.description == "why a hidden layer"
    assert bench.document.undo_stack.count() == 1
    bench.undo()
    assert panel.network_page.description.toPlainText() == ""


def test_the_dice_take_another_seed_and_draw_all_weights_anew(bench: Bench, panel: InspectorPanel) -> None:
    before = bench.snapshot.get("hidden", "weight")
    seed = bench.network.seed
    while bench.network.seed == seed:
        QTest.mouseClick(panel.network_page.dice, Qt.MouseButton.LeftButton)
    bench.settle()
    assert not np.array_equal(bench.snapshot.get("hidden", "weight"), before)


def test_clipping_has_a_limit_while_it_is_on(bench: Bench, panel: InspectorPanel) -> None:
    form = panel.network_page.training
    assert "limit" not in form.rows
    choose(form.findChild(QComboBox, "option_clip"), "norm")
    assert bench.network.training.clip is not None and "limit" in form.rows
    type_over(line(form, "limit"), "0.25")
    assert bench.network.training.clip.limit == 0.25
    choose(form.findChild(QComboBox, "option_clip"), "off")
    assert bench.network.training.clip is None and "limit" not in form.rows


@pytest.mark.parametrize("source", [name for name in datasets.names() if name not in ("csv", "inline")])
def test_every_built_in_source_of_data_can_be_chosen(bench: Bench, panel: InspectorPanel, source: str) -> None:
    choose(panel.network_page.data.combo, source)
    bench.settle()
    assert bench.network.data.source == source
    assert bench.snapshot.dataset is not None and len(bench.snapshot.dataset) > 0
    assert str(len(bench.snapshot.dataset)) in panel.network_page.data.facts.text().replace(",", "") or any(
        problem.severity == "error" for problem in bench.snapshot.problems
    )


def test_data_become_a_table_that_can_be_edited(bench: Bench, panel: InspectorPanel) -> None:
    choose(panel.network_page.data.combo, "moons")
    bench.settle()
    choose(panel.network_page.data.combo, "inline")
    bench.settle()
    samples = panel.network_page.data.samples
    assert samples.isVisible()
    count = len(bench.snapshot.dataset)
    samples.table.numbers.write(0, 0, [[9.5]])
    bench.settle()
    assert bench.snapshot.dataset.inputs[0, 0] == 9.5
    QTest.mouseClick(samples.add, Qt.MouseButton.LeftButton)
    bench.settle()
    assert len(bench.snapshot.dataset) == count + 1
    assert np.array_equal(bench.snapshot.dataset.inputs[-1], bench.snapshot.dataset.inputs[-2])
    QTest.mouseClick(samples.remove, Qt.MouseButton.LeftButton)
    bench.settle()
    assert len(bench.snapshot.dataset) == count


def test_a_pasted_table_takes_the_place_of_all_samples(bench: Bench, panel: InspectorPanel) -> None:
    samples = panel.network_page.data.samples
    QGuiApplication.clipboard().setText("0\t0\t0\n0\t1\t1\n1\t1\t0")
    QTest.mouseClick(samples.paste, Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.snapshot.dataset.inputs.tolist() == [[0, 0], [0, 1], [1, 1]]
    assert bench.snapshot.dataset.targets.reshape(-1).tolist() == [0, 1, 0]
    QGuiApplication.clipboard().setText("1\t2\t3\n4\t5")
    QTest.mouseClick(samples.paste, Qt.MouseButton.LeftButton)
    assert samples.problem.isVisible() and "row 2 has 2 values" in samples.problem.text()


def test_a_csv_file_is_chosen_and_its_columns_named(
    bench: Bench, panel: InspectorPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b,answer\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(file), ""))
    choose(panel.network_page.data.combo, "csv")
    bench.settle()
    assert bench.network.data.options["path"] == str(file)
    assert bench.snapshot.dataset.input_names == ("a", "b")
    type_over(line(panel.network_page.data.form, "inputs"), "b, a")
    bench.settle()
    assert bench.snapshot.dataset.input_names == ("b", "a")
    type_over(line(panel.network_page.data.form, "inputs"), "b, nothing")
    bench.settle()
    assert panel.network_page.data.problem.isVisible() and "nothing" in panel.network_page.data.problem.text()


def test_a_file_dialog_that_is_cancelled_changes_nothing(
    bench: Bench, panel: InspectorPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: ("", ""))
    choose(panel.network_page.data.combo, "csv")
    assert bench.network.data.source == "inline" and bench.document.undo_stack.count() == 0
    assert panel.network_page.data.combo.currentData() == "inline"


def test_paths_are_written_as_seen_from_the_model_file(tmp_path: Path) -> None:
    inside, outside = tmp_path / "models" / "data" / "a.csv", tmp_path / "b.csv"
    inside.parent.mkdir(parents=True)
    inside.write_text("x;y\n1;2\n", encoding="utf-8")
    outside.write_text("x\n", encoding="utf-8")
    assert relative_path(str(inside), tmp_path / "models") == "data/a.csv"
    assert Path(relative_path(str(outside), tmp_path / "models")).is_absolute()
    assert file_columns("data/a.csv", tmp_path / "models") == ("x", "y")
    assert file_columns("absent.csv", tmp_path) == ()


# -- several layers, and connections ---------------------------------------------------------------------------------


def test_what_several_layers_have_in_common_is_edited_for_all(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "hidden", "output")
    form = panel.several_page.form
    assert panel.page is panel.several_page
    assert line(form, "units").text() == "" and line(form, "units").placeholderText() == "several values"
    editor = form.editor("activation")
    assert isinstance(editor, EntryEditor)
    choose(editor.combo, "relu")
    bench.settle()
    assert {bench.network.layer(name).options["activation"].type for name in ("hidden", "output")} == {"relu"}
    assert bench.document.undo_stack.count() == 1
    bench.undo()
    assert [bench.network.layer(name).options["activation"].type for name in ("hidden", "output")] == [
        "tanh",
        "sigmoid",
    ]


def test_layers_with_nothing_in_common_are_summed_up(bench: Bench, panel: InspectorPanel) -> None:
    select(bench, panel, "input", "loss")
    assert not panel.several_page.form.rows
    assert "no options in common" in panel.several_page.facts.text()


def test_a_connection_shows_what_flows_there_and_back(bench: Bench, panel: InspectorPanel) -> None:
    bench.selection.select((), (("hidden", "output"),))
    page = panel.connection_page
    assert panel.page is page
    assert page.forward.table.numbers.array is None
    bench.step(1, Level.ITERATION)
    assert np.array_equal(page.forward.table.numbers.array, bench.snapshot.get("hidden", "h"))
    assert np.array_equal(page.backward.table.numbers.array, bench.snapshot.get("hidden", "upstream"))
    bench.selection.select((), (("input", "hidden"),))
    assert not page.backward.isVisible() and "Nothing comes back" in page.nothing.text()


def test_a_branch_shows_only_the_part_that_comes_back_on_it(bench: Bench, panel: InspectorPanel) -> None:
    network = edits.add_layer(bench.network, make_layer("join", "add", {}), (0, 0))
    network = edits.add_layer(network, make_layer("side", "dense", {"units": 4}), (0, 0))
    network = edits.disconnect(network, [("hidden", "output")])
    for pair in (("hidden", "side"), ("side", "join"), ("hidden", "join"), ("join", "output")):
        network = edits.connect(network, *pair)
    bench.open(network)
    bench.step(1, Level.ITERATION)
    parts = []
    for target in ("side", "join"):
        bench.selection.select((), (("hidden", target),))
        parts.append(panel.connection_page.backward.table.numbers.array)
    assert np.allclose(parts[0] + parts[1], bench.snapshot.get("hidden", "upstream"))
    assert not np.allclose(parts[0], parts[1])


def test_removing_a_connection_there_is_undone(bench: Bench, panel: InspectorPanel) -> None:
    bench.selection.select((), (("hidden", "output"),))
    QTest.mouseClick(panel.connection_page.remove, Qt.MouseButton.LeftButton)
    assert ("hidden", "output") not in bench.network.connections
    assert panel.page is panel.network_page
    bench.undo()
    assert ("hidden", "output") in bench.network.connections


# -- states ----------------------------------------------------------------------------------------------------------


def test_a_layer_that_undo_takes_away_leaves_the_inspector_usable(bench: Bench, panel: InspectorPanel) -> None:
    layer = edits.new_layer(bench.network, "dense")
    bench.document.edit(lambda network: edits.add_layer(network, layer, (0, 0)), "Add dense")
    select(bench, panel, layer.name)
    bench.undo()
    assert panel.page is panel.network_page and shades(panel) > 10


def test_an_empty_network_still_has_its_form(bench: Bench, panel: InspectorPanel) -> None:
    bench.open(Network())
    assert panel.network_page.problems.isVisible()
    assert panel.network_page.data.combo.currentIndex() == -1 and shades(panel) > 10


def test_entries_without_options_of_their_own_have_no_empty_form(qtbot: QtBot) -> None:
    editor = editor_for(EntryOption("optimizer", registry=optimizers))
    qtbot.addWidget(editor)
    editor.show_value(None)
    assert isinstance(editor, EntryEditor) and not editor.form.isVisible()
