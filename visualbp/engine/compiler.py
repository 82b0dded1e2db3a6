"""Compiling a network: its layers lowered to nodes, and all that an iteration does put in order, forward and back."""

from __future__ import annotations

from collections import Counter

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref, Sender
from visualbp.engine.plan import (
    GRADIENT_NORM,
    LEARNING_RATE,
    WHOLE_NETWORK,
    Between,
    ParameterInfo,
    Phase,
    Plan,
    PlanError,
    Step,
    go_on,
)
from visualbp.layers import Node
from visualbp.network import Network, Structure, structure_of
from visualbp.network.structure import parameter_problems
from visualbp.operations.losses import Loss
from visualbp.operations.time_steps import TimeSlice
from visualbp.optimizers.base import make_optimizer


def is_slice(node: Node) -> bool:
    """Return whether a node takes one time step out of a sequence."""
    return isinstance(node.operation, TimeSlice)


def is_later_slice(node: Node) -> bool:
    """Return whether it takes another step than the first, which stands for all on the way back."""
    return isinstance(node.operation, TimeSlice) and node.operation.index > 0


def _derivative_places(node: Node) -> list[int]:
    """Return which operands of a node have a derivative."""
    return [place for place in range(len(node.operands)) if not node.operation.is_constant(place)]


class _Compiler:
    """Collects the nodes and steps of a plan. Used once: `compile_plan` makes it, runs it, and takes the result."""

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
        """Append a step, with the next index."""
        self.steps.append(Step(len(self.steps), phase, layer, operation, reads, writes, node, operand))

    def add_forward(self, source: Ref, target: Ref, penalty: Ref | None) -> None:
        """Add loading, the forward step of each node, and the penalty, if there is one."""
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
        made = {node.output for node in self.nodes if _derivative_places(node)}
        wanted = made | {info.value for info in self.parameters} | aliased
        wanted -= {node.output for node in self.nodes if is_slice(node) and not wanted.issuperset(node.operands)}
        uses: Counter[Ref] = Counter()
        senders = [node for node in self.nodes if not is_later_slice(node)]
        for node in senders:
            moving = [node.operands[place] for place in _derivative_places(node)]
            uses.update(value for value in moving if value in wanted)
        left = Counter(uses)
        parts: dict[Ref, list[Ref]] = {value: [] for value in uses}
        ways = Counter((value, node.layer) for node in senders for value in set(node.operands) & wanted)
        for node in reversed(senders):
            between()
            gradient = node.output.gradient
            places = [place for place in _derivative_places(node) if node.operands[place] in wanted]
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
        """Add clipping and the learning rate, where there are such steps, and an update of each trainable parameter."""
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
