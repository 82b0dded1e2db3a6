"""A strict reader of JSON for files that may be broken, hostile or huge.

Python's own reader takes duplicate keys and NaN, recurses without a bound, and can be made to allocate thirty times the
size of the file. This one reads bytes as they are, charges everything against a budget before it makes it, keeps long
rows of numbers as arrays, and says of every fault which line, column and place it is at.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from visualbp.core.arrays import Shape, size_of
from visualbp.files.errors import FileError

LARGEST_TEXT = 64 * 2**20
DEEPEST = 32
BUDGET = 64 * 2**20
"""The bytes that what is read may take, as `_Reader` estimates them."""

MOST_VALUES = 500_000
"""Values apart from the numbers within lists of numbers; it bounds the time."""

LONG_ROW = 16
"""Rows of at least this many numbers become arrays: 8 bytes a number instead of 32."""
CONTAINER_COST, MEMBER_COST, ARRAY_COST = 120, 40, 130
NUMBER_COST = 24
"""For a number of a long row: 8 bytes, and the time that it takes."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_ROW = re.compile(rb"\[[-+0-9.eE, \t\r\n]*+\]")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TEXT = re.compile(rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"', re.DOTALL)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_WORDS = {b"true": True, b"false": False, b"null": None}
_WORD = re.compile(rb"[-+]?[A-Za-z_][A-Za-z_0-9]*")
_TOKEN = re.compile(rb"[-+\w.\x80-\xff]{1,80}")
_DIGITS_OF_AN_INTEGER = 20
LONGEST_PLACE = 60
LONGEST_NUMBER = 1000
DIGITS_OF_INFINITY = 300
"""A float without an exponent is not infinite if it has fewer digits."""


def parse_json(data: bytes, where: str) -> Any:
    """Return what the JSON text says: dicts, lists, texts, numbers, and float64 arrays for long rows of numbers.

    Raises FileError for anything that is not strict JSON, too large, too deep, or says a key twice.
    """
    if len(data) > LARGEST_TEXT:
        raise FileError(where, "", f"has {len(data) / 2**20:,.0f} MB; {LARGEST_TEXT // 2**20} MB is the most")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    return _Reader(data, where).read()


def reading_cost(shape: Shape) -> tuple[int, int]:
    """Return what an array of this shape, written as lists, takes of BUDGET and of MOST_VALUES."""
    length = shape[-1] if shape else 1
    rows = size_of(shape) // max(length, 1)
    row = ARRAY_COST + NUMBER_COST * length if length >= LONG_ROW else CONTAINER_COST + MEMBER_COST * length
    return rows * (row + MEMBER_COST), rows + 1


