"""Networks that deserve a badge at a known layer, and healthy ones that deserve none; with an oracle of their own.

The oracle goes through a chain of dense layers itself, in the widest type that there is, from the parameters and the
batch alone: it shares nothing with the engine or with what is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tests.building import chain, optimizer, recorded, with_training
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.store import initial_parameters
from visualbp.network import Network, edits
from visualbp.network.network import make_layer

WIDE = np.longdouble
HE = {"type": "he_normal"}
GLOROT = {"type": "glorot_uniform"}


@dataclass(frozen=True)
class Flowing:
    """A network, stopped at the end of an iteration that was recorded; what was planted, and at which layers."""

    seed: int
    kind: str
    executor: Executor
    planted: str = ""
    layers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.kind}, {self.executor.plan.network.precision}, seed {self.seed}"


# -- an oracle for chains of dense layers ----------------------------------------------------------------------------


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: np.where(z > 0, 1, 0).astype(z.dtype)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
}


@dataclass
class Truth:
    """What is so of each layer: badges that are due, those that are as good as at their threshold, and slopes."""

    due: dict[str, set[str]] = field(default_factory=dict)
    undecided: dict[str, set[str]] = field(default_factory=dict)
    by_slopes: dict[str, float] = field(default_factory=dict)
    """Which share of the way down (in logarithms) the slopes alone explain, for the layers that vanish."""
    ratios: dict[str, float] = field(default_factory=dict)


def truth_of(case: Flowing) -> Truth:
    """Return which badges a chain of dense layers deserves: its layers but the input and the loss."""
    with np.errstate(all="ignore"):
        return _truth_of(case)


def _truth_of(case: Flowing) -> Truth:
    executor, network = case.executor, case.executor.plan.network
    start = executor.store.views_of(executor.start)
    indices = executor.batch_indices(executor.iteration)
    names = [layer.name for layer in network.layers if layer.type == "dense"]
    kinds = [str(network.layer(name).options["activation"].type) for name in names]
    weights = [np.asarray(start[ref(name, "weight")], WIDE) for name in names]
    biases = [np.asarray(start[ref(name, "bias")], WIDE) for name in names]
    hs, zs = [np.asarray(executor.inputs[indices], WIDE)], []
    for kind, weight, bias in zip(kinds, weights, biases, strict=True):
        zs.append(hs[-1] @ weight.T + bias)
        hs.append(FUNCTIONS[kind][0](zs[-1]))
    target, loss = executor.targets[indices], network.layer("loss").type
    deltas = [np.zeros(0)] * len(names)
    deltas[-1] = _last_delta(loss, hs[-1], zs[-1], target, kinds[-1])
    for n in reversed(range(len(names) - 1)):
        deltas[n] = (deltas[n + 1] @ weights[n + 1]) * FUNCTIONS[kinds[n]][1](zs[n])
    truth = Truth()
    limit = float(np.finfo(network.precision).max)
    for n, name in enumerate(names):
        due, near = truth.due.setdefault(name, set()), truth.undecided.setdefault(name, set())
        if not (np.abs(zs[n]) < limit).all():  # a nan is no less than that either
            due.add("not finite")
            before = {each: truth.due[each] - {"vanishing", "exploding"} for each in names[: n + 1]}
            return Truth({each: before.get(each, set()) for each in names}, truth.undecided)
        dead = float((hs[n + 1] <= 0).all(0).mean()) if kinds[n] == "relu" and len(indices) >= 4 else 0.0
        if dead >= 0.8:
            due.add("dead")
        if kinds[n] in ("tanh", "sigmoid"):
            _saturated(case, n == len(names) - 1, loss, kinds[n], zs[n], hs[n + 1], target, due, near)
        if n < len(names) - 1:
            ratio = _norm(deltas[n]) / _norm(deltas[-1])
            of_layer, of_last = (np.asarray(executor.values[ref(each, "delta")], WIDE) for each in (name, names[-1]))
            truth.ratios[name] = float(_norm(of_layer) / _norm(of_last))  # as computed: 1 - h has few digits at h = 1
            _vanishing(ratio, dead, due, near)
            if 0 < ratio < 1e-3:
                ways = [_multiplies_by(kind, z) for kind, z in zip(kinds[n:-1], zs[n:-1], strict=True)]
                truth.by_slopes[name] = float(sum(map(np.log, ways)) / np.log(ratio))
    return truth


def _multiplies_by(kind: str, z: Array) -> Any:
    """Return what slopes multiply a signal by on average, half of the units of a ReLU being the weights' to make up."""
    size = np.sqrt((FUNCTIONS[kind][1](z) ** 2).mean())
    return min(size * np.sqrt(WIDE(2)), 1) if kind == "relu" else size


