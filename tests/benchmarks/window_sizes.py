"""Random sizes of the window, docks, scales and themes, with steps in between, over all samples: no crash, no warning.

    python -m tests.benchmarks.window_sizes [resizes, 20,000 unless given] [seed]

Each part runs in a process of its own, so that one that dies is counted and named.
"""

from __future__ import annotations

import random
import subprocess
import sys

from PySide6.QtCore import Qt, qInstallMessageHandler
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMainWindow

from tests.benchmarks.window_rig import own_settings
from visualbp.files import sample_models
from visualbp.gui.app import create_window, make_application
from visualbp.gui.dock import PanelDock
from visualbp.gui.theme import theme

RESIZES, A_PART = 20_000, 100


def play(sample: str, seed: int, resizes: int) -> int:
    """Resize a window on `sample`, move its docks, and step; return the number of warnings of Qt's."""
    warnings: list[str] = []
    qInstallMessageHandler(lambda kind, context, message: warnings.append(message))
    make_application()
    window, chance = create_window(sample), random.Random(f"{sample} {seed}")
    window.show()
    window.debugger.settle(20)
    docks = window.findChildren(PanelDock)
    places = [
        Qt.DockWidgetArea.LeftDockWidgetArea,
        Qt.DockWidgetArea.RightDockWidgetArea,
        Qt.DockWidgetArea.BottomDockWidgetArea,
    ]
    for number in range(resizes):
        dock, done = chance.choice(docks), chance.random()
        if done < 0.5:
            window.resize(chance.randrange(500, 1920), chance.randrange(320, 1200))
        elif done < 0.9 and dock.isFloating():
            dock.resize(chance.randrange(150, 900), chance.randrange(100, 900))
        elif done < 0.9:
            across = chance.choice((Qt.Orientation.Horizontal, Qt.Orientation.Vertical))
            window.resizeDocks([dock], [chance.randrange(100, 900)], across)
        else:
            _move(window, docks, dock, chance, places)
        if number % 40 == 20:
            theme().set(chance.choice(("dark", "light")), chance.choice((1.0, 1.5, 2.0)))
        if number % 5 == 0:
            action = window.findChild(QAction, chance.choice(("action_step_layer", "action_step_operation")))
            assert isinstance(action, QAction)
            action.trigger()
            window.debugger.settle(20)
        if chance.random() < 0.7:  # else the next size comes before the layout has followed this one
            QApplication.processEvents()
    QApplication.processEvents()
    window.document.undo_stack.setClean()
    window.document.set_trained(False)
    window.close()
    told = [message for message in warnings if "This plugin does not support" not in message]
    for message in told:
        print("WARNING", message)
    return len(told)


def _move(
    window: QMainWindow,
    docks: list[PanelDock],
    dock: PanelDock,
    chance: random.Random,
    places: list[Qt.DockWidgetArea],
) -> None:
    """Float a dock, put it onto another one as a tab, elsewhere, hide it, or show it."""
    what = chance.randrange(5)
    if what == 0:
        dock.setFloating(not dock.isFloating())
    elif what == 1:
        dock.setVisible(dock.isHidden())
    elif what == 2:
        dock.setFloating(False)
        window.addDockWidget(chance.choice(places), dock)
        dock.show()
    elif what == 3:
        other = chance.choice(docks)
        if other is not dock and not other.isFloating() and not dock.isFloating():
            window.tabifyDockWidget(other, dock)
    else:
        dock.show()
        dock.raise_()


def run_part(sample: str, seed: int, resizes: int) -> str:
    """Play in a process of its own; return what went wrong, or nothing."""
    with own_settings() as environment:
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.benchmarks.window_sizes"]
        command += ["--part", sample, str(seed), str(resizes)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode or "warnings: 0" not in done.stdout:
        return f"{sample}, seed {seed}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return ""


def main() -> None:
    if "--part" in sys.argv:
        sample, seed, resizes = sys.argv[2:5]
        print("warnings:", play(sample, int(seed), int(resizes)))
        return
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else RESIZES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    samples, done, wrong = [sample.name for sample in sample_models()], 0, 0
    while done < wanted:
        sample = samples[seed % len(samples)]
        failure = run_part(sample, seed, A_PART)
        done, seed, wrong = done + A_PART, seed + 1, wrong + bool(failure)
        print(f"{done:,} of {wanted:,} resizes, {wrong} parts wrong (last: {sample})", flush=True)
        if failure:
            print(failure, flush=True)


if __name__ == "__main__":
    main()
