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


@dataclass(frozen=True)
class Explained:
    """A number of a snapshot, and where it came from; or a message, where there is none."""

    message: str = ""
    explanation: Explanation | None = None
    is_stale: bool = False
    axes: tuple[str, ...] = ()
    shape: Shape = ()
    index: tuple[int, ...] = ()


def explained(snapshot: Snapshot, crumb: Crumb | None) -> Explained:
    """Explain the number at `crumb`."""
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
        snapshot.batch,
    )
    try:
        explanation = explain(moment, crumb.value, crumb.index, crumb.at)
    except NoSuchNumberError:  # chosen in another batch or network: it has no such number now
        return Explained(f"there is no {crumb.text} now", axes=axes, shape=shape, index=index)
    return Explained("", explanation, snapshot.is_stale(crumb.value), axes, shape, index)


class Subject:
    """Follows the steps until a number is pinned. While following, the sample and the unit that were chosen stay."""

    def __init__(self) -> None:
        self.trail = Trail()
        self.pinned = False
        self.sample: int | None = None
        self.unit: int | None = None
        self.shown: Crumb | None = None
        """What was found last."""

    @property
    def is_automatic(self) -> bool:
        """Whether it is simply the largest number of each step."""
        return not self.pinned and self.sample is None and self.unit is None

    def find(self, snapshot: Snapshot) -> Crumb | None:
        """Return the number to explain; None where nothing has been computed that could be."""
        self.shown = self._pinned_one(snapshot) or self._of_step(snapshot)
        return self.shown

    def _pinned_one(self, snapshot: Snapshot) -> Crumb | None:
        crumb = self.trail.current
        if not self.pinned or crumb is None:
            return None
        at = crumb.at if crumb.at is not None and crumb.at <= snapshot.cursor else None
        return Crumb(crumb.value, crumb.index, at)

    def _of_step(self, snapshot: Snapshot) -> Crumb | None:
        if snapshot.step is None or not snapshot.step.writes or snapshot.plan is None:
            return None
        value = snapshot.step.writes[0]
        array = snapshot.find(value)
        if array is None:
            return None
        batched = snapshot.plan.is_batched(value)
        fixed = {0: self.sample} if batched and self.sample is not None else {}
        if self.unit is not None:
            fixed[1 if batched else 0] = self.unit
        return Crumb(value, largest_index(array, fixed))

    def pin(self, crumb: Crumb, follows: bool = False) -> None:
        """Explain `crumb` from now on. The first one that `follows` another begins the trail with that."""
        if follows and not self.trail.crumbs and self.shown is not None:
            self.trail.go(self.shown)
        self.pinned = True
        self.trail.go(crumb)

    def release(self) -> None:
        """Follow the steps again; a second time, forget the sample and the unit as well."""
        if not self.pinned:
            self.sample = self.unit = None
        self.pinned = False
        self.trail.clear()

    def enter_plan(self, plan: Plan | None) -> None:
        """Let the pinned number go if another plan does not have it."""
        crumb = self.trail.current
        if self.pinned and (plan is None or crumb is None or plan.resolve(crumb.value) not in plan.shapes):
            self.release()

    def choose_sample(self, sample: int, plan: Plan | None) -> None:
        """Keep to a sample; a pinned number becomes that of the sample."""
        self.sample = sample
        crumb = self.trail.current
        if self.pinned and crumb is not None and plan is not None and plan.is_batched(crumb.value):
            self.trail.replace(Crumb(crumb.value, (sample, *crumb.index[1:]), crumb.at))

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
        self.trail.replace(Crumb(self.shown.value, (*index[:axis], place, *index[axis + 1 :]), self.shown.at))
