"""How single numbers come about where no operation of the network runs: sums over paths, penalties, clipping, and the
updates of the optimisers; and where following ends, at what was drawn or given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from visualbp.analysis.explain_record import Block, Draft, Factor, Past, constant, one_term, trainable_gradients
from visualbp.analysis.explain_words import Index, element_text, plain, unraveled
from visualbp.core.arrays import Shape
from visualbp.engine.notation import ALL_GRADIENTS
from visualbp.engine.plan import GRADIENT_NORM, LEARNING_RATE, Phase, Step
from visualbp.initializers import initializers
from visualbp.initializers.base import fans
from visualbp.layers import Value
from visualbp.operations.base import Emitter, IterationContext
from visualbp.optimizers.adam import Adam
from visualbp.optimizers.base import Optimizer, UpdateState, make_optimizer
from visualbp.optimizers.sgd import Sgd


def draft_of_step(past: Past, step: Step, value: Value, index: Index) -> Draft:
    """Return how the element `index` of `value` came about in a step without a node."""
    match step.operation:
        case "accumulate":
            return _accumulated(past, step, index)
        case "gather":
            return _gathered(past, step, index)
        case "penalty":
            return _penalty(past, step) if step.phase == Phase.FORWARD else _penalty_gradient(past, step, index)
        case "clip":
            return _gradient_norm(past, step) if value == GRADIENT_NORM else _clipped(past, step, value, index)
        case "update":
            return _updated(past, step, value, index)
    raise ValueError(f"no step is called {step.operation}")


def _accumulated(past: Past, step: Step, index: Index) -> Draft:
    factors = [past.factor(part, index, step.index) for part in step.reads]
    return Draft(
        " + ".join(factor.symbol for factor in factors),
        "what comes back on every path, added up: the chain rule for several variables",
        [one_term(factor, label=f"from {part.part}") for factor, part in zip(factors, step.reads, strict=True)],
    )


def _gathered(past: Past, step: Step, index: Index) -> Draft:
    sample, time, *inside = index
    factor = past.factor(step.reads[time], (sample, *inside), step.index)
    return Draft(factor.symbol, "what comes back at its time step", [one_term(factor, label=f"time step {time}")])


# -- penalties -------------------------------------------------------------------------------------------------------


def _penalty(past: Past, step: Step) -> Draft:
    training = past.plan.network.training
    blocks: list[Block] = []
    for value in step.reads:
        weight = past.array(value, step.index).astype(np.float64)
        label = partial(_element_label, value, weight.shape)
        if training.l2:
            squares = (training.l2 / 2.0 * weight * weight).reshape(-1)
            blocks.append(Block(squares, partial(_square, past, step, value, weight.shape), label))
        if training.l1:
            sizes = (training.l1 * np.abs(weight)).reshape(-1)
            blocks.append(Block(sizes, partial(_size, past, step, value, weight.shape), label))
    formula = [r"\frac{\lambda_2}{2} \sum w^2"] if training.l2 else []
    formula += [r"\lambda_1 \sum |w|"] if training.l1 else []
    return Draft(" + ".join(formula), "a part from every weight of every layer, added up", blocks)


def _element_label(value: Value, shape: Shape, i: int) -> str:
    return element_text(value, unraveled(i, shape))


def _square(past: Past, step: Step, value: Value, shape: Shape, i: int) -> tuple[Factor, ...]:
    half = constant(past.plan.network.training.l2 / 2.0, r"\frac{\lambda_2}{2}", "half of the l2 penalty")
    factor = past.factor(value, unraveled(i, shape), step.index)
    return half, factor, factor


def _size(past: Past, step: Step, value: Value, shape: Shape, i: int) -> tuple[Factor, ...]:
    whole, index = constant(past.plan.network.training.l1, r"\lambda_1", "the l1 penalty"), unraveled(i, shape)
    weight = past.factor(value, index, step.index)
    symbol = rf"\left|{weight.symbol}\right|"
    return whole, past.derived(abs(weight.number), symbol, value, index, step.index, "the size of the weight")


def _penalty_gradient(past: Past, step: Step, index: Index) -> Draft:
    training, (weight, gradient) = past.plan.network.training, step.reads
    data, at = past.factor(gradient, index, step.index), step.index
    blocks, formula = [one_term(data, label="from the loss")], data.symbol
    w = past.factor(weight, index, at)
    if training.l2:
        blocks.append(one_term(constant(training.l2, r"\lambda_2", "the l2 penalty"), w, label="from l2"))
        formula += rf" + \lambda_2 {w.symbol}"
    if training.l1:
        symbol = rf"\text{{sign}}\left({w.symbol}\right)"
        sign = past.derived(float(np.sign(w.number)), symbol, weight, index, at, "the sign of the weight")
        blocks.append(one_term(constant(training.l1, r"\lambda_1", "the l1 penalty"), sign, label="from l1"))
        formula += rf" + \lambda_1 {symbol}"
    return Draft(formula, "the gradient of the loss, and that of the penalty", blocks)


# -- clipping --------------------------------------------------------------------------------------------------------


def _gradient_norm(past: Past, step: Step) -> Draft:
    """The root of a sum of squares as a sum: each gradient g adds g * g / norm."""
    norm = float(past.array(GRADIENT_NORM, step.index + 1))
    blocks = []
    for value in trainable_gradients(past.plan, step):
        gradient = past.array(value, step.index).astype(np.float64)

        with np.errstate(all="ignore"):
            shares = np.zeros_like(gradient) if norm == 0 else gradient * (gradient / norm)
        factors = partial(_norm_share, past, step, value, gradient.shape, norm)
        blocks.append(Block(shares.reshape(-1), factors, partial(_element_label, value, gradient.shape)))
    return Draft(
        r"\sqrt{\sum g^2}", "the root of the sum of the squares of all gradients: each adds g times g / norm", blocks
    )


def _norm_share(past: Past, step: Step, value: Value, shape: Shape, norm: float, i: int) -> tuple[Factor, ...]:
    index = unraveled(i, shape)
    factor = past.factor(value, index, step.index)
    symbol = rf"\frac{{g}}{{\left\lVert {ALL_GRADIENTS} \right\rVert}}"
    share = factor.number / norm if norm else 0.0
    return factor, past.derived(share, symbol, value, index, step.index, "its share of the norm")


def _clipped(past: Past, step: Step, value: Value, index: Index) -> Draft:
    clip = past.plan.network.training.clip
    if clip is None:
        raise ValueError("nothing is clipped")
    before = past.factor(value, index, step.index)
    if clip.by == "value":
        symbol = rf"\text{{clip}}\left({before.symbol}\right)"
        cut = float(np.clip(before.number, -clip.limit, clip.limit))
        factor = past.derived(cut, symbol, value, index, step.index, f"the gradient, cut at {clip.limit:g}")
        return Draft(
            symbol,
            f"the gradient before clipping, cut to between -{clip.limit:g} and {clip.limit:g}",
            [one_term(factor)],
        )
    norm = past.factor(GRADIENT_NORM, (), step.index + 1)
    scale = min(clip.limit / (norm.number + 1e-6), 1.0)
    symbol = rf"\min\left(1, \frac{{{clip.limit:g}}}{{{norm.symbol} + 10^{{-6}}}}\right)"
    words = f"limit {clip.limit:g} over the norm of all gradients, {plain(norm.number)}"
    factor = past.derived(scale, symbol, GRADIENT_NORM, (), step.index + 1, words)
    changed = "all gradients together were longer than the limit" if scale < 1.0 else "the limit is not reached"
    return Draft(
        rf"{before.symbol} \cdot {symbol}",
        "the gradient before clipping, scaled down",
        [one_term(before, factor)],
        changed,
    )


# -- updates ---------------------------------------------------------------------------------------------------------

UpdateRule = Callable[[Past, Step, Value, Index, Optimizer], Draft]


def _updated(past: Past, step: Step, value: Value, index: Index) -> Draft:
    optimizer = make_optimizer(past.plan.network.training.optimizer)
    rule = next((UPDATES[kind] for kind in type(optimizer).__mro__ if kind in UPDATES), _by_any)
    return rule(past, step, value, index, optimizer)


def _slot(step: Step, name: str) -> Value:
    return next(value for value in step.writes if value.role.split("/")[0] == name)


def _rate(past: Past, step: Step) -> float:
    """Return the learning rate of the iteration: what the schedule set, or the optimiser's own."""
    if LEARNING_RATE in step.reads:
        return float(past.array(LEARNING_RATE, step.index))
    return float(past.plan.network.training.optimizer.options["learning_rate"])


