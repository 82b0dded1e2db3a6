"""The panel of the samples: pictures where they are pictures, a table otherwise; right and wrong by mark and colour."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from tests.building import chain, inline
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from tests.gui.shape_networks import sequences, tokens
from visualbp.debugger.commands import Level, Train
from visualbp.engine import compile_plan
from visualbp.files import load_network
from visualbp.files.samples import find_model
from visualbp.gui.panels.images import ImagesPanel
from visualbp.gui.pictures import picture_of, picture_shape
from visualbp.gui.theme import theme
from visualbp.gui.widgets.answers import answers
from visualbp.network import Network


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> ImagesPanel:
    return show_panel(bench, ImagesPanel, (302, 230))


def cell(panel: ImagesPanel, row: int, column: int) -> str:
    model = panel.table.samples
    return str(model.data(model.index(row, column)))


def test_the_table_shows_inputs_targets_and_that_there_is_no_prediction_yet(bench: Bench, panel: ImagesPanel) -> None:
    assert panel.pages.currentWidget() is panel.table
    assert [cell(panel, 1, column) for column in range(5)] == ["1", "0", "1.000", "1", "not yet"]
    assert "no predictions yet" in panel.summary.text()


def test_predictions_appear_with_a_mark_once_they_are_computed(bench: Bench, panel: ImagesPanel) -> None:
    bench.step(level=Level.PASS)
    output = bench.snapshot.get("output", "h")
    assert output is not None
    right = (output[:, 0] > 0.5) == np.array([False, True, True, False])
    for row in range(4):
        assert cell(panel, row, 4).startswith("✓" if right[row] else "✕")
    assert f"{right.sum()} right, {4 - right.sum()} wrong" in panel.summary.text()


def test_a_click_on_a_row_chooses_the_sample_and_back(bench: Bench, panel: ImagesPanel) -> None:
    pixels(panel)
    index = panel.table.samples.index(2, 1)
    spot = panel.table.visualRect(index).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert bench.selection.sample == 2
    bench.selection.choose_sample(3)
    assert panel.table.samples.chosen == 3 and panel.table.currentIndex().row() == 3
    QTest.keyClick(panel.table, Qt.Key.Key_Up)
    assert bench.selection.sample == 2


def test_the_table_is_copied_with_exact_numbers(bench: Bench, panel: ImagesPanel) -> None:
    panel.table.setFocus()
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[-2:] == ["target", "prediction"]
    assert lines[2].split("\t")[:3] == ["0.0", "1.0", "1"]


def test_digits_are_shown_as_pictures_with_right_and_wrong(bench: Bench, panel: ImagesPanel) -> None:
    bench.open(load_network(find_model("digits")))
    assert panel.pages.currentWidget() is panel.images
    untrained = pixels(panel)
    bench.send(Train(30))
    assert not np.array_equal(untrained, pixels(panel))
    said = panel.images.content._answers
    assert said is not None
    snapshot = bench.snapshot
    assert snapshot.batch is not None and snapshot.dataset is not None and snapshot.plan is not None
    targets = snapshot.dataset.targets[snapshot.batch]
    found = snapshot.find(snapshot.plan.prediction)
    assert found is not None
    assert list(said.right) == (found.argmax(1) == targets).tolist()
    assert [int(word) for word in said.predicted] == found.argmax(1).tolist()
    wrong = said.right.index(False)
    assert f"the target is {targets[wrong]}" in panel.images.content.describe(wrong)


def test_clicking_a_picture_chooses_its_sample_and_arrow_keys_the_next(bench: Bench, panel: ImagesPanel) -> None:
    bench.open(load_network(find_model("digits")))
    content = panel.images.content
    QTest.mouseClick(content, Qt.MouseButton.LeftButton, pos=content.card_rect(2).center())
    assert bench.selection.sample == 2
    QTest.keyClick(content, Qt.Key.Key_Right)
    assert bench.selection.sample == 3
    QTest.keyClick(content, Qt.Key.Key_Down)
    assert bench.selection.sample == 3 + content._columns
    QTest.mouseClick(content, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert bench.selection.sample == 3 + content._columns


def test_colour_pictures_and_single_samples_are_drawn(bench: Bench, panel: ImagesPanel) -> None:
    generator = np.random.default_rng(0)
    for shape in ((3, 6, 5), (1, 8, 8), (9, 9)):
        size = int(np.prod(shape))
        bench.open(
            chain(
                ("input", "input", {"shape": list(shape)}),
                ("flat", "flatten", {}),
                ("output", "dense", {"units": 2}),
                ("loss", "softmax_cross_entropy", {}),
                data=inline(generator.random((1, *shape)), [1]),
            )
        )
        assert panel.pages.currentWidget() is panel.images, size
        assert len(np.unique(pixels(panel).reshape(-1, 4), axis=0)) > 20


def test_without_a_network_the_panel_says_what_to_do(bench: Bench, panel: ImagesPanel) -> None:
    bench.open(Network())
    assert panel.pages.currentWidget() is panel.empty and "open a sample" in panel.empty.text.text()


# -- the parts -------------------------------------------------------------------------------------------------------


def test_a_vector_is_a_picture_if_its_names_are_those_of_pixels() -> None:
    pixels_by_place = tuple(f"pixel {row},{column}" for row in range(8) for column in range(8))
    assert picture_shape((64,), pixels_by_place) == (1, 8, 8)
    assert picture_shape((784,), tuple(f"pixel{number}" for number in range(784))) == (1, 28, 28)
    assert picture_shape((12,), tuple(f"{row}x{column}" for row in range(1, 4) for column in range(1, 5))) == (1, 3, 4)
    assert picture_shape((64,)) is None
    assert picture_shape((64,), tuple(f"x{number}" for number in range(64))) is None
    assert picture_shape((64,), pixels_by_place[::-1]) is None, "not in the order of a picture"


def test_only_what_looks_like_a_picture_is_one() -> None:
    assert picture_shape((1, 8, 8)) == (1, 8, 8)
    assert picture_shape((3, 32, 20)) == (3, 32, 20)
    assert picture_shape((28, 28)) == (1, 28, 28)
    assert picture_shape((28, 28), flattened=False) is None, "a sequence of 28 steps"
    assert [picture_shape(shape) for shape in ((2,), (4,), (16,), (65,), (3, 2), (2, 8, 8))] == [None] * 6


def test_a_picture_runs_from_the_field_to_the_text_colour_and_marks_what_is_not_finite() -> None:
    image = picture_of(np.array([0.0, 16.0, np.nan, 8.0]), (1, 2, 2), 0.0, 16.0)
    palette = theme().palette
    assert image.pixelColor(0, 0).name() == palette.field and image.pixelColor(1, 0).name() == palette.text
    assert image.pixelColor(0, 1).name() == palette.error


def plan_with(loss: str, units: int) -> Network:
    return chain(
        ("input", "input", {"shape": [2]}), ("output", "dense", {"units": units}), ("loss", loss, {}),
        data=inline([[0.0, 0.0]], [[0.0] * units]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "said", "wanted", "right"),
    [
        ("softmax_cross_entropy", [[0.0, 2.0], [3.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]], "10", "11", [True, False]),
        ("cross_entropy", [[0.1, 0.9]], [[0.0, 1.0]], "1", "1", [True]),
        ("binary_cross_entropy", [[0.7], [0.2]], [[1.0], [1.0]], "10", "11", [True, False]),
        ("binary_cross_entropy_with_logits", [[-0.1], [0.1]], [[0.0], [1.0]], "01", "01", [True, True]),
        ("hinge", [[0.4], [-2.0]], [[1.0], [1.0]], "10", "11", [True, False]),
    ],
)
def test_answers_are_read_as_the_loss_means_them(
    loss: str,
    predictions: list[list[float]],
    targets: list[list[float]],
    said: str,
    wanted: str,
    right: list[bool],
) -> None:
    plan = compile_plan(plan_with(loss, len(targets[0])))
    found = answers(plan, np.array(predictions), np.array(targets))
    assert "".join(found.predicted) == said and "".join(found.wanted) == wanted and list(found.right) == right


def test_the_probability_of_a_class_is_the_softmax_of_its_score() -> None:
    plan = compile_plan(plan_with("softmax_cross_entropy", 2))
    found = answers(plan, np.array([[0.0, np.log(3.0)]]), np.array([[0.0, 1.0]]), ("no", "yes"))
    assert found.predicted == ("yes",) and found.sure[0] == pytest.approx(0.75)


def test_a_prediction_that_is_not_finite_is_never_right() -> None:
    plan = compile_plan(plan_with("softmax_cross_entropy", 2))
    found = answers(plan, np.array([[np.nan, 1.0]]), np.array([[1.0, 0.0]]))
    assert found.predicted == ("nan",) and found.right == (False,)


def test_vectors_are_neither_right_nor_wrong() -> None:
    plan = compile_plan(plan_with("mean_squared_error", 2))
    found = answers(plan, np.array([[0.5, 0.25]]), np.array([[1.0, 0.0]]))
    assert found.predicted == ("0.5000  0.2500",) and found.right == (None,)


# -- sequences -------------------------------------------------------------------------------------------------------


def test_class_indices_are_a_line_of_whole_numbers_and_every_position_is_answered(
    bench: Bench, panel: ImagesPanel
) -> None:
    bench.open(tokens())
    inputs = bench.snapshot.dataset.inputs
    bench.step(level=Level.PASS)
    assert panel.pages.currentWidget() is panel.table
    scores = bench.snapshot.get("output", "h")
    for row in range(5):
        assert cell(panel, row, 1) == " ".join(f"{number:.0f}" for number in inputs[row])
        said, wanted = cell(panel, row, 3), cell(panel, row, 2)
        assert wanted == cell(panel, row, 1), "the task is to copy"
        assert said[2:] == " ".join(map(str, scores[row].argmax(-1)))
        assert said.startswith("✓" if said[2:] == wanted else "✕")


def test_learnt_sequences_are_right(bench: Bench, panel: ImagesPanel) -> None:
    bench.open(tokens())
    bench.send(Train(400))
    assert "5 right, 0 wrong" in panel.summary.text()


def test_a_sequence_of_numbers_is_a_line_with_a_bar_between_two_times(bench: Bench, panel: ImagesPanel) -> None:
    bench.open(sequences())
    steps = cell(panel, 1, 1).split(" | ")
    assert steps[-1] == "… 1 more" and len(steps) == 7
    first = [float(number.replace("−", "-")) for number in steps[0].split()]
    np.testing.assert_allclose(first, bench.snapshot.dataset.inputs[1, 0], rtol=0.06)
    model = panel.table.samples
    tip = str(model.data(model.index(1, 1), Qt.ItemDataRole.ToolTipRole))
    assert repr(float(bench.snapshot.dataset.inputs[1, 0, 0])) in tip
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text().splitlines()[2].split("\t")[:21]
    np.testing.assert_array_equal([float(number) for number in copied], bench.snapshot.dataset.inputs[1].reshape(-1))
