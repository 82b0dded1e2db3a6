"""Numbers that change many times a second do not lay the window out anew."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from visualbp.gui.widgets.series_buttons import Series, SeriesButton
from visualbp.gui.widgets.steady_label import SteadyLabel


class Layouts(QObject):
    """Counts how often a widget is asked to lay its children out."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


@pytest.mark.parametrize("kind", ["label", "button"])
def test_a_new_number_asks_for_room_only_where_it_needs_more(qtbot: QtBot, kind: str) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    label = SteadyLabel() if kind == "label" else SeriesButton(Series("loss", "loss", "accent", "The loss"))
    QHBoxLayout(holder).addWidget(label)
    holder.show()
    label.show_text("loss 0.123456789")
    qtbot.wait(20)
    layouts = Layouts(holder)
    for number in range(100, 150):
        label.show_text(f"loss 0.{number}")
        qtbot.wait(1)
    assert layouts.count == 0
    label.show_text("loss 0.1234567890123")
    qtbot.wait(20)
    assert layouts.count > 0
    assert label.text() == "loss 0.1234567890123"
