"""The gradient check of every parameter: one run, one thread, float64; and the same by two forward passes a parameter.

OMP_NUM_THREADS=1 python -m tests.benchmarks.check
"""

from __future__ import annotations

import statistics

from tests.benchmarks.timing import table, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402

from tests.benchmarks.engine import data_of, network_of  # noqa: E402
from visualbp.analysis.gradient_check import CheckOptions, CheckResult, gradient_check  # noqa: E402
from visualbp.analysis.gradient_check_passes import Pace, Passes, point_at  # noqa: E402
from visualbp.core.arrays import Array  # noqa: E402
from visualbp.core.ref import Ref  # noqa: E402
from visualbp.engine import Plan, compile_plan  # noqa: E402
from visualbp.engine.store import initial_parameters  # noqa: E402
from visualbp.operations.base import IterationContext  # noqa: E402

NETWORKS = {
    "64-32-32-10, batch 16": ([64, 32, 32, 10], 16),
    "784-128-10, batch 8": ([784, 128, 10], 8),
    "784-512-512-10, batch 16": ([784, 512, 512, 10], 16),
}
RUNS = 7


def checked(plan: Plan, parameters: dict[Ref, Array], data: tuple[Array, Array], method: str, runs: int) -> CheckResult:
    """Return the run whose time is the median of several."""
    results = [
        gradient_check(plan, parameters, *data, IterationContext(), CheckOptions(method=method)) for _ in range(runs)
    ]
    middle = statistics.median_low(result.seconds for result in results)
    return next(result for result in results if result.seconds == middle)


def seconds_by_passes(plan: Plan, parameters: dict[Ref, Array], data: tuple[Array, Array]) -> float:
    """Return what two forward passes for each parameter would take, from the time of some of them."""
    import time

    point = point_at(plan, parameters, *data, IterationContext())
    total = 0.0
    for info in plan.parameters:
        evaluator = Passes(point, info, Pace(None, None))
        count = int(np.prod(info.spec.shape))
        some = np.arange(0, count, max(1, count // 100))
        started = time.perf_counter()
        evaluator.losses(some, np.array([1e-5, -1e-5]))
        total += (time.perf_counter() - started) * count / len(some)
    return total


def main() -> None:
    rows = []
    for name, (sizes, batch) in NETWORKS.items():
        for activation in ("relu", "tanh"):
            plan = compile_plan(network_of(sizes, activation))
            parameters, data = initial_parameters(plan), data_of(sizes, batch)
            for method in ("every", "sampled", "directional"):
                result = checked(plan, parameters, data, method, RUNS)
                passes = f"{seconds_by_passes(plan, parameters, data):,.2f}" if method == "every" else ""
                rows.append(
                    [
                        name,
                        activation,
                        method,
                        f"{result.parameters:,}",
                        f"{result.seconds * 1e3:,.1f}",
                        passes,
                        f"{result.max_relative_error:.1e}",
                        f"{result.kinks:,}",
                        "passed" if result.passed else "failed",
                    ]
                )
    head = ["network", "activation", "method", "parameters", "ms", "two passes each, s", "largest error", "kinks", ""]
    print(table(head, rows))


if __name__ == "__main__":
    main()
