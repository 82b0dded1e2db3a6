"""How many of many thousand broken files end in one clear sentence, and how many in a fault of the program.

    python -m tests.benchmarks.mutations [COUNT] [--seed S] [--first N]

Counts what became of each case of `tests/mutations.py`: accepted (it ran an iteration, and was written and read again),
accepted but large (its needs are said first, and it is not run here), refused in one clear sentence, refused unclearly,
unexpected (any other exception, or more memory or time than allowed).
Prints each kind of fault once, with the number of a case that shows it; ends with status 1 if there is one.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from tests.mutations import ACCEPTED, LARGE, REFUSED, UNCLEAR, UNEXPECTED, Outcome, case_of, outcome_of

MOST_MEMORY = 4 * 2**30
LONGEST, PATIENCE = 30.0, 600.0
"""Seconds that a case may take: of computing, and by the clock, for a case that waits (the machine may be busy)."""


class TooSlow(BaseException):
    """A case that takes too long; no handler in the program may take it for an error of its own."""


def _on_alarm(_: int, frame: FrameType | None) -> None:
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else ""
    raise TooSlow(f"takes longer than {LONGEST:g} s of computing, or {PATIENCE:g} s ({place})")


def guarded_outcome(seed: int, number: int, folder: Path) -> tuple[Outcome, float]:
    """The outcome of a case, and how many seconds of computing it took."""
    case = case_of(seed, number)
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        outcome = outcome_of(case, folder)
    except TooSlow as error:
        outcome = Outcome(UNEXPECTED, str(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return outcome, time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    for alarm in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(alarm, _on_alarm)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    counts: Counter[str] = Counter()
    faults: dict[str, tuple[int, int]] = {}
    slowest, slow = 0.0, 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        for number in range(arguments.first, arguments.first + arguments.count):
            outcome, seconds = guarded_outcome(arguments.seed, number, Path(directory))
            counts[outcome.kind] += 1
            if seconds > slowest:
                slowest, slow = seconds, number
            if outcome.kind in (UNEXPECTED, UNCLEAR):
                said = outcome.said.replace(directory, "")
                first, times = faults.get(said, (number, 0))
                faults[said] = first, times + 1
                if not times:
                    print(
                        f"{outcome.kind} in case {number} {case_of(arguments.seed, number).changes}: {said}", flush=True
                    )
            if number % 10_000 == 9_999:
                print(f"{number + 1:,}: {dict(counts)} in {time.perf_counter() - started:,.0f} s", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{arguments.count:,} mutations (seed {arguments.seed}) in {time.perf_counter() - started:,.0f} s")
    for kind in (ACCEPTED, LARGE, REFUSED, UNCLEAR, UNEXPECTED):
        print(f"  {kind:<11}{counts[kind]:>9,}")
    print(f"the slowest was case {slow} with {slowest:.1f} s; {peak:,} MB of memory at most")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
