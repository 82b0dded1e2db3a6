"""A list of layer types to search, to choose from, and to drag out of: the palette, and what a loose end offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QDrag, QFont, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from visualbp.gui.canvas.families import draw_icon, family_color
from visualbp.gui.theme import pixmap, theme
from visualbp.layers import LayerType, layer_types

LAYER_MIME = "application/x-visualbp-layer"
KIND_ROLE = int(Qt.ItemDataRole.UserRole)
CATEGORIES = ("Layers", "Combine", "Losses")
Index = QModelIndex | QPersistentModelIndex


def matches(kind: LayerType, words: str) -> bool:
    """Whether all words occur in the type's label, name, category or description."""
    text = f"{kind.label} {kind.type_name} {kind.category} {kind.description}".lower().replace("_", " ")
    return all(word in text for word in words.lower().replace("_", " ").split())


def rank(kind: LayerType, words: str) -> int:
    """Return how well a type that matches does so: 0 for a label that begins with the words."""
    label = kind.label.lower()
    return 0 if label.startswith(words.lower()) else 1 if words.lower() in label else 2


class LayerModel(QAbstractListModel):
    """Layer types under headings; a search shows what matches, best first and without headings."""

    def __init__(self, allowed: Callable[[LayerType], bool] = lambda kind: True) -> None:
        super().__init__()
        self._kinds = [kind for kind in layer_types if allowed(kind)]
        self._rows: list[LayerType | str] = []
        self.search("")

    def search(self, words: str) -> None:
        """List the types that match all words, the best first; without words, all types under their categories."""
        self.beginResetModel()
        if words.strip():
            found = [kind for kind in self._kinds if matches(kind, words)]
            self._rows = [*sorted(found, key=lambda kind: (rank(kind, words.strip()), kind.order))]
        else:
            self._rows = []
            others = sorted({kind.category for kind in self._kinds} - set(CATEGORIES))
            for category in (*CATEGORIES, *others):
                found = sorted((k for k in self._kinds if k.category == category), key=lambda kind: kind.order)
                if found:
                    heading = [] if category == CATEGORIES[0] else [category]  # what the list is of needs no heading
                    self._rows += [*heading, *found]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def entry(self, index: Index) -> LayerType | str | None:
        """Return the type in a row, or the words of a heading."""
        return self._rows[index.row()] if index.isValid() else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        if isinstance(entry, str):
            return entry.upper() if role == Qt.ItemDataRole.DisplayRole else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return entry.label
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return f"{entry.description}\nDrag it onto the canvas, or onto a connection; double-click or Enter adds it."
        return entry.type_name if role == KIND_ROLE else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not isinstance(self.entry(index), LayerType):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        return [LAYER_MIME]

    def mimeData(self, indexes: Iterable[Index]) -> QMimeData:
        data = QMimeData()
        for index in indexes:
            data.setData(LAYER_MIME, QByteArray(str(self.data(index, KIND_ROLE)).encode()))
        return data


