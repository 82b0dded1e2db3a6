"""A reader of the sentences that say what a step does: each is a claim about arrays, and is held against them.

Each form of sentence stands here once, with what it claims. A sentence that has no form here is one that nobody can
check, and fails as such; so does one whose words name another operand than the step's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests import normalizing
from tests.convolving import back_to_weight, back_to_x, slid
from tests.equation_reader import Bound, read
from tests.normalizing import group_mean, group_name, over_what_it_meets, spread_out, x_hat_of
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine import Step
from visualbp.engine.plan import LEARNING_RATE, Phase, Plan
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.base import Operation
from visualbp.operations.losses import losses
from visualbp.operations.normalization import BatchNorm
from visualbp.operations.words import Saying
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import schedules


class FalseSentenceError(AssertionError):
    """A sentence that is not so, or that nobody can check."""


@dataclass(frozen=True)
class Taken:
    """A step that has been taken: all values before and after it, and which later steps read what it wrote."""

    plan: Plan
    step: Step
    before: Mapping[Ref, Array]
    after: Mapping[Ref, Array]
    batch: tuple[Array, Array]
    mask: Array | None = None

    @property
    def result(self) -> Array:
        return np.asarray(self.after[self.step.writes[0]], float)

    def operand(self, name: str) -> Array:
        """Return what the step's node read under a name."""
        node = self.node
        place = next(i for i in range(len(node.operands)) if node.operation.operand_name(i) == name)
        return self.value(node.operands[place])

    @property
    def node(self):  # type: ignore[no-untyped-def]
        assert self.step.node is not None
        return self.step.node

    @property
    def upstream(self) -> Array:
        return self.value(self.node.output.gradient)

    @property
    def output(self) -> Array:
        return self.value(self.node.output)

    def value(self, value: Ref) -> Array:
        value = self.plan.resolve(value)
        found = self.before.get(value, self.after.get(value))
        assert found is not None, value
        return np.asarray(found, float)


