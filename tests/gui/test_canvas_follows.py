"""The canvas keeps the current step's card in view, and never against what a person has done since the step."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.building import row_of
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from visualbp.debugger.commands import Continue, Level, Pause, Reset, Seek, StepBack, StepForward, Train
from visualbp.gui.canvas.glide import DURATION
from visualbp.gui.theme import theme
from visualbp.network import edits


class Watch:
    """Where the view is, with a clock that tests turn: a second between steps unless they say otherwise."""

    def __init__(self, bench: CanvasBench) -> None:
        self.bench, self.now, self.moves = bench, 0.0, 0
        self.canvas = bench.canvas
        self.canvas.follower.clock = lambda: self.now
        self.canvas.horizontalScrollBar().valueChanged.connect(self._count)

    def _count(self, value: int) -> None:
        self.moves += 1

    def step(self, level: Level = Level.LAYER, seconds: float = 1.0, back: bool = False) -> None:
        self.now += seconds
        self.bench.send(StepBack(level) if back else StepForward(level))

    def glide_slowly(self) -> None:
        """So that a glide is not over before it is looked at."""
        self.canvas.glide._animation.setDuration(5000)

    def arrive(self) -> None:
        self.canvas.glide.finish()

    @property
    def lit(self) -> str:
        name = self.bench.scene.flow.active_layer
        assert isinstance(name, str)
        return name

    def sees(self, name: str) -> bool:
        return self.canvas.visible_rect().contains(self.bench.item(name).body)

    @property
    def place(self) -> QPoint:
        return self.canvas.scroll_position


@pytest.fixture
def watch(make_canvas_bench: MakeCanvasBench) -> Watch:
    """Forty layers in a row at 100 %, of which five can be seen: the first ones."""
    bench = make_canvas_bench(row_of(40))
    bench.canvas.zoom_to(1.0)
    bench.canvas.centerOn(bench.item("hidden_1").centre)
    return Watch(bench)


def test_the_lit_card_is_in_view_after_every_step_of_an_iteration_and_back(watch: Watch) -> None:
    for back in (False, True):
        for _ in range(len(watch.bench.snapshot.plan.groups) - 1):
            watch.step(back=back)
            watch.arrive()
            assert watch.lit == "" or watch.sees(watch.lit), watch.lit


def test_most_steps_move_nothing_for_there_is_room_ahead_when_the_view_moves(watch: Watch) -> None:
    places = []
    for _ in range(30):
        watch.step()
        watch.arrive()
        places.append(watch.place)
    moved = sum(one != other for one, other in pairwise(places))
    assert 5 <= moved <= 16


def test_when_the_view_moves_the_next_card_is_in_view_too(watch: Watch) -> None:
    start = watch.place
    while watch.place == start:
        watch.step()
        watch.arrive()
    names = watch.bench.network.names
    assert watch.sees(names[names.index(watch.lit) + 1])


def test_backwards_the_room_is_at_the_other_side(watch: Watch) -> None:
    watch.bench.send(StepForward(Level.PASS))
    watch.arrive()
    start = watch.place
    while watch.place == start:
        watch.step()
        watch.arrive()
    names = watch.bench.network.names
    assert watch.bench.snapshot.step is not None and watch.bench.snapshot.step.phase == "backward"
    assert watch.sees(names[names.index(watch.lit) - 1])


def test_the_view_glides_for_less_than_200_ms_and_jumps_where_motion_is_reduced(watch: Watch, qtbot: QtBot) -> None:
    assert DURATION < 200
    watch.bench.send(StepForward(Level.PASS))
    qtbot.waitUntil(lambda: not watch.canvas.glide.is_running, timeout=2000)
    assert watch.sees(watch.lit) and watch.moves > 2
    theme().reduced_motion = True
    watch.now += 1
    watch.bench.send(Seek(0, 1))
    assert not watch.canvas.glide.is_running and watch.lit == "input" and watch.sees("input")


def test_with_the_whole_network_in_view_nothing_ever_moves(watch: Watch) -> None:
    watch.bench.document.open(row_of(9))
    watch.bench.settle()
    watch.canvas.fit()
    before, watch.moves = watch.canvas.visible_rect(), 0
    for _ in range(2 * len(watch.bench.snapshot.plan.groups)):
        watch.step()
    assert watch.canvas.visible_rect() == before and not watch.moves


@pytest.mark.parametrize("how", ["wheel", "drag", "zoom", "frame"])
def test_a_persons_view_stays_until_the_next_step(watch: Watch, how: str, qtbot: QtBot) -> None:
    canvas = watch.canvas
    for _ in range(4):
        watch.step()
    if how == "wheel":
        middle = QPointF(canvas.viewport().rect().center())
        turn = QWheelEvent(
            middle, middle, QPoint(), QPoint(-2400, 0), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(canvas.viewport(), turn)
    elif how == "drag":
        start = canvas.visible_rect().center()
        watch.bench.press(start, button=Qt.MouseButton.MiddleButton)
        canvas.gesture.move(canvas.pointer(watch.bench.view(start) - QPoint(1500, 0)))
        watch.bench.release(start, Qt.MouseButton.MiddleButton)
    elif how == "zoom":
        canvas.zoom_by(3.0, QPointF(canvas.viewport().rect().bottomLeft()))
    else:
        canvas.frame_layer("hidden_30")
        watch.arrive()
    placed = canvas.visible_rect()
    assert not watch.sees(watch.lit)
    watch.bench.selection.select(("hidden_3",))
    watch.bench.debugger.toggle_breakpoints(["hidden_20"])
    watch.bench.settle()
    qtbot.wait(250)
    assert canvas.visible_rect() == placed
    watch.step()
    watch.arrive()
    assert watch.sees(watch.lit)


def test_panning_ends_a_glide_where_it_has_come_to(watch: Watch, qtbot: QtBot) -> None:
    watch.glide_slowly()
    watch.bench.send(StepForward(Level.PASS))
    assert watch.canvas.glide.is_running
    watch.canvas.scroll_by(0, 40)
    place = watch.place
    qtbot.wait(250)
    assert watch.place == place


def test_nothing_moves_under_a_drag_or_a_name_that_is_being_typed(watch: Watch) -> None:
    start = watch.bench.grip("hidden_1")
    watch.bench.press(start)
    watch.bench.move(start + QPointF(0, 60))
    place = watch.place
    watch.step(Level.PASS)
    assert watch.place == place and not watch.canvas.glide.is_running
    watch.bench.key(Qt.Key.Key_Escape)
    watch.bench.release(start)
    watch.canvas.overlays.open_rename("hidden_1")
    watch.step()
    assert watch.place == place and not watch.canvas.glide.is_running
    watch.canvas.overlays.close_rename()
    watch.step()
    watch.arrive()
    assert watch.sees(watch.lit)


def test_quick_steps_move_nothing_until_they_have_come_to_rest(watch: Watch, qtbot: QtBot) -> None:
    watch.step()
    watch.moves = 0
    for _ in range(25):
        watch.step(seconds=0.03)
    assert not watch.moves and not watch.sees(watch.lit)
    qtbot.waitUntil(lambda: watch.sees(watch.lit), timeout=2000)


def test_continue_is_followed_at_slow_speeds(watch: Watch, qtbot: QtBot) -> None:
    watch.canvas.follower.clock = time.monotonic
    seen = []
    watch.bench.debugger.snapshot_changed.connect(lambda snapshot: seen.append(not watch.lit or watch.sees(watch.lit)))
    theme().reduced_motion = True
    watch.bench.debugger.send(Continue(8.0))
    qtbot.waitUntil(lambda: watch.lit == "hidden_7", timeout=10_000)
    watch.bench.send(Pause())
    assert len(seen) > 8 and all(seen)


@pytest.mark.parametrize("command", [Continue(None), Train()])
def test_at_full_speed_the_view_stays(watch: Watch, qtbot: QtBot, command: object) -> None:
    watch.canvas.follower.clock = time.monotonic
    watch.canvas.centerOn(watch.bench.item("hidden_20").centre)
    watch.bench.debugger.send(command)
    qtbot.waitUntil(lambda: watch.bench.snapshot.is_running, timeout=5000)
    qtbot.wait(200)  # its first steps can be single ones
    watch.arrive()
    watch.moves = 0
    qtbot.wait(700)
    assert not watch.moves
    watch.bench.send(Pause())
    watch.arrive()
    if isinstance(command, Continue):
        assert watch.sees(watch.lit), "a pause shows where it has come to"
    else:
        assert not watch.moves, "training stands at no layer"
    watch.bench.send(Reset())


def test_an_edit_moves_nothing(watch: Watch) -> None:
    watch.step(Level.PASS)
    watch.arrive()
    watch.canvas.centerOn(watch.bench.item("hidden_5").centre)
    placed = watch.canvas.visible_rect()
    watch.now += 1
    watch.bench.document.edit(lambda network: edits.set_options(network, "hidden_5", {"units": 3}), "Edit")
    watch.bench.settle()
    assert watch.canvas.visible_rect() == placed


def test_the_card_stays_in_view_when_the_canvas_gets_smaller(watch: Watch) -> None:
    for _ in range(6):
        watch.step()
        watch.arrive()
    watch.canvas.resize(520, 420)
    QApplication.processEvents()
    assert watch.sees(watch.lit)
    watch.canvas.centerOn(watch.bench.item("hidden_20").centre)
    middle = watch.canvas.visible_rect().center()
    watch.canvas.resize(900, 420)
    QApplication.processEvents()
    assert abs(watch.canvas.visible_rect().center().x() - middle.x()) < 3, "a person has looked elsewhere"


def test_far_out_the_view_follows_a_network_that_is_larger_than_it(watch: Watch) -> None:
    watch.bench.document.open(row_of(200))
    watch.bench.settle()
    watch.canvas.set_zoom(0.1)
    watch.canvas.centerOn(watch.bench.item("hidden_1").centre)
    watch.step(Level.PASS)
    watch.arrive()
    assert watch.bench.scene.is_overview and watch.sees(watch.lit)


def test_a_card_larger_than_the_view_fills_it_and_does_not_go_to_and_fro(watch: Watch) -> None:
    watch.canvas.set_zoom(4.0)
    watch.canvas.resize(500, 400)
    for _ in range(3):
        watch.step()
        watch.arrive()
        lit, seen = watch.lit, watch.canvas.visible_rect()
        shared = seen.intersected(watch.bench.item(lit).body)
        assert shared.width() * shared.height() > 0.3 * seen.width() * seen.height()
        place = watch.place
        watch.step(Level.OPERATION)
        assert watch.lit != lit or watch.place == place


def test_keys_reach_the_step_at_once_whatever_glides(watch: Watch) -> None:
    watch.glide_slowly()
    watch.bench.send(StepForward(Level.PASS))
    assert watch.canvas.glide.is_running
    cursor = watch.bench.snapshot.cursor
    watch.bench.send(StepForward(Level.LAYER))
    assert watch.bench.snapshot.cursor > cursor
    watch.arrive()
    assert watch.sees(watch.lit)


def test_the_room_that_counts_is_what_no_overlay_covers(watch: Watch) -> None:
    body = watch.bench.item("hidden_1").body
    port = watch.canvas.viewport().rect()
    hidden = QRectF(body)
    watch.canvas.scroll_by(0, -(port.bottom() - watch.bench.view(body.bottomLeft()).y()))
    assert watch.canvas.visible_rect().adjusted(-1, -1, 1, 1).contains(hidden)
    watch.step()
    watch.step()
    watch.arrive()
    assert watch.bench.view(body.bottomLeft()).y() < watch.canvas.overlays.legend.geometry().top()
