"""A table of numbers on the diverging map: to look at, to edit, to copy and paste. A model and a view of Qt's, so that
784 x 512 cells cost no more than those that can be seen."""

from __future__ import annotations

import math

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from visualbp.core.arrays import Array, Shape
from visualbp.gui.copying import copies_of, copies_of_tensor, copy_menu, takes_copy
from visualbp.gui.painting import NON_FINITE, STEPS, as_matrix, color_table, draw_absent, exact_text, number_text
from visualbp.gui.theme import MONO, theme
from visualbp.gui.widgets.heights import height_by_width
from visualbp.gui.widgets.number_model import AnyIndex, NumberError, NumberModel, parse_table

NARROWEST = 62
ROW_HEIGHT, HEADER_HEIGHT = 25, 18
MOST_ROWS = 9
"""Rows that are shown before the table scrolls."""
MOST_COPIED = 2_000_000


RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
SELECTED, FOCUSED = QStyle.StateFlag.State_Selected, QStyle.StateFlag.State_HasFocus


class NumberDelegate(QStyledItemDelegate):
    """Paints a cell in the colour of its number, and edits it in a plain field."""

    def __init__(self, view: NumberTable) -> None:
        super().__init__(view)
        self._view = view
        self.marked: tuple[int, int] | None = None
        self.dimmed = False
        self.retheme()

    def retheme(self) -> None:
        """Make what all cells share: colours and text colours by place in the look-up table, and the font."""
        self._fills = [QColor.fromRgb(int(color)) for color in color_table()]
        self._inks = [ink_on(fill) for fill in self._fills]
        self._font = theme().font(11, mono=True)
        self._digit = QFontMetricsF(self._font).horizontalAdvance("0")
        self._margin = theme().px(6)

    def _place(self, number: float) -> int:
        """Return a number's place in the look-up table; as `painting.shade_indices`, for one number at a time."""
        if not math.isfinite(number):
            return NON_FINITE
        limit = self._view.numbers.limit
        return round(min(1.0, max(-1.0, number / limit)) * STEPS) + STEPS

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row, column = index.row(), index.column()
        rect = QRectF(option.rect).adjusted(0.5, 0.5, -1, -1)
        number = self._view.numbers.number(row, column)
        if number is None:
            return  # the view hatches the whole table
        place = self._place(number)
        painter.fillRect(rect, self._fills[place])
        if self.dimmed:
            painter.fillRect(rect, theme().color("panel", 0.55))
        if place == NON_FINITE:
            painter.setPen(QPen(theme().color("on_accent"), 1.5))
            painter.drawRect(rect.adjusted(2, 2, -2, -2))
        painter.setFont(self._font)
        painter.setPen(theme().color("dim") if self.dimmed else self._inks[place])
        inner = rect.adjusted(2, 0, -self._margin, 0)
        text = number_text(number, signed=True)
        if len(text) * self._digit > inner.width():
            text = f"{number:+.0e}".replace("-", "−", 1)
        painter.drawText(inner, RIGHT, text)
        self._paint_state(painter, rect, option.state, (row, column) == self.marked)

    def _paint_state(self, painter: QPainter, rect: QRectF, state: QStyle.StateFlag, marked: bool) -> None:
        if state & SELECTED:
            painter.fillRect(rect, theme().color("accent", 0.25))
        if marked or state & FOCUSED:
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        field = QLineEdit(parent)
        field.setFont(theme().font(11, mono=True))
        field.setAlignment(Qt.AlignmentFlag.AlignRight)
        field.setStyleSheet("padding: 0 3px; border-radius: 0;")
        field.setAccessibleName(f"New value of {self._view.numbers.place_text(index.row(), index.column())}")
        return field

    def setModelData(self, editor: QWidget, model: object, index: AnyIndex) -> None:
        if isinstance(editor, QLineEdit) and editor.isModified():
            self._view.numbers.setData(index, editor.text())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        editor.setGeometry(option.rect)


def ink_on(fill: QColor) -> QColor:
    """Return the text colour that reads best on a cell."""
    lightness = 0.299 * fill.redF() + 0.587 * fill.greenF() + 0.114 * fill.blueF()
    return QColor("#10141a") if lightness > 0.62 else QColor("#f4f6fa")


