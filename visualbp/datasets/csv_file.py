"""Data from a CSV file with a header: numeric input columns, and a target that is numbers or class labels."""

from __future__ import annotations

import csv
import difflib
import io
import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import BoolOption, FloatOption, TextOption
from visualbp.core.reading import ReadingError, read_file
from visualbp.core.visible_text import LONGEST_SHOWN, shown
from visualbp.datasets.arrays import NamesOption
from visualbp.datasets.base import DataError, Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED
from visualbp.datasets.split import split, standardized

LARGEST_FILE = 64 * 2**20
MOST_NUMBERS = 2_000_000
"""More numbers than this are refused while they are read: 16 MB, and a second or so."""
MOST_COLUMNS = 10_000
LONGEST_LINE = 1_000_000
MOST_CLASSES = 1000
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class _Table:
    """An open file: its name for messages, the column names, and its rows with their line numbers."""

    name: str
    header: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]
    fewest_rows: int
    """How many rows there are at least, as far as that is known beforehand."""


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    path = resolved(options["path"], folder)
    name = path.name if len(path.name) <= LONGEST_SHOWN else f"{path.name[:LONGEST_SHOWN]}..."
    try:
        data = read_file(path, LARGEST_FILE)
        with io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="") as file:
            dataset = _dataset(_table(name, file, _fewest_rows(data)), options)
    except ReadingError as error:
        raise DataError(f"{name}: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: is not UTF-8 text (byte {error.object[error.start]:#04x}); save it as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from None
    held_out = round(options["held_out"] * len(dataset))
    if held_out:
        dataset = split(dataset, len(dataset) - held_out, options["seed"])
    return standardized(dataset) if options["standardize"] else dataset


def resolved(path: str, folder: Path | None) -> Path:
    """Return where `path` leads from the model file's folder. Raises DataError where that is not known."""
    if "\0" in path or not path:
        raise DataError("the data's path is empty; choose a CSV file")
    if folder is None and not Path(path).is_absolute():
        raise DataError(f"{path}: is looked for beside the model file; save the model first, or give the whole path")
    return Path(path) if folder is None else folder / path


def _fewest_rows(data: bytes) -> int:
    """Return how many rows a table has at least, without reading it; 0 where that cannot be told so easily."""
    if b'"' in data:  # a row may go over several lines
        return 0
    blank = 2 * (data.count(b"\n\n") + data.count(b"\n\r\n"))  # of blank lines in a row, every other one is counted
    return data.count(b"\n") - blank - 1


def _lines(name: str, file: TextIO, row: list[str]) -> Iterator[str]:
    """Yield the lines, and note them in `row`; one without an end in sight is refused before it fills the memory."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataError(f"{name}: line {number} is longer than {LONGEST_LINE:,} characters; is it a CSV file?")
        if "\0" in line:
            raise DataError(f"{name}: line {number} holds a zero byte; is it a CSV file?")
        row.append(line)
        yield line


def _last_quote(lines: Sequence[str], delimiter: str) -> int | None:
    """Return in which of a row's lines the last quoted cell begins, as the csv module reads them; None without one."""
    begins: int | None = None
    quoted, at_start, previous = False, True, ""
    for number, line in enumerate(lines):
        for character in line:
            if quoted:
                quoted = character != '"'  # a doubled quote ends the cell here, and goes on with it at once
            elif character == '"' and (at_start or previous == '"'):
                quoted, begins = True, number if at_start else begins
            at_start = not quoted and (character == delimiter or (at_start and character == " "))
            previous = character
    return begins


@dataclass(frozen=True)
class _Rows:
    """The rows of a csv.reader; `lines` are those that the present row took."""

    name: str
    reader: Any
    delimiter: str
    lines: list[str]

    @property
    def line(self) -> int:
        """The last line of the present row."""
        return int(self.reader.line_num)

    @property
    def place(self) -> str:
        """`line 3`, or `lines 3 to 7` for a row that goes over several, as an unclosed quote makes one."""
        first = self.line - len(self.lines) + 1
        return f"line {self.line} has" if first >= self.line else f"lines {first} to {self.line} are one row and have"

    def next(self) -> list[str] | None:
        """Return the next row, or None after the last. Raises DataError, at the line where an unclosed quote began."""
        self.lines.clear()
        try:
            row: list[str] | None = next(self.reader, None)
        except csv.Error as error:
            begins = _last_quote(self.lines, self.delimiter)
            first = self.line - len(self.lines) + 1
            if begins is None or (len(self.lines) == 1 and "expected after" in str(error)):
                raise DataError(f"{self.name}: line {self.line} is not CSV: {error}") from None
            message = f"line {first + begins}: the quote that begins here is not closed where its cell ends"
            raise DataError(f'{self.name}: {message}; put a " there, or write a quote within a cell twice') from None
        return row


def _table(name: str, file: TextIO, fewest_rows: int) -> _Table:
    first = file.readline(LONGEST_LINE)
    if not first.strip():
        raise DataError(f"{name}: is empty; it needs a line with the names of its columns, and a line for each sample")
    file.seek(0)
    delimiter, lines = max(DELIMITERS, key=first.count), list[str]()
    reader = csv.reader(_lines(name, file, lines), delimiter=delimiter, strict=True, skipinitialspace=True)
    table = _Rows(name, reader, delimiter, lines)
    header = [cell.strip() for cell in table.next() or ()]
    if len(header) > MOST_COLUMNS:
        raise DataError(f"{name}: line 1 has {len(header):,} columns; {MOST_COLUMNS:,} is the most")
    for index, column in enumerate(header):
        if not column:
            raise DataError(f"{name}: line 1: column {index + 1} has no name")
    column, times = Counter(header).most_common(1)[0]
    if times > 1:
        raise DataError(f"{name}: line 1: {times} columns are called {shown(column)}")

    def rows() -> Iterator[tuple[int, list[str]]]:
        while (row := table.next()) is not None:
            if not row or row == [""]:
                continue  # a blank line, as many editors leave at the end
            if len(row) != len(header):
                raise DataError(f"{name}: {table.place} {len(row)} values, and the header names {len(header)}")
            yield table.line, row

    return _Table(name, header, rows(), fewest_rows)


def _column(table: _Table, wanted: str) -> int:
    if wanted in table.header:
        return list(table.header).index(wanted)
    near = difflib.get_close_matches(wanted, [name for name in table.header if len(name) <= 2 * LONGEST_SHOWN], n=1)
    names = ", ".join(map(_short, table.header[:8])) + (", ..." if len(table.header) > 8 else "")
    guess = f"did you mean {shown(near[0])}?" if near else f"it has {names}"
    raise DataError(f"{table.name}: there is no column {shown(wanted)}; {guess}")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN else f"{name[: LONGEST_SHOWN - 3]}..."


def _columns(table: _Table, options: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """Return the places of the input and target columns; by default the last is the target, all others inputs."""
    targets = [_column(table, name) for name in options["target"] or table.header[-1:]]
    if options["inputs"]:
        inputs = [_column(table, name) for name in options["inputs"]]
    else:
        inputs = [place for place in range(len(table.header)) if place not in targets]
    if not inputs:
        raise DataError(f"{table.name}: has no column left for the inputs; it needs two columns at least")
    return inputs, targets


def _number(text: str) -> float | None:
    """Return what `text` says as a number, or None: no underscores, which Python would allow."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _cell(table: _Table, line: int, row: Sequence[str], place: int) -> float:
    text = row[place].strip()
    number = _number(text)
    if number is None or not math.isfinite(number):
        found = f"{shown(text)} is not a number" if number is None else f"{text[:40]} is not a finite number"
        found = found if text else "is empty; a number is needed"
        raise DataError(f"{table.name}: line {line}, column {shown(table.header[place])}: {found}")
    return number


def _numbers(table: _Table, line: int, row: Sequence[str], places: Sequence[int]) -> list[float]:
    """Return the numbers in these places of a row: all at once if that works, or else one by one to name the fault."""
    cells = [row[place] for place in places]
    try:
        numbers = list(map(float, cells))
    except ValueError:
        numbers = [math.nan]
    if math.isfinite(sum(numbers)) and "_" not in "".join(cells):
        return numbers
    return [_cell(table, line, row, place) for place in places]


class _Labels:
    """The class labels of a column, numbered in the order in which they come."""

    def __init__(self, table: _Table, place: int) -> None:
        self.table, self.place = table, place
        self.numbers = array("q")
        self.number_of: dict[str, int] = {}

    def add(self, line: int, row: Sequence[str]) -> None:
        """Take the label of one row. Raises DataError for an empty one, and for more than MOST_CLASSES."""
        label, column = row[self.place].strip(), self.table.header[self.place]
        if not label:
            raise DataError(
                f"{self.table.name}: line {line}, column {shown(column)}: is empty; a class label is needed"
            )
        self.numbers.append(self.number_of.setdefault(label, len(self.number_of)))
        if len(self.number_of) > MOST_CLASSES:
            raise DataError(
                f"{self.table.name}: column {shown(column)} has more than {MOST_CLASSES:,} different labels;"
                " is it the right target?"
            )

    def classes(self) -> tuple[Array, tuple[str, ...]]:
        """Return the class index of each row, and the labels in the order of their names."""
        names = sorted(self.number_of)
        index_of = {name: index for index, name in enumerate(names)}
        indices = np.array([index_of[label] for label in self.number_of])
        return indices[np.frombuffer(self.numbers, np.int64)], tuple(names)


def _dataset(table: _Table, options: Mapping[str, Any]) -> Dataset:
    inputs, targets = _columns(table, options)
    numbers, labels, places = array("d"), None, [*inputs, *targets]
    for line, row in table.rows:
        if not numbers and len(targets) == 1 and _number(row[targets[0]].strip()) is None:
            labels, places = _Labels(table, targets[0]), inputs
        if not numbers and table.fewest_rows * len(places) > MOST_NUMBERS:
            held = f"has {table.fewest_rows:,} rows or more with {len(places):,} numbers each"
            raise DataError(f"{table.name}: {held}; {MOST_NUMBERS:,} numbers are the most; use a part of the file")
        numbers.extend(_numbers(table, line, row, places))
        if labels is not None:
            labels.add(line, row)
        if len(numbers) > MOST_NUMBERS:
            most = f"more than {MOST_NUMBERS:,} numbers are not read"
            raise DataError(f"{table.name}: line {line}: {most}; use a part of the file")
    if not numbers:
        raise DataError(f"{table.name}: has no samples below its header")
    values = np.frombuffer(numbers, np.float64).reshape(-1, len(places))
    names = tuple(table.header[place] for place in inputs)
    if labels is not None:
        indices, class_names = labels.classes()
        return Dataset(values.copy(), indices, names, class_names)
    return Dataset(values[:, : len(inputs)].copy(), _numeric_targets(values[:, len(inputs) :].copy()), names)


def _numeric_targets(values: Array) -> Array:
    """Return class indices (N,) where one column counts 0, 1, 2, ... without a gap, and vectors (N, n) otherwise."""
    if values.shape[1] == 1:
        distinct = np.unique(values)
        if 2 <= len(distinct) <= MOST_CLASSES and bool((distinct == np.arange(len(distinct))).all()):
            return values[:, 0].astype(np.int64)
    return values


datasets.register(
    DatasetEntry(
        "csv",
        "CSV file",
        "A table with a line of column names; inputs are numbers, the target is numbers or class labels.",
        _load,
        (
            TextOption("path", description="the file, seen from the folder of the model"),
            NamesOption("inputs", (), "the input columns; all others than the target if none is named"),
            NamesOption("target", (), "the target column; the last if none is named", bare=True),
            BoolOption("standardize", False, "scale each input to mean 0 and standard deviation 1"),
            FloatOption(
                "held_out",
                0.0,
                "the share kept from training, after a shuffle",
                minimum=0.0,
                maximum=1.0,
                open_maximum=True,
            ),
            SEED,
        ),
    )
)
