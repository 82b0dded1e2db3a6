"""The mathematics panel: the equation of the current step, the numbers in it, and the line of the algorithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import ClassVar

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QFont, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from visualbp.analysis.explain import Factor
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import CheckDone, Event, Snapshot
from visualbp.engine.algorithm import PSEUDOCODE
from visualbp.engine.notation import Notation
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.gui.checked_entry import checked_entry
from visualbp.gui.context import Context
from visualbp.gui.equations import Equations, EquationView, lines_of
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.mathematics_axes import AxisChoosers
from visualbp.gui.panels.mathematics_card import NumberCard
from visualbp.gui.panels.mathematics_code import PseudocodeView
from visualbp.gui.panels.mathematics_sections import section_links
from visualbp.gui.panels.mathematics_subject import Explained, Subject, explained
from visualbp.gui.panels.mathematics_trail import Crumb, TrailView
from visualbp.gui.panels.mathematics_words import Index, Names, shapes_text
from visualbp.gui.panels.number_page import Look
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.panels.timeline_ticks import phase_color
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.shown_sample import row_of
from visualbp.gui.theme import theme
from visualbp.gui.widgets.empty_text import why_empty
from visualbp.gui.widgets.heights import ColumnScroll, Section, margin_beside_bar

AHEAD, BEHIND = 12, 3
"""How many steps after and before the current one have their equations set in advance."""
WHILE_RUNNING = 150
"""Milliseconds between two explanations while the debugger runs."""
CODE_SHARE = 0.34
"""The part of the panel's height that the algorithm gets at first."""
SIDE = 14
"""Pixels beside what is shown."""


