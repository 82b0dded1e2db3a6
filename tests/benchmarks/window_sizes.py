"""Random sizes of the window, docks, scales and themes, with steps in between, over all samples: no crash, no warning.

    python -m tests.benchmarks.window_sizes [resizes, 20,000 unless given] [seed]
    python -m tests.benchmarks.window_sizes --drag

Each part runs in a process of its own, so that one that dies is counted and named. `--drag` drags each widget whose
height follows from its width by one pixel through all widths, from narrow to wide and back, with and without a bar:
nothing may be resized more than twice at a width, and what is shown must not depend on the way there.
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

RESIZES, A_PART = 20_000, 200


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


def drag_all() -> int:
    """Drag all that is in `drags.SUBJECTS` through all widths; return how many of them went wrong."""
    from tests.gui.bench import Bench
    from tests.gui.drags import SUBJECTS, WIDTHS, drag, made

    warnings: list[str] = []
    qInstallMessageHandler(lambda kind, context, message: warnings.append(message))
    make_application()
    widths, resizes, wrong = [*WIDTHS, *reversed(WIDTHS)], 0, 0
    for name in SUBJECTS:
        bench = Bench()
        window, panel = made(bench, name)
        told, bars = "", set()
        try:
            for height in (100, 420, 5000):
                bars |= drag(panel, height, widths)
                resizes += len(widths)
            drag(panel, 420, widths, unsettled=True)
            resizes += len(widths)
            if bars != {True, False}:
                told = f"with a bar and without: {sorted(bars)} only"
        except AssertionError as error:
            told = str(error)
        wrong += bool(told)
        print(f"{name}: {told or 'at most two resizes at each width'}", flush=True)
        bench.close()
        window.hide()
    for message in warnings:
        print("WARNING", message)
    print(f"{len(SUBJECTS)} widgets, {resizes:,} sizes, {wrong} widgets wrong, {len(warnings)} warnings")
    return wrong + len(warnings)


def run_part(sample: str, seed: int, resizes: int) -> str:
    """Play in a process of its own; return what went wrong, or nothing."""
    with own_settings() as environment:
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.benchmarks.window_sizes"]
        command += ["--part", sample, str(seed), str(resizes)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode or "warnings: 0" not in done.stdout:
        return f"{sample}, seed {seed}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return ""


def main() -> int:
    if "--drag" in sys.argv:
        return 1 if drag_all() else 0
    if "--part" in sys.argv:
        sample, seed, resizes = sys.argv[2:5]
        print("warnings:", play(sample, int(seed), int(resizes)))
        return 0
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
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
