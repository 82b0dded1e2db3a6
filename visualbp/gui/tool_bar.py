"""The tool bar: the debugger's keys as buttons, the speed, and where the debugger stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QToolBar, QToolButton, QWidget

from visualbp.debugger.snapshot import Event, Losses, Mode, Progress, Snapshot
from visualbp.engine.plan import Phase, Plan
from visualbp.gui.actions import Actions
from visualbp.gui.painting import number_text
from visualbp.gui.theme import icon, icon_size, theme

BREVITY = 6
"""Levels of brevity: see ToolBar."""
WORDS_OF_WORK = ("CHECKING", "GOING")
PRIMARY = ("continue", "pause")
BUTTONS = ("reset", "step_back", "step_operation", "step_layer", "step_out", "run_iteration")
RUNS = ("continue", "pause", "train")
FEWEST = ("step_back", "step_operation", "step_layer", "continue", "pause")
"""The buttons that are always there; the others are in the menu, too."""


def place_words(snapshot: Snapshot) -> tuple[str, str, str]:
    """Return (word, detail, colour) for where the debugger stands: `BACKWARD`, `layer 2 of 3`, `backward`."""
    plan, step = snapshot.plan, snapshot.step
    if snapshot.trouble is not None:
        return "NOT FINITE", snapshot.trouble.step.layer, "error"
    if plan is None:
        return "CANNOT RUN", "see Problems", "faint"
    if snapshot.mode == Mode.TRAINING:
        return "TRAINING", "full speed", "accent"
    if snapshot.mode == Mode.CHECKING:
        return "CHECKING", "gradients", "accent"
    if snapshot.mode == Mode.SEEKING:
        return "GOING", "to another iteration", "accent"
    if step is None:
        return "READY", "at the start", "faint"
    if step.phase == Phase.LOAD:
        return "FORWARD", "batch loaded", "forward"
    if step.phase == Phase.UPDATE:
        of_all = "learning rate" if step.operation == "schedule" else "clipping"
        return "UPDATE", step.layer or of_all, "accent"
    colour = "forward" if step.phase == Phase.FORWARD else "backward"
    return step.phase.upper(), f"layer {layer_place(plan, step.layer)}", colour


def layer_place(plan: Plan, layer: str) -> str:
    """Return `2 of 3`: the layer's place among those with operations, counted from the input."""
    return _layer_places(plan).get(layer, "")


@lru_cache(maxsize=4)
def _layer_places(plan: Plan) -> dict[str, str]:
    has_operations = {node.layer for node in plan.nodes}
    working = [name for name in plan.layers if name in has_operations]
    return {name: f"{place} of {len(working)}" for place, name in enumerate(working, 1)}


