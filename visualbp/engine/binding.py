"""A plan bound to memory: for one batch size, every buffer made once and every step's calls prepared."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.bugs import ReverseRule, bugs_by_step, emit_buggy_rule
from visualbp.engine.plan import GRADIENT_NORM, LEARNING_RATE, Phase, Plan, Step
from visualbp.engine.store import Store, stream_of
from visualbp.engine.time_memory import time_memory
from visualbp.layers import Node
from visualbp.operations.base import Call, Emitter, IterationContext, emit_copy
from visualbp.optimizers.base import UpdateState, make_optimizer
from visualbp.optimizers.schedules import make_schedule, set_rate


def emit_clip(emit: Emitter, by: str, limit: float, gradients: Array, norm: Array) -> None:
    """Emit the clipping of the flat `gradients`: PyTorch's clip_grad_norm_ (with its 1e-6) or clip_grad_value_."""
    if by == "value":
        emit(np.minimum, gradients, emit.constant(limit), out=gradients)
        emit(np.maximum, gradients, emit.constant(-limit), out=gradients)
        return
    factor = emit.memory("factor", ())
    emit(np.dot, gradients, gradients, norm)
    emit(np.sqrt, norm, norm)
    emit(np.add, norm, emit.constant(1e-6), factor)
    emit(np.divide, emit.constant(limit), factor, factor)
    emit(np.minimum, factor, emit.constant(1.0), out=factor)
    emit(np.multiply, gradients, factor, gradients)


def emit_penalty(emit: Emitter, l1: float, l2: float, weights: list[Array], penalty: Array) -> None:
    """Emit penalty = sum over the weights of l1 sum|w| + l2 / 2 sum w^2."""
    part = emit.memory("part", ())
    emit(penalty.fill, 0.0)
    for weight in weights:
        flat = weight.reshape(-1)
        if l2:
            emit(np.dot, flat, flat, part)
            emit(np.multiply, part, emit.constant(l2 / 2.0), part)
            emit(np.add, penalty, part, penalty)
        if l1:
            size = emit.memory("size", flat.shape)
            emit(np.absolute, flat, size)
            emit(np.add.reduce, size, 0, None, part)
            emit(np.multiply, part, emit.constant(l1), part)
            emit(np.add, penalty, part, penalty)


def emit_penalty_gradient(emit: Emitter, l1: float, l2: float, weight: Array, gradient: Array) -> None:
    """Emit gradient += l2 w + l1 sign(w)."""
    part = emit.memory("gradient part", weight.shape)
    if l2:
        emit(np.multiply, weight, emit.constant(l2), part)
        emit(np.add, gradient, part, gradient)
    if l1:
        emit(np.sign, weight, part)
        emit(np.multiply, part, emit.constant(l1), part)
        emit(np.add, gradient, part, gradient)


