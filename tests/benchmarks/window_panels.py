"""How long the four live panels take to follow one step: `python -m tests.benchmarks.window_panels`.

Activations, deltas, gradients and gradient check stand side by side, as in the window. Each step of an iteration makes
a snapshot; measured is the time from the snapshot until all four are painted, offscreen, and the processor time of it
in the window's thread, which other programs do not disturb. To reach: 5 ms for all four together.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from visualbp.core.options import Choice
from visualbp.datasets.base import make_spec
from visualbp.debugger.session import Session
from visualbp.debugger.snapshot import CheckDone, Losses, Snapshot
from visualbp.files import load_network
from visualbp.files.samples import find_model
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.deltas import DeltasPanel
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.panels.gradients import GradientsPanel
from visualbp.gui.panels.loss import LossPanel
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.theme import apply_theme
from visualbp.network import Network
from visualbp.network.network import Training, make_layer

FOUR: tuple[type[Panel], ...] = (ActivationsPanel, DeltasPanel, GradientsPanel, GradientCheckPanel)
ROUNDS = 12


def chain(name: str, sizes: tuple[int, ...], samples: int, batch: int) -> Network:
    """Return a network of dense layers on random data with class targets."""
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((samples, sizes[0]))
    targets = generator.integers(0, sizes[-1], samples)
    layers = [make_layer("input", "input", {"shape": (sizes[0],)})]
    for place, units in enumerate(sizes[1:]):
        last = place == len(sizes) - 2
        options = {"units": units, "activation": "linear" if last else "tanh"}
        layers.append(make_layer("output" if last else f"hidden_{place + 1}", "dense", options))
    layers.append(make_layer("loss", "softmax_cross_entropy"))
    names = [layer.name for layer in layers]
    data = make_spec("inline", {"inputs": inputs, "targets": targets})
    optimizer = Choice("sgd", {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0})
    return Network(
        name,
        layers=tuple(layers),
        connections=tuple(pairwise(names)),
        data=data,
        training=Training(optimizer, batch_size=batch),
    )


class Bench:
    """The panels in a row, and a session that is stepped by hand: nothing else runs."""

    def __init__(self, network: Network, panels: tuple[type[Panel], ...]) -> None:
        self.debugger = Debugger()
        self.context = Context(Document(), self.debugger, Selection())
        self.session = Session()
        self.session.set_network(network)
        self.window = QWidget()
        self.window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen, False)
        row = QHBoxLayout(self.window)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        self.panels = [panel(self.context) for panel in panels]
        for panel in self.panels:
            row.addWidget(panel, 364 if isinstance(panel, GradientsPanel) else 270)
        self.window.resize(1190, 230)
        self.window.show()
        QApplication.processEvents()

    def show(self, snapshot: Snapshot) -> tuple[float, float]:
        """Show a snapshot; return the seconds until it is painted, and the seconds of work of this thread."""
        started, work = time.perf_counter(), time.thread_time()
        self.debugger.snapshot = snapshot
        self.debugger.snapshot_changed.emit(snapshot)
        QApplication.processEvents()
        return time.perf_counter() - started, time.thread_time() - work

    def check(self) -> None:
        """Give the panels the result of a real check."""
        from visualbp.analysis.gradient_check import gradient_check

        executor = self.session.executor
        assert executor is not None
        indices = executor.batch_indices(0)
        result = gradient_check(
            executor.plan,
            executor.parameter_views(),
            executor.inputs[indices],
            executor.targets[indices],
            executor.context,
        )
        self.debugger.happened.emit(CheckDone(0, 0, result, result.seconds))

    def close(self) -> None:
        self.debugger.close()
        self.window.close()


def median_and_worst(times: list[float]) -> str:
    ordered = sorted(times)
    return f"{statistics.median(ordered) * 1e3:7.2f} {ordered[int(len(ordered) * 0.95)] * 1e3:9.2f}"


def measure(bench: Bench, rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    executor = bench.session.executor
    assert executor is not None
    whole, own = [], []
    for _ in range(rounds * len(executor.plan.steps)):
        bench.session.step()
        painted, worked = bench.show(bench.session.snapshot())
        whole.append(painted)
        own.append(worked)
    return whole, own


def report(title: str, network: Network) -> None:
    print(f"\n{title}\n{'ms from snapshot to painted':34}{'median':>7} {'95 %':>9} {'work':>7} {'95 %':>9}")
    bench = Bench(network, FOUR)
    bench.check()
    measure(bench)  # the first round makes what is kept
    whole, own = measure(bench)
    print(f"{'four panels':34}{median_and_worst(whole)} {median_and_worst(own)}")
    bench.context.selection.select(("hidden_1",))
    whole, own = measure(bench)
    print(f"{'four panels, one layer chosen':34}{median_and_worst(whole)} {median_and_worst(own)}")
    bench.close()
    for panel in FOUR:
        single = Bench(network, (panel,))
        if panel is GradientCheckPanel:
            single.check()
        measure(single)
        whole, own = measure(single)
        print(f"{'  ' + panel.title + ' alone':34}{median_and_worst(whole)} {median_and_worst(own)}")
        single.close()


def report_pictures(sample: str, layer: str, forward: str, backward: str) -> None:
    """The four panels on a sample with images or sequences; then with one layer alone, and a value inside it."""
    network = load_network(find_model(sample))
    print(f"\n{sample}")
    for chosen in (None, layer):
        bench = Bench(network, FOUR)
        bench.check()
        if chosen is not None:
            bench.context.selection.select((chosen,))
            for panel, key in zip(bench.panels, (forward, backward), strict=False):
                if isinstance(panel, ValuePanel):
                    panel.layer_view.value_chosen.emit(key)
        measure(bench, rounds=1)
        whole, own = measure(bench, rounds=3)
        words = "four panels" if chosen is None else f"four panels, {chosen} {forward}"
        print(f"{words:34}{median_and_worst(whole)} {median_and_worst(own)}")
        bench.close()


def report_losses(network: Network) -> None:
    """The loss panel with a million points, growing while it is drawn."""
    bench = Bench(network, (LossPanel,))
    panel = bench.panels[0]
    generator = np.random.default_rng(0)
    adding = timed(lambda: panel.handle(Losses(0, tuple(generator.random(1_000_000)))))
    bench.session.step()
    snapshot = bench.session.snapshot()
    times = []
    for place in range(100):
        panel.handle(Losses(1_000_000 + 100 * place, tuple(generator.random(100))))
        times.append(bench.show(snapshot)[0])
    print(f"\nloss panel\n{'a million points, 100 more a frame':34}{median_and_worst(times)}")
    print(f"{'taking a million points at once':34}{adding * 1e3:7.2f}")
    bench.close()


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main() -> None:
    application = QApplication.instance() or QApplication([])
    apply_theme()
    small = chain("XOR-sized", (2, 4, 2), 4, 4)
    report("2-4-2, batch 4", small)
    report("784-128-10, batch 32", chain("digits-sized", (784, 128, 10), 320, 32))
    report("784-128-10, batch 1000", chain("large batch", (784, 128, 10), 1000, 1000))
    report_pictures("digits_convolution", "filters_1", "h", "delta")
    report_pictures("copy_transformer", "attention", "attention", "gradient/attention")
    report_pictures("recurrence_growing", "recurrence", "h[t]", "gradient/z[t]")
    report_losses(small)
    application.processEvents()


if __name__ == "__main__":
    main()
