"""What every registered entry must keep: its derivatives, its shapes, its options, its equations, its cost."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.refs import ref
from tests.registry_cases import (
    BATCH,
    LayerCase,
    NodeCase,
    layer_cases,
    loss_data,
    node_cases,
    some_options,
)
from visualbp.core.arrays import Array
from visualbp.core.options import Option, OptionError, parse_options, plain_options
from visualbp.core.pytorch_code import FunctionClasses, LayerContext
from visualbp.datasets import DataError, datasets, load_dataset
from visualbp.datasets.base import DatasetEntry, make_spec
from visualbp.initializers import Initializer, initializers
from visualbp.layers import layer_types
from visualbp.layers.base import LayerType
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Activation, Elementwise
from visualbp.operations.affine import Affine
from visualbp.operations.base import Emitter, IterationContext, Operation, evaluate
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply
from visualbp.operations.dropout import Dropout
from visualbp.operations.losses import Loss, losses
from visualbp.operations.symbols import Symbol
from visualbp.optimizers.base import Optimizer, UpdateState, optimizers
from visualbp.optimizers.schedules import Schedule, schedules

CASES = layer_cases()
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
every_activation = pytest.mark.parametrize("entry", list(activations), ids=lambda entry: entry.type_name)
every_loss = pytest.mark.parametrize("entry", list(losses), ids=lambda entry: entry.type_name)


def five_point(case: NodeCase, operand: int, upstream: Array) -> tuple[Array, Array]:
    """Return upstream @ d output / d operand by five-point differences in extended precision, and where it holds.

    It does not hold where a piecewise rule changes its piece on the way.
    """
    h = np.longdouble(1e-4)
    inputs = [array.astype(np.longdouble) for array in case.inputs]
    resting = case.evaluated(inputs)
    is_open = np.isfinite(resting.output)
    branch = case.node.operation.branch(inputs, resting.output)
    result, holds = np.zeros(inputs[operand].shape), np.ones(inputs[operand].shape, bool)
    for index in np.ndindex(inputs[operand].shape):
        total = np.longdouble(0)
        for steps, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = list(inputs)
            moved[operand] = inputs[operand].copy()
            moved[operand][index] += steps * h
            output = case.evaluated(moved).output
            total += weight * np.sum((output * upstream)[is_open])
            if branch is not None and not np.array_equal(case.node.operation.branch(moved, output), branch):
                holds[index] = False
        result[index] = total / (12 * h)
    return result, holds


def upstream_of(case: NodeCase, seed: int = 7) -> Array:
    output = case.evaluated().output
    return np.ones(()) if not output.shape else np.random.default_rng(seed).standard_normal(output.shape)


@every_case
def test_reverse_mode_equals_differences_of_the_forward_rule(case: LayerCase) -> None:
    for node in node_cases(case):
        upstream = upstream_of(node)
        evaluation = node.evaluated()
        for operand in node.differentiable:
            expected, holds = five_point(node, operand, upstream)
            assert holds.mean() > 0.9
            found = evaluation.vjp(operand, upstream)
            np.testing.assert_allclose(found[holds], expected[holds], rtol=1e-8, atol=1e-9)


@every_case
def test_forward_mode_and_reverse_mode_agree_on_every_bilinear_form(case: LayerCase) -> None:
    for node in node_cases(case, seed=1):
        upstream, evaluation = upstream_of(node), node.evaluated()
        generator = np.random.default_rng(2)
        for operand in node.differentiable:
            tangent = generator.standard_normal(node.inputs[operand].shape)
            tangents = [tangent if index == operand else None for index in range(len(node.inputs))]
            forward = np.sum(upstream * node.node.operation.jvp(tangents, node.inputs, evaluation.output))
            backward = np.sum(evaluation.vjp(operand, upstream) * tangent)
            assert forward == pytest.approx(backward, rel=1e-12, abs=1e-13)


@every_case
def test_forward_mode_is_the_sum_over_its_operands(case: LayerCase) -> None:
    for node in node_cases(case, seed=3):
        output, generator = node.evaluated().output, np.random.default_rng(4)
        tangents = [
            generator.standard_normal(array.shape) if index in node.differentiable else None
            for index, array in enumerate(node.inputs)
        ]
        jvp = node.node.operation.jvp
        together = jvp(tangents, node.inputs, output)
        alone = sum(
            jvp([t if i == place else None for i, t in enumerate(tangents)], node.inputs, output)
            for place in node.differentiable
        )
        np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-13)
        assert not np.any(jvp([None] * len(tangents), node.inputs, output))


@every_case
def test_the_shape_rule_tells_the_shape_of_the_real_output(case: LayerCase) -> None:
    nodes = node_cases(case)
    if not nodes:
        assert case.kind.output_shape(case.options, case.shapes) == case.options["shape"]
        return
    last = nodes[-1].evaluated().output
    assert last.shape[1:] == tuple(case.kind.output_shape(case.options, case.shapes))
    assert case.kind.is_loss or len(last) == BATCH


@every_case
def test_rules_write_every_element_and_change_no_operand(case: LayerCase) -> None:
    for node in node_cases(case):
        operation = node.node.operation
        inputs = [array.copy() for array in node.inputs]
        for array in inputs:
            array.setflags(write=False)
        emit = Emitter(IterationContext(), np.dtype(np.float64), eager=True)
        output = np.full(operation.output_shape([array.shape for array in inputs]), np.nan)
        operation.forward(emit, inputs, output)
        assert np.isfinite(output[output != -np.inf] if operation.minus_infinity_is_meant else output).all()
        kept = output.copy()
        for operand in node.differentiable:
            result = np.full(inputs[operand].shape, np.nan)
            operation.vjp(emit, operand, upstream_of(node), inputs, output, result)
            assert np.isfinite(result).all()
        np.testing.assert_array_equal(output, kept)


def symbols_of(case: LayerCase, node: NodeCase) -> list[Symbol]:
    """Return symbols of a node's operands, as a plan has them."""
    lasting = (*case.kind.parameters(case.options, case.shapes), *case.kind.buffers(case.options, case.shapes))
    kept = {ref("layer", spec.name) for spec in lasting}
    return [
        Symbol(f"x_{{{i}}}", array.shape if value in kept else array.shape[1:], value not in kept)
        for i, (value, array) in enumerate(zip(node.node.operands, node.inputs, strict=True))
    ]


