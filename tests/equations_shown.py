"""What the equation of each step says, beside what it computed: for tests of every network, layer and optimiser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.building import optimizer
from tests.equation_reader import Bound, read
from tests.random_networks import PROBABILITIES
from tests.registry_cases import LayerCase, layer_cases, loss_data, of_kind
from visualbp.core.arrays import Array, Shape
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Step, compile_plan
from visualbp.engine.notation import ALL_GRADIENTS, PREDICTION, SLOT_SYMBOLS, Notation
from visualbp.engine.plan import GRADIENT_NORM
from visualbp.network import Network, Training, edits
from visualbp.network.network import make_layer
from visualbp.operations.dropout import Dropout
from visualbp.operations.losses import losses

SHAPES: tuple[Shape, ...] = ((4,), (2, 4), (2, 4, 6))
"""Samples: units; sequences of length 2; images."""
BATCH = 3
TOLERANCE = 1e-8
SATURATING = 6.0
"""What the weights before a layer are multiplied by: its operands reach 20, where slopes are 1e-8, and an equation
that is read literally still has its digits."""


@dataclass(frozen=True)
class Said:
    """A step with all that its equation may speak of."""

    step: Step
    equation: str
    symbols: dict[str, Bound]
    computed: dict[str, Array]
    samples: int
    texts: dict[str, float]
    sets: dict[str, list[Array]]

    def read(self, equation: str | None = None) -> dict[str, Array]:
        """Return what the equation, or another in its place, says."""
        latex = self.equation if equation is None else equation
        return read(latex, self.symbols, samples=self.samples, texts=self.texts, sets=self.sets)

    def disagreement(self, equation: str | None = None) -> str:
        """Return where what is said is not what was computed; empty where it is."""
        said = self.read(equation)
        for symbol, array in self.computed.items():
            if symbol not in said:
                return f"{symbol} was computed, and nothing is said of it"
            size = max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)), 1e-3)
            if not np.allclose(said[symbol], array, rtol=TOLERANCE, atol=TOLERANCE * size):
                return f"{symbol} is said to be {said[symbol].tolist()}, and it is {array.tolist()}"
        return ""


def steps_of(executor: Executor) -> list[Said]:
    """Take every step of the next iteration, and return what is said of each."""
    notation = Notation(executor.plan)
    return [said for _ in executor.plan.steps if (said := _next_step(executor, notation)) is not None]


def _next_step(executor: Executor, notation: Notation) -> Said | None:
    plan = executor.plan
    if executor.at_end:
        executor._begin(executor.iteration + 1)
    before = dict(executor.values)
    step = executor.step()
    equation = notation.step_equation(step)
    if step.operation == "load":
        assert equation.endswith(r" \leftarrow \text{the batch}")
        return None
    after = executor.values
    symbols: dict[str, Bound] = {}
    for value, array in before.items():
        if value in plan.shapes and value != GRADIENT_NORM:
            symbols[notation.symbol(value)] = Bound(np.asarray(array), value in plan.batched)
    computed = {}
    for value in step.writes:
        if value == GRADIENT_NORM:
            continue
        name = str(notation.symbol(value))
        slot, _, of = value.name.partition("/")
        if of and not value.is_gradient:
            name = SLOT_SYMBOLS[slot]
            symbols[name] = Bound(np.asarray(before[value]))
        computed[name] = np.asarray(after[value])
        unknown = np.full(after[value].shape, np.nan)
        symbols.setdefault(name, Bound(unknown, value in plan.batched))
        if name == PREDICTION and equation.startswith(f"{PREDICTION} = "):
            own = notation._own_symbol(value)
            symbols[own], computed[own] = symbols[name], computed[name]
    if step.operation == "clip":
        computed = {ALL_GRADIENTS: _flat(after, step)}
        symbols[ALL_GRADIENTS] = Bound(_flat(before, step))
    if step.node is not None and isinstance(step.node.operation, Dropout):
        emitter = executor.binding(len(after[plan.target])).emitter_of(step.node)
        mask = emitter.memory("mask", np.shape(after[plan.resolve(step.node.output)]))
        symbols[r"\mathbf{m}"] = Bound(np.array(mask), True)
    penalised = [info.value for info in plan.parameters if info.spec.penalised]
    return Said(
        step,
        equation,
        symbols,
        computed,
        len(after[plan.target]),
        {
            "number of this update": executor.iteration - float(executor.store.first_iteration) + 1,
            "number of this iteration": float(executor.iteration),
        },
        {"all weights, not the biases": [np.asarray(before[value]) for value in penalised]},
    )


def _flat(values: Any, step: Step) -> Array:
    return np.concatenate([np.asarray(values[value]).reshape(-1) for value in step.reads])


# -- a network around every registered layer -------------------------------------------------------------------------


def cases() -> list[LayerCase]:
    """Return the cases of all layers that compute something; where numbers start from changes no equation."""
    found: dict[str, LayerCase] = {}
    for case in layer_cases(SHAPES):
        options = {name: value for name, value in case.options.items() if not name.endswith("_init")}
        if case.kind.type_name != "input":
            found.setdefault(f"{case.kind.type_name} {options} {case.shapes}", case)
    return list(found.values())


def network_around(case: LayerCase) -> Network:
    """Return a network in which a layer stands between layers that send it gradients of all kinds."""
    network = edits.add_layer(
        Network(seed=5), make_layer("input", "input", {"shape": list(case.shapes[0])}), (0.0, 0.0)
    )

    def add(name: str, type_name: str, options: dict[str, Any], *sources: str) -> str:
        nonlocal network
        network = edits.add_layer(network, make_layer(name, type_name, options), (0.0, 0.0))
        for source in sources:
            network = edits.connect(network, source, name)
        return name

    options = {name: value for name, value in case.options.items()}
    if case.kind.takes_samples:
        sources = ["input"]
    else:
        sources = [add(f"source {i}", "dense", {"units": case.shapes[0][-1]}, "input") for i in range(len(case.shapes))]
    if case.kind.is_loss:
        chosen = PROBABILITIES.get(case.kind.type_name, "linear")
        made = add("before", "activation", {"function": chosen}, *sources)
        add("tested", case.kind.type_name, options, made)
        return network
    tested = add("tested", case.kind.type_name, options, *sources)
    last = add("flat", "flatten", {}, tested)
    last = add("output", "dense", {"units": 3}, last)
    add("loss", "mean_squared_error", {}, last)
    return network


def data_for(network: Network, seed: int = 0, operands: str = "ordinary") -> Dataset:
    """Return as many samples as a batch has, that the network takes."""
    generator = np.random.default_rng(seed)
    plan = compile_plan(network)
    inputs: Array = generator.standard_normal((BATCH, *plan.shapes[plan.input]))
    if operands == "kinked":
        inputs = of_kind(operands, inputs)
    for layer in network.layers:
        if layer.type == "embedding":
            inputs = generator.integers(0, layer.options["vocabulary"], inputs.shape).astype(float)
    rule, shape = losses.get(network.layers[-1].type), (BATCH, *plan.shapes[plan.prediction])
    _, targets = loss_data(rule, shape, generator, operands)
    return Dataset(inputs, targets)


def executor_around(case: LayerCase, operands: str = "ordinary") -> Executor:
    """Return an executor of the network around a layer to which operands of this kind come."""
    network = replace(network_around(case), training=Training(optimizer("sgd", learning_rate=0.05), batch_size=BATCH))
    return started(network, data_for(network, operands=operands), operands)


def started(network: Network, data: Dataset, operands: str = "ordinary") -> Executor:
    """Return an executor whose parameters, biases too, are random numbers; those of the sources make the operands."""
    plan = compile_plan(network)
    generator = np.random.default_rng(1)
    carried = {
        info.value: generator.uniform(0.2, 1.0, info.spec.shape) * generator.choice([-1.0, 1.0], info.spec.shape)
        for info in plan.parameters
    }
    for value, array in carried.items():
        if operands == "saturated" and value.layer.startswith("source"):
            carried[value] = SATURATING * array
        elif operands == "kinked" or (operands == "zero" and value.layer.startswith("source")):
            carried[value] = of_kind(operands, array)
    carried |= {info.value: generator.uniform(0.2, 1.0, info.spec.shape) for info in plan.buffers}
    return Executor(plan, data, carried)
