"""What follows from a network's drawing: an order to run in, the shapes, and what keeps it from running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from visualbp.core.arrays import Shape, shape_text, size_of
from visualbp.core.options import LARGEST_SIZE, Choice
from visualbp.layers import ParameterSpec, ShapeError
from visualbp.network.fixes import (
    AddInput,
    AddLoss,
    AddUp,
    Connect,
    DeleteLayer,
    Disconnect,
    Fix,
    SetBatchSize,
    SetOption,
)
from visualbp.network.network import Layer, Network


@dataclass(frozen=True)
class Problem:
    """Something wrong with a network, for people: where, what, and what would mend it.

    An `error` keeps the network from running; a `warning` does not. `fix` is there where a single edit is plainly the
    one: after it the problem is gone. `lacks` says what is not there, where that is all that is wrong.
    """

    severity: Literal["error", "warning"]
    layer: str | None
    message: str
    mend: str = ""
    fix: Fix | None = field(default=None, kw_only=True)
    lacks: Literal["", "input", "loss", "source"] = field(default="", kw_only=True)

    @property
    def text(self) -> str:
        """One sentence: `hidden: expects 3 inputs, gets 2; ...`."""
        where = f"{self.layer}: " if self.layer else ""
        return where + self.message + (f"; {self.mend}" if self.mend else "")


@dataclass(frozen=True)
class Structure:
    """The checked structure. `order` holds the layers that run, sources first; `shapes` those known, a sample each."""

    order: tuple[str, ...]
    shapes: Mapping[str, Shape]
    parameters: Mapping[str, tuple[ParameterSpec, ...]]
    problems: tuple[Problem, ...]
    input: str | None
    loss: str | None
    buffers: Mapping[str, tuple[ParameterSpec, ...]] = field(default_factory=dict)

    def saved(self, layer: str) -> tuple[ParameterSpec, ...]:
        """Return what files keep of a layer: its parameters, then its buffers."""
        return (*self.parameters.get(layer, ()), *self.buffers.get(layer, ()))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the network from running; the others are warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def can_run(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def problems_of(self, layer: str) -> tuple[Problem, ...]:
        """Return the problems of one layer, warnings included."""
        return tuple(problem for problem in self.problems if problem.layer == layer)


def _ordered(network: Network) -> tuple[list[str], list[str]]:
    """Return the layers sources first (Kahn's algorithm, stable in the network's order), and those on a cycle."""
    waiting = Counter(target for _, target in network.connections)
    following: dict[str, list[str]] = {}
    for source, target in network.connections:
        following.setdefault(source, []).append(target)
    ready = [name for name in network.names if not waiting[name]]
    order: list[str] = []
    for name in ready:  # `ready` grows while it is walked
        order.append(name)
        for target in following.get(name, ()):
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    done = set(order)
    return order, [name for name in network.names if name not in done]


def _reachable(start: str, next_of: Mapping[str, list[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for name in next_of.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _neighbours(network: Network) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    after: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}
    for source, target in network.connections:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    return after, before


def _count_problem(layer: Layer, count: int) -> Problem | None:
    kind = layer.kind
    if count < kind.fewest_inputs:
        wanted = "an input" if kind.fewest_inputs == 1 else f"{kind.fewest_inputs} inputs or more"
        got = "nothing is connected to it" if not count else f"has {count}"
        return Problem(
            "error", layer.name, f"needs {wanted}, {got}", "connect a layer to its left port", lacks="source"
        )
    if kind.most_inputs is not None and count > kind.most_inputs:
        takes = "no input" if not kind.most_inputs else "one input" if kind.most_inputs == 1 else str(kind.most_inputs)
        return Problem("error", layer.name, f"takes {takes}, has {count}", "remove a connection, or add them up first")
    return None


def _the_one(what: Literal["input", "loss"], mend: str, names: list[str], problems: list[Problem]) -> str | None:
    """Return the first of `names`, and note where there is none, or more than one."""
    if not names:
        problems.append(Problem("error", None, f"the network has no {what} layer", mend, lacks=what))
    for extra in names[1:]:
        message = f"is a second {what} layer beside {names[0]}"
        problems.append(Problem("error", extra, message, "keep one of them", fix=DeleteLayer(extra)))
    return names[0] if names else None


def _loss_of(network: Network, problems: list[Problem]) -> str | None:
    """Return the loss: of several, those that something is connected to count."""
    losses = [layer.name for layer in network.layers if layer.kind.is_loss]
    connected = [name for name in losses if network.inputs_of(name)]
    return _the_one("loss", "drag one from the palette's losses", connected or losses, problems)


def _input_of(network: Network, used: set[str], problems: list[Problem]) -> str | None:
    """Return the input layer: of several, those that lead to the loss count."""
    inputs = [layer.name for layer in network.layers if layer.type == "input"]
    leading = [name for name in inputs if name in used]
    return _the_one("input", "drag one from the palette", leading or inputs[:1], problems)


def _after_a_loss(losses: Iterable[str], after: Mapping[str, list[str]]) -> list[Problem]:
    """Return the losses that something comes after: nothing can, since a loss is one number for the whole batch."""
    problems = []
    for loss in losses:
        if following := after.get(loss):
            message = f"is a loss, the end of the network, and {following[0]} is connected behind it"
            mend = f"remove the connection from {loss} to {following[0]}"
            problems.append(Problem("error", loss, message, mend, fix=Disconnect(loss, following[0])))
    return problems


def structure_of(network: Network) -> Structure:
    """Return the order, the shapes and the problems of `network`. Never raises for what a person can draw."""
    problems: list[Problem] = []
    by_name = {layer.name: layer for layer in network.layers}
    after, before = _neighbours(network)
    of_loss: list[Problem] = []
    loss = _loss_of(network, of_loss)
    used = _reachable(loss, before) if loss else set(network.names)
    inputs = _input_of(network, used, problems)
    losses = {layer.name for layer in network.layers if layer.kind.is_loss}
    problems += of_loss + _after_a_loss(sorted(losses, key=network.names.index), after)
    order, cyclic = _ordered(network)
    if cyclic:
        shown = ", ".join(cyclic[:4]) + (" and more" if len(cyclic) > 4 else "")
        problems.append(
            Problem("error", cyclic[0], f"is on, or behind, a cycle ({shown})", "remove one connection of the cycle")
        )
    fed = _reachable(inputs, after) if inputs else set(network.names)
    shapes: dict[str, Shape] = {}
    parameters: dict[str, tuple[ParameterSpec, ...]] = {}
    buffers: dict[str, tuple[ParameterSpec, ...]] = {}
    for name in order:
        layer, sources = by_name[name], before.get(name, [])
        aside = loss is not None and name not in used
        if aside:
            mend = "connect it, or delete it"
            problems.append(Problem("warning", name, "does not lead to the loss, and is left out", mend))
        elif (
            inputs is not None
            and name not in fed
            and len(sources) >= layer.kind.fewest_inputs
            and layer.type != "input"
        ):
            problems.append(Problem("error", name, "gets nothing from the input layer", "connect it to the input"))
        problem = _count_problem(layer, len(sources))
        if problem is not None:
            if not aside:
                given = {shapes.get(source) for source in sources}
                if sources and layer.kind.most_inputs == 1 and len(given) == 1 and None not in given:
                    problem = replace(problem, fix=AddUp(name))
                problems.append(problem)
        elif computed := _computed_source(layer, [by_name[source] for source in sources]):
            message = f"takes class indices from the data, not what {computed} computes"
            problems.append(Problem("error", name, message, "connect the input layer to it"))
        elif all(source in shapes and source not in losses for source in sources):
            _infer(layer, [shapes[source] for source in sources], shapes, parameters, buffers, problems)
    runs = tuple(name for name in order if loss is None or name in used)
    problems += _batch_problems(network, runs, shapes, [network.training.batch_size], "the batch size is {}")
    structure = Structure(runs, shapes, parameters, tuple(problems), inputs, loss, buffers)
    return replace(structure, problems=tuple(_fixes_of_ends(network, structure, after, fed)))


def _fixes_of_ends(
    network: Network, structure: Structure, after: Mapping[str, list[str]], fed: set[str]
) -> Iterable[Problem]:
    """Return the problems, with a fix for what is missing at an end of the network, if there is one such end."""
    inner = [layer for layer in network.layers if not layer.kind.is_loss]
    ends = [layer.name for layer in inner if not after.get(layer.name)]
    unfed = [layer.name for layer in inner if layer.type != "input" and not network.inputs_of(layer.name)]
    for problem in structure.problems:
        name, fix = problem.layer, problem.fix
        if problem.lacks == "input" and len(unfed) == 1:
            fix = AddInput(unfed[0])
        elif problem.lacks == "loss" and len(ends) == 1 and network.layer(ends[0]).type != "input":
            fix = _loss_after(network.layer(ends[0]), structure.shapes.get(ends[0], ()))
        elif problem.lacks == "source" and name is not None and structure.input is not None:
            givers = [end for end in ends if end != name and end in fed]
            if len(givers) == 1 and connection_problem(network, givers[0], name, structure) is None:
                few = len(network.inputs_of(name)) + 1 >= network.layer(name).kind.fewest_inputs
                fix = Connect(givers[0], name) if few else None
        yield replace(problem, fix=fix) if fix is not problem.fix else problem


def _loss_after(layer: Layer, shape: Shape) -> AddLoss:
    """Return the loss that is usual after an activation: of probabilities where it gives them, else of numbers."""
    activation = layer.options.get("activation") or layer.options.get("function")
    function = activation.type if isinstance(activation, Choice) else activation
    if function == "sigmoid":
        return AddLoss(layer.name, "binary_cross_entropy", "binary cross-entropy")
    if function == "softmax":
        return AddLoss(layer.name, "cross_entropy", "cross-entropy")
    if function == "linear" and shape and shape[-1] > 1:
        return AddLoss(layer.name, "softmax_cross_entropy", "softmax cross-entropy")
    return AddLoss(layer.name, "mean_squared_error", "mean squared error")


def _computed_source(layer: Layer, sources: Iterable[Layer]) -> str | None:
    """Return the first of its sources that computes what `layer` takes from the data alone, if there is one."""
    return next((s.name for s in sources if layer.kind.takes_samples and s.type != "input"), None)


def _infer(
    layer: Layer,
    sources: list[Shape],
    shapes: dict[str, Shape],
    parameters: dict[str, tuple[ParameterSpec, ...]],
    buffers: dict[str, tuple[ParameterSpec, ...]],
    problems: list[Problem],
) -> None:
    try:
        shape = layer.kind.output_shape(layer.options, sources)
        specs = layer.kind.parameters(layer.options, sources)
        own = layer.kind.buffers(layer.options, sources)
    except ShapeError as error:
        fix = SetOption(layer.name, *error.change) if error.change else None
        problems.append(Problem("error", layer.name, error.message, error.mend, fix=fix))
        return
    for what, size in [("its output", size_of(shape)), *[(spec.name, size_of(spec.shape)) for spec in (*specs, *own)]]:
        if size > LARGEST_SIZE:
            problems.append(
                Problem(
                    "error",
                    layer.name,
                    f"{what} would have {size:,} numbers; {LARGEST_SIZE:,} is the most",
                    "use fewer units",
                )
            )
            return
    shapes[layer.name], parameters[layer.name], buffers[layer.name] = shape, specs, own


def _batch_problems(
    network: Network, runs: Iterable[str], shapes: Mapping[str, Shape], sizes: Iterable[int], said: str
) -> list[Problem]:
    """Return the layers that cannot be trained on batches of these sizes; `said` tells of a size."""
    problems: list[Problem] = []
    for name in runs:
        layer, sources = network.layer(name), network.inputs_of(name)
        if name not in shapes or not all(source in shapes for source in sources):
            continue
        fewest = layer.kind.fewest_samples(layer.options, [shapes[source] for source in sources])
        for size in sizes:
            if size < fewest:
                message = f"needs {fewest} samples or more in a batch to train on, and {said.format(size)}"
                mend = "choose another batch size, or put a layer there that looks at each sample alone"
                fix = SetBatchSize(fewest) if size == network.training.batch_size else None
                problems.append(Problem("error", name, message, mend, fix=fix))
                break
    return problems


def batch_problems(network: Network, structure: Structure, samples: int) -> tuple[Problem, ...]:
    """Return the layers that cannot be trained on the batches of `samples` samples; an epoch's last may be smaller."""
    batch_size = min(network.training.batch_size, samples)
    last = samples % batch_size or batch_size
    said = f"the last batch of an epoch has {{}}, with {samples} samples in batches of {batch_size}"
    if last == batch_size:
        said = "the data have {}"
    return tuple(_batch_problems(network, structure.order, structure.shapes, [last], said))