class LayerDelegate(QStyledItemDelegate):
    """Paints a type as a small plate in its family's colour, and a heading as quiet capitals."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        heading = index.data(KIND_ROLE) is None
        if heading:
            return QSize(theme().px(120), theme().px(24 if index.row() == 0 else 34))
        return QSize(theme().px(150), theme().px(33))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        type_name = index.data(KIND_ROLE)
        if type_name is None:
            painter.setFont(theme().font(11, QFont.Weight.DemiBold))
            painter.setPen(theme().color("dim"))
            place = rect.adjusted(theme().px(2), 0, 0, -theme().px(5))
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, str(index.data()))
        else:
            state = option.state
            hovered = bool(state & QStyle.StateFlag.State_MouseOver)
            paint_plate(painter, rect.adjusted(0.5, 2, -0.5, -2), layer_types.get(type_name), hovered,
                        bool(state & QStyle.StateFlag.State_Selected))  # fmt: skip
        painter.restore()


def paint_plate(painter: QPainter, rect: QRectF, kind: LayerType, hovered: bool, selected: bool) -> None:
    """Paint one type of layer as a plate."""
    color = family_color(kind.family)
    radius = theme().px(6)
    painter.setPen(
        QPen(theme().color("accent" if selected else "faint"), 1.4) if selected or hovered else Qt.PenStyle.NoPen
    )
    painter.setBrush(theme().color("raised"))
    painter.drawRoundedRect(rect, radius, radius)
    bar = QRectF(rect.left(), rect.top() + 1, theme().px(3), rect.height() - 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(bar, 1.5, 1.5)
    size = theme().px(16)
    left = rect.left() + theme().px(11)
    draw_icon(painter, QRectF(left, rect.center().y() - size / 2, size, size), kind.icon, color)
    painter.setFont(theme().font(12, QFont.Weight.Medium))
    painter.setPen(theme().color("text"))
    words = QRectF(left + size + theme().px(8), rect.top(), rect.right() - left - size - theme().px(14), rect.height())
    text = painter.fontMetrics().elidedText(kind.label, Qt.TextElideMode.ElideRight, int(words.width()))
    painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class LayerList(QListView):
    """The list. `chosen` says the type's name: on double click or Enter, or on one click where that is enough."""

    chosen = Signal(str)

    def __init__(self, model: LayerModel, one_click: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = model
        model.setParent(self)
        self.setModel(model)
        self.setItemDelegate(LayerDelegate(self))
        self.setAccessibleName("Types of layers")
        self.setProperty("plain", True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragEnabled(not one_click)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setStyleSheet("QListView { background: transparent; border: none; }")
        self._one_click = one_click
        if not one_click:
            self.doubleClicked.connect(self._choose)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(168), theme().px(420))

    def move_current(self, step: int) -> None:
        """Move the current row up or down, over headings."""
        row, count = self.currentIndex().row(), self.layers.rowCount()
        for _ in range(count):
            row = (row + step) % count if row >= 0 or step > 0 else count - 1
            index = self.layers.index(row, 0)
            if index.data(KIND_ROLE) is not None:
                self.setCurrentIndex(index)
                return

    def choose_current(self) -> None:
        """Choose the current type, or the first one."""
        if not self.currentIndex().isValid():
            self.move_current(1)
        self._choose(self.currentIndex())

    @Slot(QModelIndex)
    def _choose(self, index: Index) -> None:
        type_name = index.data(KIND_ROLE)
        if type_name is not None:
            self.chosen.emit(str(type_name))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose_current()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_current(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._one_click and event.button() == Qt.MouseButton.LeftButton:
            self._choose(self.indexAt(event.position().toPoint()))

    def startDrag(self, actions: Qt.DropAction) -> None:
        index = self.currentIndex()
        if index.data(KIND_ROLE) is None:
            return
        drag = QDrag(self)
        drag.setMimeData(self.layers.mimeData([index]))
        drag.setPixmap(self._picture(str(index.data(KIND_ROLE))))
        drag.setHotSpot(QPoint(theme().px(20), theme().px(15)))
        drag.exec(Qt.DropAction.CopyAction)

    def _picture(self, type_name: str) -> QPixmap:
        ratio = self.devicePixelRatioF()
        width, height = theme().px(150), theme().px(30)
        picture = QPixmap(round(width * ratio), round(height * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(0.9)
        paint_plate(painter, QRectF(1, 1, width - 2, height - 2), layer_types.get(type_name), True, False)
        painter.end()
        return picture


class LayerSearch(QLineEdit):
    """The search field over a list: typing filters, arrows move, Enter chooses."""

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self._list = layers
        self.setPlaceholderText("Search layers")
        self.setAccessibleName("Search layers")
        self.setClearButtonEnabled(True)
        self._magnifier = self.addAction(pixmap("search", "dim"), QLineEdit.ActionPosition.LeadingPosition)
        self.textChanged.connect(self._on_text)
        self.returnPressed.connect(layers.choose_current)

    def retheme(self) -> None:
        self._magnifier.setIcon(pixmap("search", "dim"))

    @Slot(str)
    def _on_text(self, words: str) -> None:
        self._list.layers.search(words)
        if words.strip():
            self._list.move_current(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._list.move_current(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)
