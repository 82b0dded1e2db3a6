"""Model files and tables that somebody broke, by chance or on purpose: a seeded generator, and what becomes of each.

A case is a good model (a sample, or a small network of any layers) changed one to four times: in its structure, in its
options, in its connections, in its numbers, or in its bytes. `outcome_of` sends it the whole way of a file: read,
checked, compiled, given its data, run for one iteration, shown in equations, written and read again.
"""

from __future__ import annotations

import copy
import json
import os
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.mutated_tables import mutated_table
from tests.random_networks import random_data, random_network
from tests.registry_cases import layer_cases
from visualbp.cli.running import open_model
from visualbp.core.expression_parser import ExpressionOption
from visualbp.core.options import (
    BoolOption,
    ChoiceOption,
    EntryOption,
    FloatOption,
    IntOption,
    Option,
    ShapeOption,
    TextOption,
)
from visualbp.datasets import datasets
from visualbp.datasets.base import DataSpec
from visualbp.debugger.prepare import Carried, load_data, prepare
from visualbp.engine.needs import MOST_MEMORY, needs_of
from visualbp.engine.notation import Notation
from visualbp.files import FileError, load_network, network_from_text, network_to_text
from visualbp.files.samples import sample_paths
from visualbp.files.write import network_to_record
from visualbp.layers import layer_types
from visualbp.network import structure_of
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE

Generator = np.random.Generator
Change = Callable[[Generator, dict[str, Any]], str]
"""Changes a model, and says how."""


@dataclass(frozen=True)
class Raw:
    """Text that is written into the JSON as it is, such as NaN."""

    text: str


@dataclass
class Twice:
    """An object in which a key is said twice."""

    members: list[tuple[str, Any]] = field(default_factory=list)


def text_of(value: Any) -> str:
    """The JSON text of a value, with Raw and Twice in it."""
    match value:
        case Raw():
            return value.text
        case Twice():
            return "{" + ", ".join(f"{json.dumps(key)}: {text_of(part)}" for key, part in value.members) + "}"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {text_of(part)}" for key, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(text_of, value)) + "]"
    return json.dumps(value)


HOSTILE_TEXTS = (
    "\x1b]0;pwn\x07\x1b[2J",
    "\u202egnp.exe",
    "a\nb",
    "a\tb",
    "\r",
    "<b>bold</b>",
    "<img src=file:///etc/passwd>",
    "Ω",
    "层",
    "ﷺ",
    "é" * 60,
    "\ud800",
    "\x00",
    "../../etc/passwd",
    "x" * 5000,
    "%s%n",
    "$\\frac{1}{0}$",
    "_",
    "a_b",
    "a^b",
    "a&b#%",
    "-",
    "(",
    " a",
    "",
)
NAMES = (
    "Ω",
    "层",
    "ﷺ",
    "é" * 60,
    "a_b",
    "_",
    "-",
    "(",
    "a b",
    "x" * 60,
    "W",
    "h",
    "loss",
    "None",
    "1",
    "=+=",
    "अ",
    "שלום",
)
"""Names that a layer can have."""

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 7, 16, 33, 255, 256, 1000, 4096, 65536, 999_999, 1_000_000, 1_000_001, 2**31, 2**53 + 1, 2**63 - 1,
    2**63, 2**64, 10**19, 10**25, -(10**25), 0.5, -0.5, -0.0, 1e-320, 1e-300, 1e-12, 1e12, 1e154, 1e155, 1e300, 1e308,
    -1e308, Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e999"), Raw("-1e999"), Raw("9" * 400),
    Raw("9" * 5000), Raw("01"), Raw("1."), Raw(".5"), Raw("+1"), Raw("1e"), Raw("0x10"), Raw("1_000"), Raw("-"),
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, "", "x", "relu", "0", [], {}, [[]], [None], [[], []], [1], [1, 2], [0.0] * 16, [1] * 16,
    [1.5] * 33, [[1] * 16, [2] * 16], [[1, 2], [3]], [[[[[[[1]]]]]]], [["a"]], [True], {"type": "relu"},
    {"type": [1] * 16}, {"type": None}, {"type": "custom"}, {"type": "custom", "expression": "x" * 1000}, {"": 1},
    {"a": {"a": {}}}, {"dtype": "float64", "shape": [1], "base64": "AAAAAAAA8D8="}, Raw("undefined"), Raw("'x'"),
    Raw("[1,]"), Raw("{,}"), Raw("[" * 20 + "]" * 20), Raw("[" * 200 + "]" * 200), Raw('{"a":' * 40 + "1" + "}" * 40),
    Raw('"\\ud800"'), Raw('"\\x"'), Raw('"\x01"'), Raw("// a comment\n1"), Raw(""),
)  # fmt: skip
EXPRESSIONS = (
    "x", "1", "1/0", "x/0", "x**x", "x**1000", "exp(exp(exp(x)))", "log(x)", "sqrt(-1)", "((((x))))", "(" * 300 + "x",
    "x" + "+x" * 400, "-" * 300 + "x", "__import__('os')", "x.real", "lambda: x", "where(x, 1, 2)", "where(x > 0, x)",
    "abs(x)", "min(x, 0)", "max(x, x)", "9**9**9", "1e999", "nan", "inf", "x;x", "", " ", "x y", "π", "sin", "sin()",
    "1 < x < 2", "x == 0", "x and 1", "0x", "1e400*x", "tan(x)", "x if x else 1", "[x]", "x\n+1", "\x1b[2Jx",
)  # fmt: skip