def parameter_problems(network: Network, structure: Structure) -> tuple[Problem, ...]:
    """Return what is wrong with the parameters that the network gives: unknown names, and shapes that do not fit."""
    problems: list[Problem] = []
    for name, arrays in network.parameters.items():
        specs = {spec.name: spec.shape for spec in structure.saved(name)}
        for parameter, array in arrays.items():
            if name not in structure.parameters:
                continue
            if parameter not in specs:
                has = f"; it has {', '.join(specs)}" if specs else ""
                problems.append(Problem("error", name, f"has no parameter called {parameter}{has}", "remove it"))
            elif array.shape != specs[parameter]:
                message = f"{parameter} is {shape_text(array.shape)} in the file, not {shape_text(specs[parameter])}"
                mend = "correct it, or remove it to draw it from the initialiser"
                problems.append(Problem("error", name, message, mend))
    return tuple(problems)


def drawn_anew(old: Network, new: Network, layers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the (layer, parameter) pairs of `layers` whose initialiser is another one in `new`, where they are not
    given; with them what is computed from the layer's drawn parameters."""
    before, after = structure_of(old).parameters, structure_of(new).parameters
    drawn: list[tuple[str, str]] = []
    for name in layers:
        initializers = {spec.name: spec.initializer for spec in before.get(name, ())}
        specs = [spec for spec in after.get(name, ()) if spec.name not in new.parameters.get(name, {})]
        other = [s.name for s in specs if initializers.get(s.name, s.initializer) != s.initializer]
        if other:
            drawn += [(name, s.name) for s in specs if s.name in other or s.initial is not None]
    return tuple(drawn)


def connection_problem(network: Network, source: str, target: str, structure: Structure | None = None) -> str | None:
    """Return why `source` cannot be connected to `target`, in a few words, or None if it can.

    `structure` is that of `network`, where the caller has it: for asking about many targets.
    """
    by_name = {layer.name: layer for layer in network.layers}
    if source == target:
        return "a layer cannot feed itself"
    if (source, target) in network.connections:
        return "these two are connected already"
    giver, taker = by_name[source], by_name[target]
    if giver.kind.is_loss:
        return "a loss is the end: nothing comes after it"
    if taker.kind.most_inputs == 0:
        return "an input layer takes no input"
    if _computed_source(taker, [giver]):
        return f"{target} takes class indices from the data: connect the input layer to it"
    count = len(network.inputs_of(target))
    if taker.kind.most_inputs is not None and count >= taker.kind.most_inputs:
        return f"{target} takes one input, and has it; put an Add before it to join several"
    after, _ = _neighbours(network)
    if source in _reachable(target, after):
        return f"that would close a cycle: {target} already leads to {source}"
    structure = structure or structure_of(network)
    feeds = [*network.inputs_of(target), source]
    if all(name in structure.shapes for name in feeds):
        try:
            if len(feeds) >= taker.kind.fewest_inputs:
                taker.kind.output_shape(taker.options, [structure.shapes[name] for name in feeds])
        except ShapeError as error:
            return f"{target} {error.message}"
    return None
