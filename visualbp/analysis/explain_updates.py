"""One element of what an update wrote, as the optimiser that takes it apart is given it (`optimizers/terms.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualbp.analysis.explain_record import Past
from visualbp.core.number_words import Index
from visualbp.core.ref import Ref
from visualbp.engine.plan import LEARNING_RATE, Step
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.terms import Draft, Factor, constant
from visualbp.optimizers.base import UpdateState, make_optimizer
from visualbp.optimizers.schedules import make_schedule


@dataclass(frozen=True, eq=False)
class StepUpdate:
    """One element of the parameter that a step updates, or of one of the optimiser's arrays."""

    past: Past
    step: Step
    value: Ref
    index: Index

    @property
    def number(self) -> int:
        return self.past.moment.iteration - self.past.moment.first_iteration + 1

    @property
    def rate(self) -> float:
        if LEARNING_RATE in self.step.reads:
            return float(self.past.array(LEARNING_RATE, self.step.index))
        return float(self.past.plan.network.training.optimizer.options["learning_rate"])

    def writes(self, slot: str) -> bool:
        return self.value == self.step.writes[0].in_slot(slot)

    def itself(self) -> Factor:
        return self.past.factor(self.value, self.index, self.step.index)

    def parameter(self) -> Factor:
        return self.past.factor(self.step.writes[0], self.index, self.step.index)

    def gradient(self) -> Factor:
        return self.past.factor(self.step.reads[1], self.index, self.step.index)

    def slot(self, name: str) -> Factor:
        return self.past.factor(self.step.writes[0].in_slot(name), self.index, self.step.index + 1)

    def change(self) -> float:
        dtype = self.past.array(self.value, self.step.index).dtype
        after = numbers_of_update(self.past, self.step, self.index, dtype)[self.value]
        return float(after) - self.itself().number

    def rate_factor(
        self, times: float = -1.0, symbol: str = r"-\eta", meaning: str = "minus the learning rate"
    ) -> Factor:
        if LEARNING_RATE in self.step.reads:
            rate = self.past.derived(times * self.rate, symbol, LEARNING_RATE, (), self.step.index, meaning)
        else:
            rate = constant(times * self.rate, symbol, meaning)
        return rate.called("− rate")

    def from_slot(self, number: float, symbol: str, slot: str, meaning: str) -> Factor:
        value = self.step.writes[0].in_slot(slot)
        return self.past.derived(number, symbol, value, self.index, self.step.index + 1, meaning).called("scale")

    def from_gradient(self, number: float, symbol: str, meaning: str) -> Factor:
        return self.past.derived(number, symbol, self.step.reads[1], self.index, self.step.index, meaning).called(
            "gradient"
        )


def updated(past: Past, step: Step, value: Ref, index: Index) -> Draft:
    """Return how the element `index` of `value` came about in an update."""
    return make_optimizer(past.plan.network.training.optimizer).terms(StepUpdate(past, step, value, index))


def scheduled(past: Past) -> Draft:
    """Return how the learning rate of the iteration came about."""
    training = past.plan.network.training
    rate = training.optimizer.options["learning_rate"]
    return make_schedule(training.schedule).terms(rate, past.moment.iteration)


def numbers_of_update(past: Past, step: Step, index: Index, dtype: np.dtype[Any]) -> dict[Ref, Any]:
    """Return what the optimiser's own rule makes, in that type, of one element of each value that the update writes."""
    optimizer, moment = make_optimizer(past.plan.network.training.optimizer), past.moment
    read = (step.reads[1], *step.writes)
    element = {each: past.array(each, step.index)[index].reshape(1).astype(dtype) for each in read}
    rate = optimizer.option_values["learning_rate"]
    if LEARNING_RATE in step.reads:
        rate = float(past.array(LEARNING_RATE, step.index))
    state = UpdateState(
        {slot.slot: element[slot] for slot in step.writes[1:]},
        np.array(moment.first_iteration, np.int64),
        np.array(rate, dtype),
    )
    emitter = Emitter(IterationContext(past.plan.network.seed, moment.iteration), dtype, eager=True)
    with np.errstate(all="ignore"):
        optimizer.update(emitter, element[step.writes[0]], element[step.reads[1]], state)
    return {each: array[0] for each, array in element.items()}
