"""The mathematics panel: it follows the step, explains any number, and every factor can be followed."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.bench import Bench, pixels, shades
from tests.gui.conftest import ShowPanel
from tests.refs import ref
from visualbp.debugger.commands import Train
from visualbp.engine.notation import Notation
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.mathematics_trail import Crumb, Trail
from visualbp.gui.panels.mathematics_words import largest_index
from visualbp.network import Network, edits


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> MathematicsPanel:
    return show_panel(bench, MathematicsPanel, (400, 700))


def shown(panel: MathematicsPanel) -> tuple[str, float | None]:
    found = panel.card.explanation
    assert found is not None
    return panel.card._look.names.element(found.value, found.index), found.number


def test_each_step_has_its_equation_its_shapes_its_sentence_and_its_line(
    qtbot: QtBot, bench: Bench, panel: MathematicsPanel
) -> None:
    seen = set()
    for label, line in (("hidden z", "z[l] = W[l]"), ("∂W output", "∂L/∂W[l] ="), ("update b hidden", "b[l] -=")):
        bench.go_to(label)
        plan, step = bench.snapshot.plan, bench.snapshot.step
        notation = Notation(plan)
        assert panel.equation.latex == notation.step_equation(step)
        assert label in panel.step_label.text()
        assert panel.sentence.text() == notation.step_sentence(step)
        assert line in notation.pseudocode()[panel.code.current]
        qtbot.waitUntil(lambda: panel.equation.is_ready, timeout=30_000)
        seen.add(pixels(panel.equation).tobytes())
    assert len(seen) == 3


def test_the_card_explains_the_largest_number_of_the_last_step(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("δ hidden")
    delta = bench.snapshot.get("hidden", "delta")
    name, number = shown(panel)
    assert abs(number) == np.abs(delta[0]).max(), "of the sample that all panels show"
    assert name.startswith("hidden δ[")


def test_the_factors_on_the_card_multiply_and_add_up_to_the_number(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("∂W output")
    _, number = shown(panel)
    per_term: list[float] = []
    for term in panel.card.explanation.terms:
        per_term.append(float(np.prod([factor.number for factor in term.factors])))
    assert len(panel.card.links) == sum(len(term.factors) for term in panel.card.explanation.terms)
    assert number == pytest.approx(sum(per_term), rel=1e-12)


def test_a_click_on_a_factor_explains_it_and_back_returns(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("∂W output")
    start = shown(panel)
    link = panel.card.links[0]
    QTest.mouseClick(panel.card, Qt.MouseButton.LeftButton, pos=link.rect.center().toPoint())
    followed = shown(panel)
    names = panel.card._look.names
    assert followed == (names.element(link.factor.value, link.factor.index), link.factor.number)
    assert [crumb.text for crumb in panel.trail.crumbs] == [start[0], followed[0]]
    QTest.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert shown(panel) == start
    QTest.mouseClick(panel.forward, Qt.MouseButton.LeftButton)
    assert shown(panel) == followed


def test_following_by_keyboard_leads_from_the_loss_gradient_to_an_input(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("∂W hidden")
    panel.card.setFocus()
    for _ in range(20):
        if panel.card.explanation.is_source:
            break
        factors = [link.factor for link in panel.card.links if link.factor.value is not None]
        panel.card.setFocus()
        QTest.keyClick(panel.card, Qt.Key.Key_Left)  # the last factor: what went forward
        QTest.keyClick(panel.card, Qt.Key.Key_Return)
        assert shown(panel)[0] == panel.card._look.names.element(factors[-1].value, factors[-1].index)
    assert panel.card.explanation.is_source


def test_any_number_chosen_elsewhere_is_explained(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("update b output")
    for layer, role, index in (("hidden", "h", (2, 1)), ("output", "weight", (0, 3)), ("hidden", "delta", (3, 0))):
        bench.selection.choose_number(ref(layer, role), index)
        array = bench.snapshot.get(layer, role)
        assert shown(panel)[1] == float(array[index])


def test_a_chosen_number_stays_while_stepping_until_it_is_let_go(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("δ output")
    bench.selection.choose_number(ref("hidden", "h"), (1, 2))
    name = shown(panel)[0]
    bench.step(2)
    assert shown(panel)[0] == name and panel.release.isVisible()
    QTest.mouseClick(panel.release, Qt.MouseButton.LeftButton)
    assert shown(panel)[0] != name
    bench.step(1)
    assert bench.snapshot.step.writes[0] == panel.card.explanation.value


def test_a_number_that_is_not_computed_yet_says_so(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("hidden z")
    bench.selection.choose_number(ref("output", "delta"), (0, 0))
    assert shown(panel)[1] is None
    assert "not computed" in panel.card.explanation.note


def test_the_sample_is_shared_with_the_other_panels(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("hidden z")
    bench.selection.choose_sample(2)
    assert panel.card.explanation.index[0] == 2
    panel.axes.boxes[0].setValue(1)
    assert bench.selection.sample == 1 and panel.card.explanation.index[0] == 1
    bench.step(1)
    assert panel.card.explanation.index[0] == 1, "the sample stays while stepping"


def test_the_unit_can_be_chosen_and_stays_while_stepping(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("hidden z")
    unit = (panel.card.explanation.index[1] + 1) % 4
    panel.axes.boxes[1].setValue(unit)
    assert panel.card.explanation.index[1] == unit
    bench.step(1)
    assert panel.card.explanation.index[1] == unit
    QTest.mouseClick(panel.release, Qt.MouseButton.LeftButton)
    h = np.abs(bench.snapshot.get("hidden", "h"))
    assert panel.card.explanation.index == (0, h[0].argmax())


def test_an_update_is_explained_by_what_the_weight_was_before(bench: Bench, panel: MathematicsPanel) -> None:
    before = bench.snapshot.get("hidden", "weight")
    bench.go_to("update W hidden")
    found = panel.card.explanation
    assert found.terms and found.total.agrees
    assert found.terms[0].factors[0].number == float(before[found.index])


def test_an_edit_that_removes_the_chosen_layer_lets_the_number_go(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("δ hidden")
    bench.selection.choose_number(ref("hidden", "h"), (0, 0))
    bench.document.edit(lambda network: edits.rename_layer(network, "hidden", "other"), "Rename")
    bench.settle()
    bench.step(3)
    assert panel.card.explanation.value.layer == "other"


def test_a_network_that_cannot_run_says_why_instead(bench: Bench, panel: MathematicsPanel) -> None:
    bench.open(Network())
    assert panel.sentence.text().startswith("No network yet. Drag layers onto the canvas")
    bench.open(edits.remove_layers(xor(), ["loss"]))
    assert panel.sentence.text().startswith("The network cannot run yet. See Problems. ")
    assert panel.card.explanation is None and shades(panel.card) > 2


def test_training_at_full_speed_keeps_the_panel_alive(qtbot: QtBot, bench: Bench, panel: MathematicsPanel) -> None:
    bench.send(Train(300))
    qtbot.waitUntil(lambda: panel.card.explanation is not None, timeout=30_000)
    assert panel.card.explanation.value == bench.snapshot.step.writes[0]


def test_the_sections_can_be_hidden_and_shown(qtbot: QtBot, bench: Bench, panel: MathematicsPanel) -> None:
    header = panel.header()
    qtbot.addWidget(header)
    link = header.findChild(type(panel.back), "mathematics_algorithm")
    link.click()
    assert not panel.code.isVisible()
    link.click()
    assert panel.code.isVisible()


def test_the_trail_forgets_what_came_after_when_another_way_is_taken() -> None:
    trail, crumbs = Trail(), [Crumb(ref("a", "h"), (place,)) for place in range(4)]
    for crumb in crumbs[:3]:
        trail.go(crumb)
    assert trail.move_to(0) and trail.current == crumbs[0]
    trail.go(crumbs[3])
    assert trail.crumbs == [crumbs[0], crumbs[3]]
    assert not trail.move_to(5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_counts_as_the_largest(bad: float) -> None:
    array = np.array([[1.0, 5.0], [bad, 2.0]])
    assert largest_index(array, {}) == (1, 0)
    assert largest_index(array, {0: 0}) == (0, 1)
    assert largest_index(np.float64(3.0).reshape(()), {0: 1}) == ()
