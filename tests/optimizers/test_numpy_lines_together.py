"""The lines of NumPy of optimisers with their options together: momentum, Nesterov, decay and centring meet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from visualbp.core.options import BoolOption, FloatOption, parse_options
from visualbp.operations.base import Emitter, IterationContext
from visualbp.optimizers.base import Optimizer, UpdateState, optimizers
from visualbp.optimizers.numpy_code import UpdateCode

UPDATES, WITHOUT_GRADIENT = 5, 2


def some_together(entry: type[Optimizer]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of a few values of each option."""
    values: list[list[Any]] = []
    for option in entry.options:
        match option:
            case BoolOption():
                values.append([False, True])
            case FloatOption(name="learning_rate"):
                values.append([0.1])
            case FloatOption(name="momentum" | "weight_decay"):
                values.append([0.0, 0.3])
            case _:
                values.append([option.default])
    for combination in itertools.product(*values):
        yield dict(zip((option.name for option in entry.options), combination, strict=True))


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
def test_options_together_give_the_bits_of_the_rule(entry: type[Optimizer], precision: str) -> None:
    for given in some_together(entry):
        rule, generator = entry(parse_options(entry.options, given)), np.random.default_rng(3)
        parameter = generator.normal(size=(5, 9)).astype(precision)
        slots = {slot: np.zeros_like(parameter) for slot in rule.slots}
        rate, context = np.array(0.1, precision), IterationContext()
        emit, state = Emitter(context, parameter.dtype, eager=True), UpdateState(slots, np.zeros((), np.int64), rate)
        code = UpdateCode("w", "g", {slot: f"w_{slot}" for slot in slots}, "rate", "iteration")
        lines = "\n".join(rule.numpy_lines(code))
        names: dict[str, Any] = {"w": parameter.copy(), **{f"w_{slot}": array.copy() for slot, array in slots.items()}}
        for iteration in range(UPDATES):
            context.iteration = iteration
            gradient = generator.normal(size=parameter.shape).astype(precision)
            if iteration == WITHOUT_GRADIENT:
                gradient[...] = 0.0
            given_gradient = gradient.copy()
            rule.update(emit, parameter, gradient, state)
            names |= {"g": gradient, "rate": rate[()], "iteration": iteration}
            exec(lines, {"np": np}, names)
            for name, array in {"w": parameter, **{f"w_{slot}": array for slot, array in slots.items()}}.items():
                assert np.array_equal(names[name], array) and names[name].dtype == array.dtype, (given, iteration, name)
            assert np.array_equal(gradient, given_gradient), "the gradient is not to be changed"
