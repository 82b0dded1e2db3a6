"""Arrays as options: nested lists of numbers, or `{"dtype", "shape", "base64"}` for long or non-finite ones."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, Shape, read_only, shape_text, size_of
from visualbp.core.options import LARGEST_SIZE, Option, OptionError
from visualbp.core.visible_text import shown

LONGEST_LIST = 100_000
"""Arrays of more numbers than this are written in base64."""

MOST_AXES = 6
DTYPES: dict[str, np.dtype[Any]] = {"float64": np.dtype("<f8"), "float32": np.dtype("<f4"), "int64": np.dtype("<i8")}


class ArrayError(ValueError):
    """Data that are no array. `place` leads to the fault, as in `[3][1]`; it is empty for the whole."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} {reason}".strip())
        self.place, self.reason = place, reason


def array_from_plain(value: object) -> Array:
    """Return plain JSON data as an array: nested lists as float64, a base64 object with the type that it names.

    The innermost lists may be arrays already. Everything is checked before the result is allocated. Raises ArrayError.
    """
    if isinstance(value, Mapping):
        return _decoded(value)
    if isinstance(value, np.ndarray):
        return np.array(value, np.float64)
    if not isinstance(value, list | tuple):
        raise ArrayError("", f"must be a list of numbers, not {shown(value)}")
    shape = _shape_of(value)
    if size_of(shape) > LARGEST_SIZE:
        raise ArrayError("", f"has {size_of(shape):,} numbers; {LARGEST_SIZE:,} is the most")
    for place, row in _rows(value, shape, ""):
        _check_row(place, row, shape[-1])
    array = np.empty(shape, np.float64)
    rows = array.reshape(-1, shape[-1]) if array.size else array.reshape(0, 1)
    for index, (place, row) in enumerate(_rows(value, shape, "")):
        if not len(row):
            continue
        try:
            rows[index] = row
        except OverflowError:
            raise ArrayError(place, "has a number that is too large") from None
    return array


def _shape_of(value: Any) -> Shape:
    """Return the shape that the first element of each level promises."""
    lengths: list[int] = []
    while isinstance(value, list | tuple | np.ndarray):
        lengths.append(len(value))
        if len(lengths) > MOST_AXES:
            raise ArrayError("", f"has more than {MOST_AXES} axes")
        if isinstance(value, np.ndarray) or not value:
            break
        value = value[0]
    return tuple(lengths)


