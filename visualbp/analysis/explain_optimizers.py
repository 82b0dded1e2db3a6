"""How the elements of parameters, and of an optimiser's own arrays, come about in an update; and the learning rate that
a schedule sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from visualbp.analysis.explain_record import Past
from visualbp.core.number_words import Index, quotient
from visualbp.core.ref import Ref
from visualbp.engine.plan import LEARNING_RATE, Step
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.terms import Draft, Factor, constant, one_term
from visualbp.optimizers.adagrad import Adagrad
from visualbp.optimizers.adam import Adam
from visualbp.optimizers.adamw import AdamW
from visualbp.optimizers.base import Optimizer, UpdateState, make_optimizer
from visualbp.optimizers.rmsprop import RmsProp
from visualbp.optimizers.schedules import Cosine, Exponential, Schedule, StepDecay, make_schedule
from visualbp.optimizers.sgd import Sgd

Labelled = tuple[tuple[Factor, ...], str]
"""A product, and what it is called."""


@dataclass(frozen=True, eq=False)
class Update:
    """One element of what an update wrote: the parameter, or one of the optimiser's arrays."""

    past: Past
    step: Step
    value: Ref
    index: Index
    optimizer: Optimizer

    @cached_property
    def options(self) -> dict[str, Any]:
        return dict(self.optimizer.option_values)

    @property
    def parameter(self) -> Ref:
        return self.step.writes[0]

    def writes(self, slot: str) -> bool:
        """Return whether what is explained is this array of the optimiser's."""
        return self.value == self.parameter.in_slot(slot)

    def slot(self, name: str) -> Ref:
        return self.parameter.in_slot(name)

    def before(self, value: Ref) -> Factor:
        return self.past.factor(value, self.index, self.step.index)

    def after(self, value: Ref) -> Factor:
        return self.past.factor(value, self.index, self.step.index + 1)

    def derived_after(self, number: float, symbol: str, slot: str, meaning: str) -> Factor:
        """Return a number made of an array of the optimiser's as this update leaves it."""
        return self.past.derived(number, symbol, self.slot(slot), self.index, self.step.index + 1, meaning)

    @property
    def rate(self) -> float:
        """The learning rate of the iteration: what the schedule set, or the optimiser's own."""
        if LEARNING_RATE in self.step.reads:
            return float(self.past.array(LEARNING_RATE, self.step.index))
        return float(self.options["learning_rate"])

    def rate_factor(
        self, times: float = -1.0, symbol: str = r"-\eta", meaning: str = "minus the learning rate"
    ) -> Factor:
        """Return the learning rate times a number; where a schedule set it, it can be followed there."""
        if LEARNING_RATE in self.step.reads:
            return self.past.derived(times * self.rate, symbol, LEARNING_RATE, (), self.step.index, meaning)
        return constant(times * self.rate, symbol, meaning)

    @property
    def gradient(self) -> tuple[Labelled, ...]:
        """The gradient and, with weight decay, what that adds to it, as products."""
        products: list[Labelled] = [((self.before(self.step.reads[1]),), "gradient")]
        if decay := self.options["weight_decay"]:
            products.append(
                ((constant(decay, r"\lambda", "weight decay"), self.before(self.parameter)), "weight decay")
            )
        return tuple(products)

    @property
    def whole_gradient(self) -> Factor:
        """The gradient with weight decay as one factor."""
        gradient, decay = self.before(self.step.reads[1]), self.options["weight_decay"]
        if not decay:
            return gradient
        total, words = gradient.number + decay * self.before(self.parameter).number, "the gradient with weight decay"
        symbol = rf"\left({gradient.symbol} + \lambda w\right)"
        return self.past.derived(total, symbol, self.step.reads[1], self.index, self.step.index, words)

    @property
    def old(self) -> Labelled:
        return (self.before(self.parameter),), "before"


def _sum_of(products: Sequence[Labelled], rule: str, cancels: float = 0.0) -> Draft:
    formula = " + ".join(r" \, ".join(factor.symbol for factor in factors) for factors, _ in products)
    blocks = [one_term(*factors, label=label) for factors, label in products]
    return Draft(formula.replace("+ -", "- "), rule, blocks, cancels=cancels)


def _times(factor: Factor, products: Sequence[Labelled]) -> list[Labelled]:
    return [((factor, *factors), label) for factors, label in products]


# -- the optimisers --------------------------------------------------------------------------------------------------

UpdateRule = Callable[[Update], Draft]


def _by_sgd(update: Update) -> Draft:
    options, gradient = update.options, update.gradient
    momentum = constant(options["momentum"], r"\mu", "momentum")
    if update.writes("velocity"):
        last = (momentum, update.before(update.value))
        return _sum_of([(last, "last velocity"), *gradient], "what is kept of the last velocity, and the gradient")
    rate = update.rate_factor()
    if not options["momentum"]:
        words = "what it was, less the learning rate times the gradient"
        return _sum_of([update.old, *_times(rate, gradient)], words)
    velocity = update.after(update.slot("velocity"))
    if not options["nesterov"]:
        words = "what it was, less the learning rate times the velocity"
        return _sum_of([update.old, ((rate, velocity), "velocity")], words)
    words = "what it was, less the learning rate times (momentum x velocity + gradient)"
    return _sum_of([update.old, ((rate, momentum, velocity), "velocity"), *_times(rate, gradient)], words)


