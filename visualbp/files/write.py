"""From a network to text that a person can read and edit, and that reads back to the same bits.

What is at its default is left out. Short things stay on one line, matrices have a line for each row. Planted bugs are
written only if the network is marked as a bug hunt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import plain_options
from visualbp.datasets import DataSpec, datasets
from visualbp.datasets.arrays import plain_from_array
from visualbp.files.errors import FileError
from visualbp.files.json_text import BUDGET, LARGEST_TEXT, MOST_VALUES, reading_cost
from visualbp.files.migrate import FORMAT, VERSION
from visualbp.files.read import BUG, CLIP, OPTIMIZER, TRAINING
from visualbp.network import Layer, Network, Training
from visualbp.network.network import options_of

WIDTH = 110
MOST_INLINE = 1_000_000
"""Numbers of all arrays together that are written as lists; further arrays are written in base64 at any size."""
PIECE = 1024
"""Numbers that are made text in one go: the window can have its turn after each."""
SHARE = 0.75
"""How much of the reader's bounds the lists may take, so that every file passes that is written here."""

Record = dict[str, Any]


def network_to_text(network: Network) -> str:
    """Return the model file of `network`. Raises FileError where it would be too large to be read again."""
    pieces: list[str] = []
    _pretty(network_to_record(network), "", pieces)
    text = "".join(pieces) + "\n"
    if len(text) > LARGEST_TEXT:
        reason = f"its file would have {len(text) / 2**20:,.0f} MB; {LARGEST_TEXT // 2**20} MB is the most"
        raise FileError(network.name, "", reason, "save it without its weights, or make it smaller")
    return text


def network_to_record(network: Network) -> Record:
    """Return the network as plain JSON data, in the order of the model file."""
    arrays = _Arrays()
    record: Record = {"format": FORMAT, "version": VERSION, "name": network.name}
    if network.description:
        record["description"] = network.description
    record["seed"] = network.seed
    if network.precision != "float64":
        record["precision"] = network.precision
    record["layers"] = [_layer(layer) for layer in network.layers]
    record["connections"] = [list(connection) for connection in network.connections]
    if network.positions:
        record["layout"] = {name: list(network.positions[name]) for name in network.names if name in network.positions}
    if network.data is not None:
        record["data"] = _data(network.data, arrays)
    record["training"] = _training(network.training)
    if network.bug_hunt:
        record["bug_hunt"] = True
    if network.bug_hunt and network.bugs:
        record["bugs"] = [plain_options(BUG, asdict(bug)) for bug in network.bugs]
    parameters = _parameters(network, arrays)
    if parameters:
        record["parameters"] = parameters
    return record


def _layer(layer: Layer) -> Record:
    record = {"name": layer.name, "type": layer.type, **plain_options(options_of(layer), layer.options)}
    if layer.frozen:
        record["frozen"] = layer.frozen if isinstance(layer.frozen, bool) else list(layer.frozen)
    return record


class _Arrays:
    """The arrays of one file: lists as long as there is room for them."""

    def __init__(self) -> None:
        self.numbers, self.bytes, self.values = float(MOST_INLINE), BUDGET * SHARE, MOST_VALUES * SHARE

    def plain(self, array: Array) -> Any:
        """Return an array as plain JSON data: as lists while they fit the bounds of one file, else in base64."""
        cost, values = reading_cost(array.shape)
        room = array.size <= self.numbers and cost <= self.bytes and values <= self.values
        plain = plain_from_array(array, inline=room)
        if isinstance(plain, list):
            self.numbers, self.bytes, self.values = self.numbers - array.size, self.bytes - cost, self.values - values
        return plain


def _data(spec: DataSpec, arrays: _Arrays) -> Record:
    plain = plain_options(datasets.get(spec.source).options, spec.options)
    held = {name: arrays.plain(value) for name, value in spec.options.items() if isinstance(value, np.ndarray)}
    return {"source": spec.source, **plain, **held}


def _training(training: Training) -> Record:
    record: Record = {"optimizer": OPTIMIZER.plain(training.optimizer), "batch_size": training.batch_size}
    for option in TRAINING:
        value = getattr(training, option.name)
        if value != option.parse(option.default):
            record[option.name] = option.plain(value)
    if training.clip is not None:
        record["clip"] = plain_options(CLIP, {"by": training.clip.by, "limit": training.clip.limit})
    return record


