"""What is wrong with a file, in one sentence."""

from __future__ import annotations

from visualbp.core.visible_text import visible

LONGEST_WHERE = 300
"""Characters of a path that are shown; of a longer one the beginning and the end."""


class FileError(ValueError):
    """A file that cannot be read or written. `text` is one sentence: file, place, reason, and what would mend it."""

    def __init__(self, where: str, place: str, reason: str, mend: str = "") -> None:
        self.where, self.place, self.reason, self.mend = where, place, reason, mend
        half = LONGEST_WHERE // 2
        short = where if len(where) <= LONGEST_WHERE else f"{where[:half]}...{where[-half:]}"
        named = ": ".join(part for part in (short, place, reason) if part)
        self.text = visible(named + (f"; {mend}" if mend else ""))
        super().__init__(self.text)


class PlaceError(ValueError):
    """A fault at a place such as `layers[2].units`; whoever knows the file makes it a FileError."""

    def __init__(self, place: str, reason: str, mend: str = "") -> None:
        self.place, self.reason, self.mend = place, reason, mend
        super().__init__(f"{place}: {reason}" if place else reason)

    def within(self, outer: str) -> PlaceError:
        """Return the same fault as seen from further out."""
        joint = "" if not self.place or not outer or self.place.startswith("[") else "."
        return PlaceError(f"{outer}{joint}{self.place}", self.reason, self.mend)
