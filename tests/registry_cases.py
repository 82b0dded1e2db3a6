"""Cases for tests of everything that is registered: made from the registries and from the options' own kinds, so that a
new entry is tested without a new test.

What is held against what, on which operands (batches of 3; units, sequences and images):

part of an operation     | held against                | test                            | operands
vjp, jvp                 | differences, each other     | test_registry                   | ordinary
finite at extremes       | itself                      | test_registry                   | activations, losses: to 1e300
shown equation           | the step's numbers          | engine/test_equations_read      | all kinds
sentence                 | the step's arrays           | engine/test_sentences_read      | all kinds
words and terms          | the number, the arrays      | analysis/test_explanations_read | all kinds
label of a term, note    | its factors, the number     | analysis/test_explanations_read | all kinds
shapes in words          | the arrays' shapes          | engine/test_sentences_read      | ordinary
NumPy lines              | the rule's bits             | operations/test_numpy_lines     | all kinds, both precisions
multiplications          | counted, or the batch twice | test_registry                   | ordinary
what it gives, its       | the rule's numbers          | test_registry                   | ordinary, saturated
weight matrix, its samples
export                   | PyTorch                     | parity                          | ordinary
any part left out        | its name                    | test_registry_rooms             |
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.refs import ref
from visualbp.core.arrays import Array, Shape
from visualbp.core.expression_parser import ExpressionOption
from visualbp.core.options import (
    BoolOption,
    Choice,
    ChoiceOption,
    EntryOption,
    FloatOption,
    IntOption,
    Option,
    ShapeOption,
    parse_options,
)
from visualbp.core.ref import Ref
from visualbp.layers import LayerType, Node, ShapeError, layer_types
from visualbp.operations.base import Evaluation, evaluate
from visualbp.operations.losses import Loss

OPERANDS = ("ordinary", "zero", "saturated", "kinked")
"""What a rule is tried on: random numbers; nothing but 0; numbers 40 times as large; whole numbers, of which many are
equal, and many 0, so that maxima tie and corners are met."""
SPECIAL_OPERANDS = OPERANDS[1:]
SAMPLE_SHAPES: tuple[Shape, ...] = ((4,), (3, 4), (2, 3, 5))
BATCH = 3


def some_values(option: Option) -> list[Any]:
    """Return values that an option takes: all of a few, or some of many."""
    match option:
        case BoolOption():
            return [False, True]
        case ChoiceOption():
            return list(option.choices)
        case EntryOption():
            return [_plain_choice(entry) for entry in option.registry]
        case ExpressionOption():
            return [""] if option.optional else ["x * tanh(x)"]
        case IntOption():
            return [_near(3, option)]
        case ShapeOption():
            return [list(shape) for shape in SAMPLE_SHAPES if len(shape) <= option.most_axes]
        case FloatOption():
            inside = [value for value in (0.3, 0.7, 1.5) if option.minimum < value < option.maximum]
            return inside or [option.minimum]
    raise AssertionError(f"there are no sample values for {type(option).__name__}: add some")


def _plain_choice(entry: Any) -> Any:
    """Return an entry as a file names it, with values for the options that it must be given."""
    required = {option.name: some_values(option)[0] for option in entry.options if option.required}
    return {"type": entry.type_name, **required} if required else entry.type_name


def some_options(options: Sequence[Option]) -> Iterator[dict[str, Any]]:
    """Yield the defaults with each option in turn set to each of its values; required ones have all combinations."""
    required = [option for option in options if option.required]
    for combination in itertools.product(*(some_values(option) for option in required)):
        given = dict(zip((option.name for option in required), combination, strict=True))
        yield dict(given)
        for option in options:
            if not option.required:
                yield from ({**given, option.name: value} for value in some_values(option))
        yield from ({**given, **together} for together in _numbers_together(options))


def _numbers_together(options: Sequence[Option]) -> Iterator[dict[str, int]]:
    """Yield values for whole numbers that work together, such as kernel, stride and padding: large and small ones
    side by side, so that windows overlap and leave gaps, and all of them at 2 but one."""
    numbers = [option for option in options if isinstance(option, IntOption) and not option.required]
    if len(numbers) < 2:
        return
    for large, small in itertools.permutations(numbers, 2):
        for size in (2, 3):
            yield {large.name: _near(size, large), small.name: small.minimum}
    for largest in numbers:
        yield {option.name: _near(3 if option is largest else 2, option) for option in numbers}


def _near(number: int, option: IntOption) -> int:
    return min(max(number, option.minimum), option.maximum)


def options_of_layer(kind: LayerType) -> Iterator[dict[str, Any]]:
    """As some_options, for a layer type whose choices can bring options of their own."""
    for given in some_options(kind.options):
        yield given
        known = {option.name for option in kind.options}
        for option in kind.options_for(given):
            if option.name not in known:
                yield from ({**given, option.name: value} for value in some_values(option))


@dataclass(frozen=True)
class LayerCase:
    """A layer type with options and the shapes of its inputs."""

    kind: LayerType
    options: Mapping[str, Any]
    shapes: tuple[Shape, ...]

    @property
    def text(self) -> str:
        shown = [f"{name}={value.type if isinstance(value, Choice) else value}" for name, value in self.options.items()]
        return f"{self.kind.type_name}({', '.join(shown)}) on {' '.join(map(str, self.shapes)) or 'nothing'}"


def takes(kind: LayerType, options: Mapping[str, Any], shapes: tuple[Shape, ...]) -> bool:
    try:
        kind.output_shape(options, shapes)
    except ShapeError:
        return False
    return True


def _fitting(kind: LayerType, options: Mapping[str, Any], shape: Shape, count: int) -> Shape:
    """Return the shape if the layer takes it, or else the same with more channels, for a layer that puts them into
    groups; nothing if it takes neither."""
    more = (3 * shape[0], *shape[1:])
    return next((fit for fit in (shape, more) if takes(kind, options, (fit,) * count)), ())


def layer_cases(shapes: Sequence[Shape] = SAMPLE_SHAPES) -> list[LayerCase]:
    """Return each layer type as it comes on all sample shapes that it takes, and with each option on one of them."""
    cases: dict[str, LayerCase] = {}
    for kind in layer_types:
        counts = {kind.fewest_inputs, kind.fewest_inputs + 1 if kind.most_inputs is None else kind.most_inputs}
        required = {option.name for option in kind.options if option.required}
        for given in options_of_layer(kind):
            options = parse_options(kind.options_for(given), given)
            for count in sorted(counts):
                taken = [fit for shape in shapes if (fit := _fitting(kind, options, shape, count))]
                for shape in taken if given.keys() <= required else taken[:1]:
                    case = LayerCase(kind, options, (shape,) * count)
                    cases[case.text] = case
    return list(cases.values())


@dataclass(frozen=True)
class NodeCase:
    """One operation that a layer lowers to, with the arrays that come to it."""

    node: Node
    inputs: tuple[Array, ...]

    def evaluated(self, inputs: Sequence[Array] | None = None) -> Evaluation:
        return evaluate(self.node.operation, self.inputs if inputs is None else inputs)

    @property
    def differentiable(self) -> list[int]:
        operation = self.node.operation
        return [index for index in range(len(self.inputs)) if not operation.is_constant(index)]


def of_kind(operands: str, array: Array) -> Array:
    """Return an array of random numbers as one of the kinds of OPERANDS."""
    match operands:
        case "zero":
            return np.zeros_like(array)
        case "saturated":
            return 40.0 * array
        case "kinked":
            return np.round(array)
    return array


def node_cases(case: LayerCase, seed: int = 0, dtype: Any = np.float64, operands: str = "ordinary") -> list[NodeCase]:
    """Return the case's operations, evaluated one after the other on random numbers, or on `operands` of another kind:
    zero and saturated are what comes from other layers, kinked is all there is."""
    generator = np.random.default_rng(seed)
    sources = [ref(f"source {i}", "h") for i in range(len(case.shapes))]
    values: dict[Ref, Array] = {
        value: of_kind(operands, generator.standard_normal((BATCH, *shape)))
        for value, shape in zip(sources, case.shapes, strict=True)
    }
    if case.kind.takes_samples:
        classes = case.options["vocabulary"]
        values = {value: generator.integers(0, classes, array.shape).astype(float) for value, array in values.items()}
    for spec in (*case.kind.parameters(case.options, case.shapes), *case.kind.buffers(case.options, case.shapes)):
        drawn = generator.standard_normal(spec.shape)
        values[ref("layer", spec.name)] = of_kind(operands, drawn) if operands == "kinked" else drawn
    cases = []
    for node in case.kind.lower("layer", case.options, sources, case.shapes).nodes:
        if isinstance(node.operation, Loss):
            prediction, target = loss_data(type(node.operation), (BATCH, *case.shapes[0]), generator, operands)
            values[node.operands[0]], values[node.operands[1]] = prediction, target
        found = NodeCase(node, tuple(np.asarray(values[value], dtype) for value in node.operands))
        cases.append(found)
        values[node.output] = found.evaluated().output
    return cases


def loss_data(
    loss: type[Loss], shape: Shape, generator: np.random.Generator, operands: str = "ordinary"
) -> tuple[Array, Array]:
    """Return a prediction and a target that the loss is made for. The targets of special operands are hard; at a kink
    every other prediction is its target."""
    prediction = generator.standard_normal(shape)
    if loss.expects == "probabilities":
        prediction = generator.uniform(0.05, 0.95, shape)
    target = generator.standard_normal(shape)
    if loss.target_kind == "classes":
        target = generator.dirichlet(np.ones(shape[-1]), shape[:-1])
    elif loss.target_kind == "binary":
        target = generator.uniform(0.0, 1.0, shape)
    elif loss.target_kind == "signs":
        target = np.sign(target)
    if operands == "ordinary":
        return prediction, target
    if loss.target_kind == "classes":
        target = np.eye(shape[-1])[target.argmax(-1)]
    elif loss.target_kind == "binary":
        target = np.round(target)
    if operands == "kinked":
        return np.where(np.arange(prediction.size).reshape(shape) % 2, target, of_kind(operands, prediction)), target
    prediction = of_kind(operands, prediction)
    return np.clip(prediction, 0.0, 1.0) if loss.expects == "probabilities" else prediction, target


def distinct(cases: Sequence[LayerCase], with_settings: bool = True) -> list[LayerCase]:
    """Return some of the cases, such that every operation is there on operands of each rank, with each of its settings
    or with some."""
    seen: set[tuple[Any, ...]] = set()
    chosen = []
    for case in cases:
        made = {
            (type(rule), repr(vars(rule)) if with_settings else "", tuple(array.ndim for array in node.inputs))
            for node in node_cases(case)
            for rule in (node.node.operation,)
        }
        if not made <= seen:
            chosen.append(case)
            seen |= made
    return chosen