@every_case
def test_every_step_has_equations(case: LayerCase) -> None:
    for node in node_cases(case):
        operation, symbols = node.node.operation, symbols_of(case, node)
        made = node.evaluated().output.shape
        output, upstream = Symbol("o", made[1:], True), Symbol("u", made[1:], True)
        assert operation.name
        forward = operation.equation(output, symbols)
        assert "=" in forward and forward.count("{") == forward.count("}")
        for operand in node.differentiable:
            result = Symbol("r", symbols[operand].shape, symbols[operand].is_batched)
            backward = operation.vjp_equation(operand, result, upstream, output, symbols)
            assert backward.startswith(("r = ", "r_{")) and backward.count("{") == backward.count("}")


def assert_survives_a_file(options: Sequence[Option], given: dict[str, Any]) -> None:
    values = parse_options(options, given)
    plain = json.loads(json.dumps(plain_options(options, values)))
    assert parse_options(options, plain) == values
    assert parse_options(options, values) == values


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_the_options_of_a_layer_survive_a_file(case: LayerCase) -> None:
    options = case.kind.options_for(case.options)
    assert_survives_a_file(options, dict(case.options))
    with pytest.raises(OptionError, match="no option"):
        parse_options(options, {**case.options, "no_such_option": 1})


@pytest.mark.parametrize("entry", [*optimizers, *initializers], ids=lambda entry: entry.type_name)
def test_the_options_of_optimisers_and_initialisers_survive_a_file(entry: type[Optimizer] | Initializer) -> None:
    for given in some_options(entry.options):
        assert_survives_a_file(entry.options, given)


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.type_name)
def test_a_source_gives_the_same_data_for_the_same_options_which_survive_a_file(entry: DatasetEntry) -> None:
    if any(option.required for option in entry.options):
        return  # such as a file's name, which has tests of its own
    for given in some_options(entry.options):
        assert_survives_a_file(entry.options, given)
        try:
            one, same = (load_dataset(make_spec(entry.type_name, given)) for _ in range(2))
        except DataError as error:  # options that do not go together are refused in a sentence
            assert given and str(error)
            continue
        assert len(one) == len(one.targets) > 0 and one.inputs.dtype == np.float64
        assert np.isfinite(one.inputs).all() and not one.inputs.flags.writeable and not one.targets.flags.writeable
        np.testing.assert_array_equal(one.inputs, same.inputs)
        np.testing.assert_array_equal(one.targets, same.targets)