def claim(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise FalseSentenceError(what)


def same(a: Array, b: Array, what: str) -> None:
    a, b = np.asarray(a, float), np.asarray(b, float)
    fits = a.shape == b.shape or a.size == b.size == 1
    size = max(float(np.abs(b[np.isfinite(b)]).max(initial=0.0)), 1e-6)
    claim(fits and np.allclose(a, b, rtol=1e-8, atol=1e-8 * size), what)


# -- words for values ----------------------------------------------------------------------------------------------

SHARE = "this path's share of "
_ROLES = {"activations": "h", "masked scores": "masked", "z": "z", "input": "x"}
_GATED_ROLES = {
    "start state": "start", "input gate": "i", "forget gate": "f", "output gate": "o", "cell": "c",
    "squashed cell": "s", "reset gate": "r", "update gate": "u", "part from the state": "s",
    "part from the input for the candidate": "x_n", "part from the state for the candidate": "s_n",
    "part from the state past the reset gate": "m",
}  # fmt: skip


def value_named(plan: Plan, words: str) -> Ref:
    """Return the value that words such as `hidden's z`, or `the error signal of output`, name."""
    words = words[0].lower() + words[1:] if words.startswith("The ") else words
    if (found := re.fullmatch(r"the error signal of (.+?)(?: at time step (\d+))?", words)) is not None:
        layer, time = found.groups()
        return ref(layer, "delta") if time is None else ref(layer, f"z[{time}]").gradient
    if words.startswith("the gradient of "):
        return value_named(plan, words.removeprefix("the gradient of ")).gradient
    layer, _, role = words.partition("'s ")
    if role == "samples":
        return plan.input if layer == plan.input.layer else ref(layer, "samples")
    role, _, time = role.partition(" at time step ")
    if role in _ROLES:
        role = _ROLES[role]
    elif (gate := role.removeprefix("z of the ")) in _GATED_ROLES or gate == "candidate":
        candidate = "g" if layer in plan.layers and plan.network.layer(layer).type == "lstm" else "n"
        role = ("z_" if gate != role else "") + _GATED_ROLES.get(gate, candidate)
    else:
        name, _, which = role.partition(" ")
        role = {"W": "weight", "b": "bias"}.get(name, name) + (f"_{which}" if which else "")
    return ref(layer, f"{role}[{time}]" if time else role)


def whole(value: Ref) -> Ref:
    """Return the value of which one is a part."""
    return value.whole


def _of_a_time_step(part: Ref) -> bool:
    """Return whether a part is what one time step sends back to what all of them share."""
    return part.time is None and re.fullmatch(r"[a-z]\[\d+\]", part.sender_text) is not None


def is_named(taken: Taken, words: str, value: Ref, what: str) -> None:
    if value in taken.step.writes and taken.step.operation != "accumulate":
        of_path = value.sender is not None and not _of_a_time_step(value)
        claim(of_path == words.lower().startswith(SHARE), "the whole, or this path's share")
        words = words[len(SHARE) :] if of_path else words
    found = taken.plan.resolve(value_named(taken.plan, words))
    claim(found == whole(taken.plan.resolve(value)), f"{what} is {value.text}, and the sentence names {found.text}")


# -- claims ----------------------------------------------------------------------------------------------------------


def _kept(taken: Taken, said: str | None) -> None:
    written = taken.plan.resolve(taken.step.writes[0])
    readers = [s for s in taken.plan.steps if s.phase == Phase.BACKWARD and written in map(taken.plan.resolve, s.reads)]
    claim(bool(readers) == (said is not None), "kept for the way back, or not read there")


def _reads(taken: Taken, place: int, words: str) -> None:
    is_named(taken, words, taken.node.operands[place], "what it reads")


def _writes(taken: Taken, role: str) -> None:
    is_named(taken, f"{taken.step.layer}'s {role}", taken.step.writes[0], "what it gives")


def load(taken: Taken, layer: str, target: str) -> None:
    source, targets = taken.step.writes
    claim((source.layer, targets.layer) == (layer, target), "other layers")
    same(taken.after[source], taken.batch[0], "the samples of the batch")
    same(taken.after[targets], taken.batch[1], "the targets of the batch")


def accumulate(taken: Taken, words: str, count: str, kind: str) -> None:
    is_named(taken, words, taken.step.writes[0], "what is summed")
    claim(int(count) == len(taken.step.reads), "the number of parts")
    claim(all(whole(part) == taken.step.writes[0] and part.sender for part in taken.step.reads), "parts of it")
    same(taken.result, np.sum([taken.before[part] for part in taken.step.reads], axis=0), "the sum of its parts")
    of_time = all(map(_of_a_time_step, taken.step.reads))
    claim(of_time == kind.startswith("time"), "time steps or paths")


def paths(taken: Taken, words: str, count: str) -> None:
    accumulate(taken, words, count, "paths")


def through_time(taken: Taken, words: str, count: str) -> None:
    accumulate(taken, words, count, "time steps")


def gather(taken: Taken, words: str, count: str) -> None:
    is_named(taken, words, taken.step.writes[0], "what is put together")
    parts = [taken.before[part] for part in taken.step.reads]
    claim(int(count) == len(parts) == taken.result.shape[1], "the number of time steps")
    same(taken.result, np.stack(parts, 1), "its time steps, in order")


def penalty(taken: Taken) -> None:
    claim(all("weight" in value.name for value in taken.step.reads), "a penalty on weights")
    claim(taken.result > 0, "added to what is minimised")


def penalty_part(taken: Taken, words: str) -> None:
    is_named(taken, words, taken.step.writes[0], "what the penalty adds to")
    weight, gradient = taken.step.reads
    added = taken.result - taken.before[gradient]
    claim(np.all(added * taken.before[weight] >= 0) and np.any(added), "a step against it goes towards 0")


def clip_value(taken: Taken, limit: str) -> None:
    for value in taken.step.reads:
        same(taken.after[value], np.clip(taken.before[value], -float(limit), float(limit)), "cut to the limit")


def clip_norm(taken: Taken, limit: str) -> None:
    clip = taken.plan.network.training.clip
    claim(clip is not None and float(limit) == clip.limit, "the limit")
    before = np.concatenate([np.ravel(taken.before[value]) for value in taken.step.reads])
    after = np.concatenate([np.ravel(taken.after[value]) for value in taken.step.reads])
    length = float(np.linalg.norm(before))
    wanted = before * min(1.0, float(limit) / length) if length else before
    claim(np.allclose(after, wanted, rtol=1e-4), "scaled down to that length if they are longer")


def schedule(taken: Taken, label: str) -> None:
    claim(label == schedules.get(taken.plan.network.training.schedule.type).label.lower(), "the schedule's name")
    claim(taken.step.writes == (LEARNING_RATE,), "the learning rate")


def update(taken: Taken, label: str, words: str) -> None:
    training = taken.plan.network.training
    claim(label == optimizers.get(training.optimizer.type).label, "the optimiser's name")
    is_named(taken, words, taken.step.writes[0], "what is moved")
    gradient = np.asarray(taken.before[taken.step.writes[0].gradient])
    moved = taken.result - taken.before[taken.step.writes[0]]
    fresh = all(not np.any(taken.before[slot]) for slot in taken.step.writes[1:])
    told = np.abs(gradient).max(initial=0.0) > 1e-12 * np.abs(taken.result).max(initial=0.0)
    if fresh and not training.optimizer.options.get("weight_decay") and told:
        claim(np.sum(moved * gradient) < 0, "against its gradient")


def affine(taken: Taken, layer: str, source: str, weight: str, bias: str | None, role: str, kept: str | None) -> None:
    claim(layer == taken.step.layer, "another layer")
    for place, words in enumerate([source, f"{layer}'s {weight}", f"{layer}'s {bias}" if bias else ""]):
        if words:
            _reads(taken, place, words)
    claim((bias is not None) == (len(taken.node.operands) == 3), "a bias or none")
    shift = taken.operand("bias") if bias else 0.0
    same(taken.result, taken.operand("x") @ taken.operand("weight").T + shift, "x W^T + b")
    _writes(taken, role)
    _kept(taken, kept)


def convolution(taken: Taken, layer: str, source: str, bias: str | None, role: str, kept: str | None) -> None:
    claim(layer == taken.step.layer and (bias is not None) == (len(taken.node.operands) == 3), "a bias or none")
    _reads(taken, 0, source)
    _reads(taken, 1, f"{layer}'s W")
    operands = [taken.operand(name) for name in (("x", "weight", "bias") if bias else ("x", "weight"))]
    same(taken.result, slid(taken.node.operation, *operands), "the filters slid over it")
    _writes(taken, role)
    _kept(taken, kept)


def activation(taken: Taken, layer: str, label: str, source: str, role: str, kept: str | None) -> None:
    operation = taken.node.operation
    claim(layer == taken.step.layer and activations.get(operation.type_name).label == label, "another function")
    _reads(taken, 0, source)
    _writes(taken, role)
    _kept(taken, kept)
    if operation.type_name != "softmax":
        claim(isinstance(operation, Elementwise), "of each element alone")
    else:
        same(taken.result.sum(-1), np.ones(taken.result.shape[:-1]), "softmax sums to 1")


def loss(taken: Taken, layer: str, source: str, label: str) -> None:
    claim(
        layer == taken.step.layer and losses.get(taken.node.operation.type_name).label.lower() == label.lower(),
        "the loss",
    )
    _reads(taken, 0, source)
    claim(taken.node.operands[1] == taken.plan.target and taken.result.shape == (), "one number, from the targets")


def _each(taken: Taken, group: str) -> None:
    """Hold that this is what has a mean of its own."""
    wanted = group_name(taken.node.operation, taken.operand("x").ndim)
    claim(group == wanted, f"each {wanted}")


def batch_norm(taken: Taken, layer: str, group: str, source: str) -> None:
    claim(isinstance(taken.node.operation, BatchNorm), "over the batch")
    _each(taken, group)
    _normalised(taken, layer, source)
    for value in taken.step.writes[1:]:
        claim(np.any(taken.after[value] != taken.before[value]), "the running statistics follow")
    claim(len(taken.step.writes) == 3, "running statistics")


def layer_norm(taken: Taken, layer: str, group: str, source: str) -> None:
    claim(not isinstance(taken.node.operation, BatchNorm), "each by itself")
    _each(taken, group)
    _normalised(taken, layer, source)


def group_norm(taken: Taken, layer: str, count: str, what: str, source: str) -> None:
    _each(taken, "group")
    claim(int(count) == taken.node.operation.groups, "so many groups")
    claim(what == ("channels" if taken.operand("x").ndim > 2 else "units"), "channels or units")
    _normalised(taken, layer, source)


def _normalised(taken: Taken, layer: str, source: str) -> None:
    claim(layer == taken.step.layer, "another layer")
    _reads(taken, 0, source)
    operation, x = taken.node.operation, taken.operand("x")
    hat = x_hat_of(operation, x)
    claim(np.abs(group_mean(operation, hat)).max() < 1e-9, "mean 0")
    weight, bias = (spread_out(operation, taken.operand(name), x.ndim) for name in ("weight", "bias"))
    same(taken.result, weight * hat + bias, "times W plus b")


def weight_norm(taken: Taken, layer: str, direction: str, gain: str) -> None:
    _reads(taken, 0, f"{layer}'s {direction}")
    _reads(taken, 1, f"{layer}'s {gain}")
    is_named(taken, f"{layer}'s W", taken.step.writes[0], "what it makes")
    rows = taken.operand("direction").reshape(len(taken.result), -1)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).reshape(taken.result.shape)
    same(taken.result, taken.operand("gain") * unit, "gain times the direction of length 1")