class MathematicsPanel(Panel):
    """The step's equation, shapes and sentence; the number followed, as a sum of its terms; and the pseudo-code."""

    name = "mathematics"
    title = "Mathematics"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.RIGHT),
        Workspace.LESSON: DockPlace(Area.RIGHT),
        Workspace.PRESENT: DockPlace(Area.RIGHT),
    }
    hint = (
        "The equation of the current step, its numbers, and the line of the algorithm. Click any number to follow it."
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plan: Plan | None = None
        self._notation: Notation | None = None
        self._followed: Crumb | None = None
        self._check: CheckDone | None = None
        """The last gradient check."""
        self.subject = Subject()
        self.trail = self.subject.trail
        self._equations = Equations(self)
        self._explained: tuple[int, Explained] | None = None
        """The explanation that waits to be shown, and the serial of the snapshot that it is of."""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(WHILE_RUNNING)
        self._later.timeout.connect(self._show_numbers_in_turn)
        self._build()
        self._header: QWidget | None = None
        context.selection.number_chosen.connect(self._on_number_chosen)
        self.retheme()

    # -- widgets -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.step_label, self.shapes, self.sentence = QLabel(self), PlainLabel(self), PlainLabel(self)
        self.why = PlainLabel(self)
        self.why.setProperty("dim", True)
        self.why.hide()
        self.equation = EquationView(self._equations, 22.0, self)
        for label in (self.step_label, self.shapes, self.sentence, self.why):
            label.setWordWrap(True)
        self.sentence.setProperty("dim", True)
        self.shapes.setProperty("dim", True)
        self.step_label.setTextFormat(Qt.TextFormat.RichText)
        self.step_label.linkActivated.connect(self.context.selection.show_layer)
        self.card = NumberCard(self._equations, self)
        self.card.followed.connect(self._on_followed)
        self.card.array_of = lambda value: self.context.debugger.snapshot.find(value)
        self.axes = AxisChoosers(self)
        self.axes.changed.connect(self._on_axis_changed)
        self.axes.sample_chosen.connect(self._on_sample_chosen)
        self.trail_view = TrailView(self.trail, self)
        self.trail_view.chosen.connect(self._on_crumb)
        self.back = self._small_button("‹", "Back to the number before (Backspace)", self.go_back)
        self.forward = self._small_button("›", "Forward again (Shift+Backspace)", self.go_forward)
        self.release = QPushButton("follow the step", self)
        self.release.setProperty("link", True)
        self.release.setToolTip("Let the card show the largest number of each step again (Esc)")
        self.release.clicked.connect(self.follow_step)
        self.code = PseudocodeView(self)
        top, numbers = Section(self), Section(self)
        self.sections: dict[str, QWidget] = {"equation": top, "numbers": numbers}
        self._columns = (QVBoxLayout(top), QVBoxLayout(numbers))
        column = self._columns[0]
        column.setSpacing(6)
        for part in (self.step_label, self.equation, self.shapes, self.sentence):
            column.addWidget(part)
        column = self._columns[1]
        column.setSpacing(4)
        crumbs = QHBoxLayout()
        crumbs.setSpacing(4)
        crumbs.addWidget(self.back)
        crumbs.addWidget(self.forward)
        crumbs.addWidget(self.trail_view)
        self.axes.row.add(self.release, to_the_right=True)
        column.addWidget(self.axes)
        column.addWidget(self.why)
        column.addWidget(self.card)
        column.addLayout(crumbs)
        self._stack(top, numbers)

    def _stack(self, *parts: QWidget) -> None:
        """Put equation and numbers above, the algorithm below: it scrolls by itself, so that its line stays in view."""
        content = Section()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 4, 0, 8)
        column.setSpacing(10)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        self._upper, self._lower = ColumnScroll(content, self, keeps_room=True), ColumnScroll(self.code, self)
        for area in (self._upper, self._lower):
            area.setMinimumHeight(60)
        self.sections["algorithm"] = self._lower
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(6)
        self._splitter.addWidget(self._upper)
        self._splitter.addWidget(self._lower)
        self._splitter.splitterMoved.connect(self._on_splitter_moved)
        self._divided = False
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._splitter)

    @Slot(int, int)
    def _on_splitter_moved(self, place: int, which: int) -> None:
        self._divided = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._divided:  # until a person has divided the panel otherwise
            lower = round(self.height() * CODE_SHARE)
            self._splitter.setSizes([self.height() - lower, lower])

    def _small_button(self, words: str, tip: str, action: object) -> QPushButton:
        button = QPushButton(words, self)
        button.setProperty("flat", True)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        button.clicked.connect(action)
        return button

    def header(self) -> QWidget:
        """Return the links that show and hide the sections."""
        if self._header is None:
            self._header = section_links(self.sections)
        return self._header

    def retheme(self) -> None:
        current = theme()
        self.step_label.setFont(current.font(11))
        self.shapes.setFont(current.font(11, mono=True))
        self.sentence.setFont(current.font(12))
        self.why.setFont(current.font(11))
        for button in (self.back, self.forward):
            button.setFont(current.font(15, QFont.Weight.DemiBold))
        self.release.setFont(current.font(11))
        for column in self._columns:
            column.setContentsMargins(SIDE, 0, margin_beside_bar(SIDE), 0)
        for part in (self.equation, self.card, self.code, self.trail_view, self.axes):
            part.retheme()

    def showEvent(self, event: QShowEvent) -> None:
        self.retheme()  # a style sheet gives widgets other fonts when they get a parent
        super().showEvent(event)

    # -- what is seen ------------------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether every formula that can be seen is set."""
        return self.equation.is_ready and self._equations.is_idle

    def parts(self) -> Sequence[Callable[[], None]]:
        if self.context.debugger.snapshot.is_running:  # the numbers come a few times a second, not with each
            return (self._show_step_now,)
        return self._show_step_now, self._explain_soon, self._draw_numbers_soon, self._show_numbers_soon

    @Slot()
    def _show_step_now(self) -> None:
        self._stale = not self.is_seen
        if self.is_seen:
            snapshot = self.context.debugger.snapshot
            self._show_place(snapshot)
            if snapshot.is_running:
                self._show_numbers_soon()

    @Slot()
    def _explain_soon(self) -> None:
        """Explain the number of a step; to draw it, and to show it, each comes in a turn of its own."""
        self._explained = None
        snapshot = self.context.debugger.snapshot
        if self.is_seen and not snapshot.is_running:
            self._explained = snapshot.serial, self._explain(snapshot)

    @Slot()
    def _draw_numbers_soon(self) -> None:
        snapshot = self.context.debugger.snapshot
        if self._explained is not None and self._explained[0] == snapshot.serial:
            self._prepare_card(self._explained[1], snapshot)

    @Slot()
    def _show_numbers_soon(self) -> None:
        """Show the numbers of a step now, and while something runs a few times a second."""
        if not self.context.debugger.snapshot.is_running:
            self._later.stop()
            self._show_numbers_now()
        elif not self._later.isActive():
            self._later.start()

    def handle(self, event: Event) -> None:
        if isinstance(event, CheckDone) and event.result is not None:
            self._check = event
            self.update_now()

    def refresh(self, snapshot: Snapshot) -> None:
        self._explained = None
        self._show_place(snapshot)
        self._show_numbers_soon()

    def _show_place(self, snapshot: Snapshot) -> None:
        """Show the step, its equation, its sentence and its line of the algorithm."""
        if snapshot.plan is not self._plan:
            self._plan = snapshot.plan
            self._notation = None if snapshot.plan is None else Notation(snapshot.plan)
            self.subject.enter_plan(snapshot.plan)
        if snapshot.plan is None or self._notation is None:
            self._show_nothing(snapshot)
            return
        self._show_step(snapshot, snapshot.step or snapshot.plan.steps[0], self._notation)

    def _show_nothing(self, snapshot: Snapshot) -> None:
        self.step_label.setText("")
        self.equation.set_latex("")
        self.equation.hide()
        self.shapes.setText("")
        what, then = why_empty(snapshot)
        self.sentence.setText(f"{what}. {then.removesuffix('.')}. The equation of each step stands here then.")
        self.card.show_explanation(None, message="no numbers yet")
        self.axes.show_axes((), (), ())
        self.code.show_lines(PSEUDOCODE, None, Phase.FORWARD)
        self._show_trail()

    def _show_step(self, snapshot: Snapshot, step: Step, notation: Notation) -> None:
        batch = 1 if snapshot.batch is None else len(snapshot.batch)
        color = phase_color(step.phase) if step.phase != Phase.LOAD else "text"
        when = "next" if snapshot.step is None else f"step {step.index + 1} of {len(notation.plan.steps)}"
        self.step_label.setText(
            f'<a href="{escape(step.layer)}" style="color:{theme().color(color).name()}; font-weight:600;'
            f' text-decoration:none">{step.label}</a>'
            f'<span style="color:{theme().color("dim").name()}">&nbsp;&nbsp;{step.phase}, {when}</span>'
        )
        self._equations.patient = snapshot.is_running
        self.equation.show()
        self.equation.set_latex(notation.step_equation(step))
        self.shapes.setText(shapes_text(notation.step_shapes(step, batch)))
        self.sentence.setText(notation.step_sentence(step))
        self.code.show_lines(notation.pseudocode(), notation.pseudocode_line(step), step.phase)
        place = self.code.line_rect(notation.pseudocode_line(step)).center().toPoint()
        self._upper.fit_now(self.sentence)
        self._lower.fit()
        self._lower.ensureVisible(0, place.y(), 0, theme().px(30))
        if not snapshot.is_running:
            self._prefetch(step, notation)

    def _prefetch(self, step: Step, notation: Notation) -> None:
        near = range(max(0, step.index - BEHIND), min(len(notation.plan.steps), step.index + AHEAD + 1))
        ordered = sorted(near, key=lambda index: (index < step.index, abs(index - step.index)))
        self._equations.prefetch(
            line for index in ordered for line in lines_of(notation.step_equation(notation.plan.steps[index]))
        )

    @Slot()
    def _show_numbers_in_turn(self) -> None:
        """Not at once: in its turn the worker rests, and does not take the interpreter away ten times."""
        self.context.debugger.frames.ask((self.name, id(self), "numbers"), self._show_numbers_now)

    @Slot()
    def _show_numbers_now(self) -> None:
        snapshot = self.context.debugger.snapshot
        if not self.is_seen or snapshot.plan is None:
            return
        if self._explained is None or self._explained[0] != snapshot.serial:
            self._explained = snapshot.serial, self._explain(snapshot)
            self._prepare_card(self._explained[1], snapshot)
        found, self._explained = self._explained[1], None
        self._show_trail()
        self.axes.show_axes(found.axes, found.shape, found.index, snapshot.rows)
        self.why.setText(found.why)
        self.why.setVisible(bool(found.why))
        self.card.show_prepared()
        self._upper.fit_now(self.card)

    def _prepare_card(self, found: Explained, snapshot: Snapshot) -> None:
        brief = found.explanation is not None and found.explanation.step is snapshot.step
        names = Names(snapshot.plan, snapshot.rows)
        check = None
        if found.explanation is not None:
            check = checked_entry(self._check, snapshot, found.explanation.value, found.explanation.index)
        self.card.prepare(
            found.explanation, Look(found.is_stale, brief, snapshot.is_running, names, check), found.message
        )

    def _explain(self, snapshot: Snapshot) -> Explained:
        sample = self.context.selection.shown(snapshot)
        return explained(snapshot, self.subject.find(snapshot, sample), sample.why)

    def _show_trail(self) -> None:
        self.release.setVisible(not self.subject.is_automatic)
        self.release.setText("follow the step" if self.subject.pinned else "largest")
        several = len(self.trail.crumbs) > 1
        for part in (self.back, self.forward, self.trail_view):
            part.setVisible(several)
        self.back.setEnabled(self.trail.place > 0)
        self.forward.setEnabled(self.trail.place + 1 < len(self.trail.crumbs))
        self.trail_view.refresh()

    # -- choosing a number -------------------------------------------------------------------------------------------

    @Slot(object, object)
    def _on_number_chosen(self, value: Ref, index: Index) -> None:
        followed, self._followed = self._followed, None
        index = tuple(int(i) for i in index)
        row = row_of(self.context.debugger.snapshot, value, index)
        at = None if followed is None else followed.at
        self.subject.pin(Crumb(value, index, at, row), follows=followed is not None)
        self.update_now()

    @Slot(object)
    def _on_followed(self, factor: Factor) -> None:
        """Explain a factor in its turn, as it stood when it was used; other panels learn of it."""
        if factor.value is not None:
            self._followed = Crumb(factor.value, factor.index, factor.at)  # the selection does not say when it was used
            self.context.selection.choose_number(factor.value, factor.index)

    @Slot()
    def follow_step(self) -> None:
        """Show the largest number of each step again."""
        self.subject.release()
        self.update_now()

    @Slot()
    def go_back(self) -> None:
        """Follow again the number that was followed before this one."""
        self._on_crumb(self.trail.place - 1)

    @Slot()
    def go_forward(self) -> None:
        """Follow again the number that was followed after this one."""
        self._on_crumb(self.trail.place + 1)

    @Slot(int)
    def _on_crumb(self, place: int) -> None:
        if self.trail.move_to(place):
            crumb = self.trail.current
            if crumb is not None and crumb.row is not None:
                self.context.selection.choose_sample(crumb.row)
            self.update_now()

    @Slot()
    def _on_sample(self) -> None:
        snapshot = self.context.debugger.snapshot
        self.subject.choose_sample(self.context.selection.shown(snapshot))
        self.update_now()

    @Slot(int)
    def _on_sample_chosen(self, row: int) -> None:
        self.context.selection.choose_sample(row)

    @Slot(int, int)
    def _on_axis_changed(self, axis: int, place: int) -> None:
        shown = self.subject.shown
        if shown is None or self._plan is None:
            return
        self.subject.choose_place(axis, place, self._plan)
        self.update_now()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backspace:
            shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.go_forward() if shift else self.go_back()
        elif event.key() == Qt.Key.Key_Escape:
            self.follow_step()
        else:
            super().keyPressEvent(event)
