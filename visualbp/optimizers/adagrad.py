"""Adagrad (Duchi, Hazan, Singer 2011), with PyTorch's arithmetic and defaults."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.number_words import quotient
from visualbp.core.options import FloatOption
from visualbp.operations.base import Emitter
from visualbp.operations.terms import Draft
from visualbp.optimizers.base import (
    LEARNING_RATE,
    WEIGHT_DECAY,
    Optimizer,
    UpdateState,
    decayed_text,
    emit_decayed,
    optimizers,
    squared_text,
)
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.terms import Update, decayed_gradient, old, sum_of


@optimizers.register
class Adagrad(Optimizer):
    """sum = sum + gradient^2; parameter -= learning_rate * gradient / (sqrt(sum) + epsilon)."""

    type_name, label = "adagrad", "Adagrad"
    description = "Each parameter's steps shrink with the sum of its squared gradients so far."
    options = (
        LEARNING_RATE,
        FloatOption("epsilon", 1e-10, "keeps the quotient finite", minimum=0.0, maximum=1.0),
        WEIGHT_DECAY,
    )

    @property
    def slots(self) -> tuple[str, ...]:
        return ("square_sum",)

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        gradient = emit_decayed(emit, parameter, gradient, self.option_values["weight_decay"])
        total, work = state.slots["square_sum"], emit.memory("work", parameter.shape)
        emit(np.multiply, gradient, gradient, work)
        emit(np.add, total, work, total)
        emit(np.sqrt, total, work)
        emit(np.add, work, emit.constant(self.option_values["epsilon"]), work)
        emit(np.divide, gradient, work, work)
        emit(np.multiply, work, state.learning_rate, work)
        emit(np.subtract, parameter, work, parameter)

    def equation(self, parameter: str, gradient: str) -> str:
        gradient = decayed_text(parameter, gradient, self.option_values["weight_decay"])
        step = rf"\frac{{{gradient}}}{{\sqrt{{s}} + \epsilon}}"
        square = squared_text(gradient)
        return rf"s \leftarrow s + {square}, \quad {parameter} \leftarrow {parameter} - \eta \, {step}"

    def to_pytorch(self) -> str:
        return self.pytorch_call("Adagrad", {"eps": (self.option_values["epsilon"], 1e-10)})

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, update: Update) -> Draft:
        g = decayed_gradient(update, self.option_values["weight_decay"])
        if update.writes("square_sum"):
            last = (update.itself(),), "sum so far"
            return sum_of([last, ((g, g), "gradient squared")], "the sum of all squared gradients so far")
        root = update.slot("square_sum").number ** 0.5 + self.option_values["epsilon"]
        words = "one over the root of the sum of squares"
        scale = update.from_slot(quotient(1.0, root), r"\frac{1}{\sqrt{s} + \epsilon}", "square_sum", words)
        words = "what it was, less the learning rate times the gradient, which counts less the more came before it"
        return sum_of([old(update), ((update.rate_factor(), g, scale), "step")], words)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        total, gradient = code.slots["square_sum"], code.kept("gradient")
        step = f"{gradient} / (np.sqrt({total}) + {self.option_values['epsilon']!r}) * {code.rate}"
        return [
            f"{gradient} = {code.decayed(self.option_values['weight_decay'])}",
            f"{total} = {total} + {gradient} * {gradient}",
            f"{code.parameter} = {code.parameter} - {step}",
        ]
