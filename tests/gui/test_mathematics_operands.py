"""The card of numbers shows the operands: a function with its argument and its result, heads, and an equals sign."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.workbench import Workbench
from visualbp.debugger.commands import Seek
from visualbp.files import find_model, load_network
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.number_page import Page


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Workbench]:
    made = Workbench(xor())
    yield made
    made.close()


@pytest.fixture
def panel(qtbot: QtBot, bench: Workbench) -> MathematicsPanel:
    made = MathematicsPanel(bench.context)
    qtbot.addWidget(made)
    made.resize(400, 700)
    made.show()
    return made


def go_to(bench: Workbench, label: str) -> None:
    assert bench.snapshot.plan is not None
    step = next(step for step in bench.snapshot.plan.steps if step.label == label)
    bench.send(Seek(bench.snapshot.iteration, step.index + 1))


def texts(panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch, width: int = 380) -> list[str]:
    """Every text on the card, as it is laid out at a width."""
    found: list[str] = []
    original = Page._text

    def note(page: Page, text: str, *rest: object) -> None:
        found.append(text.strip())
        original(page, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Page, "_text", note)
    card = panel.card
    assert card.explanation is not None
    Page(card.explanation, width, card._look, card._set_equation)
    monkeypatch.setattr(Page, "_text", original)
    return found


def test_an_activation_shows_its_function_its_argument_and_its_result(
    bench: Workbench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(bench, "hidden h")
    found = panel.card.explanation
    assert found is not None
    z = bench.snapshot.get("hidden", "z")[found.index]
    line = " ".join(texts(panel, monkeypatch)).replace("−", "-")
    sample = bench.snapshot.batch[found.index[0]]
    assert f"hidden h[{found.index[1]}], sample {sample}" in line
    assert f"tanh( z[{found.index[1]}] = {z:+.4g}" in line.replace("0000", "") or f"{z:+.3f}" in line
    assert panel.card.links[0].factor.argument == z


def test_an_argument_can_be_followed(bench: Workbench, panel: MathematicsPanel) -> None:
    go_to(bench, "hidden h")
    index = panel.card.explanation.index
    panel.card._follow(0)
    assert (panel.card.explanation.value.name, panel.card.explanation.index) == ("z", index)


def test_an_error_signal_names_upstream_and_slope_with_their_numbers(
    bench: Workbench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(bench, "δ hidden")
    words = texts(panel, monkeypatch)
    assert {"upstream", "slope", "×", "product", "="} <= set(words)
    assert any(word.startswith("tanh'(z[") for word in words)


def test_a_sum_has_heads_over_its_columns_and_an_equals_sign_in_each_row(
    bench: Workbench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(bench, "hidden z")
    words = texts(panel, monkeypatch)
    assert [word for word in words if word in ("weight", "input", "product")] == ["weight", "input", "product"]
    assert words.count("=") == 2 + 1
    go_to(bench, "output z")
    assert "activation" in texts(panel, monkeypatch)


def test_a_sum_of_single_numbers_does_not_repeat_them(
    qtbot: QtBot, bench: Workbench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.open(load_network(find_model("residual")))
    plan = bench.snapshot.plan
    label = next(step.label for step in plan.steps if step.node and step.node.operation.name == "add")
    go_to(bench, label)
    words = texts(panel, monkeypatch)
    assert "product" not in words and "sum" in words
    found = panel.card.explanation
    assert len(panel.card.links) == len(found.terms) == 2


@pytest.mark.parametrize("width", [150, 240, 380, 900])
@pytest.mark.parametrize("label", ["hidden h", "δ hidden", "∂W output", "δ output"])
def test_every_factor_stays_on_the_card_and_none_covers_another(
    bench: Workbench, panel: MathematicsPanel, label: str, width: int
) -> None:
    go_to(bench, label)
    panel.card.resize(width, 500)
    places = [link.rect for link in panel.card.links]
    assert places and all(place.left() >= 0 for place in places)
    if width >= 240:
        assert all(place.right() <= width for place in places)
    for one in range(len(places)):
        for other in range(one):
            assert not places[one].adjusted(1, 1, -1, -1).intersects(places[other].adjusted(1, 1, -1, -1))
