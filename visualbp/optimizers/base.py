"""What an optimiser is. Its rule is emitted like an operation's, on one parameter for stepping, or on the flat buffer
of all parameters for training; both do the same arithmetic on each element, and so leave the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import Choice, FloatOption, Option
from visualbp.core.pytorch_code import ExportError
from visualbp.core.registry import Registry, import_all
from visualbp.operations.base import Emitter
from visualbp.operations.terms import Draft
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.terms import Update, sum_of

LEARNING_RATE = FloatOption("learning_rate", description="how far a step goes", minimum=0.0, maximum=1e6)
WEIGHT_DECAY = FloatOption("weight_decay", 0.0, "the pull of every parameter towards 0", minimum=0.0, maximum=1e6)

LETTERS = {
    "momentum": r"\mu",
    "alpha": r"\alpha",
    "beta1": r"\beta_1",
    "beta2": r"\beta_2",
    "epsilon": r"\epsilon",
    "weight_decay": r"\lambda",
}
"""Options by the letters that stand for them in equations."""


@dataclass(frozen=True)
class UpdateState:
    """What an update may read and write beside the parameter and its gradient.

    `slots` are the optimiser's own arrays, shaped as the parameter. `first_iteration` is the 0-d array that holds the
    iteration in which these were zero, for bias corrections. `learning_rate` is the 0-d array that holds the rate of
    the iteration at hand, which a schedule may change.
    """

    slots: Mapping[str, Array]
    first_iteration: Array
    learning_rate: Array


class Optimizer:
    """An optimiser with the options of its entry."""

    type_name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()

    def __init__(self, option_values: Mapping[str, Any]) -> None:
        self.option_values = option_values

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays that it keeps for each parameter, all zero at first."""
        return ()

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        """Emit the calls that change `parameter` and the slots in place. The gradient is left as it is."""
        raise TypeError(f"{self.type_name} has no rule")

    def equation(self, parameter: str, gradient: str) -> str:
        """Return the update of `parameter` in LaTeX, its changes in the order in which they are made."""
        raise TypeError(f"{self.type_name} has no equation")

    def to_pytorch(self) -> str:
        """Return the expression that makes the optimiser of the parameters `trainable`. Raises ExportError."""
        raise ExportError(f"the optimiser {self.type_name} has no form in PyTorch")

    def pytorch_call(self, name: str, given: Mapping[str, tuple[Any, Any]], usual_decay: float = 0.0) -> str:
        """Return the making of PyTorch's optimiser `name`. `given` has the value of each keyword and PyTorch's default,
        which is left out."""
        values = self.option_values
        words = ["trainable", f"lr={values['learning_rate']!r}"]
        for keyword, (value, usual) in {**given, "weight_decay": (values["weight_decay"], usual_decay)}.items():
            words += [f"{keyword}={value!r}"] if value != usual else []
        return f"torch.optim.{name}({', '.join(words)})"

    def terms(self, update: Update) -> Draft:
        """Return what an element of the parameter, or of a slot, is the sum of after an update. For an optimiser that
        says nothing itself: what it was, and what the rule changed."""
        before, words = update.itself(), f"the step of {self.label}"
        change = update.from_gradient(update.change(), r"\Delta", words).called("change")
        return sum_of([((before,), "before"), ((change,), "step")], f"what it was, and {words}")

    def sentence(self, parameter: str) -> str:
        """Return one sentence that says what an update does; `parameter` is what is updated, in words."""
        return f"{self.label} moves {parameter} against its gradient."

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        """Return the update as lines of plain NumPy that give the same bits."""
        raise TypeError(f"{self.type_name} has no lines of NumPy")

    @property
    def letters(self) -> dict[str, float | str]:
        """Return what the letters in the equation stand for, but for the rate and the optimiser's own arrays."""
        named = ((letter, self.option_values.get(name)) for name, letter in LETTERS.items())
        return {letter: value for letter, value in named if value}


optimizers: Registry[type[Optimizer]] = Registry("optimiser", lambda: import_all("visualbp.optimizers"))


def emit_decayed(emit: Emitter, parameter: Array, gradient: Array, decay: float) -> Array:
    """Emit gradient + decay * parameter into memory of its own, and return it; without decay, return the gradient."""
    if not decay:
        return gradient
    decayed = emit.memory("decayed", parameter.shape)
    emit(np.multiply, parameter, emit.constant(decay), decayed)
    emit(np.add, gradient, decayed, decayed)
    return decayed


def decayed_text(parameter: str, gradient: str, decay: float) -> str:
    """Return what `emit_decayed` gives, in LaTeX."""
    return rf"\left({gradient} + \lambda {parameter}\right)" if decay else gradient


def squared_text(latex: str) -> str:
    """Return the square of each element."""
    bare = latex.startswith(r"\left(") or not latex.startswith("\\")
    return rf"{latex}^{{\odot 2}}" if bare else rf"\left({latex}\right)^{{\odot 2}}"


def make_optimizer(choice: Choice) -> Optimizer:
    """Return the chosen optimiser with its options."""
    return optimizers.get(choice.type)(choice.options)
