"""Which number the mathematics panel explains: one that was chosen and followed, or one of each step as it comes."""

from __future__ import annotations

from dataclasses import dataclass

from visualbp.analysis.explain import Explanation, Moment, NoSuchNumberError, explain
from visualbp.core.arrays import Shape
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.axes import axes_of
from visualbp.gui.panels.mathematics_trail import Crumb, Trail
from visualbp.gui.panels.mathematics_words import largest_index
from visualbp.gui.shown_sample import ShownSample, row_of


@dataclass(frozen=True)
class Explained:
    """A number of a snapshot, and where it came from; or a message, where there is none."""

    message: str = ""
    explanation: Explanation | None = None
    is_stale: bool = False
    axes: tuple[str, ...] = ()
    shape: Shape = ()
    index: tuple[int, ...] = ()
    why: str = ""
    """Why the sample is another than the one that was chosen."""


def explained(snapshot: Snapshot, crumb: Crumb | None, why: str = "") -> Explained:
    """Explain the number at `crumb`. `why` says why its sample is another than the one that was chosen."""
    plan = snapshot.plan
    if crumb is None or plan is None:
        return Explained("step (F11) to see the numbers")
    array = snapshot.find(crumb.value)
    axes: tuple[str, ...] = ()
    shape: Shape = ()
    if array is not None and len(crumb.index) == array.ndim:
        axes, shape = axes_of(plan, crumb.value, array.ndim), array.shape
    index = crumb.index if axes else ()
    moment = Moment(
        plan,
        snapshot.values,
        snapshot.cursor,
        snapshot.start,
        snapshot.iteration,
        snapshot.first_iteration,
        snapshot.rows,
    )
    try:
        explanation = explain(moment, crumb.value, crumb.index, crumb.at)
    except NoSuchNumberError:  # chosen in another batch or network: it has no such number now
        return Explained(f"there is no {crumb.text} now", axes=axes, shape=shape, index=index)
    why = why if plan.is_batched(crumb.value) else ""
    return Explained("", explanation, snapshot.is_stale(crumb.value), axes, shape, index, why)


class Subject:
    """Follows the steps until a number is pinned; the unit that was chosen stays. The sample is the one that all panels
    show."""

    def __init__(self) -> None:
        self.trail = Trail()
        self.pinned = False
        self.unit: int | None = None
        self.shown: Crumb | None = None
        """What was found last."""

    @property
    def is_automatic(self) -> bool:
        """Whether it is simply the largest number of each step."""
        return not self.pinned and self.unit is None

    def find(self, snapshot: Snapshot, sample: ShownSample) -> Crumb | None:
        """Return the number of this sample to explain; None where nothing has been computed that could be."""
        self.shown = self._pinned_one(snapshot, sample) or self._of_step(snapshot, sample)
        return self.shown

    def _pinned_one(self, snapshot: Snapshot, sample: ShownSample) -> Crumb | None:
        crumb = self.trail.current
        if not self.pinned or crumb is None:
            return None
        at = crumb.at if crumb.at is not None and crumb.at <= snapshot.cursor else None
        index = crumb.index if crumb.row is None else (sample.place, *crumb.index[1:])
        return Crumb(crumb.value, index, at, crumb.row)

    def _of_step(self, snapshot: Snapshot, sample: ShownSample) -> Crumb | None:
        if snapshot.step is None or not snapshot.step.writes or snapshot.plan is None:
            return None
        value = snapshot.step.writes[0]
        array = snapshot.find(value)
        if array is None:
            return None
        batched = snapshot.plan.is_batched(value)
        fixed = {0: sample.place} if batched else {}
        if self.unit is not None:
            fixed[1 if batched else 0] = self.unit
        index = largest_index(array, fixed)
        return Crumb(value, index, row=row_of(snapshot, value, index))

    def pin(self, crumb: Crumb, follows: bool = False) -> None:
        """Explain `crumb` from now on. The first one that `follows` another begins the trail with that."""
        if follows and not self.trail.crumbs and self.shown is not None:
            self.trail.go(self.shown)
        self.pinned = True
        self.trail.go(crumb)

    def release(self) -> None:
        """Follow the steps again; a second time, forget the unit as well."""
        if not self.pinned:
            self.unit = None
        self.pinned = False
        self.trail.clear()

    def enter_plan(self, plan: Plan | None) -> None:
        """Let the pinned number go if another plan does not have it."""
        crumb = self.trail.current
        if self.pinned and (plan is None or crumb is None or plan.resolve(crumb.value) not in plan.shapes):
            self.release()

    def choose_sample(self, sample: ShownSample) -> None:
        """A pinned number becomes that of another sample."""
        crumb = self.trail.current
        if self.pinned and crumb is not None and crumb.row is not None and sample.wanted is not None:
            self.trail.replace(Crumb(crumb.value, (sample.place, *crumb.index[1:]), crumb.at, sample.wanted))

    def choose_place(self, axis: int, place: int, plan: Plan) -> None:
        """Go to another place on an axis of what is shown, other than that of the samples."""
        if self.shown is None:
            return
        batched = plan.is_batched(self.shown.value)
        if not self.pinned and axis == (1 if batched else 0):
            self.unit = place
            return
        index = self.shown.index
        self.pinned = True
        other = (*index[:axis], place, *index[axis + 1 :])
        self.trail.replace(Crumb(self.shown.value, other, self.shown.at, self.shown.row))
