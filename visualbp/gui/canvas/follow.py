"""The view follows the current step: its card is kept in view, by as little movement as that takes.

A step moves the view only if its card cannot be seen whole. What a person has panned or zoomed stays until the next
step. Steps that come faster than an eye could follow them (a key that is held down, Continue at its right end, a drag
along the timeline) move nothing until they have come to rest, and training moves nothing at all: it stands at no layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, QTimer, Slot

from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.gui.canvas.geometry import CARD_WIDTH
from visualbp.gui.canvas.zoom import LEAST_MARGIN, Zooming
from visualbp.network import Network

QUICK = 0.1
"""Seconds between two steps below which they are too quick to be followed."""
SETTLED = 150
"""Milliseconds without a step after which quick ones have come to rest."""
AHEAD = 0.4
"""Of the view: the room that is left, when it moves, towards where the next step goes."""
LONG_RUNS = (Mode.TRAINING, Mode.CHECKING, Mode.SEEKING)


@dataclass(frozen=True)
class _Seen:
    """Of the snapshot before: of which network it was, where it stood, and what the worker was doing."""

    network: Network | None = None
    place: tuple[int, int] = (0, 0)
    mode: Mode = Mode.IDLE


def layers_of_step(snapshot: Snapshot, backwards: bool = False) -> tuple[str, str]:
    """Return the layer of the current step, and the next other one that steps come to; no names where there is none.

    `backwards`: a person steps back, and comes to those before.
    """
    plan, step = snapshot.plan, snapshot.step
    if plan is None or step is None:
        return "", ""
    to_come = reversed(plan.steps[: snapshot.cursor]) if backwards else iter(plan.steps[snapshot.cursor :])
    return step.layer, next((other.layer for other in to_come if other.layer not in ("", step.layer)), "")


class Follower(QObject):
    """Is told of every snapshot, and of every movement of the view."""

    def __init__(
        self, canvas: Zooming, is_busy: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`is_busy`: whether a person is in the middle of something that the view must not be moved under."""
        super().__init__(canvas)
        self._canvas, self._is_busy, self.clock = canvas, is_busy, clock
        self._seen = _Seen()
        self._snapshot: Snapshot | None = None
        self._backwards = False
        self._moved_at = -1.0
        self._is_behind = False
        """Whether quick steps have led away from what was followed last."""
        self.is_held = True
        """Whether a person has moved the view since the last step; before the first one there is nothing to follow."""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(SETTLED)
        self._later.timeout.connect(self._show)

    def take(self, snapshot: Snapshot) -> None:
        """Follow a snapshot, if it is another step and not one of many."""
        before, self._snapshot = self._seen, snapshot
        place = snapshot.iteration, snapshot.cursor
        self._seen = _Seen(snapshot.network, place, snapshot.mode)
        if snapshot.mode in LONG_RUNS:
            self._later.stop()
            return
        trained = before.mode == Mode.TRAINING and snapshot.trouble is None
        if before.network is not snapshot.network or trained:  # an edit is no step, and training goes nowhere
            self._is_behind = False
            return
        if place != before.place:
            self._take_step(snapshot, before, place)
        elif self._is_behind and not snapshot.is_running and before.mode != Mode.IDLE:
            self._show()

    def _take_step(self, snapshot: Snapshot, before: _Seen, place: tuple[int, int]) -> None:
        now = self.clock()
        since, self._moved_at = now - self._moved_at, now
        self._backwards, self.is_held = place < before.place, False
        stops = before.mode != Mode.IDLE and not snapshot.is_running
        if since >= QUICK * _count(snapshot, before, place) or stops:
            self._show()
            return
        self._is_behind = True
        if not snapshot.is_running:
            self._later.start()

    @Slot()
    def _show(self) -> None:
        self._is_behind = False
        self._later.stop()
        self.keep()

    def keep(self, at_once: bool = False) -> None:
        """See to it that the current step's card is in view, unless a person has moved the view since the step."""
        if self.is_held or self._snapshot is None or self._is_busy():
            return
        layers = self._canvas.network_scene.layers
        name, following = layers_of_step(self._snapshot, self._backwards)
        if name in layers:
            toward = layers[following].centre - layers[name].centre if following in layers else QPointF()
            self._see(layers[name].body, toward, at_once)

    def _see(self, body: QRectF, toward: QPointF, at_once: bool) -> None:
        """Move the view if this card is not wholly in it; leave room towards the next one then."""
        canvas = self._canvas
        if not canvas.shift_to(body, LEAST_MARGIN).isNull():
            canvas.see(self._with_room(body, toward), at_once=at_once)

    def _with_room(self, body: QRectF, toward: QPointF) -> QRectF:
        room = self._canvas.free_room_in_scene()
        ends = self._canvas.network_scene.network_bounds()
        wide = max(0.0, min(AHEAD * room.width(), room.width() - 1.3 * body.width()))
        high = max(0.0, min(AHEAD * room.height(), room.height() - 1.3 * body.height()))
        grown = QRectF(body)
        if toward.x() > CARD_WIDTH / 2:
            grown.setRight(max(body.right(), min(body.right() + wide, ends.right())))
        elif toward.x() < -CARD_WIDTH / 2:
            grown.setLeft(min(body.left(), max(body.left() - wide, ends.left())))
        if toward.y() > body.height() / 2:
            grown.setBottom(max(body.bottom(), min(body.bottom() + high, ends.bottom())))
        elif toward.y() < -body.height() / 2:
            grown.setTop(min(body.top(), max(body.top() - high, ends.top())))
        return grown

    def hold(self) -> None:
        """A person has moved the view: it stays so until the next step."""
        self.is_held = True
        self._later.stop()


def _count(snapshot: Snapshot, before: _Seen, place: tuple[int, int]) -> int:
    """Return how many steps there are between two snapshots. What a person asks for at once is one, however long."""
    if snapshot.plan is None or not snapshot.is_running:
        return 1
    whole = len(snapshot.plan.steps) + 1
    return max(1, abs((place[0] - before.place[0]) * whole + place[1] - before.place[1]))
