"""What every entry must say of itself, beside its rule: what is left out is named."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import visualbp.cli
import visualbp.layers
import visualbp.operations
from tests.registry_cases import layer_cases, node_cases
from tests.rooms import (
    BACKWARD,
    ELEMENTWISE,
    ELEMENTWISE_BACK,
    EXPORT,
    FORWARD,
    LOSS,
    OPTIMIZER,
    UPDATE,
    classes_below,
    left_out,
    missing_from_activation,
    missing_from_command,
    missing_from_dataset,
    missing_from_initializer,
    missing_from_layer,
    missing_from_loss,
    missing_from_operation,
    missing_from_optimizer,
    missing_from_schedule,
    modules_below,
    said,
)
from visualbp.cli.main import COMMANDS
from visualbp.core.options import FloatOption
from visualbp.datasets import datasets
from visualbp.datasets.base import DatasetEntry
from visualbp.initializers import Initializer, initializers
from visualbp.layers import LayerType, layer_types
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Activation, Elementwise
from visualbp.operations.base import Operation
from visualbp.operations.losses import Loss, losses
from visualbp.operations.words import Saying
from visualbp.optimizers.base import Optimizer, optimizers
from visualbp.optimizers.schedules import schedules

USED = list(dict.fromkeys(type(node.node.operation) for case in layer_cases() for node in node_cases(case)))
"""The operations that layers lower to."""
OPERATIONS = [
    kind
    for kind in dict.fromkeys([*classes_below(visualbp.operations, Operation), *USED])
    if not issubclass(kind, Activation | Loss)
]

FAMILIES: dict[str, tuple[Iterable[Any], Callable[[Any], list[str]]]] = {
    "operations": (OPERATIONS, missing_from_operation),
    "activations": (activations, missing_from_activation),
    "losses": (losses, missing_from_loss),
    "optimisers": (optimizers, missing_from_optimizer),
    "schedules": (schedules, missing_from_schedule),
    "layers": (layer_types, missing_from_layer),
    "initialisers": (initializers, missing_from_initializer),
    "data sets": (datasets, missing_from_dataset),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_says_everything_about_itself(family: str) -> None:
    entries, checker = FAMILIES[family]
    assert said(entries, checker) == []


@pytest.mark.parametrize("entry", list(losses), ids=lambda entry: entry.type_name)
def test_a_loss_that_answers_with_probabilities_expects_logits(entry: type[Loss]) -> None:
    """`expects` agrees with what the loss does: only a loss of logits has something between them and its answer."""
    assert (entry.expects == "logits") == bool(entry.answer_formula) == (entry.answer is not Loss.answer)


def test_what_is_defined_is_registered_or_used_by_a_layer() -> None:
    assert [kind.__name__ for kind in OPERATIONS if kind not in USED] == []
    registered = {*activations, *losses}
    defined = [kind for kind in classes_below(visualbp.operations, Operation) if kind not in OPERATIONS]
    assert [kind.__name__ for kind in defined if kind not in registered] == []
    kinds = {type(entry) for entry in layer_types}
    assert [kind.__name__ for kind in classes_below(visualbp.layers, LayerType) if kind not in kinds] == []


def test_every_file_of_a_command_is_one_of_the_commands() -> None:
    modules = list(modules_below(visualbp.cli))
    assert said(modules, lambda module: missing_from_command(module, COMMANDS)) == []
    assert set(COMMANDS) <= {module.__name__.rpartition(".")[2] for module in modules}


# -- what is left out is named ---------------------------------------------------------------------------------------


def trial(base: type, parts: Iterable[str], **further: Any) -> type:
    """Return a class on `base` that says these parts, the first of two names where there are two."""
    return type("Trial", (base,), {part.split(" or ")[0]: lambda *given: None for part in parts} | further)


COMPLETE_OPERATION = (
    *("forward", "vjp", "jvp", *FORWARD, *BACKWARD, "output_shape", "multiplications", "vjp_multiplications"),
    *("shapes_text", "vjp_shapes_text", "update", *UPDATE),
)
OPERATION_WORDS = {"name": "trial", "operands": ("x", "weight")}
ENTRY_WORDS: dict[str, Any] = {"type_name": "trial", "label": "Trial", "description": "A trial.", "options": ()}


@pytest.mark.parametrize("part", [part for part in COMPLETE_OPERATION if part not in ("output_shape", "update")])
def test_a_part_that_an_operation_leaves_out_is_named(part: str) -> None:
    assert missing_from_operation(trial(Operation, COMPLETE_OPERATION, **OPERATION_WORDS)) == []
    others = [other for other in COMPLETE_OPERATION if other != part]
    lacking = trial(Operation, others, **OPERATION_WORDS)
    assert said([lacking], missing_from_operation) == [f"Trial does not say: {part}"]


def test_an_operation_that_keeps_the_shape_may_leave_out_what_follows_from_that() -> None:
    kept = ("output_shape", "multiplications", "vjp_multiplications", "shapes_text", "vjp_shapes_text", "update")
    parts = [part for part in COMPLETE_OPERATION if part not in (*kept, *UPDATE)]
    assert missing_from_operation(trial(Operation, parts, **OPERATION_WORDS)) == []
    assert missing_from_operation(trial(Operation, parts, operands=("x",))) == ["name"]


def test_an_operand_that_is_not_among_the_sayings_of_the_way_back_is_named() -> None:
    parts = [part for part in COMPLETE_OPERATION if not part.startswith("vjp_sentence")]
    sayings = {"x": Saying("goes back to {x}", "result == upstream")}
    words = {**OPERATION_WORDS, "vjp_sayings": sayings}
    assert missing_from_operation(trial(Operation, parts, **words)) == ["what goes back to weight, among vjp_sayings"]
    words["constant_operands"] = frozenset({"weight"})
    assert missing_from_operation(trial(Operation, parts, **words)) == []


def test_an_operation_whose_operands_have_no_derivative_may_leave_out_the_way_back() -> None:
    parts = [part for part in COMPLETE_OPERATION if part not in ("vjp", *BACKWARD)]
    assert missing_from_operation(trial(Operation, parts, **OPERATION_WORDS)) == ["vjp", *BACKWARD]
    constant = {**OPERATION_WORDS, "constant_operands": frozenset({"x", "weight"})}
    assert missing_from_operation(trial(Operation, parts, **constant)) == []


COMPLETE_ACTIVATION = ("function", *ELEMENTWISE, *ELEMENTWISE_BACK, EXPORT, "gives")


@pytest.mark.parametrize("part", [*COMPLETE_ACTIVATION, "type_name", "label", "description"])
def test_a_part_that_an_activation_leaves_out_is_named(part: str) -> None:
    others = [other for other in COMPLETE_ACTIVATION if other != part]
    words = {name: text for name, text in ENTRY_WORDS.items() if name != part}
    assert missing_from_activation(trial(Elementwise, COMPLETE_ACTIVATION, **ENTRY_WORDS)) == []
    assert missing_from_activation(trial(Elementwise, others, **words)) == [part]


@pytest.mark.parametrize("part", ["forward", "gradient", *LOSS, EXPORT, "formula", "gradient_formula", "label"])
def test_a_part_that_a_loss_leaves_out_is_named(part: str) -> None:
    complete = ("forward", "gradient", *LOSS, EXPORT, "formula", "gradient_formula")
    words = {name: text for name, text in ENTRY_WORDS.items() if name != part}
    assert missing_from_loss(trial(Loss, complete, **ENTRY_WORDS)) == []
    assert missing_from_loss(trial(Loss, [other for other in complete if other != part], **words)) == [part]


def test_a_part_that_a_layer_leaves_out_is_named() -> None:
    complete, words = ("lower", "to_pytorch"), {**ENTRY_WORDS, "icon": "layer_dense", "family": "affine"}
    assert missing_from_layer(trial(LayerType, complete, **words)()) == []
    for part in complete:
        found = said([trial(LayerType, [other for other in complete if other != part], **words)()], missing_from_layer)
        assert found == [f"Trial 'trial' does not say: {part}"]
    for name in ("type_name", "label", "description", "icon", "family"):
        assert missing_from_layer(trial(LayerType, complete, **{**words, name: ""})()) == [name]
    drawn = trial(LayerType, complete, **{**words, "icon": "layer_trial"})()
    assert missing_from_layer(drawn) == ["the file icons/layer_trial.svg"]
    size = FloatOption("size", description="how large")
    assert missing_from_layer(trial(LayerType, complete, **{**words, "options": (size,)})()) == ["starting_options"]
    unsaid = (FloatOption("size", 1.0),)
    assert missing_from_layer(trial(LayerType, complete, **{**words, "options": unsaid})()) == [
        "the description of size"
    ]


def test_words_that_an_initialiser_or_a_data_set_leaves_out_are_named() -> None:
    for kind, checker in ((Initializer, missing_from_initializer), (DatasetEntry, missing_from_dataset)):
        assert checker(kind("trial", "Trial", "A trial.", lambda *given: None)) == []  # type: ignore[arg-type]
        assert checker(kind("trial", "", "", lambda *given: None)) == ["label", "description"]  # type: ignore[arg-type]


def test_what_is_left_out_is_named_also_where_it_would_be_inherited_from_another_rule() -> None:
    adam = optimizers.get("adam")

    class Silent(Optimizer):
        def update(self, *arguments: object) -> None: ...

    class Other(adam):  # type: ignore[misc, valid-type]
        def update(self, *arguments: object) -> None: ...

        def terms(self, *arguments: object) -> None: ...

    class Named(adam):  # type: ignore[misc, valid-type]
        pass

    assert left_out(Silent, Optimizer, "update", OPTIMIZER) == list(OPTIMIZER)
    assert left_out(Other, Optimizer, "update", OPTIMIZER) == ["equation", "numpy_lines"]
    assert left_out(Named, Optimizer, "update", OPTIMIZER) == []


def module_of(folder: Path, name: str, source: str) -> ModuleType:
    (folder / f"{name}.py").write_text(source, "utf-8")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('"""Words."""\ndef add_arguments(parser): ...\ndef run(arguments): ...', ["its line in COMMANDS"]),
        ('"""Words."""\ndef run(arguments): ...', ["add_arguments", "its line in COMMANDS"]),
        ("def add_arguments(parser): ...", ["run", "what it does, at its beginning", "its line in COMMANDS"]),
        ('"""A helper."""', []),
    ],
)
def test_what_the_file_of_a_command_leaves_out_is_named(source: str, missing: list[str], tmp_path: Path) -> None:
    module = module_of(tmp_path, "trial_command", source)
    assert missing_from_command(module, COMMANDS) == missing
    assert missing_from_command(module, ["trial_command"]) == [
        part for part in (missing or ["add_arguments", "run"]) if "COMMANDS" not in part
    ]