def pick(generator: Generator, things: Any) -> Any:
    """One of these things."""
    listed = things if isinstance(things, list | tuple) else list(things)
    return listed[int(generator.integers(len(listed)))]


def odd_value(generator: Generator) -> Any:
    kind = generator.random()
    if kind < 0.4:
        return copy.deepcopy(pick(generator, NUMBERS))
    return copy.deepcopy(pick(generator, VALUES)) if kind < 0.8 else pick(generator, HOSTILE_TEXTS)


# -- good models -------------------------------------------------------------------------------------------------------


@cache
def bases() -> tuple[dict[str, Any], ...]:
    """The samples, each layer type in a network of its own, and random networks."""
    records = [json.loads(path.read_text()) for path in sample_paths()]
    found = [*records]
    for seed in range(60):
        network = random_network(seed, with_dropout=True)
        data = random_data(network, seed, samples=4)
        spec = DataSpec("inline", {"inputs": data.inputs, "targets": data.targets})
        record = json.loads(network_to_text(replace(network, data=None)))
        record["data"] = {"source": "inline", **{key: value.tolist() for key, value in spec.options.items()}}
        found.append(record)
    for case in layer_cases()[::4]:
        if len(case.shapes) == 1 and not case.kind.is_loss and case.kind.type_name != "input":
            options = json.loads(json.dumps(network_options(case)))
            found.append(_around(case.kind.type_name, options, list(case.shapes[0])))
    found += [_with_table(json.loads(json.dumps(found[0])))] * 12
    return tuple(found)


def network_options(case: Any) -> dict[str, Any]:
    from visualbp.core.options import plain_options

    return plain_options(case.kind.options_for(case.options), case.options)


def _around(type_name: str, options: dict[str, Any], shape: list[int]) -> dict[str, Any]:
    """A network around one layer."""
    whole = {"embedding"}
    numbers = np.arange(2 * int(np.prod(shape))).reshape(2, *shape) % 3
    inputs = numbers.tolist() if type_name in whole else (numbers * 0.5 - 0.4).tolist()
    return {
        "format": "visualbp",
        "version": 1,
        "name": f"around {type_name}",
        "layers": [
            {"name": "input", "type": "input", "shape": shape},
            {"name": "layer", "type": type_name, **options},
            {"name": "flat", "type": "flatten"},
            {"name": "out", "type": "dense", "units": 2},
            {"name": "loss", "type": "mean_squared_error"},
        ],
        "connections": [["input", "layer"], ["layer", "flat"], ["flat", "out"], ["out", "loss"]],
        "layout": {"input": [0, 0], "layer": [200, 0]},
        "data": {"source": "inline", "inputs": inputs, "targets": [[0, 1], [1, 0]]},
        "training": {"optimizer": {"type": "adam", "learning_rate": 0.1}, "batch_size": 2, "l2": 0.1},
    }


TABLE = "table.csv"


def _with_table(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "name": "with a table", "data": {"source": "csv", "path": TABLE, "target": "kind"}}