def _decayed(past: Past, step: Step, index: Index, optimizer: Optimizer) -> list[tuple[tuple[Factor, ...], str]]:
    """Return the gradient and, with weight decay, what that adds to it, as products with their labels."""
    parameter, gradient = step.reads[:2]
    products: list[tuple[tuple[Factor, ...], str]] = [((past.factor(gradient, index, step.index),), "gradient")]
    if decay := optimizer.option_values["weight_decay"]:
        factor = constant(decay, r"\lambda", "weight decay")
        products.append(((factor, past.factor(parameter, index, step.index)), "weight decay"))
    return products


def _sum_of(products: list[tuple[tuple[Factor, ...], str]], rule: str, note: str = "") -> Draft:
    formula = " + ".join(r" \, ".join(factor.symbol for factor in factors) for factors, _ in products)
    return Draft(
        formula.replace("+ -", "- "), rule, [one_term(*factors, label=label) for factors, label in products], note
    )


def _by_sgd(past: Past, step: Step, value: Value, index: Index, optimizer: Optimizer) -> Draft:
    options, parameter = optimizer.option_values, step.writes[0]
    gradient = _decayed(past, step, index, optimizer)
    momentum = constant(options["momentum"], r"\mu", "momentum")
    if value != parameter:
        last = (momentum, past.factor(value, index, step.index))
        return _sum_of([(last, "last velocity"), *gradient], "what is kept of the last velocity, and the gradient")
    rate = constant(-_rate(past, step), r"-\eta", "minus the learning rate")
    old = ((past.factor(parameter, index, step.index),), "before")
    if not options["momentum"]:
        moves = [((rate, *factors), label) for factors, label in gradient]
        return _sum_of([old, *moves], "what it was, less the learning rate times the gradient")
    velocity = past.factor(_slot(step, "velocity"), index, step.index + 1)
    if not options["nesterov"]:
        return _sum_of([old, ((rate, velocity), "velocity")], "what it was, less the learning rate times the velocity")
    ahead = [((rate, momentum, velocity), "velocity"), *(((rate, *factors), label) for factors, label in gradient)]
    return _sum_of([old, *ahead], "what it was, less the learning rate times (momentum x velocity + gradient)")


