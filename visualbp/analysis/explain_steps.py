"""How single numbers come about where no operation of the network runs: sums over paths, penalties, clipping; and where
following ends, at what was drawn or given."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from visualbp.analysis.explain_record import Past, trainable_gradients
from visualbp.analysis.explain_updates import scheduled, updated
from visualbp.analysis.explain_words import in_data
from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, element_text, plain, unraveled
from visualbp.core.ref import Ref
from visualbp.engine.notation import ALL_GRADIENTS
from visualbp.engine.plan import GRADIENT_NORM, ParameterInfo, Phase, Plan, Step
from visualbp.engine.store import initial_parameter
from visualbp.initializers import initializers
from visualbp.initializers.base import fans
from visualbp.operations.terms import Block, Draft, Factor, constant, one_term

MOST_DRAWN = 100_000
"""Of a larger parameter no start is drawn to compare a single number with."""


def draft_of_step(past: Past, step: Step, value: Ref, index: Index) -> Draft:
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
            return updated(past, step, value, index)
        case "schedule":
            return scheduled(past)
    raise ValueError(f"no step is called {step.operation}")


def _accumulated(past: Past, step: Step, index: Index) -> Draft:
    factors = [past.factor(part, index, step.index) for part in step.reads]
    return Draft(
        " + ".join(factor.symbol for factor in factors),
        "what comes back on every path, added up: the chain rule for several variables",
        [one_term(factor, label=_sender(part)) for factor, part in zip(factors, step.reads, strict=True)],
    )


def _sender(part: Ref) -> str:
    if part.sender is not None and part.is_told_by_time:
        return f"time step {part.sender.time}"
    return f"from {part.sender_text}"


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


def _element_label(value: Ref, shape: Shape, i: int) -> str:
    return element_text(value, unraveled(i, shape))


def _square(past: Past, step: Step, value: Ref, shape: Shape, i: int) -> tuple[Factor, ...]:
    half = constant(past.plan.network.training.l2 / 2.0, r"\frac{\lambda_2}{2}", "half of the l2 penalty").called(
        "l2 / 2"
    )
    factor = past.factor(value, unraveled(i, shape), step.index)
    return half, factor, factor


def _size(past: Past, step: Step, value: Ref, shape: Shape, i: int) -> tuple[Factor, ...]:
    whole, index = constant(past.plan.network.training.l1, r"\lambda_1", "the l1 penalty"), unraveled(i, shape)
    weight = past.factor(value, index, step.index)
    symbol = rf"\left|{weight.symbol}\right|"
    return whole, past.derived(abs(weight.number), symbol, value, index, step.index, "the size of the weight").called(
        "size"
    )


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
        sign = past.derived(float(np.sign(w.number)), symbol, weight, index, at, "the sign of the weight").called(
            "sign"
        )
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


def _norm_share(past: Past, step: Step, value: Ref, shape: Shape, norm: float, i: int) -> tuple[Factor, ...]:
    index = unraveled(i, shape)
    factor = past.factor(value, index, step.index)
    symbol = rf"\frac{{g}}{{\left\lVert {ALL_GRADIENTS} \right\rVert}}"
    share = factor.number / norm if norm else 0.0
    return factor, past.derived(share, symbol, value, index, step.index, "its share of the norm").called("g / norm")


def _clipped(past: Past, step: Step, value: Ref, index: Index) -> Draft:
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
    if scale == 1.0:
        words = f"1: the norm of all gradients, {plain(norm.number)}, is within the limit {clip.limit:g}"
    factor = past.derived(scale, symbol, GRADIENT_NORM, (), step.index + 1, words).called("scale")
    changed, note = "scaled down", "all gradients together were longer than the limit"
    if scale == 1.0:
        changed, note = "unchanged", "the limit is not reached"
    words = f"the gradient before clipping, {changed}"
    return Draft(rf"{before.symbol} \cdot {symbol}", words, [one_term(before, factor)], note)


# -- where following ends --------------------------------------------------------------------------------------------


def words_of_source(past: Past, value: Ref, index: Index, number: float) -> str:
    """Return where a number comes from that no step of this iteration has made, or that was loaded."""
    plan, moment = past.plan, past.moment
    if value in (plan.input, plan.target):
        data = plan.network.data.source if plan.network.data else "the data"
        of = "the batch" if moment.batch is None else "the data"
        what = "an input" if value == plan.input else "a target"
        return f"{what}: sample {in_data(moment.batch, index)[0]} of {of} ({data})"
    if value.is_slot:
        fresh = moment.iteration <= moment.first_iteration
        return "0, as it is before the first update" if fresh else _left_behind(past, value)
    info = next(info for info in plan.lasting if info.value == value)
    given = plan.network.parameters.get(value.layer, {}).get(value.role)
    began = "given, in the file or by hand" if given is not None else _beginning(plan, info)
    is_buffer = info in plan.buffers
    is_start = moment.iteration == 0 or (info.frozen and not is_buffer)
    start = _start_of(plan, value)
    if start is not None and float(start[index]) == number:
        return began if is_start or given is not None else f"as it is at iteration 0: {began}"
    if not is_start:
        return f"{_left_behind(past, value)}; at iteration 0 it is {began}"
    return began if start is None else f"kept from before the network was changed; at iteration 0 it is {began}"


@lru_cache(maxsize=8)
def _start_of(plan: Plan, value: Ref) -> Array | None:
    """Return the array that a parameter or buffer starts from, in the network's precision; None if that is too many
    numbers to be drawn for one."""
    if int(np.prod(plan.shapes[value], dtype=np.int64)) > MOST_DRAWN:
        return None
    return np.asarray(initial_parameter(plan, value), plan.network.precision)


def _left_behind(past: Past, value: Ref) -> str:
    """Return which pass of the iteration before has left a value that lasts."""
    is_buffer = any(info.value == value for info in past.plan.buffers)
    return f"left by the {'forward pass' if is_buffer else 'update'} of iteration {past.moment.iteration - 1}"


def _beginning(plan: Plan, info: ParameterInfo) -> str:
    """Return where a parameter or buffer starts that is not given."""
    spec = info.spec
    if spec.initial is not None:
        own = [other.value.role for other in plan.lasting if other.value.layer == info.value.layer]
        return f"computed from {' and '.join(own[: own.index(info.value.role)])} as the layer began"
    entry = initializers.get(spec.initializer.type)
    if entry.type_name in ("zeros", "constant"):
        return f"set by the initialiser {entry.label}"
    fan_in, fan_out = fans(spec.shape)
    as_other = f", with the numbers that {spec.drawn_as} would have" if spec.drawn_as else ""
    return f"drawn from {entry.label} with seed {plan.network.seed} (fan_in {fan_in}, fan_out {fan_out}){as_other}"