def _rows(value: Any, shape: Shape, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the innermost lists with their places, and check the lengths of the outer ones."""
    if len(shape) == 1:
        yield place, value
        return
    for index, part in enumerate(value):
        inner = f"{place}[{index}]"
        if not isinstance(part, list | tuple | np.ndarray):
            raise ArrayError(inner, f"must be a list of {shape[1]} like the first, not {shown(part)}")
        if len(part) != shape[1]:
            raise ArrayError(inner, f"has {len(part)} values, and the first has {shape[1]}")
        if isinstance(part, np.ndarray) and len(shape) > 2:
            raise ArrayError(f"{inner}[0]", "must be a list like the first, not a number")
        yield from _rows(part, shape[1:], inner)


def _check_row(place: str, row: Any, length: int) -> None:
    if isinstance(row, np.ndarray):
        return
    for index, number in enumerate(row):
        if type(number) is not float and type(number) is not int:
            if isinstance(number, float | int) and not isinstance(number, bool):
                continue  # a subclass, such as a NumPy scalar
            raise ArrayError(f"{place}[{index}]", f"must be a number, not {shown(number)}")
        if isinstance(number, float) and not math.isfinite(number):
            raise ArrayError(f"{place}[{index}]", f"must be a finite number, not {number}")


def _decoded(record: Mapping[str, Any]) -> Array:
    if set(record) != {"dtype", "shape", "base64"}:
        raise ArrayError("", 'must be a list of numbers, or an object with "dtype", "shape" and "base64"')
    dtype, shape, text = record["dtype"], record["shape"], record["base64"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ArrayError(".dtype", f"must be one of {', '.join(DTYPES)}, not {shown(dtype)}")
    if not isinstance(shape, list | tuple) or len(shape) > MOST_AXES:
        raise ArrayError(".shape", f"must be a list of at most {MOST_AXES} lengths, not {shown(shape)}")
    for length in shape:
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise ArrayError(".shape", f"must hold whole numbers, not {shown(length)}")
    if not isinstance(text, str):
        raise ArrayError(".base64", f"must be text, not {shown(text)}")
    count, size = size_of(tuple(shape)), DTYPES[dtype].itemsize
    if max(shape, default=0) > LARGEST_SIZE:  # beside a length of 0 as well
        raise ArrayError(".shape", f"has a length of {shown(max(shape))}; {LARGEST_SIZE:,} is the most")
    if count > LARGEST_SIZE:
        raise ArrayError(".shape", f"asks for {count:,} numbers; {LARGEST_SIZE:,} is the most")
    held = len(text) // 4 * 3 - text[-2:].count("=")
    if held != count * size:
        wanted = f"{shape_text(tuple(shape))} of {dtype} is {count * size:,} bytes"
        raise ArrayError(".shape", f"{wanted}, and the base64 text holds {held:,}")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise ArrayError(".base64", "is not base64 text") from None
    if len(data) != held:
        raise ArrayError(".base64", "is not base64 text")
    return np.frombuffer(data, DTYPES[dtype]).reshape(shape).astype(DTYPES[dtype].newbyteorder("="), copy=False)


def plain_from_array(array: Array, inline: bool = True) -> Any:
    """Return an array as plain JSON data that `array_from_plain` turns into the same bits.

    Long arrays, those not to be written `inline`, and those with values that JSON has no word for (NaN, infinity),
    become base64 objects.
    """
    if inline and array.size <= LONGEST_LIST and bool(np.isfinite(array).all()):
        return array.tolist()
    name = array.dtype.name if array.dtype.name in DTYPES else "float64"
    held = np.asarray(array, DTYPES[name])
    return {"dtype": name, "shape": list(array.shape), "base64": base64.b64encode(held.tobytes()).decode("ascii")}


@dataclass(frozen=True)
class ArrayOption(Option):
    """Finite numbers of any shape with at least one axis and one sample. A flat list is one number a sample."""

    def parse(self, value: Any) -> Array:
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.ndim:
            array = value
        else:
            try:
                array = array_from_plain(value)
            except ArrayError as error:
                raise OptionError(f"{self.name}{error.place} {error.reason}") from None
        if not array.size:
            raise OptionError(f"{self.name} must hold at least one number")
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = "".join(f"[{index}]" for index in bad[0])
            raise OptionError(f"{self.name}{place} must be a finite number, not {array[tuple(bad[0])]}")
        canonical = self.canonical(array)
        if canonical is value and not value.flags.writeable:
            return canonical
        return read_only(canonical.copy() if canonical is value or canonical.base is value else canonical)

    def canonical(self, array: Array) -> Array:
        """Return the array as float64, with a column for each number of a sample: numbers alone (n) become (n, 1)."""
        if array.ndim == 1:
            array = array.reshape(-1, 1)
        return np.ascontiguousarray(array, np.float64)

    def plain(self, value: Array) -> Any:
        return plain_from_array(value)


@dataclass(frozen=True)
class TargetsOption(ArrayOption):
    """Targets: a flat list of whole numbers is class indices (N,), everything else is vectors (N, ...)."""

    def canonical(self, array: Array) -> Array:
        if array.ndim == 1 and bool((array == np.floor(array)).all()) and bool((np.abs(array) < 2**53).all()):
            return np.ascontiguousarray(array, np.int64)
        return super().canonical(array)


@dataclass(frozen=True)
class NamesOption(Option):
    """A list of names, or one name by itself. With `bare`, one name is written by itself."""

    most: int = 10_000
    bare: bool = False

    def parse(self, value: Any) -> tuple[str, ...]:
        names = (value,) if isinstance(value, str) and value else value
        if (
            not isinstance(names, list | tuple)
            or len(names) > self.most
            or not all(isinstance(name, str) and name for name in names)
        ):
            raise self.refuse(value, "a name, or a list of names")
        if len(set(names)) != len(names):
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise OptionError(f"{self.name} names {twice!r} twice")
        return tuple(names)

    def plain(self, value: tuple[str, ...]) -> Any:
        return value[0] if self.bare and len(value) == 1 else list(value)