def _by_adam(past: Past, step: Step, value: Value, index: Index, optimizer: Optimizer) -> Draft:
    options, parameter, at = optimizer.option_values, step.writes[0], step.index
    gradient = _decayed(past, step, index, optimizer)
    if value == _slot(step, "first_moment"):
        keep = constant(options["beta1"], r"\beta_1", "what is kept of the mean")
        new = constant(1.0 - options["beta1"], r"\left(1 - \beta_1\right)", "the weight of the new gradient")
        moves = [((new, *factors), label) for factors, label in gradient]
        return _sum_of(
            [((keep, past.factor(value, index, at)), "last mean"), *moves], "the running mean of the gradient"
        )
    if value == _slot(step, "second_moment"):
        keep = constant(options["beta2"], r"\beta_2", "what is kept of the mean square")
        new = constant(1.0 - options["beta2"], r"\left(1 - \beta_2\right)", "the weight of the new square")
        g = past.factor(step.reads[1], index, at)
        if options["weight_decay"]:
            total = g.number + options["weight_decay"] * past.factor(parameter, index, at).number
            symbol = rf"\left({g.symbol} + \lambda w\right)"
            g = past.derived(total, symbol, step.reads[1], index, at, "the gradient with weight decay")
        last = ((keep, past.factor(value, index, at)), "last mean square")
        return _sum_of([last, ((new, g, g), "gradient squared")], "the running mean of the squared gradient")
    t = past.moment.iteration - past.moment.first_iteration + 1
    rate = constant(
        -_rate(past, step) / (1.0 - options["beta1"] ** t),
        r"-\frac{\eta}{1 - \beta_1^t}",
        f"minus the learning rate, corrected for update {t}",
    )
    moment = past.factor(_slot(step, "first_moment"), index, at + 1)
    square = past.factor(_slot(step, "second_moment"), index, at + 1)
    root = square.number**0.5 / (1.0 - options["beta2"] ** t) ** 0.5 + options["epsilon"]
    symbol = r"\frac{1}{\sqrt{\hat{v}} + \epsilon}"
    scale = past.derived(
        1.0 / root if root else np.inf,
        symbol,
        _slot(step, "second_moment"),
        index,
        at + 1,
        "one over the root of the mean square",
    )
    old = ((past.factor(parameter, index, at),), "before")
    return _sum_of(
        [old, ((rate, moment, scale), "step")], "what it was, less a step along the mean gradient, scaled to its size"
    )


