"""The plan: everything that one iteration does, as a list of steps in a fixed order. It holds names, no arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref, Sender
from visualbp.layers import Node, ParameterSpec
from visualbp.network import Network, Problem, Structure, structure_of
from visualbp.network.structure import parameter_problems
from visualbp.operations.losses import Loss
from visualbp.operations.time_steps import TimeSlice
from visualbp.optimizers.base import make_optimizer

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
        """Return the value that a name means."""
        return self.aliases.get(value, value)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers that run, sources first."""
        return self.structure.order

    @cached_property
    def trainable(self) -> tuple[ParameterInfo, ...]:
        return tuple(info for info in self.parameters if not info.frozen)

    @cached_property
    def lasting(self) -> tuple[ParameterInfo, ...]:
        """What a file keeps, and what an evaluation needs: the parameters, then the buffers."""
        return (*self.parameters, *self.buffers)

    @cached_property
    def read_on_the_way_back(self) -> frozenset[Ref]:
        """The values that steps of the backward pass read: what the forward pass has to keep."""
        backward = (step for step in self.steps if step.phase == Phase.BACKWARD)
        return frozenset(self.resolve(value) for step in backward for value in step.reads)

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


def is_slice(node: Node) -> bool:
    """Return whether a node takes one time step out of a sequence."""
    return isinstance(node.operation, TimeSlice)


def is_later_slice(node: Node) -> bool:
    """Return whether it takes another step than the first, which stands for all on the way back."""
    return isinstance(node.operation, TimeSlice) and node.operation.index > 0


