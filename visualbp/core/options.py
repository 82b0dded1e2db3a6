"""Typed options. A layer, activation, optimiser or data set declares its options once; from the declaration come
the parsing of files, the forms of the inspector, the messages, and what is written back to a file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from visualbp.core.arrays import Shape, size_of
from visualbp.core.registry import Registry, UnknownNameError
from visualbp.core.visible_text import shown

LARGEST_COUNT = 1_000_000
"""No axis of anything may be longer; it keeps a slip of the finger from asking for terabytes."""

LARGEST_SIZE = 50_000_000
"""No array that a file asks for may have more elements than this (400 MB in float64)."""


class OptionError(ValueError):
    """A value that an option cannot take. The message names the option, the value, and what would be right."""


class _Required:
    """The default of an option that must be given."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()


@dataclass(frozen=True)
class Choice:
    """A choice from a registry together with that entry's own options, for example `leaky_relu` with its slope."""

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.type, tuple(sorted(self.options.items(), key=lambda item: item[0]))))


@dataclass(frozen=True)
class Option:
    """What all options share: the name in files, the default, and a sentence for the tooltip."""

    name: str
    default: Any = REQUIRED
    description: str = ""
    label: str = ""

    @property
    def title(self) -> str:
        """The words beside the editor."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def required(self) -> bool:
        """Whether a file has to give it, because there is no default."""
        return self.default is REQUIRED

    def parse(self, value: Any) -> Any:
        """Return the canonical form of `value`, a value from a file or an editor. Raises OptionError."""
        raise OptionError(f"{self.name} has no kind")

    def plain(self, value: Any) -> Any:
        """Return the canonical `value` as plain JSON data."""
        return value

    def refuse(self, value: Any, wanted: str) -> OptionError:
        """Return the error for a value that does not fit. `wanted` says what would: `true or false`."""
        return OptionError(f"{self.name} must be {wanted}, not {shown(value)}")


@dataclass(frozen=True)
class IntOption(Option):
    """A whole number from `minimum` to `maximum`, both included."""

    minimum: int = 1
    maximum: int = LARGEST_COUNT

    def parse(self, value: Any) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not self.minimum <= value <= self.maximum:
            raise self.refuse(value, f"a whole number from {self.minimum:,} to {self.maximum:,}")
        return int(value)


@dataclass(frozen=True)
class FloatOption(Option):
    """A finite number from `minimum` to `maximum`; an end that is open is refused itself."""

    minimum: float = -math.inf
    maximum: float = math.inf
    open_minimum: bool = False
    open_maximum: bool = False

    def parse(self, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            real = float(value) if number else math.nan
        except OverflowError:
            real = math.inf
        low = self.minimum < real if self.open_minimum else self.minimum <= real
        high = real < self.maximum if self.open_maximum else real <= self.maximum
        if not (math.isfinite(real) and low and high):
            raise self.refuse(value, self._wanted())
        return real

    def _wanted(self) -> str:
        low = "above" if self.open_minimum else "from"
        high = "below" if self.open_maximum else "to"
        if math.isinf(self.minimum) and math.isinf(self.maximum):
            return "a finite number"
        if math.isinf(self.maximum):
            return f"a finite number {low} {self.minimum:g}" + ("" if self.open_minimum else " up")
        return f"a number {low} {self.minimum:g} {high} {self.maximum:g}"


@dataclass(frozen=True)
class BoolOption(Option):
    """True or false; a number is neither."""

    def parse(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(value, "true or false")
        return value


@dataclass(frozen=True)
class ChoiceOption(Option):
    """One of a few words."""

    choices: tuple[str, ...] = ()

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            near = difflib.get_close_matches(str(value)[:60], self.choices, n=1)
            raise self.refuse(value, f"one of {', '.join(self.choices)}" + (f" ({near[0]}?)" if near else ""))
        return value


@dataclass(frozen=True)
class TextOption(Option):
    """Any text of at most `longest` characters."""

    longest: int = 1000

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.longest:
            raise self.refuse(value, f"a text of at most {self.longest} characters")
        return value


@dataclass(frozen=True)
class ShapeOption(Option):
    """A shape without the batch axis, such as `[2]` or `[1, 8, 8]`."""

    most_axes: int = 3

    def parse(self, value: Any) -> Shape:
        lengths = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else None
        whole = lengths and all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in lengths)
        if not lengths or not whole or len(lengths) > self.most_axes or max(lengths) > LARGEST_COUNT:
            raise self.refuse(value, f"a list of 1 to {self.most_axes} whole numbers of at most {LARGEST_COUNT:,}")
        if size_of(tuple(lengths)) > LARGEST_SIZE:
            raise self.refuse(value, f"a shape of at most {LARGEST_SIZE:,} elements")
        return tuple(lengths)

    def plain(self, value: Any) -> list[int]:
        return list(value)


@dataclass(frozen=True)
class EntryOption(Option):
    """A choice from a registry, written as a name, or as an object with `type` and the entry's own options."""

    registry: Registry[Any] = field(default_factory=lambda: Registry("nothing"))

    def parse(self, value: Any) -> Choice:
        if isinstance(value, Choice):
            value = {"type": value.type, **value.options}
        if isinstance(value, str):
            value = {"type": value}
        if not isinstance(value, Mapping) or "type" not in value:
            raise self.refuse(value, f"the name of a {self.registry.family}, or an object with a type")
        given = {key: part for key, part in value.items() if key != "type"}
        try:
            entry = self.registry.get(value["type"])
            return Choice(entry.type_name, parse_options(entry.options, given))
        except UnknownNameError as error:
            raise OptionError(f"{self.name}: {error}") from None
        except OptionError as error:
            raise OptionError(f"{self.name}: {error}") from None

    def plain(self, value: Choice) -> Any:
        own = plain_options(self.registry.get(value.type).options, value.options)
        return {"type": value.type, **own} if own else value.type


def parse_options(options: Sequence[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option's canonical value: those `given`, and the defaults of the others.

    Raises OptionError, naming the option, for unknown names, missing required ones and bad values.
    """
    known = {option.name for option in options}
    for name in given:
        if name not in known:
            can = f"; it has {', '.join(sorted(known))}" if known else "; it has none"
            raise OptionError(f"there is no option {shown(name)}{can}")
    values: dict[str, Any] = {}
    for option in options:
        if option.name in given:
            values[option.name] = option.parse(given[option.name])
        elif option.required:
            raise OptionError(f"{option.name} is missing")
        else:
            values[option.name] = option.parse(option.default)
    return values


def plain_options(options: Sequence[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return as JSON data what differs from the defaults, and whatever is required."""
    plain: dict[str, Any] = {}
    for option in options:
        value = values[option.name]
        if option.required or value != option.parse(option.default):
            plain[option.name] = option.plain(value)
    return plain
