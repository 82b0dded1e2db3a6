"""A tour of the samples in the real window: open, F5 for some seconds, F6, F8, close; everything is measured.

    python -m tests.benchmarks.window_tour [--seconds 10] [--samples A,B]

Each sample runs in a process of its own. A row has: milliseconds until it is open; iterations a second; pictures a
second (the canvas has painted another snapshot) and the longest time without one; how long the event loop was kept
from its next turn (99th percentile, worst); memory added after the first two seconds, beside the checkpoints for going
back; milliseconds until a pause is known and shown, until the check's result is shown, the worst gap meanwhile and the
verdict; milliseconds until the window is hidden and all has ended. Ends with status 1 if something is beyond the
limits: each such thing is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from typing import Any

from tests.benchmarks.timing import table, use_one_thread
from tests.benchmarks.window_rig import LATE, PROMPT, WORST, Gaps, held, measured_apart, spin

MODULE = "tests.benchmarks.window_tour"
WARM_UP = 2.0
"""Seconds before memory is looked at. Caches are not full yet: it is shown here, and judged by `window_memory`."""
STILL = 1000
"""The limit of milliseconds without a new picture."""
FAST = {"xor": (2000, 20)}
"""Iterations and pictures a second that are to be reached."""
PATIENCE = 120
"""Seconds after which nothing is waited for any more."""


# -- one process -----------------------------------------------------------------------------------------------------


def measure(sample: str, seconds: float) -> dict[str, Any]:
    """Open a sample in a real window, press F5, F6 and F8 as a person would, and close the window."""
    from PySide6.QtCore import QEvent, QObject

    from visualbp.gui.app import create_window, make_application

    class Hidden(QObject):
        """Notes when the window was hidden first."""

        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Hide:
                self.times.append(time.perf_counter())
            return False

    make_application()
    asked = time.perf_counter()
    window = create_window(sample)
    window.resize(1600, 1000)
    window.show()
    if not window.debugger.settle(PATIENCE):
        raise SystemExit(f"{sample} is not open after {PATIENCE} s")
    found = {"open": 1e3 * (time.perf_counter() - asked)}
    spin(1.0)
    found |= run_on(window, seconds) | pause(window) | check(window)
    window.files.may_discard = lambda: True  # nobody is here to answer
    window.document.undo_stack.setClean()
    hidden = Hidden()
    window.installEventFilter(hidden)
    asked = time.perf_counter()
    window.close()
    found["close"] = 1e3 * (time.perf_counter() - asked)
    found["hidden"] = 1e3 * (hidden.times[0] - asked)
    return found


def run_on(window: Any, seconds: float) -> dict[str, Any]:
    """Press F5, and watch for some seconds what is shown."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from tests.benchmarks.window_steps import Paints

    paints, debugger = Paints(window), window.debugger
    places = [(debugger.snapshot.iteration, debugger.snapshot.cursor)]
    debugger.snapshot_changed.connect(lambda snapshot: places.append((snapshot.iteration, snapshot.cursor)))
    warm_up = min(WARM_UP, seconds / 2)
    assert window.debug.share == 1.0, "the speed is not at the right end"
    with Gaps() as gaps:
        began = time.perf_counter()
        QTest.keyClick(window, Qt.Key.Key_F5)
        spin(warm_up)
        before = held(window)
        spin(seconds - warm_up)
        ended = time.perf_counter()
        grown = held(window) - before
    serials, times = {-1}, [began]
    for when, serial in paints.painted:
        if serial not in serials:
            serials.add(serial)
            times.append(when)
    return {
        "ran": debugger.snapshot.is_running,
        "grew": all(before <= after for before, after in pairwise(places)) and places[-1] > places[0],
        "iterations": (places[-1][0] - places[0][0]) / (ended - began),
        "pictures": (len(times) - 1) / (ended - began),
        "still": 1e3 * max(after - before for before, after in pairwise([*times, ended])),
        "p99": gaps.at(0.99),
        "worst": gaps.at(1),
        "megabytes": grown / 2**20,
        "message": debugger.snapshot.trouble.text if debugger.snapshot.trouble else debugger.snapshot.message,
    }


