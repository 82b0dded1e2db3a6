"""Asking the typesetter: one process for the program, started when the first equation is wanted."""

from __future__ import annotations

import atexit
import json
import sys
from collections import deque
from functools import lru_cache

from PySide6.QtCore import QObject, QProcess, Signal, Slot

from visualbp.gui.typesetter import Answer, set_equation


class Typesetting(QObject):
    """Sets equations elsewhere, in the order in which they are asked for; here, where no process can be had."""

    done = Signal(str, object)
    """The LaTeX, and the Answer."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: deque[str] = deque()
        self._process: QProcess | None = None
        self._failed = False
        atexit.register(self.stop)

    @property
    def is_ready(self) -> bool:
        """Whether equations can be set without starting anything first."""
        return self._failed or self._process is not None

    def ask(self, latex: str) -> None:
        """Have an equation set; `done` brings it, later."""
        if self._failed:
            self.done.emit(latex, set_equation(latex))
            return
        self._asked.append(latex)
        self._running().write(json.dumps(latex).encode() + b"\n")

    def _running(self) -> QProcess:
        if self._process is None:
            self._process = QProcess(self)
            self._process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
            self._process.readyReadStandardOutput.connect(self._on_lines)
            self._process.errorOccurred.connect(self._on_failure)
            self._process.finished.connect(self._on_failure)
            self._process.start(sys.executable, ["-m", "visualbp.gui.typesetter"])
        return self._process

    @Slot()
    def _on_lines(self) -> None:
        while self._process is not None and self._process.canReadLine() and self._asked:
            svg, width, height, error = json.loads(bytes(self._process.readLine().data()))
            answer: Answer = (svg, width, height, error)
            self.done.emit(self._asked.popleft(), answer)

    @Slot()
    def _on_failure(self) -> None:
        """It does not start, or has ended: go on without it, and set here what was asked of it."""
        if self._failed:
            return
        self._failed = True
        while self._asked:
            latex = self._asked.popleft()
            self.done.emit(latex, set_equation(latex))

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.closeWriteChannel()
            if not process.waitForFinished(200):
                process.kill()
                process.waitForFinished(200)


@lru_cache(maxsize=1)
def typesetting() -> Typesetting:
    """Return the program's one."""
    return Typesetting()
