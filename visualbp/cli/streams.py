"""The standard streams, made safe: what is printed comes to a terminal with its control and direction signs visible,
and a stream that is closed, full or without a reader stops no work and changes no file.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from visualbp.core.visible_text import visible

DESCRIPTORS = (0, 1, 2)


class SafeStream(io.TextIOBase):
    """A text stream that never raises: after the first failure, which it keeps, what is written is dropped.

    `stream` is None where the program was started with the stream closed. All characters that could steer a terminal
    are written as escapes, but line breaks and those in `keep`.
    """

    def __init__(self, stream: TextIO | None, keep: str = "") -> None:
        self.stream, self.keep = stream, "\n" + keep
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        if self.failure is None and text:
            try:
                if self.stream is None:
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                self.stream.write(visible(text, self.keep))
            except OSError as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None and self.stream is not None:
            try:
                self.stream.flush()
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Keep the failure, and let the interpreter flush what is left into nothing when it ends."""
        self.failure = error
        if self.stream is not None:
            with suppress(OSError):  # a stream that is not a file has no descriptor, and is not flushed at the end
                descriptor = self.stream.fileno()
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, descriptor)
                os.close(null)

    def isatty(self) -> bool:
        return self.stream is not None and self.stream.isatty()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.stream is None:
            raise io.UnsupportedOperation("the stream is closed")
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"


class SafeStreams:
    """Standard output and error as safe streams, for as long as the context lasts."""

    def __enter__(self) -> SafeStreams:
        open_missing_descriptors()
        self._before = sys.stdout, sys.stderr
        for stream in self._before:
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without Greek letters shows question marks
        self.out, self.error = SafeStream(sys.stdout), SafeStream(sys.stderr)
        sys.stdout, sys.stderr = self.out, self.error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.out.flush()
        self.error.flush()
        sys.stdout, sys.stderr = self._before

    def lost_output(self) -> tuple[str, bool]:
        """Return what is to be said of output that went nowhere, or nothing, and whether somebody wanted it.

        Nobody wants more from a pipe whose reader has seen enough, or from a stream that they closed themselves.
        """
        self.out.flush()
        failure = self.out.failure
        if failure is None or isinstance(failure, BrokenPipeError):
            return "", False
        if failure.errno == errno.EBADF:
            return "standard output is closed, so that what there was to say is lost", False
        reason = (failure.strerror or str(failure)).lower()
        return f"standard output cannot be written: {reason}; the rest of what there was to say is lost", True


def open_missing_descriptors() -> None:
    """Give the three standard descriptors something to be where they are closed.

    The next file that is opened would get their number otherwise, and what a library writes to standard error would
    go into a model.
    """
    for descriptor in DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def bare(stream: TextIO) -> TextIO:
    """Return a standard stream for a progress bar, which goes back to the beginning of its line."""
    return SafeStream(stream.stream, keep="\r") if isinstance(stream, SafeStream) else stream  # type: ignore[return-value]