def _windows(taken: Taken) -> Array:
    kernel, stride = taken.node.operation.kernel, taken.node.operation.stride
    return sliding_window_view(taken.operand("x"), (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


def pooling(taken: Taken, layer: str, rule: str, one: str, other: str, source: str) -> None:
    claim(layer == taken.step.layer and one == other == str(taken.node.operation.kernel), "the window")
    _reads(taken, 0, source)
    windows = _windows(taken)
    wanted = windows.max((-1, -2)) if rule == "largest number" else windows.mean((-1, -2))
    same(taken.result, wanted, f"the {rule}")


def time_slice(taken: Taken, layer: str, time: str, source: str) -> None:
    _reads(taken, 0, source)
    claim(layer == taken.step.layer, "another layer")
    claim(taken.step.writes[0].name == f"x[{time}]", "another time step")
    same(taken.result, taken.operand("x")[:, int(time)], "that time step")


def first_step(taken: Taken, layer: str, source: str, role: str, kept: str | None) -> None:
    _reads(taken, 0, source)
    claim(len(taken.node.operands) == 4 and layer == taken.step.layer, "no state")
    same(taken.result, taken.operand("x") @ taken.operand("weight_input").T + taken.operand("bias"), "W input x + b")
    _writes(taken, role)
    _kept(taken, kept)


def later_step(taken: Taken, layer: str, role: str, kept: str | None) -> None:
    state = taken.operand("h") @ taken.operand("weight_hidden").T
    same(taken.result, taken.operand("x") @ taken.operand("weight_input").T + state + taken.operand("bias"), "both")
    time = int(taken.step.writes[0].name[2:-1])
    before = taken.plan.resolve(ref(layer, f"h[{time - 1}]"))
    claim(taken.plan.resolve(taken.node.operands[4]) == before, "the state after the step before")
    _writes(taken, role)
    _kept(taken, kept)


def first_step_from(taken: Taken, layer: str, state: str, role: str, kept: str | None) -> None:
    _reads(taken, 4, state)
    operands = [taken.operand(name) for name in ("x", "weight_input", "h", "weight_hidden", "bias")]
    x, of_input, h, of_state, bias = operands
    claim(layer == taken.step.layer, "another layer")
    same(taken.result, x @ of_input.T + h @ of_state.T + bias, "both")
    _writes(taken, role)
    _kept(taken, kept)


def start_state(taken: Taken, layer: str) -> None:
    claim(layer == taken.step.layer and not taken.result.any(), "a state of 0")
    claim(taken.step.writes[0].name == "start[0]", "before the first time step")


def _part_of(taken: Taken, place: str, count: str, array: Array) -> Array:
    operation = taken.node.operation
    claim((int(place) - 1, int(count)) == (operation.place, operation.count), "another part")
    return np.split(array, int(count), axis=1)[int(place) - 1]


def gate_part(taken: Taken, layer: str, place: str, count: str, source: str, role: str, kept: str | None) -> None:
    claim(layer == taken.step.layer and len(taken.node.operands) == 1, "one part")
    _reads(taken, 0, source)
    same(taken.result, _part_of(taken, place, count, taken.operand("z")), "that part")
    _writes(taken, role)
    _kept(taken, kept)


def gate_sum(
    taken: Taken, layer: str, place: str, count: str, one: str, other: str, role: str, kept: str | None
) -> None:
    claim(layer == taken.step.layer and len(taken.node.operands) == 2, "two parts")
    _reads(taken, 0, one)
    _reads(taken, 1, other)
    parts = [_part_of(taken, place, count, taken.value(value)) for value in taken.node.operands]
    same(taken.result, parts[0] + parts[1], "both parts")
    _writes(taken, role)
    _kept(taken, kept)


def updated_state(
    taken: Taken, layer: str, state: str, update: str, candidate: str, role: str, kept: str | None
) -> None:
    claim(layer == taken.step.layer, "another layer")
    for place, words in enumerate((update, candidate, state)):
        _reads(taken, place, words)
    u, n, h = (taken.operand(name) for name in ("update", "candidate", "h"))
    same(taken.result, u * h + (1 - u) * n, "what is kept and what is new")
    _writes(taken, role)
    _kept(taken, kept)


def cell_state(
    taken: Taken, layer: str, cell: str, forget: str, candidate: str, let_in: str, role: str, kept: str | None
) -> None:
    claim(layer == taken.step.layer, "another layer")
    for place, words in enumerate((forget, cell, let_in, candidate)):
        _reads(taken, place, words)
    f, c, i, g = (taken.operand(name) for name in ("forget", "cell", "input", "candidate"))
    same(taken.result, f * c + i * g, "what is kept and what is taken in")
    _writes(taken, role)
    _kept(taken, kept)


def stack(taken: Taken, layer: str, count: str) -> None:
    states = [taken.value(ref(layer, f"h[{t}]")) for t in range(int(count))]
    claim(len(taken.node.operands) == int(count), "the number of time steps")
    same(taken.result, np.stack(states, 1), "the states, in order")


def _heads(taken: Taken, array: Array) -> Array:
    heads = getattr(taken.node.operation, "heads", 1)
    samples, positions, width = array.shape
    return array.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)


def _joined(array: Array) -> Array:
    samples, heads, positions, width = array.shape
    return array.transpose(0, 2, 1, 3).reshape(samples, positions, heads * width)


def scores(taken: Taken, layer: str) -> None:
    query, key = _heads(taken, taken.operand("query")), _heads(taken, taken.operand("key"))
    claim(layer == taken.step.layer, "another layer")
    same(taken.result, query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]), "query times key over the root")