class Binding:
    """The buffers and the prepared calls of a plan for batches of `batch_size` samples.

    `calls[i]` are the calls of step i, `pass_calls` those of forward and backward. `training_calls` are those of a
    whole iteration but for loading, all updates done at once on the flat buffers: the same arithmetic on each element.
    """

    def __init__(self, plan: Plan, store: Store, batch_size: int, context: IterationContext) -> None:
        self.plan, self.store, self.batch_size, self.context = plan, store, batch_size, context
        self.dtype: np.dtype[Any] = store.persistent.dtype
        self._bugs = bugs_by_step(plan)
        self.buffers: dict[Ref, Array] = {**store.views, **store.gradients}
        self._add_buffers()
        self._first_rate = float(plan.network.training.optimizer.options["learning_rate"])
        self._rate = self.buffers.get(LEARNING_RATE, np.array(self._first_rate, self.dtype))
        self._emitters: dict[int, Emitter] = {}
        self._step_emitter = Emitter(context, self.dtype)
        self.calls: tuple[tuple[Call, ...], ...] = tuple(self._calls_of(step) for step in plan.steps)
        self.training_calls: tuple[Call, ...] = self._training_calls()

    def _add_buffers(self) -> None:
        """Make the buffers of an iteration's values, time steps as views of their sequences (`time_memory.py`).

        `_put_together` holds the memory of the sequences that time steps lie in, `_parts` (count, ...) that of the
        parts of sums.
        """
        memory, plan = time_memory(self.plan, self._bugs), self.plan
        self._put_together: dict[Ref, Array] = {}
        self._parts: dict[Ref, Array] = {}
        for sequence in memory.time_major:
            length, *rest = plan.shapes[sequence]
            self._put_together[sequence] = np.zeros((length, self.batch_size, *rest), self.dtype).swapaxes(0, 1)
        self.buffers.update({value: self._put_together[value] for value in memory.exchanged})
        for value, parts in memory.sums.items():
            self._parts[value] = np.zeros((len(parts), *plan.shapes[value]), self.dtype)
            self.buffers.update(zip(parts, self._parts[value], strict=True))
        for value, shape in plan.shapes.items():
            if value not in self.buffers and value not in memory.steps:
                whole = (self.batch_size, *shape) if value in plan.batched else shape
                self.buffers[value] = np.zeros(whole, self.dtype)
        for value, (sequence, time) in memory.steps.items():
            self.buffers[value] = self._put_together.get(sequence, self.buffers[sequence])[:, time]

    def buffer(self, value: Ref) -> Array:
        """Return the buffer of a value, by any of its names."""
        return self.buffers[self.plan.resolve(value)]

    def emitter_of(self, node: Node) -> Emitter:
        """Return the node's emitter: its private memory holds what the forward rule keeps for the backward rules."""
        if id(node) not in self._emitters:
            stream = stream_of(f"{node.layer}/{node.operation.name}")
            self._emitters[id(node)] = Emitter(self.context, self.dtype, stream=stream)
        return self._emitters[id(node)]

    def _calls_of(self, step: Step) -> tuple[Call, ...]:
        if step.node is not None:
            return self._node_calls(step, step.node)
        emit, training = self._step_emitter, self.plan.network.training
        result = self.buffer(step.writes[0])
        match step.operation:
            case "accumulate" if (parts := self._parts.get(step.writes[0])) is not None:
                # from -0.0, the sum has the bits of adding one part after the other
                emit(np.add.reduce, parts, 0, None, result, False, emit.constant(-0.0))
            case "accumulate":
                emit(np.copyto, result, self.buffer(step.reads[0]))
                for part in step.reads[1:]:
                    emit(np.add, result, self.buffer(part), result)
            case "gather":
                together = self._put_together.get(step.writes[0], result)
                for index, part in enumerate(step.reads):
                    emit_copy(emit, together[:, index], self.buffer(part))
                emit_copy(emit, result, together)
            case "penalty" if step.phase == Phase.FORWARD:
                emit_penalty(emit, training.l1, training.l2, [self.buffer(value) for value in step.reads], result)
            case "penalty":
                emit_penalty_gradient(emit, training.l1, training.l2, self.buffer(step.reads[0]), result)
            case "clip":
                self._emit_clip(emit)
            case "schedule":
                self._emit_schedule(emit)
            case "update":
                value = step.writes[0]
                slots = {slot.slot: self.buffer(slot) for slot in step.writes[1:]}
                state = UpdateState(slots, self.store.first_iteration, self._rate)
                make_optimizer(training.optimizer).update(emit, result, self.buffer(value.gradient), state)
        return emit.take_calls()

    def _node_calls(self, step: Step, node: Node) -> tuple[Call, ...]:
        emit = self.emitter_of(node)
        inputs = [self.buffer(value) for value in node.operands]
        output = self.buffer(node.output)
        if step.phase == Phase.FORWARD:
            together = self._put_together.get(node.output, output)
            node.operation.forward(emit, inputs, together)
            emit_copy(emit, output, together)
            if node.updates:
                node.operation.update(emit, inputs, output, [self.buffer(value) for value in node.updates])
        else:
            upstream = output if node.output == self.plan.loss else self.buffer(node.output.gradient)
            result = self.buffer(step.writes[0])
            if bug := self._bugs.get(step.index):
                batched = node.operands[step.operand] in self.plan.batched
                updated = partial(self._emit_updated, node)
                rule = ReverseRule(node, step.operand, emit, upstream, inputs, output, result, batched, updated)
                emit_buggy_rule(bug, rule)
            else:
                node.operation.vjp(emit, step.operand, upstream, inputs, output, result)
        return emit.take_calls()

    def _emit_updated(self, node: Node, emit: Emitter, place: int) -> Array:
        """Emit the update of a node's parameter, without clipping, on copies; return the copy of the parameter."""
        value, training = node.operands[place], self.plan.network.training
        optimizer = make_optimizer(training.optimizer)
        names = {"": value, **{slot: value.in_slot(slot) for slot in optimizer.slots}}
        copies = {name: emit.memory(f"updated {name}", self.buffer(value).shape) for name in names}
        for name, copied in names.items():
            emit(np.copyto, copies[name], self.buffer(copied))
        rate = self._rate
        if training.schedule.type != "constant":  # the step that sets it is yet to come
            rate = emit.memory("rate", ())
            emit(set_rate, self.context, make_schedule(training.schedule), self._first_rate, rate)
        slots = {slot: copies[slot] for slot in optimizer.slots}
        optimizer.update(
            emit, copies[""], self.buffer(value.gradient), UpdateState(slots, self.store.first_iteration, rate)
        )
        return copies[""]

    def _emit_clip(self, emit: Emitter) -> None:
        clip = self.plan.network.training.clip
        if clip is not None:
            norm = self.buffers.get(GRADIENT_NORM, np.zeros((), self.dtype))
            emit_clip(emit, clip.by, clip.limit, self.store.flat_gradients, norm)
            if clip.by == "norm":  # a norm of nan would stay in the padding, and in every later norm
                emit(self.store.flat_gradients.put, self.store.padding, 0.0)

    def _emit_schedule(self, emit: Emitter) -> None:
        choice = self.plan.network.training.schedule
        if choice.type != "constant":
            emit(set_rate, self.context, make_schedule(choice), self._first_rate, self._rate)

    def _training_calls(self) -> tuple[Call, ...]:
        passes = [
            call
            for step, calls in zip(self.plan.steps, self.calls, strict=True)
            if step.phase in (Phase.FORWARD, Phase.BACKWARD)
            for call in calls
        ]
        self.pass_calls = tuple(passes)
        emit = Emitter(self.context, self.dtype)
        if self.plan.trainable:
            self._emit_clip(emit)
            self._emit_schedule(emit)
            state = UpdateState(self.store.flat_slots, self.store.first_iteration, self._rate)
            optimizer = make_optimizer(self.plan.network.training.optimizer)
            optimizer.update(emit, self.store.flat_parameters, self.store.flat_gradients, state)
        return (*passes, *emit.take_calls())