# -- changes of the structure ------------------------------------------------------------------------------------------


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all parts of a value, but of numbers deep in long lists a few alone."""
    members: Any = ()
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
        members = members if len(members) <= 8 else [*members[:4], *members[-2:]]
    for key, part in members:
        yield (*place, key)
        yield from places(part, (*place, key))


def at(record: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        record = record.members[0][1] if isinstance(record, Twice) else record[key]
    return record


def some_place(generator: Generator, record: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """A container and the place of a part of it; shallow places as often as the many deep ones."""
    found = list(places(record))
    if generator.random() < 0.7:
        found = [place for place in found if place[:2] not in (("data", "inputs"), ("data", "targets"))]
    depth = int(generator.integers(1, max(map(len, found), default=1) + 1))
    place = pick(generator, [p for p in found if len(p) == depth] or found)
    return at(record, place[:-1]), place


def swap_type(generator: Generator, record: dict[str, Any]) -> str:
    holder, place = some_place(generator, record)
    holder[place[-1]] = value = odd_value(generator)
    return f"{place} = {text_of(value)[:40]}"


def drop(generator: Generator, record: dict[str, Any]) -> str:
    holder, place = some_place(generator, record)
    del holder[place[-1]]
    return f"without {place}"


def double(generator: Generator, record: dict[str, Any]) -> str:
    holder, place = some_place(generator, record)
    if isinstance(holder, list):
        holder.insert(place[-1], copy.deepcopy(holder[place[-1]]))
    elif len(place) > 1:
        outer = at(record, place[:-2])
        outer[place[-2]] = Twice([*holder.items(), (place[-1], holder[place[-1]])])
    return f"{place} twice"


def rename_key(generator: Generator, record: dict[str, Any]) -> str:
    holder, place = some_place(generator, record)
    if isinstance(holder, dict):
        new = pick(generator, [*HOSTILE_TEXTS, str(place[-1])[::-1], f"{place[-1]}s", "type", "name", "base64"])
        holder[new] = holder.pop(place[-1])
        return f"{place} called {new[:20]!r}"
    return "nothing"


def exchange(generator: Generator, record: dict[str, Any]) -> str:
    (one, first), (other, second) = some_place(generator, record), some_place(generator, record)
    if first[: len(second)] == second or second[: len(first)] == first:
        return "nothing"
    one[first[-1]], other[second[-1]] = other[second[-1]], one[first[-1]]
    return f"{first} and {second} exchanged"


def change_list(generator: Generator, record: dict[str, Any]) -> str:
    lists = [p for p in places(record) if isinstance(at(record, p), list)]
    if not lists:
        return "nothing"
    place = pick(generator, lists)
    value = at(record, place)
    kind = pick(generator, ["cut", "long", "empty", "nest", "ragged", "repeat", "shuffle"])
    match kind:
        case "cut":
            del value[len(value) // 2 :]
        case "long":
            value.extend([pick(generator, [0, 1, -1, 0.5])] * int(generator.integers(1, 40)))
        case "empty":
            value.clear()
        case "nest":
            value[:] = [list(value)]
        case "ragged":
            value.append([1, 2, 3])
        case "repeat":
            value.extend(copy.deepcopy(value))
        case "shuffle":
            value[:] = [value[i] for i in generator.permutation(len(value))]
    return f"{place} {kind}"


# -- changes that know what a model is ---------------------------------------------------------------------------------


def named_layers(record: dict[str, Any]) -> list[dict[str, Any]]:
    layers = record.get("layers")
    return (
        [x for x in layers if isinstance(x, dict) and isinstance(x.get("name"), str)]
        if isinstance(layers, list)
        else []
    )


def change_connections(generator: Generator, record: dict[str, Any]) -> str:
    names = [layer["name"] for layer in named_layers(record)]
    connections = record.get("connections")
    if len(names) < 2 or not isinstance(connections, list):
        return "nothing"
    source, target = pick(generator, names), pick(generator, names)
    kind = pick(generator, ["add", "add", "move end", "move start", "drop", "turn", "from the loss", "into the input"])
    pairs = [i for i, pair in enumerate(connections) if isinstance(pair, list) and len(pair) == 2]
    index = pick(generator, pairs) if pairs else None
    match kind:
        case "add":
            connections.insert(int(generator.integers(len(connections) + 1)), [source, target])
        case "from the loss":
            connections.append([names[-1], target])
        case "into the input":
            connections.append([source, names[0]])
        case _ if index is None:
            return "nothing"
        case "move end":
            connections[index][1] = target
        case "move start":
            connections[index][0] = source
        case "drop":
            del connections[index]
        case "turn":
            connections[index].reverse()
    return f"connections: {kind} {source} {target}"


def option_value(generator: Generator, option: Option) -> Any:
    """A value for an option: mostly one that it takes, at its limits as well."""
    if generator.random() < 0.08:
        return odd_value(generator)
    match option:
        case BoolOption():
            return bool(generator.random() < 0.5)
        case ChoiceOption():
            return pick(generator, option.choices)
        case ExpressionOption():
            return pick(generator, EXPRESSIONS)
        case IntOption():
            small = [n for n in (0, 1, 2, 3, 4, 5, 8, 100, 3000) if option.minimum <= n <= option.maximum]
            return pick(generator, [option.minimum, option.maximum, option.minimum - 1, option.maximum + 1, *small * 8])
        case FloatOption():
            edges = [option.minimum, option.maximum, 0.0, 1.0, 0.5, 1e-9, 1e9, -1.0, 1e300, 1e-300]
            edges += [0.1, 0.9, 2.0, 3.0]
            return pick(generator, [e for e in edges if np.isfinite(e)])
        case ShapeOption():
            return [pick(generator, [1, 2, 3, 4, 8, 28, 1000]) for _ in range(int(generator.integers(1, 4)))]
        case EntryOption():
            return entry_value(generator, option.registry)
        case TextOption():
            return pick(generator, [*HOSTILE_TEXTS, TABLE, "/proc/kmsg", "/dev/zero", "/", ".", "no.csv"])
    return odd_value(generator)


def entry_value(generator: Generator, registry: Any) -> Any:
    entry = pick(generator, list(registry))
    chosen = [o for o in entry.options if o.required or generator.random() < 0.4]
    if not chosen:
        return entry.type_name
    return {"type": entry.type_name, **{option.name: option_value(generator, option) for option in chosen}}


def change_option(generator: Generator, record: dict[str, Any]) -> str:
    layers = [x for x in named_layers(record) if x.get("type") in layer_types]
    if not layers:
        return "nothing"
    layer = pick(generator, layers)
    kind = layer_types.get(layer["type"])
    options = kind.options_for({key: value for key, value in layer.items() if isinstance(value, str | dict)})
    if not options:
        layer["frozen"] = True
        return f"{layer['name'][:20]} frozen"
    option = pick(generator, options)
    layer[option.name] = value = option_value(generator, option)
    return f"{layer['name'][:20]}.{option.name} = {text_of(value)[:40]}"


def change_type(generator: Generator, record: dict[str, Any]) -> str:
    layers = named_layers(record)
    if not layers:
        return "nothing"
    layer, kind = pick(generator, layers), pick(generator, list(layer_types))
    keep = generator.random() < 0.2
    options = {o.name: option_value(generator, o) for o in kind.options if o.required or generator.random() < 0.2}
    rest = {key: value for key, value in layer.items() if keep or key == "name"}
    layer.clear()
    layer.update(rest, type=kind.type_name, **options)
    return f"{layer['name'][:20]} a {kind.type_name}"


def insert_layer(generator: Generator, record: dict[str, Any]) -> str:
    connections = record.get("connections")
    pairs = [p for p in connections if isinstance(p, list) and len(p) == 2] if isinstance(connections, list) else []
    if not pairs or not named_layers(record):
        return "nothing"
    usual = [kind for kind in layer_types if kind.fewest_inputs == 1 and not kind.is_loss]
    kind, pair = pick(generator, usual if generator.random() < 0.8 else list(layer_types)), pick(generator, pairs)
    options = {o.name: option_value(generator, o) for o in kind.options if o.required or generator.random() < 0.2}
    record["layers"].insert(1, {"name": "new", "type": kind.type_name, **options})
    connections.append(["new", pair[1]])
    pair[1] = "new"
    return f"a {kind.type_name} after {str(pair[0])[:20]}"


def rename_layer(generator: Generator, record: dict[str, Any]) -> str:
    names = [layer["name"] for layer in named_layers(record)]
    if not names:
        return "nothing"
    old, new = pick(generator, names), pick(generator, HOSTILE_TEXTS if generator.random() < 0.4 else NAMES)

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {(new if key == old else key): renamed(part) for key, part in value.items()}
        if isinstance(value, list):
            return [renamed(part) for part in value]
        return new if value == old else value

    changed = renamed(record)
    record.clear()
    record.update(changed)
    return f"{old[:20]} called {new[:20]!r}"


def change_data(generator: Generator, record: dict[str, Any]) -> str:
    entry = pick(generator, list(datasets))
    chosen = [o for o in entry.options if o.required or generator.random() < 0.4]
    record["data"] = {"source": entry.type_name, **{o.name: option_value(generator, o) for o in chosen}}
    return f"data from {entry.type_name}"


def change_training(generator: Generator, record: dict[str, Any]) -> str:
    training = record.setdefault("training", {})
    if not isinstance(training, dict):
        return "nothing"
    key = pick(generator, ["optimizer", "schedule", "clip", "batch_size", "l1", "l2", "shuffle", "precision", "frozen"])
    value: Any
    match key:
        case "optimizer":
            value = entry_value(generator, optimizers)
            if isinstance(value, dict) and generator.random() < 0.8:
                value["learning_rate"] = 0.1
        case "schedule":
            value = entry_value(generator, SCHEDULE.registry)
        case "clip":
            value = {"by": pick(generator, ["norm", "value"]), "limit": pick(generator, [1, 1e-300, 1e300, 0])}
        case "precision":
            record["precision"] = value = pick(generator, ["float32", "float64", "float16"])
            return f"precision {value}"
        case "frozen":
            layers = named_layers(record)
            if layers:
                pick(generator, layers)["frozen"] = pick(generator, [True, ["weight"], ["bias"], ["x"], []])
            return "frozen"
        case _:
            value = odd_value(generator) if generator.random() < 0.5 else pick(generator, [1, 2, 3, 0.5, True])
    training[key] = value
    return f"training.{key} = {text_of(value)[:40]}"


def give_parameter(generator: Generator, record: dict[str, Any]) -> str:
    layers = named_layers(record)
    if not layers:
        return "nothing"
    layer, role = pick(generator, layers), pick(generator, ["weight", "bias", "running_mean", "weight_input", "x"])
    shape = [int(n) for n in generator.integers(0, 5, int(generator.integers(0, 4)))]
    numbers = generator.standard_normal(shape)
    value: Any = numbers.tolist()
    if generator.random() < 0.6:
        value = base64_array(generator, numbers)
    parameters = record.setdefault("parameters", {})
    if not isinstance(parameters, dict):
        return "nothing"
    held = parameters.setdefault(layer["name"], {})
    if isinstance(held, dict):
        held[role] = value
    return f"parameters.{layer['name'][:20]}.{role}"


def base64_array(generator: Generator, numbers: Any) -> dict[str, Any]:
    """An array as a file writes long ones, mostly with a fault; its numbers may be anything, not a number too."""
    import base64

    name = pick(generator, ["float64", "float32", "int64"])
    wild = np.where(generator.random(numbers.shape) < 0.3, pick(generator, [np.nan, np.inf, 1e308, 0.0]), numbers)
    with np.errstate(all="ignore"):
        text = base64.b64encode(np.asarray(wild).astype(name).tobytes()).decode("ascii")
    value: dict[str, Any] = {"dtype": name, "shape": list(numbers.shape), "base64": text}
    match pick(generator, ["none", "text", "cut", "shape", "type", "odd"]):
        case "text":
            value["base64"] = text.replace("A", pick(generator, ["!", "", "=", "é", " ", "\n"]))
        case "cut":
            value["base64"] = text[: int(generator.integers(len(text) + 1))]
        case "shape":
            value["shape"] = pick(generator, [[-1], [0], [2**40, 2**40], [1.5], "x", [[1]], [1] * 16, [True], []])
        case "type":
            value["dtype"] = pick(generator, ["object", "float16", "<f8", 8, None, [1] * 16])
        case "odd":
            value[pick(generator, list(value))] = odd_value(generator)
    return value


STRUCTURE: tuple[Change, ...] = (swap_type, swap_type, swap_type, drop, double, rename_key, exchange, change_list)
MEANING: tuple[Change, ...] = (
    change_connections, change_connections, change_option, change_option, change_option, change_type, insert_layer,
    rename_layer, change_data, change_training, give_parameter,
)  # fmt: skip


# -- changes of the bytes ----------------------------------------------------------------------------------------------


def change_bytes(generator: Generator, data: bytes) -> bytes:
    """Change some bytes without a thought of what they mean."""
    place = int(generator.integers(len(data) + 1))
    length = int(generator.integers(1, 20))
    match pick(generator, ["flip", "flip", "cut", "insert", "end", "double", "encoding", "token", "token", "move"]):
        case "flip":
            changed = bytearray(data)
            for _ in range(length):
                if changed:
                    changed[int(generator.integers(len(changed)))] = int(generator.integers(256))
            return bytes(changed)
        case "cut":
            return data[:place] + data[place + length :]
        case "insert":
            return data[:place] + generator.bytes(length) + data[place:]
        case "end":
            return data[:place]
        case "double":
            return data[: place + length] + data[place:]
        case "encoding":
            text = data.decode("utf-8", "replace")
            return text.encode(pick(generator, ["utf-16", "utf-32", "latin-1", "utf-8-sig", "utf-7"]), "replace")
        case "token":
            token = pick(generator, [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"-", b"e", b".", b"\0"])
            return data[:place] + token + data[place:]
    other = int(generator.integers(len(data) + 1))
    return data[:place] + data[other : other + length] + data[place:]


# -- cases and what becomes of them ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A model file, and the table that lies beside it."""

    number: int
    data: bytes
    table: bytes
    changes: tuple[str, ...]


