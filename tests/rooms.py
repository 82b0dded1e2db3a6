"""What each kind of entry must say of itself, part by part: a checker gives the names of the parts that are left out.

A part that may be left out has a default that is right. Where that depends on the entry, its condition stands here:

- the shapes in words of what reads one array, or makes an array of the same shape: `from (4, 2)` says all there is;
- the multiplications of a rule that makes an array of its operand's shape: one for each of its numbers;
- the way back, for operations whose operands have no derivative;
- what moves buffers on, for operations without buffers.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from visualbp.core.options import OptionError, parse_options
from visualbp.core.resource_files import resource_directory
from visualbp.datasets.base import DatasetEntry
from visualbp.initializers.base import Initializer
from visualbp.layers.base import LayerType
from visualbp.operations.activations.kinds import Activation, Elementwise
from visualbp.operations.base import Operation
from visualbp.operations.losses.base import Loss
from visualbp.optimizers.base import Optimizer
from visualbp.optimizers.schedules import Schedule

FORWARD = ("sentence or saying", "equation or right_hand_side", "terms", "numpy_lines")
BACKWARD = ("vjp_equation", "vjp_sentence or vjp_sayings", "vjp_terms", "vjp_numpy_lines")
UPDATE = ("update_terms", "update_numpy_lines")
ELEMENTWISE = ("derivative", "formula", "derivative_formula", "numpy_function or numpy_lines")
ELEMENTWISE_BACK = ("numpy_slope or vjp_numpy_lines",)
LOSS = ("products", "gradient_products", "numpy_lines", "vjp_numpy_lines")
OPTIMIZER = ("equation", "terms", "numpy_lines")
SCHEDULE = ("products_after_warm_up", "numpy_after_warm_up")
EXPORT = "pytorch or to_pytorch"
IN_WORDS = ("type_name", "label", "description")


def left_out(entry: type, base: type, rule: str, parts: Iterable[str]) -> list[str]:
    """Return which parts an entry does not say itself: those of `base`, and those that were written for another rule,
    since a class further down has a rule of its own. `a or b` is one part that either of two names says."""
    kinds = entry.__mro__[: entry.__mro__.index(base)]
    ruled = [place for place, kind in enumerate(kinds) if rule in vars(kind)]
    own = kinds[: ruled[1]] if len(ruled) > 1 else kinds
    return [part for part in parts if not any(name in vars(kind) for kind in own for name in part.split(" or "))]


def without_words(entry: Any, names: Iterable[str]) -> list[str]:
    """Return which of these texts of an entry are empty, and which of its options are not described."""
    unsaid = [f"the description of {option.name}" for option in entry.options if not option.description]
    return [name for name in names if not getattr(entry, name, "")] + unsaid


def missing_from_operation(entry: type[Operation]) -> list[str]:
    """Return the parts that an operation of a layer leaves out; activations and losses have checkers of their own."""
    forward, backward = ["forward", "jvp", *FORWARD], ["vjp", *BACKWARD]
    if entry.output_shape is not Operation.output_shape:
        forward.append("multiplications")
        backward.append("vjp_multiplications")
        if len(entry.operands) > 1:
            forward.append("shapes_text")
            backward.append("vjp_shapes_text")
    missing = [] if entry.name else ["name"]
    missing += left_out(entry, Operation, "forward", forward)
    if not entry.constant_operands.issuperset(entry.operands):
        missing += left_out(entry, Operation, "vjp", backward)
    said = getattr(entry, "vjp_sayings", None) or {}
    if said and "vjp_sentence" not in vars(entry):
        moving = [name for name in entry.operands if name not in {*entry.constant_operands, *said}]
        missing += [f"what goes back to {name}, among vjp_sayings" for name in moving]
    if entry.update is not Operation.update:
        missing += left_out(entry, Operation, "update", UPDATE)
    return missing


def missing_from_activation(entry: type[Activation]) -> list[str]:
    missing = without_words(entry, IN_WORDS)
    if issubclass(entry, Elementwise):
        missing += [rule for rule in ("function",) if getattr(entry, rule) is getattr(Elementwise, rule)]
        missing += left_out(entry, Elementwise, "function", ELEMENTWISE)
        missing += left_out(entry, Elementwise, "derivative", ELEMENTWISE_BACK)
    else:
        missing += missing_from_operation(entry) + left_out(entry, Activation, "forward", ["formula"])
    return missing + left_out(entry, Activation, "function", [EXPORT, "gives"])


def missing_from_loss(entry: type[Loss]) -> list[str]:
    missing = left_out(entry, Loss, "gradient", LOSS) + left_out(entry, Loss, "gradient", [EXPORT])
    missing += [rule for rule in ("forward", "gradient") if getattr(entry, rule) is getattr(Loss, rule)]
    return missing + without_words(entry, (*IN_WORDS, "formula", "gradient_formula"))


def missing_from_optimizer(entry: type[Optimizer]) -> list[str]:
    return left_out(entry, Optimizer, "update", (*OPTIMIZER, EXPORT)) + without_words(entry, IN_WORDS)


def missing_from_schedule(entry: type[Schedule]) -> list[str]:
    missing = without_words(entry, (*IN_WORDS, "formula"))
    if entry.formula != r"\eta_0":  # which is what a schedule says that leaves its rate as it is
        missing += left_out(entry, Schedule, "rate_after_warm_up", SCHEDULE)
    return missing + left_out(entry, Schedule, "rate_after_warm_up", [EXPORT])


def has_icon(name: str) -> bool:
    return (resource_directory() / "icons" / f"{name}.svg").is_file()


def missing_from_layer(entry: LayerType) -> list[str]:
    """Return the parts that a type of layer leaves out. What is made of an entry of another registry, as a layer is of
    a loss, is checked there."""
    kind = type(entry)
    missing = without_words(entry, (*IN_WORDS, "icon", "family"))
    if entry.icon and not has_icon(entry.icon):
        missing.append(f"the file icons/{entry.icon}.svg")
    missing += left_out(kind, LayerType, "lower", ["lower"] if entry.is_loss else ["lower", "to_pytorch"])
    try:
        parse_options(entry.options_for(entry.starting_options), entry.starting_options)
    except OptionError:
        missing.append("starting_options")
    return missing


def missing_from_initializer(entry: Initializer) -> list[str]:
    return without_words(entry, IN_WORDS)


def missing_from_dataset(entry: DatasetEntry) -> list[str]:
    return without_words(entry, IN_WORDS)


COMMAND = ("add_arguments", "run")


def missing_from_command(module: ModuleType, listed: Iterable[str]) -> list[str]:
    """Return what the module of a command leaves out; a module with neither function is no command."""
    name = module.__name__.rpartition(".")[2]
    if name not in listed and not any(hasattr(module, part) for part in COMMAND):
        return []
    missing = [part for part in COMMAND if not hasattr(module, part)]
    missing += [] if module.__doc__ else ["what it does, at its beginning"]
    return missing + ([] if name in listed else ["its line in COMMANDS"])


def missing_from_panel(entry: Any, listed: Iterable[Any]) -> list[str]:
    """Return what a panel leaves out: a class of the package that no other one stands on."""
    missing = [name for name in ("name", "title", "hint") if not getattr(entry, name)]
    missing += [] if getattr(entry, "places", None) else ["places"]
    return missing + ([] if entry in listed else ["its line in PANELS"])


def said(entries: Iterable[Any], checker: Callable[[Any], list[str]]) -> list[str]:
    """Return a sentence for each entry that leaves something out."""
    found = ((entry, checker(entry)) for entry in entries)
    return [f"{name_of(entry)} does not say: {', '.join(missing)}" for entry, missing in found if missing]


def name_of(entry: Any) -> str:
    return getattr(entry, "__name__", "") or f"{type(entry).__name__} {entry.type_name!r}"


# -- what there is ---------------------------------------------------------------------------------------------------


def modules_below(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def classes_below(package: ModuleType, base: type) -> list[type]:
    """Return the classes on `base` that the modules of a package define and that no other class of it stands on."""
    found = {
        kind: None
        for module in modules_below(package)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, base) and kind is not base and kind.__module__ == module.__name__
    }
    below = {parent for kind in found for parent in kind.__mro__[1:]}
    return [kind for kind in found if kind not in below]
