"""The lines of NumPy of optimisers and schedules: run as they stand, they give the bits of the rules."""

import math

import numpy as np
import pytest

from tests.registry_cases import some_options
from visualbp.core.options import Choice, parse_options
from visualbp.operations.base import Emitter, IterationContext
from visualbp.optimizers import optimizers
from visualbp.optimizers.base import Optimizer, UpdateState
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.schedules import Schedule, make_schedule, schedules

CASES = [(entry, options) for entry in optimizers for options in some_options(entry.options)]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("entry", "given"), CASES, ids=lambda part: getattr(part, "type_name", str(part)))
def test_an_update_in_numpy_has_the_bits_of_the_rule(
    entry: type[Optimizer], given: dict[str, object], precision: str
) -> None:
    rule, generator = entry(parse_options(entry.options, given)), np.random.default_rng(0)
    parameter = generator.normal(size=(3, 4)).astype(precision)
    slots = {slot: np.zeros_like(parameter) for slot in rule.slots}
    rate = np.array(rule.option_values["learning_rate"], precision)
    names = {"w": parameter.copy(), **{f"w_{slot}": array.copy() for slot, array in slots.items()}}
    code = UpdateCode("w", "g", {slot: f"w_{slot}" for slot in slots}, "rate", "iteration")
    context = IterationContext()
    emit = Emitter(context, parameter.dtype, eager=True)
    state = UpdateState(slots, np.zeros((), np.int64), rate)
    for iteration in range(4):
        context.iteration = iteration
        gradient = generator.normal(size=parameter.shape).astype(precision)
        rule.update(emit, parameter, gradient, state)
        names |= {"g": gradient, "rate": rate[()], "iteration": iteration}
        exec("\n".join(rule.numpy_lines(code)), {"np": np}, names)
        assert np.array_equal(names["w"], parameter) and names["w"].dtype == parameter.dtype
        assert all(np.array_equal(names[f"w_{slot}"], array) for slot, array in slots.items())


@pytest.mark.parametrize("entry", list(schedules), ids=lambda entry: entry.type_name)
def test_a_rate_in_python_is_that_of_the_schedule(entry: type[Schedule]) -> None:
    for given in some_options(entry.options):
        for more in ({}, {"warm_up": 3}):
            if not all(name in {option.name for option in entry.options} for name in more):
                continue
            schedule = make_schedule(Choice(entry.type_name, parse_options(entry.options, {**given, **more})))
            expression = schedule.numpy_rate(0.3, "iteration")
            for iteration in (0, 1, 2, 3, 4, 17, 5000):
                assert eval(expression, {"math": math, "iteration": iteration}) == schedule.rate(0.3, iteration)