def mix(taken: Taken, layer: str) -> None:
    claim(layer == taken.step.layer, "another layer")
    attention, value = taken.operand("attention"), _heads(taken, taken.operand("value"))
    same(taken.result, _joined(attention @ value), "attention times the values")


def _sources(taken: Taken, listed: str) -> None:
    words = re.split(r", | and ", listed)
    claim(len(words) == len(taken.node.operands), "its inputs")
    for place, source in enumerate(words):
        _reads(taken, place, source)


def add(taken: Taken, layer: str, listed: str) -> None:
    _sources(taken, listed)
    same(taken.result, np.sum([taken.value(v) for v in taken.node.operands], axis=0), "the sum")


def multiply(taken: Taken, layer: str, listed: str) -> None:
    _sources(taken, listed)
    same(taken.result, np.prod([taken.value(v) for v in taken.node.operands], axis=0), "the product")


def concatenate(taken: Taken, layer: str, listed: str) -> None:
    _sources(taken, listed)
    same(taken.result, np.concatenate([taken.value(v) for v in taken.node.operands], axis=1), "side by side")


def dropout(taken: Taken, layer: str, source: str) -> None:
    _reads(taken, 0, source)
    x, kept = taken.operand("x"), taken.result != 0
    scale = 1.0 / (1.0 - taken.node.operation.rate)
    claim(scale > 1 and np.all(taken.result[~kept & (x != 0)] == 0), "some are dropped")
    same(taken.result[kept], x[kept] * scale, "the others are scaled up")


# -- the way back ----------------------------------------------------------------------------------------------------


def begins(taken: Taken, layer: str, words: str) -> None:
    claim(layer == taken.step.layer, "another layer")
    is_named(taken, words, taken.step.writes[0], "what it gives")
    before = [step for step in taken.plan.steps[: taken.step.index] if step.phase == Phase.BACKWARD]
    claim(not before, "the way back begins here")


def begins_simply(taken: Taken, layer: str, words: str) -> None:
    begins(taken, layer, words)
    prediction, target = (taken.value(value) for value in taken.node.operands)
    rule = taken.node.operation
    if rule.type_name == "softmax_cross_entropy":
        shifted = np.exp(prediction - prediction.max(-1, keepdims=True))
        answer = shifted / shifted.sum(-1, keepdims=True)
    else:
        answer = 1.0 / (1.0 + np.exp(-prediction))
    difference, largest = answer - target, np.abs(taken.result).argmax()
    ratio = difference.flat[largest] / taken.result.flat[largest]
    claim(ratio > 0 and np.allclose(difference, ratio * taken.result, rtol=1e-6), "prediction minus target")


Clause = Callable[..., None]


def _back(taken: Taken, words: str, value: str) -> None:
    """What comes back is the gradient of the node's output, and it goes to one of its operands."""
    is_named(taken, words, taken.node.output.gradient, "what comes back")
    is_named(taken, value, taken.node.operands[taken.step.operand], "what it goes back to")
    claim(
        whole(taken.step.writes[0]) == taken.plan.resolve(taken.node.operands[taken.step.operand]).gradient,
        "its gradient",
    )


