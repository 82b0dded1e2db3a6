"""The numerical gradient check: every derivative of the reverse-mode rules against differences of the loss.

Source: the document, "Numerical Gradient Checking". A bare "relative error below 1e-5" fails correct gradients: a
difference of two losses has round-off, which is large beside a tiny derivative, and a ReLU may have its corner between
the two. So each number has one of three answers (`gradient_check_judgement`), from differences that tell their own
error (`gradient_check_differences`); and each rule is checked by itself as well (`gradient_check_operations`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from visualbp.analysis.gradient_check_differences import Differences
from visualbp.analysis.gradient_check_judgement import own_noise
from visualbp.analysis.gradient_check_measurement import Measurement, Way, quickly
from visualbp.analysis.gradient_check_operations import check_operations, reverse_mode_gradient
from visualbp.analysis.gradient_check_passes import Along, Pace, Passes, Point, point_at
from visualbp.analysis.gradient_check_result import (
    Cancelled,
    CheckError,
    CheckOptions,
    CheckResult,
    OperationCheck,
    Place,
    TensorCheck,
)
from visualbp.analysis.gradient_check_stacked import Program, Stacked, can_stack, samples_stay_apart
from visualbp.analysis.gradient_check_units import ByUnits
from visualbp.analysis.gradient_check_words import words_of
from visualbp.core.arrays import Array, read_only
from visualbp.core.ref import Ref
from visualbp.engine.plan import ParameterInfo, Plan
from visualbp.engine.store import stream_of
from visualbp.operations.base import IterationContext

__all__ = [
    "Cancelled",
    "CheckError",
    "CheckOptions",
    "CheckResult",
    "OperationCheck",
    "Place",
    "TensorCheck",
    "gradient_check",
    "reverse_mode_gradient",
]

LARGEST_STACKED = 1.5e9
"""Elements, some ten seconds: a check that would take more moves pre-activations, and not every weight by itself."""

SPOT_CHECKS = 32
"""Numbers of a tensor that are measured without any assumption, where the quick way is in doubt."""


def gradient_check(
    plan: Plan,
    parameters: Mapping[Ref, Array],
    inputs: Array,
    targets: Array,
    context: IterationContext,
    options: CheckOptions | None = None,
    analytic: Mapping[Ref, Array] | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> CheckResult:
    """Compare the gradient of loss and penalties, before clipping, with differences of the loss, frozen parameters too.

    `inputs` (B, *shape) and `targets` are a batch as the executor encodes it; dropout has the masks of `context`.
    `analytic` is the gradient under test by parameter; by default the plan's own reverse-mode rules are run, on private
    memory. `progress` is told the share that is done; `cancelled` is asked now and then.

    Raises Cancelled, and CheckError where the loss is not finite.
    """
    options, started = options or CheckOptions(), time.perf_counter()
    with np.errstate(all="ignore"):
        point = point_at(plan, parameters, inputs, targets, context)
        if not np.isfinite(point.loss):
            raise CheckError(
                f"the loss is {point.loss}, so there is no difference of losses to compare with;"
                " step on to the operation that first makes a value that is not finite"
            )
        run = _Run(point, options, Pace(progress, cancelled))
        run.plan_work()
        gradient, operations = check_operations(point, options, run.pace)
        run.rules_hold = all(found.passed is not False for found in operations)
        layers: dict[str, dict[str, TensorCheck]] = {}
        for info in plan.parameters:
            under_test = np.asarray((gradient if analytic is None else analytic)[info.value])
            layers.setdefault(info.value.layer, {})[info.value.role] = run.check(info, under_test)
    return _result(point, options, layers, operations, time.perf_counter() - started)


@dataclass(eq=False)
class _Run:
    """One check: where, how, and the prepared calls that tensors share."""

    point: Point
    options: CheckOptions
    pace: Pace
    programs: dict[object, Program] = field(default_factory=dict)
    deltas: dict[object, Differences] = field(default_factory=dict)
    is_large: bool = False
    rules_hold: bool = True
    departs: bool = False

    def plan_work(self) -> None:
        """Decide how to measure, and add up the work there is, for the progress. Raises Cancelled."""
        self.departs = self.point.departs_from_derivative
        self.is_large = sum(self._work(self._ways(info)[0], info) for info in self._parameters()) > LARGEST_STACKED
        total = sum(self._work(self._ways(info)[0], info) + 2.0 * self._along(info).cost for info in self._parameters())
        self.pace.total = max(total, 1.0)

    def _parameters(self) -> Iterator[ParameterInfo]:
        """Yield one parameter after the other; between two of them a cancelled check ends, with Cancelled."""
        for info in self.point.plan.parameters:
            self.pace.advance(0.0)  # with a thousand layers the ways of all of them take a minute to find
            yield info

    def _work(self, way: Way, info: ParameterInfo) -> float:
        if isinstance(way, ByUnits):
            return 2.0 * way.cost if len(info.spec.shape) > 1 else 0.0  # a bias takes what its weight has measured
        return 2.0 * way.cost * len(self._entries(info))

    def check(self, info: ParameterInfo, gradient: Array) -> TensorCheck:
        """Measure one parameter and compare."""
        flat = gradient.reshape(-1).astype(np.float64)
        entries, size = self._entries(info), _typical(self.point.parameters[info.value])
        numbers = self._measured(info, entries, flat[entries], own_noise(gradient))
        numbers.finish(self._along(info) if self.rules_hold else None, size)
        direction = None if self.options.method == "every" else self._direction(info, gradient, flat, size)
        if self.departs:
            for found in (numbers, direction):
                if found is not None:
                    found.judgement.withdraw(np.flatnonzero(found.judgement.failed))
        return self._tensor(info, flat, numbers, direction)

    def _measured(self, info: ParameterInfo, entries: Array, analytic: Array, noise: float) -> Measurement:
        """Return the numbers measured quickly, by the quickest way whose assumptions hold."""
        ways, options = self._ways(info), self.options

        def begin(way: Way) -> Measurement:
            return Measurement.begin(way, entries, analytic, options.epsilon, options.tolerance, noise)

        numbers, along = begin(ways[0]), self._along(info)
        unknown = ~np.isfinite(numbers.found.numeric)
        along.direction.reshape(-1)[entries[unknown]] = 0.0  # a kink would keep the others from being compared
        whole = quickly(along, np.zeros(1, np.intp), options.epsilon)
        for next_way in ways[1:]:
            sum_of_numbers = float(np.where(unknown, 0.0, numbers.found.numeric) @ along.direction.reshape(-1))
            allowed = 1e-4 * float(np.linalg.norm(numbers.found.numeric[~unknown])) + 10.0 * float(whole.error[0])
            if np.isnan(whole.numeric[0]) or abs(sum_of_numbers - float(whole.numeric[0])) <= allowed:
                break
            if self._agrees_in_spots(info, numbers):
                break
            # What a quick way assumes of the affine rule does not hold: the next assumes less, the last one nothing.
            numbers = begin(next_way)
            unknown = ~np.isfinite(numbers.found.numeric)
        return numbers

    def _agrees_in_spots(self, info: ParameterInfo, numbers: Measurement) -> bool:
        """Return whether some numbers are the same when measured by forward passes that assume nothing."""
        known = np.flatnonzero(np.isfinite(numbers.found.numeric))
        spots = known[np.linspace(0, len(known) - 1, min(SPOT_CHECKS, len(known))).astype(np.intp)]
        single = quickly(Passes(self.point, info, self.pace), numbers.entries[spots], self.options.epsilon)
        difference = np.abs(single.numeric - numbers.found.numeric[spots])
        size = np.maximum(np.abs(single.numeric), np.abs(numbers.found.numeric[spots]))
        return bool((difference <= 1e-4 * size + 10.0 * (single.error + numbers.found.error[spots])).all())

    def _direction(self, info: ParameterInfo, gradient: Array, flat: Array, size: float) -> Measurement:
        """Measure the derivative along a random direction of the whole tensor."""
        along, options = self._along(info), self.options
        direction = along.direction.reshape(-1)
        expected = np.array([flat @ direction])
        # Terms of both signs may all but cancel in the sum: its round-off is that of its terms.
        noise = own_noise(gradient) * flat.size**0.5
        one = np.zeros(1, np.intp)
        measured = Measurement.begin(along, one, expected, options.epsilon, options.tolerance, noise)
        measured.finish(None, size)
        return measured

    def _tensor(
        self, info: ParameterInfo, flat: Array, numbers: Measurement, direction: Measurement | None
    ) -> TensorCheck:
        shape, found, judgement = info.spec.shape, numbers.found, numbers.judgement
        directional = self.options.method == "directional"
        told = judgement.passed | judgement.failed
        checked = int(told.sum())
        answers = [*judgement.passed[told]]
        direction_error = None
        if direction is not None and (direction.judgement.passed[0] or direction.judgement.failed[0]):
            answers.append(direction.judgement.passed[0])
            direction_error = float(direction.judgement.errors[0])
            checked = flat.size if directional else checked
        errors = np.append(judgement.errors[told], [] if direction_error is None else direction_error)
        excused = judgement.passed & (judgement.errors > self.options.tolerance)
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = found.error / np.maximum(np.abs(numbers.analytic), np.abs(found.numeric))
        return TensorCheck(
            relative_error=float(np.fmax.reduce(errors)) if len(errors) else None,
            passed=bool(all(answers)) if answers else None,
            kinks=int(found.kinks.sum()),
            errors=_scattered(shape, numbers.entries, judgement.errors, np.nan),
            failed=_scattered(shape, numbers.entries, judgement.failed, False),
            kink_mask=_scattered(shape, numbers.entries, found.kinks, False),
            analytic=read_only(flat.reshape(shape)),
            numeric=_scattered(shape, numbers.entries, found.numeric, np.nan),
            checked=checked,
            unmeasurable=(flat.size if directional else len(numbers.entries)) - checked,
            corners=int((found.corners & ~told).sum()),
            excused=int(excused.sum()),
            measuring_error=float(relative[excused].max(initial=0.0)),
            direction_error=direction_error,
            way=Along.way if directional else numbers.way.way,
        )

    def _ways(self, info: ParameterInfo) -> list[Way]:
        """Return how the numbers can be measured, the quickest first; the last way assumes nothing."""
        point, pace = self.point, self.pace
        ways: list[Way] = [Passes(point, info, pace)]
        if self.options.method == "every" and can_stack(point, info):
            ways.insert(0, Stacked(point, info, pace, self.programs))
            if self.is_large and samples_stay_apart(point, info):
                ways.insert(0, ByUnits(point, info, pace, self.programs, self.deltas))
        return ways

    def _along(self, info: ParameterInfo) -> Along:
        signs = self._generator(info, "direction").integers(0, 2, info.spec.shape) * 2.0 - 1.0
        return Along(self.point, info, self.pace, signs)

    def _entries(self, info: ParameterInfo) -> Array:
        """Return the flat indices of the numbers to be compared alone."""
        count = int(np.prod(info.spec.shape))
        match self.options.method:
            case "every":
                return np.arange(count)
            case "sampled":
                drawn = self._generator(info, "sample").choice(count, min(self.options.samples, count), replace=False)
                return np.sort(drawn)
            case _:
                return np.zeros(0, np.intp)

    def _generator(self, info: ParameterInfo, use: str) -> np.random.Generator:
        return IterationContext(self.options.seed).generator(stream_of(f"{use} {info.value.text}"))


def _typical(parameter: Array) -> float:
    """Return the root mean square of a parameter, finite where its squares are not."""
    largest = float(np.abs(parameter).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((parameter / largest) ** 2))) if largest > 0.0 else 0.0


def _scattered(shape: tuple[int, ...], entries: Array, values: Array, missing: object) -> Array:
    whole = np.full(shape, missing, values.dtype)
    whole.reshape(-1)[entries] = values
    return read_only(whole)


def _result(
    point: Point,
    options: CheckOptions,
    layers: dict[str, dict[str, TensorCheck]],
    operations: tuple[OperationCheck, ...],
    seconds: float,
) -> CheckResult:
    tensors = [tensor for found in layers.values() for tensor in found.values()]
    answers = [tensor.passed for tensor in tensors] or [True]
    wrong = False in answers or any(operation.passed is False for operation in operations)
    errors = [tensor.relative_error for tensor in tensors if tensor.relative_error is not None]
    return CheckResult(
        verdict="failed" if wrong else "passed" if True in answers else "undecided",
        max_relative_error=max(errors, default=None),
        worst=_worst(layers),
        parameters=sum(tensor.analytic.size for tensor in tensors),
        checked=sum(tensor.checked for tensor in tensors),
        kinks=sum(tensor.kinks for tensor in tensors),
        unmeasurable=sum(tensor.unmeasurable for tensor in tensors),
        excused=sum(tensor.excused for tensor in tensors),
        seconds=seconds,
        method=options.method,
        words=words_of(point, options, tensors, operations),
        loss=point.loss,
        epsilon=options.epsilon,
        tolerance=options.tolerance,
        layers=layers,
        operations=operations,
    )


def _worst(layers: Mapping[str, Mapping[str, TensorCheck]]) -> Place | None:
    worst, largest = None, -1.0
    for layer, tensors in layers.items():
        for name, tensor in tensors.items():
            if np.isnan(tensor.errors).all():
                continue
            place = int(np.nanargmax(np.where(tensor.failed, tensor.errors + 2.0, tensor.errors)))
            error = float(tensor.errors.reshape(-1)[place]) + 2.0 * bool(tensor.failed.reshape(-1)[place])
            if error > largest:
                largest = error
                worst = Place(layer, name, tuple(int(i) for i in np.unravel_index(place, tensor.errors.shape)))
    return worst