class PhasePill(QWidget):
    """The phase and the layer, in the phase's colour: the eye finds it at once. A click brings its card into view."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("phase")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.word, self.detail, self._colour = "READY", "", "faint"
        self.is_brief = False
        """Whether there is room for the word alone."""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(112 if self.is_brief else 196), theme().px(30))

    def be_brief(self, is_brief: bool) -> None:
        """Show the word alone, or the detail too."""
        if is_brief != self.is_brief:
            self.is_brief = is_brief
            self.updateGeometry()
            self.update()

    def show_place(self, word: str, detail: str, colour: str) -> None:
        """Show where the debugger stands: a word for the phase, a detail beside it, and the phase's colour by name."""
        if (word, detail, colour) != (self.word, self.detail, self._colour):
            self.word, self.detail, self._colour = word, detail, colour
            self.setAccessibleName(f"{word} {detail}")
            self.setToolTip(f"{word.lower()} {detail}\nClick to see its card  .")
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        faint = self._colour == "faint"
        painter.setPen(theme().color("line") if faint else Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("raised" if faint else self._colour))
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        painter.setPen(theme().color("dim" if faint else "on_accent"))
        bold, plain = theme().font(12, QFont.Weight.Bold), theme().font(12, QFont.Weight.DemiBold)
        painter.setFont(bold)
        first = painter.fontMetrics().horizontalAdvance(self.word)
        painter.setFont(plain)
        gap = 0 if self.is_brief else theme().px(8)
        room = 0 if self.is_brief else self.width() - theme().px(24) - first - gap
        detail = painter.fontMetrics().elidedText(self.detail, Qt.TextElideMode.ElideMiddle, max(0, room))
        detail = "" if self.is_brief else detail
        second = painter.fontMetrics().horizontalAdvance(detail)
        left = (self.width() - first - gap - second) / 2
        painter.setFont(bold)
        painter.drawText(QRectF(left, 0, first + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, self.word)
        painter.setFont(plain)
        painter.drawText(
            QRectF(left + first + gap, 0, second + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, detail
        )


class PlaceNumbers(QWidget):
    """The iteration and its loss. Painted here: a label would lay the whole window out anew at each new number."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("place")
        self.setToolTip("The iteration, and the loss of its batch")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.iteration, self.loss = "0", "–"

    def sizeHint(self) -> QSize:
        return QSize(theme().px(136), theme().px(34))

    def show_numbers(self, iteration: str, loss: str) -> None:
        """Show the iteration and the loss, both as texts."""
        if (iteration, loss) != (self.iteration, self.loss):
            self.iteration, self.loss = iteration, loss
            self.setAccessibleName(f"iteration {iteration}, loss {loss}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme().font(11, mono=True))
        painter.setPen(theme().color("text"))
        left, half = theme().px(12), self.height() / 2
        for row, (word, number) in enumerate((("iteration", self.iteration), ("loss", self.loss))):
            line = QRectF(left, row * half, self.width() - left - theme().px(2), half)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)


class ToolBar(QToolBar):
    """Buttons at the left, the place at the right.

    Where it is narrow, words give way to icons, then the speed goes, then what the menu has too: the place can always
    be seen.
    """

    speed_changed = Signal(float)

    def __init__(self, actions: Actions) -> None:
        super().__init__("Debugger")
        self.setObjectName("tool_bar")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._buttons: dict[str, QToolButton] = {}
        self._widths: tuple[int, ...] = ()
        """How wide the tool bar wants to be at each level of brevity."""
        self._level = 0
        self._newest_loss: float | None = None
        self._actions = actions
        for name in PRIMARY:
            actions[name].changed.connect(self._color_primary)
        self._space_action = self.addWidget(_space(8))
        self._speed_action = self.addWidget(self._speed())
        self._show_buttons((*BUTTONS, *RUNS))
        stretch = QWidget()
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(stretch)
        self.pill = PhasePill()
        self.addWidget(self.pill)
        self.numbers = PlaceNumbers()
        self.addWidget(self.numbers)
        self.retheme()
        theme().changed.connect(self.retheme)

    def _show_buttons(self, names: Sequence[str]) -> None:
        """Have buttons for these actions, in their order: a tool bar hides a button only with its action everywhere."""
        if set(names) == self._buttons.keys():
            return
        for name in self._buttons:
            self.removeAction(self._actions[name])
        self._buttons.clear()
        for name in names:
            action = self._actions[name]
            self.insertAction(self._space_action if name in BUTTONS else self._speed_action, action)
            button = self.widgetForAction(action)
            if isinstance(button, QToolButton):
                button.setProperty("primary", name in PRIMARY)
                button.setObjectName(f"button_{name}")
                button.setAccessibleName(action.text())
                self._buttons[name] = button
        self._color_primary()

    @Slot()
    def _color_primary(self) -> None:
        for name in PRIMARY:
            if name in self._buttons:
                self._buttons[name].setIcon(icon(name, "on_accent"))

    def _speed(self) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(theme().px(10), 0, 0, 0)
        row.setSpacing(theme().px(8))
        holder.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._speed_word = QLabel("speed")
        self._speed_word.setProperty("dim", True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("speed")
        self.slider.setAccessibleName("Speed of Continue")
        self.slider.setToolTip("How fast Continue steps: 1 a second at the left, without waiting at the right")
        self.slider.setRange(0, 100)
        self.slider.setValue(100)
        self.slider.valueChanged.connect(self._on_slider)
        row.addWidget(self._speed_word)
        row.addWidget(self.slider)
        return holder

    @Slot(int)
    def _on_slider(self, place: int) -> None:
        self.speed_changed.emit(place / 100)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show where the debugger stands."""
        self.pill.show_place(*place_words(snapshot))
        loss = snapshot.loss
        if loss is None and snapshot.is_running:
            loss = self._newest_loss  # many iterations a second: one without a loss yet would only flicker
        self.numbers.show_numbers(f"{snapshot.iteration}", "–" if loss is None else number_text(loss))

    @Slot(object)
    def take_event(self, event: Event) -> None:
        """Show how far long work is, and remember the newest loss."""
        if isinstance(event, Losses):
            self._newest_loss = float(event.losses[-1])
        if isinstance(event, Progress) and self.pill.word in WORDS_OF_WORK:
            self.pill.show_place(self.pill.word, f"{event.share:.0%}", "accent")

    @Slot()
    def retheme(self) -> None:
        self.setIconSize(icon_size(16))
        self.numbers.updateGeometry()
        self.slider.setFixedWidth(theme().px(90))
        self.pill.updateGeometry()
        self.pill.update()
        self._measure()

    # -- where it is narrow ------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Find out how wide each level of brevity is, and take the one that fits."""
        widths: list[int] = []
        for level in range(BREVITY):
            self._be_brief(level)
            widgets = [self.widgetForAction(action) for action in self.actions() if action.isVisible()]
            shown = [widget.sizeHint().width() for widget in widgets if widget is not None]
            widths.append(sum(shown) + len(shown) * theme().px(6) + theme().px(30))
        self._widths = tuple(widths)
        self._fit()

    def _be_brief(self, level: int) -> None:
        """0: words on all buttons but Reset; 1: icons for the steps; 2: icons alone; 3: and no speed; 4: the phase
        without the layer; 5: and the fewest buttons."""
        self._level = level
        self._show_buttons(FEWEST if level == BREVITY - 1 else (*BUTTONS, *RUNS))
        self.pill.be_brief(level >= 4)
        for name, button in self._buttons.items():
            words = name != "reset" and (level == 0 or (level == 1 and name not in BUTTONS))
            style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
            button.setToolButtonStyle(style)
        self._speed_word.setVisible(level == 0)
        self._speed_action.setVisible(level < 3)

    def _fit(self) -> None:
        level = next((level for level, width in enumerate(self._widths) if width <= self.width()), BREVITY - 1)
        if level != self._level:
            self._be_brief(level)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._measure()  # the style sheet counts from now on


def _space(width: int) -> QWidget:
    space = QWidget()
    space.setFixedWidth(width)
    return space
