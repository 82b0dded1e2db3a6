"""After a check the panel and the mathematics show the computed and the measured number, and the answer."""

from __future__ import annotations

import pytest

from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from tests.refs import ref
from visualbp.analysis.gradient_check_result import CheckResult
from visualbp.debugger.commands import CheckGradients, Level
from visualbp.gui.checked_entry import checked_entry
from visualbp.gui.painting import number_text
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.number_page import Page, check_number

VALUE = ref("hidden", "weight").gradient


@pytest.fixture
def check(bench: Bench, show_panel: ShowPanel) -> GradientCheckPanel:
    return show_panel(bench, GradientCheckPanel, (420, 300))


@pytest.fixture
def mathematics(bench: Bench, show_panel: ShowPanel) -> MathematicsPanel:
    return show_panel(bench, MathematicsPanel, (400, 700))


def texts(panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    text, words = Page._text, Page._words
    monkeypatch.setattr(Page, "_text", lambda page, said, *rest: (found.append(said), text(page, said, *rest))[1])
    monkeypatch.setattr(Page, "_words", lambda page, said, *rest: (found.append(said), words(page, said, *rest))[1])
    Page(panel.card.explanation, 380, panel.card._look, panel.card._set_equation)
    monkeypatch.undo()
    return found


def result_of(check: GradientCheckPanel) -> CheckResult:
    assert check.result is not None
    return check.result


def test_an_entry_has_both_numbers_their_difference_and_the_answer(bench: Bench, check: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    result = result_of(check)
    tensor = result.layers["hidden"]["weight"]
    entry = tensor.entry((2, 0), result.tolerance)
    assert (entry.computed, entry.measured) == (tensor.analytic[2, 0], tensor.numeric[2, 0])
    assert entry.difference == entry.computed - tensor.numeric[2, 0]
    assert entry.passed is True and entry.words == "agrees" and entry.error == tensor.errors[2, 0]


def test_the_mathematics_show_a_checked_gradient_before_the_backward_pass_has_made_it(
    bench: Bench, check: GradientCheckPanel, mathematics: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(CheckGradients())
    bench.selection.choose_number(VALUE, (2, 1))
    assert mathematics.card.explanation.number is None, "no step has made it"
    entry = result_of(check).layers["hidden"]["weight"].entry((2, 1), 1e-5)
    said = texts(mathematics, monkeypatch)
    assert number_text(entry.computed, signed=True) in said and "not yet" not in said
    assert {"computed", "measured", "difference"} <= set(said)
    assert check_number(entry.computed) in said and check_number(entry.measured) in said
    assert any(word.startswith("✓ agrees, relative error") for word in said)


def test_what_was_not_checked_has_no_check_on_its_card(
    bench: Bench, check: GradientCheckPanel, mathematics: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(CheckGradients())
    bench.step(3)
    bench.selection.choose_number(ref("hidden", "h"), (0, 0))
    assert "measured" not in texts(mathematics, monkeypatch)


def test_a_check_of_another_iteration_is_called_outdated(
    bench: Bench, check: GradientCheckPanel, mathematics: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(CheckGradients())
    bench.step(level=Level.ITERATION)
    bench.step(12)
    bench.selection.choose_number(VALUE, (2, 1))
    assert "gradient check of iteration 0, outdated" in texts(mathematics, monkeypatch)
    found = checked_entry(check.done, bench.snapshot, VALUE, (2, 1))
    assert found is not None and found.outdated


def test_every_row_has_the_two_numbers_where_its_error_is_largest(bench: Bench, check: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    result = result_of(check)
    before = check.rows.content.line
    for row in check.rows.content.rows:
        tensor = result.layers[row.layer][row.parameter]
        place = tuple(int(n) for n in row.numbers.rpartition("[")[2][:-1].split(","))
        entry = tensor.entry(place, result.tolerance)
        computed = number_text(entry.computed, signed=True)
        assert f"computed {computed}, measured" in row.numbers and repr(entry.computed) in row.tip
    assert before > 24 and len(pixels(check.rows))


def test_the_page_of_a_parameter_shows_the_number_that_was_chosen(bench: Bench, check: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    check._on_row(0)
    row = check.rows.content.rows[0]
    value = ref(row.layer, row.parameter).gradient
    check._on_number(value, (1, 1))
    assert check.numbers.isVisible()
    entry = result_of(check).layers[row.layer][row.parameter].entry((1, 1), 1e-5)
    assert check.numbers.text().startswith("[1, 1]  computed " + number_text(entry.computed, signed=True))
    assert check.numbers.text().endswith(": agrees")