@pytest.mark.parametrize("entry", list(initializers), ids=lambda entry: entry.type_name)
def test_an_initialiser_draws_any_shape_with_any_of_its_options(entry: Initializer) -> None:
    for given in some_options(entry.options):
        options = parse_options(entry.options, given)
        for shape in ((5,), (4, 3), (3, 2, 3, 3)):
            one, same = (entry.draw(np.random.default_rng(2), shape, options) for _ in range(2))
            assert one.shape == shape and one.dtype == np.float64 and np.isfinite(one).all()
            np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    "entry", [*layer_types, *activations, *losses, *optimizers, *initializers], ids=lambda entry: entry.type_name
)
def test_every_entry_says_what_it_is(entry: LayerType | type[Activation] | type[Loss] | type[Optimizer]) -> None:
    assert entry.label and entry.description.endswith(".")
    for option in entry.options:
        assert option.name and option.description, f"{entry.type_name}.{option.name} has no description"


# -- exports ---------------------------------------------------------------------------------------------------------


def has_own_export(entry: type, others: set[type]) -> bool:
    """Return whether a class, or one that it stands on and that is no entry, says what it is in PyTorch."""
    for base in entry.__mro__:
        if base is not entry and base in others:
            return False  # as its parent it would compute something else
        if base in (LayerType, Activation, Loss, Optimizer, Schedule):
            return False
        if vars(base).get("pytorch") or "to_pytorch" in vars(base):
            return True
    return False


def without_export(families: dict[str, list[type]]) -> list[str]:
    return [
        f"the {family} {entry.type_name} does not say what it is in PyTorch: give {entry.__name__} a to_pytorch"  # type: ignore[attr-defined]
        for family, entries in families.items()
        for entry in entries
        if not has_own_export(entry, set(entries))
    ]


def test_every_entry_says_in_its_own_file_what_it_is_in_pytorch() -> None:
    families: dict[str, list[type]] = {
        "layer": [type(kind) for kind in layer_types if not kind.is_loss],
        "activation": list(activations),
        "loss": list(losses),
        "optimiser": list(optimizers),
        "schedule": list(schedules),
    }
    assert without_export(families) == []


def test_an_entry_without_an_export_is_named() -> None:
    class Steeper(activations.get("elu")):  # type: ignore[misc]
        type_name = "steeper"

    class Silent(LayerType):
        type_name = "silent"

    found = without_export({"activation": [*activations, Steeper], "layer": [Silent]})
    assert found == [
        "the activation steeper does not say what it is in PyTorch: give Steeper a to_pytorch",
        "the layer silent does not say what it is in PyTorch: give Silent a to_pytorch",
    ]


def names_in(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


@every_case
def test_a_layer_is_an_expression_of_its_inputs_with_the_modules_that_it_brings(case: LayerCase) -> None:
    if case.kind.is_loss:
        return
    inputs, functions = [f"source_{place}" for place in range(len(case.shapes))], FunctionClasses()
    context = LayerContext("layer", "layer", case.options, inputs, case.shapes, functions, lambda operation: 7)
    code = case.kind.to_pytorch(context)
    made = {"Custom"} if functions.sources else set()
    carried = {code.carried.name} if code.carried is not None else set()
    brought = {line.split()[-1] for line in code.imports}
    own = set(inputs) if inputs else {"layer"}
    assert own <= names_in(code.call) <= own | made | {"self", "torch", "functional"}
    assert (
        carried | brought
        <= names_in(code.make or "None")
        <= carried | brought | made | {"nn", "torch", "functional", "z"}
    )
    for source in [*functions.sources, *([code.carried.source] if code.carried is not None else [])]:
        assert [node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)] in (
            ["Custom"],
            list(carried),
        )
    lasting = (*case.kind.parameters(case.options, case.shapes), *case.kind.buffers(case.options, case.shapes))
    assert set(code.parameters) <= {spec.name for spec in lasting}
    assert bool(lasting) <= bool(code.make)


