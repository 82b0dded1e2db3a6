"""A soak: one command runs in the real window for a long time, and memory must not grow.

    python -m tests.benchmarks.window_soak [--minutes 20] [--network xor] [--command train]

Prints every half minute the resident memory, and what is held: without what the allocator keeps for later, which comes
and goes by some megabytes, and without the checkpoints for going back, which have a budget of their own. At the end it
prints how fast what is held grew in the second half: a line fitted through it.
"""

from __future__ import annotations

import argparse
import gc
import os
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QTimer

from tests.benchmarks.window_rig import held
from visualbp.debugger.runs import EPOCH, RUNS
from visualbp.gui.app import create_window, make_application

EVERY = 30.0
"""Seconds between two looks."""
LIMIT = 0.1
"""Megabytes a minute."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--network", default="xor")
    parser.add_argument("--command", default="train")
    options = parser.parse_args()
    examples = {name: command for run in (*RUNS.values(), EPOCH) for name, command in run.examples.items()}
    make_application()
    window = create_window(options.network)
    window.remembers = False
    window.resize(1600, 1000)
    window.show()
    window.debugger.settle(60)
    window.debugger.send(examples[options.command])
    process, began = psutil.Process(), time.perf_counter()
    minutes: list[float] = []
    megabytes: list[float] = []
    while time.perf_counter() - began < options.minutes * 60:
        loop = QEventLoop()
        QTimer.singleShot(round(EVERY * 1000), loop, loop.quit)
        loop.exec()
        minutes.append((time.perf_counter() - began) / 60)
        resident = process.memory_info().rss / 2**20
        megabytes.append(held(window) / 2**20)
        iteration = window.debugger.snapshot.iteration
        text = f"{resident:8.2f} MB, held {megabytes[-1]:8.2f} MB"
        print(f"{minutes[-1]:6.1f} min   {text}   iteration {iteration:,}", flush=True)
    half = len(minutes) // 2
    slope = float(np.polyfit(minutes[half:], megabytes[half:], 1)[0])
    print(f"second half: {slope:+.3f} MB a minute (limit {LIMIT}); {len(gc.get_objects()):,} objects at the end")
    window.recovery.asks = False  # nobody is here to answer
    window.close()


if __name__ == "__main__":
    main()
