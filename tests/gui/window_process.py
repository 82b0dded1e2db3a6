"""The program as a process of its own, which does something and can be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

DRIVE = """
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
    signal.signal(number, signal.SIG_DFL)  # whatever the one who started this ignores
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from visualbp.debugger.commands import CheckGradients, Pause, Train
from visualbp.gui import app
from visualbp.gui.main_window import MainWindow
from visualbp.network import edits

path, what = sys.argv[1], sys.argv[2]
app.make_application()

def begin():
    window = next((w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)), None)
    if window is None or not window.isVisible():  # a file that takes long to read lets the event loop run meanwhile
        QTimer.singleShot(10, begin)
        return
    debugger, document = window.debugger, window.document
    debugger.settle()
    if what in ("edit", "modal", "save"):
        document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
        debugger.settle()
    if what in ("train", "check", "continue", "save", "autosave"):
        debugger.send(Train())
    if what == "continue":
        debugger.send(Pause())
        window.actions_by_name["continue"].trigger()
    if what == "check":
        debugger.send(CheckGradients())
    if what in ("save", "autosave"):
        again = QTimer(window)
        again.timeout.connect(window.files.save if what == "save" else window.autosave.save)
        again.start(1)
    if what == "modal":
        QTimer.singleShot(300, lambda: print("ready", flush=True))
        window.close()  # asks, and waits for an answer that nobody gives
        return
    QTimer.singleShot(500, lambda: print("ready", flush=True))
    if what == "stuck":
        QTimer.singleShot(500, lambda: time.sleep(600))

QTimer.singleShot(0, begin)
sys.exit(app.run(path))
"""


class WindowProcess:
    """A window with settings and application folders of its own below `home`.

    `what` it does: nothing, edit, modal (edit, and ask), train, continue, check, save or autosave (all the time), or
    stuck (it hangs).
    """

    def __init__(self, home: Path, path: Path | str, what: str = "nothing") -> None:
        self.home = home
        variables = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVE, str(path), what],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **variables},
        )

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        """Wait until it does its work. Raises AssertionError, with what it said, if it ends or takes longer."""
        assert self.process.stdout is not None
        limit = threading.Timer(seconds, self.process.kill)
        limit.start()
        line = self.process.stdout.readline()
        limit.cancel()
        if line != "ready\n":
            self.process.kill()
            raise AssertionError(line + self.process.communicate()[1])

    def end(self, number: int, seconds: float = 60.0) -> tuple[int, str]:
        """Send a signal and wait; return the exit status and what was said on standard error."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=seconds)
        return self.process.returncode, _without_noise(error)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def files(self) -> list[Path]:
        """Everything in the application's folders but the settings."""
        return sorted(path for path in (self.home / "data").rglob("*") if path.is_file())


def _without_noise(error: str) -> str:
    """Return what was said but for what the offscreen platform says of itself."""
    return "".join(line for line in error.splitlines(True) if not line.startswith("This plugin does not support"))


SIGNALS = [number for name in ("SIGTERM", "SIGHUP", "SIGINT") if (number := getattr(signal, name, None)) is not None]