@every_loss
def test_a_loss_is_an_expression_of_prediction_and_target(entry: type[Loss]) -> None:
    for given in some_options(entry.options):
        rule = entry(**parse_options(entry.options, given))
        for shape in ((3,), (2, 3)):
            for of_classes in (False, True) if entry.target_kind == "classes" else (False,):
                used = names_in(rule.to_pytorch(shape, of_classes))
                assert {"prediction", "target"} <= used <= {"prediction", "target", "torch", "functional", "len"}


# -- what an operation says of its numbers ---------------------------------------------------------------------------


@every_activation
def test_an_activation_gives_probabilities_exactly_where_it_says_so(entry: type[Activation]) -> None:
    z = np.array([[-800.0, -3.0, -0.1, 0.0, 0.2, 4.0, 800.0]])
    for given in some_options(entry.options):
        h = evaluate(entry(**parse_options(entry.options, given)), [z]).output
        assert (entry.gives == "probabilities") == bool(((h >= 0) & (h <= 1)).all())


@every_case
def test_a_layer_gives_probabilities_exactly_where_its_last_operation_says_so(case: LayerCase) -> None:
    if case.kind.is_loss or not (nodes := node_cases(case, operands="saturated")):
        return
    h, rule = nodes[-1].evaluated().output, nodes[-1].node.operation
    assert (rule.gives == "probabilities") == bool(((h >= 0) & (h <= 1)).all())


@every_case
def test_a_gradient_goes_back_through_the_weight_matrix_that_the_operation_names_and_through_no_other(
    case: LayerCase,
) -> None:
    for node in node_cases(case):
        upstream = upstream_of(node)
        for operand in node.differentiable:
            found = node.evaluated().vjp(operand, upstream)
            if not found.any():
                continue  # nothing goes back, by whichever way: what is multiplied by a start of 0
            through = [
                place
                for place, array in enumerate(node.inputs)
                if array.ndim == 2 and upstream.shape[-1:] == array.shape[:1]
                if (upstream @ array).shape == found.shape and np.allclose(upstream @ array, found)
            ]
            named = node.node.operation.weight_behind(operand)
            assert through == ([] if named is None else [named])


@every_case
def test_the_samples_depend_on_each_other_exactly_where_an_operation_says_so(case: LayerCase) -> None:
    lasting = (*case.kind.parameters(case.options, case.shapes), *case.kind.buffers(case.options, case.shapes))
    whole = {ref("layer", spec.name) for spec in lasting}
    for node in node_cases(case):
        values = [i for i, value in enumerate(node.node.operands) if value not in whole]
        if not values:
            whole.add(node.node.output)
        elif not case.kind.is_loss:
            moved = list(node.inputs)
            for place in values:
                moved[place] = np.concatenate([np.zeros_like(node.inputs[place][:1]), node.inputs[place][1:]])
            kept = np.array_equal(node.evaluated(moved).output[1:], node.evaluated().output[1:])
            assert kept == node.node.operation.samples_are_independent()


# -- cost ----------------------------------------------------------------------------------------------------------


class Counted:
    """A number that counts the multiplications it takes part in; those with a plain 1 are sums in disguise."""

    count = 0

    def __init__(self, value: float) -> None:
        self.value = float(value)

    def __mul__(self, other: Any) -> Counted:
        if isinstance(other, Counted):
            Counted.count += 1
        elif other != 1:
            raise AssertionError("a constant that is no Counted")
        return Counted(self.value * (other.value if isinstance(other, Counted) else other))

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Counted:
        return Counted(self.value + (other.value if isinstance(other, Counted) else other))

    __radd__ = __add__


def counted(array: Array) -> Array:
    return np.frompyfunc(Counted, 1, 1)(array)


class CountingEmitter(Emitter):
    """Dropout's mask is drawn as floats; here it is one of counted numbers."""

    def __init__(self) -> None:
        super().__init__(IterationContext(), np.dtype(object), eager=True)

    def __call__(self, function: Any, *arguments: Any, **keywords: Any) -> None:
        if getattr(function, "__name__", "") == "draw_mask":
            arguments[3][...] = counted(np.ones(arguments[3].shape))
        else:
            super().__call__(function, *arguments, **keywords)


