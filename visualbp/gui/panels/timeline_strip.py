"""The strip of the timeline: a chip for each step. Where there are too many, the chips scroll, and a line of ticks
grouped by layer shows the whole iteration."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.notation import Notation
from visualbp.engine.plan import Plan, Step
from visualbp.gui.equations import equation_pixmap, lines_of, typeset_already
from visualbp.gui.painting import draw_absent
from visualbp.gui.panels.mathematics_words import shapes_text
from visualbp.gui.panels.timeline_ticks import TickLine, paint_breakpoint, phase_color
from visualbp.gui.picture_cache import PictureCache
from visualbp.gui.theme import theme

CHIP, GAP, TICKS = 26, 5, 22
"""Heights of a chip and of the line of ticks, and the gap, in pixels at scale 1."""
NARROWEST, WIDEST = 54, 150
SCROLLING_WIDTH = 104
MARGIN = 2
MOST_MEASURED = 60

DONE, CURRENT, TO_COME = "done", "current", "to come"


class StepStrip(QWidget):
    """Paints the steps of a snapshot's plan, and says where a person wants to go."""

    position_wanted = Signal(int)
    """How many steps of this iteration are to be done."""
    layer_wanted = Signal(str)
    """The layer of the current step, whose chip was clicked: its card should come into view. That of another step
    does so when the step has been gone to."""
    breakpoint_wanted = Signal(object, str)
    """A phase and a layer whose breakpoint is to be set or removed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._snapshot: Snapshot | None = None
        self._plan: Plan | None = None
        self._notation: Notation | None = None
        self._labels: tuple[str, ...] = ()
        self._forms: dict[tuple[int, float], tuple[float, bool]] = {}
        """For each width that is asked for: a chip has one, and its label has another."""
        self._first_shown = 0
        self._ticks = TickLine()
        self._hovered = -1
        self._dragging = False
        self._ringed = False
        self._pictures = PictureCache()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Steps of this iteration")
        self.retheme()

    @property
    def count(self) -> int:
        """How many steps the iteration has."""
        return len(self._labels)

    def retheme(self) -> None:
        self._set_height()
        self.update()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the steps of the snapshot's plan, and which of them are done."""
        if snapshot.plan is not self._plan:
            self._plan = snapshot.plan
            self._notation = None if snapshot.plan is None else Notation(snapshot.plan)
            self._labels = () if snapshot.plan is None else tuple(step.label for step in snapshot.plan.steps)
            self._first_shown, self._forms = 0, {}
        self._snapshot = snapshot
        self._set_height()
        self._keep_current_visible()
        self.setAccessibleDescription(self._description())
        self.update()

    def _description(self) -> str:
        if self._snapshot is None or not self.count:
            return "no steps yet"
        done = self._labels[self._snapshot.cursor - 1] if self._snapshot.cursor else "none"
        return f"{self._snapshot.cursor} of {self.count} steps done, the last one {done}"

    # -- geometry ----------------------------------------------------------------------------------------------------

    @property
    def _chip_pitch(self) -> float:
        """The distance from a chip's left edge to the next one's."""
        gap = theme().px(GAP)
        if self._all_fit:
            return min((self.width() - 2 * MARGIN + gap) / max(1, self.count), theme().px(WIDEST) + gap)
        return theme().px(SCROLLING_WIDTH) + gap

    @property
    def _all_fit(self) -> bool:
        return self.count * (theme().px(NARROWEST) + theme().px(GAP)) <= self.width()

    @property
    def _shown(self) -> range:
        """The steps whose chips can be seen."""
        if self._all_fit:
            return range(self.count)
        fitting = max(1, int((self.width() - 2 * MARGIN + theme().px(GAP)) // self._chip_pitch) + 1)
        return range(self._first_shown, min(self.count, self._first_shown + fitting))

    def chip_rect(self, step: int) -> QRectF:
        """Return where a step's chip is."""
        left = MARGIN + (step - (0 if self._all_fit else self._first_shown)) * self._chip_pitch
        return QRectF(left, MARGIN, self._chip_pitch - theme().px(GAP), theme().px(CHIP))

    def _ticks_rect(self) -> QRectF:
        top = MARGIN + theme().px(CHIP) + theme().px(GAP) + 1
        width = self.count * self._chip_pitch - theme().px(GAP) if self._all_fit else self.width() - 2 * MARGIN
        return QRectF(MARGIN, top, width, theme().px(TICKS))

    def _set_height(self) -> None:
        """The same for every network, so that no panel jumps when a layer is added."""
        height = theme().px(CHIP) + 2 * MARGIN + theme().px(TICKS) + theme().px(GAP) + 1
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(800), self.minimumHeight())

    def resizeEvent(self, event: object) -> None:
        self._keep_current_visible()

    def _keep_current_visible(self) -> None:
        """Scroll as little as possible, so that the current chip has a neighbour on each side."""
        if self._all_fit or self._snapshot is None:
            self._first_shown = 0
            return
        whole = max(1, int((self.width() - 2 * MARGIN) // self._chip_pitch))
        current = max(0, self._snapshot.cursor - 1)
        around = 1 if whole >= 3 else 0
        lowest, highest = current - whole + 1 + around, current - around
        first = min(max(self._first_shown, lowest), highest)
        self._first_shown = min(max(0, first), max(0, self.count - whole))

    def _step_at(self, place: QPointF) -> int:
        """Return the step whose chip or tick is at `place`, or -1."""
        if not self.count:
            return -1
        if place.y() >= self._ticks_rect().top() - theme().px(GAP) / 2:
            share = (place.x() - MARGIN) / max(1.0, self._ticks_rect().width())
            return min(self.count - 1, max(0, int(share * self.count)))
        offset = (place.x() - MARGIN) / self._chip_pitch + (0 if self._all_fit else self._first_shown)
        step = int(offset)
        return step if 0 <= step < self.count and offset >= 0 else -1

    # -- painting ----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        snapshot = self._snapshot
        if snapshot is None or snapshot.plan is None:
            draw_absent(painter, QRectF(self.rect()).adjusted(1, 1, -1, -1), "no steps yet: the network cannot run")
            painter.end()
            return
        marked = self._group_starts(snapshot)
        for index in self._shown:
            self._paint_chip(painter, snapshot.plan.steps[index], snapshot.cursor, index in marked)
        self._ticks.draw(painter, self._ticks_rect(), snapshot.plan, snapshot.cursor, self._shown, marked)
        if self._ringed:
            painter.setPen(QPen(theme().color("accent", 0.7), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _group_starts(self, snapshot: Snapshot) -> frozenset[int]:
        """Return the first steps of the groups that have a breakpoint."""
        if snapshot.plan is None or not snapshot.breakpoints:
            return frozenset()
        steps = snapshot.plan.steps
        return frozenset(
            group.start for group in snapshot.plan.groups if steps[group.start].group in snapshot.breakpoints
        )

    def _paint_chip(self, painter: QPainter, step: Step, cursor: int, marked: bool) -> None:
        state = CURRENT if step.index == cursor - 1 else DONE if step.index < cursor else TO_COME
        rect, hovered = self.chip_rect(step.index), step.index == self._hovered
        key = (self._labels[step.index], step.phase, state, marked, hovered, self._label_form(rect.width()))
        margin = theme().px(6)  # of the dot of a breakpoint
        around = rect.adjusted(-margin, -margin, margin, margin)
        self._pictures.paint(painter, around, key, lambda own: self._draw_chip(own, rect, step, state, marked, hovered))

    def _draw_chip(self, painter: QPainter, outer: QRectF, step: Step, state: str, marked: bool, hovered: bool) -> None:
        current = theme()
        rect = outer.adjusted(0.5, 0.5, -0.5, -0.5)
        fill, on_fill = current.color(phase_color(step.phase)), current.color("on_accent")
        radius = current.px(5)
        weight = QFont.Weight.Medium
        if state == CURRENT:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            ink, weight = on_fill, QFont.Weight.DemiBold
        elif state == DONE:
            painter.setPen(Qt.PenStyle.NoPen)
            tint = QColor(fill)
            tint.setAlphaF(0.24 if current.is_dark else 0.18)
            painter.setBrush(tint)
            ink = current.color("text")
        else:
            painter.setPen(QPen(current.color("line"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ink = current.color("dim")
        painter.drawRoundedRect(rect, radius, radius)
        if hovered and state != CURRENT:
            painter.setPen(QPen(fill, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, radius, radius)
        painter.setPen(ink)
        self._paint_label(painter, rect.adjusted(current.px(3), 0, -current.px(3), 0), self._labels[step.index], weight)
        if marked:
            paint_breakpoint(painter, QPointF(rect.left() + current.px(2), rect.top() + current.px(3)))

    def _paint_label(self, painter: QPainter, rect: QRectF, label: str, weight: QFont.Weight) -> None:
        size, short = self._label_form(rect.width())
        painter.setFont(theme().font(size, weight))
        text = label.removeprefix("update ") if short else label
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(rect.width()))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _label_form(self, width: float) -> tuple[float, bool]:
        """Return the font size of all labels, and whether their short form is needed, for chips with this much room."""
        key = (round(width), theme().scale)
        if key not in self._forms:
            short = [label.removeprefix("update ") for label in self._labels[:MOST_MEASURED]]
            form = (9.5, True)
            for size, is_short in ((11.0, False), (11.0, True)):
                metrics = QFontMetricsF(theme().font(size, QFont.Weight.DemiBold))
                words = short if is_short else self._labels[:MOST_MEASURED]
                if all(metrics.horizontalAdvance(word) <= width for word in words):
                    form = (size, is_short)
                    break
            self._forms[key] = form
        return self._forms[key]

    # -- gestures ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        step = self._step_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and step >= 0:
            self._dragging = True
            self._want(step)
            if self._snapshot is not None and self._snapshot.step is not None and self._snapshot.step.index == step:
                self.layer_wanted.emit(self._snapshot.step.layer)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        step = self._step_at(event.position())
        if self._dragging and step >= 0:
            self._want(step)
        if step != self._hovered:
            self._hovered = step
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def _want(self, step: int) -> None:
        if self._snapshot is not None and self._snapshot.cursor != step + 1:
            self.position_wanted.emit(step + 1)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        step = self._step_at(QPointF(event.pos()))
        if self._snapshot is None or self._snapshot.plan is None or step < 0:
            return
        phase, layer = self._snapshot.plan.steps[step].group
        menu = QMenu(self)
        go = menu.addAction("Go here")
        toggle = menu.addAction(
            "Remove the breakpoint"
            if (phase, layer) in self._snapshot.breakpoints
            else f"Break before {layer or phase} ({phase})"
        )
        chosen = menu.exec(event.globalPos())
        menu.deleteLater()
        if chosen is go:
            self._want(step)
        elif chosen is toggle:
            self.breakpoint_wanted.emit(phase, layer)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            step = self._step_at(QPointF(event.pos()))
            if step >= 0:
                QToolTip.showText(event.globalPos(), self.tip(step), self, self._tip_area(step).toRect())
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _tip_area(self, step: int) -> QRectF:
        return self.chip_rect(step) if step in self._shown else QRectF(self.rect())

    def tip(self, step: int) -> str:
        """Return what hovering over a step says: its name, what it does, its shapes."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.plan is None or self._notation is None:
            return ""
        found = snapshot.plan.steps[step]
        batch = 1 if snapshot.batch is None else len(snapshot.batch)
        shapes = shapes_text(self._notation.step_shapes(found, batch))
        equation = "".join(_picture(line) for line in lines_of(self._notation.step_equation(found)))
        parts = [
            f"<b>{_escaped(self._labels[step])}</b> &nbsp; step {step + 1} of {self.count}, {found.phase}",
            _escaped(self._notation.step_sentence(found)),
            f"<code>{_escaped(shapes)}</code>",
        ]
        return "<br>".join(parts) + equation

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        self.update()


def _picture(latex: str) -> str:
    """Return an equation as an image in rich text, if it has been set already; a tip does not wait for it."""
    if typeset_already(latex) is None:
        return ""
    ratio = 2.0
    held, picture = QByteArray(), equation_pixmap(latex, theme().px(17), theme().color("text"), ratio)
    buffer = QBuffer(held)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    data = bytes(held.toBase64().data()).decode("ascii")
    width, height = round(picture.width() / ratio), round(picture.height() / ratio)
    return f'<p><img src="data:image/png;base64,{data}" width="{width}" height="{height}"></p>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
