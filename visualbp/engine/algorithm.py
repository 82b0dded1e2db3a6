"""The algorithm as pseudo-code, and the line of it that each step of a plan is on.

The lines are those of the document's "Algorithm Summary". What a plan does that none of them says, such as the sum of a
residual connection, has a line of its own, which is there only where the plan does it.
"""

from __future__ import annotations

from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.combination import Add

LOAD = "Forward pass:"
Z = "    z[l] = W[l] @ h[l-1] + b[l]"
H = "    h[l] = σ(z[l])"
ADD = "    h[l] = h[i] + h[j]"
OTHER = "    v = f(u, ...)  # other operations"
LOSS = "  compute L(h[L], y)"
OUTPUT_DELTA = "  δ[L] = ∂L/∂z[L]"
DELTA = "    δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])"
ADD_BACK = "    ∂L/∂h[i] = ∂L/∂h[j] = ∂L/∂h[l]"
OTHER_BACK = "    ∂L/∂u = (∂v/∂u).T @ ∂L/∂v"
PATHS = "    ∂L/∂v = sum of ∂L/∂v on all paths"
WEIGHT_GRADIENT = "    ∂L/∂W[l] = δ[l] @ h[l-1].T"
BIAS_GRADIENT = "    ∂L/∂b[l] = δ[l]"
UPDATE = "Update:"
WEIGHT_UPDATE = "    W[l] -= rate * ∂L/∂W[l]"
BIAS_UPDATE = "    b[l] -= rate * ∂L/∂b[l]"

_ALL_LINES = (
    LOAD,
    "  for l = 1 to L:",
    Z,
    H,
    ADD,
    OTHER,
    LOSS,
    "",
    "Backward pass:",
    OUTPUT_DELTA,
    "  for l = L-1 downto 1:",
    DELTA,
    ADD_BACK,
    OTHER_BACK,
    PATHS,
    "",
    "  for l = 1 to L:",
    WEIGHT_GRADIENT,
    BIAS_GRADIENT,
    "",
    UPDATE,
    "  for l = 1 to L:",
    WEIGHT_UPDATE,
    BIAS_UPDATE,
)
_BESIDE_THE_DOCUMENT = frozenset({ADD, OTHER, ADD_BACK, OTHER_BACK, PATHS})

PSEUDOCODE = tuple(line for line in _ALL_LINES if line not in _BESIDE_THE_DOCUMENT)
"""The document's "Algorithm Summary", and what it leaves to the optimiser."""


class Algorithm:
    """The lines that a plan carries out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._parameters = {info.value for info in plan.parameters}
        self._gradients = {value.gradient for value in self._parameters}
        taken = {self._text_of(step) for step in plan.steps}
        self.lines = tuple(line for line in _ALL_LINES if line in taken or line not in _BESIDE_THE_DOCUMENT)

    def line_of(self, step: Step) -> int:
        """Return the index of the line that a step is on."""
        return self.lines.index(self._text_of(step))

    def _text_of(self, step: Step) -> str:
        result = step.writes[0] if step.writes else Ref("", "")
        is_bias = result.role.startswith("bias")
        match step.phase:
            case Phase.LOAD:
                return LOAD
            case Phase.UPDATE if step.operation in ("clip", "schedule"):
                return UPDATE
            case Phase.UPDATE:
                return BIAS_UPDATE if is_bias else WEIGHT_UPDATE
            case Phase.FORWARD:
                return self._forward_text(step, result)
        return self._backward_text(step, result, is_bias)

    def _forward_text(self, step: Step, result: Ref) -> str:
        if result in (self.plan.loss, self.plan.penalty):
            return LOSS
        operation = None if step.node is None else step.node.operation
        if operation is not None and operation.is_weighted:
            return Z
        if isinstance(operation, Activation):
            return H
        return ADD if isinstance(operation, Add) else OTHER

    def _backward_text(self, step: Step, result: Ref, is_bias: bool) -> str:
        if step.operation == "accumulate":
            return PATHS
        operation = None if step.node is None else step.node.operation
        of_parameter = result.whole in self._gradients or (result.is_gradient and result.role == "weight")
        if of_parameter and (operation is None or operation.is_weighted or is_bias):
            return BIAS_GRADIENT if is_bias else WEIGHT_GRADIENT
        if step.node is not None and step.node.output == self.plan.loss:
            return OUTPUT_DELTA
        if operation is not None and operation.is_weighted:
            return DELTA
        if isinstance(operation, Activation):
            return OUTPUT_DELTA if step.node is not None and step.node.output == self.plan.prediction else DELTA
        return ADD_BACK if isinstance(operation, Add) else OTHER_BACK
