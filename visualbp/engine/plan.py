"""The plan: everything that one iteration does, as a list of steps in a fixed order. It holds names, no arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref
from visualbp.layers import Node, ParameterSpec
from visualbp.network import Network, Problem, Structure
from visualbp.operations.losses import Loss

WHOLE_NETWORK = ""
"""The layer of steps and values that belong to no single layer, such as clipping."""

GRADIENT_NORM = Ref(WHOLE_NETWORK, "gradient_norm")
LEARNING_RATE = Ref(WHOLE_NETWORK, "learning_rate")
"""The rate of an iteration, where a schedule sets it."""


Between = Callable[[], None]
"""Called now and then during long work."""


def go_on() -> None:
    """What is called between where nothing can end the work."""


class Phase(StrEnum):
    """The part of an iteration that a step belongs to, in the order in which they run."""

    LOAD = "load"
    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"


@dataclass(frozen=True)
class Step:
    """One operation of an iteration: the smallest thing that the debugger can do.

    `operation` is the operation's name, or `load`, `accumulate`, `gather`, `penalty`, `clip`, `schedule`, `update`.
    `node` and `operand` say which rule runs: the forward rule of `node`, or, on the way back, its reverse-mode rule for
    `operand`.
    """

    index: int
    phase: Phase
    layer: str
    operation: str
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]
    node: Node | None = field(default=None, repr=False)
    operand: int = 0

    @property
    def group(self) -> tuple[Phase, str]:
        """The pass and the layer: where a breakpoint can be set."""
        return self.phase, self.layer

    @property
    def section(self) -> str:
        """The time step of a layer that reads a sequence, `[3]`; empty for all others."""
        time = (self.node.output if self.node else self.writes[0]).time
        return "" if time is None else f"[{time}]"

    @property
    def label(self) -> str:
        """The words on the timeline: `hidden z`, `δ output`, `∂W output`."""
        return step_label(self)


def step_label(step: Step) -> str:
    """Return the short name of a step, after the value that it writes."""
    if step.operation == "load":
        return "batch"
    if step.operation in ("clip", "schedule"):
        return "clip" if step.operation == "clip" else "rate"
    value = step.writes[0]
    if step.phase == Phase.UPDATE:
        return f"update {short_role(value)} {value.layer}"
    if step.operation == "penalty":
        return "penalty" if step.phase == Phase.FORWARD else f"∂{short_role(value)} + penalty {value.layer}"
    if value.role == "loss":
        return "loss"
    if not value.is_gradient:
        return f"{value.layer} {value.timed_role}"
    when = "" if value.time is None else f"[{value.time}]"
    what = f"δ{when}" if value.is_delta else f"∂{short_role(value)}"
    if value.sender is None:
        return f"{what} {value.layer}"
    if value.is_from_own_time_step and value.time is None:  # a time step's part for what all steps share
        return f"{what}[{value.sender.time}] {value.layer}"
    sender = value.sender_text.removeprefix(f"{step.layer}.")  # the step stands with its layer on the timeline
    return f"{what} {value.layer} ← {sender}"


def short_role(value: Ref) -> str:
    """Return W for weight, b for bias and W_input for weight_input, others as they are; the same for the gradient."""
    kind, line, which = value.timed_role.partition("_")
    return {"weight": "W", "bias": "b"}.get(kind, kind) + line + which


@dataclass(frozen=True)
class ParameterInfo:
    """A parameter or a buffer of the plan: its value, its spec, and whether updates leave it out."""

    value: Ref
    spec: ParameterSpec
    frozen: bool


class PlanError(ValueError):
    """A network that cannot run. `problems` say why; the message is the first of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems[0].text)
        self.problems = problems


@dataclass(frozen=True, eq=False)
class Plan:
    """A compiled network.

    `shapes` gives the shape of every value: of one sample where `batched` holds it, whole otherwise. `aliases` maps
    names to the values that they mean. `buffers` are what forward steps keep from iteration to iteration, such as
    running statistics.
    """

    network: Network
    structure: Structure
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]
    shapes: Mapping[Ref, Shape]
    batched: frozenset[Ref]
    aliases: Mapping[Ref, Ref]
    parameters: tuple[ParameterInfo, ...]
    buffers: tuple[ParameterInfo, ...]
    input: Ref
    prediction: Ref
    target: Ref
    loss: Ref
    penalty: Ref | None
    loss_rule: Loss
    pre_activations: Mapping[str, tuple[Ref, ...]]
    """The values of each layer whose gradients are its error signals, in order of time."""

    def resolve(self, value: Ref) -> Ref:
        """Return the value that a name means. What steps read and write, and nodes take and give, are values already;
        names are what people and panels use: the h of a layer without an activation means its z."""
        return self.aliases.get(value, value)

    def is_batched(self, name: Ref) -> bool:
        """Return whether a value has one part for each sample, along its first axis."""
        return self.resolve(name) in self.batched

    def whole_shape(self, name: Ref, batch_size: int) -> Shape:
        """Return the shape of a value's array, the batch included."""
        value = self.resolve(name)
        return (batch_size, *self.shapes[value]) if value in self.batched else self.shapes[value]

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers that run, sources first."""
        return self.structure.order

    @cached_property
    def trainable(self) -> tuple[ParameterInfo, ...]:
        """The parameters that the optimiser updates: all that are not frozen."""
        return tuple(info for info in self.parameters if not info.frozen)

    @cached_property
    def lasting(self) -> tuple[ParameterInfo, ...]:
        """What a file keeps, and what an evaluation needs: the parameters, then the buffers."""
        return (*self.parameters, *self.buffers)

    @cached_property
    def read_on_the_way_back(self) -> frozenset[Ref]:
        """The values that steps of the backward pass read: what the forward pass has to keep."""
        backward = (step for step in self.steps if step.phase == Phase.BACKWARD)
        return frozenset(value for step in backward for value in step.reads)

    @cached_property
    def written(self) -> frozenset[Ref]:
        """The values that some step writes."""
        return frozenset(value for step in self.steps for value in step.writes)

    @cached_property
    def groups(self) -> tuple[range, ...]:
        """The steps of the level `layer`, as ranges of indices: a layer's steps in a row, or those of one time step."""
        places = [(step.group, step.section) for step in self.steps]
        bounds = [index for index, place in enumerate(places) if index == 0 or place != places[index - 1]]
        return tuple(range(a, b) for a, b in zip(bounds, [*bounds[1:], len(self.steps)], strict=True))

    def group_of(self, index: int) -> range:
        """Return the range of steps that step `index` is in."""
        return next(group for group in self.groups if index in group)

    def phase_end(self, index: int) -> int:
        """Return the index after the last step of the pass that step `index` is in (loading belongs to forward)."""

        def of(step: Step) -> Phase:
            return Phase.FORWARD if step.phase == Phase.LOAD else step.phase

        end = index
        while end < len(self.steps) and of(self.steps[end]) == of(self.steps[index]):
            end += 1
        return end