class _Compiler:
    """Collects the nodes and steps of a plan. One life: `compile_plan` makes it, runs it, and takes the result."""

    def __init__(self, network: Network, structure: Structure) -> None:
        self.network, self.structure = network, structure
        self.nodes: list[Node] = []
        self.steps: list[Step] = []
        self.aliases: dict[Ref, Ref] = {}
        self.shapes: dict[Ref, Shape] = {}
        self.batched: set[Ref] = set()
        self.outputs: dict[str, Ref] = {}
        self.pre_activations: dict[str, tuple[Ref, ...]] = {}
        self.parameters: list[ParameterInfo] = []
        self.buffers: list[ParameterInfo] = []

    def lower(self, between: Between) -> None:
        """Turn each layer into nodes, sources first."""
        for name in self.structure.order:
            between()
            layer = self.network.layer(name)
            sources = self.network.inputs_of(name)
            shapes = [self.structure.shapes[source] for source in sources]
            lowering = layer.kind.lower(name, layer.options, [self.outputs[source] for source in sources], shapes)
            self.aliases.update(lowering.aliases)
            self.outputs[name] = lowering.output
            self.pre_activations[name] = lowering.pre_activations or (Ref(name, "z"),)
            for spec in self.structure.parameters[name]:
                info = ParameterInfo(Ref(name, spec.name), spec, layer.is_frozen(spec.name))
                self.parameters.append(info)
                self.shapes[info.value] = self.shapes[info.value.gradient] = spec.shape
            for spec in self.structure.buffers.get(name, ()):
                self.buffers.append(ParameterInfo(Ref(name, spec.name), spec, frozen=True))
                self.shapes[Ref(name, spec.name)] = spec.shape
            self.nodes.extend(lowering.nodes)
            if not lowering.nodes:
                self._add_shape(lowering.output, self.structure.shapes[name])
            for node in lowering.nodes:
                self._add_node_shape(node)

    def _add_shape(self, value: Ref, shape: Shape) -> None:
        self.shapes[value] = self.shapes[value.gradient] = shape
        self.batched |= {value, value.gradient}

    def _add_node_shape(self, node: Node) -> None:
        batch = 1  # any number: an operation's rule keeps the batch axis as it is
        if isinstance(node.operation, Loss):
            target = node.operands[1]
            self.shapes[target] = self.shapes[node.operands[0]]
            self.batched.add(target)
            self.shapes[node.output] = ()
            return
        operands = [
            (batch, *self.shapes[value]) if value in self.batched else self.shapes[value] for value in node.operands
        ]
        shape = tuple(node.operation.output_shape(operands))
        if self.batched.intersection(node.operands):
            self._add_shape(node.output, shape[1:])
        else:  # made of parameters alone, such as a weight from its direction and its length
            self.shapes[node.output] = self.shapes[node.output.gradient] = shape

    def add(self, phase: Phase, layer: str, operation: str, reads: tuple[Ref, ...], writes: tuple[Ref, ...],
            node: Node | None = None, operand: int = 0) -> None:  # fmt: skip
        self.steps.append(Step(len(self.steps), phase, layer, operation, reads, writes, node, operand))

    def add_forward(self, source: Ref, target: Ref, penalty: Ref | None) -> None:
        self.add(Phase.LOAD, source.layer, "load", (), (source, target))
        for node in self.nodes:
            writes = (node.output, *node.updates)
            self.add(Phase.FORWARD, node.layer, node.operation.name, node.operands, writes, node)
        if penalty is not None:
            penalised = tuple(info.value for info in self.parameters if info.spec.penalised)
            self.shapes[penalty] = ()
            self.add(Phase.FORWARD, penalty.layer, "penalty", penalised, (penalty,))

    def add_backward(self, source: Ref, between: Between) -> None:
        """Add, in reverse, a step for each operand that has a derivative: parameters first, as the document does.

        Where a value goes to several nodes, each sends back its part, and a step of its own sums them up: the chain
        rule for several variables. What a layer takes apart into time steps goes back as one: a step gathers them.
        """
        aliased = {value for name, value in self.aliases.items() if name.role == "z" and value == source}
        wanted = {node.output for node in self.nodes} | {info.value for info in self.parameters} | aliased
        wanted -= {node.output for node in self.nodes if is_slice(node) and not wanted.issuperset(node.operands)}
        uses: Counter[Ref] = Counter()
        senders = [node for node in self.nodes if not is_later_slice(node)]
        for node in senders:
            uses.update(value for value in node.operands if value in wanted)
        left = Counter(uses)
        parts: dict[Ref, list[Ref]] = {value: [] for value in uses}
        ways = Counter((value, node.layer) for node in senders for value in set(node.operands) & wanted)
        for node in reversed(senders):
            between()
            gradient = node.output.gradient
            places = [
                i for i, value in enumerate(node.operands) if value in wanted and not node.operation.is_constant(i)
            ]
            places.sort(key=lambda place: node.operands[place] in self.batched)
            for place in places:
                value = node.operands[place]
                if value == source and not self._shows_delta_of(node, source):
                    continue
                result = value.gradient
                if uses[value] > 1:
                    result = self._part_of(value, node, place, parts[value], ways[value, node.layer] > 1)
                if (name := Ref(node.layer, "z")) in self.aliases and self.aliases[name] == value:
                    self.aliases[name.gradient] = result
                if is_slice(node):
                    self.add(Phase.BACKWARD, node.layer, "gather", self._gradients_of_slices(node), (result,))
                else:
                    reads = (node.output, *node.operands) if node.output.role == "loss" else (gradient, *node.operands)
                    self.add(Phase.BACKWARD, node.layer, node.operation.name, reads, (result,), node, place)
                left[value] -= 1
                if not left[value]:
                    self._finish(value, parts[value])

    def _gradients_of_slices(self, first: Node) -> tuple[Ref, ...]:
        """Return the gradients of all time steps into which a layer takes a sequence apart, in order."""
        same = (n for n in self.nodes if is_slice(n) and (n.layer, n.operands) == (first.layer, first.operands))
        return tuple(node.output.gradient for node in same)

    def _shows_delta_of(self, node: Node, source: Ref) -> bool:
        return self.aliases.get(Ref(node.layer, "z")) == source

    def _part_of(self, value: Ref, node: Node, place: int, parts: list[Ref], several: bool) -> Ref:
        """Return the name of what `node` sends back; `several` says whether other nodes of its layer do too."""
        made = Sender(node.layer, node.output.role, node.output.time)
        sender = made if several or node.layer == value.layer else Sender(node.layer)
        if any(part.sender == sender for part in parts):
            sender = made._replace(operand=node.operand_label(place))
        part = value.gradient._replace(sender=sender)
        self.shapes[part] = self.shapes[value]
        if value in self.batched:
            self.batched.add(part)
        parts.append(part)
        return part

    def _finish(self, value: Ref, parts: list[Ref]) -> None:
        """All parts of the gradient of `value` are there: sum them, and add the penalty's own part."""
        training = self.network.training
        if parts:
            self.add(Phase.BACKWARD, value.layer, "accumulate", tuple(parts), (value.gradient,))
        penalised = any(info.value == value and info.spec.penalised for info in self.parameters)
        if penalised and (training.l1 or training.l2):
            self.add(Phase.BACKWARD, value.layer, "penalty", (value, value.gradient), (value.gradient,))

    def add_update(self) -> None:
        training, optimizer = self.network.training, make_optimizer(self.network.training.optimizer)
        trainable = [info for info in self.parameters if not info.frozen]
        gradients = tuple(info.value.gradient for info in trainable)
        if training.clip is not None and trainable:
            norm = (GRADIENT_NORM,) if training.clip.by == "norm" else ()
            self.shapes[GRADIENT_NORM] = ()
            self.add(Phase.UPDATE, WHOLE_NETWORK, "clip", gradients, (*gradients, *norm))
        rate: tuple[Ref, ...] = ()
        if trainable and training.schedule.type != "constant":
            rate = (LEARNING_RATE,)
            self.shapes[LEARNING_RATE] = ()
            self.add(Phase.UPDATE, WHOLE_NETWORK, "schedule", (), rate)
        for info in trainable:
            value = info.value
            slots = tuple(value.in_slot(slot) for slot in optimizer.slots)
            for slot in slots:
                self.shapes[slot] = info.spec.shape
            self.add(Phase.UPDATE, value.layer, "update", (value, value.gradient, *slots, *rate), (value, *slots))


