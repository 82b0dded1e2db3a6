"""How commands print: lines, JSON, tables, and a progress bar that shows on a terminal alone.

Whatever comes from a file goes through here, or through the sentence at the end: no command prints by itself.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from visualbp.cli.streams import bare
from visualbp.core.visible_text import visible


def print_line(text: str = "") -> None:
    """Print one line, whatever is in it: line breaks within it, as a name may have, become visible."""
    print(visible(text))


def say(sentence: str) -> None:
    """Print one sentence, such as a complaint, on standard error."""
    line = visible(sentence)
    print(line if line.startswith("visualbp") else f"visualbp: {line}", file=sys.stderr)


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object. Numbers that JSON has no word for become null."""
    print(json.dumps(_finite(record), allow_nan=False).replace("\x7f", "\\u007f"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def number(value: float) -> str:
    """Return a number for people: 4 significant digits, and 0 as 0."""
    return f"{value:.4g}"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows in columns as wide as they need; the columns named in `right` are aligned there."""
    header, rows = list(header), [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            cell.rjust(width) if title in right else cell.ljust(width)
            for cell, width, title in zip(row, widths, header, strict=True)
        ]
        print_line("  ".join(cells).rstrip())


class Progress:
    """A bar on standard error, if that is a terminal. Use it as a context: it clears itself away at the end."""

    INTERVAL = 0.1
    WIDTH = 30

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self.what, self.stream = what, stream or bare(sys.stderr)
        self.shown = self.stream.isatty()
        self._next = 0.0
        self._length = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._length:
            self.stream.write("\r" + " " * self._length + "\r")
            self.stream.flush()

    def __call__(self, share: float, note: str = "") -> None:
        """Show that `share` (0 to 1) is done, now and then."""
        now = time.monotonic()
        if not self.shown or now < self._next:
            return
        self._next = now + self.INTERVAL
        done = round(self.WIDTH * min(max(share, 0.0), 1.0))
        line = f"{self.what} [{'#' * done}{'.' * (self.WIDTH - done)}] {share:4.0%}  {note}"
        self.stream.write("\r" + line.ljust(self._length))
        self.stream.flush()
        self._length = max(self._length, len(line))
