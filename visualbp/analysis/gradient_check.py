"""The numerical gradient check: every derivative of the reverse-mode rules against differences of the loss.

Source: the document, "Numerical Gradient Checking". A bare "relative error below 1e-5" fails correct gradients: a
difference of two losses has round-off, which is large beside a tiny derivative, and a ReLU may have its corner between
the two. What is decided, and how, is said at `TensorCheck`; how it is measured, at `CheckResult.words`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from visualbp.analysis.gradient_check_differences import (
    Differences,
    central_differences,
    five_point_differences,
    relative_errors,
)
from visualbp.analysis.gradient_check_passes import Along, Evaluator, Pace, Passes, Point, point_at
from visualbp.analysis.gradient_check_result import (
    Cancelled,
    CheckError,
    CheckOptions,
    CheckResult,
    Place,
    TensorCheck,
)
from visualbp.analysis.gradient_check_stacked import Program, Stacked, can_stack
from visualbp.analysis.gradient_check_units import ByUnits, Rule
from visualbp.core.arrays import Array, read_only
from visualbp.engine.binding import Binding
from visualbp.engine.plan import ParameterInfo, Plan
from visualbp.engine.store import Store, stream_of
from visualbp.layers import Value
from visualbp.operations.base import IterationContext

__all__ = ["Cancelled", "CheckError", "CheckOptions", "CheckResult", "Place", "TensorCheck", "gradient_check"]

LARGEST_STACKED = 1.5e9
"""Elements, some ten seconds: a check that would take more moves pre-activations, and not every weight by itself."""

HOPELESS = 0.01
"""A relative error above this is no matter of round-off, and not measured again."""


def gradient_check(
    plan: Plan,
    parameters: Mapping[Value, Array],
    inputs: Array,
    targets: Array,
    context: IterationContext,
    options: CheckOptions | None = None,
    analytic: Mapping[Value, Array] | None = None,
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
        if analytic is None:
            analytic = reverse_mode_gradient(point)
        run = _Run(point, options, Pace(progress, cancelled))
        run.plan_work()
        layers: dict[str, dict[str, TensorCheck]] = {}
        for info in plan.parameters:
            layers.setdefault(info.value.layer, {})[info.value.role] = run.check(info, np.asarray(analytic[info.value]))
    return _result(plan, point, options, layers, time.perf_counter() - started)


def reverse_mode_gradient(point: Point) -> dict[Value, Array]:
    """Return the gradient by parameter, from the plan's forward and reverse-mode rules in float64."""
    plan = point.plan
    store = Store(plan, np.dtype(np.float64))
    store.fill(point.parameters)
    binding = Binding(plan, store, point.batch_size, replace(point.context))
    np.copyto(binding.buffers[plan.input], point.values[plan.input])
    np.copyto(binding.buffers[plan.target], point.values[plan.target])
    for function, arguments in binding.pass_calls:
        function(*arguments)
    return {info.value: store.gradients[info.value.gradient] for info in plan.parameters}


Way = Evaluator | ByUnits


@dataclass(eq=False)
class _Run:
    """One check: where, how, and the prepared calls that tensors share."""

    point: Point
    options: CheckOptions
    pace: Pace
    programs: dict[object, Program] = field(default_factory=dict)
    deltas: dict[object, Differences] = field(default_factory=dict)
    is_large: bool = False

    def plan_work(self) -> None:
        """Decide how to measure, and add up the work there is, for the progress."""
        parameters = self.point.plan.parameters
        self.is_large = sum(self._work(self._ways(info)[0], info) for info in parameters) > LARGEST_STACKED
        total = sum(self._work(self._ways(info)[0], info) + 2.0 * self._along(info).cost for info in parameters)
        self.pace.total = max(total, 1.0)

    def _work(self, way: Way, info: ParameterInfo) -> float:
        if isinstance(way, ByUnits):
            return 2.0 * way.cost if len(info.spec.shape) > 1 else 0.0  # a bias takes what its weight has measured
        return 2.0 * way.cost * len(self._entries(info))

    def check(self, info: ParameterInfo, analytic: Array) -> TensorCheck:
        """Measure one parameter and compare."""
        entries, along, ways = self._entries(info), self._along(info), self._ways(info)
        way, found = ways[0], _measure(ways[0], entries, self.options.epsilon, central_differences)
        along.direction.reshape(-1)[entries[found.excluded]] = 0.0  # a kink would keep the others from being compared
        whole = central_differences(along, np.zeros(1, np.intp), self.options.epsilon)
        for next_way in ways[1:]:
            if _agree(found, along.direction, whole):
                break
            # What a quick way assumes of the affine rule does not hold: the next assumes less, the last one nothing.
            way, found = next_way, _measure(next_way, entries, self.options.epsilon, central_differences)
        under_test = analytic.reshape(-1).astype(np.float64)
        noise = 64.0 * _unit(analytic) * float(np.abs(under_test).max(initial=0.0))
        errors = self._errors(way, entries, under_test[entries], found, noise)
        # Terms of both signs may all but cancel in the sum: its round-off and its error are those of its terms.
        noise = noise * under_test.size**0.5 + self.options.tolerance * float(np.linalg.norm(under_test))
        expected = np.array([under_test @ along.direction.reshape(-1)])
        direction_error = float(self._errors(along, np.zeros(1, np.intp), expected, whole, noise)[0])
        largest = float(np.fmax.reduce(np.append(errors, direction_error), initial=0.0))
        shape, directional = info.spec.shape, self.options.method == "directional"
        return TensorCheck(
            relative_error=largest,
            passed=largest <= self.options.tolerance,
            kinks=int(found.kinks.sum()),
            errors=_scattered(shape, entries, errors, np.nan),
            kink_mask=_scattered(shape, entries, found.kinks, False),
            analytic=read_only(under_test.reshape(shape)),
            numeric=_scattered(shape, entries, found.numeric, np.nan),
            checked=under_test.size if directional else int((~found.excluded).sum()),
            excluded=int(found.excluded.sum()),
            direction_error=None if whole.excluded[0] else direction_error,
            way=along.way if directional else way.way,
        )

    def _errors(self, way: Way, entries: Array, analytic: Array, found: Differences, own_noise: float) -> Array:
        """Return the errors. A number that fails by a little is first measured again, more exactly."""
        tolerance = self.options.tolerance
        errors = relative_errors(analytic, found, tolerance, own_noise)
        doubtful = np.flatnonzero((errors > tolerance) & (errors < HOPELESS) & ~found.kinks)
        if len(doubtful):
            better = _measure(way, entries[doubtful], self.options.epsilon, five_point_differences)
            usable = ~better.excluded
            found.numeric[doubtful[usable]] = better.numeric[usable]
            found.noise[doubtful[usable]] = better.noise[usable]
            errors = relative_errors(analytic, found, tolerance, own_noise)
        return errors

    def _ways(self, info: ParameterInfo) -> list[Way]:
        """Return how the numbers can be measured, the quickest first; the last way assumes nothing."""
        point, pace = self.point, self.pace
        ways: list[Way] = [Passes(point, info, pace)]
        if self.options.method == "every" and can_stack(point, info):
            ways.insert(0, Stacked(point, info, pace, self.programs))
            if self.is_large:
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


