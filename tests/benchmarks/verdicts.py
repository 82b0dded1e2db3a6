"""Verdicts of the gradient check on right and wrong networks of every hard kind.

python -m tests.benchmarks.verdicts [--networks 1000] [--first 0] [--samples]

Each network is judged right as it is, and once more with a planted bug. Counted are: right networks that fail; numbers
of a wrong gradient that pass as measured (wrong by more than a thousandth's half, against the right rules); planted
bugs that are named at their operation, and with their kind. `--samples` judges each sample after 10,000 iterations.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tests.checked_networks import KINDS, HardCase
from tests.refs import ref
from visualbp.analysis.gradient_check import CheckError, CheckOptions, CheckResult, gradient_check
from visualbp.analysis.gradient_check_operations import Rules
from visualbp.analysis.gradient_check_passes import point_at
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.bugs import bugs_by_step
from visualbp.files import find_model, load_network
from visualbp.files.samples import sample_paths
from visualbp.network.bugs import PlantedBug

NOTICED = 5e-4
EFFECT = 1e-7
"""A bug that changes what its rule gives by less than this share of it is none that could be found."""


@dataclass
class Counts:
    right: int = 0
    refused: int = 0
    false_failures: list[str] = field(default_factory=list)
    undecided: int = 0
    measured: int = 0
    numbers: int = 0
    wrong: int = 0
    without_effect: int = 0
    passed_as_measured: list[str] = field(default_factory=list)
    named: int = 0
    kind_named: int = 0
    missed: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)


def checked(case: HardCase) -> CheckResult | None:
    """Return the check, or None where the loss is not finite."""
    try:
        return gradient_check(case.plan, case.parameters, case.inputs, case.targets, case.context)
    except CheckError:
        return None


def judge_right(case: HardCase, name: str, counts: Counts) -> CheckResult | None:
    result = checked(case)
    if result is None:
        counts.refused += 1
        return None
    counts.right += 1
    counts.measured += result.checked
    counts.numbers += result.parameters
    counts.undecided += result.verdict == "undecided"
    if result.verdict == "failed":
        wrong = [f"{rule.place} {rule.relative_error}" for rule in result.wrong_operations]
        counts.false_failures.append(f"{name}: tensors {result.failures} rules {wrong}")
    return result


def has_effect(case: HardCase, without: HardCase, index: int) -> bool:
    """Return whether the rule of a step gives anything else with its bug, for the same numbers from above.

    Weights that an update hardly moves, a symmetric matrix transposed, or a row that is 0 anyway hide nothing.
    """
    given = []
    for one in (case, without):
        with np.errstate(all="ignore"):
            point = point_at(one.plan, one.parameters, one.inputs, one.targets, one.context)
            rules = Rules(point, CheckOptions())
            for step in point.plan.steps[: index + 1]:
                rules.call(step)
            step = point.plan.steps[index]
            assert step.node is not None
            given.append(rules.probe(step, step.node, np.random.default_rng(0)).computed)
    wrong, right = given
    return bool(np.abs(wrong - right).max() > EFFECT * max(float(np.abs(right).max()), np.finfo(float).tiny))


def gradients(result: CheckResult) -> dict[Ref, Array]:
    return {
        ref(layer, role): tensor.analytic for layer, found in result.layers.items() for role, tensor in found.items()
    }


def judge_wrong(
    case: HardCase, bug: PlantedBug, without: HardCase, right: CheckResult, name: str, counts: Counts
) -> None:
    result = checked(case)
    if result is None:
        return
    (index,) = bugs_by_step(case.plan)
    if not has_effect(case, without, index):
        counts.without_effect += 1
        return
    counts.wrong += 1
    counts.verdicts[result.verdict] += 1
    accused = {rule.step: rule for rule in result.wrong_operations}
    if index in accused:
        counts.named += 1
        said = accused[index].kind
        counts.kind_named += said == bug.kind or (said, bug.kind) == ("scale", "scaled")
    else:
        counts.missed.append(f"{name}: {bug.kind} in {bug.layer}.{bug.output} to {bug.operand} ({result.verdict})")
    if set(accused) - {index}:
        counts.beside.append(f"{name}: {bug.text}, accused also {[accused[i].place for i in set(accused) - {index}]}")
    truth = gradients(right)
    for value, wrong in gradients(result).items():
        tensor = result.layers[value.layer][value.name]
        a, b = wrong, truth[value]
        with np.errstate(invalid="ignore", over="ignore"):
            is_wrong = np.abs(a - b) > NOTICED * np.maximum(np.abs(a), np.abs(b))
        passed = is_wrong & ~tensor.failed & np.isfinite(tensor.errors)
        if passed.any():
            place = tuple(int(i) for i in np.argwhere(passed)[0])
            counts.passed_as_measured.append(
                f"{name}: {bug.text}: {value.text}{place} {a[place]!r} for {b[place]!r},"
                f" measured {tensor.numeric[place]!r}"
            )


def sample_cases(iterations: int) -> list[HardCase]:
    """Return each sample, without its bug, after so many iterations."""
    from dataclasses import replace

    from visualbp.network import edits

    cases = []
    for name in [path.stem for path in sample_paths()]:
        network = edits.remove_bugs(load_network(find_model(name)))
        path = find_model(name)
        if network.data is None:
            continue
        executor = Executor(compile_plan(network), load_dataset(network.data, path.parent))
        started = time.perf_counter()
        done = 0
        while done < iterations and time.perf_counter() - started < 60.0:
            executor.run_fast()
            done += 1
        batch = executor.batch_indices(executor.iteration)
        views = {value: np.array(array) for value, array in executor.parameter_views().items()}
        context = replace(executor.context)
        kind = f"{name} after {done:,}"
        cases.append(HardCase(kind, network, views, executor.inputs[batch], executor.targets[batch], context))
    return cases


def shown(title: str, counts: Counts) -> None:
    parts = (
        f"{title:16s} right {counts.right:,} (loss not finite {counts.refused}, undecided {counts.undecided}),"
        f" measured {counts.measured:,} of {counts.numbers:,} numbers, FALSE FAILURES {len(counts.false_failures)}",
        f"wrong {counts.wrong:,} (and {counts.without_effect} without effect) {dict(counts.verdicts)},"
        f" PASSED AS MEASURED {len(counts.passed_as_measured)}",
        f"named {counts.named:,} ({100 * counts.named / max(counts.wrong, 1):.1f} %), kind too {counts.kind_named:,},"
        f" others accused {len(counts.beside)}",
    )
    print("; ".join(parts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--kind", default="")
    arguments = parser.parse_args()
    total: dict[str, Counts] = {}
    made = (
        ((case.kind, case) for case in sample_cases(10_000))
        if arguments.samples
        else (
            (f"{KINDS[n % len(KINDS)].__name__} {n}", n)
            for n in range(arguments.first, arguments.first + arguments.networks)
        )
    )
    for name, what in made:
        if arguments.kind and not name.startswith(arguments.kind):
            continue
        case = what if isinstance(what, HardCase) else KINDS[what % len(KINDS)](what)
        counts = total.setdefault("samples" if arguments.samples else case.kind, Counts())
        before = Counts(
            false_failures=[*counts.false_failures],
            passed_as_measured=[*counts.passed_as_measured],
            missed=[*counts.missed],
            beside=[*counts.beside],
        )
        right = judge_right(case, name, counts)
        planted = case.with_bug(np.random.default_rng([len(name), sum(map(ord, name))]))
        if right is not None and planted is not None:
            judge_wrong(*planted, case, right, name, counts)
        if sum(one.right + one.refused for one in total.values()) % 100 == 0:
            print("so far:")
            for title, so_far in total.items():
                shown(title, so_far)
        for word, now, then in (
            ("FALSE FAILURE", counts.false_failures, before.false_failures),
            ("PASSED AS MEASURED", counts.passed_as_measured, before.passed_as_measured),
            ("NOT NAMED", counts.missed, before.missed),
            ("ACCUSED BESIDE", counts.beside, before.beside),
        ):
            for line in now[len(then) :]:
                print(f"  {word} {line[:600]}", flush=True)
    for title, counts in total.items():
        shown(title, counts)


if __name__ == "__main__":
    main()
