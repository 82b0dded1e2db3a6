"""Gradient descent, with momentum (Polyak 1964) and Nesterov's variant (Sutskever 2013), as PyTorch's SGD."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import BoolOption, FloatOption
from visualbp.operations.base import Emitter
from visualbp.operations.terms import Draft, constant
from visualbp.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, UpdateState, emit_decayed, optimizers
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.terms import Update, decayed_products, old, sum_of, times


@optimizers.register
class Sgd(Optimizer):
    """velocity = momentum * velocity + gradient; parameter -= learning_rate * velocity."""

    type_name, label = "sgd", "Gradient descent"
    description = "A step against the gradient, with momentum if you like."
    options = (
        LEARNING_RATE,
        FloatOption("momentum", 0.0, "how much of the last step is kept", minimum=0.0, maximum=1.0, open_maximum=True),
        BoolOption("nesterov", False, "look ahead along the momentum"),
        WEIGHT_DECAY,
    )

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.option_values["momentum"] else ()

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        momentum, step = self.option_values["momentum"], emit.memory("step", parameter.shape)
        gradient = emit_decayed(emit, parameter, gradient, self.option_values["weight_decay"])
        if momentum:
            velocity = state.slots["velocity"]
            emit(np.multiply, velocity, emit.constant(momentum), velocity)
            emit(np.add, velocity, gradient, velocity)
            if self.option_values["nesterov"]:
                emit(np.multiply, velocity, emit.constant(momentum), step)
                emit(np.add, step, gradient, step)
                gradient = step
            else:
                gradient = velocity
        emit(np.multiply, gradient, state.learning_rate, step)
        emit(np.subtract, parameter, step, parameter)

    def equation(self, parameter: str, gradient: str) -> str:
        decay = rf" + \lambda {parameter}" if self.option_values["weight_decay"] else ""
        if not self.option_values["momentum"]:
            step = rf"\left({gradient}{decay}\right)" if decay else gradient
            return rf"{parameter} \leftarrow {parameter} - \eta \, {step}"
        if self.option_values["nesterov"]:
            step = rf"\left({gradient}{decay} + \mu \mathbf{{v}}\right)"
        else:
            step = r"\mathbf{v}"
        return (
            rf"\mathbf{{v}} \leftarrow \mu \mathbf{{v}} + {gradient}{decay}, \quad"
            rf" {parameter} \leftarrow {parameter} - \eta \, {step}"
        )

    def to_pytorch(self) -> str:
        momentum = self.option_values["momentum"]
        nesterov = self.option_values["nesterov"] if momentum else False  # PyTorch refuses it, and it changes nothing
        return self.pytorch_call("SGD", {"momentum": (momentum, 0.0), "nesterov": (nesterov, False)})

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, update: Update) -> Draft:
        options = self.option_values
        gradient = decayed_products(update, options["weight_decay"])
        momentum = constant(options["momentum"], r"\mu", "momentum")
        if update.writes("velocity"):
            last = (momentum, update.itself())
            return sum_of([(last, "last velocity"), *gradient], "what is kept of the last velocity, and the gradient")
        rate = update.rate_factor()
        if not options["momentum"]:
            words = "what it was, less the learning rate times the gradient"
            return sum_of([old(update), *times(rate, gradient)], words)
        velocity = update.slot("velocity")
        if not options["nesterov"]:
            words = "what it was, less the learning rate times the velocity"
            return sum_of([old(update), ((rate, velocity), "velocity")], words)
        words = "what it was, less the learning rate times (momentum x velocity + gradient)"
        return sum_of([old(update), ((rate, momentum, velocity), "velocity"), *times(rate, gradient)], words)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        momentum, lines = self.option_values["momentum"], []
        step = gradient = code.decayed(self.option_values["weight_decay"])
        if momentum:
            velocity = code.slots["velocity"]
            lines.append(f"{velocity} = {velocity} * {momentum!r} + {gradient}")
            step = f"({velocity} * {momentum!r} + {gradient})" if self.option_values["nesterov"] else velocity
        return [*lines, f"{code.parameter} = {code.parameter} - {step} * {code.rate}"]
