"""A walk through the window: every sample, workspace, size, scale and theme, and how long switching takes.

    python -m tests.benchmarks.window_walk [--samples A,B] [--themes dark,light]

Each state is looked through for what a designer would object to (tests/gui/walk.py): text that is cut, parts that lie
over each other or reach beyond what they are in, letters below 11 px, phase, place or current card out of sight. Ends
with status 1 if there is anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import numpy as np

from tests.benchmarks.timing import table, use_one_thread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", default="")
    parser.add_argument("--themes", default="dark,light")
    options = parser.parse_args()
    from PySide6.QtCore import QCoreApplication

    from tests.gui.walk import SCALES, SIZES, objections, settle
    from visualbp.debugger.commands import Level, StepForward
    from visualbp.files import sample_models
    from visualbp.gui.app import create_window, make_application
    from visualbp.gui.theme import theme

    make_application()
    window = create_window(None)
    window.leave_no_trace()
    window.files.may_discard = lambda: True  # type: ignore[method-assign]  # nobody is here to answer
    window.show()
    samples = options.samples.split(",") if options.samples else [sample.name for sample in sample_models()]
    said: Counter[str] = Counter()
    states, first, again = 0, [], []
    for sample in samples:
        window.files.open_path(sample, confirmed=True)
        window.debugger.settle()
        for _ in range(6):
            window.debugger.send(StepForward(Level.LAYER))
        visited: set[tuple[str, str]] = set()
        for name in options.themes.split(","):
            for scale in SCALES:
                theme().set(name, scale)
                for size in SIZES:
                    window.resize(*size)
                    settle(window)
                    for workspace in window.workspaces.names:
                        began = time.perf_counter()
                        window.workspaces.show(workspace)
                        QCoreApplication.processEvents()
                        key = (workspace, window.workspaces.room)
                        (again if key in visited else first).append(1e3 * (time.perf_counter() - began))
                        visited.add(key)
                        settle(window)
                        states += 1
                        said.update(f"{sample}: {words}" for words in objections(window))
                        if (window.width(), window.height()) != size:
                            said[f"{sample}: the window grew to {window.width()} x {window.height()}"] += 1
        print(f"{sample}: {states} states, {sum(said.values())} objections", flush=True)
    rows = [
        [w, f"{np.median(t):.0f}", f"{np.percentile(t, 95):.0f}"] for w, t in (("first", first), ("again", again)) if t
    ]
    print(table(["switching a workspace", "median ms", "95 % ms"], rows))
    for words, count in said.most_common(40):
        print(count, words)
    window.close()
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    use_one_thread()
    main()