def _by_any(past: Past, step: Step, value: Value, index: Index, optimizer: Optimizer) -> Draft:
    """An optimiser without a rule here: run its own rule on this one element, and show what it changed."""
    parameter, gradient = step.reads[:2]
    read = (gradient, *step.writes)
    element = {each: past.array(each, step.index)[index].reshape(1).copy() for each in read}
    before = float(element[value][0])
    state = UpdateState(
        {slot.role.split("/")[0]: element[slot] for slot in step.writes[1:]},
        np.array(past.moment.first_iteration, np.int64),
        np.array(_rate(past, step), element[parameter].dtype),
    )
    context = IterationContext(past.plan.network.seed, past.moment.iteration)
    with np.errstate(all="ignore"):
        emitter = Emitter(context, element[parameter].dtype, eager=True)
        optimizer.update(emitter, element[parameter], element[gradient].copy(), state)
    change = past.derived(
        float(element[value][0]) - before, r"\Delta", gradient, index, step.index, f"the step of {optimizer.label}"
    )
    return _sum_of(
        [((past.factor(value, index, step.index),), "before"), ((change,), "step")],
        f"what it was, and the step of {optimizer.label}",
    )


UPDATES: dict[type[Optimizer], UpdateRule] = {Sgd: _by_sgd, Adam: _by_adam}
"""How the elements of parameters and of an optimiser's own arrays come about, keyed by optimiser."""


# -- where following ends --------------------------------------------------------------------------------------------


def words_of_source(past: Past, value: Value, index: Index, number: float) -> str:
    """Return where a number comes from that no step of this iteration has made, or that was loaded."""
    plan, moment = past.plan, past.moment
    if value in (plan.input, plan.target):
        data = plan.network.data.source if plan.network.data else "the data"
        row = f", row {int(moment.batch[index[0]])} of the data" if moment.batch is not None else ""
        what = "an input" if value == plan.input else "a target"
        return f"{what}: sample {index[0]} of the batch{row} ({data})"
    earlier = moment.iteration - 1
    if value.role.partition("/")[1]:
        fresh = moment.iteration <= moment.first_iteration
        return "0, as it is before the first update" if fresh else f"left by the update of iteration {earlier}"
    given = plan.network.parameters.get(value.layer, {}).get(value.role)
    if given is not None and float(given[index]) == number:
        return "given, in the file or by hand"
    info = next(info for info in plan.parameters if info.value == value)
    entry = initializers.get(info.spec.initializer.type)
    fan_in, fan_out = fans(info.spec.shape)
    drawn = f"drawn from {entry.label} with seed {plan.network.seed} (fan_in {fan_in}, fan_out {fan_out})"
    if entry.type_name in ("zeros", "constant"):
        drawn = f"set by the initialiser {entry.label}"
    began = drawn if given is None else "given, in the file or by hand"
    return (
        began
        if moment.iteration == 0 or info.frozen
        else f"left by the update of iteration {earlier}; it began {began}"
    )
