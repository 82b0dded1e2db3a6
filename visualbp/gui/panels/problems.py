"""The problems panel: what keeps the network from running, in words, with what would fix it. Click to go there; where
a single edit fixes it, a button makes it."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from visualbp.core.options import OptionError
from visualbp.core.visible_text import visible
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.plain_text import plain_tip
from visualbp.gui.theme import pixmap, theme
from visualbp.network import Problem
from visualbp.network.edits import EditError
from visualbp.network.fixing import fixed

AnyIndex = QModelIndex | QPersistentModelIndex
NOTHING = "Nothing keeps this network from running."
ICON, MARGIN, GAP = 18, 10, 8
BUTTON = 26
"""The height of a button that fixes a problem."""
MOST_BUTTONS = 50
"""So many problems have a button at most, the first ones: each is a widget."""
WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


def problems_of(snapshot: Snapshot, structural: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return everything that is wrong, each once, errors first: the drawing, the data, and non-finite values."""
    found: dict[Problem, None] = {}
    if (trouble := snapshot.trouble) is not None:
        mend = "step back to it, and look at what it was made from"
        found[Problem("error", trouble.step.layer or None, trouble.words, mend)] = None
    for problem in (*structural, *snapshot.problems):
        found.setdefault(problem)
    return tuple(sorted(found, key=lambda problem: problem.severity != "error"))