LINEAR_CASES: list[tuple[str, Operation, list[tuple[int, ...]]]] = [
    ("affine", Affine(), [(5, 4), (3, 4), (3,)]),
    ("affine without bias", Affine(), [(5, 4), (3, 4)]),
    ("affine on a sequence", Affine(), [(5, 6, 4), (3, 4), (3,)]),
    ("add", Add(), [(5, 4)] * 3),
    ("multiply", Multiply(), [(5, 4)] * 3),
    ("concatenate", Concatenate(), [(5, 4), (5, 2)]),
    ("flatten", Flatten(), [(5, 2, 3)]),
    ("dropout", Dropout(0.5), [(5, 4)]),
]


@pytest.mark.parametrize(("operation", "shapes"), [case[1:] for case in LINEAR_CASES], ids=[c[0] for c in LINEAR_CASES])
def test_the_cost_is_the_number_of_multiplications_really_done(
    operation: Operation, shapes: list[tuple[int, ...]]
) -> None:
    inputs = [counted(np.ones(shape)) for shape in shapes]
    output_shape = operation.output_shape(shapes)
    emit, output = CountingEmitter(), counted(np.zeros(output_shape))
    Counted.count = 0
    operation.forward(emit, inputs, output)
    assert Counted.count == operation.multiplications(shapes, output_shape)
    for operand, shape in enumerate(shapes):
        Counted.count, result = 0, counted(np.zeros(shape))
        operation.vjp(emit, operand, counted(np.ones(output_shape)), inputs, output, result)
        assert Counted.count == operation.vjp_multiplications(operand, shapes, output_shape)


@every_case
def test_the_cost_grows_with_the_batch(case: LayerCase) -> None:
    lasting = (*case.kind.parameters(case.options, case.shapes), *case.kind.buffers(case.options, case.shapes))
    whole = {ref("layer", spec.name) for spec in lasting}
    for node in node_cases(case):
        operation = node.node.operation
        batched = {i for i, value in enumerate(node.node.operands) if value not in whole}
        if not batched:  # made of parameters alone, such as a weight from its direction and its length
            whole.add(node.node.output)
            continue
        once = [array.shape for array in node.inputs]
        twice = [(2 * s[0], *s[1:]) if i in batched or operation.is_constant(i) else s for i, s in enumerate(once)]
        first, second = operation.output_shape(once), operation.output_shape(twice)
        assert operation.multiplications(twice, second) == 2 * operation.multiplications(once, first) or not first
        for operand in node.differentiable:
            backward = operation.vjp_multiplications(operand, once, first)
            assert operation.vjp_multiplications(operand, twice, second) == 2 * backward or not first


# -- extreme numbers -----------------------------------------------------------------------------------------------

EXTREMES = np.array(
    [
        0.0,
        5e-324,
        1e-308,
        1e-300,
        1e-150,
        1e-16,
        0.5,
        1.0,
        19.9,
        20.1,
        36.7,
        40.0,
        709.0,
        711.0,
        746.0,
        1e4,
        1e150,
        1e300,
    ]
)
EXTREMES = np.concatenate([-EXTREMES[::-1], EXTREMES]).reshape(-1, 1)


@every_activation
def test_activations_and_their_derivatives_are_finite_at_every_finite_number(entry: type[Activation]) -> None:
    for given in some_options(entry.options):
        operation = entry(**parse_options(entry.options, given))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            evaluation = evaluate(operation, [EXTREMES])
            derivative = evaluation.vjp(0, np.ones_like(EXTREMES))
            tangent = operation.jvp([np.ones_like(EXTREMES)], [EXTREMES], evaluation.output)
        assert np.isfinite(evaluation.output).all() and np.isfinite(derivative).all()
        np.testing.assert_allclose(tangent, derivative, rtol=1e-14)
        if isinstance(operation, Elementwise):  # no activation here is steeper than this anywhere
            assert np.abs(derivative).max() < 2.0


def test_softmax_is_a_distribution_even_of_huge_scores() -> None:
    scores = np.array([[1e300, -1e300, 1e300], [5e-324, 0.0, -5e-324], [-1e300] * 3, [800.0, 0.0, -800.0]])
    evaluation = evaluate(activations.get("softmax")(), [scores])
    np.testing.assert_allclose(evaluation.output.sum(-1), 1.0, rtol=1e-15)
    assert np.isfinite(evaluation.vjp(0, np.ones_like(scores))).all()