def compile_plan(network: Network, structure: Structure | None = None, between: Between = go_on) -> Plan:
    """Return the plan of `network`. Raises PlanError with the problems of a network that cannot run.

    `between` is called between one layer and the next; what it raises ends the work.
    """
    structure = structure or structure_of(network)
    problems = (*structure.errors, *parameter_problems(network, structure))
    if problems or structure.input is None or structure.loss is None:
        raise PlanError(problems)
    compiler = _Compiler(network, structure)
    compiler.lower(between)
    loss_node = compiler.nodes[-1]
    source, target = Ref(structure.input, "h"), Ref(structure.loss, "target")
    training = network.training
    penalty = Ref(structure.loss, "penalty") if training.l1 or training.l2 else None
    compiler.add_forward(source, target, penalty)
    compiler.add_backward(source, between)
    compiler.add_update()
    if not isinstance(loss_node.operation, Loss):
        raise TypeError("the last node of a plan is its loss")
    return Plan(
        network=network,
        structure=structure,
        nodes=tuple(compiler.nodes),
        steps=tuple(compiler.steps),
        shapes=compiler.shapes,
        batched=frozenset(compiler.batched),
        aliases=compiler.aliases,
        parameters=tuple(compiler.parameters),
        buffers=tuple(compiler.buffers),
        input=source,
        prediction=loss_node.operands[0],
        target=target,
        loss=loss_node.output,
        penalty=penalty,
        loss_rule=loss_node.operation,
        pre_activations=compiler.pre_activations,
    )
