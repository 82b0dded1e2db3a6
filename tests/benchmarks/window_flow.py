"""Flow control in the real window: every command that runs on, on small, deep, image-shaped and large networks.

    python -m tests.benchmarks.window_flow [--busy N] [--seconds S] [--networks A,B] [--commands A,B]

Each pair of network and command runs in a process of its own: how long the event loop was kept from its next turn (99th
percentile and worst), pictures and iterations a second, how long Pause (F6 or Escape) takes to act and closing to hide
the window, and how much memory the time measured has added, beside the checkpoints for going back. `--busy` runs that
many processes beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.timing import table, use_one_thread
from tests.benchmarks.window_rig import LATE, PROMPT, WORST, Gaps, held, measured_apart, spin

NETWORKS = ("xor", "spirals", "vanishing", "digits_convolution", "copy_transformer", "670000", "1000")
WARM_UP = 2.0
"""Seconds before anything is measured."""
MODULE = "tests.benchmarks.window_flow"


def write_networks(folder: Path) -> dict[str, str]:
    """Write the two networks that are no samples, and return where each of NETWORKS is found."""
    from tests.building import chain, inline, optimizer, with_training
    from visualbp.files import save_network

    random = np.random.default_rng(0)
    found = {name: name for name in NETWORKS}
    for name, sizes, samples, batch in (
        ("670000", (784, 512, 512, 10), 256, 128),
        ("1000", (8,) * 1001 + (2,), 64, 32),
    ):
        hidden = [(f"h{i}", "dense", {"units": n, "activation": "tanh"}) for i, n in enumerate(sizes[1:-1], 1)]
        network = chain(
            ("input", "input", {"shape": [sizes[0]]}),
            *hidden,
            ("output", "dense", {"units": sizes[-1]}),
            ("loss", "softmax_cross_entropy", {}),
            data=inline(random.normal(size=(samples, sizes[0])).round(4), random.integers(0, sizes[-1], samples)),
        )
        network = with_training(network, batch_size=batch, optimizer=optimizer(learning_rate=0.01))
        found[name] = str(folder / f"{name}.vbp")
        save_network(network, folder / f"{name}.vbp")
    return found


# -- one process -----------------------------------------------------------------------------------------------------


def measure(path: str, command_name: str, seconds: float) -> dict[str, Any]:
    """Open `path` in a real window, run a command for some seconds, pause, run it again and close the window."""
    from PySide6.QtCore import QEvent, QObject, Qt, QTimer
    from PySide6.QtTest import QTest

    from visualbp.debugger.runs import EPOCH, RUNS
    from visualbp.gui.app import create_window, make_application

    examples = {name: command for run in (*RUNS.values(), EPOCH) for name, command in run.examples.items()}
    keys = {"continue": (Qt.Key.Key_F5,), "train": (Qt.Key.Key_F5, Qt.KeyboardModifier.ControlModifier)}
    make_application()
    window = create_window(path)
    window.remembers = False
    window.resize(1600, 1000)
    window.show()
    window.debugger.settle(120)
    pictures = [0]

    def start() -> None:
        if command_name in keys:
            QTest.keyClick(window, *keys[command_name])
        else:
            window.debugger.send(examples[command_name])

    def count(snapshot: object) -> None:
        pictures[0] += 1

    spin(1.0)
    start()
    spin(min(WARM_UP, seconds / 2))
    window.debugger.snapshot_changed.connect(count)
    first = window.debugger.snapshot.iteration
    before, began = held(window), time.perf_counter()
    with Gaps() as gaps:
        spin(seconds)
    spent = time.perf_counter() - began
    grown = held(window) - before
    iterations = window.debugger.snapshot.iteration - first
    still = window.debugger.snapshot.is_running
    pauses = []
    for key in (Qt.Key.Key_F6, Qt.Key.Key_Escape):
        if not window.debugger.snapshot.is_running:
            start()
            spin(0.7)
        if window.debugger.snapshot.is_running:
            asked = time.perf_counter()
            QTest.keyClick(window, key)
            spin(20, lambda: not window.debugger.snapshot.is_running)
            pauses.append(time.perf_counter() - asked)
        spin(0.2)
    start()
    spin(0.7)
    window.files.may_discard = lambda: True  # nobody is here to answer
    hidden = [0.0]

    class Hidden(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Hide:
                hidden[0] = time.perf_counter()
            return False

    watcher = Hidden()
    window.installEventFilter(watcher)
    asked = time.perf_counter()
    QTimer.singleShot(0, window.close)
    spin(30, lambda: not window.isVisible())
    closing = hidden[0] - asked
    return {
        "p99": gaps.at(0.99),
        "worst": gaps.at(1),
        "pictures": pictures[0] / spent,
        "iterations": iterations / spent,
        "pause": 1e3 * max(pauses) if pauses else None,
        "close": 1e3 * closing,
        "megabytes": grown / 2**20,
        "ran": still,
    }


# -- all of them -----------------------------------------------------------------------------------------------------


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep processors busy with `count` other processes."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measured(module: str, networks: str, commands: Sequence[str], seconds: float) -> Iterator[tuple[str, str, Any]]:
    """Have each pair of network and command measured by a module in a process of its own; yield what it found."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_networks(Path(folder))
        for network in networks.split(","):
            for name in commands:
                yield network, name, measured_apart(module, paths[network], name, str(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("PATH", "COMMAND", "SECONDS"))
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--commands", default="")
    options = parser.parse_args()
    if options.one:
        path, command_name, seconds = options.one
        print(json.dumps(measure(path, command_name, float(seconds))))
        return
    from visualbp.debugger.runs import EPOCH, RUNS

    names = [name for each in (*RUNS.values(), EPOCH) for name in each.examples]
    chosen = options.commands.split(";") if options.commands else names
    head = ["network", "command", "gap p99 ms", "worst ms", "pictures/s", "iterations/s", "pause ms", "close ms", "MB"]
    rows, beyond = [], 0
    with busy(options.busy):
        for network, name, found in measured(MODULE, options.networks, chosen, options.seconds):
            pause = found["pause"]
            good = found["p99"] <= LATE and found["worst"] <= WORST and found["close"] <= PROMPT
            beyond += not (good and (pause is None or pause <= PROMPT))
            row = [network, name, f"{found['p99']:.1f}", f"{found['worst']:.0f}", f"{found['pictures']:.0f}"]
            row += [f"{found['iterations']:,.0f}", "–" if pause is None else f"{pause:.0f}"]
            row += [f"{found['close']:.0f}", f"{found['megabytes']:+.1f}"]
            rows.append(row)
            print(*row, sep="\t", flush=True)
    print(table(head, rows))
    limits = f"gaps {LATE} and {WORST} ms, pause and close {PROMPT} ms"
    print(f"{len(rows) - beyond} of {len(rows)} within the limits ({limits})")


if __name__ == "__main__":
    use_one_thread()
    main()