def case_of(seed: int, number: int) -> Case:
    """The case of this number: the same every time."""
    generator = np.random.default_rng([seed, number])
    record = copy.deepcopy(pick(generator, bases()))
    changes: list[str] = [str(record["name"])]
    data_of_table = record["data"].get("source") == "csv"
    table = mutated_table(generator) if data_of_table else b""
    for _ in range(pick(generator, (0, 0, 1) if data_of_table else (1, 1, 1, 1, 1, 2, 2, 3, 4))):
        change = pick(generator, STRUCTURE if generator.random() < 0.3 else MEANING)
        try:
            changes.append(change(generator, record))
        except (TypeError, KeyError, IndexError, AttributeError):  # an earlier change took away what this one needs
            changes.append(f"{change.__name__} had nothing to change")
    data = text_of(record).encode("utf-8", "surrogatepass")
    if generator.random() < 0.12:
        data = change_bytes(generator, data)
        changes.append("bytes")
    return Case(number, data, table, tuple(changes))


ACCEPTED, LARGE, REFUSED, UNCLEAR, UNEXPECTED = "accepted", "large", "refused", "unclear", "unexpected"
"""A large one is accepted too: the program says first what opening it takes, and it is not run here."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case: the sentence that refused it, or where the program failed."""

    kind: str
    said: str = ""


