"""The cards carry the number that their layer has in the equations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gui.bench import pixels
from tests.gui.conftest import MakeCanvasBench
from visualbp.engine.notation import Notation
from visualbp.files import find_model, load_network


@pytest.mark.parametrize("name", ["xor", "digits_convolution", "copy_transformer", "residual"])
def test_every_card_has_the_number_of_its_layer_in_the_equations(make_canvas_bench: MakeCanvasBench, name: str) -> None:
    bench = make_canvas_bench(load_network(find_model(name)))
    bench.step()
    plan = bench.snapshot.plan
    assert plan is not None
    notation, seen = Notation(plan), []
    for layer in bench.network.layers:
        item = bench.item(layer.name)
        item.show_snapshot(bench.snapshot, 0)
        assert item.card.number == notation.layer_number(layer.name)
        if item.card.number is not None:
            seen.append(item.card.number)
    assert sorted(seen) == list(range(len(seen)))
    assert bench.item(plan.loss.layer).card.number is None
    for step in plan.steps:
        number = notation.layer_number(step.layer)
        if number is not None and step.node is not None and step.node.operation.is_weighted:
            assert f"({bench.item(step.layer).card.number})" in notation.step_equation(step)


def test_the_number_is_painted(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(load_network(find_model("xor")))
    bench.step()
    item = bench.item("hidden")
    before = pixels(bench.canvas)
    item.card.number = 8
    item.update()
    assert not np.array_equal(before, pixels(bench.canvas))
