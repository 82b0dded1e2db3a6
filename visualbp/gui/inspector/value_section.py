"""A section of the inspector for one array: its name and shape, a table of its numbers, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from visualbp.core.arrays import Array, Shape, shape_text
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.axes import parameter_axes, place_words
from visualbp.gui.context import Context
from visualbp.gui.painting import number_text, shared_limit
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import icon, theme
from visualbp.gui.widgets.filter_map import FilterMap
from visualbp.gui.widgets.flow_layout import FlowLayout
from visualbp.gui.widgets.number_table import NumberTable


@dataclass(frozen=True)
class View:
    """One of the arrays that a section can show: the word on its link, and its value."""

    words: str
    value: Ref
    editable: bool = False


def _name_of(value: Ref) -> str:
    """Return a value for a screen reader: `hidden.gradient of weight`."""
    return f"{value.layer}.gradient of {value.timed_role}" if value.is_gradient else value.text


class ValueSection(QWidget):
    """Shows one of several arrays of the same shape: a parameter, its gradient, the optimiser's arrays."""

    edited = Signal(object, object)
    """A new array for the editable view, and the index of the first number that changed."""
    frozen_toggled = Signal(bool)

    def __init__(self, context: Context, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.views: tuple[View, ...] = ()
        self._place = 0
        self._array: Array | None = None
        self._shape: Shape = ()
        self._given: Array | None = None
        self._number: tuple[int, ...] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.name_label, self.shape_label, self.facts = PlainLabel(name, self), PlainLabel(self), PlainLabel(self)
        self.problem = PlainLabel(self)
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.lock = QToolButton(self)
        self.lock.setCheckable(True)
        self.lock.setProperty("flat", True)
        self.lock.hide()
        self.copy_link = self._link(
            "copy", "Copy all numbers, exactly, with tabs between them (Ctrl+C: the selected ones)"
        )
        self.from_link = self._link("where from?", "Show where the chosen number came from (Space)")
        self._links: list[QPushButton] = []
        self.note = PlainLabel(self)
        self.note.setProperty("dim", True)
        self.note.hide()
        self.filters = FilterMap(self)
        self.filters.hide()
        self.block_label = PlainLabel(self)
        self.block_label.setProperty("dim", True)
        self.block_label.hide()
        self._block: tuple[int, ...] = ()
        """Filter and channel of the tile that the table shows, where the array has more than two axes."""
        self.table = NumberTable(self)
        self._build()
        self.filters.block_chosen.connect(self._on_block)
        self.filters.number_chosen.connect(self._on_number)
        self.table.number_chosen.connect(self._on_number)
        self.table.edited.connect(self._on_edited)
        self.table.refused.connect(self._on_refused)
        self.copy_link.clicked.connect(self._on_copy)
        self.from_link.clicked.connect(self._on_where_from)
        self.lock.clicked.connect(self.frozen_toggled)
        self.retheme()

    def _build(self) -> None:
        self.shape_label.setProperty("dim", True)
        self.facts.setProperty("dim", True)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        title, self._view_row = FlowLayout(spacing=8), FlowLayout(spacing=8)
        title.add(self.name_label)
        title.add(self.shape_label)
        for widget in (self.lock, self.copy_link, self.from_link):
            title.add(widget, to_the_right=True)
        self._view_row.add(self.note)
        self._view_row.add(self.facts, to_the_right=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(title)
        column.addWidget(self.filters)
        column.addWidget(self.block_label)
        column.addWidget(self.table)
        column.addLayout(self._view_row)
        column.addWidget(self.problem)

    def _link(self, words: str, tip: str) -> QPushButton:
        link = QPushButton(words, self)
        link.setProperty("link", True)
        link.setToolTip(tip)
        link.setCursor(Qt.CursorShape.PointingHandCursor)
        return link

    def retheme(self) -> None:
        current = theme()
        self.name_label.setFont(current.font(12, QFont.Weight.Medium, mono=True))
        self.shape_label.setFont(current.font(12, mono=True))
        self.facts.setFont(current.font(10.5, mono=True))
        self.problem.setFont(current.font(11))
        self.block_label.setFont(current.font(11))
        self.note.setFont(current.font(11))
        for link in (self.copy_link, self.from_link, *self._links):
            link.setFont(current.font(11))
        self._show_lock(self.lock.isChecked())
        self.table.retheme()

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The view that a person chose, of those that there are."""
        return self.views[self._place]

    def set_views(self, views: tuple[View, ...]) -> None:
        """Say what can be shown; the view that a person chose stays, if it is still there."""
        if views == self.views:
            return
        chosen = self.view.words if self.views else ""
        same_words = [view.words for view in views] == [view.words for view in self.views]
        self.views = views
        words = [view.words for view in views]
        self._place = words.index(chosen) if chosen in words else 0
        if not same_words:
            self._make_links()
        for link, view in zip(self._links, views, strict=len(views) > 1):
            link.setToolTip(f"Show {view.value.text}")

    def _make_links(self) -> None:
        for link in self._links:
            self._view_row.remove(link)
            link.hide()
            link.deleteLater()
        self._links = []
        for place, view in enumerate(self.views if len(self.views) > 1 else ()):
            link = QPushButton(view.words, self)
            link.setProperty("flat", True)
            link.setCheckable(True)
            link.setFont(theme().font(11))
            link.clicked.connect(self._on_view)
            self._view_row.insert(place, link)
            self._links.append(link)

    def set_frozen(self, frozen: bool | None, name: str = "") -> None:
        """Show whether updates leave the array out; None where that makes no sense."""
        self.lock.setVisible(frozen is not None)
        words = "Thaw" if frozen else "Freeze"
        self.lock.setToolTip(
            f"{words} {name}: " + ("updates will change it again" if frozen else "updates leave it out")
        )
        self.lock.setAccessibleName(f"{words} {name}")
        self.lock.setChecked(bool(frozen))
        self._show_lock(bool(frozen))

    def set_note(self, words: str, tip: str) -> None:
        """Say what the array is, where that is not plain."""
        self.note.setText(words)
        self.note.setToolTip(tip)
        self.note.setVisible(bool(words))

    def _show_lock(self, frozen: bool) -> None:
        self.lock.setIcon(icon("lock", "accent" if frozen else "faint"))
        size = theme().px(14)
        self.lock.setIconSize(self.lock.iconSize().scaled(size, size, Qt.AspectRatioMode.IgnoreAspectRatio))
        self.lock.setText("")

    def show_snapshot(self, snapshot: Snapshot, shape: Shape, given: Array | None = None) -> None:
        """Show the chosen view, or its absence in `shape`; `given` is the parameter of a network that cannot run."""
        view, self._given = self.view, given
        array = snapshot.find(view.value)
        if array is None and (view.editable or len(self.views) == 1):
            array = given
        self._array, self._shape = array, shape if array is None else array.shape
        stale = snapshot.is_stale(view.value)
        limit = shared_limit(array)
        self.table.absent_text = "drawn when the network runs" if view.editable else "not yet computed"
        self.table.set_editable(view.editable)
        self.table.set_name(_name_of(view.value))
        chosen = self._context.selection.number
        own = chosen is not None and snapshot.resolve(chosen[0]) == snapshot.resolve(view.value)
        number = chosen[1] if chosen is not None and own else None
        if number is not None and number != self._number and len(number) == len(self._shape):
            self._block = number[:-2]
        self._number = number
        self._show_numbers(snapshot, limit, stale)
        self.shape_label.setText(shape_text(self._shape))
        self.facts.setText(_facts(array, limit) + ("  outdated" if stale else ""))
        self.facts.setToolTip("The largest magnitude, which the colours go up to, and the norm")
        for place, link in enumerate(self._links):
            link.setChecked(place == self._place)

    def _show_numbers(self, snapshot: Snapshot, limit: float, stale: bool) -> None:
        """Show a table; of filters, and of whatever else has more than two axes, all as tiles and one as a table."""
        array, shape, number = self._array, self._shape, self._number
        tiled = len(shape) in (3, 4)
        self.filters.setVisible(tiled)
        self.block_label.setVisible(tiled)
        leading = shape[:-2] if tiled else ()
        if len(self._block) != len(leading):
            self._block = (0,) * len(leading)
        self._block = tuple(min(place, length - 1) for place, length in zip(self._block, leading, strict=True))
        self.table.numbers.prefix = self._block
        if tiled:
            axes = parameter_axes(snapshot.network, self.view.value, len(shape))
            self.filters.show_array(self.view.value, array, shape, axes, limit, stale)
            self.filters.choose(self._block)
            self.filters.mark(number)
            self.block_label.setText(place_words(axes, self._block, shape) or axes[0] + " 0")
            array, shape = None if array is None else array[self._block], shape[-2:]
        self.table.show_array(array, shape, limit, stale)
        self.table.mark(number)

    # -- gestures ----------------------------------------------------------------------------------------------------

    @Slot()
    def _on_view(self) -> None:
        if self.sender() in self._links:
            self._place = self._links.index(self.sender())  # type: ignore[arg-type]
            self._say("")
            self.show_snapshot(self._context.debugger.snapshot, self._shape, self._given)

    @Slot(object)
    def _on_block(self, block: tuple[int, ...]) -> None:
        """Show another filter in the table."""
        self._block = block
        self.show_snapshot(self._context.debugger.snapshot, self._shape, self._given)

    @Slot()
    def _on_copy(self) -> None:
        self.table.copy_array(self._array)

    @Slot(object)
    def _on_number(self, index: tuple[int, ...]) -> None:
        if self._array is not None:
            self._context.selection.choose_number(self.view.value, index)
            self.table.mark(index)

    @Slot()
    def _on_where_from(self) -> None:
        """Ask for the current number of the table, or the largest."""
        index = self.table.current_index()
        if index is None and self._array is not None and self._array.size:
            place = int(np.nan_to_num(np.abs(self._array)).argmax())
            index = tuple(int(i) for i in np.unravel_index(place, self._array.shape))
        if index is not None:
            self._on_number(index)

    @Slot(object, object)
    def _on_edited(self, array: Array, index: tuple[int, ...]) -> None:
        self._say("")
        if self._block and self._array is not None:
            whole = self._array.copy()
            whole[self._block] = array
            whole.setflags(write=False)
            array = whole
        self.edited.emit(array, index)

    @Slot(str)
    def _on_refused(self, problem: str) -> None:
        self._say(problem)

    def _say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))


def _facts(array: Array | None, limit: float) -> str:
    if array is None or not array.size:
        return ""
    wrong = int(np.count_nonzero(~np.isfinite(array)))
    if wrong:
        return f"{wrong:,} not finite"
    return f"±{number_text(limit if limit > 1e-300 else 0.0)}  norm {number_text(float(np.linalg.norm(array)))}"
