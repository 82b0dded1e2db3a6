"""Starting the program: the application object and the window."""

from __future__ import annotations

import sys

import numpy as np
from PySide6.QtWidgets import QApplication

from visualbp.gui.collector import Collector
from visualbp.gui.endings import Endings
from visualbp.gui.main_window import MainWindow


def make_application() -> QApplication:
    """Return the application object, made if there is none."""
    present = QApplication.instance()
    if isinstance(present, QApplication):
        return present
    np.seterr(all="ignore")  # a number that is not finite is a finding of the panels, not a line on the terminal
    app = QApplication(sys.argv[:1])
    app.setApplicationName("visualbp")
    app.setApplicationDisplayName("visualbp")
    app.setOrganizationName("visualbp")
    return app


def create_window(path: str | None = None) -> MainWindow:
    """Return a main window with the model at `path` (or a sample's name) open, or the start page."""
    make_application()
    window = MainWindow()
    window.ended.connect(Collector(window.document, window.debugger, window).end)
    if path is not None:
        window.files.open_path(path)
    return window


def _end_when_asked(app: QApplication, window: MainWindow) -> None:
    """End at a signal, whatever runs, and with the desktop session: unsaved work is kept, and nothing is asked."""
    endings = Endings(window)

    def end(number: int) -> None:
        status = 128 + number
        if reason := window.recovery.end_unasked():
            print(f"visualbp: unsaved work could not be kept: {reason}", file=sys.stderr)
        endings.end_within_grace(status)
        window.finish()  # not close: a question may be open about that
        app.exit(status)

    endings.asked.connect(end)
    endings.session_ends.connect(window.recovery.keep_for_session_end)


def _fit_to_screen(window: MainWindow) -> None:
    """Keep the window, with room for its frame, on the screen."""
    room = window.screen().availableGeometry()
    frame_width, frame_height = 8, 40
    window.resize(min(window.width(), room.width() - frame_width), min(window.height(), room.height() - frame_height))
    if not room.contains(window.geometry()):  # only then: a move to where it is would count the frame once more
        window.move(room.topLeft())


def run(path: str | None = None) -> int:
    """Open the window and run until it is closed. Returns the exit status."""
    app = make_application()
    window = create_window(path)
    window.faults.catch_all()
    _end_when_asked(app, window)
    _fit_to_screen(window)
    window.show()
    window.view.show_floating()
    return int(app.exec())
