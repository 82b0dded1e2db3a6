"""A reader of the words that say where a number came from: each sentence is a claim about arrays, held against them.

As tests/sentence_reader.py does for steps: each form of words stands once, with what it claims. Words that have no form
here are words that nobody can check, and fail as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests import normalizing
from tests.convolving import back_to_weight, back_to_x, slid
from tests.equation_reader import Bound
from tests.equation_reader import read as read_equation
from tests.normalizing import group_name, over_what_it_meets, spread_out, x_hat_of
from tests.refs import ref
from tests.sentence_reader import FalseSentenceError, Taken, claim, is_smooth
from tests.sentence_reader import _heads as heads_of
from tests.sentence_reader import _joined as joined
from tests.sentence_reader import _rows as rows_of
from tests.sentence_reader import _symbol as symbol_of
from visualbp.analysis.explain import Explanation
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.store import initial_parameters
from visualbp.initializers import initializers
from visualbp.operations.activations import activations
from visualbp.operations.losses import losses
from visualbp.operations.normalization import BatchNorm
from visualbp.optimizers.schedules import schedules

Clause = Callable[..., None]


@dataclass(frozen=True)
class Asked:
    """An explanation with the step that made its number as it was taken; for a source the last one taken."""

    found: Explanation
    taken: Taken
    inputs: Array
    targets: Array
    rows: Array
    iteration: int

    @property
    def at(self) -> tuple[int, ...]:
        return self.found.index

    @property
    def number(self) -> float:
        assert self.found.number is not None
        return self.found.number

    @property
    def options(self) -> dict[str, Any]:
        chosen = self.taken.plan.network.training.optimizer.options
        return {"momentum": 0.0, "weight_decay": 0.0, "nesterov": False, **chosen}

    def operand(self, name: str) -> Array:
        return self.taken.operand(name)

    @property
    def up(self) -> Array:
        return self.taken.upstream

    @property
    def to(self) -> str:
        """The name of the operand whose gradient the step gives."""
        return str(self.taken.node.operation.operand_name(self.taken.step.operand))

    def is_forward(self) -> bool:
        node = self.taken.step.node
        return node is not None and self.found.value in (node.output, *node.updates)

    def is_(self, expected: Any, what: str) -> None:
        """Claim that the number is the expected one, or that element of the expected array."""
        wanted = float(expected[self.at]) if np.ndim(expected) else float(expected)
        if not np.isfinite(self.number) or not np.isfinite(wanted):
            claim(self.number == wanted or (np.isnan(self.number) and np.isnan(wanted)), what)
            return
        size = max(abs(wanted), self.found.total.scale, 1e-12)
        claim(abs(self.number - wanted) <= 1e-7 * size, f"{what}: {wanted}, and it is {self.number}")

    def forward(self) -> None:
        claim(self.is_forward(), "of the way forward")

    def backward(self, *operands: str) -> None:
        claim(not self.is_forward(), "of the way back")
        claim(not operands or self.to in operands, f"the gradient of {' or '.join(operands)}")


# -- what no step of the iteration made --------------------------------------------------------------------------------


def of_data(a: Asked, what: str, sample: str, row: str | None, source: str) -> None:
    is_input = a.found.value == a.taken.plan.input
    claim(a.found.is_source and what == ("an input" if is_input else "a target"), "an input or a target")
    claim(int(sample) == a.at[0] and (row is None or int(row) == a.rows[a.at[0]]), "which sample, which row")
    a.is_((a.inputs if is_input else a.targets)[a.rows][a.at], "the number of the data")
    data = a.taken.plan.network.data
    claim(source == (data.source if data else "the data"), "the data")


def zero_slot(a: Asked) -> None:
    claim("/" in a.found.value.name and a.iteration == 0, "an array of the optimiser's, before any update")
    a.is_(0.0, "0")


def _start(a: Asked) -> float:
    return float(initial_parameters(a.taken.plan)[a.found.value][a.at])


def left(a: Asked, by: str, iteration: str, began: str | None) -> None:
    is_buffer = any(info.value == a.found.value for info in a.taken.plan.buffers)
    claim(by == ("forward pass" if is_buffer else "update") and int(iteration) == a.iteration - 1, "what left it")
    claim((began is None) == ("/" in a.found.value.name), "how it began")
    if began is not None:
        claim(_start(a) != a.number, "another number than at iteration 0")
        _began(a, began)


def as_it_began(a: Asked, began: str) -> None:
    claim(a.iteration > 0, "after iteration 0")
    a.is_(_start(a), "as it is at iteration 0")
    _began(a, began)


def kept(a: Asked, began: str) -> None:
    claim(_start(a) != a.number, "another number than at iteration 0")
    claim(a.iteration == 0 or _info(a).frozen, "no update has made it")
    _began(a, began)


def as_begun(clause: Clause) -> Clause:
    """Words on how a number began, said of the number itself."""

    def is_so(a: Asked, *groups: str) -> None:
        a.is_(_start(a), "as it is at iteration 0")
        claim(a.iteration == 0 or _info(a).frozen or clause is given, "as it began")
        clause(a, *groups)

    return is_so


def _began(a: Asked, began: str) -> None:
    for pattern, clause in _BEGAN:
        if (found := re.fullmatch(pattern, began)) is not None:
            clause(a, *found.groups())
            return
    raise FalseSentenceError(f"nobody can check how it began: {began}")


def _info(a: Asked) -> Any:
    return next(info for info in a.taken.plan.lasting if info.value == a.found.value)


def given(a: Asked) -> None:
    parameters = a.taken.plan.network.parameters.get(a.found.value.layer, {})
    claim(parameters.get(a.found.value.name) is not None, "given")


def computed_from(a: Asked, roles: str) -> None:
    plan, layer = a.taken.plan, a.found.value.layer
    own = [info.value.name for info in plan.lasting if info.value.layer == layer]
    claim(_info(a).spec.initial is not None, "computed as the layer began")
    claim(roles.split(" and ") == own[: own.index(a.found.value.name)], "from those before it")
    if "gain" in a.found.value.name:
        direction = initial_parameters(plan)[ref(layer, a.found.value.name.replace("gain", "direction"))]
        claim(np.isclose(_start(a), np.linalg.norm(direction[a.at[0]])), "the length of its direction")


def set_by(a: Asked, label: str) -> None:
    entry = initializers.get(_info(a).spec.initializer.type)
    claim(entry.label == label and entry.type_name in ("zeros", "constant"), "the initialiser")
    claim(entry.type_name != "zeros" or _start(a) == 0.0, "0")


def drawn(a: Asked, label: str, seed: str, fan_in: str, fan_out: str, other: str | None) -> None:
    spec = _info(a).spec
    claim(initializers.get(spec.initializer.type).label == label, "the initialiser")
    claim(int(seed) == a.taken.plan.network.seed, "the seed")
    claim(initializers.get(spec.initializer.type).type_name not in ("zeros", "constant"), "drawn")
    inside = int(np.prod(spec.shape[2:])) if len(spec.shape) > 2 else 1
    wanted = (spec.shape[-1 if len(spec.shape) < 3 else 1] * inside, spec.shape[0] * inside)
    claim((int(fan_in), int(fan_out)) == wanted, "the fans")
    claim(other == (spec.drawn_as or None), "the numbers of another")


_BEGAN: tuple[tuple[str, Clause], ...] = (
    (r"given, in the file or by hand", given),
    (r"computed from (.+) as the layer began", computed_from),
    (r"set by the initialiser (.+)", set_by),
    (r"drawn from (.+?) with seed (\d+) \(fan_in (\d+), fan_out (\d+)\)(?:, with the numbers that (.+) would have)?",
     drawn),
)  # fmt: skip


# -- steps without a node ----------------------------------------------------------------------------------------------


def all_paths(a: Asked) -> None:
    claim(a.taken.step.operation == "accumulate", "a sum over paths")
    a.is_(np.sum([a.taken.before[part] for part in a.taken.step.reads], axis=0), "all paths added up")


def own_time(a: Asked) -> None:
    claim(a.taken.step.operation == "gather", "put together from time steps")
    a.is_(np.stack([a.taken.before[part] for part in a.taken.step.reads], 1), "its time step")


def penalty(a: Asked) -> None:
    claim(a.taken.step.operation == "penalty", "a penalty")
    training, weights = a.taken.plan.network.training, [a.taken.before[value] for value in a.taken.step.reads]
    every = [info.value for info in a.taken.plan.parameters if info.spec.penalised]
    claim(set(a.taken.step.reads) == set(every), "every weight")
    size = sum(float((w**2).sum()) * training.l2 / 2 + float(np.abs(w).sum()) * training.l1 for w in weights)
    a.is_(size, "the penalty")


def penalty_gradient(a: Asked) -> None:
    training, (weight, gradient) = a.taken.plan.network.training, a.taken.step.reads
    w, g = a.taken.before[weight], a.taken.before[gradient]
    claim(a.taken.step.operation == "penalty", "a penalty")
    a.is_(g + training.l2 * w + training.l1 * np.sign(w), "both gradients")


def all_norms(a: Asked) -> None:
    squares = [float((a.taken.before[value] ** 2).sum()) for value in a.taken.step.reads]
    a.is_(np.sqrt(sum(squares)), "the root of the sum of squares")
    claim(not a.at, "one number")


def cut(a: Asked, low: str, high: str) -> None:
    claim(float(low) == -float(high), "both ends")
    a.is_(np.clip(a.taken.before[a.found.value], float(low), float(high)), "cut")


def _clip_scale(a: Asked) -> float:
    clip = a.taken.plan.network.training.clip
    claim(clip is not None and clip.by == "norm", "clipped by the norm")
    squares = [float((a.taken.before[value] ** 2).sum()) for value in a.taken.step.reads]
    return min(1.0, clip.limit / (float(np.sqrt(sum(squares))) + 1e-6))


def scaled_down(a: Asked) -> None:
    scale = _clip_scale(a)
    claim(scale < 1.0, "scaled down")
    a.is_(a.taken.before[a.found.value] * scale, "scaled down")


def not_clipped(a: Asked) -> None:
    claim(_clip_scale(a) == 1.0, "the limit is not reached")
    a.is_(a.taken.before[a.found.value], "unchanged")


def rising(a: Asked) -> None:
    training = a.taken.plan.network.training
    warm_up = training.schedule.options["warm_up"]
    claim(a.iteration < warm_up, "still rising")
    a.is_(training.optimizer.options["learning_rate"] * (a.iteration + 1) / (warm_up + 1), "rising")


def scheduled(a: Asked, label: str) -> None:
    training = a.taken.plan.network.training
    claim(label == schedules.get(training.schedule.type).label.lower(), "the schedule")
    claim(a.taken.step.operation == "schedule", "a rate")
    options, initial = training.schedule.options, training.optimizer.options["learning_rate"]
    t = a.iteration - options.get("warm_up", 0)
    claim(t >= 0, "after the warm-up")
    match training.schedule.type:
        case "step":
            a.is_(initial * options["factor"] ** (t // options["every"]), "the rate")
        case "exponential":
            a.is_(initial * options["factor"] ** t, "the rate")
        case "cosine":
            low, done = options["lowest"], min(t / options["iterations"], 1.0)
            a.is_(low + (initial - low) * (1 + np.cos(np.pi * done)) / 2, "the rate")
        case _:
            a.is_(initial, "the rate")


# -- updates -----------------------------------------------------------------------------------------------------------


class _Update:
    """The arrays of an update at the element, by the letters of the papers."""

    def __init__(self, a: Asked) -> None:
        step, before, after = a.taken.step, a.taken.before, a.taken.after
        claim(step.operation == "update", "an update")
        self.slot, _, _role = a.found.value.name.rpartition("/")
        self.is_parameter = a.found.value == step.writes[0]
        self.w = float(before[step.writes[0]][a.at])
        self.plain = float(before[step.reads[1]][a.at])
        self.g = self.plain + a.options["weight_decay"] * self.w
        self.last = float(before[a.found.value][a.at])
        slots = {value.name.partition("/")[0]: value for value in step.writes[1:]}
        self.made = {name: float(after[value][a.at]) for name, value in slots.items()}
        rates = [value for value in step.reads if not value.layer and "rate" in value.name]
        self.rate = float(before[rates[0]]) if rates else a.options["learning_rate"]
        self.kind = a.taken.plan.network.training.optimizer.type
        self.t = a.iteration + 1

    def of(self, *kinds: str) -> None:
        claim(self.kind in kinds, f"the optimiser is {self.kind}")

    def parameter(self) -> None:
        claim(self.is_parameter, "a parameter")

    def array(self, *names: str) -> None:
        claim(self.slot in names, f"{' or '.join(names)}")


def kept_velocity(a: Asked) -> None:
    u = _Update(a)
    u.of("sgd")
    u.array("velocity")
    a.is_(a.options["momentum"] * u.last + u.g, "the velocity")


def kept_scaled(a: Asked) -> None:
    u = _Update(a)
    u.of("rmsprop")
    u.array("velocity")
    a.is_(a.options["momentum"] * u.last + u.g / _deviation(a, u), "the velocity")


def _deviation(a: Asked, u: _Update) -> float:
    mean = u.made["mean_gradient"] if a.options["centered"] else 0.0
    return float(np.sqrt(u.made["square_average"] - mean**2)) + a.options["epsilon"]


def less_gradient(a: Asked) -> None:
    u = _Update(a)
    u.of("sgd")
    u.parameter()
    claim(not a.options["momentum"], "no momentum")
    a.is_(u.w - u.rate * u.g, "less the gradient")


def less_velocity(a: Asked) -> None:
    u = _Update(a)
    u.of("sgd", "rmsprop")
    u.parameter()
    claim(bool(a.options["momentum"]), "momentum")
    a.is_(u.w - u.rate * u.made["velocity"], "less the velocity")


def look_ahead(a: Asked) -> None:
    u = _Update(a)
    u.of("sgd")
    u.parameter()
    a.is_(u.w - u.rate * (a.options["momentum"] * u.made["velocity"] + u.g), "momentum x velocity + gradient")


def running_mean(a: Asked) -> None:
    u = _Update(a)
    u.array("first_moment", "mean_gradient")
    share = a.options["beta1"] if "beta1" in a.options else a.options["alpha"]
    a.is_(share * u.last + (1 - share) * (u.plain if u.kind == "adamw" else u.g), "the running mean")


def running_square(a: Asked) -> None:
    u = _Update(a)
    u.array("second_moment", "square_average")
    share = a.options["beta2"] if "beta2" in a.options else a.options["alpha"]
    a.is_(share * u.last + (1 - share) * (u.plain if u.kind == "adamw" else u.g) ** 2, "the running mean square")


def _mean_step(a: Asked, u: _Update) -> float:
    m_hat = u.made["first_moment"] / (1 - a.options["beta1"] ** u.t)
    v_hat = u.made["second_moment"] / (1 - a.options["beta2"] ** u.t)
    return float(u.rate * m_hat / (np.sqrt(v_hat) + a.options["epsilon"]))


def along_mean(a: Asked) -> None:
    u = _Update(a)
    u.of("adam", "adamw")
    u.parameter()
    claim(u.kind == "adam" or not a.options["weight_decay"], "no decay beside it")
    a.is_(u.w - _mean_step(a, u), "less a step along the mean")


def pulled_along_mean(a: Asked) -> None:
    u = _Update(a)
    u.of("adamw")
    u.parameter()
    claim(a.options["weight_decay"] > 0, "a pull towards 0")
    a.is_(u.w * (1 - u.rate * a.options["weight_decay"]) - _mean_step(a, u), "pulled, less a step along the mean")


def square_sum(a: Asked) -> None:
    u = _Update(a)
    u.of("adagrad")
    u.array("square_sum")
    a.is_(u.last + u.g**2, "the sum of squares")


def less_by_history(a: Asked) -> None:
    u = _Update(a)
    u.of("adagrad")
    u.parameter()
    a.is_(u.w - u.rate * u.g / (np.sqrt(u.made["square_sum"]) + a.options["epsilon"]), "less the more came before")


def to_usual_size(a: Asked) -> None:
    u = _Update(a)
    u.of("rmsprop")
    u.parameter()
    claim(not a.options["momentum"], "no momentum")
    a.is_(u.w - u.rate * u.g / _deviation(a, u), "scaled to its usual size")


# -- affine, and what joins --------------------------------------------------------------------------------------------


def weighted(a: Asked, bias: str | None) -> None:
    a.forward()
    claim((bias is not None) == (len(a.taken.node.operands) == 3), "a bias or none")
    a.is_(a.operand("x") @ a.operand("weight").T + (a.operand("bias") if bias else 0.0), "x W^T + b")


def fed_units(a: Asked) -> None:
    a.backward("x")
    a.is_(a.up @ a.operand("weight"), "W^T delta")


def own_unit(a: Asked) -> None:
    a.backward("bias")
    a.is_(rows_of(a.up).sum(0), "summed over the batch")


def own_unit_times_input(a: Asked) -> None:
    a.backward("weight")
    a.is_(rows_of(a.up).T @ rows_of(a.operand("x")), "delta x^T, summed")


def _inputs(a: Asked) -> list[Array]:
    return [a.taken.value(value) for value in a.taken.node.operands]


def added(a: Asked) -> None:
    a.forward()
    a.is_(np.sum(_inputs(a), axis=0), "added up")


def passed_on(a: Asked) -> None:
    a.backward()
    claim(a.taken.node.operation.name == "add", "added, so that its derivative is 1")
    a.is_(a.up, "unchanged")


def multiplied(a: Asked) -> None:
    a.forward()
    a.is_(np.prod(_inputs(a), axis=0), "multiplied")


def times_others(a: Asked) -> None:
    a.backward()
    others = [array for place, array in enumerate(_inputs(a)) if place != a.taken.step.operand]
    a.is_(np.prod([a.up, *others], axis=0), "times the others")


def taken_over_from(a: Asked, layer: str) -> None:
    a.forward()
    claim(a.taken.node.operation.name == "concatenate", "side by side")
    place = a.at[1]
    for value, array in zip(a.taken.node.operands, _inputs(a), strict=True):
        if place < array.shape[1]:
            claim(value.layer == layer, "which layer")
            a.is_(array[(a.at[0], place, *a.at[2:])], "taken over")
            return
        place -= array.shape[1]
    raise FalseSentenceError("no such place")


def own_part(a: Asked) -> None:
    a.backward()
    start = sum(array.shape[1] for array in _inputs(a)[: a.taken.step.operand])
    claim(a.taken.node.operation.name == "concatenate", "side by side")
    a.is_(a.up[(a.at[0], a.at[1] + start, *a.at[2:])], "its own part")


def new_layout(a: Asked) -> None:
    a.forward()
    claim(a.taken.node.operation.name == "flatten", "laid out")
    a.is_(a.operand("x").reshape(len(a.operand("x")), -1), "in another layout")


def old_layout(a: Asked) -> None:
    a.backward()
    claim(a.taken.node.operation.name == "flatten", "laid out")
    a.is_(a.up.reshape(a.operand("x").shape), "in the old layout")


def masked(a: Asked) -> None:
    a.forward()
    a.is_(a.operand("x") * a.taken.mask, "times the mask")


def masked_back(a: Asked) -> None:
    a.backward()
    a.is_(a.up * a.taken.mask, "times the same mask")


# -- activations and losses --------------------------------------------------------------------------------------------


def _applied(a: Asked, points: Array) -> Array:
    operation = a.taken.node.operation
    latex = operation.equation(symbol_of("H", a.taken.output), [symbol_of("Z", a.operand("z"))])
    return read_equation(latex, {"H": Bound(np.empty_like(points), True), "Z": Bound(points, True)})["H"]


def applied(a: Asked, label: str) -> None:
    a.forward()
    claim(activations.get(a.taken.node.operation.type_name).label == label, "another function")
    wanted = _applied(a, a.operand("z"))
    claim(abs(wanted[a.at] - a.number) < 1e-8 * max(1.0, abs(a.number)), "the function of z")


def times_slope(a: Asked, label: str) -> None:
    a.backward()
    claim(activations.get(a.taken.node.operation.type_name).label == label, "another function")
    z = a.operand("z")
    nudge = 1e-6 * np.maximum(np.abs(z), 1.0)
    below, here, above = (_applied(a, z + times * nudge) for times in (-1, 0, 1))
    if is_smooth(below, here, above, nudge)[a.at]:
        measured = ((above - below) / (2 * nudge))[a.at]
        up = a.up[a.at]
        claim(abs(up * measured - a.number) <= 1e-4 * max(abs(a.number), abs(up)), "times the slope")


def softmax(a: Asked) -> None:
    a.forward()
    z = a.operand("z")
    shares = np.exp(z - z.max(-1, keepdims=True))
    a.is_(shares / shares.sum(-1, keepdims=True), "over the sum of the row")


def softmax_back(a: Asked) -> None:
    a.backward()
    h = a.taken.output
    a.is_(h * (a.up - (a.up * h).sum(-1, keepdims=True)), "over the whole row")


def _log_sigmoid(z: Array) -> Array:
    return -np.logaddexp(0.0, -z)


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _huber(p: Array, y: Array, rule: Any) -> Array:
    off, limit = np.abs(p - y), rule.option_values["delta"]
    return np.where(off <= limit, off**2 / 2, limit * (off - limit / 2))


_PARTS: dict[str, Callable[[Array, Array, Any], Array]] = {
    "mean_squared_error": lambda p, y, rule: (p - y) ** 2,
    "half_squared_error": lambda p, y, rule: (p - y) ** 2 / 2,
    "mean_absolute_error": lambda p, y, rule: np.abs(p - y),
    "huber": _huber,
    "binary_cross_entropy": lambda p, y, rule: -(y * np.log(p) + (1 - y) * np.log(1 - p)),
    "binary_cross_entropy_with_logits": lambda z, y, rule: -(y * _log_sigmoid(z) + (1 - y) * _log_sigmoid(-z)),
    "softmax_cross_entropy": lambda z, y, rule: -y * _log_softmax(z),
    "cross_entropy": lambda p, y, rule: -np.where(y == 0, 0, y * np.log(p)),
    "kl_divergence": lambda p, y, rule: np.where(y == 0, 0, y * np.log(np.where(y == 0, 1, y) / p)),
    "hinge": lambda p, y, rule: np.maximum(0, 1 - y * p),
}


def _loss(a: Asked, prediction: Array) -> float:
    rule = a.taken.node.operation
    parts = _PARTS[rule.type_name](prediction, _inputs(a)[1], rule)
    per_row = rule.type_name in ("softmax_cross_entropy", "cross_entropy")
    count = np.prod(parts.shape[:-1]) if per_row else parts.size
    per_sample = rule.type_name in ("half_squared_error", "kl_divergence")
    return float(parts.sum() / (len(parts) if per_sample else count))


def one_part_each(a: Asked, label: str) -> None:
    a.forward()
    claim(losses.get(a.taken.node.operation.type_name).label.lower() == label.lower(), "the loss")
    claim(a.found.total.count % _inputs(a)[0].size == 0, "one part from each output of each sample")
    a.is_(_loss(a, _inputs(a)[0]), "the parts added up")


def derivative_of_loss(a: Asked, label: str, difference: str | None) -> None:
    a.backward()
    rule, prediction = a.taken.node.operation, _inputs(a)[0]
    claim(losses.get(rule.type_name).label.lower() == label.lower(), "the loss")
    nudge = np.zeros_like(prediction)
    nudge[a.at] = 1e-6
    measured = (_loss(a, prediction + nudge) - _loss(a, prediction - nudge)) / 2e-6
    claim(abs(measured - a.number) < 1e-4 * max(abs(a.number), 1e-3) or _at_a_corner(a), "the derivative")
    if difference is not None:
        y = _inputs(a)[1]
        answer = np.exp(_log_softmax(prediction) if "softmax" in rule.type_name else _log_sigmoid(prediction))
        off = (answer * y.sum(-1, keepdims=True) if "softmax" in rule.type_name else answer) - y
        claim(off[a.at] == 0 or a.number / off[a.at] > 0, "predicted minus target")
        claim(abs(a.number * off.size - off[a.at]) < 1e-6 or off[a.at] == 0 or a.number != 0, "their difference")


def _at_a_corner(a: Asked) -> bool:
    rule, (p, y) = a.taken.node.operation, _inputs(a)[:2]
    match rule.type_name:
        case "mean_absolute_error":
            return bool(abs(p[a.at] - y[a.at]) < 1e-5)
        case "hinge":
            return bool(abs(1 - p[a.at] * y[a.at]) < 1e-5)
        case "binary_cross_entropy" | "cross_entropy" | "kl_divergence":
            return bool(p[a.at] < 1e-3 or p[a.at] > 1 - 1e-3)
    return False


# -- images ------------------------------------------------------------------------------------------------------------


def under_filter(a: Asked, bias: str | None) -> None:
    a.forward()
    claim((bias is not None) == (len(a.taken.node.operands) == 3), "a bias or none")
    operands = [a.operand(name) for name in (("x", "weight", "bias") if bias else ("x", "weight"))]
    a.is_(slid(a.taken.node.operation, *operands), "the window times the filter")


def met_under_weight(a: Asked) -> None:
    a.backward("weight")
    met = back_to_weight(a.taken.node.operation, a.up, a.operand("x"), a.operand("weight"))
    a.is_(met, "times what lay under the weight")


def own_filter(a: Asked) -> None:
    a.backward("bias")
    a.is_(a.up.sum((0, *range(2, a.up.ndim))), "summed over all places")


def windows_it_was_in(a: Asked) -> None:
    a.backward("x")
    back = back_to_x(a.taken.node.operation, a.up, a.operand("x"), a.operand("weight"))
    a.is_(back, "the windows that it was in")


def _pooled(a: Asked) -> Array:
    kernel, stride = a.taken.node.operation.kernel, a.taken.node.operation.stride
    return sliding_window_view(a.operand("x"), (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


def largest(a: Asked, count: str, row: str, column: str) -> None:
    a.forward()
    windows = _pooled(a)
    claim(int(count) == windows.shape[-1] * windows.shape[-2], "the size of the window")
    a.is_(windows.max((-1, -2)), "the largest")
    a.is_(a.operand("x")[a.at[0], a.at[1], int(row), int(column)], "the number at that place")
    stride = a.taken.node.operation.stride
    inside = (int(row) - a.at[2] * stride, int(column) - a.at[3] * stride)
    claim(all(0 <= place < a.taken.node.operation.kernel for place in inside), "a place of its window")


def windows_won(a: Asked) -> None:
    a.backward()
    windows, operation, wanted = _pooled(a), a.taken.node.operation, np.zeros_like(a.operand("x"))
    flat = windows.reshape(*windows.shape[:4], -1).argmax(-1)
    for n, c, i, j in np.ndindex(flat.shape):
        row, column = divmod(int(flat[n, c, i, j]), operation.kernel)
        wanted[n, c, i * operation.stride + row, j * operation.stride + column] += a.up[n, c, i, j]
    a.is_(wanted, "the windows that it won")


def mean_of_window(a: Asked) -> None:
    a.forward()
    a.is_(_pooled(a).mean((-1, -2)), "the mean")


def equal_share(a: Asked) -> None:
    a.backward()
    operation, wanted = a.taken.node.operation, np.zeros_like(a.operand("x"))
    for i, j in np.ndindex(a.up.shape[2:]):
        rows = slice(i * operation.stride, i * operation.stride + operation.kernel)
        columns = slice(j * operation.stride, j * operation.stride + operation.kernel)
        wanted[:, :, rows, columns] += a.up[:, :, i, j, None, None] / operation.kernel**2
    a.is_(wanted, "an equal share")


# -- normalisation -----------------------------------------------------------------------------------------------------


def its(a: Asked, group: str) -> None:
    """Hold that this is what shares a mean."""
    operation, rank = a.taken.node.operation, a.operand("x").ndim
    words = group_name(operation, rank)
    if isinstance(operation, BatchNorm):
        words += " over the batch"
    elif words == "group":
        words += " of channels" if rank > 2 else " of units"
    claim(group == f"its {words}", f"its {words}")


def spread(a: Asked, name: str) -> Array:
    return spread_out(a.taken.node.operation, a.operand(name), a.operand("x").ndim)


def x_hat(a: Asked, group: str) -> None:
    a.forward()
    its(a, group)
    hat = x_hat_of(a.taken.node.operation, a.operand("x"))
    a.is_(spread(a, "weight") * hat + spread(a, "bias"), "x hat times the weight, plus the bias")


def shifted(a: Asked) -> None:
    a.backward("bias")
    a.is_(over_what_it_meets(a.taken.node.operation, a.up, a.operand("bias")), "all that it shifts")


def scaled(a: Asked) -> None:
    a.backward("weight")
    product = a.up * x_hat_of(a.taken.node.operation, a.operand("x"))
    a.is_(over_what_it_meets(a.taken.node.operation, product, a.operand("weight")), "all that it scales")


def less_mean_and_deviation(a: Asked, group: str) -> None:
    a.backward("x")
    its(a, group)
    back = normalizing.back_to_x(a.taken.node.operation, a.up, a.operand("x"), a.operand("weight"))
    a.is_(back, "less the mean and the deviation")


def running(a: Asked, name: str, again: str, group: str) -> None:
    a.forward()
    its(a, group)
    x, share = a.operand("x"), a.taken.node.operation.momentum
    axes = (0, *range(2, x.ndim))
    place = a.taken.node.updates.index(a.found.value)
    claim(name == again == ("mean", "variance")[place], "mean or variance")
    own = x.mean(axes) if place == 0 else x.var(axes, ddof=1)
    a.is_((1 - share) * a.taken.before[a.found.value] + share * own, f"the running {name}")


def _direction(a: Asked) -> tuple[Array, Array]:
    rows = a.operand("direction")
    length = np.linalg.norm(rows.reshape(len(rows), -1), axis=1).reshape(-1, *[1] * (rows.ndim - 1))
    return rows / length, length


def to_length_1(a: Asked) -> None:
    a.forward()
    a.is_(a.operand("gain") * _direction(a)[0], "gain times direction")


def along_direction(a: Asked) -> None:
    a.backward("gain")
    unit, _ = _direction(a)
    a.is_((unit * a.up).reshape(len(unit), -1).sum(1)[a.at[0]], "along the direction")


def across_direction(a: Asked) -> None:
    a.backward("direction")
    unit, length = _direction(a)
    along = (unit * a.up).reshape(len(unit), -1).sum(1).reshape(length.shape)
    a.is_((a.up - along * unit) * a.operand("gain") / length, "less the part along it")


# -- sequences ---------------------------------------------------------------------------------------------------------


def _place_words(place: tuple[int, ...]) -> str:
    return f"sample {place[0]}" + (f", position {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")


def looked_up(a: Asked, place: str, name: str, row: str) -> None:
    a.forward()
    *leading, unit = a.at
    claim(place == _place_words(tuple(leading)) and name == row, "which place")
    claim(int(row) == int(a.operand("x")[tuple(leading)]), "which class")
    a.is_(a.operand("weight")[int(row), unit], "that row of W")


def all_places_of_class(a: Asked, name: str) -> None:
    a.backward("weight")
    claim(int(name) == a.at[0], "its class")
    chosen = a.operand("x").astype(int).reshape(-1) == int(name)
    a.is_(rows_of(a.up)[chosen, a.at[1]].sum(), "every place of the class")


def first_time_step(a: Asked) -> None:
    a.forward()
    claim(len(a.taken.node.operands) == 4, "no state before it")
    a.is_(a.operand("x") @ a.operand("weight_input").T + a.operand("bias"), "W input x + b")


def _is_state(a: Asked, words: str) -> None:
    """Claim that what a time step meets beside its input is called what it is."""
    value, time = a.taken.node.operands[4], a.taken.node.output.time
    is_before = a.taken.plan.resolve(value) == a.taken.plan.resolve(Ref(a.taken.node.layer, "h", time - 1))
    claim(words == ("the state after the step before" if is_before else value.text), "the state")


def later_time_step(a: Asked, state_words: str) -> None:
    a.forward()
    _is_state(a, state_words)
    state = a.operand("h") @ a.operand("weight_hidden").T
    a.is_(a.operand("x") @ a.operand("weight_input").T + state + a.operand("bias"), "inputs and state")


def sent_back(a: Asked, which: str) -> None:
    a.backward("x" if which == "this time step" else "h")
    a.is_(a.up @ a.operand("weight_input" if a.to == "x" else "weight_hidden"), "sent back")


def met_in_batch(a: Asked, what: str) -> None:
    is_input = what == "what came in at this time step"
    a.backward("weight_input" if is_input else "weight_hidden")
    if not is_input:
        _is_state(a, what)
    a.is_(a.up.T @ a.operand("x" if is_input else "h"), "times what it met")


def start_state(a: Asked) -> None:
    a.forward()
    a.is_(0.0, "0")


def _columns(a: Asked) -> slice:
    operation, units = a.taken.node.operation, a.taken.output.shape[1]
    return slice(operation.place * units, (operation.place + 1) * units)


def own_gate(a: Asked, how: str) -> None:
    a.forward()
    claim((len(_inputs(a)) > 1) == (how == "added up"), "how many")
    a.is_(np.sum([array[:, _columns(a)] for array in _inputs(a)], axis=0), "its part")


def of_another_gate(a: Asked, place: str) -> None:
    a.backward()
    claim(a.at[1] // a.taken.output.shape[1] + 1 == int(place) != a.taken.node.operation.place + 1, "another gate")
    a.is_(0.0, "0")


def to_own_gate(a: Asked) -> None:
    a.backward()
    wanted = np.zeros_like(_inputs(a)[0])
    wanted[:, _columns(a)] = a.up
    claim(_columns(a).start <= a.at[1] < _columns(a).stop, "its own part")
    a.is_(wanted, "unchanged")


def cell_state(a: Asked) -> None:
    a.forward()
    f, c, i, g = (a.operand(name) for name in ("forget", "cell", "input", "candidate"))
    a.is_(f * c + i * g, "kept and taken in")


def times_partner(a: Asked, partner: str) -> None:
    a.backward()
    place = {0: 1, 1: 0, 2: 3, 3: 2}[a.taken.step.operand]
    claim(a.taken.node.operation.name == "cell_state", "of a cell")
    claim(a.taken.node.operands[place].text == partner, "its partner")
    a.is_(a.up * _inputs(a)[place], "times its partner")


def updated_state(a: Asked) -> None:
    a.forward()
    u, n, h = (a.operand(name) for name in ("update", "candidate", "h"))
    a.is_(u * h + (1 - u) * n, "kept and new")


def times_gate(a: Asked, rest: str | None) -> None:
    a.backward("candidate" if rest else "h")
    u = a.operand("update")
    a.is_(a.up * (1 - u if rest else u), "times the gate")


def times_distance(a: Asked) -> None:
    a.backward("update")
    a.is_(a.up * (a.operand("h") - a.operand("candidate")), "times the distance")


def no_state(a: Asked) -> None:
    a.backward("weight_hidden")
    claim(len(a.taken.node.operands) == 4, "no state")
    a.is_(0.0, "no part")


def own_unit_in_time(a: Asked) -> None:
    a.backward("bias")
    claim(a.taken.node.operation.name != "affine", "of a time step")
    a.is_(a.up.sum(0), "summed over the batch")


def out_of_sequence(a: Asked, time: str) -> None:
    a.forward()
    claim(a.taken.node.operation.index == int(time), "which time step")
    a.is_(a.operand("x")[:, int(time)], "that time step")


def of_another_time(a: Asked, time: str) -> None:
    a.backward()
    claim(a.taken.node.operation.index == int(time) != a.at[1], "another time step")
    a.is_(0.0, "0")


def at_its_time(a: Asked) -> None:
    a.backward()
    claim(a.at[1] == a.taken.node.operation.index, "its time step")
    a.is_(a.up[(a.at[0], *a.at[2:])], "unchanged")


def from_time(a: Asked, time: str) -> None:
    a.forward()
    claim(int(time) == a.at[1], "which time step")
    a.is_(_inputs(a)[int(time)][(a.at[0], *a.at[2:])], "taken over")


def back_at_time(a: Asked, time: str) -> None:
    a.backward()
    claim(int(time) == a.taken.step.operand, "which time step")
    a.is_(a.up[:, int(time)], "unchanged")


def fits(a: Asked, asking: str, asked: str, head: str | None) -> None:
    a.forward()
    query, key = heads_of(a.taken, a.operand("query")), heads_of(a.taken, a.operand("key"))
    claim((int(asking), int(asked)) == a.at[2:], "which positions")
    claim((head is None) == (query.shape[1] == 1) and (head is None or int(head) == a.at[1]), "which head")
    a.is_(query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]), "how well they fit")


def scores_back(a: Asked, which: str) -> None:
    a.backward("query" if which == "keys" else "key")
    other = heads_of(a.taken, a.operand("key" if a.to == "query" else "query"))
    up = a.up if a.to == "query" else a.up.swapaxes(-1, -2)
    a.is_(joined(up @ other) / np.sqrt(other.shape[-1]), f"times the {which}")


def closed(a: Asked) -> None:
    a.forward()
    claim(a.at[-1] > a.at[-2], "a later position")
    a.is_(-np.inf, "minus infinity")


def may_look(a: Asked) -> None:
    a.forward()
    claim(a.at[-1] <= a.at[-2], "itself or back")
    a.is_(a.operand("scores"), "its score")


def closed_back(a: Asked) -> None:
    a.backward()
    claim(a.at[-1] > a.at[-2], "closed")
    a.is_(0.0, "0")


def open_back(a: Asked) -> None:
    a.backward()
    claim(a.at[-1] <= a.at[-2], "open")
    a.is_(a.up, "unchanged")


def mixed(a: Asked, position: str) -> None:
    a.forward()
    claim(int(position) == a.at[1], "which position")
    a.is_(joined(a.operand("attention") @ heads_of(a.taken, a.operand("value"))), "the values mixed")


def mix_to_attention(a: Asked, position: str, asked: str) -> None:
    a.backward("attention")
    claim((int(position), int(asked)) == a.at[2:], "which positions")
    a.is_(heads_of(a.taken, a.up) @ heads_of(a.taken, a.operand("value")).swapaxes(-1, -2), "times the value")


def mix_to_value(a: Asked, position: str) -> None:
    a.backward("value")
    claim(int(position) == a.at[1], "which position")
    a.is_(joined(a.operand("attention").swapaxes(-1, -2) @ heads_of(a.taken, a.up)), "as much as it is attended to")


_LOCAL = r"upstream x local: "
_LESS = r"what it was, less the learning rate times "
_SUMMED = r", summed over the batch"
RULES: tuple[tuple[str, Clause], ...] = (
    (r"(an input|a target): sample (\d+) of the batch(?:, row (\d+) of the data)? \((.+)\)", of_data),
    (r"0, as it is before the first update", zero_slot),
    (r"left by the (forward pass|update) of iteration (\d+)(?:; at iteration 0 it is (.+))?", left),
    (r"as it is at iteration 0: (.+)", as_it_began),
    (r"kept from before the network was changed; at iteration 0 it is (.+)", kept),
    *((pattern, as_begun(clause)) for pattern, clause in _BEGAN),
    (r"what comes back on every path, added up: the chain rule for several variables", all_paths),
    (r"what comes back at its time step", own_time),
    (r"a part from every weight of every layer, added up", penalty),
    (r"the gradient of the loss, and that of the penalty", penalty_gradient),
    (r"the root of the sum of the squares of all gradients: each adds g times g / norm", all_norms),
    (r"the gradient before clipping, cut to between (\S+) and (\S+)", cut),
    (r"the gradient before clipping, scaled down", scaled_down),
    (r"the gradient before clipping, unchanged", not_clipped),
    (r"the learning rate of the optimiser, to which the warm-up is still rising", rising),
    (r"set by the schedule \((.+)\)", scheduled),
    (r"what is kept of the last velocity, and the gradient", kept_velocity),
    (r"what is kept of the last velocity, and the scaled gradient", kept_scaled),
    (_LESS + r"the gradient", less_gradient),
    (_LESS + r"the velocity", less_velocity),
    (_LESS + r"\(momentum x velocity \+ gradient\)", look_ahead),
    (_LESS + r"the gradient, which counts less the more came before it", less_by_history),
    (_LESS + r"the gradient, scaled to its usual size", to_usual_size),
    (r"the running mean of the gradient", running_mean),
    (r"the running mean of the squared gradient", running_square),
    (r"what it was, less a step along the mean gradient, scaled to its size", along_mean),
    (r"what it was, pulled towards 0 by the decay, less a step along the mean gradient, scaled to its size",
     pulled_along_mean),
    (r"the sum of all squared gradients so far", square_sum),
    (r"the inputs, each times its weight, added up(, and the bias)?", weighted),
    (r"the error signals of the units that it feeds, each times the weight in between, added up", fed_units),
    (rf"the error signal of its unit{_SUMMED} \(what the loss divides by is in it already\)", own_unit),
    (rf"{_LOCAL}the error signal of its unit, times what came in through it{_SUMMED}", own_unit_times_input),
    (r"its inputs, added up", added),
    (r"what comes back, unchanged: the local derivative is 1", passed_on),
    (r"its inputs, multiplied", multiplied),
    (rf"{_LOCAL}what comes back, times the other inputs", times_others),
    (r"taken over from time step (\d+)", from_time),
    (r"taken over from (.+)", taken_over_from),
    (r"its own part of what comes back, unchanged", own_part),
    (r"taken over: only the layout changes", new_layout),
    (r"what comes back, unchanged: only the layout changes", old_layout),
    (r"its input, times the mask of this iteration", masked),
    (rf"{_LOCAL}what comes back, times the same mask as on the way forward", masked_back),
    (r"(.+) of its z", applied),
    (rf"{_LOCAL}what comes back to h, times the slope of (.+) at z", times_slope),
    (r"its exponential, over the sum of all exponentials of the row; all z are lowered by the largest of them,"
     r" which changes nothing", softmax),
    (rf"{_LOCAL[:-2]}, over the whole row: each h depends on every z", softmax_back),
    (r"(.+): one part from each output of each sample, added up", one_part_each),
    (r"the derivative of (.+?) by this prediction(: what was predicted, minus the target)?", derivative_of_loss),
    (r"the numbers of its window, each times the weight of the filter that lies on it, added up"
     r"(, and the bias of the filter)?", under_filter),
    (rf"{_LOCAL}the error signal of every place, times the number that lay under this weight there", met_under_weight),
    (r"the error signals of its filter, summed over all places of the batch", own_filter),
    (r"the error signals of the windows that it was in, each times the weight that lay on it, added up",
     windows_it_was_in),
    (r"the largest of the (\d+) numbers of its window: that at row (\d+), column (\d+)", largest),
    (r"what comes back to the windows that it won, unchanged: the local derivative is 1, and 0 for all others",
     windows_won),
    (r"the mean of the numbers of its window", mean_of_window),
    (r"an equal share of what comes back to each window that it was in", equal_share),
    (r"x hat, which is x less the mean of (.+) over its deviation; times the weight, plus the bias", x_hat),
    (r"what comes back to every number that it shifts, added up", shifted),
    (rf"{_LOCAL}what comes back to every number that it scales, times that number's x hat, added up", scaled),
    (r"upstream x weight / deviation, less what x moves by moving the mean and the deviation of (.+)",
     less_mean_and_deviation),
    (r"what is kept of the running (mean|variance), and a share of the (mean|variance) of (.+)", running),
    (r"the gain of its unit, times the direction brought to length 1", to_length_1),
    (r"what comes back to the weights of its unit, each times the direction: the part along it", along_direction),
    (r"what comes back to its weight, less the part along the direction, which would only make it longer; times"
     r" gain / length", across_direction),
    (r"looked up: the class at (.+) is (\d+), so it is row (\d+) of W", looked_up),
    (r"what comes back to every place where class (\d+) was looked up, added up", all_places_of_class),
    (r"the inputs of the first time step, each times its weight, and the bias: there is no state before it",
     first_time_step),
    (r"the inputs of this time step and (the state after the step before|.+), each times its weight, and the bias",
     later_time_step),
    (r"the error signals of (this time step|the time step after it), each times the weight in between, added up",
     sent_back),
    (rf"{_LOCAL}the error signal of its unit, times"
     rf" (what came in at this time step|the state after the step before|.+\[0\]){_SUMMED}", met_in_batch),
    (r"the state before the first time step is 0, so this step has no part", no_state),
    (r"the state before the first time step is 0", start_state),
    (r"the gate's own part, (taken over|added up)", own_gate),
    (r"this column belongs to part (\d+), another gate's", of_another_gate),
    (r"what comes back to the gate's own part, unchanged", to_own_gate),
    (r"what the forget gate keeps of the cell, and what the input gate lets in of the candidate", cell_state),
    (rf"{_LOCAL}what comes back to the cell, times (.+)", times_partner),
    (r"what the update gate keeps of the state, and for the rest the candidate", updated_state),
    (rf"{_LOCAL}what comes back to the state, times (1 minus )?the update gate", times_gate),
    (rf"{_LOCAL}what comes back to the state, times how far the state is from the candidate", times_distance),
    (rf"the error signal of its unit at this time step{_SUMMED}", own_unit_in_time),
    (r"taken out of the sequence at time step (\d+)", out_of_sequence),
    (r"this part of the gradient belongs to time step (\d+) alone", of_another_time),
    (r"what comes back at its time step, unchanged", at_its_time),
    (r"what comes back at time step (\d+), unchanged", back_at_time),
    (r"how well the query of position (\d+) fits the key of position (\d+)(?:, in head (\d+))?", fits),
    (rf"{_LOCAL}what comes back to its scores, times the (keys|queries) of all positions", scores_back),
    (r"minus infinity, of which the softmax makes 0", closed),
    (r"its score, unchanged: it may look at itself and back", may_look),
    (r"0 at a closed place", closed_back),
    (r"what comes back, unchanged: the pair is open", open_back),
    (r"the values of all positions, each times how much position (\d+) attends to it", mixed),
    (rf"{_LOCAL}what comes back to the mix of position (\d+), times the value of position (\d+)", mix_to_attention),
    (rf"{_LOCAL}what comes back to every position, times how much it attends to position (\d+)", mix_to_value),
)  # fmt: skip
"""Each form of words, and what it claims. The first that fits is meant."""

_NOT_SO = (AssertionError, StopIteration, KeyError, ValueError, IndexError, TypeError, AttributeError)


def check_rule(asked: Asked, words: str) -> None:
    """Raise FalseSentenceError where the words on how a number comes about are not so."""
    hold(RULES, asked, words, asked)


def hold(forms: Sequence[tuple[str, Callable[..., None]]], subject: Any, words: str, asked: Asked) -> None:
    """Hold words against the arrays by the form that they have: the first that fits is meant."""
    for pattern, clause in forms:
        if (found := re.fullmatch(pattern, words)) is not None:
            try:
                clause(subject, *found.groups())
            except FalseSentenceError as error:
                raise FalseSentenceError(f"{asked.found.text}: {words}\n  is not so: {error}") from None
            except _NOT_SO as error:
                raise FalseSentenceError(f"{asked.found.text}: {words}\n  is about something else: {error!r}") from None
            return
    raise FalseSentenceError(f"nobody can check these words: {words}")
