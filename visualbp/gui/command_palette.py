"""The command palette: type a few letters of any command, of a layer to add, a panel to show or a sample to
open; Enter runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDockWidget,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from visualbp.files.samples import sample_titles
from visualbp.gui.theme import icon, theme
from visualbp.layers import layer_types


def rank(words: str, text: str) -> int | None:
    """Return how well `words` fit `text` (smaller is better), or None. Early and at word starts is best."""
    low, score = text.lower(), 0
    for word in words.lower().split():
        place = low.find(word)
        if place < 0:
            return None
        starts = place == 0 or not low[place - 1].isalnum()
        score += place + (0 if starts else 50)
    return score


class CommandPalette(QDialog):
    """A list of the enabled actions, filtered while typing."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._window = parent
        self.setObjectName("command_palette")
        self.setAccessibleName("Find a command")
        self._actions = [action for action in actions if action.isEnabled() and action.text()]
        self._field, self._list = QLineEdit(), QListWidget()
        self._field.setPlaceholderText("Type a command, a layer, a panel or a sample")
        self._field.setObjectName("command_field")
        self._list.setIconSize(QSize(theme().px(16), theme().px(16)))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        self._nothing = QLabel("No command has these words.")
        self._nothing.setProperty("dim", True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._field)
        column.addWidget(self._list)
        column.addWidget(self._nothing, 1)
        self.resize(theme().px(440), theme().px(340))
        self._field.textChanged.connect(self._filter)
        self._field.returnPressed.connect(self._run)
        self._list.itemActivated.connect(self._run)
        self._list.itemClicked.connect(self._run)
        self._field.installEventFilter(self)

    def offer(self, text: str, icon_name: str, function: Callable[[], object]) -> None:
        """Add a command that has no action in a menu."""
        action = QAction(icon(icon_name), text, self) if icon_name else QAction(text, self)
        action.triggered.connect(lambda: function())
        self._actions.append(action)

    def open_over(self) -> None:
        """Show it at the top of its window, ready to type."""
        parent = self._window
        corner = parent.mapToGlobal(parent.rect().topLeft())
        self.move(corner.x() + (parent.width() - self.width()) // 2, corner.y() + theme().px(60))
        self._filter("")
        self.show()
        self._field.setFocus()

    @Slot(str)
    def _filter(self, words: str) -> None:
        self._list.clear()
        ranked = [(score, action) for action in self._actions if (score := rank(words, action.text())) is not None]
        for _, action in sorted(ranked, key=lambda pair: pair[0]):
            keys = action.shortcut().toString()
            item = QListWidgetItem(action.icon(), f"{action.text()}" + (f"    {keys}" if keys else ""))
            item.setData(Qt.ItemDataRole.UserRole, self._actions.index(action))
            item.setToolTip(action.statusTip())
            self._list.addItem(item)
        self._list.setCurrentRow(0)
        self._list.setVisible(bool(ranked))
        self._nothing.setVisible(not ranked)

    @Slot()
    def _run(self) -> None:
        chosen = self._list.currentRow()
        if chosen < 0:
            return
        self.close()
        self._actions[int(self._list.item(chosen).data(Qt.ItemDataRole.UserRole))].trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                row = self._list.currentRow() + step
                self._list.setCurrentRow(max(0, min(row, self._list.count() - 1)))
                return True
        return super().eventFilter(watched, event)


def open_palette(
    window: QWidget,
    actions: Iterable[QAction],
    add_layer: Callable[[str], object],
    docks: Mapping[str, QDockWidget],
    open_sample: Callable[[str], object],
) -> CommandPalette:
    """Open a palette of all that `window` can do: its actions, layers to add, panels to show, and samples to
    open."""
    palette = CommandPalette(actions, window)
    for kind in layer_types:
        palette.offer(f"Add {kind.label}", kind.icon, partial(add_layer, kind.type_name))
    for dock in docks.values():
        palette.offer(f"Show {dock.toggleViewAction().text()}", "eye", partial(_show, dock))
    for name, title in sample_titles().items():
        palette.offer(f"Open sample: {title}", "image", partial(open_sample, name))
    palette.open_over()
    return palette


def _show(dock: QDockWidget) -> None:
    dock.show()
    dock.raise_()
