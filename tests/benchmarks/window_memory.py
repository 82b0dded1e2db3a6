"""Memory while a command runs on: all that is resident, with the checkpoints for going back, over a minute.

    python -m tests.benchmarks.window_memory [--seconds 60] [--networks A,B] [--commands A,B]

The minute begins when the first checkpoints are in their places, the caches of pictures and numbers are filled and the
first autosave is written: 70 seconds after the key. Printed are the resident memory at its beginning and what a line
fitted through it gains in it, without what the allocator keeps for later, which comes and goes by some megabytes.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from tests.benchmarks.timing import table, use_one_thread
from tests.benchmarks.window_flow import NETWORKS, measured
from tests.benchmarks.window_rig import resident, spin

WARM_UP = 70.0
"""Seconds: an autosave comes after 60."""
EVERY = 2.0
"""Seconds between two looks."""
LIMIT = 2.0
"""Megabytes that may be added in a minute."""
MODULE = "tests.benchmarks.window_memory"


def measure(path: str, command_name: str, seconds: float) -> dict[str, Any]:
    """Open `path` in a real window, run a command, and look at the memory of the process after its caches are full."""
    from visualbp.debugger.runs import RUNS
    from visualbp.gui.app import create_window, make_application

    examples = {name: command for run in RUNS.values() for name, command in run.examples.items()}
    make_application()
    window = create_window(path)
    window.remembers = False
    window.resize(1600, 1000)
    window.show()
    window.debugger.settle(120)
    window.debugger.send(examples[command_name])
    spin(WARM_UP)
    first, began = window.debugger.snapshot.iteration, time.perf_counter()
    at: list[float] = []
    held: list[float] = []
    while time.perf_counter() - began < seconds:
        at.append((time.perf_counter() - began) / 60)
        held.append(resident() / 2**20)
        spin(EVERY)
    slope = float(np.polyfit(at, held, 1)[0])
    history = window.debugger._thread.worker.session.history
    window.files.may_discard = lambda: True  # nobody is here to answer
    window.close()
    return {
        "megabytes": held[0],
        "grown": slope * seconds / 60,
        "checkpoints": history.bytes / 2**20,
        "kept": len(history),
        "iterations": window.debugger.snapshot.iteration - first,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("PATH", "COMMAND", "SECONDS"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--commands", default="continue,train")
    options = parser.parse_args()
    if options.one:
        path, command_name, seconds = options.one
        print(json.dumps(measure(path, command_name, float(seconds))))
        return
    head = ["network", "command", "MB", "added MB", "checkpoints", "their MB", "iterations"]
    rows, beyond = [], 0
    for network, name, found in measured(MODULE, options.networks, options.commands.split(","), options.seconds):
        beyond += found["grown"] > LIMIT * options.seconds / 60
        row = [network, name, f"{found['megabytes']:.0f}", f"{found['grown']:+.2f}", f"{found['kept']:,}"]
        row += [f"{found['checkpoints']:.1f}", f"{found['iterations']:,}"]
        rows.append(row)
        print(*row, sep="\t", flush=True)
    print(table(head, rows))
    print(f"{len(rows) - beyond} of {len(rows)} within {LIMIT:g} MB in a minute")


if __name__ == "__main__":
    use_one_thread()
    main()