def _by_adam(update: Update) -> Draft:
    return _moments(update, update.gradient, update.whole_gradient) or _adam_step(update, update.old)


def _by_adamw(update: Update) -> Draft:
    """The moments see the plain gradient; the decay pulls at the parameter alone."""
    gradient = update.before(update.step.reads[1])
    if (moments := _moments(update, (((gradient,), "gradient"),), gradient)) is not None:
        return moments
    decay = update.options["weight_decay"]
    if not decay:
        return _adam_step(update, update.old)
    words = "minus the learning rate times the weight decay"
    pull = update.rate_factor(-decay, r"-\eta \lambda", words)
    return _adam_step(update, update.old, ((pull, update.before(update.parameter)), "weight decay"))


def _moments(update: Update, gradient: Sequence[Labelled], whole: Factor) -> Draft | None:
    """Return how a moment comes about, if it is one that is explained."""
    options = update.options
    if update.writes("first_moment"):
        keep = constant(options["beta1"], r"\beta_1", "what is kept of the mean")
        new = constant(1.0 - options["beta1"], r"\left(1 - \beta_1\right)", "the weight of the new gradient")
        last = (keep, update.before(update.value)), "last mean"
        return _sum_of([last, *_times(new, gradient)], "the running mean of the gradient")
    if update.writes("second_moment"):
        keep = constant(options["beta2"], r"\beta_2", "what is kept of the mean square")
        new = constant(1.0 - options["beta2"], r"\left(1 - \beta_2\right)", "the weight of the new square")
        last = (keep, update.before(update.value)), "last mean square"
        return _sum_of([last, ((new, whole, whole), "gradient squared")], "the running mean of the squared gradient")
    return None


def _adam_step(update: Update, *before: Labelled) -> Draft:
    options = update.options
    t = update.past.moment.iteration - update.past.moment.first_iteration + 1
    words = f"minus the learning rate, corrected for update {t}"
    rate = update.rate_factor(-1.0 / (1.0 - options["beta1"] ** t), r"-\frac{\eta}{1 - \beta_1^t}", words)
    moment, square = update.after(update.slot("first_moment")), update.after(update.slot("second_moment"))
    root = square.number**0.5 / (1.0 - options["beta2"] ** t) ** 0.5 + options["epsilon"]
    words = "one over the root of the mean square"
    scale = update.derived_after(quotient(1.0, root), r"\frac{1}{\sqrt{\hat{v}} + \epsilon}", "second_moment", words)
    words = "what it was, less a step along the mean gradient, scaled to its size"
    if len(before) > 1:
        words = "what it was, pulled towards 0 by the decay, less a step along the mean gradient, scaled to its size"
    return _sum_of([*before, ((rate, moment, scale), "step")], words)


def _by_adagrad(update: Update) -> Draft:
    g = update.whole_gradient
    if update.writes("square_sum"):
        last = (update.before(update.value),), "sum so far"
        return _sum_of([last, ((g, g), "gradient squared")], "the sum of all squared gradients so far")
    root = update.after(update.slot("square_sum")).number ** 0.5 + update.options["epsilon"]
    words = "one over the root of the sum of squares"
    scale = update.derived_after(quotient(1.0, root), r"\frac{1}{\sqrt{s} + \epsilon}", "square_sum", words)
    words = "what it was, less the learning rate times the gradient, which counts less the more came before it"
    return _sum_of([update.old, ((update.rate_factor(), g, scale), "step")], words)


def _by_rmsprop(update: Update) -> Draft:
    options, g = update.options, update.whole_gradient
    keep = constant(options["alpha"], r"\alpha", "what is kept of the mean")
    new = constant(1.0 - options["alpha"], r"\left(1 - \alpha\right)", "the weight of the new gradient")
    if update.writes("square_average"):
        last = (keep, update.before(update.value)), "last mean square"
        return _sum_of([last, ((new, g, g), "gradient squared")], "the running mean of the squared gradient")
    if update.writes("mean_gradient"):
        last = (keep, update.before(update.value)), "last mean"
        return _sum_of([last, *_times(new, update.gradient)], "the running mean of the gradient")
    average = update.after(update.slot("square_average")).number
    symbol, words, spread, lost = r"\frac{1}{\sqrt{s} + \epsilon}", "one over the root of the mean square", average, 0.0
    if options["centered"]:
        mean = update.after(update.slot("mean_gradient")).number
        symbol, words = r"\frac{1}{\sqrt{s - m^2} + \epsilon}", "one over the deviation of the gradient"
        spread = average - mean * mean
        lost = average / spread if spread > 0.0 else math.inf
    root = spread**0.5 if spread >= 0.0 else math.nan
    scale = update.derived_after(quotient(1.0, root + options["epsilon"]), symbol, "square_average", words)
    step = (g, scale), "step"
    size = abs(g.number * scale.number) * lost if lost and g.number else 0.0  # of a gradient of 0 nothing is lost
    momentum = constant(options["momentum"], r"\mu", "momentum")
    if update.writes("velocity"):
        last = (momentum, update.before(update.value)), "last velocity"
        return _sum_of([last, step], "what is kept of the last velocity, and the scaled gradient", size)
    if options["momentum"]:
        velocity = (update.rate_factor(), update.after(update.slot("velocity"))), "velocity"
        return _sum_of([update.old, velocity], "what it was, less the learning rate times the velocity")
    words = "what it was, less the learning rate times the gradient, scaled to its usual size"
    return _sum_of([update.old, *_times(update.rate_factor(), [step])], words, size * update.rate)


