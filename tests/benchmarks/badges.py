"""Badges, counted: healthy networks must have none, those with something planted the right one at the right layers.

python -m tests.benchmarks.badges [HEALTHY] [PLANTED]     (1000 and 1000 unless given)

What is right is told by an oracle that goes through the chains itself, in the widest type that there is
(tests/badged_networks.py): every badge of every layer of a planted network is compared with it.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass

from tests.badged_networks import Flowing, Truth, healthy, planted, truth_of
from visualbp.analysis.gradient_flow import Badge, layer_flows

SLOPES = "slope"
WEIGHTS = "weights are small"


def badges_of(case: Flowing) -> dict[str, tuple[Badge, ...]]:
    executor = case.executor
    start = executor.store.views_of(executor.start)
    flows = layer_flows(executor.plan, executor.values, executor.norms, start)
    return {name: flow.badges for name, flow in flows.items()}


@dataclass(frozen=True)
class Verdict:
    """What is wrong with the badges of a network, in words, and how many were compared with the oracle."""

    wrong: tuple[str, ...]
    compared: int = 0


def judge_healthy(seed: int) -> tuple[Flowing, Verdict]:
    case = healthy(seed)
    found = badges_of(case)
    wrong = [f"{name}: {badge.kind}: {badge.cause}" for name, badges in found.items() for badge in badges]
    return case, Verdict(tuple(wrong), len(found))


def judge_planted(seed: int) -> tuple[Flowing, Verdict]:
    case = planted(seed)
    found, truth, wrong = badges_of(case), truth_of(case), []
    for name, badges in found.items():
        kinds = {badge.kind for badge in badges}
        different = (kinds ^ truth.due[name]) - truth.undecided.get(name, set())
        if different:
            wrong.append(f"{name}: has {sorted(kinds)}, and {sorted(truth.due[name])} would be right")
        wrong += [f"{name}: {badge.cause}" for badge in badges if not _is_so(badge, name, truth, case)]
    wrong += [
        f"{layer}: no {case.planted}"
        for layer in case.layers
        if case.planted not in {badge.kind for badge in found[layer]} and case.planted not in truth.undecided[layer]
    ]
    return case, Verdict(tuple(wrong), len(found))


def _is_so(badge: Badge, name: str, truth: Truth, case: Flowing) -> bool:
    """Return whether the cause that a badge gives is the cause."""
    if badge.kind == "not finite":
        return badge.cause.startswith(f"{name}.z is the first value that is not finite")
    if badge.kind not in ("vanishing", "exploding"):
        return True
    said = re.search(r"its error signal is (\S+) times that of output", badge.cause)
    if said is not None and abs(float(said[1]) / truth.ratios[name] - 1) > 0.06:
        return False
    if badge.kind == "exploding":
        return "weights are too large" in badge.cause
    if name not in truth.by_slopes:  # exactly 0
        return case.kind not in ("zeros", "dead_relu") or _names_the_block(badge.cause, name, case)
    share = truth.by_slopes[name]
    if abs(share - 0.5) < 0.02:
        return True
    return (WEIGHTS not in badge.cause) if share > 0.5 else (WEIGHTS in badge.cause)


def _names_the_block(cause: str, name: str, case: Flowing) -> bool:
    """Return whether the layer at which everything stops is the one that is named."""
    if case.kind == "dead_relu":
        return f"{case.layers[0]}'s ReLU" in cause
    number = int(case.layers[-1].rpartition("_")[2]) + 1
    return f"the weights of hidden_{number} are all 0" in cause


def main(right: int, wrong: int) -> None:
    counts: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    for title, judge, count in (("healthy", judge_healthy, right), ("planted", judge_planted, wrong)):
        for seed in range(count):
            case, verdict = judge(seed)
            counts[f"{title} networks"] += 1
            counts[f"{title}: layers judged"] += verdict.compared
            counts[f"{title}: networks with a wrong badge"] += bool(verdict.wrong)
            if verdict.wrong:
                by_kind[case.kind] += 1
                print(f"WRONG {case.text}: {'; '.join(verdict.wrong[:2])}", flush=True)
            if seed % 100 == 99:
                print(f"... {dict(counts)}", file=sys.stderr, flush=True)
    for name, number in (*counts.items(), *by_kind.items()):
        print(f"{number:>9,}  {name}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3] or ("1000", "1000")))
