"""From a key to its picture: how long a step takes to be seen, and how long the window is deaf meanwhile.

    python -m tests.benchmarks.window_steps [NAME ...] [--rounds N] [--profile]

Real key events (F10, F11, Shift+F10, Ctrl+Shift+F11) reach a window of 1600x1000 with its default panels. For each is
measured the time until the canvas has painted the snapshot that the key asked for (the card of the step's layer, its
numbers and its outline), until every panel has, and the longest turn of the event loop in between: a timer without an
interval, in a QEventLoop that runs as the window's does, would have been heard only then. A key that is held down asks
30 times a second. To reach: 33 ms to the card at the median, 60 at the 95th percentile, no later turn above 16 ms.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.benchmarks.window_panels import chain
from visualbp.core.options import Choice
from visualbp.datasets.base import make_spec
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.app import create_window, make_application
from visualbp.gui.main_window import MainWindow
from visualbp.gui.theme import theme
from visualbp.network import Network
from visualbp.network.network import Training, make_layer

NO, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
KEYS = {
    "F11": (Qt.Key.Key_F11, NO),
    "F10": (Qt.Key.Key_F10, NO),
    "Shift+F10": (Qt.Key.Key_F10, SHIFT),
    "Ctrl+Shift+F11": (Qt.Key.Key_F11, CONTROL | SHIFT),
}
TURNS = (*["F11"] * 10, *["F10"] * 6, *["Shift+F10"] * 3, *["Ctrl+Shift+F11"] * 3)
"""The keys of one round: forwards more than backwards, so that all phases come."""
NAMES = (
    "xor", "spirals", "vanishing", "digits_convolution", "copy_transformer", "dense_670000", "layers_1000", "row_40",
)  # fmt: skip
REST = 120
"""Milliseconds between a settled step and the next key: a person's, not a machine's."""


def deep(count: int) -> Network:
    """Return a chain of `count` layers of four units."""
    layers = [make_layer("input", "input", {"shape": (4,)})]
    layers += [make_layer(f"hidden_{n}", "dense", {"units": 4, "activation": "tanh"}) for n in range(count - 2)]
    layers.append(make_layer("loss", "mean_squared_error"))
    names = [layer.name for layer in layers]
    data = make_spec("inline", {"inputs": np.eye(4), "targets": np.eye(4)})
    optimizer = Choice("sgd", {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0})
    return Network(
        "deep",
        layers=tuple(layers),
        connections=tuple(pairwise(names)),
        data=data,
        training=Training(optimizer, batch_size=4),
    )


def open_window(name: str) -> MainWindow:
    """Return the window with a sample, or with one of the networks made here."""
    window = create_window(None)
    window.remembers = False
    window.resize(1600, 1000)
    window.workspaces.reset()
    if name == "dense_670000":
        window.document.open(chain(name, (784, 512, 512, 10), 256, 128))
        window.files.opened.emit()
    elif name in ("layers_1000", "row_40"):
        network = deep(1000 if name == "layers_1000" else 40)
        places = {layer: (190.0 * place, 0.0) for place, layer in enumerate(network.names)}
        window.document.open(replace(network, positions=places))
        window.files.opened.emit()
    elif not window.files.open_path(name):
        raise SystemExit(window.message_bar.text)
    window.show()
    window.activateWindow()
    window.debugger.settle()
    wait(800)
    if name == "row_40":  # the view follows the steps: five of its cards are in view at a time
        window.canvas.zoom_to(1.0)
        window.canvas.reveal(window.canvas.network_scene.layers["input"].body)
        wait(300)
    return window


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop, loop.quit)
    loop.exec()


class Paints(QObject):
    """Notes when the canvas has painted. The filter paints by itself, so that it knows when it is done."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.painted: list[tuple[float, int]] = []
        self._painting = False
        window.canvas.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self._painting:
            self._painting = True
            self.window.canvas.viewportEvent(event)
            self._painting = False
            shown = self.window.canvas.network_scene.snapshot
            self.painted.append((time.perf_counter(), -1 if shown is None else shown.serial))
            return True
        return False


@dataclass
class Times:
    """Milliseconds of one network, a number for each key."""

    snapshot: list[float] = field(default_factory=list)
    card: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    first_turn: list[float] = field(default_factory=list)
    """The longest turn of the event loop up to the card."""
    later_turns: list[float] = field(default_factory=list)
    """All turns after it."""
    later_work: list[float] = field(default_factory=list)
    """What this thread worked in them: other programs that are busy make turns longer, but not this."""
    work: list[float] = field(default_factory=list)
    """What this thread worked up to the card."""