def pause(window: Any) -> dict[str, Any]:
    """Press F6; return how long it takes until the window knows that it rests, and until all shows it."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    debugger, asked = window.debugger, time.perf_counter()
    QTest.keyClick(window, Qt.Key.Key_F6)
    spin(PATIENCE, lambda: not debugger.snapshot.is_running)
    known = time.perf_counter() - asked
    spin(PATIENCE, lambda: debugger.frames.is_settled)
    return {
        "pause": 1e3 * known,
        "paused": not debugger.snapshot.is_running,
        "shown": 1e3 * (time.perf_counter() - asked),
    }


def check(window: Any) -> dict[str, Any]:
    """Press F8; return how long it takes until the result is shown, and what it is."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from visualbp.analysis.gradient_check_result import CheckResult
    from visualbp.debugger.snapshot import CheckDone

    done: list[CheckDone] = []
    window.debugger.happened.connect(lambda event: done.append(event) if isinstance(event, CheckDone) else None)
    with Gaps() as gaps:
        asked = time.perf_counter()
        QTest.keyClick(window, Qt.Key.Key_F8)
        spin(PATIENCE, lambda: done and window.debugger.frames.is_settled)
        spent = time.perf_counter() - asked
    result = done[0].result if done else None
    return {
        "check": 1e3 * spent,
        "check worst": gaps.at(1),
        "verdict": str(result.verdict) if isinstance(result, CheckResult) else "refused" if done else "no result",
        "bugs": len(window.document.network.bugs),
    }


# -- all of them -----------------------------------------------------------------------------------------------------

HEAD = [
    *("sample", "open ms", "iterations/s", "pictures/s", "still ms", "gap p99 ms", "worst ms", "MB"),
    *("F6 ms", "shown ms", "F8 ms", "worst ms", "verdict", "hidden ms", "ended ms"),
]


def row(sample: str, found: dict[str, Any]) -> list[str]:
    return [
        sample,
        f"{found['open']:.0f}",
        f"{found['iterations']:,.0f}",
        f"{found['pictures']:.0f}",
        f"{found['still']:.0f}",
        f"{found['p99']:.1f}",
        f"{found['worst']:.0f}",
        f"{found['megabytes']:+.1f}",
        f"{found['pause']:.0f}",
        f"{found['shown']:.0f}",
        f"{found['check']:.0f}",
        f"{found['check worst']:.0f}",
        found["verdict"],
        f"{found['hidden']:.0f}",
        f"{found['close']:.0f}",
    ]


def beyond(sample: str, found: dict[str, Any]) -> list[str]:
    """Return what is not as it should be, in words."""
    limits = {"p99": LATE, "worst": WORST, "check worst": WORST, "pause": PROMPT, "close": PROMPT, "still": STILL}
    wrong = [f"{name} {found[name]:.0f} ms (limit {limit})" for name, limit in limits.items() if found[name] > limit]
    for name, least in zip(("iterations", "pictures"), FAST.get(sample, (0, 0)), strict=True):
        if found[name] < least:
            wrong.append(f"{found[name]:,.0f} {name} a second (to reach: {least:,})")
    if not found["ran"]:
        wrong.append(f"stopped by itself: {found['message']}")
    if not found["grew"]:
        wrong.append("what is shown does not move on")
    if not found["paused"]:
        wrong.append("F6 does not pause it")
    if found["verdict"] == "no result" or (found["verdict"] == "failed") != bool(found["bugs"]):
        wrong.append(f"the check says: {found['verdict']}, with {found['bugs']} planted bugs")
    return wrong


def main() -> int:
    from visualbp.files.samples import sample_paths

    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}")
    parser.add_argument("--one", nargs=2, metavar=("SAMPLE", "SECONDS"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--samples", default=",".join(path.stem for path in sample_paths()))
    options = parser.parse_args()
    if options.one:
        sample, seconds = options.one
        print(json.dumps(measure(sample, float(seconds))))
        return 0
    rows, wrong = [], {}
    print(*HEAD, sep="\t", flush=True)
    for sample in options.samples.split(","):
        found = measured_apart(MODULE, sample, str(options.seconds))
        rows.append(row(sample, found))
        print(*rows[-1], sep="\t", flush=True)
        if told := beyond(sample, found):
            wrong[sample] = "; ".join(told)
    print(table(HEAD, rows))
    for sample, told in wrong.items():
        print(f"{sample}: {told}")
    print(f"{len(rows) - len(wrong)} of {len(rows)} samples within the limits, {options.seconds:g} s of F5 each")
    return 1 if wrong else 0


if __name__ == "__main__":
    use_one_thread()
    sys.exit(main())
