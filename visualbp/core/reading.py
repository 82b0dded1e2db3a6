"""Reading a stranger's file whole, within bounds of size and of time.

That a path is a regular file says little: those of /proc have no length and may never answer, and a drive on the
network may have gone. So the reading happens in a thread of its own, which is left alone when nothing comes of it.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE = 10.0
"""Seconds without a byte after which a file is given up."""
LONGEST = 60.0
"""Seconds after which it is given up even if bytes keep coming."""
_CHUNK = 2**20
_GLANCE = 0.05
"""Seconds between two looks at a reading, so that Ctrl+C takes effect."""


class ReadingError(ValueError):
    """A file that is not read. The message says why: `is a folder`, `has 100 MB; 64 MB is the most`."""


_GRACE = 0.3
"""Seconds that a reading has before it can be stopped: nearly all are done by then."""

_stopped: ContextVar[Callable[[], bool]] = ContextVar("stopped", default=lambda: False)


@contextmanager
def stopped_by(stopped: Callable[[], bool]) -> Iterator[None]:
    """Give up each reading within this context that takes longer than a moment, once `stopped` says so."""
    token = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(token)


class _Reading(threading.Thread):
    """The reading of one file."""

    def __init__(self, path: str, most: int, whole: bool) -> None:
        super().__init__(name="reading", daemon=True)
        self.path, self.most, self.whole = path, most, whole
        self.chunks: list[bytes] = []
        self.failure: BaseException | None = None
        self.news = time.monotonic()
        self.given_up = False

    def run(self) -> None:
        try:
            self._read()
        except BaseException as error:  # whoever waits for the file raises it
            self.failure = error

    def _read(self) -> None:
        status = os.stat(self.path)
        if not stat.S_ISREG(status.st_mode):
            raise ReadingError("is a folder" if stat.S_ISDIR(status.st_mode) else "is not a file that can be read")
        if self.whole and status.st_size > self.most:
            raise ReadingError(f"has {status.st_size / 2**20:,.0f} MB; {_size(self.most)} is the most")
        # Without waiting: it may have become a pipe meanwhile, and some files of /proc answer at once like this.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
        descriptor, size = os.open(self.path, flags), 0
        try:
            while not self.given_up and (chunk := os.read(descriptor, _CHUNK if self.whole else self.most - size)):
                self.news = time.monotonic()
                size += len(chunk)
                if size > self.most:
                    raise ReadingError(f"has more than {_size(self.most)}, which is the most")
                self.chunks.append(chunk)
        except BlockingIOError:
            raise ReadingError("cannot be read: it has nothing to give at this time") from None
        finally:
            os.close(descriptor)


def _size(number: int) -> str:
    return f"{number // 2**20} MB" if number >= 2**20 else f"{number:,} bytes"


def read_file(path: str | os.PathLike[str], most: int, patience: float = PATIENCE, longest: float = LONGEST) -> bytes:
    """Return what is in the file at `path`, at most `most` bytes.

    Raises ReadingError for what is no file, larger, or does not answer within `patience` seconds; OSError where the
    system says so, and ValueError for what can be no path.
    """
    return _read(_Reading(os.fspath(path), most, whole=True), patience, longest)


def read_beginning(path: str | os.PathLike[str], most: int, patience: float = PATIENCE) -> bytes:
    """Return the first `most` bytes of the file at `path`, or all if there are fewer. Raises as `read_file` does."""
    return _read(_Reading(os.fspath(path), most, whole=False), patience, patience)


def _read(reading: _Reading, patience: float, longest: float) -> bytes:
    started, stopped = time.monotonic(), _stopped.get()
    reading.start()
    try:
        while reading.is_alive():
            reading.join(_GLANCE)
            now = time.monotonic()
            if now - started > _GRACE and stopped():
                raise ReadingError("cannot be read: it was slow, and reading it was stopped")
            if reading.is_alive() and (now - reading.news > patience or now - started > longest):
                waited = patience if now - reading.news > patience else longest
                raise ReadingError(f"cannot be read: it does not come to an end; given up after {waited:g} s")
    finally:
        reading.given_up = True
    if reading.failure is not None:
        raise reading.failure
    return b"".join(reading.chunks)
