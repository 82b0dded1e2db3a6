"""The ends that nobody asks about: a signal to the process, and the end of the desktop session.

Python runs a signal's handler only between two of its own steps, which may be long in coming while Qt waits or a large
product is computed. So the system's handler writes the signal's number into a socket, and a thread that waits there
passes it on: nothing polls, and a second Ctrl+C works whatever the window is doing.
"""

from __future__ import annotations

import os
import signal
import socket
import threading

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication, QSessionManager

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that end the program; each system has some of them."""
GRACE = 5.0
"""Seconds from the autosave to the end, at most."""


class Endings(QObject):
    """Emits `asked` in the window's thread with the number of the first signal. A second one ends the process at once.

    Belongs to the main thread, and to one window at a time.
    """

    asked = Signal(int)
    session_ends = Signal()
    """The desktop session ends: the work has to be safe when this returns, and nobody can be asked."""
    _heard = Signal(int)
    """From the thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heard.connect(self._on_heard)
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(end is self._far)
        signal.set_wakeup_fd(self._near.fileno(), warn_on_full_buffer=False)
        for name in NAMES:
            number = getattr(signal, name, None)
            # One that is ignored is left alone, as under nohup, and so is Ctrl+C for a job in the background.
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _leave_to_the_thread)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.commitDataRequest.connect(self._on_commit)

    def _wait(self) -> None:
        """In the thread: pass the first signal on, and end the process at the second."""
        caught = {int(number) for name in NAMES if (number := getattr(signal, name, None)) is not None}
        asked = False
        while data := self._far.recv(1):
            if data[0] not in caught:
                continue
            if asked:
                os._exit(128 + data[0])
            asked = True
            self._heard.emit(data[0])

    @Slot(int)
    def _on_heard(self, number: int) -> None:
        self.asked.emit(number)

    @staticmethod
    def end_within_grace(status: int) -> None:
        """Let the process end by itself if it can, and see to it that it does."""
        timer = threading.Timer(GRACE, os._exit, (status,))
        timer.daemon = True
        timer.start()

    @Slot(QSessionManager)
    def _on_commit(self, manager: QSessionManager) -> None:
        self.session_ends.emit()


def _leave_to_the_thread(number: int, frame: object) -> None:
    """The handler in Python, which there has to be for the system's to write to the socket."""