def _last_delta(loss: str, h: Array, z: Array, target: Array, kind: str) -> Array:
    """Return dL/dz of the last layer; the targets of classes are rows with a single 1."""
    if loss == "softmax_cross_entropy":
        shifted = np.exp(h - h.max(1, keepdims=True))
        p = shifted / shifted.sum(1, keepdims=True)
        return (p - target) / len(h)
    if loss == "binary_cross_entropy":
        return (h - target) / h.size
    return 2 * (h - target) / h.size * FUNCTIONS[kind][1](z)


def _norm(array: Array) -> Any:
    size = np.abs(array).max()
    return size * np.sqrt(((array / size) ** 2).sum()) if size > 0 else size


def _saturated(
    case: Flowing,
    is_last: bool,
    loss: str,
    kind: str,
    z: Array,
    h: Array,
    target: Array,
    due: set[str],
    near: set[str],
) -> None:
    if is_last and loss == "binary_cross_entropy":
        return
    slope = FUNCTIONS[kind][1](z) * (4 if kind == "sigmoid" else 1)
    flat, close = slope < 0.01, np.abs(slope - 0.01) < 1e-5
    if is_last and h.shape == target.shape:
        flat, close = flat & (np.abs(h - target) > 0.1), close | (np.abs(np.abs(h - target) - 0.1) < 1e-5)
    if flat.mean() >= 0.5:
        due.add("saturated")
    if (flat & ~close).mean() < 0.5 <= (flat | close).mean():
        near.add("saturated")


def _vanishing(ratio: Any, dead: float, due: set[str], near: set[str]) -> None:
    if ratio < 1e-3 and not (ratio == 0 and dead == 1.0):
        due.add("vanishing")
    if ratio > 100:
        due.add("exploding")
    near |= {kind for kind, limit in (("vanishing", 1e-3), ("exploding", 100.0)) if abs(ratio / limit - 1) < 1e-3}


# -- building --------------------------------------------------------------------------------------------------------


def dense_chain(
    generator: np.random.Generator, kinds: Sequence[str], width: int, init: object, loss: str, seed: int
) -> Network:
    hidden = [
        (f"hidden_{n}", "dense", {"units": width, "activation": kind, "weight_init": init})
        for n, kind in enumerate(kinds, 1)
    ]
    last = {"softmax_cross_entropy": (3, "linear"), "mean_squared_error": (1, "linear")}.get(loss, (1, "sigmoid"))
    return chain(
        ("input", "input", {"shape": [int(generator.integers(2, 9))]}),
        *hidden,
        ("output", "dense", {"units": last[0], "activation": last[1], "weight_init": GLOROT}),
        ("loss", loss, {}),
        seed=seed,
    )