def _measure(way: Way, entries: Array, epsilon: float, rule: Rule) -> Differences:
    return way.measure(entries, epsilon, rule) if isinstance(way, ByUnits) else rule(way, entries, epsilon)


def _agree(found: Differences, direction: Array, whole: Differences) -> bool:
    """Return whether the numbers, each measured alone, add up to the derivative along the direction."""
    if whole.excluded[0]:
        return True  # there is nothing to hold them against
    numeric = np.where(found.excluded, 0.0, found.numeric)  # where the direction is 0
    sum_of_numbers = float(numeric @ direction.reshape(-1))
    size = max(float(np.linalg.norm(numeric)), abs(float(whole.numeric[0])))
    allowed = 1e-4 * size + 10.0 * float(np.linalg.norm(found.noise)) + float(whole.noise[0])
    return abs(sum_of_numbers - float(whole.numeric[0])) <= allowed


def _unit(array: Array) -> float:
    """Return the unit in the last place of a gradient under test, where it is coarser than float64's."""
    return float(np.finfo(array.dtype).eps) if array.dtype == np.float32 else 0.0


def _scattered(shape: tuple[int, ...], entries: Array, values: Array, missing: object) -> Array:
    whole = np.full(shape, missing, values.dtype)
    whole.reshape(-1)[entries] = values
    return read_only(whole)


def _result(
    plan: Plan, point: Point, options: CheckOptions, layers: dict[str, dict[str, TensorCheck]], seconds: float
) -> CheckResult:
    tensors = [tensor for found in layers.values() for tensor in found.values()]
    return CheckResult(
        passed=all(tensor.passed for tensor in tensors),
        max_relative_error=max((tensor.relative_error for tensor in tensors), default=0.0),
        worst=_worst(layers),
        parameters=sum(tensor.analytic.size for tensor in tensors),
        checked=sum(tensor.checked for tensor in tensors),
        kinks=sum(tensor.kinks for tensor in tensors),
        excluded=sum(tensor.excluded for tensor in tensors),
        seconds=seconds,
        method=options.method,
        words=_words(plan, options, tensors),
        loss=point.loss,
        epsilon=options.epsilon,
        tolerance=options.tolerance,
        layers=layers,
    )


def _worst(layers: Mapping[str, Mapping[str, TensorCheck]]) -> Place | None:
    worst, largest = None, -1.0
    for layer, tensors in layers.items():
        for name, tensor in tensors.items():
            if np.isnan(tensor.errors).all():
                continue
            place = int(np.nanargmax(tensor.errors))
            if tensor.errors.reshape(-1)[place] > largest:
                largest = float(tensor.errors.reshape(-1)[place])
                worst = Place(layer, name, tuple(int(i) for i in np.unravel_index(place, tensor.errors.shape)))
    return worst


def _words(plan: Plan, options: CheckOptions, tensors: list[TensorCheck]) -> str:
    what = {
        "every": "Every parameter, by central differences",
        "sampled": f"Up to {options.samples} parameters of each tensor, by central differences",
        "directional": "Each tensor as a whole, by a central difference",
    }[options.method]
    ways = list(dict.fromkeys(tensor.way for tensor in tensors))
    sentences = [f"{what}: {', elsewhere '.join(ways)}" if ways else "There is no parameter to check"]
    if options.method != "directional" and tensors:
        sentences[0] += ", and the real loss along a random direction of each tensor"
    kinks, excluded = sum(t.kinks for t in tensors), sum(t.excluded for t in tensors)
    if kinks:
        sentences.append(f"{kinks:,} at a kink, measured on a side that is free of it")
        if excluded:
            sentences[-1] += f"; {excluded:,} of these left out, as neither side is"
    if plan.network.precision == "float32":
        sentences.append("Computed in float64, though the network runs in float32")
    return ". ".join(sentences) + "."
