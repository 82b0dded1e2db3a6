"""Widgets in lines: what goes where, and that widgets can come and go for ever."""

from __future__ import annotations

import os
import subprocess
import sys

from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from visualbp.gui.widgets.flow_layout import FlowLayout

COME_AND_GO = """
import gc, random
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from visualbp.gui.widgets.flow_layout import FlowLayout

app, chance, links = QApplication([]), random.Random(1), []
window = QWidget()
row = FlowLayout(parent=window)
window.show()
for number in range(4000):
    for link in links:
        if number % 3:
            row.remove(link)
        link.hide()
        link.deleteLater()
    links = [QPushButton("x" * chance.randrange(9), window) for _ in range(chance.randrange(4))]
    for place, link in enumerate(links):
        row.insert(place, link)
    if number % 50 == 0:
        gc.collect()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        app.processEvents()
for link in links:
    row.remove(link)
app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
assert row.count() == 0, row.count()
"""


def made(*widths: int) -> tuple[QWidget, FlowLayout, list[QLabel]]:
    window = QWidget()
    row = FlowLayout(spacing=10, line_spacing=5, parent=window)
    labels = []
    for width in widths:
        label = QLabel(window)
        label.setFixedSize(width, 20)
        row.add(label)
        labels.append(label)
    return window, row, labels


def test_what_does_not_fit_goes_into_the_next_line(qtbot: QtBot) -> None:
    window, row, labels = made(100, 100, 100)
    qtbot.addWidget(window)
    window.resize(230, 200)
    window.show()
    QApplication.processEvents()
    assert [(label.x(), label.y()) for label in labels] == [(0, 0), (110, 0), (0, 25)]
    assert row.heightForWidth(230) == 45 and row.heightForWidth(1000) == 20


def test_a_widget_that_is_taken_out_leaves_its_place_to_the_others(qtbot: QtBot) -> None:
    window, row, labels = made(100, 100, 100)
    qtbot.addWidget(window)
    window.resize(230, 200)
    window.show()
    row.remove(labels[0])
    labels[0].hide()
    QApplication.processEvents()
    assert row.count() == 2
    assert [(label.x(), label.y()) for label in labels[1:]] == [(0, 0), (110, 0)]
    row.insert(0, labels[0])
    labels[0].show()
    QApplication.processEvents()
    assert [label.y() for label in labels] == [0, 0, 25]


def test_widgets_can_come_and_go_thousands_of_times() -> None:
    """QLayout.removeWidget with items that Python owns crashed the process after some hundreds."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", COME_AND_GO], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
