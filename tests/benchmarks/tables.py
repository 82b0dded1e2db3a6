"""Verdicts of the gradient check on correct networks over real, unscaled tables: none may fail.

    python -m tests.benchmarks.tables [--folder FOLDER] [--first 0] [--bugs]

105 networks (15 tables x 7 architectures, all losses in turn, float64), each as initialised and once more trained.
`--folder` judges networks on a folder's own CSV files instead; `--first` draws other weights; `--bugs` plants one bug
in each besides, and counts which are named.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np

from tests.benchmarks.verdicts import Counts, judge_right, judge_wrong, shown
from tests.real_tables import cases, tables_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tables")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    options = parser.parse_args()
    total: dict[str, Counts] = {}
    for number, (name, case) in enumerate(cases(tables_of(options.folder) if options.folder else None, options.first)):
        counts, one = total.setdefault(case.kind, Counts()), Counts()
        right = judge_right(case, name, one)
        planted = case.with_bug(np.random.default_rng([options.first, number])) if options.bugs and right else None
        if right is not None and planted is not None:
            judge_wrong(*planted, case, right, name, one)
        for word, lines in (
            ("FALSE FAILURE", one.false_failures),
            ("PASSED AS MEASURED", one.passed_as_measured),
            ("NOT NAMED", one.missed),
            ("ACCUSED BESIDE", one.beside),
            ("CANNOT BE TOLD", [name] * one.undecided),
        ):
            for line in lines:
                print(f"  {word} {line[:600]}", flush=True)
        for entry in fields(Counts):  # lists and counts alike are added up
            setattr(counts, entry.name, getattr(counts, entry.name) + getattr(one, entry.name))
    for kind, counts in total.items():
        shown(kind, counts)
    return 1 if any(counts.false_failures for counts in total.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
