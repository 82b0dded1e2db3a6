"""Measures the canvas: repainting, dragging and stepping in scenes of 100 and 1000 layers. Run as a script.

QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 python tests/benchmarks/window_canvas.py
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QApplication

from visualbp.datasets import DataSpec
from visualbp.debugger.commands import Level, SetNetwork, StepForward
from visualbp.gui.canvas import Canvas
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.theme import apply_theme
from visualbp.network import Network
from visualbp.network.network import make_layer

SIZE = (1200, 800)


def grid_network(count: int) -> Network:
    """Return a chain of `count` layers in rows of 40."""
    kinds = [("input", {"shape": [4]}), *[("dense", {"units": 4, "activation": "tanh"})] * (count - 2)]
    layers = [make_layer(f"layer_{i}", kind, given) for i, (kind, given) in enumerate(kinds)]
    layers.append(make_layer("loss", "mean_squared_error"))
    names = [layer.name for layer in layers]
    return replace(
        Network(),
        layers=tuple(layers),
        connections=tuple(pairwise(names)),
        positions={name: (230.0 * (i % 40), 200.0 * (i // 40)) for i, name in enumerate(names)},
        data=DataSpec("inline", {"inputs": np.eye(4), "targets": np.eye(4)}),
    )


def timed(action: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Return the median and the worst milliseconds of `rounds` calls."""
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        action(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), max(times)


class CountingCanvas(Canvas):
    """Counts paintings, so that a move that was not painted is not taken for a fast one."""

    paintings = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.paintings += 1


class Bench:
    """A canvas with a running debugger."""

    def __init__(self, count: int) -> None:
        self.document, self.debugger, self.selection = Document(), Debugger(), Selection()
        self.canvas = CountingCanvas(Context(self.document, self.debugger, self.selection))
        self.canvas.resize(*SIZE)
        self.canvas.show()
        self.document.open(grid_network(count))
        self.debugger.generation = self.document.generation
        self.debugger.send(SetNetwork(self.document.network, self.document.generation, fresh=True))
        self.step(Level.ITERATION)
        self.canvas.fit()
        QApplication.processEvents()

    def step(self, level: Level) -> None:
        self.debugger.send(StepForward(level))
        self.debugger.settle()
        self.canvas.pulse.stop()
        QApplication.processEvents()

    def repaint(self, _: int = 0) -> None:
        self.canvas.viewport().repaint()

    def mouse(self, kind: QEvent.Type, place: QPoint) -> None:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        spot = QPointF(place)
        free = Qt.KeyboardModifier.AltModifier  # no snapping: every move moves
        event = QMouseEvent(kind, spot, spot, button, Qt.MouseButton.LeftButton, free)
        QApplication.sendEvent(self.canvas.viewport(), event)

    def drag(self, name: str, rounds: int = 200) -> tuple[float, float]:
        """Drag a layer to and fro; each move is processed and painted."""
        item = self.canvas.network_scene.layers[name]
        start = self.canvas.mapFromScene(item.pos() + QPointF(60, item.layout.height - 8))
        self.mouse(QEvent.Type.MouseButtonPress, start)

        def move(number: int) -> None:
            turn = number % 40
            self.mouse(QEvent.Type.MouseMove, start + QPoint(3 * min(turn, 40 - turn), 2 * min(turn, 40 - turn)))
            QApplication.processEvents()

        for number in range(4):
            move(number)
        before = self.canvas.paintings
        result = timed(move, rounds)
        if self.canvas.paintings - before < rounds:
            raise RuntimeError(f"{rounds} moves were painted {self.canvas.paintings - before} times")
        self.canvas.cancel_gesture()
        QApplication.processEvents()
        return result

    def refresh(self, rounds: int = 30) -> tuple[float, float]:
        """Step, and time what the canvas does with the new snapshot, painting included."""
        times = []
        self.debugger.snapshot_changed.disconnect(self.canvas._on_snapshot)
        for _ in range(rounds):
            self.step(Level.LAYER)
            start = time.perf_counter()
            self.canvas._on_snapshot(self.debugger.snapshot)
            QApplication.processEvents()
            times.append((time.perf_counter() - start) * 1000)
            self.canvas.pulse.stop()
            QApplication.processEvents()
        self.debugger.snapshot_changed.connect(self.canvas._on_snapshot)
        return statistics.median(times), max(times)

    def close(self) -> None:
        self.debugger.close()
        self.canvas.close()


def show(words: str, result: tuple[float, float], target: float | None = None) -> None:
    aim = f"   (to reach: {target:g})" if target else ""
    print(f"  {words:<58} {result[0]:7.2f} ms   worst {result[1]:7.2f}{aim}")


def main() -> None:
    QApplication([])
    apply_theme()
    for count in (100, 1000):
        bench = Bench(count)
        scene = bench.canvas.network_scene
        print(f"{count} layers, {SIZE[0]}x{SIZE[1]}, zoom to fit {bench.canvas.zoom:.0%}")
        whole = timed(bench.repaint, 40)
        show("full repaint, all layers visible", whole, 12 if count == 1000 else None)
        if scene.is_overview:
            scene.set_detail(1.0)
            bench.canvas.viewport().repaint()
            single = timed(bench.repaint, 20)
            scene.set_detail(bench.canvas.zoom)
            show("  the same, each item painting itself (cached)", single)
            print(f"  {'  ratio':<58} {single[0] / whole[0]:7.2f}")
        show("drag one layer, process and paint, zoom to fit", bench.drag("layer_41"), 1)
        show("step a layer and refresh, zoom to fit", bench.refresh())
        bench.canvas.zoom_to(1.0)
        bench.canvas.centerOn(scene.layers["layer_41"].centre)
        QApplication.processEvents()
        show("full repaint at 100 %", timed(bench.repaint, 40))
        show("drag one layer at 100 %", bench.drag("layer_41"), 1)
        bench.step(Level.ITERATION)
        show("step a layer and refresh at 100 %", bench.refresh())
        start = time.perf_counter()
        item = scene.layers["layer_41"]
        bench.canvas.edits.move({"layer_41": item.centre + QPointF(24, 24)})
        QApplication.processEvents()
        took = (time.perf_counter() - start) * 1000
        show("the edit at the end of a drag, mirrored and painted", (took, took))
        bench.close()


if __name__ == "__main__":
    main()