def data_for(generator: np.random.Generator, network: Network, samples: int, learnable: bool = False) -> Dataset:
    """Return normalised inputs; targets that can be learned from them, or that are drawn."""
    inputs = generator.standard_normal((samples, *network.layers[0].options["shape"]))
    rows = inputs.reshape(samples, -1)
    answer = rows @ generator.standard_normal(rows.shape[1]) if learnable else generator.standard_normal(samples)
    match network.layer("loss").type:
        case "softmax_cross_entropy":
            return Dataset(inputs, np.digitize(answer, [-0.5, 0.5]))
        case "binary_cross_entropy":
            return Dataset(inputs, (answer > 0).astype(float)[:, None])
    return Dataset(inputs, answer[:, None])


def taken(network: Network, data: Dataset, iterations: int = 0) -> Executor:
    return recorded(Executor(compile_plan(network), data), iterations)


LOSSES = ("softmax_cross_entropy", "mean_squared_error", "binary_cross_entropy")


def _pick(generator: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(generator.integers(len(choices)))]


# -- healthy ---------------------------------------------------------------------------------------------------------


def _tanh(generator: np.random.Generator, seed: int, loss: str) -> Network:
    depth, width = int(generator.integers(1, 11)), int(generator.integers(8, 65))
    return dense_chain(generator, ["tanh"] * depth, width, GLOROT, loss, seed)


def _relu(generator: np.random.Generator, seed: int, loss: str) -> Network:
    depth, width = int(generator.integers(1, 13)), int(generator.integers(16, 65))
    return dense_chain(generator, ["relu"] * depth, width, HE, loss, seed)


def _small_relu(generator: np.random.Generator, seed: int, loss: str) -> Network:
    depth, width = int(generator.integers(1, 4)), int(generator.integers(4, 17))
    return dense_chain(generator, ["relu"] * depth, width, HE, loss, seed)


def _sigmoid_of_two(generator: np.random.Generator, seed: int, loss: str) -> Network:
    depth, width = int(generator.integers(1, 3)), int(generator.integers(8, 65))
    return dense_chain(generator, ["sigmoid"] * depth, width, GLOROT, loss, seed)


def _smooth(generator: np.random.Generator, seed: int, loss: str) -> Network:
    kind = str(_pick(generator, ["leaky_relu", "elu", "selu", "gelu", "silu"]))
    depth, width = int(generator.integers(1, 6)), int(generator.integers(16, 65))
    return dense_chain(generator, [kind] * depth, width, HE, loss, seed)


def _normed(generator: np.random.Generator, seed: int, loss: str) -> Network:
    kind, norm = _pick(generator, ["tanh", "relu"]), _pick(generator, ["batch_norm", "layer_norm"])
    network = dense_chain(generator, [kind] * int(generator.integers(2, 13)), 32, HE, loss, seed)
    for layer in [layer.name for layer in network.layers if layer.name.startswith("hidden")]:
        after = next(target for source, target in network.connections if source == layer)
        between = make_layer(layer.replace("hidden", "norm"), norm)
        network = edits.insert_on_connection(network, between, (layer, after), (0.0, 0.0))
    return network


def _residual(generator: np.random.Generator, seed: int, loss: str) -> Network:
    depth = int(generator.integers(4, 13))
    network = dense_chain(generator, [_pick(generator, ["tanh", "sigmoid"])] * depth, 32, GLOROT, loss, seed)
    before = "hidden_1"
    for n in range(2, depth + 1):
        target = f"hidden_{n + 1}" if n < depth else "output"
        add = make_layer(f"add_{n}", "add")
        network = edits.insert_on_connection(network, add, (f"hidden_{n}", target), (0.0, 0.0))
        network = edits.connect(network, before, add.name)
        before = add.name
    return network