def through_weight(taken: Taken, words: str, weight: str, value: str) -> None:
    _back(taken, words, value)
    is_named(taken, f"{taken.step.layer}'s {weight}", taken.node.operands[1], "the weight")
    if taken.node.operation.name == "affine":
        same(taken.result, taken.upstream @ taken.operand("weight"), "back through W")
        return
    back = back_to_x(taken.node.operation, taken.upstream, taken.operand("x"), taken.operand("weight"))
    same(taken.result, back, "back through the filters")


def in_time(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    claim(taken.node.operation.operand_name(taken.step.operand) == "h", "back in time")
    same(taken.result, taken.upstream @ taken.operand("weight_hidden"), "through W hidden")


def through_input(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    (weight,) = (value for value in taken.node.operands if value.role == "weight_input")
    same(taken.result, taken.upstream @ taken.value(weight), "through W input")


def slope(taken: Taken, words: str, label: str, value: str, result: str) -> None:
    _back(taken, words, value)
    is_named(taken, result, taken.step.writes[0], "what it gives")
    operation = taken.node.operation
    claim(activations.get(operation.type_name).label == label, "another function")
    latex = operation.equation(_symbol("H", taken.output), [_symbol("Z", taken.operand("z"))])
    z, nudge = taken.operand("z"), 1e-6

    def at(points: Array) -> Array:
        return read(latex, {"H": Bound(np.empty_like(z), True), "Z": Bound(points, True)})["H"]

    below, above = at(z - nudge), at(z + nudge)
    measured, smooth = (above - below) / (2 * nudge), is_smooth(below, at(z), above, nudge)
    size = np.abs(taken.result).max(initial=1e-9)
    off = np.abs(taken.result - taken.upstream * measured)[smooth]
    claim(off.max(initial=0.0) < 1e-4 * size + 1e-4 * np.abs(taken.upstream).max(initial=0.0), "times the slope")


def is_smooth(below: Array, here: Array, above: Array, nudge: Array | float) -> Array:
    """Return where a function has no corner between the points on both sides: there its slope would jump."""
    jump: Array = np.abs(above - 2 * here + below) / nudge
    return jump < 1e-3


def _symbol(latex: str, array: Array):  # type: ignore[no-untyped-def]
    from visualbp.operations.symbols import Symbol

    return Symbol(latex, array.shape[1:], True)


def jacobian(taken: Taken, words: str, label: str, value: str) -> None:
    _back(taken, words, value)
    claim(activations.get(taken.node.operation.type_name).label == label == "Softmax", "another function")
    h, u = taken.output, taken.upstream
    same(taken.result, h * (u - (u * h).sum(-1, keepdims=True)), "through the Jacobian of the row")


def less_the_batch(taken: Taken, words: str, value: str) -> None:
    claim(isinstance(taken.node.operation, BatchNorm), "shared by the batch")
    _less(taken, words, value)


def less_the_group(taken: Taken, words: str, value: str, group: str) -> None:
    claim(not isinstance(taken.node.operation, BatchNorm), "of each by itself")
    _each(taken, group)
    _less(taken, words, value)


def _less(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    back = normalizing.back_to_x(taken.node.operation, taken.upstream, taken.operand("x"), taken.operand("weight"))
    same(taken.result, back, "less what moves the mean and the deviation")


def winners(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    kernel, stride = taken.node.operation.kernel, taken.node.operation.stride
    windows, wanted = _windows(taken), np.zeros_like(taken.result)
    flat = windows.reshape(*windows.shape[:4], -1).argmax(-1)
    for n, c, i, j in np.ndindex(flat.shape):
        row, column = divmod(int(flat[n, c, i, j]), kernel)
        wanted[n, c, i * stride + row, j * stride + column] += taken.upstream[n, c, i, j]
    same(taken.result, wanted, "to the winner of each window alone")


def shared(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    kernel, stride = taken.node.operation.kernel, taken.node.operation.stride
    wanted = np.zeros_like(taken.result)
    for i, j in np.ndindex(taken.upstream.shape[2:]):
        place = (
            slice(None),
            slice(None),
            slice(i * stride, i * stride + kernel),
            slice(j * stride, j * stride + kernel),
        )
        wanted[place] += taken.upstream[:, :, i, j, None, None] / kernel**2
    same(taken.result, wanted, "shared out evenly over each window")


def taken_apart(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    same(taken.result, taken.upstream[:, taken.step.operand], "this time step of it")


def to_gate_part(taken: Taken, words: str, place: str, count: str, value: str) -> None:
    _back(taken, words, value)
    same(_part_of(taken, place, count, taken.result), taken.upstream, "to that part")
    claim(np.count_nonzero(taken.result) == np.count_nonzero(taken.upstream), "the other parts get 0")


def times_partner(taken: Taken, words: str, partner: str, value: str) -> None:
    _back(taken, words, value)
    partners = {"cell_state": {0: 1, 1: 0, 2: 3, 3: 2}, "updated_state": {2: 0}}
    place = partners[taken.node.operation.name][taken.step.operand]
    _reads(taken, place, partner)
    same(taken.result, taken.upstream * taken.value(taken.node.operands[place]), "times its partner")


def times_distance(taken: Taken, words: str, state: str, candidate: str, value: str) -> None:
    _back(taken, words, value)
    _reads(taken, 2, state)
    _reads(taken, 1, candidate)
    claim(taken.step.operand == 0, "to the update gate")
    same(taken.result, taken.upstream * (taken.operand("h") - taken.operand("candidate")), "times the distance")


def times_rest(taken: Taken, words: str, update: str, value: str) -> None:
    _back(taken, words, value)
    _reads(taken, 0, update)
    claim(taken.step.operand == 1, "to the candidate")
    same(taken.result, taken.upstream * (1 - taken.operand("update")), "times the rest")


def times_keys(taken: Taken, words: str, which: str, value: str) -> None:
    _back(taken, words, value)
    to_query = taken.node.operation.operand_name(taken.step.operand) == "query"
    claim(which == ("keys" if to_query else "queries"), "times the others")
    other = _heads(taken, taken.operand("key" if to_query else "query"))
    up = taken.upstream if to_query else taken.upstream.swapaxes(-1, -2)
    same(taken.result, _joined(up @ other) / np.sqrt(other.shape[-1]), "times the others")


def times_values(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    same(taken.result, _heads(taken, taken.upstream) @ _heads(taken, taken.operand("value")).swapaxes(-1, -2), "values")


def as_attended(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    attention = taken.operand("attention").swapaxes(-1, -2)
    same(taken.result, _joined(attention @ _heads(taken, taken.upstream)), "as much as it was attended to")


def unchanged(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    same(taken.result, taken.upstream, "unchanged")


def other_factors(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    others = [taken.value(v) for place, v in enumerate(taken.node.operands) if place != taken.step.operand]
    same(taken.result, np.prod([taken.upstream, *others], axis=0), "times the other factors")


def cut(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    start = sum(taken.value(v).shape[1] for v in taken.node.operands[: taken.step.operand])
    same(taken.result, taken.upstream[:, start : start + taken.result.shape[1]], "its own part")


def same_mask(taken: Taken, words: str, value: str) -> None:
    _back(taken, words, value)
    assert taken.mask is not None
    same(taken.result, taken.upstream * taken.mask, "through the same mask")


# -- to parameters ---------------------------------------------------------------------------------------------------


def _parameter(taken: Taken, words: str, result: str) -> None:
    is_named(taken, words, taken.node.output.gradient, "what comes back")
    is_named(taken, result, taken.step.writes[0], "what it gives")
    of = taken.plan.resolve(taken.node.operands[taken.step.operand])
    claim(whole(taken.step.writes[0]) == of.gradient, "the gradient of its operand")


def _rows(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def _over_positions(taken: Taken, said: str | None) -> None:
    claim((said is not None) == (taken.operand("x").ndim > 2), "positions too, or none")


def times_summed(taken: Taken, words: str, first: str, positions: str | None, result: str) -> None:
    _parameter(taken, words, result)
    _over_positions(taken, positions)
    _reads(taken, 0, first)
    same(taken.result, _rows(taken.upstream).T @ _rows(taken.operand("x")), "times it, summed over the batch")


def summed(taken: Taken, words: str, positions: str | None, result: str) -> None:
    _parameter(taken, words, result)
    _over_positions(taken, positions)
    same(taken.result, _rows(taken.upstream).sum(0), "summed over the batch")


def filters(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    met = back_to_weight(taken.node.operation, taken.upstream, taken.operand("x"), taken.operand("weight"))
    same(taken.result, met, "times what lay under the filters")


def over_places(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    same(taken.result, taken.upstream.sum((0, *range(2, taken.upstream.ndim))), "summed over all places of the batch")


def times_x_hat(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    product = taken.upstream * x_hat_of(taken.node.operation, taken.operand("x"))
    same(taken.result, over_what_it_meets(taken.node.operation, product, taken.result), "times x hat, summed")


def over_shifted(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    met = over_what_it_meets(taken.node.operation, taken.upstream, taken.result)
    same(taken.result, met, "summed over all that it shifts")


def _unit(taken: Taken) -> tuple[Array, Array, Array]:
    rows = taken.operand("direction").reshape(len(taken.upstream), -1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / length, length, taken.upstream.reshape(rows.shape)


def along_direction(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    unit, _, up = _unit(taken)
    same(taken.result.reshape(-1), (unit * up).sum(1), "along the direction")


def across_direction(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    unit, length, up = _unit(taken)
    across = (up - unit * (unit * up).sum(1, keepdims=True)) * taken.operand("gain").reshape(-1, 1) / length
    same(taken.result, across.reshape(taken.result.shape), "across the direction, times gain over length")


def no_state(taken: Taken, words: str, result: str) -> None:
    _parameter(taken, words, result)
    claim(not np.any(taken.result) and len(taken.node.operands) == 4, "this part is 0")


def this_step(taken: Taken, words: str, met: str, result: str) -> None:
    _parameter(taken, words, result)
    name = taken.node.operation.operand_name(taken.step.operand)
    if met == "the state after the step before":
        claim(name == "weight_hidden", "the weight for the state")
        array = taken.operand("h")
    elif name == "weight_hidden":
        _reads(taken, 4, met)
        array = taken.operand("h")
    else:
        claim(name == "weight_input", "the weight for the input")
        _reads(taken, 0, met)
        array = taken.operand("x")
    same(taken.result, taken.upstream.T @ array, "times what it met")
    claim(taken.step.writes[0].sender is not None or len(taken.plan.written) > 0, "a part")


def this_step_summed(taken: Taken, words: str, met: str, result: str) -> None:
    times_summed(taken, words, met, None, result)
    claim(taken.node.output.time is not None, "of a time step")


def this_step_bias(taken: Taken, words: str, result: str) -> None:
    summed(taken, words, None, result)


KEPT = "(, kept for the way back)?"
_FORMS: tuple[tuple[str, Clause], ...] = (
    (r"A batch of samples comes in at (.+), and its targets go to (.+)\.", load),
    (r"(.+) is the sum of what comes back on (\d+) paths: the chain rule for several variables\.", paths),
    (r"(.+) is the sum of its parts from (\d+) time steps: backpropagation through time\.", through_time),
    (r"(.+) is put together from its (\d+) time steps\.", gather),
    (r"The penalty on large weights is added to what is minimised\.", penalty),
    (r"The penalty adds its own part to (.+): it pulls the weights towards 0\.", penalty_part),
    (r"Every single gradient beyond (.+) in size is cut to it\.", clip_value),
    (r"If all gradients together are longer than (.+), all are scaled down to that length\.", clip_norm),
    (r"The schedule \((.+)\) sets the learning rate of this iteration\.", schedule),
    (r"(.+) moves (.+) against its gradient\.", update),
    (rf"(.+) takes (.+) through (W(?: \w+)?)(?: and adds (b(?: \w+)?))?: that is its (.+?){KEPT}\.", affine),
    (rf"(.+) slides its filters W over (.+?)( and adds b)?: that is its (.+?){KEPT}\.", convolution),
    (rf"(.+) applies (.+) to (.+): that is its (.+?){KEPT}\.", activation),
    (r"(.+) compares (.+) with the targets: the (.+) of the batch\.", loss),
    (r"(.+) brings each (\w+) of (.+) to mean 0 and deviation 1 over the batch, times W plus b;"
     r" the running statistics follow\.", batch_norm),
    (r"(.+) brings each (\w+) of (.+) to mean 0 and deviation 1, times W plus b\.", layer_norm),
    (r"(.+) brings each of (\d+) groups of (channels|units) of (.+) to mean 0 and deviation 1, times W plus b\.",
     group_norm),
    (r"(.+) makes its W from (W direction), brought to length 1, times (W gain)\.", weight_norm),
    (r"(.+) takes the (largest number|mean) of each (\d+) x (\d+) window of (.+)\.", pooling),
    (r"(.+) takes time step (\d+) out of (.+)\.", time_slice),
    (rf"(.+) takes (.+) through W input and adds b; before it the state is 0: that is its (.+?){KEPT}\.", first_step),
    (rf"(.+) takes its input through W input, and the state it had after the step before through W hidden, and adds b:"
     rf" that is its (.+?){KEPT}\.", later_step),
    (rf"(.+) takes its input through W input, and (.+) through W hidden, and adds b: that is its (.+?){KEPT}\.",
     first_step_from),
    (r"(.+) starts from a state of 0, before the first time step\.", start_state),
    (rf"(.+) takes part (\d+) of (\d+) out of (.+): that is its (.+?){KEPT}\.", gate_part),
    (rf"(.+) adds up part (\d+) of (\d+) of (.+) and of (.+): that is its (.+?){KEPT}\.", gate_sum),
    (rf"(.+) keeps (.+) times (.+), and takes (.+) times 1 minus it: that is its (.+?){KEPT}\.", updated_state),
    (rf"(.+) keeps (.+) times (.+), and takes in (.+) times (.+): that is its (.+?){KEPT}\.", cell_state),
    (r"(.+) puts the states of its (\d+) time steps together\.", stack),
    (r"(.+) scores every pair of positions: query times key, over the root of a head's width\.", scores),
    (r"(.+) mixes the values: each position gathers those of the positions that it attends to\.", mix),
    (r"(.+) adds up (.+)\.", add),
    (r"(.+) multiplies (.+), element by element\.", multiply),
    (r"(.+) puts (.+) side by side\.", concatenate),
    (r"(.+) drops some of (.+) by the mask of this iteration, and scales the others up\.", dropout),
    (r"The way back begins at (.+?): (.+): prediction minus target\.", begins_simply),
    (r"The way back begins at (.+?): (.+)\.", begins),
    (r"(.+) goes back in time through W hidden to (.+)\.", in_time),
    (r"(.+) goes back through W input to (.+)\.", through_input),
    (r"(.+) goes back through (W(?: \w+)?) to (.+)\.", through_weight),
    (r"(.+) times the slope of (.+?) at (.+) is (.+)\.", slope),
    (r"(.+) goes back through the Jacobian of (.+) to (.+): every output depends on all\.", jacobian),
    (r"(.+) goes back to (.+), less what moves the mean and the deviation that the batch shares\.", less_the_batch),
    (r"(.+) goes back to (.+), less what moves the mean and the deviation of each (\w+)\.", less_the_group),
    (r"(.+) goes back to the winner of each window alone, in (.+)\.", winners),
    (r"(.+) is shared out evenly over each window of (.+)\.", shared),
    (r"(.+) is taken apart; this time step goes back to (.+)\.", taken_apart),
    (r"(.+) times the (keys|queries) goes back to (.+)\.", times_keys),
    (r"(.+) times the values goes back to (.+)\.", times_values),
    (r"(.+) goes back to (.+) as much as each position attended to it\.", as_attended),
    (r"(.+) goes back to part (\d+) of (\d+) of (.+), and the other parts get 0 from here\.", to_gate_part),
    (r"(.+) goes back unchanged to (.+)\.", unchanged),
    (r"(.+) times the other factors goes back to (.+)\.", other_factors),
    (r"(.+) times 1 minus (.+) goes back to (.+)\.", times_rest),
    (r"(.+) times (.+) minus (.+) goes back to (.+)\.", times_distance),
    (r"(.+) times (.+) goes back to (.+)\.", times_partner),
    (r"(.+) is cut into parts; this one goes back to (.+)\.", cut),
    (r"(.+) goes back through the same mask to (.+)\.", same_mask),
    (r"(.+) times what lay under the filters, summed over all places of the batch, is (.+)\.", filters),
    (r"(.+), summed over all places of the batch, is (.+)\.", over_places),
    (r"(.+) times x hat, summed over all that it scales, is (.+)\.", times_x_hat),
    (r"(.+), summed over all that it shifts, is (.+)\.", over_shifted),
    (r"(.+) along the direction is (.+)\.", along_direction),
    (r"(.+) across the direction, times gain over length, is (.+)\.", across_direction),
    (r"(.+) meets no state, which is 0 before the first time step: this part of (.+) is 0\.", no_state),
    (r"(.+) times (.+), summed over the batch, is this time step's part of (.+)\.", this_step_summed),
    (r"(.+), summed over the batch, is this time step's part of (.+)\.", this_step_bias),
    (r"(.+) times (.+) is this time step's part of (.+)\.", this_step),
    (r"(.+) times (.+), summed over the batch( and its positions)?, is (.+)\.", times_summed),
    (r"(.+), summed over the batch( and its positions)?, is (.+)\.", summed),
)  # fmt: skip
_COMPILED_FORMS = tuple((re.compile(pattern), clause) for pattern, clause in _FORMS)
"""Each form of sentence, and what it claims. The first that fits is meant."""


# -- what an operation says as data ----------------------------------------------------------------------------------


def said_as_data(taken: Taken) -> Saying | None:
    """Return what the step's operation says of it as data, with its claim beside it."""
    if taken.step.node is None or taken.step.operation in ("accumulate", "gather"):
        return None
    rule = taken.node.operation
    if taken.step.phase == Phase.FORWARD:
        return rule.saying if type(rule).sentence is Operation.sentence else None
    if type(rule).vjp_sentence is not Operation.vjp_sentence or taken.node.output == taken.plan.loss:
        return None
    saying = rule.vjp_sayings.get(rule.operand_name(taken.step.operand))
    return saying and Saying(f"{{upstream}} {saying.text}.", saying.claim)


def check_saying(taken: Taken, sentence: str, saying: Saying) -> None:
    """Hold a sentence against the form that its operation gives, the values that it names, and its claim."""
    parts = re.split(r"\{(\w+)\}", saying.text)
    pattern = "".join(f"(?P<{part}_{i}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    found = re.fullmatch(pattern, sentence)
    claim(found is not None, f"nobody says this of it: it is said that {saying.text}")
    assert found is not None
    for slot, words in found.groupdict().items():
        _check_slot(taken, slot.rpartition("_")[0], words)
    arrays = {taken.node.operation.operand_name(i): taken.value(v) for i, v in enumerate(taken.node.operands)}
    arrays |= {"output": taken.output, "result": taken.result}
    if taken.step.phase == Phase.BACKWARD:
        arrays["upstream"] = taken.upstream
        of = taken.plan.resolve(taken.node.operands[taken.step.operand])
        claim(whole(taken.step.writes[0]) == of.gradient, "the gradient of its operand")
    left, right = (eval(side, {"np": np, **vars(taken.node.operation)}, arrays) for side in saying.claim.split(" == "))
    same(left, right, saying.claim)


def _check_slot(taken: Taken, slot: str, words: str) -> None:
    """Hold the words in one place of a form against what is to stand there."""
    rule, node, backward = taken.node.operation, taken.node, taken.step.phase == Phase.BACKWARD
    if slot == "layer":
        claim(words == taken.step.layer, "another layer")
    elif slot == "upstream":
        is_named(taken, words, node.output.gradient, "what comes back")
    elif slot == "result" and backward:
        is_named(taken, words, taken.step.writes[0], "what it gives")
    elif slot == "result":
        role = re.fullmatch(rf"that is its (.+?){KEPT}", words)
        claim(role is not None, "what it is for its layer")
        assert role is not None
        _writes(taken, role.group(1))
        _kept(taken, role.group(2))
    elif slot == "source" or (backward and rule.operand_name(taken.step.operand) == slot):
        is_named(taken, words, node.operands[taken.step.operand], "what it goes back to")
    elif slot in rule.operands:
        values = [value for place, value in enumerate(node.operands) if rule.operand_name(place) == slot]
        named = re.split(r", | and ", words)
        claim(len(named) == len(values), "its inputs")
        for one, value in zip(named, values, strict=True):
            is_named(taken, one, value, "what it reads")
    else:
        claim(words == str(getattr(rule, slot)), f"another {slot}")


def check_sentence(taken: Taken, sentence: str) -> None:
    """Raise FalseSentenceError where a sentence about a step is not so."""
    about_layer = taken.step.node is not None and taken.step.phase == Phase.FORWARD
    if about_layer and not sentence.startswith(f"{taken.step.layer} "):
        raise FalseSentenceError(f"{sentence}\n  is about another layer than {taken.step.layer}")
    if (saying := said_as_data(taken)) is not None:
        try:
            check_saying(taken, sentence, saying)
        except (FalseSentenceError, KeyError) as error:
            raise FalseSentenceError(f"{sentence}\n  is not so: {error!r}") from None
        return
    for pattern, clause in _COMPILED_FORMS:
        if (found := pattern.fullmatch(sentence)) is not None:
            try:
                clause(taken, *found.groups())
            except FalseSentenceError as error:
                raise FalseSentenceError(f"{sentence}\n  is not so: {error}") from None
            except (
                AssertionError,
                StopIteration,
                KeyError,
                ValueError,
                IndexError,
                TypeError,
                AttributeError,
            ) as error:
                raise FalseSentenceError(f"{sentence}\n  is about another kind of step: {error!r}") from None
            return
    raise FalseSentenceError(f"nobody can check this sentence: give it as a saying, with its claim\n  {sentence}")