def _by_any(update: Update) -> Draft:
    """An optimiser without a rule here: run its own rule on this one element, and show what it changed."""
    step, at, before = update.step, update.step.index, update.before(update.value)
    dtype = update.past.array(update.value, at).dtype
    number = float(numbers_of_update(update.past, step, update.index, dtype)[update.value]) - before.number
    words = f"the step of {update.optimizer.label}"
    change = update.past.derived(number, r"\Delta", step.reads[1], update.index, at, words)
    return _sum_of([((before,), "before"), ((change,), "step")], f"what it was, and {words}")


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


UPDATES: dict[type[Optimizer], UpdateRule] = {
    Sgd: _by_sgd,
    Adam: _by_adam,
    AdamW: _by_adamw,
    Adagrad: _by_adagrad,
    RmsProp: _by_rmsprop,
}
"""How the elements of parameters and of an optimiser's own arrays come about, keyed by optimiser."""


def updated(past: Past, step: Step, value: Ref, index: Index) -> Draft:
    """Return how the element `index` of `value` came about in an update."""
    optimizer = make_optimizer(past.plan.network.training.optimizer)
    rule = next((UPDATES[kind] for kind in type(optimizer).__mro__ if kind in UPDATES), _by_any)
    return rule(Update(past, step, value, index, optimizer))


# -- schedules -------------------------------------------------------------------------------------------------------


def scheduled(past: Past) -> Draft:
    """Return how the learning rate of the iteration came about."""
    training, iteration = past.plan.network.training, past.moment.iteration
    schedule = make_schedule(training.schedule)
    options, label = schedule.option_values, schedule.label.lower()
    initial = constant(training.optimizer.options["learning_rate"], r"\eta_0", "the learning rate of the optimiser")
    warm_up = int(options.get("warm_up", 0))
    if iteration < warm_up:
        symbol = rf"\frac{{{iteration + 1}}}{{{warm_up + 1}}}"
        share = constant((iteration + 1) / (warm_up + 1), symbol, f"iteration {iteration + 1} of a rise over {warm_up}")
        words = "the learning rate of the optimiser, to which the warm-up is still rising"
        return replace(_sum_of([((initial, share), "rising")], words), note=share.meaning)
    t = iteration - warm_up
    products = _rate_after_warm_up(schedule, initial, t)
    after = f"{t:,} iterations after the warm-up: " if warm_up else f"at iteration {t:,}: "
    last = products[-1][0][-1]
    words = last.meaning if last is not initial else "the learning rate of the optimiser"
    return replace(_sum_of(products, f"set by the schedule ({label})"), note=after + words)


def _rate_after_warm_up(schedule: Schedule, initial: Factor, t: int) -> list[Labelled]:
    options = schedule.option_values
    match schedule:
        case StepDecay():
            cuts, factor = t // options["every"], options["factor"]
            every = f"{options['every']:,} iterations" if options["every"] > 1 else "iteration"
            words = f"{cuts:,} cut{'' if cuts == 1 else 's'} by the factor {factor:g}, one every {every}"
            return [((initial, constant(factor**cuts, rf"\gamma^{{{cuts}}}", words)), "")]
        case Exponential():
            words = f"the factor {options['factor']:g}, to the power of {t:,}"
            return [((initial, constant(options["factor"] ** t, rf"\gamma^{{{t}}}", words)), "")]
        case Cosine():
            lowest, done = options["lowest"], min(t / options["iterations"], 1.0)
            end = constant(lowest, r"\eta_T", "the rate at the end")
            range_ = constant(initial.number - lowest, r"\left(\eta_0 - \eta_T\right)", "how far it goes down")
            symbol = r"\frac{1}{2} \left(1 + \cos \frac{\pi t}{T}\right)"
            left = constant(
                (1.0 + math.cos(math.pi * done)) / 2.0, symbol, f"what is left of the way down after {done:.0%} of it"
            )
            return [((end,), "lowest"), ((range_, left), "above it")]
    rate = schedule.rate_after_warm_up(initial.number, t)
    share = rate / initial.number if initial.number else 0.0
    return [((initial,), "")] if share == 1.0 else [((initial, constant(share, "c", f"{schedule.label} at {t:,}")), "")]
