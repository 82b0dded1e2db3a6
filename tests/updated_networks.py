"""Updates at hard places: right optimisers with every option, and wrong ones; with their rules in NumPy as an oracle.

The oracle is written from the papers and PyTorch's pages, in the widest type that there is, and shares nothing with the
optimisers or with what explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np

import visualbp.optimizers.adam
from tests.building import Clip, chain, optimizer, recorded, with_training
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Phase, Step, compile_plan
from visualbp.engine.plan import LEARNING_RATE
from visualbp.engine.store import initial_parameters
from visualbp.network import Network, edits
from visualbp.operations.base import Emitter
from visualbp.optimizers import optimizers
from visualbp.optimizers.base import UpdateState

WIDE = np.longdouble
MOST_LOST = 1e4
"""Beyond, what is left of a difference of squares is not told."""

OPTIMIZERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.05}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "weight_decay": 0.05}),
    ("sgd", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    ("adam", {}),
    ("adam", {"weight_decay": 0.05}),
    ("adamw", {"weight_decay": 0.05}),
    ("adagrad", {}),
    ("adagrad", {"weight_decay": 0.05}),
    ("rmsprop", {}),
    ("rmsprop", {"weight_decay": 0.05, "momentum": 0.7}),
    ("rmsprop", {"centered": True}),
    ("rmsprop", {"centered": True, "momentum": 0.7}),
)


@dataclass(frozen=True)
class Place:
    """A hard place: what inputs, targets and parameters are multiplied by, and how long it was trained."""

    name: str
    inputs: float = 1.0
    targets: float = 1.0
    parameters: float = 1.0
    trained: int = 0


PLACES = (
    Place("ordinary"),
    Place("later", trained=7),
    Place("gradients of 0", inputs=0.0),
    Place("gradients of 1e-11", inputs=1e-11, parameters=1e-3),
    Place("gradients of 1e8", inputs=1e4, targets=1e4, trained=1),
    Place("tiny parameters", parameters=1e-8, trained=3),
    Place("huge parameters", parameters=1e8, trained=2),
    Place("trained for long", trained=3000),
)


@dataclass(frozen=True)
class Updating:
    """A network at the end of a recorded iteration, and what is wrong with its optimiser, if anything is."""

    seed: int
    place: Place
    executor: Executor
    mistake: str = ""

    @property
    def text(self) -> str:
        training = self.executor.plan.network.training.optimizer
        options = {name: value for name, value in training.options.items() if value}
        precision = self.executor.plan.network.precision
        return f"{training.type} {options} {precision}, {self.place.name}, seed {self.seed} {self.mistake}"


def _network(seed: int) -> tuple[Network, Place, Dataset]:
    place = PLACES[seed % len(PLACES)]
    name, options = OPTIMIZERS[seed // len(PLACES) % len(OPTIMIZERS)]
    generator = np.random.default_rng([seed, 21])
    rate = 0.02 if place.inputs * place.targets <= 1.0 else 1e-12
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 4, "activation": "tanh", "bias_init": "uniform"}),
        ("output", "dense", {"units": 2, "bias_init": "uniform"}),
        ("loss", "mean_squared_error", {}),
        seed=seed,
        precision="float32" if generator.random() < 0.4 else "float64",
    )
    clip = Clip("norm", 0.5) if generator.random() < 0.2 else None
    l2 = 0.01 if generator.random() < 0.2 else 0.0
    chosen = optimizer(name, **{"learning_rate": rate, **options})
    network = with_training(network, optimizer=chosen, batch_size=4, shuffle=False, clip=clip, l2=l2)
    for value, array in initial_parameters(compile_plan(network)).items():
        changed = np.asarray(array, np.float64) * place.parameters
        network = edits.set_parameter(network, value.layer, value.name, changed)
    inputs = generator.standard_normal((8, 3)) * place.inputs
    return network, place, Dataset(inputs, generator.standard_normal((8, 2)) * place.targets)


def _taken(network: Network, data: Dataset, trained: int) -> Executor:
    executor = Executor(compile_plan(network), data)
    return recorded(executor, trained, iterations=2)  # the second finds the optimiser's arrays filled


def updating(seed: int) -> Updating:
    """Return the case of a seed: every place with every optimiser in its turn."""
    network, place, data = _network(seed)
    return Updating(seed, place, _taken(network, data, place.trained))


# -- the rules, as the papers have them ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Right:
    """What an update should have written, and the sizes of what it is the sum of: rounding goes by them."""

    number: Array
    scale: Array


def right_updates(case: Updating, step: Step) -> dict[Ref, Right]:
    """Return what each value that an update wrote should be, given the arrays that it had and the ones that it made."""
    with np.errstate(all="ignore"):
        return dict(_right_updates(case, step))


def _right_updates(case: Updating, step: Step) -> Iterator[tuple[Ref, Right]]:
    executor = case.executor
    start, made = executor.store.views_of(executor.start), executor.tape[step.index].values
    choice = executor.plan.network.training.optimizer
    options = {"weight_decay": 0.0, "momentum": 0.0, **choice.options}
    parameter, *slots = step.writes
    w = np.asarray(start[parameter], WIDE)
    read = [record.values[step.reads[1]] for record in executor.tape[: step.index] if step.reads[1] in record.values]
    g = np.asarray(read[-1], WIDE)
    if LEARNING_RATE in step.reads:
        raise ValueError("schedules are judged elsewhere")
    before = {slot.slot: np.asarray(start[slot], WIDE) for slot in slots}
    after = {slot.slot: np.asarray(made[slot], WIDE) for slot in slots}
    named = {slot.slot: slot for slot in slots}
    t = executor.iteration + 1
    sums = RULES[choice.type](w, g, before, after, options, t)
    for name, terms in sums.items():
        total, sizes = sum(terms), sum(map(np.abs, terms))
        yield named.get(name, parameter), Right(np.asarray(total), np.asarray(sizes))


Sums = dict[str, tuple[Array, ...]]


def _sgd(
    w: Array, g: Array, before: Mapping[str, Array], after: Mapping[str, Array], options: Mapping[str, Any], t: int
) -> Sums:
    rate, mu = options["learning_rate"], options["momentum"]
    pull = options["weight_decay"] * w
    if not mu:
        return {"parameter": (w, -rate * g, -rate * pull)}
    velocity = after["velocity"]
    step = (g, pull, mu * velocity) if options["nesterov"] else (velocity,)
    return {"velocity": (mu * before["velocity"], g, pull), "parameter": (w, *(-rate * part for part in step))}


def _adam(
    w: Array, g: Array, before: Mapping[str, Array], after: Mapping[str, Array], options: Mapping[str, Any], t: int
) -> Sums:
    return _moments(w, g + options["weight_decay"] * w, w, before, after, options, t)


def _adamw(
    w: Array, g: Array, before: Mapping[str, Array], after: Mapping[str, Array], options: Mapping[str, Any], t: int
) -> Sums:
    kept = w - options["learning_rate"] * options["weight_decay"] * w
    return _moments(w, g, kept, before, after, options, t)


def _moments(
    w: Array,
    g: Array,
    kept: Array,
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    options: Mapping[str, Any],
    t: int,
) -> Sums:
    b1, b2 = WIDE(options["beta1"]), WIDE(options["beta2"])
    m, v = after["first_moment"], after["second_moment"]
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    step = options["learning_rate"] * m_hat / (np.sqrt(v_hat) + options["epsilon"])
    return {
        "first_moment": (b1 * before["first_moment"], (1 - b1) * g),
        "second_moment": (b2 * before["second_moment"], (1 - b2) * g * g),
        "parameter": (kept, -step),
    }


def _adagrad(
    w: Array, g: Array, before: Mapping[str, Array], after: Mapping[str, Array], options: Mapping[str, Any], t: int
) -> Sums:
    g = g + options["weight_decay"] * w
    total = after["square_sum"]
    step = options["learning_rate"] * g / (np.sqrt(total) + options["epsilon"])
    return {"square_sum": (before["square_sum"], g * g), "parameter": (w, -step)}


def _rmsprop(
    w: Array, g: Array, before: Mapping[str, Array], after: Mapping[str, Array], options: Mapping[str, Any], t: int
) -> Sums:
    g = g + options["weight_decay"] * w
    alpha, average = WIDE(options["alpha"]), after["square_average"]
    sums: Sums = {"square_average": (alpha * before["square_average"], (1 - alpha) * g * g)}
    spread, lost = average, WIDE(1)
    if options["centered"]:
        mean = after["mean_gradient"]
        sums["mean_gradient"] = (alpha * before["mean_gradient"], (1 - alpha) * g)
        spread = average - mean * mean
        lost = np.where(spread > 0, average / np.where(spread > 0, spread, 1), np.inf)
        lost = np.where(lost > MOST_LOST, np.inf, lost)  # nearer to 0, rounding may make it 0 and the step endless
    step = g / (np.sqrt(spread) + options["epsilon"])
    cancels = lost if options["centered"] else 0
    noise = np.where(g == 0, 0, np.abs(step) * cancels)  # as a pair of terms that add up to 0
    if options["momentum"]:
        sums["velocity"] = (options["momentum"] * before["velocity"], step, noise, -noise)
        sums["parameter"] = (w, -options["learning_rate"] * after["velocity"])
    else:
        sums["parameter"] = (w, *(-options["learning_rate"] * part for part in (step, noise, -noise)))
    return sums


RULES: dict[str, Callable[..., Sums]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
}


# -- wrong optimisers ------------------------------------------------------------------------------------------------

Rule = Callable[[Any, Emitter, Array, Array, UpdateState], None]


def _rate_times(by: float) -> Callable[[Rule], Rule]:
    def around(rule: Rule) -> Rule:
        def update(self: Any, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
            rate = emit.memory("wrong rate", ())
            emit(np.multiply, state.learning_rate, emit.constant(by), rate)
            rule(self, emit, parameter, gradient, replace(state, learning_rate=rate))

        return update

    return around


def _with(**changes: Callable[[Mapping[str, Any]], Any]) -> Callable[[Rule], Rule]:
    """Return the rule run with other options."""

    def around(rule: Rule) -> Rule:
        def update(self: Any, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
            other = {name: change(self.option_values) for name, change in changes.items()}
            rule(type(self)({**self.option_values, **other}), emit, parameter, gradient, state)

        return update

    return around


def _forgets(slot: str) -> Callable[[Rule], Rule]:
    def around(rule: Rule) -> Rule:
        def update(self: Any, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
            emit(np.multiply, state.slots[slot], emit.constant(0.0), state.slots[slot])
            rule(self, emit, parameter, gradient, state)

        return update

    return around


def _unchanged(rule: Rule) -> Rule:
    return rule


def _no_corrections(
    context: Any, state: UpdateState, betas: tuple[float, float], step_size: Array, root: Array
) -> None:
    step_size[...], root[...] = float(state.learning_rate), 1.0


def _one_correction(
    context: Any, state: UpdateState, betas: tuple[float, float], step_size: Array, root: Array
) -> None:
    t = context.iteration - int(state.first_iteration) + 1
    step_size[...], root[...] = float(state.learning_rate) / (1.0 - betas[0] ** t), 1.0


@dataclass(frozen=True)
class Mistake:
    """A way to get an optimiser wrong, and the options that it takes to show."""

    name: str
    around: Callable[[Rule], Rule]
    fits: Callable[[str, Mapping[str, Any]], bool] = lambda name, options: True
    corrections: Callable[..., None] | None = None


def _is(*names: str) -> Callable[[str, Mapping[str, Any]], bool]:
    return lambda name, options: name in names


def _has(option: str) -> Callable[[str, Mapping[str, Any]], bool]:
    return lambda name, options: bool(options.get(option))


MISTAKES = (
    Mistake("learning rate doubled", _rate_times(2.0)),
    Mistake("uphill", _rate_times(-1.0)),
    Mistake("learning rate off by a thousandth", _rate_times(1.001)),
    Mistake("decay with the wrong sign", _with(weight_decay=lambda o: -o["weight_decay"]), _has("weight_decay")),
    Mistake("decay forgotten", _with(weight_decay=lambda o: 0.0), _has("weight_decay")),
    Mistake("momentum with the wrong sign", _with(momentum=lambda o: -o["momentum"]), _has("momentum")),
    Mistake("no look ahead", _with(nesterov=lambda o: False), _has("nesterov")),
    Mistake("no bias correction", _unchanged, _is("adam", "adamw"), _no_corrections),
    Mistake("one bias correction", _unchanged, _is("adam", "adamw"), _one_correction),
    Mistake("betas exchanged", _with(beta1=lambda o: o["beta2"], beta2=lambda o: o["beta1"]), _is("adam", "adamw")),
    Mistake("the sum of squares forgotten", _forgets("square_sum"), _is("adagrad")),
    Mistake("the mean square forgotten", _forgets("square_average"), _is("rmsprop")),
    Mistake("alpha and what is left exchanged", _with(alpha=lambda o: 1.0 - o["alpha"]), _is("rmsprop")),
    Mistake("not centered", _with(centered=lambda o: False), _has("centered")),
)


@contextmanager
def wrong_updating(seed: int, mistake: Mistake | None = None) -> Iterator[Updating]:
    """Give the case of a seed with a wrong optimiser, which stays wrong while it is looked at."""
    network, place, data = _network(seed)
    choice = network.training.optimizer
    if mistake is None:
        fitting = [each for each in MISTAKES if each.fits(choice.type, choice.options)]
        mistake = fitting[int(np.random.default_rng([seed, 23]).integers(len(fitting)))]
    kind = optimizers.get(choice.type)
    corrections = mistake.corrections or visualbp.optimizers.adam.set_corrections
    with (
        patch.object(kind, "update", mistake.around(kind.update)),
        patch.object(visualbp.optimizers.adam, "set_corrections", corrections),
    ):
        yield Updating(seed, place, _taken(network, data, min(place.trained, 50)), mistake.name)


def seeds_that_fit(mistake: Mistake) -> list[int]:
    """Return a seed at the second place for each optimiser in which a mistake shows."""
    return [len(PLACES) * n + 1 for n, (name, options) in enumerate(OPTIMIZERS) if mistake.fits(name, {**options})]


def update_steps(case: Updating) -> list[Step]:
    return [step for step in case.executor.plan.steps if step.phase == Phase.UPDATE and step.operation == "update"]
