"""RMSprop (Tieleman, Hinton 2012), with PyTorch's arithmetic and defaults."""

from __future__ import annotations

import math

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.number_words import quotient
from visualbp.core.options import BoolOption, FloatOption
from visualbp.operations.base import Emitter
from visualbp.operations.terms import Draft, constant
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
from visualbp.optimizers.terms import Update, decayed_gradient, decayed_products, old, sum_of, times


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

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, update: Update) -> Draft:
        options = self.option_values
        g = decayed_gradient(update, options["weight_decay"])
        keep = constant(options["alpha"], r"\alpha", "what is kept of the mean").called("kept")
        new = constant(1.0 - options["alpha"], r"\left(1 - \alpha\right)", "the weight of the new gradient").called(
            "new"
        )
        if update.writes("square_average"):
            last = (keep, update.itself()), "last mean square"
            return sum_of([last, ((new, g, g), "gradient squared")], "the running mean of the squared gradient")
        if update.writes("mean_gradient"):
            last = (keep, update.itself()), "last mean"
            return sum_of(
                [last, *times(new, decayed_products(update, options["weight_decay"]))],
                "the running mean of the gradient",
            )
        average = update.slot("square_average").number
        symbol, words, spread, lost = (
            r"\frac{1}{\sqrt{s} + \epsilon}",
            "one over the root of the mean square",
            average,
            0.0,
        )
        if options["centered"]:
            mean = update.slot("mean_gradient").number
            symbol, words = r"\frac{1}{\sqrt{s - m^2} + \epsilon}", "one over the deviation of the gradient"
            spread = average - mean * mean
            lost = average / spread if spread > 0.0 else math.inf
        root = spread**0.5 if spread >= 0.0 else math.nan
        scale = update.from_slot(quotient(1.0, root + options["epsilon"]), symbol, "square_average", words)
        step = (g, scale), "step"
        size = abs(g.number * scale.number) * lost if lost and g.number else 0.0  # of a gradient of 0 nothing is lost
        momentum = constant(options["momentum"], r"\mu", "momentum")
        if update.writes("velocity"):
            last = (momentum, update.itself()), "last velocity"
            return sum_of([last, step], "what is kept of the last velocity, and the scaled gradient", size)
        if options["momentum"]:
            velocity = (update.rate_factor(), update.slot("velocity")), "velocity"
            return sum_of([old(update), velocity], "what it was, less the learning rate times the velocity")
        words = "what it was, less the learning rate times the gradient, scaled to its usual size"
        return sum_of([old(update), *times(update.rate_factor(), [step])], words, size * update.rate)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        values, average, gradient = self.option_values, code.slots["square_average"], code.kept("gradient")
        kept, taken, spread = values["alpha"], 1.0 - values["alpha"], average
        lines = [
            f"{gradient} = {code.decayed(values['weight_decay'])}",
            f"{average} = {average} * {kept!r} + {gradient} * {gradient} * {taken!r}",
        ]
        if values["centered"]:
            mean = code.slots["mean_gradient"]
            lines.append(f"{mean} = {mean} + ({gradient} - {mean}) * {taken!r}")
            spread = f"{average} - {mean} * {mean}"
        step = f"{gradient} / (np.sqrt({spread}) + {values['epsilon']!r})"
        if values["momentum"]:
            velocity = code.slots["velocity"]
            lines.append(f"{velocity} = {velocity} * {values['momentum']!r} + {step}")
            step = velocity
        return [*lines, f"{code.parameter} = {code.parameter} - {step} * {code.rate}"]
