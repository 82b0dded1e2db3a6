"""The card of numbers shows the operands: a function with its argument and its result, heads, and an equals sign."""

from __future__ import annotations

import pytest

from tests.gui.bench import Bench
from tests.gui.conftest import ShowPanel
from visualbp.files import find_model, load_network
from visualbp.gui.painting import number_text
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.number_page import Page


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> MathematicsPanel:
    return show_panel(bench, MathematicsPanel, (400, 700))


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
    bench: Bench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.selection.choose_sample(2)
    bench.go_to("hidden h")
    found = panel.card.explanation
    assert found is not None
    z = bench.snapshot.get("hidden", "z")[found.index]
    line = " ".join(texts(panel, monkeypatch)).replace("−", "-")
    sample = bench.snapshot.batch[found.index[0]]
    assert f"hidden h[{found.index[1]}], sample {sample}" in line
    assert f"tanh( z[{found.index[1]}] = {number_text(z, signed=True)} )" in line.replace("-", "−") or z < 0
    assert panel.card.links[0].factor.argument == z


def test_an_argument_can_be_followed(bench: Bench, panel: MathematicsPanel) -> None:
    bench.go_to("hidden h")
    index = panel.card.explanation.index
    panel.card._follow(0)
    assert (panel.card.explanation.value.name, panel.card.explanation.index) == ("z", index)


def test_an_error_signal_names_upstream_and_slope_with_their_numbers(
    bench: Bench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.go_to("δ hidden")
    words = texts(panel, monkeypatch)
    assert {"upstream", "slope", "×", "product", "="} <= set(words)
    assert any(word.startswith("tanh'(z[") for word in words)


def test_a_sum_has_heads_over_its_columns_and_an_equals_sign_in_each_row(
    bench: Bench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.go_to("hidden z")
    words = texts(panel, monkeypatch)
    assert [word for word in words if word in ("weight", "input", "product")] == ["weight", "input", "product"]
    assert words.count("=") == 2 + 1
    bench.go_to("output z")
    assert "activation" in texts(panel, monkeypatch)


def test_a_sum_of_single_numbers_does_not_repeat_them(
    bench: Bench, panel: MathematicsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.open(load_network(find_model("residual")))
    plan = bench.snapshot.plan
    label = next(step.label for step in plan.steps if step.node and step.node.operation.name == "add")
    bench.go_to(label)
    words = texts(panel, monkeypatch)
    assert "product" not in words and "sum" in words
    found = panel.card.explanation
    assert len(panel.card.links) == len(found.terms) == 2


@pytest.mark.parametrize("width", [150, 240, 380, 900])
@pytest.mark.parametrize("label", ["hidden h", "δ hidden", "∂W output", "δ output"])
def test_every_factor_stays_on_the_card_and_none_covers_another(
    bench: Bench, panel: MathematicsPanel, label: str, width: int
) -> None:
    bench.go_to(label)
    panel.card.resize(width, 500)
    places = [link.rect for link in panel.card.links]
    assert places and all(place.left() >= 0 for place in places)
    if width >= 240:
        assert all(place.right() <= width for place in places)
    for one in range(len(places)):
        for other in range(one):
            assert not places[one].adjusted(1, 1, -1, -1).intersects(places[other].adjusted(1, 1, -1, -1))
