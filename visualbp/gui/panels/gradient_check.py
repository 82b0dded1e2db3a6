"""Gradient check: every gradient against finite differences, tensor by tensor, number by number."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QFont, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from visualbp.analysis.gradient_check_result import CheckResult, Place, TensorCheck
from visualbp.analysis.gradient_check_words import operation_words
from visualbp.core.ref import Ref
from visualbp.debugger.commands import CheckGradients, Pause
from visualbp.debugger.snapshot import CheckDone, Event, Mode, Progress, Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.context import Context
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.gradient_check_words import exact_numbers, headline, numbers_text, rows_of, worst_number
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.theme import theme
from visualbp.gui.widgets.check_rows import CheckRow, CheckRows, RuleRow, ToleranceScale, error_text
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.error_map import ErrorMap
from visualbp.gui.widgets.links import Link, Links

METHOD_LINKS = (
    Link("every", "every", "every number by itself"),
    Link("sampled", "sampled", "some numbers of each parameter: quick on large networks"),
    Link("directional", "directional", "each parameter along one random direction: the quickest"),
)

EXPLANATION = "Moves each parameter by ±1e−5, and compares the change of the loss with its gradient."

LOWEST_FOR_WORST, LOWEST_FOR_NOTES = 116, 168
"""Heights below which lines of words give way to the bars; hovering over the bars tells the same."""


class GradientCheckPanel(Panel):
    """A verdict, the relative error of each parameter as a bar against the tolerance, and a map of errors for one."""

    name = "gradient_check"
    title = "Gradient check"
    tab = "Check"
    brought_by = "check_gradients"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.ROW, 2, 2),
        Workspace.ANALYZE: DockPlace(Area.RIGHT),
    }
    hint = "Compares the gradients of backpropagation with finite differences of the loss (epsilon 1e-5)"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.done: CheckDone | None = None
        self.result: CheckResult | None = None
        self._detail: tuple[str, str] | None = None
        self._plan: Plan | None = None
        self._rows: list[CheckRow | RuleRow] = []
        self._headline = ("", "text")
        self.method = Links(METHOD_LINKS, "Method", "every")
        self.headline = ElidedLabel(size=17, weight=QFont.Weight.DemiBold)
        self.worst = ElidedLabel(size=11, tone="dim", mono=True)
        self.worst.setCursor(Qt.CursorShape.PointingHandCursor)
        self.worst.installEventFilter(self)
        self.notes = ElidedLabel(size=11, tone="dim")
        self.button = QPushButton("Check")
        self.button.clicked.connect(self._on_button)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the check")
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.rows, self.errors, self.empty = CheckRows(), ErrorMap(), EmptyText()
        self.scale = ToleranceScale(self.rows)
        self.back = QPushButton("‹ all")
        self.back.setProperty("link", True)
        self.back.setToolTip("Show all parameters (Esc)")
        self.back.setAccessibleName("Show all parameters")
        self.back.clicked.connect(self._on_back)
        self.detail_name = ElidedLabel(weight=QFont.Weight.DemiBold, is_name=True)
        self.numbers = ElidedLabel(size=11, tone="dim", mono=True)
        self.rows.content.row_chosen.connect(self._on_row)
        self.errors.number_chosen.connect(self._on_number)
        self._lay_out()
        self.retheme()

    def _lay_out(self) -> None:
        self.pages = QStackedWidget()
        table, detail = QWidget(), QWidget()
        column = QVBoxLayout(table)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.rows, 1)
        column.addWidget(self.scale)
        head = QHBoxLayout()
        head.addWidget(self.back)
        head.addWidget(self.detail_name, 1)
        inner = QVBoxLayout(detail)
        inner.setContentsMargins(12, 0, 12, 4)
        inner.setSpacing(4)
        inner.addLayout(head)
        inner.addWidget(self.numbers)
        inner.addWidget(self.errors, 1)
        self.table, self.detail = table, detail
        for page in (table, detail, self.empty):
            self.pages.addWidget(page)
        top = QHBoxLayout()
        top.setContentsMargins(12, 0, 10, 0)
        top.addWidget(self.headline, 1)
        top.addWidget(self.button)
        words = QVBoxLayout()
        words.setContentsMargins(12, 0, 10, 0)
        words.setSpacing(1)
        words.addWidget(self.worst)
        words.addWidget(self.notes)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 2, 0, 4)
        outer.setSpacing(3)
        outer.addLayout(top)
        outer.addLayout(words)
        under = QHBoxLayout()
        under.setContentsMargins(12, 0, 12, 0)
        under.addWidget(self.progress)
        outer.addLayout(under)
        outer.addWidget(self.pages, 1)

    def header(self) -> QWidget | None:
        return self.method

    def retheme(self) -> None:
        self.progress.setFixedHeight(theme().px(5))
        self.button.setFont(theme().font(12, QFont.Weight.DemiBold))
        self.back.setFont(theme().font(11))
        self.rows.content.lay_out()
        self.scale.updateGeometry()

    # -- what is seen ------------------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        if isinstance(event, Progress) and event.work == Mode.CHECKING:
            self.progress.setValue(round(event.share * 1000))
        elif isinstance(event, CheckDone) and isinstance(event.result, CheckResult):
            self.done, self.result = event, event.result
            self._headline = headline(event.result)
            self._rows = rows_of(event.result)
            if self._detail not in [(row.layer, row.parameter) for row in self._rows if isinstance(row, CheckRow)]:
                self._detail = None
            self.update_now()

    @property
    def is_outdated(self) -> bool:
        """Whether the network or the iteration has moved on since the check."""
        snapshot, done = self.context.debugger.snapshot, self.done
        return done is not None and (done.generation, done.iteration) != (snapshot.generation, snapshot.iteration)

    def _fits(self, snapshot: Snapshot) -> bool:
        """Return whether the network still has every parameter that was checked."""
        plan = snapshot.plan
        if plan is None or self.result is None:
            return False
        return all(
            plan.shapes.get(Ref(layer, name)) == check.errors.shape
            for layer, tensors in self.result.layers.items()
            for name, check in tensors.items()
        )

    def refresh(self, snapshot: Snapshot) -> None:
        if snapshot.plan is not self._plan:
            self._plan = snapshot.plan
            if not self._fits(snapshot):
                self.done = self.result = self._detail = None
        checking = snapshot.mode == Mode.CHECKING
        self.button.setText("Cancel" if checking else "Check again" if self.result else "Check")
        self.button.setToolTip("Stop the check" if checking else "Check every gradient of this batch (Ctrl+G)")
        self.button.setEnabled(checking or (snapshot.plan is not None and not snapshot.is_running))
        if not checking:
            self.progress.setValue(0)
        self.progress.setVisible(checking)
        if self.result is None or self.done is None:
            self._show_nothing(snapshot)
        else:
            self._show_result(self.result, self.done)
        if checking:
            self.headline.show_text("Checking …", "dim")

    def _show_nothing(self, snapshot: Snapshot) -> None:
        runs = snapshot.plan is not None
        self.headline.show_text("Not checked yet" if runs else "", "text")
        self.worst.hide()
        self.notes.hide()
        self.button.setVisible(runs)
        if runs:
            self.empty.show_text("", EXPLANATION)
        else:
            self.empty.show_text(*why_empty(snapshot))
        self.pages.setCurrentWidget(self.empty)

    def _show_result(self, result: CheckResult, done: CheckDone) -> None:
        outdated = self.is_outdated
        self.button.show()
        text, tone = self._headline
        self.headline.show_text(text, "dim" if outdated else tone)
        self.worst.setVisible(self.height() > theme().px(LOWEST_FOR_WORST))
        self.worst.show_text(self._worst_text(result), tip=_worst_tip(result))
        self.notes.setVisible(outdated or self.height() > theme().px(LOWEST_FOR_NOTES))
        self.notes.show_text(self._notes_text(result, done, outdated), tip=result.words)
        found = self._check_of(result)
        if found is None:
            self.rows.content.show_rows(self._rows, result.tolerance, outdated)
            self.scale.update()
            self.pages.setCurrentWidget(self.table)
            self.setFocusProxy(self.rows.content)
        else:
            layer, name, check = found
            error = "cannot be told" if check.relative_error is None else error_text(check.relative_error)
            self.detail_name.show_text(f"{layer}.{name}   {error}")
            self.errors.show_check(layer, name, check, result.tolerance, outdated)
            self.errors.mark_number(self.context.selection.number)
            self._show_numbers(result, layer, name, check)
            self.pages.setCurrentWidget(self.detail)
            self.setFocusProxy(self.errors)

    def _show_numbers(self, result: CheckResult, layer: str, name: str, check: TensorCheck) -> None:
        """Show both gradients of the number that was chosen, or else of the worst one, and the answer."""
        worst = worst_number(layer, name, check)
        chosen = self.context.selection.number
        index = () if worst is None else worst.index
        if chosen is not None and chosen[0] == Ref(layer, name).gradient and len(chosen[1]) == check.errors.ndim:
            index = chosen[1]
        self.numbers.setVisible(len(index) == check.errors.ndim)
        if len(index) == check.errors.ndim:
            entry = check.entry(index, result.tolerance)
            text = f"[{', '.join(map(str, index))}]  {numbers_text(entry)}: {entry.words}"
            self.numbers.show_text(text, "error" if entry.passed is False else "dim", tip=exact_numbers(entry))

    def _check_of(self, result: CheckResult) -> tuple[str, str, TensorCheck] | None:
        if self._detail is None:
            return None
        layer, name = self._detail
        return layer, name, result.layers[layer][name]

    @staticmethod
    def _worst_text(result: CheckResult) -> str:
        if result.wrong_operations:
            return operation_words(result.wrong_operations[0])
        if result.max_relative_error is None:
            return "not one number could be measured" if result.parameters else "there is no parameter"
        where = "" if result.worst is None else f" in {result.worst.text}"
        return f"worst {error_text(result.max_relative_error)}{where}"

    @staticmethod
    def _notes_text(result: CheckResult, done: CheckDone, outdated: bool) -> str:
        parts = [f"outdated: of iteration {done.iteration:,}"] if outdated else [f"iteration {done.iteration:,}"]
        parts.append(f"{result.method}, {_duration(done.seconds or result.seconds)}")
        right = sum(rule.passed is True for rule in result.operations)
        parts.append(f"{right:,} of {len(result.operations):,} rules right")
        if result.unmeasurable:
            parts.append(f"{result.unmeasurable:,} cannot be told")
        if result.excused:
            parts.append(f"{result.excused:,} within their measuring error")
        if result.kinks:
            parts.append(f"{result.kinks:,} at kinks")
        return "  ·  ".join(parts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().height() != event.oldSize().height():
            self.update_now()

    # -- what a person does ------------------------------------------------------------------------------------------

    @Slot()
    def _on_button(self) -> None:
        debugger = self.context.debugger
        if debugger.snapshot.mode == Mode.CHECKING:
            debugger.send(Pause())
        else:
            debugger.send(CheckGradients(method=self.method.key))

    @Slot(int)
    def _on_row(self, place: int) -> None:
        """Open a tensor, and where it failed go to its worst number as well; of a rule, choose the layer."""
        row = self._rows[place]
        if isinstance(row, RuleRow):
            self.context.selection.go_to(row.layer)
            return
        self.context.selection.show_layer(row.layer)
        self._detail = (row.layer, row.parameter)
        if self.result is not None and row.passed is False:
            worst = worst_number(row.layer, row.parameter, self.result.layers[row.layer][row.parameter])
            if worst is not None:
                self._go_to(worst)
        self.update_now()

    def _go_to(self, place: Place) -> None:
        self.context.selection.go_to(place.layer)
        self.context.selection.choose_number(Ref(place.layer, place.parameter).gradient, place.index)

    @Slot(object, object)
    def _on_number(self, value: Ref, index: tuple[int, ...]) -> None:
        self.context.selection.select((value.layer,))
        self.context.selection.choose_number(value, index)
        self.update_now()

    @Slot()
    def _on_back(self) -> None:
        self._detail = None
        self.update_now()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress
        if watched is self.worst and pressed and self.result is not None and self.result.wrong_operations:
            self.context.selection.go_to(self.result.wrong_operations[0].layer)
            return True
        if watched is self.worst and pressed and self.result is not None and self.result.worst is not None:
            self._detail = (self.result.worst.layer, self.result.worst.parameter)
            self._go_to(self.result.worst)
            self.update_now()
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._detail is not None:
            self._on_back()
            event.accept()
        else:
            super().keyPressEvent(event)


def _worst_tip(result: CheckResult) -> str:
    if result.wrong_operations:
        return f"{operation_words(result.wrong_operations[0])}\nClick to go to this layer"
    return "Click to go to this number"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
