"""A reader of the words beside each factor of an explanation: what they claim of its number, held against arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.explanation_reader import (
    Asked,
    Clause,
    _applied,
    _inputs,
    _log_sigmoid,
    _log_softmax,
    _pooled,
    _Update,
    check_claim,
    hold,
    its,
    spread,
)
from tests.normalizing import group_deviation, group_mean, x_hat_of
from tests.sentence_reader import claim, is_smooth
from visualbp.analysis.explain import Factor
from visualbp.core.arrays import Array
from visualbp.engine.plan import GRADIENT_NORM
from visualbp.operations.activations import activations
from visualbp.operations.normalization import BatchNorm
from visualbp.operations.words import Told

_NOT_SO = (AssertionError, StopIteration, KeyError, ValueError, IndexError, TypeError, AttributeError)


class Said:
    """A factor of an explanation, and the arrays that it may be about."""

    def __init__(self, asked: Asked, factor: Factor) -> None:
        self.a, self.factor, self.at = asked, factor, factor.index

    def is_(self, expected: Any, what: str, tolerance: float = 1e-7) -> None:
        wanted = float(expected[self.at]) if np.ndim(expected) else float(expected)
        if not np.isfinite(wanted) or not np.isfinite(self.factor.number):
            claim(wanted == self.factor.number or (np.isnan(wanted) and np.isnan(self.factor.number)), what)
            return
        size = max(abs(wanted), 1e-12)
        claim(abs(wanted - self.factor.number) <= tolerance * size, f"{what}: {wanted}, and {self.factor.number}")

    def says(self, text: str, number: float) -> None:
        """Claim that a number in words is this one, to its four digits."""
        near = {f"{number * (1 + shift):.4g}" for shift in (-1e-9, 0.0, 1e-9)}
        claim(text in near, f"{text} for {number}")

    @property
    def element(self) -> Array:
        """The array that the factor is an element of, as it was after the steps that it names."""
        value, taken = self.factor.value, self.a.taken
        claim(value is not None, "an element")
        arrays = taken.before if self.factor.at <= taken.step.index else taken.after
        return np.asarray(arrays[taken.plan.resolve(value)], float)  # type: ignore[arg-type]

    @property
    def options(self) -> dict[str, Any]:
        return self.a.options

    @property
    def training(self) -> Any:
        return self.a.taken.plan.network.training


def itself(f: Said) -> None:
    f.is_(f.element, f"{f.factor.text}", 0.0)


def of_z(f: Said, label: str) -> None:
    claim(activations.get(f.a.taken.node.operation.type_name).label == label, "the function")
    wanted = _applied(f.a, f.element)[f.at]
    claim(abs(wanted - f.factor.number) < 1e-8 * max(1.0, abs(f.factor.number)), "the function of z")


def slope(f: Said, label: str, source: str | None) -> None:
    operation, z = f.a.taken.node.operation, f.element
    claim(activations.get(operation.type_name).label == label, "the function")
    claim((source is not None) == (operation.type_name == "custom"), "where it comes from")
    typed = operation.type_name == "custom" and bool(operation.option_values["derivative"])
    claim(source is None or (source == "as typed") == typed, "typed or derived")
    nudge = 1e-6 * np.maximum(np.abs(z), 1.0)
    below, here, above = (_applied(f.a, z + times * nudge) for times in (-1, 0, 1))
    if is_smooth(below, here, above, nudge)[f.at]:
        measured = ((above - below) / (2 * nudge))[f.at]
        claim(abs(measured - f.factor.number) < 1e-4 * max(abs(measured), 1e-2), "the slope")


def of_softmax(f: Said, j: str, unit: str) -> None:
    h = f.a.taken.output[f.a.at[:-1]]
    claim(int(unit) == f.a.at[-1], "its own z")
    f.is_(h[int(j)] * ((int(j) == int(unit)) - h[int(unit)]), "the Jacobian")


def _exponentials(f: Said) -> Array:
    z = f.a.operand("z")[f.a.at[:-1]]
    return np.exp(z - z.max())


def exponential(f: Said) -> None:
    f.is_(_exponentials(f)[f.a.at[-1]], "exp of z, lowered by the largest")


def over_exponentials(f: Said) -> None:
    f.is_(1.0 / _exponentials(f).sum(), "one over their sum")


def penalty_of(f: Said, half: str | None, which: str) -> None:
    size = f.training.l1 if which == "1" else f.training.l2
    claim(half is None or which == "2", "half of l2")
    f.is_(size / 2 if half else size, "the penalty")


def size_of_weight(f: Said) -> None:
    f.is_(np.abs(f.element), "its size")


def sign_of_weight(f: Said) -> None:
    f.is_(np.sign(f.element), "its sign")


def share_of_norm(f: Said) -> None:
    norm = float(f.a.taken.after[GRADIENT_NORM])
    f.is_(f.element / norm if norm else 0.0 * f.element, "g over the norm")


def limit_over_norm(f: Said, limit: str, norm: str) -> None:
    claim(float(limit) == f.training.clip.limit, "the limit")
    f.says(norm, float(f.element))
    claim(f.factor.number < 1.0, "shorter")
    f.is_(float(limit) / (float(f.element) + 1e-6), "limit over norm")


def limit_not_reached(f: Said, norm: str, limit: str) -> None:
    claim(float(limit) == f.training.clip.limit and float(f.element) <= float(limit), "within the limit")
    f.says(norm, float(f.element))
    f.is_(1.0, "1")


def cut_gradient(f: Said, limit: str) -> None:
    claim(float(limit) == f.training.clip.limit, "the limit")
    f.is_(np.clip(f.element, -float(limit), float(limit)), "cut")


def mask_of(f: Said, what: str) -> None:
    kept = f.a.taken.mask[f.a.at] != 0  # type: ignore[index]
    claim(kept == what.startswith("kept"), "kept or dropped")
    f.is_(1.0 / (1.0 - f.a.taken.node.operation.rate) if kept else 0.0, "the mask")


def _rate(f: Said) -> float:
    return float(_Update(f.a).rate)


def minus_rate(f: Said) -> None:
    f.is_(-_rate(f), "minus the rate")


def minus_rate_decay(f: Said) -> None:
    f.is_(-_rate(f) * f.options["weight_decay"], "minus rate times decay")


def corrected_rate(f: Said, t: str) -> None:
    claim(int(t) == f.a.iteration + 1, "which update")
    f.is_(-_rate(f) / (1 - f.options["beta1"] ** int(t)), "corrected")


def option(name: str) -> Clause:
    return lambda f: f.is_(f.options[name], name)


def kept_of_mean(f: Said) -> None:
    f.is_(f.options["beta1"] if "beta1" in f.options else f.options["alpha"], "what is kept")


def kept_of_square(f: Said) -> None:
    f.is_(f.options["beta2"], "what is kept")


def new_gradient(f: Said) -> None:
    f.is_(1 - (f.options["beta1"] if "beta1" in f.options else f.options["alpha"]), "the weight of the new")


def new_square(f: Said) -> None:
    f.is_(1 - f.options["beta2"], "the weight of the new")


def decayed(f: Said) -> None:
    f.is_(_Update(f.a).g, "the gradient with decay")


def over_root(f: Said) -> None:
    u = _Update(f.a)
    if u.kind == "rmsprop":
        claim(not f.options["centered"], "not centered")
        f.is_(1.0 / (np.sqrt(u.made["square_average"]) + f.options["epsilon"]), "one over the root")
        return
    root = np.sqrt(u.made["second_moment"] / (1 - f.options["beta2"] ** u.t))
    f.is_(1.0 / (root + f.options["epsilon"]), "one over the root")


def over_root_of_sum(f: Said) -> None:
    f.is_(1.0 / (np.sqrt(_Update(f.a).made["square_sum"]) + f.options["epsilon"]), "one over the root of the sum")


def over_deviation_of_gradient(f: Said) -> None:
    u = _Update(f.a)
    spread = u.made["square_average"] - u.made["mean_gradient"] ** 2
    with np.errstate(all="ignore"):
        f.is_(1.0 / (np.sqrt(spread) + f.options["epsilon"]), "one over the deviation", 1e-3)


# -- losses ------------------------------------------------------------------------------------------------------------


def _p_and_y(f: Said) -> tuple[Array, Array]:
    prediction, target = _inputs(f.a)[:2]
    return prediction, target


def in_the_mean(f: Said) -> None:
    p, rule = _p_and_y(f)[0], f.a.taken.node.operation.type_name
    counts = {len(p), p.size, int(np.prod(p.shape[:-1]))}
    claim(any(np.isclose(abs(f.factor.number) * n, k) for n in counts for k in (0.5, 1.0, 2.0)), f"a mean in {rule}")


def difference(f: Said, cut_at: str | None) -> None:
    p, y = _p_and_y(f)
    limit = f.a.taken.node.operation.option_values.get("delta")
    claim((None if cut_at is None else float(cut_at)) == limit, "cut, and where")
    f.is_(p - y if cut_at is None else np.clip(p - y, -float(cut_at), float(cut_at)), "prediction minus target")


def less_half(f: Said) -> None:
    (p, y), limit = _p_and_y(f), f.a.taken.node.operation.option_values["delta"]
    f.is_(p - y - np.clip(p - y, -limit, limit) / 2, "less half of the cut one")


def log_of(f: Said, which: str) -> None:
    p, _ = _p_and_y(f)
    logits = f.a.taken.node.operation.type_name.endswith("logits")
    answer = p if which == "yes" else -p if logits else 1 - p
    with np.errstate(all="ignore"):
        f.is_(_log_sigmoid(answer) if logits else np.maximum(np.log(answer), -100.0), f"log of {which}")


def over_variance(f: Said) -> None:
    p, _ = _p_and_y(f)
    f.is_(1.0 / np.maximum(p * (1 - p), 1e-12), "one over p (1 - p)")


def predicted(f: Said, which: str) -> None:
    p, _ = _p_and_y(f)
    claim((which == "softmax") == (f.a.taken.node.operation.type_name == "softmax_cross_entropy"), "which function")
    f.is_(np.exp(_log_softmax(p) if which == "softmax" else _log_sigmoid(p)), "the probability")


def log_of_predicted(f: Said) -> None:
    f.is_(_log_softmax(_p_and_y(f)[0]), "log softmax")


def falls_short(f: Said) -> None:
    p, y = _p_and_y(f)
    f.is_(np.maximum(1 - p * y, 0), "the margin")


def while_short(f: Said) -> None:
    p, y = _p_and_y(f)
    f.is_((p * y < 1) * 1.0, "while it is short")


# -- the rest ----------------------------------------------------------------------------------------------------------


def of_window(f: Said, count: str) -> None:
    claim(int(count) == _pooled(f.a).shape[-1] * _pooled(f.a).shape[-2], "the size of the window")
    f.is_(1 / int(count), "one of them")


def _statistics(f: Said, group: str) -> tuple[Array, Array]:
    its(f.a, group)
    operation, x = f.a.taken.node.operation, f.a.operand("x")
    return group_mean(operation, x), group_deviation(operation, x)


def _says_mean(f: Said, mean: str, own: float, x: Array) -> None:
    if abs(own) > 1e-12 * np.abs(x).max():
        f.says(mean, own)
    else:  # what rounding has left
        claim(abs(float(mean)) <= 1e-12 * np.abs(x).max(), "no mean")


def x_hat(f: Said, mean: str, group: str, deviation: str) -> None:
    own, deviations = _statistics(f, group)
    f.says(deviation, float(deviations[f.at]))
    x = f.a.operand("x")
    _says_mean(f, mean, float(own[f.at]), x)
    size = np.abs(x).max() / deviations[f.at]
    wanted = (x[f.at] - own[f.at]) / deviations[f.at]
    claim(abs(f.factor.number - wanted) <= 1e-8 * max(size, 1.0), "x hat")


def over_deviation(f: Said, minus: str | None, group: str, deviation: str) -> None:
    _, deviations = _statistics(f, group)
    f.says(deviation, float(deviations[f.at]))
    f.is_((-1 if minus else 1) / deviations, "one over the deviation")


def mean_of_g(f: Said, what: str, group: str) -> None:
    its(f.a, group)
    operation, x = f.a.taken.node.operation, f.a.operand("x")
    g = f.a.up * spread(f.a, "weight")
    parts = g * x_hat_of(operation, x) if what == "g x hat" else g
    wanted = group_mean(operation, parts)[f.at]
    claim(abs(f.factor.number - wanted) <= 1e-8 * max(np.abs(parts).max(), 1e-12), "the mean of g")


def less_mean(f: Said, group: str, mean: str) -> None:
    own, _ = _statistics(f, group)
    x = f.a.operand("x")
    _says_mean(f, mean, float(own[f.at]), x)
    claim(abs(f.factor.number - (x - own)[f.at]) <= 1e-9 * max(np.abs(x).max(), 1.0), "x less the mean")


def momentum_over(f: Said, share: str, count: str, less: str | None) -> None:
    x, operation = f.a.operand("x"), f.a.taken.node.operation
    claim(float(share) == operation.momentum and int(count) == x.size // x.shape[1], "momentum, how many numbers")
    f.is_(operation.momentum / (int(count) - bool(less)), "its share")


def kept_of_running(f: Said) -> None:
    claim(isinstance(f.a.taken.node.operation, BatchNorm), "running statistics")
    f.is_(1 - f.a.taken.node.operation.momentum, "what is kept")


def _length(f: Said, unit: int) -> float:
    return float(np.linalg.norm(f.a.operand("direction")[unit]))


def over_length(f: Said, unit: str, length: str) -> None:
    f.says(length, _length(f, int(unit)))
    claim(int(unit) == f.a.at[0], "its unit")
    f.is_(1.0 / _length(f, int(unit)), "one over the length")


def unit_direction(f: Said) -> None:
    f.is_(f.a.operand("direction")[f.at] / _length(f, f.at[0]), "of length 1")


def minus_along(f: Said) -> None:
    unit = f.a.operand("direction")[f.a.at[0]] / _length(f, f.a.at[0])
    parts = f.a.up[f.a.at[0]] * unit
    claim(abs(f.factor.number + parts.sum()) <= 1e-9 * max(np.abs(parts).sum(), 1e-12), "minus the part along it")


def over_width(f: Said, width: str) -> None:
    heads = f.a.taken.node.operation.heads
    claim(int(width) == f.a.operand("query").shape[-1] // heads, "a head's width")
    f.is_(1 / np.sqrt(int(width)), "one over its root")


def own_rate(f: Said) -> None:
    f.is_(f.training.optimizer.options["learning_rate"], "the optimiser's rate")


def rise(f: Said, n: str, over: str) -> None:
    claim(int(n) == f.a.iteration + 1 and int(over) == f.training.schedule.options["warm_up"], "how far it has risen")
    f.is_(int(n) / (int(over) + 1), "its share")


def _t(f: Said) -> int:
    return int(f.a.iteration - f.training.schedule.options.get("warm_up", 0))


def cuts(f: Said, count: str, factor: str, every: str) -> None:
    options = f.training.schedule.options
    claim(float(factor) == options["factor"] and int(count) == _t(f) // options["every"], "how many, by what")
    claim(every == ("iteration" if options["every"] == 1 else f"{options['every']} iterations"), "how often")
    f.is_(float(factor) ** int(count), "the cuts")


def to_the_power(f: Said, factor: str, t: str) -> None:
    claim(float(factor) == f.training.schedule.options["factor"] and int(t) == _t(f), "factor and power")
    f.is_(float(factor) ** int(t), "the power")


def at_the_end(f: Said) -> None:
    f.is_(f.training.schedule.options["lowest"], "the lowest")


def how_far_down(f: Said) -> None:
    f.is_(f.training.optimizer.options["learning_rate"] - f.training.schedule.options["lowest"], "how far")


def left_of_way(f: Said, share: str) -> None:
    done = min(_t(f) / f.training.schedule.options["iterations"], 1.0)
    claim(abs(float(share) / 100 - done) < 0.006, "how much of it")
    f.is_((1 + np.cos(np.pi * done)) / 2, "what is left")


def of_itself(f: Said) -> None:
    claim(f.a.taken.node.output == f.a.taken.plan.loss, "the loss")
    f.is_(1.0, "1")


MEANINGS: tuple[tuple[str, Clause], ...] = (
    (r"", itself),
    (r"slope of (.+) at z(?:, (as typed|derived from the function))?", slope),
    (r"exponential of z", exponential),
    (r"the predicted probability, (softmax|sigmoid) of z", predicted),
    (r"(.+) of z", of_z),
    (r"derivative of h (\d+) by z (\d+)", of_softmax),
    (r"one over the sum of the exponentials", over_exponentials),
    (r"(half of )?the l([12]) penalty", penalty_of),
    (r"the size of the weight", size_of_weight),
    (r"the sign of the weight", sign_of_weight),
    (r"its share of the norm", share_of_norm),
    (r"limit (\S+) over the norm of all gradients, (\S+)", limit_over_norm),
    (r"1: the norm of all gradients, (\S+), is within the limit (\S+)", limit_not_reached),
    (r"the gradient, cut at (\S+)", cut_gradient),
    (r"mask: (dropped in this iteration|kept, and scaled by 1 / \(1 - rate\))", mask_of),
    (r"minus the learning rate", minus_rate),
    (r"minus the learning rate times the weight decay", minus_rate_decay),
    (r"minus the learning rate, corrected for update (\d+)", corrected_rate),
    (r"momentum", option("momentum")),
    (r"weight decay", option("weight_decay")),
    (r"what is kept of the mean", kept_of_mean),
    (r"what is kept of the mean square", kept_of_square),
    (r"the weight of the new gradient", new_gradient),
    (r"the weight of the new square", new_square),
    (r"the gradient with weight decay", decayed),
    (r"one over the root of the mean square", over_root),
    (r"one over the root of the sum of squares", over_root_of_sum),
    (r"one over the deviation of the gradient", over_deviation_of_gradient),
    (r"the weight of one element in the mean", in_the_mean),
    (r"prediction minus target(?:, cut at (\S+))?", difference),
    (r"the difference less half of the cut one", less_half),
    (r"the logarithm of the probability of (yes|no)", log_of),
    (r"one over its variance", over_variance),
    (r"the logarithm of the predicted probability", log_of_predicted),
    (r"how far the margin falls short of 1", falls_short),
    (r"1 while the margin is short, else 0", while_short),
    (r"one of the (\d+) numbers of a window", of_window),
    (r"x hat: x less (\S+), the mean of (.+), over the deviation (\S+)", x_hat),
    (r"(minus )?one over the deviation of (.+), (\S+)", over_deviation),
    (r"mean of (g, weight x upstream|g x hat), over (.+)", mean_of_g),
    (r"x less the mean of (.+), (\S+)", less_mean),
    (r"momentum (\S+) over (\d+) numbers( less one)?", momentum_over),
    (r"what is kept", kept_of_running),
    (r"one over the length of the direction of unit (\d+), (\S+)", over_length),
    (r"the direction, brought to length 1", unit_direction),
    (r"minus the part of the weights' gradient that lies along the direction", minus_along),
    (r"one over the root of a head's width, (\d+)", over_width),
    (r"the learning rate of the optimiser", own_rate),
    (r"iteration (\d+) of a rise over (\d+)", rise),
    (r"(\d+) cuts? by the factor (\S+), one every (iteration|\d+ iterations)", cuts),
    (r"the factor (\S+), to the power of (\d+)", to_the_power),
    (r"the rate at the end", at_the_end),
    (r"how far it goes down", how_far_down),
    (r"what is left of the way down after (\d+)% of it", left_of_way),
    (r"the derivative of the loss by itself", of_itself),
)


def check_meaning(asked: Asked, factor: Factor, words: str) -> None:
    """Raise FalseSentenceError where the words beside a factor are not so."""

    def holds(number: str, expected: Any) -> None:
        claim(number == "number", f"{number} is no factor")
        said.is_(expected, "what is claimed")

    said = Said(asked, factor)
    if isinstance(words, Told):
        at = asked.at if factor.value is None else factor.index
        said.at = at
        check_claim(asked, words, holds, at)
        return
    hold(MEANINGS, said, words, asked)
