"""Pictures of the real window, drawn offscreen after real steps."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from visualbp.gui.main_window import MainWindow


def _keep_quiet(kind: object, place: object, text: str) -> None:
    """Drop what the offscreen platform says of windows that ask for a size; print everything else."""
    if not text.startswith("This plugin does not support"):
        print(text, file=sys.stderr)


LONGEST_WAIT = 10_000
"""Milliseconds that a picture waits for its equations."""


def _is_ready(window: MainWindow) -> bool:
    panels = [dock.panel for dock in window.docks.values()]
    return all(panel.is_ready for panel in panels if panel.is_seen)


class ScreenshotError(ValueError):
    """A picture that cannot be made; the message says why."""


def take_screenshot(
    path: str,
    out: Path,
    steps: int = 0,
    iterations: int = 0,
    panel: str | None = None,
    workspace: str = "step",
    theme_name: Literal["dark", "light"] = "dark",
    size: tuple[int, int] = (1600, 1000),
    scale: float = 1.0,
    check: bool = False,
    select: str | None = None,
) -> None:
    """Open `path`, run `iterations` iterations and `steps` operations, and save a picture of the window or one panel.

    Raises ScreenshotError for an unknown panel, FileError for a file that cannot be written.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QEventLoop, QTimer, qInstallMessageHandler

    from visualbp.debugger.commands import CheckGradients, Level, StepForward, Train
    from visualbp.gui.app import create_window
    from visualbp.gui.picture_file import write_picture
    from visualbp.gui.theme import theme

    qInstallMessageHandler(_keep_quiet)
    window = create_window(None)
    window.leave_no_trace()
    try:
        theme().set(theme_name, scale)
        window.resize(*size)
        window.workspaces.show(workspace)
        window.workspaces.reset()
        if not window.files.open_path(path, confirmed=True):
            raise ScreenshotError(window.message_bar.text)
        if panel is not None and panel not in window.docks:
            raise ScreenshotError(f"there is no panel {panel!r}; there are {', '.join(window.docks)}")
        window.show()
        window.debugger.settle()
        if iterations:
            window.debugger.send(Train(iterations))
        for _ in range(steps):
            window.debugger.send(StepForward(Level.OPERATION))
        if check:
            window.debugger.send(CheckGradients())
            window.workspaces.bring("gradient_check")
        window.debugger.settle()
        if select:
            window.selection.select((select,))
        if panel is not None:
            window.workspaces.bring(panel)
        wait = QEventLoop()
        QTimer.singleShot(900, wait, wait.quit)
        wait.exec()
        QTimer.singleShot(LONGEST_WAIT, wait, wait.quit)
        look = QTimer()
        look.timeout.connect(lambda: wait.quit() if _is_ready(window) else None)
        look.start(50)
        wait.exec()
        look.stop()
        window.canvas.fit()
        picture = (window.docks[panel] if panel else window).grab()
        write_picture(picture.toImage(), out)
    finally:
        window.document.undo_stack.setClean()
        window.document.set_trained(False)
        window.close()
        window.deleteLater()
        qInstallMessageHandler(None)