class NumberTable(QTableView):
    """The view. `number_chosen` asks where a number came from; `edited` asks for a new array."""

    number_chosen = Signal(object)
    """The index, in the array, of the cell that was clicked or chosen with the space bar."""
    edited = Signal(object, object)
    refused = Signal(str)
    """Why what was typed or pasted cannot be taken, in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = NumberModel()
        self.numbers.setParent(self)
        self._delegate = NumberDelegate(self)
        self.absent_text = "not yet computed"
        self._widened = -1
        self.setModel(self.numbers)
        self.setItemDelegate(self._delegate)
        self.setSizePolicy(height_by_width())
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setMinimumSectionSize(8)
            header.setHighlightSections(False)
            header.setSectionsClickable(False)
        self.numbers.edited.connect(self.edited)
        self.numbers.refused.connect(self.refused)
        self.numbers.modelReset.connect(self.lay_out)
        self.clicked.connect(self._on_clicked)
        self.setToolTip("")
        self.retheme()

    def show_array(
        self, array: Array | None, shape: Shape = (), limit: float | None = None, stale: bool = False
    ) -> None:
        """Show `array` on the range -limit to limit (its own if None); None hatches a table of `shape`."""
        self._delegate.dimmed = stale
        self.numbers.show_array(array, shape, limit)
        self.viewport().update()

    def set_editable(self, editable: bool) -> None:
        """Let people type numbers, or look only."""
        self.numbers.editable = editable

    def set_name(self, name: str) -> None:
        """Say what the array is called, for hovering and for screen readers."""
        self.numbers.name = name
        self.setAccessibleName(name)

    def mark(self, index: tuple[int, ...] | None) -> None:
        """Outline the number that other panels explain."""
        prefix, shape = self.numbers.prefix, self.numbers.shape
        fits = index is not None and len(index) == len(prefix) + len(shape) and index[: len(prefix)] == prefix
        own = () if index is None else index[len(prefix) :]
        inside = fits and all(i < n for i, n in zip(own, shape, strict=True))
        self._delegate.marked = self.numbers.cell_of(index) if inside and index is not None else None
        self.viewport().update()

    def retheme(self) -> None:
        self._delegate.retheme()
        self.setStyleSheet(
            "QTableView { border: none; background: transparent; }"
            "QTableCornerButton::section { background: transparent; border: none; }"
            "QHeaderView { background: transparent; }"
            f"QHeaderView::section {{ font-family: '{MONO}'; font-size: {theme().px(10)}px; background: transparent;"
            f" border: none; padding: 0 {theme().px(4)}px; }}"
        )
        self.lay_out()

    # -- sizes -------------------------------------------------------------------------------------------------------

    @Slot()
    def lay_out(self) -> None:
        """Give all columns the same width, so that they fill the table where they fit, and the rows one height."""
        if self.numbers.rowCount():
            self.horizontalHeader().setVisible(self._has_header)
            self.verticalHeader().setVisible(self._is_named and self.numbers.rowCount() > 1)
            self.verticalHeader().setDefaultSectionSize(theme().px(ROW_HEIGHT))
            self.horizontalHeader().setFixedHeight(theme().px(HEADER_HEIGHT))
            self._fit_columns()
        self.updateGeometry()

    @property
    def _is_named(self) -> bool:
        """Whether rows and columns have their numbers beside them."""
        return self.numbers.rowCount() > 4 or self.numbers.columnCount() > 8

    @property
    def _has_header(self) -> bool:
        return self._is_named and self.numbers.columnCount() > 1

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows, or of as many as are shown at once, and of a bar where the columns need it."""
        rows = self.numbers.rowCount()
        if not rows:
            return theme().px(ROW_HEIGHT)
        header = theme().px(HEADER_HEIGHT) if self._has_header else 0
        scrolls = self.numbers.columnCount() * theme().px(NARROWEST) > self._room(width)
        bar = self.horizontalScrollBar().sizeHint().height() if scrolls else 0
        return min(rows, MOST_ROWS) * theme().px(ROW_HEIGHT) + header + bar + 1

    def _room(self, width: int) -> int:
        """Return the room for the columns in a table of this width."""
        rows = self.numbers.rowCount()
        side = self.verticalHeader().sizeHint().width() if self._is_named and rows > 1 else 0
        bar = self.verticalScrollBar().sizeHint().width() if rows > MOST_ROWS else 0
        return width - side - bar - 1

    def _fit_columns(self) -> None:
        columns = max(1, self.numbers.columnCount())
        room = self._room(self.width())
        width = max(theme().px(NARROWEST), room // columns)
        header = self.horizontalHeader()
        header.setDefaultSectionSize(width)
        if 0 <= self._widened < columns:
            header.resizeSection(self._widened, width)
        self._widened = columns - 1
        header.resizeSection(self._widened, max(width, room - width * (columns - 1)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self.numbers.rowCount():
            self._fit_columns()

    def sizeHint(self) -> QSize:
        width = theme().px(240)
        return QSize(width, self.heightForWidth(width))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.numbers.array is None and self.numbers.rowCount():
            painter = QPainter(self.viewport())
            draw_absent(painter, QRectF(self.viewport().rect()), self.absent_text)
            painter.end()

    # -- gestures ----------------------------------------------------------------------------------------------------

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.number_chosen.emit(self.numbers.array_index(index.row(), index.column()))

    def current_index(self) -> tuple[int, ...] | None:
        """Return the index, in the array, of the current cell."""
        cell = self.currentIndex()
        return self.numbers.array_index(cell.row(), cell.column()) if cell.isValid() else None

    def event(self, event: QEvent) -> bool:
        return takes_copy(event) or super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        cell, array = self.indexAt(event.pos()) if by_mouse else self.currentIndex(), self.numbers.array
        if not cell.isValid() or array is None:
            return
        matrix = as_matrix(array)
        copies = [*copies_of(matrix, (cell.row(), cell.column()))[:2], *copies_of_tensor(array)]
        copy_menu(copies, array.size, self).popup(event.globalPos())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        cell = self.currentIndex()
        editing = (
            self.state() == QAbstractItemView.State.EditingState
        )  # a field passes on the keys that it does not use
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        elif event.key() == Qt.Key.Key_Space and cell.isValid():
            self._on_clicked(cell)
        elif (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and cell.isValid()
            and self.numbers.editable
            and not editing
        ):
            self.edit(cell)
        else:
            super().keyPressEvent(event)

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        self.setFocus()

    def copy(self) -> None:
        """Copy the selected cells as text with tabs; the numbers are exact."""
        cells = self.selectionModel().selection()
        if not cells.isEmpty():
            chosen = cells.first()
            self._copy(slice(chosen.top(), chosen.bottom() + 1), slice(chosen.left(), chosen.right() + 1))

    def copy_array(self, array: Array | None) -> None:
        """Copy a whole array, such as the one that what is shown is a part of; further axes lie in the columns."""
        if array is not None:
            self._copy_matrix(as_matrix(array))

    def _copy(self, rows: slice, columns: slice) -> None:
        if self.numbers.array is not None:
            self._copy_matrix(as_matrix(self.numbers.array)[rows, columns])

    def _copy_matrix(self, matrix: Array) -> None:
        if matrix.size > MOST_COPIED:
            self.refused.emit(f"{matrix.size:,} numbers are too many for the clipboard; select fewer")
            return
        QGuiApplication.clipboard().setText("\n".join("\t".join(map(exact_text, row)) for row in matrix.tolist()))

    @Slot()
    def paste(self) -> None:
        """Write the clipboard's numbers from the current cell on."""
        if not self.numbers.editable:
            return
        try:
            block = parse_table(QGuiApplication.clipboard().text()[: MOST_COPIED * 25])
        except NumberError as error:
            self.refused.emit(str(error))
            return
        cell = self.currentIndex()
        row, column = (cell.row(), cell.column()) if cell.isValid() else (0, 0)
        self.numbers.write(row, column, block)

    def show_place(self, index: tuple[int, ...]) -> None:
        """Scroll to a number, and make it the current one."""
        row, column = self.numbers.cell_of(index)
        self.setCurrentIndex(self.numbers.index(row, column))

    def tip_at(self, place: QPoint) -> str:
        """Return what hovering there says."""
        cell = self.indexAt(place)
        return str(self.numbers.data(cell, Qt.ItemDataRole.ToolTipRole)) if cell.isValid() else ""