class _Reader:
    """One reading of one text: `at` is the place in it, `path` the place in what it says."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where
        self.at = 0
        self.left, self.values = BUDGET, 0
        self.path: list[str] = []

    def fault(self, reason: str, mend: str = "", at: int | None = None) -> FileError:
        """Return the error for this place, or for `at`, with its line, its column, and the path that leads there."""
        at = self.at if at is None else at
        line = self.data.count(b"\n", 0, at) + 1
        start = self.data.rfind(b"\n", 0, at) + 1
        column = len(self.data[start:at].decode("utf-8", "replace")) + 1
        place = "".join(self.path).lstrip(".")
        place = place if len(place) <= LONGEST_PLACE else "..." + place[-LONGEST_PLACE:]
        inside = f" ({place})" if place else ""
        return FileError(self.where, f"line {line}, column {column}{inside}", reason, mend)

    def charge(self, cost: int) -> None:
        """Account for `cost` bytes before they are taken."""
        self.left -= cost
        if self.left < 0 or self.values > MOST_VALUES:
            raise self.fault("holds too many values to read", "write long arrays in base64")

    def space(self) -> bytes:
        """Move on to what is not space, and return its first byte (empty at the end)."""
        match = _SPACE.match(self.data, self.at)
        self.at = match.end() if match else self.at
        return self.data[self.at : self.at + 1]

    def read(self) -> Any:
        """Return the value that the whole text is, with nothing but space around it."""
        if not self.space():
            raise FileError(self.where, "", "is empty", "a model file is a JSON object")
        value = self.value()
        if self.space():
            raise self.fault(f"expected the end, found {self.found()}")
        return value

    def found(self) -> str:
        """Return what is at this place, for a message."""
        if self.at >= len(self.data):
            return "the end of the file"
        match = _TOKEN.match(self.data, self.at)
        token = (match.group() if match else self.data[self.at : self.at + 1]).decode("utf-8", "replace")
        return repr(token if len(token) <= 20 else token[:17] + "...")

    def value(self) -> Any:
        """Return the value that begins here, of any kind: its first character says which."""
        self.values += 1
        first = self.space()
        if first == b"{":
            return self.object()
        if first == b"[":
            return self.array()
        if first == b'"':
            return self.text()
        if first and first in b"-0123456789":
            return self.number()
        return self.word()

    def word(self) -> Any:
        """Return true, false or null."""
        match = _WORD.match(self.data, self.at)
        word = match.group() if match else b""
        if word in _WORDS:
            self.at += len(word)
            self.charge(MEMBER_COST)
            return _WORDS[word]
        if word.lstrip(b"+-").lower() in (b"nan", b"inf", b"infinity"):
            raise self.fault(
                f"{word.decode('ascii')} is not a number that a model file can hold", "give a finite number"
            )
        if self.at >= len(self.data):
            raise self.fault("the file ends in the middle", "it was cut off; take another copy")
        raise self.fault(f"expected a value, found {self.found()}")

    def number(self) -> int | float:
        """Return a number: an int without a point and an exponent, else a finite float."""
        match = _NUMBER.match(self.data, self.at)
        if match is None:
            return self.word()
        token = self.data[match.start() : min(match.end(), match.start() + LONGEST_NUMBER + 1)]
        following = self.data[match.end() : match.end() + 1]
        if following and following in b"0123456789.eE+-_":
            raise self.fault(f"{self.found()} is not a number")
        if len(token) > LONGEST_NUMBER:
            raise self.fault(f"{self.found()} is too large for a number")
        self.charge(MEMBER_COST)
        value: int | float
        if match.lastindex is None and len(token) <= _DIGITS_OF_AN_INTEGER:
            value = int(token)
        else:
            value = float(token)
            if not np.isfinite(value):
                raise self.fault(f"{self.found()} is too large for a number")
        self.at = match.end()
        return value

    def text(self) -> str:
        """Return a text, its escapes resolved."""
        match = _TEXT.match(self.data, self.at)
        if match is None:
            raise self.unfinished_text()
        start, end = match.start() + 1, match.end() - 1
        self.charge(MEMBER_COST + (end - start))
        try:
            if _NOT_ASCII.search(self.data, start, end):
                self.charge(3 * (end - start))  # one wide character makes all of them wide
            value = str(memoryview(self.data)[start:end], "utf-8")
            if self.data.find(b"\\", start, end) >= 0:
                self.charge(len(value))
                value = json.loads(f'"{value}"')
                value.encode("utf-8")
        except UnicodeDecodeError as error:
            raise self.fault("is not UTF-8 text", "save the file as UTF-8", self.at + 1 + error.start) from None
        except UnicodeEncodeError:
            raise self.fault("holds half of a surrogate pair, which is no character") from None
        except json.JSONDecodeError as error:
            raise self.fault("holds an escape that JSON does not have", "", self.at + error.pos) from None
        self.at = match.end()
        return value

    def unfinished_text(self) -> FileError:
        """Return the error for a text that has no end, or goes over the end of a line."""
        control = re.compile(rb"[\x00-\x1f]").search(self.data, self.at)
        if control is None:
            return self.fault("a text begins here and does not end", 'put a " at its end')
        reason = (
            "a text cannot go over the end of a line"
            if control.group() in b"\r\n"
            else "a text holds a control character"
        )
        return self.fault(reason, "", control.start())

    def deeper(self) -> None:
        """Go into an object or a list, past its opening bracket; fail where that is too deep."""
        if len(self.path) >= DEEPEST:
            raise self.fault(f"is nested more than {DEEPEST} deep")
        self.charge(CONTAINER_COST)
        self.at += 1

    def object(self) -> dict[str, Any]:
        """Return an object as a dict; a name that it has twice is a fault."""
        self.deeper()
        members: dict[str, Any] = {}
        if self.space() == b"}":
            self.at += 1
            return members
        self.path.append("")
        while True:
            if self.space() != b'"':
                self.path[-1] = ""
                raise self.expected('a name in "quotes"')
            start = self.at
            name = self.text()
            self.path[-1] = f".{name[:60]}"
            if name in members:
                raise self.fault("is there twice", "keep one of them", start)
            if self.space() != b":":
                raise self.expected("a colon")
            self.at += 1
            self.charge(MEMBER_COST)
            self.values += 1
            members[name] = self.value()
            if self.ended(b"}", "a comma or }"):
                self.path.pop()
                return members

    def array(self) -> Any:
        """Return a list; a long row of numbers is an array of float64."""
        row = _ROW.match(self.data, self.at)
        if row is not None:
            return self.row(row)
        self.deeper()
        members: list[Any] = []
        self.path.append("")
        while True:
            self.path[-1] = f"[{len(members)}]"
            self.charge(MEMBER_COST)
            members.append(self.value())
            if self.ended(b"]", "a comma or ]"):
                self.path.pop()
                return members

    def row(self, match: re.Match[bytes]) -> Any:
        """Read a list of numbers alone, in one go: the standard reader checks its grammar."""
        if len(self.path) >= DEEPEST:
            raise self.fault(f"is nested more than {DEEPEST} deep")
        start, end = match.span()
        count = self.data.count(b",", start, end) + 1
        if end - start > LONGEST_NUMBER * count + 2:
            raise self.fault("holds a number that is too large")
        long = count >= LONG_ROW
        self.charge(ARRAY_COST + NUMBER_COST * count if long else CONTAINER_COST + MEMBER_COST * count)
        try:
            numbers = self.long_row(start, end, count) if long else _decoded(self.data[start:end])
            exponent = self.data.find(b"e", start, end) >= 0 or self.data.find(b"E", start, end) >= 0
            doubtful = exponent or end - start > DIGITS_OF_INFINITY
            infinite = np.flatnonzero(~np.isfinite(np.asarray(numbers, np.float64))).tolist() if doubtful else []
        except json.JSONDecodeError as error:
            self.at = min(start + error.pos, end - 1)
            raise self.fault(f"expected a number, a comma or ], found {self.found()}") from None
        except (ValueError, OverflowError):  # more digits than Python turns into an integer, or than a float holds
            raise self.fault("holds a number that is too large") from None
        if infinite:
            self.path.append(f"[{infinite[0]}]")
            raise self.fault("is too large for a number")
        self.at = end
        return numbers

    def long_row(self, start: int, end: int, count: int) -> np.ndarray[Any, Any]:
        """Return the row at [start, end) as float64, read a piece at a time so that Python numbers never pile up."""
        numbers = np.empty(count, np.float64)
        if count <= _PIECE:
            numbers[:] = _decoded(self.data[start:end])
            return numbers
        filled, at, last = 0, start + 1, end - 1
        while filled < count:
            stop = at
            for _ in range(min(_PIECE, count - filled)):
                comma = self.data.find(b",", stop, last)
                stop = last + 1 if comma < 0 else comma + 1
            try:
                part = _decoded(b"[" + self.data[at : stop - 1] + b"]")
            except json.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, "", at - start + error.pos - 1) from None
            if not part:
                raise json.JSONDecodeError("nothing between commas", "", at - start)
            numbers[filled : filled + len(part)] = part
            filled, at = filled + len(part), stop
        return numbers

    def ended(self, closer: bytes, wanted: str) -> bool:
        """Move over a comma and return False, or over `closer` and return True."""
        following = self.space()
        if following != closer and following != b",":
            raise self.expected(wanted)
        self.at += 1
        return following == closer

    def expected(self, wanted: str) -> FileError:
        """Return the error for what is here in the place of `wanted`."""
        if self.at >= len(self.data):
            return self.fault("the file ends in the middle", "it was cut off; take another copy")
        return self.fault(f"expected {wanted}, found {self.found()}")


_PIECE = 4096
"""Numbers of a long row that are Python objects at a time."""

_DECODER = json.JSONDecoder()


def _decoded(row: bytes) -> list[int | float]:
    """Return a list of numbers. Raises JSONDecodeError, and ValueError for an integer of thousands of digits."""
    numbers: list[int | float] = _DECODER.decode(row.decode("ascii"))
    return numbers