def _images(generator: np.random.Generator, seed: int, loss: str) -> Network:
    last = {"softmax_cross_entropy": (3, "linear"), "mean_squared_error": (1, "linear")}.get(loss, (1, "sigmoid"))
    kind = _pick(generator, ["relu", "tanh"])
    init = HE if kind == "relu" else GLOROT
    return chain(
        ("input", "input", {"shape": [1, 8, 8]}),
        ("conv", "conv2d", {"filters": 8, "kernel": 3, "activation": kind, "weight_init": init}),
        ("pool", "max_pool2d", {}),
        ("conv_2", "conv2d", {"filters": 8, "kernel": 2, "activation": kind, "weight_init": init}),
        ("flatten", "flatten", {}),
        ("hidden", "dense", {"units": 16, "activation": kind, "weight_init": init}),
        ("output", "dense", {"units": last[0], "activation": last[1]}),
        ("loss", loss, {}),
        seed=seed,
    )


def _recurrent(generator: np.random.Generator, seed: int, loss: str) -> Network:
    last = {"softmax_cross_entropy": (3, "linear"), "mean_squared_error": (1, "linear")}.get(loss, (1, "sigmoid"))
    return chain(
        ("input", "input", {"shape": [int(generator.integers(2, 9)), 3]}),
        ("state", "rnn", {"units": 16, "activation": "tanh"}),
        ("output", "dense", {"units": last[0], "activation": last[1]}),
        ("loss", loss, {}),
        seed=seed,
    )


HEALTHY: tuple[Callable[[np.random.Generator, int, str], Network], ...] = (
    _tanh,
    _relu,
    _small_relu,
    _sigmoid_of_two,
    _smooth,
    _normed,
    _residual,
    _images,
    _recurrent,
)
TRAINED = (0, 0, 20, 200)


def _loss(executor: Executor) -> float:
    return float(executor.values[executor.plan.loss])


