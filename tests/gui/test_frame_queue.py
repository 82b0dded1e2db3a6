"""Parts of the window that are drawn one after the other, with time for keys and mouse in between."""

from __future__ import annotations

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from visualbp.gui.frame_queue import LONG, FrameQueue


def test_a_slow_part_of_a_frame_leaves_as_much_time_to_keys_and_mouse_before_the_next(qtbot: QtBot) -> None:
    now, drawn = [0.0], list[str]()
    queue, owner = FrameQueue(clock=lambda: now[0]), QObject()
    others = QObject(), QObject(), QObject()

    def draw(name: str, milliseconds: float) -> None:
        drawn.append(name)
        now[0] += milliseconds / 1000

    queue.ask(owner, lambda: draw("slow", 2 * LONG))
    queue.ask(owner, lambda: draw("slow", 2 * LONG))  # asking twice is asking once
    for other in others:
        queue.ask(other, lambda: draw("quick", 2))
    queue._draw_next()
    assert drawn == ["slow"] and queue._timer.interval() == 2 * LONG
    queue._draw_next()  # one part a turn, however quick: painting it takes the longer time, and is not seen here
    assert drawn == ["slow", "quick"] and queue._timer.interval() < LONG
    qtbot.waitUntil(lambda: queue.is_empty, timeout=20_000)
    assert drawn == ["slow", "quick", "quick", "quick"]
