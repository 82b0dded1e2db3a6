"""AdamW (Loshchilov, Hutter 2019), with PyTorch's arithmetic and defaults: the moments do not see the decay."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import FloatOption
from visualbp.operations.base import Emitter
from visualbp.operations.terms import Draft
from visualbp.optimizers.adam import BETA1, BETA2, EPSILON, Adam
from visualbp.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, UpdateState, optimizers
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.terms import Update, old


@optimizers.register
class AdamW(Adam):
    """parameter *= 1 - learning_rate * weight_decay, and then Adam's step on the plain gradient."""

    type_name, label = "adamw", "AdamW"
    description = "Adam, with a pull towards 0 that is the same for all parameters."
    options = (
        LEARNING_RATE,
        BETA1,
        BETA2,
        EPSILON,
        FloatOption("weight_decay", 0.01, WEIGHT_DECAY.description, minimum=0.0, maximum=1e6),
    )

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        kept = emit.memory("kept", ())
        emit(np.multiply, state.learning_rate, emit.constant(-self.option_values["weight_decay"]), kept)
        emit(np.add, kept, emit.constant(1.0), kept)
        emit(np.multiply, parameter, kept, parameter)
        self.emit_step(emit, parameter, gradient, state)

    def equation(self, parameter: str, gradient: str) -> str:
        kept = rf"(1 - \eta \lambda) \, {parameter}" if self.option_values["weight_decay"] else parameter
        return self._step_text(parameter, gradient, kept)

    def to_pytorch(self) -> str:
        return self.pytorch_call("AdamW", self._pytorch_moments(), usual_decay=0.01)

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, update: Update) -> Draft:
        """The moments see the plain gradient; the decay pulls at the parameter alone."""
        gradient = update.gradient()
        if (moments := self.terms_of_moment(update, (((gradient,), "gradient"),), gradient)) is not None:
            return moments
        decay = self.option_values["weight_decay"]
        if not decay:
            return self.terms_of_step(update, old(update))
        words = "minus the learning rate times the weight decay"
        pull = update.rate_factor(-decay, r"-\eta \lambda", words)
        return self.terms_of_step(update, old(update), ((pull, update.parameter()), "weight decay"))

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        kept = f"({code.rate} * {-self.option_values['weight_decay']!r} + 1.0)"
        return [f"{code.parameter} = {code.parameter} * {kept}", *self.numpy_step(code, code.gradient)]
