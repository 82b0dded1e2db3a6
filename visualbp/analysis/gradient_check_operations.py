"""The check of each reverse-mode rule by itself, at its own operands, with an upstream of ordinary size.

In a deep or saturated network the gradient of the loss may be far below what differences of the loss can tell, and then
a wrong rule hides. A rule by itself does not depend on that. The rules are run as the plan runs them: by the calls that
are prepared for stepping and training, planted bugs included, on private memory.

An optimiser's update is no derivative of anything that could be measured, and is not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from visualbp.analysis.gradient_check_differences import EPSILON
from visualbp.analysis.gradient_check_judgement import Judgement
from visualbp.analysis.gradient_check_kinds import Suspect, kind_of
from visualbp.analysis.gradient_check_passes import Pace, Point
from visualbp.analysis.gradient_check_probe import FEW, Probe
from visualbp.analysis.gradient_check_result import CheckOptions, OperationCheck
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.binding import Binding, emit_penalty
from visualbp.engine.plan import Phase, Step
from visualbp.engine.store import Store, stream_of
from visualbp.layers import Node
from visualbp.operations.base import Emitter, IterationContext

SHAKE = 1e-3
"""How far operands are moved off their corners, as a share of their size."""
CANDIDATES = 192
"""Numbers of a part among which the worst one is looked for."""


def check_operations(
    point: Point, options: CheckOptions, pace: Pace
) -> tuple[dict[Ref, Array], tuple[OperationCheck, ...]]:
    """Return the gradient by parameter that the plan's rules give, and each rule checked by itself, in their order."""
    run = Rules(point, options)
    found = []
    for step in point.plan.steps:
        if step.phase in (Phase.LOAD, Phase.FORWARD):
            run.call(step)
        elif step.phase == Phase.BACKWARD:
            pace.advance(0.0)
            if (checked := run.check(step)) is not None:
                found.append(checked)
    gradient = run.gradient()
    for step in point.plan.steps:
        if step.operation == "clip" and (checked := run.check(step)) is not None:
            found.append(checked)
    return gradient, tuple(found)


def reverse_mode_gradient(point: Point) -> dict[Ref, Array]:
    """Return the gradient by parameter, from the plan's forward and reverse-mode rules in float64."""
    rules = Rules(point, CheckOptions())
    for step in point.plan.steps:
        if step.phase != Phase.UPDATE:
            rules.call(step)
    return rules.gradient()