class ProblemModel(QAbstractListModel):
    """The problems as rows, each read aloud as its severity and its text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problems: tuple[Problem, ...] = ()

    def show_problems(self, problems: tuple[Problem, ...]) -> bool:
        """Take over the problems, and return whether they are others: rows stay as they are where nothing changed."""
        if problems == self.problems:
            return False
        self.beginResetModel()
        self.problems = problems
        self.endResetModel()
        return True

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return len(self.problems)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        problem = self.problems[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return visible(f"{problem.severity}: {problem.text}")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{problem.text}\nClick to go to {problem.layer}" if problem.layer else problem.text)
        return None


class ProblemDelegate(QStyledItemDelegate):
    """Paints a problem: an icon, the layer and what is wrong, and below it what would fix it. A button for that stays
    in its row."""

    fix_asked = Signal(object)
    """A problem whose button was pressed."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        problem = index.model().problems[index.row()]  # type: ignore[attr-defined]
        button = QPushButton(visible(problem.fix.label), parent)
        button.setObjectName("fix_problem")
        button.setAutoFillBackground(False)
        button.setToolTip("Make this edit; Ctrl+Z takes it back")
        button.setAccessibleDescription(problem.text)
        button.setFont(theme().font(11.5, QFont.Weight.DemiBold))
        button.clicked.connect(lambda: self.fix_asked.emit(problem))
        return button

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        rect, px = QRectF(option.rect).toRect(), theme().px
        left = rect.left() + px(MARGIN + ICON + GAP)
        width = min(editor.sizeHint().width(), rect.right() - px(MARGIN) - left)
        editor.setGeometry(left, rect.bottom() - px(BUTTON + GAP) + 1, width, px(BUTTON))

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        """Nothing: a button has its words."""

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        return False  # its keys are the button's own: Enter and Escape end no editing here

    def _texts(self, problem: Problem) -> tuple[str, str]:
        message = problem.message[:1].upper() + problem.message[1:] if not problem.layer else problem.message
        mend = problem.mend[:1].upper() + problem.mend[1:]
        return message, mend + ("." if mend and mend[-1] not in ".?!" else "")

    def _left(self, problem: Problem) -> float:
        """Return how far the message is indented for the name of the layer before it."""
        if not problem.layer:
            return 0.0
        metrics = QFontMetricsF(theme().font(12, QFont.Weight.DemiBold))
        return metrics.horizontalAdvance(problem.layer) + theme().px(GAP)

    def _boxes(self, problem: Problem, width: float) -> tuple[QRectF, QRectF]:
        message, mend = self._texts(problem)
        left = self._left(problem)
        if left > width * 0.4:
            left = 0.0
        room = max(40.0, width - theme().px(ICON + GAP + 2 * MARGIN))
        first = QFontMetricsF(theme().font(12)).boundingRect(QRectF(0, 0, room - left, 1e5), WRAPPED, message)
        second = QFontMetricsF(theme().font(11)).boundingRect(QRectF(0, 0, room, 1e5), WRAPPED, mend)
        return QRectF(left, 0, room - left, first.height()), QRectF(0, 0, room, second.height() if mend else 0.0)

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        model = index.model()
        if not isinstance(model, ProblemModel):
            return super().sizeHint(option, index)
        view = self.parent()
        width = view.row_width if isinstance(view, ProblemList) else 300
        problem = model.problems[index.row()]
        first, second = self._boxes(problem, width)
        name = theme().px(18) if first.left() == 0 and problem.layer else 0
        below = theme().px(BUTTON + GAP - 2) if problem.fix is not None and index.row() < MOST_BUTTONS else 0
        return QSize(width, round(name + first.height() + second.height()) + theme().px(2 * GAP - 1) + below)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        model = index.model()
        if not isinstance(model, ProblemModel):
            return
        problem, current, view = model.problems[index.row()], theme(), self.parent()
        rect = QRectF(option.rect)
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            strong = bool(option.state & QStyle.StateFlag.State_Selected)
            painter.fillRect(rect, current.color("accent", 0.16 if strong else 0.08))
        error = problem.severity == "error"
        size = current.px(ICON)
        x, y = rect.left() + current.px(MARGIN), rect.top() + current.px(GAP)
        ratio = painter.device().devicePixelRatioF()
        picture = pixmap("error" if error else "warning", "error" if error else "backward", size, ratio)
        painter.drawPixmap(round(x), round(y), picture)
        x += size + current.px(GAP)
        first, second = self._boxes(problem, view.row_width if isinstance(view, ProblemList) else rect.width())
        message, mend = self._texts(problem)
        if problem.layer:
            painter.setFont(current.font(12, QFont.Weight.DemiBold))
            painter.setPen(current.color("text"))
            painter.drawText(QRectF(x, y, rect.width(), first.height()), WRAPPED, problem.layer)
            if first.left() == 0:
                y += current.px(18)
        painter.setFont(current.font(12))
        painter.setPen(current.color("text"))
        painter.drawText(first.translated(x, y), WRAPPED, message)
        painter.setFont(current.font(11))
        painter.setPen(current.color("dim"))
        painter.drawText(second.translated(x, y + first.height() + 1), WRAPPED, mend)
        painter.setPen(QPen(current.color("line"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())


class ProblemList(QListView):
    """The list; its rows are as high as their words need, also when the panel gets narrower."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.delegate = ProblemDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setStyleSheet("QListView { border: none; background: transparent; }")
        self.setMouseTracking(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def row_width(self) -> int:
        """The width that words are wrapped at: the room of a bar is left free, so that it changes no row's height."""
        return self.maximumViewportSize().width() - self.verticalScrollBar().sizeHint().width()

    def show_buttons(self) -> None:
        """Give each of the first problems that a single edit fixes its button."""
        model = self.model()
        if isinstance(model, ProblemModel):
            for row, problem in enumerate(model.problems[:MOST_BUTTONS]):
                if problem.fix is not None:
                    self.openPersistentEditor(model.index(row))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        model = self.model()
        if model is not None and not model.rowCount():
            self._paint_nothing()

    def _paint_nothing(self) -> None:
        painter = QPainter(self.viewport())
        current, size = theme(), theme().px(ICON)
        font = current.font(12)
        width = QFontMetricsF(font).horizontalAdvance(NOTHING) + size + current.px(GAP)
        area = QRectF(self.viewport().rect())
        x, y = max(float(current.px(MARGIN)), (area.width() - width) / 2), area.center().y()
        picture = pixmap("pass", "passed", size, painter.device().devicePixelRatioF())
        painter.drawPixmap(round(x), round(y - size / 2), picture)
        painter.setFont(font)
        painter.setPen(current.color("dim"))
        x += size + current.px(GAP)
        middle = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(QRectF(x, 0, area.width() - x - 4, area.height()), middle, NOTHING)
        painter.end()


class ProblemsPanel(Panel):
    """A row for each problem: what is wrong, and below it what would fix it. A click selects its layer."""

    name = "problems"
    title = "Problems"
    places: ClassVar[Places] = {
        Workspace.BUILD: DockPlace(Area.RIGHT, 1),
    }
    hint = "What keeps the network from running. Click a problem to go to its layer; a button fixes it."

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.model = ProblemModel(self)
        self.list = ProblemList(self)
        self.list.setModel(self.model)
        self.list.setAccessibleName("Problems")
        self.list.clicked.connect(self._go)
        self.list.activated.connect(self._go)
        self.list.delegate.fix_asked.connect(self._fix, Qt.ConnectionType.QueuedConnection)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        self.setFocusProxy(self.list)

    def refresh(self, snapshot: Snapshot) -> None:
        document = self.context.document
        structural = document.structure.problems
        if snapshot.generation != document.generation:  # it is still that of the network before the last edit
            snapshot = Snapshot(snapshot.generation, snapshot.serial, document.network)
        if self.model.show_problems(problems_of(snapshot, structural)):
            self.list.show_buttons()
        errors = sum(problem.severity == "error" for problem in self.model.problems)
        self.list.setAccessibleDescription(NOTHING if not self.model.problems else f"{errors} errors")

    def retheme(self) -> None:
        for button in self.list.findChildren(QPushButton):
            button.setFont(theme().font(11.5, QFont.Weight.DemiBold))
        self.list.scheduleDelayedItemsLayout()

    @Slot(object)
    def _fix(self, problem: Problem) -> None:
        """Make the edit that fixes a problem, as one step of undo; keep the keyboard in the list."""
        if problem.fix is None or problem not in self.model.problems:
            return
        self.list.setFocus()
        try:
            after = fixed(self.context.document.network, problem.fix)
        except (EditError, OptionError):  # of a network that another edit has overtaken
            return
        self.context.document.apply(after, problem.fix.label)

    @Slot(QModelIndex)
    def _go(self, index: QModelIndex) -> None:
        layer = self.model.problems[index.row()].layer
        if layer is not None and layer in self.context.document.network.names:
            self.context.selection.go_to(layer)
        elif layer is None:
            self.context.selection.select()
