"""The timeline: the steps of the iteration as a strip to click and scrub, and below it the iterations."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QSlider, QVBoxLayout

from visualbp.debugger.commands import Level, Pause, Seek, SetBreakpoints, StepBack, StepForward
from visualbp.debugger.snapshot import Event, Snapshot, Truncate
from visualbp.engine.plan import Phase
from visualbp.gui.context import Context
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.panels.timeline_strip import StepStrip
from visualbp.gui.theme import theme
from visualbp.gui.widgets.steady_label import SteadyLabel
from visualbp.network.diff import difference

JUMPS = (
    ("first", "Back to the first iteration that is kept (Ctrl+Home)", "first"),
    ("−10", "Ten iterations back (Ctrl+PgUp)", -10),
    ("−1", "One iteration back (PgUp)", -1),
    ("+1", "One iteration on (PgDown)", 1),
    ("+10", "Ten iterations on (Ctrl+PgDown)", 10),
    ("last", "To the furthest iteration reached (Ctrl+End)", "last"),
)


class Seeker:
    """Sends the debugger to positions, one at a time: while it is on its way, only the newest wish is remembered."""

    def __init__(self, context: Context) -> None:
        self._debugger = context.debugger
        self._under_way: int | None = None
        self._next: tuple[int, int] | None = None

    def go(self, iteration: int, cursor: int) -> None:
        """Go to a position; what runs is paused first."""
        if self._under_way is not None:
            self._next = (iteration, cursor)
            return
        snapshot = self._debugger.snapshot
        if snapshot.is_running:
            self._debugger.send(Pause())
        self._under_way = snapshot.serial
        self._debugger.send(Seek(iteration, cursor))

    def arrived(self, snapshot: Snapshot) -> None:
        """Take notice of a snapshot: if it is an answer, go on to what was wished for meanwhile."""
        if self._under_way is None or snapshot.serial <= self._under_way or snapshot.is_running:
            return
        self._under_way = None
        if self._next is not None:
            wish, self._next = self._next, None
            self.go(*wish)


class TimelinePanel(Panel):
    """A chip for each step of the iteration, in the colour of its phase; below, a slider and buttons for iterations."""

    name = "timeline"
    title = "Timeline"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.FOOT),
        Workspace.ANALYZE: DockPlace(Area.FOOT),
        Workspace.COMPARE: DockPlace(Area.FOOT),
        Workspace.LESSON: DockPlace(Area.FOOT),
        Workspace.PRESENT: DockPlace(Area.FOOT),
    }
    hint = "The steps of the iteration: click or drag to go there. Left and right step one operation."
    is_strip = True
    turn = 1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._seeker = Seeker(context)
        self._first, self._last = 0, 0
        self._seen: Snapshot | None = None
        self.strip = StepStrip(self)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName("Iteration")
        self.slider.setToolTip("Drag to go to another iteration")
        self.slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.position = SteadyLabel(self)
        self.buttons = {words: self._button(words, tip) for words, tip, _ in JUMPS}
        self._lay_out()
        self.strip.position_wanted.connect(self._on_cursor_wanted)
        self.strip.layer_wanted.connect(self.context.selection.show_layer)
        self.strip.breakpoint_wanted.connect(self._on_breakpoint_wanted)
        self.slider.sliderMoved.connect(self._on_iteration_wanted)
        self.slider.actionTriggered.connect(self._on_slider_action)
        self.setFocusProxy(self.strip)
        self.retheme()

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setProperty("flat", True)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        button.clicked.connect(self._on_jump)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(2)
        words = list(self.buttons)
        for name in words[:3]:
            row.addWidget(self.buttons[name])
        row.addWidget(self.slider, 1)
        for name in words[3:]:
            row.addWidget(self.buttons[name])
        row.addSpacing(10)
        row.addWidget(self.position)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 6)
        column.setSpacing(4)
        column.addWidget(self.strip)
        column.addLayout(row)
        column.addStretch(1)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(800), self.strip.height() + theme().px(40))

    def retheme(self) -> None:
        self.position.retheme(theme().font(11, mono=True))
        for button in self.buttons.values():
            button.setFont(theme().font(11, mono=True))
        self.strip.retheme()

    def showEvent(self, event: QShowEvent) -> None:
        self.retheme()  # a style sheet gives widgets other fonts when they get a parent
        super().showEvent(event)

    # -- what is seen ------------------------------------------------------------------------------------------------

    def refresh(self, snapshot: Snapshot) -> None:
        self._follow(snapshot)
        self.strip.show_snapshot(snapshot)
        ready = snapshot.plan is not None
        self.slider.setEnabled(ready)
        for button in self.buttons.values():
            button.setEnabled(ready)
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setRange(self._first, max(self._last, self._first + 1))
            self.slider.setValue(snapshot.iteration)
            self.slider.blockSignals(False)
        self.position.show_text(self._position_text(snapshot))

    def _position_text(self, snapshot: Snapshot) -> str:
        if snapshot.plan is None:
            return ""
        width = len(f"{self._last:,}")
        return f"iteration {snapshot.iteration:>{width},}  epoch {snapshot.epoch:,}"

    def _follow(self, snapshot: Snapshot) -> None:
        """Keep account of the iterations that can be gone to: an edited network begins a history of its own."""
        if self._seen is None or self._seen.network is not snapshot.network:
            changes = None if self._seen is None else difference(self._seen.network, snapshot.network)
            if changes is None or changes.needs_new_plan:
                self._first = self._last = snapshot.iteration
        self._seen = snapshot
        self._first = min(self._first, snapshot.iteration)
        self._last = max(self._last, snapshot.iteration)

    def handle(self, event: Event) -> None:
        if isinstance(event, Truncate):
            self._last = event.iteration

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self._seeker.arrived(snapshot)
        self._follow(snapshot)
        super()._on_snapshot(snapshot)

    # -- going somewhere ---------------------------------------------------------------------------------------------

    @Slot(int)
    def _on_cursor_wanted(self, cursor: int) -> None:
        self._seeker.go(self.context.debugger.snapshot.iteration, cursor)

    @Slot(int)
    def _on_iteration_wanted(self, iteration: int) -> None:
        self._seeker.go(iteration, self.context.debugger.snapshot.cursor)
        self.position.show_text(f"iteration {iteration:,}")

    @Slot(int)
    def _on_slider_action(self, action: int) -> None:
        if action != QSlider.SliderAction.SliderMove.value:
            self._on_iteration_wanted(self.slider.sliderPosition())

    @Slot()
    def _on_jump(self) -> None:
        for words, _, by in JUMPS:
            if self.sender() is self.buttons[words]:
                self.jump(by)

    def jump(self, by: int | str) -> None:
        """Go `by` iterations on or back, or to the `first` or the `last`."""
        snapshot = self.context.debugger.snapshot
        if snapshot.plan is None:
            return
        if by == "first":
            self._seeker.go(self._first, 0)
        elif by == "last":
            self._seeker.go(self._last, len(snapshot.plan.steps))
        else:
            self._seeker.go(max(self._first, snapshot.iteration + int(by)), snapshot.cursor)

    @Slot(object, str)
    def _on_breakpoint_wanted(self, phase: Phase, layer: str) -> None:
        present = self.context.debugger.breakpoints
        self.context.debugger.send(SetBreakpoints(present ^ {(phase, layer)}))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        level = Level.LAYER if control else Level.OPERATION
        debugger = self.context.debugger
        match event.key():
            case Qt.Key.Key_Left:
                debugger.send(StepBack(level))
            case Qt.Key.Key_Right:
                debugger.send(StepForward(level))
            case Qt.Key.Key_Home:
                self.jump("first") if control else self._on_cursor_wanted(0)
            case Qt.Key.Key_End:
                self.jump("last") if control else self._on_cursor_wanted(self.strip.count)
            case Qt.Key.Key_PageUp:
                self.jump(-10 if control else -1)
            case Qt.Key.Key_PageDown:
                self.jump(10 if control else 1)
            case _:
                super().keyPressEvent(event)
                return
        event.accept()