@every_loss
def test_losses_and_their_gradients_are_finite_wherever_the_true_value_is(entry: type[Loss]) -> None:
    generator = np.random.default_rng(0)
    sizes = [0.0, 5e-324, 1e-300, 1e-150, 1e-8, 1.0, 40.0, 800.0, 1e8, 1e150]
    if entry.type_name not in ("mean_squared_error", "half_squared_error"):
        sizes.append(1e300)  # whose square is not finite in truth
    shape = (4, 3)
    for size in sizes:
        prediction, target = loss_data(entry, shape, generator)
        if entry.expects == "probabilities":
            near_zero = np.full(shape, max(min(size, 1.0), 1e-300))
            predictions = [near_zero, 1.0 - np.minimum(near_zero, 0.5)]
        else:
            predictions = [size * np.sign(prediction), size * prediction, np.full(shape, -size)]
        for extreme in predictions:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                evaluation = evaluate(entry(**parse_options(entry.options, {})), [extreme, target])
                gradient = evaluation.vjp(0, np.ones(()))
            assert np.isfinite(evaluation.output), (size, extreme)
            assert np.isfinite(gradient).all(), (size, extreme)


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence"])
def test_a_target_of_0_silences_a_probability_of_0(name: str) -> None:
    evaluation = evaluate(losses.get(name)(), [np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])])
    assert evaluation.output == 0.0
    np.testing.assert_array_equal(evaluation.vjp(0, np.ones(())), [[0.0, -1.0]])


# -- copies of a batch -----------------------------------------------------------------------------------------------


@every_loss
def test_a_loss_gives_each_copy_of_a_batch_its_own_loss(entry: type[Loss]) -> None:
    generator = np.random.default_rng(5)
    operation = entry(**parse_options(entry.options, {}))
    pairs = [loss_data(entry, (4, 3), generator) for _ in range(5)]
    alone = [float(evaluate(operation, pair).output) for pair in pairs]
    emit, output = Emitter(IterationContext(), np.dtype(np.float64), eager=True, copies=5), np.zeros(5)
    operation.forward(emit, [np.concatenate([pair[i] for pair in pairs]) for i in range(2)], output)
    np.testing.assert_allclose(output, alone, rtol=1e-13)


def test_dropout_gives_all_copies_of_a_batch_one_mask() -> None:
    x, context = np.ones((4, 6)), IterationContext(seed=3, iteration=9)
    alone = evaluate(Dropout(0.5), [x], context, stream=11).output
    emit = Emitter(context, np.dtype(np.float64), eager=True, stream=11, copies=3)
    output = np.zeros((12, 6))
    Dropout(0.5).forward(emit, [np.tile(x, (3, 1))], output)
    np.testing.assert_array_equal(output, np.tile(alone, (3, 1)))


# -- optimisers ------------------------------------------------------------------------------------------------------


def optimizer_options(entry: type[Optimizer]) -> list[dict[str, Any]]:
    return [parse_options(entry.options, given) for given in some_options(entry.options)]


def updated(
    entry: type[Optimizer], options: dict[str, Any], parameter: Array, gradients: list[Array]
) -> tuple[Array, dict[str, Array]]:
    """Return the parameter and the slots after the updates."""
    optimizer, context = entry(options), IterationContext()
    parameter, gradient = parameter.copy(), np.zeros_like(parameter)
    state = UpdateState(
        {slot: np.zeros_like(parameter) for slot in optimizer.slots},
        np.zeros((), np.int64),
        np.array(options["learning_rate"], parameter.dtype),
    )
    emit = Emitter(context, parameter.dtype)
    optimizer.update(emit, parameter, gradient, state)
    calls = emit.take_calls()
    for iteration, given in enumerate(gradients):
        context.iteration = iteration
        gradient[...] = given
        for function, arguments in calls:
            function(*arguments)
        np.testing.assert_array_equal(gradient, given)  # left as it is
    return parameter, dict(state.slots)


@pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
def test_an_update_of_everything_at_once_leaves_the_bits_of_updates_one_by_one(entry: type[Optimizer]) -> None:
    generator = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        parameter = generator.standard_normal(37).astype(dtype)
        gradients = [generator.standard_normal(37).astype(dtype) for _ in range(4)]
        for options in optimizer_options(entry):
            whole, _ = updated(entry, options, parameter, gradients)
            parts = [
                updated(entry, options, parameter[part], [g[part] for g in gradients])[0]
                for part in (slice(0, 8), slice(8, 9), slice(9, 37))
            ]
            np.testing.assert_array_equal(whole, np.concatenate(parts))
            assert whole.dtype == dtype and not np.array_equal(whole, parameter)


@pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
def test_an_optimiser_goes_downhill_and_has_an_equation(entry: type[Optimizer]) -> None:
    for options in optimizer_options(entry):
        options = {**options, "learning_rate": 1e-3}
        start = np.array([3.0, -2.0])
        moved, _ = updated(entry, options, start, [start] * 5)  # the gradient of half the square
        assert np.linalg.norm(moved) < np.linalg.norm(start)
        assert "leftarrow" in entry(options).equation("w", "g")


# -- initialisers ------------------------------------------------------------------------------------------------------

VARIANCES = {
    "zeros": 0.0,
    "constant": 0.0,
    "uniform": 1.0 / 12.0,
    "normal": 0.01**2,
    "glorot_uniform": 2.0 / (300 + 200),
    "glorot_normal": 2.0 / (300 + 200),
    "he_uniform": 2.0 / 300,
    "he_normal": 2.0 / 300,
    "lecun_normal": 1.0 / 300,
    "orthogonal": 1.0 / 300,
}
"""Of a weight (200, 300), by the papers' formulas; an orthogonal one has rows of length 1."""


@pytest.mark.parametrize("entry", list(initializers), ids=lambda entry: entry.type_name)
def test_an_initialiser_draws_its_distribution_from_the_generator_alone(entry: Initializer) -> None:
    options = parse_options(entry.options, {})
    drawn = entry.draw(np.random.default_rng(1), (200, 300), options)
    np.testing.assert_array_equal(drawn, entry.draw(np.random.default_rng(1), (200, 300), options))
    assert entry.type_name in VARIANCES, "say the variance of its formula in VARIANCES"
    assert drawn.var() == pytest.approx(VARIANCES[entry.type_name], rel=0.03)
    assert abs(drawn.mean()) < 5.0 * (VARIANCES[entry.type_name] / drawn.size) ** 0.5 + 1e-12


def test_an_orthogonal_weight_has_orthonormal_rows_or_columns() -> None:
    draw = initializers.get("orthogonal").draw
    for shape in ((3, 5), (5, 3), (4, 4)):
        weight = draw(np.random.default_rng(0), shape, {"gain": 2.0})
        product = weight @ weight.T if shape[0] <= shape[1] else weight.T @ weight
        np.testing.assert_allclose(product, 4.0 * np.eye(min(shape)), atol=1e-14)


def test_all_entries_are_found_by_their_names_and_the_contract_has_them() -> None:
    contract = {
        "layers": "input dense conv1d conv2d group_norm activation flatten dropout add multiply concatenate",
        "activations": "linear relu leaky_relu elu selu gelu silu sigmoid tanh softplus softmax mish hard_swish",
        "losses": "mean_squared_error mean_absolute_error huber half_squared_error hinge cross_entropy"
        " kl_divergence softmax_cross_entropy binary_cross_entropy binary_cross_entropy_with_logits",
        "optimizers": "sgd adam",
        "initializers": " ".join(VARIANCES),
    }
    registries = {
        "layers": layer_types,
        "activations": activations,
        "losses": losses,
        "optimizers": optimizers,
        "initializers": initializers,
    }
    for family, names in contract.items():
        missing = [name for name in names.split() if name not in registries[family]]
        assert not missing, (family, missing)
    assert all(layer_types.get(loss.type_name).is_loss for loss in losses)


def test_values_name_their_gradients_as_the_field_does() -> None:
    assert ref("hidden", "z").gradient.name == "delta" and ref("hidden", "h").gradient.name == "upstream"
    assert ref("hidden", "weight").gradient.text == "hidden.gradient/weight"
