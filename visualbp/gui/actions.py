"""The actions: one table with the name, words, icon and keys of each. Menus, tool bar and command palette use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from visualbp.gui.theme import icon, theme
from visualbp.gui.workspace_kinds import KINDS


@dataclass(frozen=True)
class ActionSpec:
    """An action as people meet it. `name` is without `action_`; `short` is the word on its tool button."""

    name: str
    text: str
    icon: str = ""
    keys: tuple[str, ...] = ()
    tip: str = ""
    short: str = ""
    checkable: bool = False


FILE = (
    ActionSpec("new", "New network", "new", ("Ctrl+N",), "Start with an empty canvas"),
    ActionSpec("open", "Open …", "open", ("Ctrl+O",), "Open a model file"),
    ActionSpec("save", "Save", "save", ("Ctrl+S",), "Save the network and its weights as they are now"),
    ActionSpec("save_as", "Save as …", "save_as", ("Ctrl+Shift+S",), "Save under another name"),
    ActionSpec(
        "export", "Export to PyTorch or NumPy …", "save_as", (), "Write a program with the same weights and data"
    ),
    ActionSpec("start_page", "Samples and recent files", "image", ("Ctrl+H",), "Show the start page"),
    ActionSpec("save_picture", "Save picture of the window …", "image", (), "Save what the window shows as a PNG file"),
    ActionSpec("quit", "Quit", "", ("Ctrl+Q",), "Close the window"),
)
EDIT = (
    ActionSpec("undo", "Undo", "undo", ("Ctrl+Z",), "Take the last edit back"),
    ActionSpec("redo", "Redo", "redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do again what was taken back"),
    ActionSpec("copy", "Copy", "copy", ("Ctrl+C",), "Copy the selected layers"),
    ActionSpec("paste", "Paste", "paste", ("Ctrl+V",), "Paste layers under the pointer"),
    ActionSpec("duplicate", "Duplicate", "duplicate", ("Ctrl+D",), "Copy and paste beside"),
    ActionSpec("delete", "Delete", "delete", ("Del",), "Delete what is selected, with its connections"),
    ActionSpec("select_all", "Select all", "", ("Ctrl+A",), "Select every layer"),
    ActionSpec("tidy", "Tidy layout", "tidy", ("Ctrl+L",), "Put the layers in order, left to right"),
    ActionSpec("new_seed", "New initial weights", "dice", ("Ctrl+R",), "Draw new weights with the next seed"),
)
VIEW = (
    ActionSpec("fit", "Fit the network", "fit", ("F",), "Show the whole network"),
    ActionSpec("zoom_in", "Zoom in", "zoom_in", ("Ctrl++", "Ctrl+="), "Zoom in on the canvas"),
    ActionSpec("zoom_out", "Zoom out", "zoom_out", ("Ctrl+-",), "Zoom out on the canvas"),
    ActionSpec("zoom_reset", "Zoom to 100 %", "", ("Ctrl+0",), "Show the canvas at its own size"),
    ActionSpec("theme", "Light theme", "sun", ("Ctrl+T",), "Switch between dark and light", checkable=True),
    ActionSpec("presenter", "Presenter size", "presenter", ("Ctrl+P",), "Larger, for a projector", checkable=True),
    ActionSpec("larger", "Larger interface", "plus", ("Ctrl+Alt++", "Ctrl+Alt+="), "Scale everything up"),
    ActionSpec("smaller", "Smaller interface", "minus", ("Ctrl+Alt+-",), "Scale everything down"),
    ActionSpec("reduced_motion", "Reduce motion", "", (), "No pulses along connections", checkable=True),
    ActionSpec("command_palette", "Find a command …", "search", ("Ctrl+K", "Ctrl+Shift+P"), "Type to find any command"),
)
WORKSPACES = tuple(
    ActionSpec(f"workspace_{name}", kind.title, "", (f"Ctrl+{number}",), kind.hint, checkable=True)
    for number, (name, kind) in enumerate(KINDS.items(), 1)
)
ARRANGE = (
    ActionSpec("reset_workspace", "Reset this workspace", "", (), "Put every panel of it back in its place"),
    ActionSpec("new_workspace", "New workspace of this arrangement …", "", (), "Keep the panels as they are"),
    ActionSpec("delete_workspace", "Delete this workspace", "", (), "Only one's own can be deleted"),
    ActionSpec("export_workspace", "Export this workspace …", "", (), "Write it to a file, for another computer"),
    ActionSpec("import_workspace", "Import a workspace …", "", (), "Read one that was exported"),
)
PANELS = (
    ActionSpec("next_panel", "Next panel", "", ("Ctrl+Tab",), "Move the keyboard to the next panel that can be seen"),
    ActionSpec("previous_panel", "Previous panel", "", ("Ctrl+Shift+Tab",), "Move it to the one before"),
)
DEBUG = (
    ActionSpec("step_operation", "Step operation", "step_operation", ("F11",), "Run one operation", "Operation"),
    ActionSpec("step_layer", "Step layer", "step_layer", ("F10",), "Run to the end of this layer", "Layer"),
    ActionSpec("step_out", "Step out", "step_out", ("Shift+F11",), "Run to the end of this pass", "Out"),
    ActionSpec(
        "run_iteration", "Run iteration", "run_iteration", ("Ctrl+F10",), "Run to the end of the iteration", "Iteration"
    ),
    ActionSpec("step_back", "Step back", "step_back", ("Shift+F10",), "Go back by one layer", "Back"),
    ActionSpec(
        "step_back_operation",
        "Step back operation",
        "step_back_operation",
        ("Ctrl+Shift+F11",),
        "Go back by one operation",
    ),
    ActionSpec(
        "step_back_iteration", "Step back iteration", "step_back", ("Ctrl+Shift+F10",), "Go back by one iteration"
    ),
    ActionSpec("continue", "Continue", "continue", ("F5",), "Run until a breakpoint, step by step", "Continue"),
    ActionSpec("pause", "Pause", "pause", ("F6", "Esc"), "Stop where it is", "Pause"),
    ActionSpec("train", "Train", "train", ("Ctrl+F5",), "Run iterations at full speed until paused", "Train"),
    ActionSpec("reset", "Reset", "reset", ("Shift+F5",), "Back to iteration 0 and the initial weights", "Reset"),
    ActionSpec(
        "breakpoint", "Breakpoint", "breakpoint", ("F9",), "Stop before the selected layer, forward and backward"
    ),
    ActionSpec(
        "check_gradients", "Check gradients", "check", ("F8",), "Compare every gradient with finite differences"
    ),
)
HELP = (
    ActionSpec("keys", "Keys", "keyboard", ("F1",), "All keys at a glance"),
    ActionSpec("fault_log", "Log of faults", "", (), "Open the file with what went wrong inside the program"),
    ActionSpec("about", "About visualbp", "info", (), "What this is"),
)
ALL = (*FILE, *EDIT, *VIEW, *WORKSPACES, *ARRANGE, *PANELS, *DEBUG, *HELP)

Slots = dict[str, Callable[[], object]]


class Actions(QObject):
    """All actions by name, made from the table. `bind` gives them what they do."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        for spec in ALL:
            action = QAction(spec.text, parent)
            action.setObjectName(f"action_{spec.name}")
            action.setCheckable(spec.checkable)
            action.setIconVisibleInMenu(not spec.checkable)  # its check mark stands there
            action.setShortcuts([QKeySequence(keys) for keys in spec.keys])
            shown = QKeySequence(spec.keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if spec.keys else ""
            action.setToolTip(f"{spec.tip}  {shown}".strip())
            action.setStatusTip(spec.tip)
            action.setIconText(spec.short or spec.text)
            self._actions[spec.name] = action
        self.retheme()
        theme().changed.connect(self.retheme)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> Iterable[QAction]:
        """Return all actions, in the order in which they were declared."""
        return self._actions.values()

    def bind(self, slots: Slots) -> None:
        """Connect actions, by name, with what they do. Raises KeyError for a name that is not in the table."""
        for name, slot in slots.items():
            self._actions[name].triggered.connect(_without_argument(slot))

    def retheme(self) -> None:
        """Draw the icons in the colours of the theme."""
        for spec in ALL:
            if spec.icon:
                self._actions[spec.name].setIcon(icon(spec.icon, "error" if spec.name == "breakpoint" else "text"))


def _without_argument(slot: Callable[[], object]) -> Callable[[bool], None]:
    def call(checked: bool = False) -> None:
        slot()

    return call
