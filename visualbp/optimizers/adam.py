"""Adam (Kingma, Ba 2014), with PyTorch's arithmetic: bias corrections on the step size and inside the root."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import FloatOption, Option
from visualbp.operations.base import Emitter, IterationContext
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
