"""The formula with the numbers plugged in, on the card: every number is there, and tells itself exactly."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip

from tests.gui.bench import Bench
from tests.gui.conftest import ShowPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.mathematics_numbers import Piece, pieces_of


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> MathematicsPanel:
    return show_panel(bench, MathematicsPanel, (400, 700))


def numbers_shown(panel: MathematicsPanel) -> list[float]:
    panel.card.grab()
    return [spot.number for spot in panel.card.spots]


def test_a_formula_of_numbers_comes_apart_into_numbers_and_signs() -> None:
    products = r"0.5 \cdot \left({-0.25}\right) + \left({-7.3 \times 10^{-4}}\right) \cdot 2 + \cdots"
    pieces = pieces_of(rf"{products} = {{-0.1265}}")
    assert [piece.text for piece in pieces if piece.is_number] == ["0.5", "−0.25", "−7.3×10", "2", "−0.1265"]
    assert pieces[7] == Piece("−7.3×10", True, "−4")
    assert "".join(piece.text for piece in pieces if not piece.is_number) == "·()+()·+…="
    named = pieces_of(r"\text{leaky-relu}\left({-\infty}\right) \neq \text{NaN}")
    assert [piece.text for piece in named] == ["leaky-relu", "(", "−∞", ")", "≠", "NaN"]


@pytest.mark.parametrize("latex", [r"\frac{1}{2} = 0.5", r"\sqrt{1 + 0.687^{2}} = 1.213", r"e^{{-2}} = 0.1353"])
def test_what_text_cannot_show_is_left_to_be_set(latex: str) -> None:
    assert pieces_of(latex) == ()


@pytest.mark.parametrize("label", ["hidden z", "δ output", "∂W output", "∂h hidden", "δ hidden", "update W hidden"])
def test_every_factor_and_the_number_stand_in_the_formula(bench: Bench, panel: MathematicsPanel, label: str) -> None:
    bench.go_to(label)
    found = panel.card.explanation
    assert found is not None and found.total.count <= 4
    factors = [factor.number for term in found.terms for factor in term.factors]
    assert numbers_shown(panel) == [*factors, found.number]


@pytest.mark.parametrize("width", [150, 220, 330, 700])
def test_the_formula_stays_on_the_card_at_any_width(bench: Bench, panel: MathematicsPanel, width: int) -> None:
    bench.go_to("∂W output")
    panel.card.resize(width, 400)
    numbers_shown(panel)
    places = [spot.rect for spot in panel.card.spots]
    assert len(places) > 4
    assert all(place.left() >= 0 and place.right() <= width for place in places)
    for one, other in itertools.pairwise(places):
        assert other.top() > one.top() or other.left() >= one.right()


def test_hovering_over_a_number_tells_it_exactly(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("∂h hidden")
    numbers_shown(panel)
    for spot in (panel.card.spots[0], panel.card.spots[-1]):
        place = spot.rect.center().toPoint()
        panel.card.event(QHelpEvent(QEvent.Type.ToolTip, place, panel.card.mapToGlobal(QPoint(place))))
        assert repr(float(spot.number)) in QToolTip.text()


def test_a_number_that_is_only_itself_has_no_formula(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("batch")
    assert numbers_shown(panel) == []