INNER = re.compile(
    r"Traceback|object at 0x|<class|array\(|NoneType|\bnp\.|dtype=|unexpected|OrderedDict|TypeError|KeyError"
)
"""What belongs to the program's inside, and in no sentence for a person."""


def is_clear(sentence: str, path: Path) -> bool:
    """Whether a sentence names the file and a reason, and is one line without the program's inside in it."""
    rest = sentence.removeprefix(f"{path}: ")
    plain = not INNER.search(rest) or "did you mean" in rest
    return sentence.startswith(f"{path}: ") and len(rest) > 8 and "\n" not in sentence and len(rest) < 500 and plain


def outcome_of(case: Case, folder: Path) -> Outcome:
    """Send a case the whole way, and say what became of it. A fault of the program is an outcome as well."""
    path = folder / "mutated.vbp"
    path.write_bytes(case.data)
    if case.table:
        (folder / TABLE).write_bytes(case.table)
    try:
        said = run(path)
    except FileError as error:
        kind = REFUSED if is_clear(error.text, path) else UNCLEAR
        return Outcome(kind, error.text)
    except Exception as error:  # the very thing that is counted
        frames = traceback.extract_tb(error.__traceback__)
        last = next(
            (f for f in reversed(frames) if "visualbp" in f.filename and "site-packages" not in f.filename), frames[-1]
        )
        return Outcome(
            UNEXPECTED, f"{type(error).__name__}: {str(error)[:100]} ({os.path.basename(last.filename)}:{last.lineno})"
        )
    return Outcome(LARGE if said.startswith("needs") else ACCEPTED, said)


def run(path: Path) -> str:
    """What the commands and the window do with a file. Raises FileError where it cannot run."""
    network = load_network(path)
    dataset, problem = load_data(network, path.parent)
    structure = structure_of(network)
    if structure.can_run and dataset is not None:
        needs = needs_of(network, structure, len(dataset))
        if needs.are_large and needs.bytes <= MOST_MEMORY:
            return f"needs {needs.text}"
    prepared = prepare(network, dataset, Carried(), problem)
    for found in prepared.problems:
        assert found.message and "\n" not in found.text, found
    executor = prepared.executor
    if executor is None:
        open_model(str(path))  # has to refuse it too, and to say why
        raise AssertionError("the commands run what the window does not")
    notation = Notation(executor.plan)
    steps = executor.plan.steps
    for _ in steps:
        executor.step()
    for step in steps[:: max(1, len(steps) // 20)]:
        assert notation.step_equation(step)
    again = network_from_text(network_to_text(network), "again")
    assert again == network, "what is written reads differently"
    assert network_to_record(again)
    return f"{len(steps)} steps"