def healthy(seed: int) -> Flowing:
    """Return a network that is well initialised, of moderate depth, with normalised inputs: as it is, or trained."""
    generator = np.random.default_rng([seed, 11])
    build, loss = HEALTHY[seed % len(HEALTHY)], str(_pick(generator, LOSSES))
    network = build(generator, seed, loss)
    iterations = TRAINED[seed // len(HEALTHY) % len(TRAINED)]
    method = optimizer("adam", learning_rate=0.001) if seed % 2 else optimizer("sgd", learning_rate=0.005, momentum=0.5)
    samples = int(generator.integers(16, 65))
    network = with_training(network, optimizer=method, batch_size=samples, shuffle=False)
    network = replace(network, precision="float32" if generator.random() < 0.3 else "float64")
    data = data_for(generator, network, samples, learnable=bool(generator.random() < 0.7))
    executor = taken(network, data, iterations)
    if _loss(executor) > _loss(fresh := taken(network, data)):  # the learning rate was too large for it: not healthy
        executor, iterations = fresh, 0
    title = f"{build.__name__.strip('_')} {loss} after {iterations}"
    return Flowing(seed, title, executor)


# -- planted ---------------------------------------------------------------------------------------------------------


@dataclass
class _Plant:
    generator: np.random.Generator
    seed: int

    def chain(self, kinds: Sequence[str], init: object, width: int = 0) -> Network:
        loss = str(_pick(self.generator, LOSSES[:2]))
        return dense_chain(self.generator, kinds, width or int(self.generator.integers(8, 33)), init, loss, self.seed)

    def depth(self, low: int, high: int) -> int:
        return int(self.generator.integers(low, high + 1))

    def place(self, depth: int) -> str:
        """Return one of the hidden layers, but not the last."""
        return f"hidden_{int(self.generator.integers(1, depth))}"


def small_tanh(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """Twelve tanh layers and more whose weights are small: the first one vanishes."""
    network = plant.chain(["tanh"] * plant.depth(12, 18), GLOROT)
    return scaled(network, plant.generator.uniform(0.05, 0.35)), "vanishing", ("hidden_1",)


def deep_sigmoid(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    return plant.chain(["sigmoid"] * plant.depth(10, 16), GLOROT), "vanishing", ("hidden_1",)


def mixed(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """Layers of several kinds, so that the first one's own activation does not stand for the others."""
    kinds = [_pick(plant.generator, ["linear", "tanh", "relu", "sigmoid", "sigmoid"]) for _ in range(14)]
    return scaled(plant.chain(kinds, GLOROT), plant.generator.uniform(0.2, 0.8)), "vanishing", ("hidden_1",)


def large_weights(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """Weights three times as large as they should be, in depth: the first layer explodes."""
    kind = _pick(plant.generator, ["relu", "linear"])
    network = plant.chain([kind] * plant.depth(7, 12), HE if kind == "relu" else GLOROT, width=24)
    return scaled(network, 3.0), "exploding", ("hidden_1",)


def dead_relu(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    depth = plant.depth(2, 6)
    network, layer = plant.chain(["relu"] * depth, HE, width=24), plant.place(depth)
    units = compile_plan(network).shapes[ref(layer, "z")][-1]
    return edits.set_parameter(network, layer, "bias", np.full(units, -100.0)), "dead", (layer,)


def flat(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """One layer whose pre-activations are far out."""
    depth, kind = plant.depth(2, 4), _pick(plant.generator, ["sigmoid", "tanh"])
    network, layer = plant.chain([kind] * depth, GLOROT), plant.place(depth)
    units = compile_plan(network).shapes[ref(layer, "z")][-1]
    size = plant.generator.uniform(12.0, 40.0)
    bias = size * plant.generator.choice([-1.0, 1.0], units)
    return edits.set_parameter(network, layer, "bias", bias), "saturated", (layer,)


def zeros(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """Weights of exactly 0 in one layer: nothing comes back to those before it."""
    depth = plant.depth(3, 8)
    network, place = plant.chain(["tanh"] * depth, GLOROT), int(plant.generator.integers(2, depth + 1))
    before = tuple(f"hidden_{n}" for n in range(1, place))
    return scaled(network, 0.0, f"hidden_{place}"), "vanishing", before


def nan_in_one(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    depth = plant.depth(2, 10)
    network, layer = plant.chain([_pick(plant.generator, ["tanh", "relu"])] * depth, GLOROT), plant.place(depth)
    weight = np.array(initial_parameters(compile_plan(network))[ref(layer, "weight")], float)
    weight[int(plant.generator.integers(len(weight))), 0] = _pick(plant.generator, [np.nan, np.inf])
    return edits.set_parameter(network, layer, "weight", weight), "not finite", (layer,)


def overflow(plant: _Plant) -> tuple[Network, str, tuple[str, ...]]:
    """Linear layers whose outputs grow until one is too large for the type; it is found there."""
    network = plant.chain(["linear"] * 6, GLOROT)
    return scaled(network, 1e80), "not finite", ()


PLANTED: tuple[Callable[[_Plant], tuple[Network, str, tuple[str, ...]]], ...] = (
    small_tanh,
    deep_sigmoid,
    mixed,
    large_weights,
    dead_relu,
    flat,
    zeros,
    nan_in_one,
    overflow,
)


def scaled(network: Network, by: float, only: str = "") -> Network:
    """Return the network with the weights of its hidden layers, or of one layer, times a number."""
    for value, array in initial_parameters(compile_plan(network)).items():
        if value.name == "weight" and (value.layer == only if only else value.layer.startswith("hidden")):
            network = edits.set_parameter(network, value.layer, value.name, np.array(array, float) * by)
    return network


def planted(seed: int) -> Flowing:
    """Return a chain with something wrong at known layers."""
    generator = np.random.default_rng([seed, 12])
    plant = PLANTED[seed % len(PLANTED)]
    network, kind, layers = plant(_Plant(generator, seed))
    samples = int(generator.integers(16, 65))
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=0.01), batch_size=samples, shuffle=False)
    network = replace(network, precision="float32" if seed // len(PLANTED) % 3 == 0 else "float64")
    data = data_for(generator, network, samples)
    return Flowing(seed, plant.__name__, taken(network, data), kind, layers)