def _parameters(network: Network, arrays: _Arrays) -> Record:
    record: Record = {}
    for name in network.names:
        for parameter, array in network.parameters.get(name, {}).items():
            record.setdefault(name, {})[parameter] = arrays.plain(array)
    return record


def number_text(number: float) -> str:
    """Return the shortest text that reads back to the same float64; whole numbers without a point."""
    if number == int(number) and abs(number) < 1e15 and not (number == 0 and str(number)[0] == "-"):
        return str(int(number))
    return repr(float(number))


def _one_line(value: Any, room: int) -> str | None:
    """Return `value` on one line of at most `room` characters, or None. A list of objects has more lines."""
    if isinstance(value, list) and value:
        if isinstance(value[0], dict):
            return None
        if 3 * len(value) > room and isinstance(value[0], int | float):  # each takes one, and two beside it
            return None
        if (numbers := _numbers(value)) is not None:
            return f"[{numbers}]" if len(numbers) + 2 <= room else None
    if isinstance(value, dict | list):
        opener, closer = "{}" if isinstance(value, dict) else "[]"
        parts: list[str] = []
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            text = _one_line(part, room)
            if text is None:
                return None
            parts.append(f"{json.dumps(key, ensure_ascii=False)}: {text}" if isinstance(value, dict) else text)
            room -= len(parts[-1]) + 2
            if room < 0:
                return None
        return opener + ", ".join(parts) + closer
    if isinstance(value, str) and len(value) + 2 > room:  # megabytes of base64 among them
        return None
    text = number_text(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= room or not isinstance(value, str) else None


def _numbers(value: list[Any]) -> str | None:
    """Return the numbers of a list that holds nothing else, as `number_text` has them, with ", " between them.

    All at once: this takes a tenth of the time of one after the other.
    """
    if not {float, int}.issuperset(map(type, value)):
        if all(isinstance(number, int | float) for number in value):  # truth values, and numbers of NumPy's
            return ", ".join(_one_line(number, WIDTH) or "" for number in value)
        return None
    text = ", ".join(repr(value[at : at + PIECE])[1:-1] for at in range(0, len(value), PIECE))
    if ".0," in text or text.endswith(".0"):
        text = ", ".join(map(_without_point, text.split(", ")))
    return text


def _without_point(number: str) -> str:
    """Return the text of a float as `number_text` has it: whole numbers of up to 15 digits without a point."""
    whole = number.endswith(".0") and len(number.lstrip("-")) <= 17 and number != "-0.0"
    return number[:-2] if whole else number


def _pretty(value: Any, indent: str, pieces: list[str]) -> None:
    """Append the text of `value`, whose first line is indented already, to `pieces`."""
    line = _one_line(value, WIDTH - len(indent))
    if line is not None:
        pieces.append(line)
    elif isinstance(value, dict):
        members = ((f"{json.dumps(key, ensure_ascii=False)}: ", part) for key, part in value.items())
        _members(members, "{}", indent, pieces)
    elif isinstance(value, list) and (numbers := _numbers(value)) is not None:
        _filled(numbers, indent, pieces)
    elif isinstance(value, list):
        _members((("", part) for part in value), "[]", indent, pieces)
    else:
        pieces.append(json.dumps(value, ensure_ascii=False))


def _members(members: Iterator[tuple[str, Any]], brackets: str, indent: str, pieces: list[str]) -> None:
    inner = indent + "  "
    pieces.append(brackets[0])
    separator = f"\n{inner}"
    for label, part in members:
        pieces += (separator, label)
        separator = f",\n{inner}"
        _pretty(part, inner, pieces)
    pieces.append(f"\n{indent}{brackets[1]}")


def _filled(numbers: str, indent: str, pieces: list[str]) -> None:
    """Append a long row of numbers, as many on each line as fit."""
    inner = indent + "  "
    room = WIDTH - len(inner)
    start, separator = 0, f"[\n{inner}"
    while len(numbers) - start + 2 > room:
        end = numbers.rfind(", ", start, start + room)
        if end < 0:  # a number that is longer than a line
            end = numbers.find(", ", start)
            if end < 0:
                break
        pieces += (separator, numbers[start:end])
        start, separator = end + 2, f",\n{inner}"
    pieces += (separator, numbers[start:], f"\n{indent}]")