class Rules:
    """The bound calls of a plan, run step by step."""

    def __init__(self, point: Point, options: CheckOptions) -> None:
        plan = self.plan = point.plan
        self.point, self.options = point, options
        self.store = Store(plan, np.dtype(np.float64))
        self.store.fill(point.parameters)
        self.bound = Binding(plan, self.store, point.batch_size, replace(point.context))
        np.copyto(self.bound.buffers[plan.input], point.values[plan.input])
        np.copyto(self.bound.buffers[plan.target], point.values[plan.target])
        self._forward_of = {step.node.output: step for step in plan.steps if step.phase == Phase.FORWARD and step.node}

    def gradient(self) -> dict[Ref, Array]:
        """Return the gradient of each parameter as the steps run so far have left it."""
        return {info.value: self.store.gradients[info.value.gradient].copy() for info in self.plan.parameters}

    def call(self, step: Step) -> None:
        """Run a step as it is. Loading is left out: the batch is in its place already."""
        if step.phase == Phase.LOAD:
            return
        for function, arguments in self.bound.calls[step.index]:
            function(*arguments)

    def check(self, step: Step) -> OperationCheck | None:
        """Run a step as it is, leave what it wrote, and check its rule."""
        if step.node is not None:
            self.call(step)
            return self._check_rule(step, step.node)
        before = [self.bound.buffer(value).copy() for value in step.reads]
        self.call(step)
        written = self.bound.buffer(step.writes[0])
        match step.operation:
            case "accumulate":
                return self._compared(step, written, np.sum(before, axis=0), np.sum(np.abs(before), axis=0))
            case "gather":
                return self._compared(step, written, np.stack(before, axis=1), np.abs(written))
            case "penalty":
                return self._check_penalty(step, before[0], written - before[1], np.abs(before[1]))
            case "clip":
                return self._check_clip(step, before)
        return None

    # -- rules of operations -------------------------------------------------------------------------------------------

    def _check_rule(self, step: Step, node: Node) -> OperationCheck:
        generator = IterationContext(self.options.seed).generator(stream_of(f"rule {step.index}"))
        probe = self.probe(step, node, generator)
        judgement, found = probe.check(self.options.tolerance)
        self._departs(probe, judgement)
        answer = _Answer.of(probe, judgement)
        if answer.passed is False and (accused := self._accused(step, node, answer)) is not None:
            return accused
        left = ~judgement.passed
        if not left.any():
            return self._result(step, node, answer)
        answer = replace(answer, passed=True if judgement.passed.any() else None)
        # Some numbers are at a corner or saturated. The same rule is asked beside the corner, or at ordinary operands.
        for way in (self._shaken, self._tame) if probe.base is not None else (self._tame,):
            other = self.probe(step, node, generator, way(step, node, generator))
            judged, _ = other.check(self.options.tolerance)
            self._departs(other, judged)
            elsewhere = _Answer.of(other, judged)
            if elsewhere.passed is False and (accused := self._accused(step, node, elsewhere)) is not None:
                return accused
            answer = replace(answer, passed=answer.passed or elsewhere.passed)
            if answer.relative_error is None:
                answer = replace(answer, relative_error=elsewhere.relative_error)
        if answer.passed is None and not (probe.a.any() or found.numeric.any()):
            answer = replace(answer, passed=True, relative_error=0.0)  # 0 it is, by both
        return self._result(step, node, answer)

    def _departs(self, probe: Probe, judgement: Judgement, chosen: Array | None = None) -> None:
        """Withdraw what is said of numbers where the rule is on purpose no derivative."""
        mask = probe.node.operation.departs_from_derivative(probe.inputs)
        if mask is not None and mask.any():
            by_number = mask.reshape(probe.parts, -1)[:, chosen if chosen is not None else slice(None)]
            if judgement.passed.size == by_number.size:
                departs = by_number.T.reshape(-1)
            else:
                departs = np.resize(by_number.any(-1), judgement.passed.size)
            judgement.withdraw(np.flatnonzero(departs))

    def probe(self, step: Step, node: Node, generator: np.random.Generator, operand: Array | None = None) -> Probe:
        """Run the rule with a random upstream, on its own operands or with another one, and put all back."""
        bound, result = self.bound, self.bound.buffer(step.writes[0])
        upstream = bound.buffer(node.output.gradient if node.output != self.plan.loss else node.output)
        x = bound.buffer(node.operands[step.operand])
        kept, forward = [(array, array.copy()) for array in (upstream, result, x)], self._forward_of[node.output]
        output = bound.buffer(node.output)
        if operand is not None:
            kept.append((output, output.copy()))
            np.copyto(x, operand)
            self.call(forward)
        if node.output != self.plan.loss:
            np.copyto(upstream, generator.standard_normal(upstream.shape))
        self.call(step)
        probe = Probe(
            node,
            step.operand,
            [bound.buffer(value).copy() for value in node.operands],
            [value in self.plan.batched or value == self.plan.target for value in node.operands],
            upstream.copy(),
            result.copy(),
            self.point.context,
            generator,
        )
        for array, content in kept:
            np.copyto(array, content)
        if operand is not None:
            self.call(forward)
        return probe

    def _shaken(self, step: Step, node: Node, generator: np.random.Generator) -> Array:
        """Return the operand a little off its corners."""
        x = self.bound.buffer(node.operands[step.operand])
        largest = float(np.abs(x[np.isfinite(x)]).max(initial=0.0)) or 1.0
        return x + SHAKE * largest * generator.uniform(-1.0, 1.0, x.shape)

    def _tame(self, step: Step, node: Node, generator: np.random.Generator) -> Array:
        """Return an operand of ordinary numbers: probabilities where it has probabilities."""
        x = self.bound.buffer(node.operands[step.operand])
        numbers = generator.standard_normal(x.shape)
        if ((x >= 0.0) & (x <= 1.0)).all():
            numbers = generator.uniform(0.2, 0.8, x.shape)
        return np.where(np.isfinite(x), numbers, x)

    def _result(self, step: Step, node: Node, answer: _Answer) -> OperationCheck:
        operand = node.operand_label(step.operand)
        error = answer.relative_error
        role, name = node.output.timed_role, node.operation.name
        return OperationCheck(node.layer, role, name, operand, answer.passed, error, step=step.index)

    def _accused(self, step: Step, node: Node, answer: _Answer) -> OperationCheck | None:
        """Say which entry is worst, and what kind of mistake it looks like; None where a second look finds none.

        Sums along a direction are looked at number by number. Where those are too many for all of them to be, others
        directions have to agree that something is wrong.
        """
        probe = answer.probe
        chosen = np.arange(probe.numbers)
        if probe.numbers > CANDIDATES:
            chosen = np.unique(np.linspace(0, probe.numbers - 1, CANDIDATES).astype(np.intp))
            if probe.numbers > FEW:
                by_size = np.argsort(-np.abs(probe.a).max(0))[: CANDIDATES // 4]
                chosen = np.unique(np.concatenate([chosen, by_size]))
        judgement, found = probe.entries(chosen, self.options.tolerance)
        self._departs(probe, judgement, chosen)
        if not judgement.failed.any():
            everything = len(chosen) == probe.numbers and probe.numbers > FEW and judgement.passed.any()
            again, _ = probe.check(self.options.tolerance)
            self._departs(probe, again)
            if everything or not again.failed.any():
                return None
        base = self._result(step, node, answer)
        suspect = Suspect(self.plan, step, node, probe, chosen, judgement, found, self._updated)
        kind, factor = kind_of(suspect)
        base = replace(base, kind=kind, factor=factor)
        if not judgement.failed.any():
            return base
        worst = int(np.argmax(np.where(judgement.failed, judgement.errors, -1.0)))
        number, part = divmod(worst, probe.parts)
        flat = int(probe.looked_at[part]) * probe.numbers + int(chosen[number])
        shape = probe.computed.shape
        return replace(
            base,
            relative_error=float(judgement.errors[worst]),
            index=tuple(int(i) for i in np.unravel_index(flat, shape)),
            computed=float(probe.a[part, chosen[number]]),
            measured=float(found.numeric[worst]),
        )

    def _updated(self) -> dict[Ref, Array]:
        """Return the parameters as the update of this iteration would leave them, without clipping."""
        kept = self.store.save()
        for step in self.plan.steps:
            if step.phase == Phase.UPDATE and step.operation != "clip":
                self.call(step)
        after = {info.value: self.store.views[info.value].copy() for info in self.plan.parameters}
        self.store.restore(kept)
        return after

    # -- steps that belong to no operation -----------------------------------------------------------------------------

    def _compared(self, step: Step, written: Array, expected: Array, size: Array) -> OperationCheck:
        """Compare with what the step is by definition, up to round-off."""
        difference = np.abs(written - expected)
        wrong = difference > 64.0 * EPSILON * size + np.finfo(np.float64).tiny
        largest = np.maximum(np.abs(written), np.abs(expected))
        errors = np.divide(difference, largest, out=np.zeros_like(difference), where=largest > 0)
        checked = OperationCheck(
            step.layer,
            step.writes[0].name,
            step.operation,
            step.writes[0].name,
            not wrong.any(),
            float(errors.max(initial=0.0)),
            step=step.index,
        )
        if not wrong.any():
            return checked
        index = np.unravel_index(int(np.argmax(np.where(wrong, errors, -1.0))), written.shape)
        ratio = written[wrong] / np.where(expected[wrong] == 0, np.nan, expected[wrong])
        factor = float(np.median(ratio))
        same = bool(np.isfinite(ratio).all() and (np.abs(ratio - factor) <= 1e-6 * abs(factor)).all())
        kind = "sign" if same and abs(factor + 1.0) < 1e-6 else "scaled" if same and factor != 0.0 else None
        return replace(
            checked,
            kind="scale" if kind == "scaled" else kind,
            factor=factor if kind == "scaled" else None,
            index=tuple(int(i) for i in index),
            computed=float(written[index]),
            measured=float(expected[index]),
        )

    def _check_penalty(self, step: Step, weight: Array, added: Array, size: Array) -> OperationCheck:
        """Hold what is added to the gradient against differences of the penalty, each weight by itself."""
        training = self.plan.network.training

        def penalty(moved: Array) -> Array:
            """Return the penalty of each weight alone."""
            emit, value = Emitter(self.point.context, np.dtype(np.float64), eager=True), np.zeros(())
            found = np.empty(moved.size)
            for place, number in enumerate(moved.reshape(-1)):
                emit_penalty(emit, training.l1, training.l2, [np.array([number])], value)
                found[place] = value
            return found.reshape(moved.shape)

        flat, chosen = weight.reshape(-1), np.arange(weight.size)
        if weight.size > CANDIDATES:
            chosen = np.linspace(0, weight.size - 1, CANDIDATES).astype(np.intp)
        w = flat[chosen]
        away = w[w != 0.0]
        chosen, w = chosen[w != 0.0], away  # at 0 the absolute value has its corner
        step_size = 0.25 * np.abs(w)  # on one side of 0 the penalty is a parabola, and a central difference exact
        numeric = (penalty(w + step_size) - penalty(w - step_size)) / (2.0 * step_size)
        noise = np.abs(numeric) + size.reshape(-1)[chosen]
        return self._compared(step, added.reshape(-1)[chosen], numeric, noise)

    def _check_clip(self, step: Step, before: Sequence[Array]) -> OperationCheck | None:
        """Hold clipping against what it promises: gradients within the limit, their direction as it was."""
        clip = self.plan.network.training.clip
        if clip is None:
            return None
        flat = np.concatenate([array.reshape(-1) for array in before])
        after = np.concatenate([self.bound.buffer(value).reshape(-1) for value in step.writes[: len(before)]])
        if clip.by == "value":
            expected = np.where(np.abs(flat) > clip.limit, np.sign(flat) * clip.limit, flat)
        else:
            norm = float(np.linalg.norm(flat))
            expected = flat if norm <= clip.limit else flat * (clip.limit / (norm + 1e-6))
        close = replace(step, writes=step.writes[:1])
        # PyTorch adds 1e-6 to the norm, also where that alone brings a norm just within the limit above it.
        slack = np.abs(flat) * (1e-6 / (1e-6 + float(np.linalg.norm(flat))) / EPSILON / 64.0 + 1.0)
        return self._compared(close, after, expected, slack)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What was found of one rule."""

    probe: Probe
    passed: bool | None
    relative_error: float | None

    @classmethod
    def of(cls, probe: Probe, judgement: Judgement) -> _Answer:
        """Return what these answers say of the rule; nothing, where not one number could be told."""
        told = judgement.passed | judgement.failed
        if not told.any():
            return cls(probe, None, None)
        return cls(probe, not judgement.failed.any(), float(np.nanmax(judgement.errors[told])))