class Bench:
    """A window, and a ticking timer in its event loop."""

    def __init__(self, name: str) -> None:
        self.window = open_window(name)
        self.paints = Paints(self.window)
        self.arrivals: list[tuple[float, Snapshot]] = []
        self.window.debugger.snapshot_changed.connect(self._on_snapshot)
        self.screens: list[float] = []
        """When what was drawn was on the screen."""
        self.window.debugger.frames.painted.connect(lambda: self.screens.append(time.perf_counter()))
        self.ticks: list[tuple[float, float]] = []
        """When the event loop came by, and how long this thread had worked by then."""
        self.times = Times()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self.arrivals.append((time.perf_counter(), snapshot))

    def _tick(self) -> None:
        self.ticks.append((time.perf_counter(), time.thread_time()))

    def press(self, name: str) -> None:
        """Press a key, and watch until all is quiet."""
        debugger = self.window.debugger
        before = debugger.snapshot.serial
        self.paints.painted.clear()
        self.arrivals.clear()
        self.screens.clear()
        self.ticks.clear()
        loop, last = QEventLoop(), [time.perf_counter()]

        def look() -> None:
            now = time.perf_counter()
            if self.paints.painted and self.paints.painted[-1][0] > last[0]:
                last[0] = self.paints.painted[-1][0]
            quiet = debugger.frames.is_empty and self.arrivals and now - last[0] > 0.4
            if quiet or now - began > 8:
                loop.quit()

        watch = QTimer()
        watch.timeout.connect(look)
        watch.start(50)
        self._timer.start()
        began = time.perf_counter()
        self._tick()
        QTimer.singleShot(0, loop, lambda: QTest.keyClick(self.window.canvas, *KEYS[name]))
        loop.exec()
        self._timer.stop()
        watch.stop()
        self._note(began, before)

    def _note(self, began: float, before: int) -> None:
        arrived = [(when, snapshot) for when, snapshot in self.arrivals if snapshot.serial > before]
        if not arrived:
            return  # nothing to step back to
        serial = arrived[0][1].serial
        painted = [when for when, shown in self.paints.painted if shown >= serial]
        if not painted:  # nothing on the canvas is another: the card is out of sight, or the step changes no card
            painted = [when for when in self.screens if when > arrived[0][0]]
        times, card = self.times, painted[0]
        times.snapshot.append(1e3 * (arrived[0][0] - began))
        times.card.append(1e3 * (card - began))
        turns = [(b[0], 1e3 * (b[0] - a[0]), 1e3 * (b[1] - a[1])) for a, b in pairwise(self.ticks)]
        first = next((place for place, turn in enumerate(turns) if turn[0] >= card), len(turns))
        times.first_turn.append(max((length for _, length, _ in turns[: first + 1]), default=0.0))
        later = turns[first + 1 :]
        times.later_turns += [length for _, length, _ in later]
        times.later_work += [work for _, _, work in later]
        times.work.append(sum(work for _, _, work in turns[: first + 1]))
        slow = [end for end, _, work in later if work > 2]
        times.whole.append(1e3 * ((slow[-1] if slow else card) - began))

    def hold(self, seconds: float = 2.0) -> tuple[int, float, int]:
        """Hold F11 down; return the steps taken while it is held, the longest turn, and the steps after its release."""
        began = self.window.debugger.snapshot.serial
        loop, count = QEventLoop(), [0]
        key, modifiers = KEYS["F11"]

        def repeat() -> None:
            press_key(self.window, key, modifiers, count[0] > 0)
            count[0] += 1

        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(repeat)
        timer.start(33)
        self.ticks.clear()
        self._timer.start()
        QTimer.singleShot(round(seconds * 1000), loop, loop.quit)
        loop.exec()
        timer.stop()
        at_release = self.window.debugger.snapshot.serial
        self.window.debugger.settle()
        wait(300)
        self._timer.stop()
        after = self.window.debugger.snapshot.serial - at_release
        longest = max(1e3 * (end[1] - start[1]) for start, end in pairwise(self.ticks))
        return at_release - began, longest, after

    def close(self) -> None:
        self.window.document.set_trained(False)
        self.window.close()


def press_key(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier, repeated: bool) -> None:
    """Send a key as the system does, as a repetition of one that is held down or not."""
    from PySide6.QtGui import QKeyEvent, QWindow

    handle = window.windowHandle()
    assert isinstance(handle, QWindow)
    override = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers, "", repeated)
    QApplication.sendEvent(window.focusWidget() or window, override)
    if repeated:
        window.actions_by_name["step_operation"].trigger()
    else:
        QTest.keyClick(window.canvas, key, modifiers)


def percentile(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


COLUMNS = ("snap", "card", "95 %", "worst", "work", "95 %", "all", "turn", "worst", "later", "worst", ">16", "keys")


def row(name: str, times: Times, held: tuple[int, float, int]) -> str:
    card, work, turns, later = times.card, times.work, times.later_turns, times.later_work
    figures = (
        *(statistics.median(times.snapshot), statistics.median(card), percentile(card, 0.95), max(card)),
        *(statistics.median(work), percentile(work, 0.95), statistics.median(times.whole)),
        *(max(times.first_turn), max(turns), percentile(later, 0.999), max(later)),
    )
    counts = f"{sum(length > 16 for length in later):6d} {len(card):6d}"
    return (
        f"{name:20}"
        + "".join(f" {figure:6.1f}" for figure in figures)
        + f" {counts}   {held[0]} {held[1]:.0f} {held[2]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as settings:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = settings
        make_application()
        theme().set("dark", 1.0)
        print(f"{'milliseconds':20}" + "".join(f" {word:>6}" for word in COLUMNS) + "   held: steps, turn, late steps")
        for name in arguments.names:
            bench = Bench(name)
            profile = cProfile.Profile() if arguments.profile else None
            if profile is not None:
                profile.enable()
            for _ in range(arguments.rounds):
                for key in TURNS:
                    bench.press(key)
            if profile is not None:
                profile.disable()
                pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
                pstats.Stats(profile).sort_stats("tottime").print_stats(40)
            print(row(name, bench.times, bench.hold()), flush=True)
            bench.close()


if __name__ == "__main__":
    main()
