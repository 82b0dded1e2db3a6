"""Plain records with known keys: the checks that every part of a model file goes through."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from visualbp.core.options import Option, OptionError
from visualbp.core.registry import UnknownNameError
from visualbp.core.visible_text import shown
from visualbp.files.errors import PlaceError

Made = TypeVar("Made")


def as_object(value: object, place: str) -> dict[str, Any]:
    """Return `value` if it is a JSON object. Raises PlaceError, with the place in the file, if not."""
    if not isinstance(value, dict):
        raise PlaceError(place, f"must be an object, not {shown(value)}")
    return value


def as_list(value: object, place: str, most: int) -> list[Any]:
    """Return `value` if it is a JSON list of at most `most` entries. Raises PlaceError, with its place, if not."""
    if not isinstance(value, list):
        raise PlaceError(place, f"must be a list, not {shown(value)}")
    if len(value) > most:
        raise PlaceError(place, f"has {len(value):,} entries; {most:,} is the most")
    return value


def check_keys(record: Mapping[str, Any], known: Sequence[str], place: str, owner: str = "") -> None:
    """Refuse keys that nobody knows, by name. `owner` is what they would belong to, in words."""
    for key in record:
        if key not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            reason = f"is no option of {owner}" if owner else "is not known here"
            raise PlaceError(joined(place, key), reason, guess(key, known) or there)


def guess(name: str, known: Iterable[str]) -> str:
    """Return `did you mean 'units'?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(name[:60], list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def joined(place: str, key: str) -> str:
    """Return the place of a key within a place: `training.optimizer`. A long key is cut."""
    key = key if len(key) <= 60 else key[:57] + "..."
    return f"{place}.{key}" if place else key


def required(record: Mapping[str, Any], key: str, place: str) -> Any:
    """Return what a record has under `key`. Raises PlaceError if it has none."""
    if key not in record:
        raise PlaceError(joined(place, key), "is missing")
    return record[key]


def parsed(option: Option, record: Mapping[str, Any], place: str) -> Any:
    """Return the value of one option: the record's, or the default. Raises PlaceError with the option's place."""
    if option.name not in record and not option.required:
        return option.parse(option.default)
    return at_option(place, option.name, lambda: option.parse(required(record, option.name, place)))


def parsed_options(options: Sequence[Option], given: Mapping[str, Any], place: str, owner: str) -> dict[str, Any]:
    """Return every option's value. Raises PlaceError with the place of the first that is unknown, missing or bad."""
    check_keys(given, [option.name for option in options], place, owner)
    return {option.name: parsed(option, given, place) for option in options}


def at_option(place: str, name: str, make: Callable[[], Made]) -> Made:
    """Return what `make` makes; an OptionError or UnknownNameError becomes a fault at the option's place."""
    try:
        return make()
    except UnknownNameError as error:
        raise PlaceError(joined(place, name), str(error)) from None
    except OptionError as error:
        reason = str(error)
        inner = reason.removeprefix(name)
        if inner != reason and inner[:1] in "[.":  # the option says where in its value the fault is
            position, _, reason = inner.partition(" ")
            raise PlaceError(joined(place, name) + position, reason) from None
        raise PlaceError(joined(place, name), inner.lstrip(": ")) from None
