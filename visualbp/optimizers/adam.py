"""Adam (Kingma, Ba 2014), with PyTorch's arithmetic: bias corrections on the step size and inside the root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.number_words import quotient
from visualbp.core.options import FloatOption, Option
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.terms import Draft, Factor, constant
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
from visualbp.optimizers.terms import Labelled, Update, decayed_gradient, decayed_products, old, sum_of, times

BETA1 = FloatOption("beta1", 0.9, "how much of the mean gradient is kept", "", 0.0, 1.0, open_maximum=True)
BETA2 = FloatOption("beta2", 0.999, "how much of the mean square is kept", "", 0.0, 1.0, open_maximum=True)
EPSILON = FloatOption("epsilon", 1e-8, "keeps the quotient finite", minimum=0.0, maximum=1.0)


def set_corrections(
    context: IterationContext, state: UpdateState, betas: tuple[float, float], step_size: Array, root: Array
) -> None:
    """Set step_size = learning_rate / (1 - beta1^t) and root = sqrt(1 - beta2^t) for the t-th update."""
    beta1, beta2 = betas
    t = context.iteration - int(state.first_iteration) + 1
    step_size[...] = float(state.learning_rate) / (1.0 - beta1**t)
    root[...] = (1.0 - beta2**t) ** 0.5


@optimizers.register
class Adam(Optimizer):
    """parameter -= learning_rate * m_hat / (sqrt(v_hat) + epsilon), m and v running means of gradient and square."""

    type_name, label = "adam", "Adam"
    description = "Each parameter gets a step size of its own, from running means of its gradient and its square."
    options: ClassVar[tuple[Option, ...]] = (LEARNING_RATE, BETA1, BETA2, EPSILON, WEIGHT_DECAY)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment")

    def update(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        gradient = emit_decayed(emit, parameter, gradient, self.option_values["weight_decay"])
        self.emit_step(emit, parameter, gradient, state)

    def emit_step(self, emit: Emitter, parameter: Array, gradient: Array, state: UpdateState) -> None:
        """Emit the moments' and the parameter's change."""
        values = self.option_values
        betas = beta1, beta2 = (values["beta1"], values["beta2"])
        m, v = state.slots["first_moment"], state.slots["second_moment"]
        work = emit.memory("work", parameter.shape)
        step_size, root = emit.memory("step size", ()), emit.memory("root", ())
        emit(set_corrections, emit.context, state, betas, step_size, root)
        emit(np.subtract, gradient, m, work)
        emit(np.multiply, work, emit.constant(1.0 - beta1), work)
        emit(np.add, m, work, m)
        emit(np.multiply, v, emit.constant(beta2), v)
        emit(np.multiply, gradient, gradient, work)
        emit(np.multiply, work, emit.constant(1.0 - beta2), work)
        emit(np.add, v, work, v)
        emit(np.sqrt, v, work)
        emit(np.divide, work, root, work)
        emit(np.add, work, emit.constant(values["epsilon"]), work)
        emit(np.divide, m, work, work)
        emit(np.multiply, work, step_size, work)
        emit(np.subtract, parameter, work, parameter)

    def equation(self, parameter: str, gradient: str) -> str:
        gradient = decayed_text(parameter, gradient, self.option_values["weight_decay"])
        return self._step_text(parameter, gradient, parameter)

    @staticmethod
    def _step_text(parameter: str, gradient: str, kept: str) -> str:
        """Return the moments, and the step of what is `kept` of the parameter."""
        return (
            rf"m \leftarrow \beta_1 m + (1 - \beta_1) \, {gradient}, \quad"
            rf" v \leftarrow \beta_2 v + (1 - \beta_2) \, {squared_text(gradient)}, \quad"
            rf" \hat{{m}} = \frac{{m}}{{1 - \beta_1^{{t}}}}, \; \hat{{v}} = \frac{{v}}{{1 - \beta_2^{{t}}}}, \quad"
            rf" {parameter} \leftarrow {kept} - \eta \, \frac{{\hat{{m}}}}{{\sqrt{{\hat{{v}}}} + \epsilon}}"
        )

    def to_pytorch(self) -> str:
        return self.pytorch_call("Adam", self._pytorch_moments())

    def _pytorch_moments(self) -> dict[str, tuple[Any, Any]]:
        betas = (self.option_values["beta1"], self.option_values["beta2"])
        return {"betas": (betas, (0.9, 0.999)), "eps": (self.option_values["epsilon"], 1e-8)}

    @property
    def letters(self) -> dict[str, float | str]:
        return {**super().letters, "t": r"\text{number of this update}"}

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, update: Update) -> Draft:
        decay = self.option_values["weight_decay"]
        gradient, whole = decayed_products(update, decay), decayed_gradient(update, decay)
        return self.terms_of_moment(update, gradient, whole) or self.terms_of_step(update, old(update))

    def terms_of_moment(self, update: Update, gradient: Sequence[Labelled], whole: Factor) -> Draft | None:
        """Return how a moment comes about, if it is one that is explained."""
        options = self.option_values
        if update.writes("first_moment"):
            keep = constant(options["beta1"], r"\beta_1", "what is kept of the mean").called("kept")
            new = constant(
                1.0 - options["beta1"], r"\left(1 - \beta_1\right)", "the weight of the new gradient"
            ).called("new")
            last = (keep, update.itself()), "last mean"
            return sum_of([last, *times(new, gradient)], "the running mean of the gradient")
        if update.writes("second_moment"):
            keep = constant(options["beta2"], r"\beta_2", "what is kept of the mean square").called("kept")
            new = constant(1.0 - options["beta2"], r"\left(1 - \beta_2\right)", "the weight of the new square").called(
                "new"
            )
            last = (keep, update.itself()), "last mean square"
            return sum_of([last, ((new, whole, whole), "gradient squared")], "the running mean of the squared gradient")
        return None

    def terms_of_step(self, update: Update, *before: Labelled) -> Draft:
        """Return where an updated parameter came from: what it was, taken as `before` says, and one step."""
        options = self.option_values
        t = update.number
        words = f"minus the learning rate, corrected for update {t}"
        rate = update.rate_factor(-1.0 / (1.0 - options["beta1"] ** t), r"-\frac{\eta}{1 - \beta_1^t}", words)
        moment, square = update.slot("first_moment"), update.slot("second_moment")
        root = square.number**0.5 / (1.0 - options["beta2"] ** t) ** 0.5 + options["epsilon"]
        words = "one over the root of the mean square"
        scale = update.from_slot(quotient(1.0, root), r"\frac{1}{\sqrt{\hat{v}} + \epsilon}", "second_moment", words)
        words = "what it was, less a step along the mean gradient, scaled to its size"
        if len(before) > 1:
            words = (
                "what it was, pulled towards 0 by the decay, less a step along the mean gradient, scaled to its size"
            )
        return sum_of([*before, ((rate, moment, scale), "step")], words)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: UpdateCode) -> list[str]:
        gradient = code.kept("gradient")
        decayed = f"{gradient} = {code.decayed(self.option_values['weight_decay'])}"
        return [decayed, *self.numpy_step(code, gradient)]

    def numpy_step(self, code: UpdateCode, gradient: str) -> list[str]:
        """Return the lines of the moments' and the parameter's change."""
        values, m, v = self.option_values, code.slots["first_moment"], code.slots["second_moment"]
        beta1, beta2, t = values["beta1"], values["beta2"], f"({code.iteration} + 1)"
        size, root = f"(float({code.rate}) / (1.0 - {beta1!r} ** {t}))", f"(1.0 - {beta2!r} ** {t}) ** 0.5"
        return [
            f"{m} = {m} + ({gradient} - {m}) * {1.0 - beta1!r}",
            f"{v} = {v} * {beta2!r} + {gradient} * {gradient} * {1.0 - beta2!r}",
            f"{code.kept('size')} = np.sqrt({v}) / {root} + {values['epsilon']!r}",
            f"{code.parameter} = {code.parameter} - {m} / {code.kept('size')} * {size}",
        ]
