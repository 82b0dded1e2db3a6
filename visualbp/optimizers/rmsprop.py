"""RMSprop (Tieleman, Hinton 2012), with PyTorch's arithmetic and defaults."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import BoolOption, FloatOption
from visualbp.operations.base import Emitter
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


@optimizers.register
class RmsProp(Optimizer):
    """average = alpha * average + (1 - alpha) * gradient^2; parameter -= learning_rate * gradient / (sqrt(average) +
    epsilon). Centered, the square of the mean gradient is taken off the average; with momentum, steps add up."""

    type_name, label = "rmsprop", "RMSprop"
    description = "Each parameter's step is divided by the running size of its gradient."
    options = (
        LEARNING_RATE,
        FloatOption("alpha", 0.99, "how much of the mean square is kept", minimum=0.0, maximum=1.0, open_maximum=True),
        FloatOption("epsilon", 1e-8, "keeps the quotient finite", minimum=0.0, maximum=1.0),
        FloatOption("momentum", 0.0, "how much of the last step is kept", minimum=0.0, maximum=1.0, open_maximum=True),
        BoolOption("centered", False, "divide by the deviation of the gradient instead of its size"),
        WEIGHT_DECAY,
    )

    @property
    def slots(self) -> tuple[str, ...]:
        centered = ("mean_gradient",) if self.option_values["centered"] else ()
        return ("square_average", *centered, *(("velocity",) if self.option_values["momentum"] else ()))

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        values = self.option_values
        gradient = emit_decayed(emit, parameter, gradient, values["weight_decay"])
        kept, taken = emit.constant(values["alpha"]), emit.constant(1.0 - values["alpha"])
        average, work = state.slots["square_average"], emit.memory("work", parameter.shape)
        emit(np.multiply, average, kept, average)
        emit(np.multiply, gradient, gradient, work)
        emit(np.multiply, work, taken, work)
        emit(np.add, average, work, average)
        if values["centered"]:
            mean = state.slots["mean_gradient"]
            emit(np.subtract, gradient, mean, work)
            emit(np.multiply, work, taken, work)
            emit(np.add, mean, work, mean)
            emit(np.multiply, mean, mean, work)
            emit(np.subtract, average, work, work)
            emit(np.sqrt, work, work)
        else:
            emit(np.sqrt, average, work)
        emit(np.add, work, emit.constant(values["epsilon"]), work)
        emit(np.divide, gradient, work, work)
        if values["momentum"]:
            velocity = state.slots["velocity"]
            emit(np.multiply, velocity, emit.constant(values["momentum"]), velocity)
            emit(np.add, velocity, work, velocity)
            emit(np.multiply, velocity, state.learning_rate, work)
        else:
            emit(np.multiply, work, state.learning_rate, work)
        emit(np.subtract, parameter, work, parameter)

    def equation(self, parameter: str, gradient: str) -> str:
        gradient = decayed_text(parameter, gradient, self.option_values["weight_decay"])
        size = r"\sqrt{s - m^{\odot 2}}" if self.option_values["centered"] else r"\sqrt{s}"
        rules = [rf"s \leftarrow \alpha s + (1 - \alpha) \, {squared_text(gradient)}"]
        if self.option_values["centered"]:
            rules.append(rf"m \leftarrow \alpha m + (1 - \alpha) \, {gradient}")
        step = rf"\frac{{{gradient}}}{{{size} + \epsilon}}"
        if self.option_values["momentum"]:
            rules.append(rf"\mathbf{{v}} \leftarrow \mu \mathbf{{v}} + {step}")
            step = r"\mathbf{v}"
        rules.append(rf"{parameter} \leftarrow {parameter} - \eta \, {step}")
        return r", \quad ".join(rules)

    def to_pytorch(self) -> str:
        values = self.option_values
        given = {
            "alpha": (values["alpha"], 0.99),
            "eps": (values["epsilon"], 1e-8),
            "momentum": (values["momentum"], 0.0),
            "centered": (values["centered"], False),
        }
        return self.pytorch_call("RMSprop", given)
