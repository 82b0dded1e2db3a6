"""Faults of the program itself: shown as what they are, and written with their traceback to a log that Help opens."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QStandardPaths, QUrl, Signal, Slot, qVersion
from PySide6.QtGui import QDesktopServices

from visualbp import __version__
from visualbp.gui.widgets.message_bar import MessageBar

LARGEST = 512 * 1024
"""Bytes of a log; beyond, it becomes the older one, and a new one begins."""


def fault_log_path() -> Path:
    """Return where the log lies, whether there is one yet or not."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)) / "faults.log"


class Faults(QObject):
    """Takes faults, from any thread, into the log, and says in the message bar that there was one."""

    reported = Signal(str)
    """What happened, in a sentence."""

    def __init__(self, message_bar: MessageBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._message_bar = message_bar
        self.reported.connect(self._show)

    @Slot(str)
    def _show(self, text: str) -> None:
        self._message_bar.show_message(
            f"A fault inside visualbp: {text}. Your work is as it was; save it to be safe.",
            "error",
            ("Open the log", self.open_log),
        )

    def open_log(self) -> None:
        """Open the log with whatever opens text files here."""
        path = fault_log_path()
        if not path.exists():
            self._message_bar.show_message("No fault has been logged.")
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._message_bar.show_message(f"The log of faults is {path}")

    def report(self, text: str, trace: str) -> None:
        """Log a fault, and have it shown. A log that cannot be written is no reason to fail again."""
        handler: logging.Handler
        try:
            path = fault_log_path()
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = RotatingFileHandler(path, maxBytes=LARGEST, backupCount=1, encoding="utf-8", errors="replace")
        except OSError:
            handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        about = f"visualbp {__version__}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"
        handler.handle(logging.LogRecord("visualbp", logging.ERROR, "", 0, f"{about}\n{text}\n{trace}", None, None))
        handler.close()
        self.reported.emit(text)

    def catch_all(self) -> None:
        """From now on, take every exception that nobody caught, in any thread. `release` ends it."""
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    @staticmethod
    def release() -> None:
        """Leave exceptions to Python again."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        self.report(f"{kind.__name__}: {error}", "".join(traceback.format_exception(kind, error, trace)))

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
