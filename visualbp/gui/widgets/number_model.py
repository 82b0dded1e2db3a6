"""An array as a Qt model, and the numbers that people type and paste."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QWidget

from visualbp.core.arrays import Array, Shape
from visualbp.gui.painting import as_matrix, exact_text, number_text, shared_limit

AnyIndex = QModelIndex | QPersistentModelIndex


class NumberError(ValueError):
    """Text that is no number. The message says where, and what would be right."""


def parse_number(text: str, place: str = "") -> float:
    """Return the number that a person typed; a comma or a true minus sign will do. Raises NumberError."""
    plain = text.strip().replace("−", "-")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        where = f"{place}: " if place else ""
        raise NumberError(f"{where}{text.strip()[:30]!r} is not a number; type one such as 0.25 or -1e-3") from None
    if not math.isfinite(number):
        raise NumberError(f"{place + ': ' if place else ''}a value must be finite, not {text.strip()[:30]}")
    return number


def parse_table(text: str) -> list[list[float]]:
    """Return pasted text as numbers: a row a line, cells by tabs, or else semicolons or blanks. Raises NumberError."""
    rows = []
    for number, line in enumerate(text.strip("\r\n").splitlines()):
        cells = line.split("\t") if "\t" in line else line.split(";") if ";" in line else line.split()
        rows.append([parse_number(cell, f"row {number + 1}, column {place + 1}") for place, cell in enumerate(cells)])
    if not rows or not any(rows):
        raise NumberError("there are no numbers to paste; copy cells from a table, with tabs between them")
    return rows


class NumberModel(QAbstractTableModel):
    """An array of any shape as a matrix. The array is never written: edits come out as a new one."""

    edited = Signal(object, object)
    """The new array, and the index of the first number that changed."""
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.array: Array | None = None
        self.shape: Shape = ()
        self.limit = 1.0
        self.editable = False
        self.name = ""
        self.prefix: tuple[int, ...] = ()
        """Where what is shown is in the array that it is a part of."""
        self._matrix: Array = np.zeros((1, 1))

    def show_array(self, array: Array | None, shape: Shape, limit: float | None = None) -> None:
        """Show `array`, or, if it is None, that an array of `shape` has not been computed."""
        wanted = shape if array is None else array.shape
        if wanted != self.shape:
            self.beginResetModel()
            self._take(array, wanted, limit)
            self.endResetModel()
        elif array is not self.array or (limit is not None and limit != self.limit):
            self._take(array, wanted, limit)
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def _take(self, array: Array | None, shape: Shape, limit: float | None) -> None:
        self.array, self.shape = array, shape
        self._matrix = as_matrix(np.broadcast_to(np.zeros(()), shape) if array is None else array)
        self.limit = shared_limit(array) if limit is None else limit

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return self._matrix.shape[0] if self._matrix.size else 0

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return self._matrix.shape[1] if self._matrix.size else 0

    def array_index(self, row: int, column: int) -> tuple[int, ...]:
        """Return the place in the array of a cell."""
        flat = row * self._matrix.shape[1] + column
        return (*self.prefix, *(int(i) for i in np.unravel_index(flat, self.shape))) if self.shape else self.prefix

    def cell_of(self, index: tuple[int, ...]) -> tuple[int, int]:
        """Return row and column of an index of the whole array."""
        own = index[len(self.prefix) :]
        flat = int(np.ravel_multi_index(own, self.shape)) if self.shape else 0
        row, column = divmod(flat, self._matrix.shape[1])
        return row, column

    def number(self, row: int, column: int) -> float | None:
        """Return the number in a cell, or None if the array is not computed."""
        return None if self.array is None else float(self._matrix[row, column])

    def place_text(self, row: int, column: int) -> str:
        """Return what a cell is called: `hidden.weight[2, 0]`."""
        return f"{self.name}[{', '.join(map(str, self.array_index(row, column)))}]" if self.shape else self.name

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        number = self.number(index.row(), index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return number_text(number, signed=True)
            case Qt.ItemDataRole.EditRole:
                return "" if number is None else exact_text(number)
            case Qt.ItemDataRole.ToolTipRole:
                value = "not yet computed" if number is None else exact_text(number)
                return f"{self.place_text(index.row(), index.column())} = {value}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{self.place_text(index.row(), index.column())} {number_text(number)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            if orientation == Qt.Orientation.Horizontal and len(self.shape) > 2:
                return ", ".join(map(str, self.array_index(0, section)[1:]))
            return str(section)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if self.editable and self.array is not None else flags

    def setData(self, index: AnyIndex, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        place = self.place_text(index.row(), index.column())
        try:
            number = parse_number(str(value), place)
        except NumberError as error:
            self.refused.emit(str(error))
            return False
        return self.write(index.row(), index.column(), [[number]])

    def write(self, row: int, column: int, block: list[list[float]]) -> bool:
        """Ask for the numbers of `block` from a cell on; what sticks out is cut. Return whether anything changes."""
        if self.array is None or not self.editable:
            return False
        matrix = self._matrix.copy()
        for down, numbers in enumerate(block[: matrix.shape[0] - row]):
            fitting = numbers[: matrix.shape[1] - column]
            matrix[row + down, column : column + len(fitting)] = fitting
        changed = np.argwhere(matrix != self._matrix)
        if not len(changed):
            return False
        first = self.array_index(int(changed[0][0]), int(changed[0][1]))
        new = np.ascontiguousarray(matrix.reshape(self.shape), self.array.dtype)
        new.setflags(write=False)
        self.edited.emit(new, first)
        return True
