"""From text to a network: parse to plain records, check each part by its options, and resolve names. Nothing is built
for a file with a fault, and nothing large is allocated before its size is checked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, read_only
from visualbp.core.options import BoolOption, ChoiceOption, EntryOption, FloatOption, IntOption, TextOption
from visualbp.core.reading import ReadingError, read_file
from visualbp.core.visible_text import shown
from visualbp.datasets import DataError, DataSpec, datasets, load_dataset
from visualbp.datasets.arrays import ArrayError, array_from_plain
from visualbp.files.errors import FileError, PlaceError
from visualbp.files.json_text import LARGEST_TEXT, parse_json
from visualbp.files.migrate import migrated
from visualbp.files.record import (
    as_list,
    as_object,
    at_option,
    check_keys,
    guess,
    joined,
    parsed,
    parsed_options,
    required,
)
from visualbp.layers import layer_types
from visualbp.network import Clip, Layer, Network, Training, structure_of
from visualbp.network.bugs import PlantedBug, bug_kinds
from visualbp.network.edits import LONGEST_NAME, name_problem
from visualbp.network.network import DEFAULT_OPTIMIZER, Connection, Position
from visualbp.network.structure import parameter_problems
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE

MOST_LAYERS = 2_000
MOST_CONNECTIONS = 20_000
FARTHEST = 1e6
"""No card lies further from the canvas's origin than this."""

KEYS = (
    "format",
    "version",
    "name",
    "description",
    "seed",
    "precision",
    "layers",
    "connections",
    "layout",
    "data",
    "training",
    "bug_hunt",
    "bugs",
    "parameters",
)
NAME = TextOption("name", longest=200)
DESCRIPTION = TextOption("description", "", longest=20_000)
SEED = IntOption("seed", 0, minimum=0, maximum=2**63 - 1)
PRECISION = ChoiceOption("precision", "float64", choices=("float64", "float32"))
OPTIMIZER = EntryOption("optimizer", registry=optimizers)
BUG_HUNT = BoolOption("bug_hunt", False)
BUG = (
    ChoiceOption("kind", choices=tuple(bug_kinds.names())),
    TextOption("layer", longest=LONGEST_NAME),
    TextOption("output", longest=60),
    TextOption("operand", longest=60),
)
MOST_BUGS = 1_000
TRAINING = (
    IntOption("batch_size", Training.batch_size),
    BoolOption("shuffle", Training.shuffle),
    FloatOption("l1", Training.l1, minimum=0.0, maximum=1e9),
    FloatOption("l2", Training.l2, minimum=0.0, maximum=1e9),
    SCHEDULE,
)
CLIP = (
    ChoiceOption("by", choices=("norm", "value")),
    FloatOption("limit", minimum=0.0, open_minimum=True, maximum=1e300),
)


def load_network(path: str | os.PathLike[str]) -> Network:
    """Return the network in the file at `path`. Raises FileError."""
    where = os.fspath(path)
    return network_from_bytes(load_bytes(where), where)


def load_bytes(where: str) -> bytes:
    """Return what the model file at this path holds. Raises FileError."""
    try:
        return read_file(where, LARGEST_TEXT)
    except ReadingError as error:
        raise FileError(where, "", str(error), "choose a model file (.vbp)") from None
    except FileNotFoundError:
        raise FileError(where, "", "there is no such file") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        raise FileError(where, "", f"cannot be read: {reason}") from None


def network_from_text(text: str, where: str = "text") -> Network:
    """Return the network that `text` describes; `where` names it in messages. Raises FileError."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise FileError(where, "", "holds half of a surrogate pair, which is no character") from None
    return network_from_bytes(data, where)


def network_from_bytes(data: bytes, where: str) -> Network:
    """Return the network that a model file with these bytes holds; `where` names it in messages. Raises FileError."""
    record = parse_json(data, where)
    try:
        if not isinstance(record, dict):
            raise PlaceError("", f"must be an object, not {shown(record)}", "a model file begins with {")
        return _network(migrated(record))
    except PlaceError as error:
        raise FileError(where, error.place, error.reason, error.mend) from None


def _network(record: Mapping[str, Any]) -> Network:
    check_keys(record, KEYS, "")
    layers = _layers(required(record, "layers", ""))
    names = [layer.name for layer in layers]
    network = Network(
        name=parsed(NAME, record, ""),
        description=parsed(DESCRIPTION, record, ""),
        seed=parsed(SEED, record, ""),
        precision=parsed(PRECISION, record, ""),
        layers=layers,
        connections=_connections(required(record, "connections", ""), names),
        positions=_positions(as_object(record.get("layout", {}), "layout"), names),
        data=_data(record.get("data")),
        training=_training(as_object(record.get("training", {}), "training")),
        bug_hunt=parsed(BUG_HUNT, record, ""),
        bugs=_bugs(record, names),
        parameters=_parameters(as_object(record.get("parameters", {}), "parameters"), names),
    )
    structure = structure_of(network)
    for index, layer in enumerate(layers):
        if not isinstance(layer.frozen, bool) and layer.name in structure.parameters:
            known = [spec.name for spec in structure.parameters[layer.name]]
            for name in layer.frozen:
                if name not in known:
                    there = f"it has {', '.join(known)}" if known else "it has none"
                    reason = f"{layer.name} has no parameter called {shown(name)}"
                    raise PlaceError(f"layers[{index}].frozen", reason, guess(name, known) or there)
    for problem in parameter_problems(network, structure):
        raise PlaceError(f"parameters.{problem.layer}", problem.message, problem.mend)
    return network


def _layers(value: object) -> tuple[Layer, ...]:
    layers: dict[str, Layer] = {}
    for index, entry in enumerate(as_list(value, "layers", MOST_LAYERS)):
        place = f"layers[{index}]"
        layer = _layer(as_object(entry, place), place)
        if layer.name in layers:
            raise PlaceError(f"{place}.name", f"there are two layers called {layer.name}", "give one another name")
        layers[layer.name] = layer
    return tuple(layers.values())


def _layer(record: Mapping[str, Any], place: str) -> Layer:
    name = required(record, "name", place)
    problem = name_problem(Network(), name)
    if problem:
        raise PlaceError(f"{place}.name", problem)
    type_name = required(record, "type", place)
    kind = at_option(place, "type", lambda: layer_types.get(type_name))
    given = {key: value for key, value in record.items() if key not in ("name", "type", "frozen")}
    options = parsed_options(kind.options_for(given), given, place, f"a layer of type {kind.type_name}")
    return Layer(name, kind.type_name, options, _frozen(record.get("frozen", False), place))


def _frozen(value: object, place: str) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value) or len(value) > 100:
        raise PlaceError(f"{place}.frozen", f"must be true, false, or a list of parameters, not {shown(value)}")
    return tuple(value) or False  # no parameter at all is what `false` says


def _known(name: object, names: Iterable[str], place: str) -> str:
    if not isinstance(name, str):
        raise PlaceError(place, f"must be the name of a layer, not {shown(name)}")
    if name not in names:
        raise PlaceError(place, f"there is no layer called {shown(name)}", guess(name, names))
    return name


def _connections(value: object, names: Sequence[str]) -> tuple[Connection, ...]:
    known, found = dict.fromkeys(names), dict[Connection, int]()
    for index, pair in enumerate(as_list(value, "connections", MOST_CONNECTIONS)):
        place = f"connections[{index}]"
        if not isinstance(pair, list) or len(pair) != 2:
            raise PlaceError(place, 'must be a pair of layers, as in ["input", "hidden"]')
        connection = _known(pair[0], known, f"{place}[0]"), _known(pair[1], known, f"{place}[1]")
        if connection in found:
            raise PlaceError(
                place, f"{pair[0]} and {pair[1]} are connected already by connections[{found[connection]}]"
            )
        found[connection] = index
    cycle = _cycle(names, found)
    if cycle:
        shown_cycle = " -> ".join([*cycle[:6], "..."] if len(cycle) > 7 else cycle)
        raise PlaceError("connections", f"close a cycle: {shown_cycle}", "remove one of them")
    return tuple(found)


def _cycle(names: Iterable[str], connections: Iterable[Connection]) -> list[str]:
    """Return the layers round a cycle, the first of them again at the end, or nothing where there is none."""
    before: dict[str, list[str]] = {}
    waiting: Counter[str] = Counter()
    for source, target in connections:
        before.setdefault(target, []).append(source)
        waiting[source] += 1
    ready = [name for name in names if not waiting[name]]
    for name in ready:  # `ready` grows while it is walked: layers from which no cycle can be reached
        for source in before.get(name, ()):
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    left = set(names).difference(ready)
    if not left:
        return []
    after: dict[str, str] = {source: target for source, target in connections if source in left and target in left}
    path: list[str] = []
    seen: dict[str, int] = {}
    name = min(left)
    while name not in seen:
        seen[name] = len(path)
        path.append(name)
        name = after[name]
    return [*path[seen[name] :], name]


def _positions(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Position]:
    positions: dict[str, Position] = {}
    known = dict.fromkeys(names)
    for name, place in record.items():
        where = joined("layout", name)
        _known(name, known, where)
        fits = isinstance(place, list) and len(place) == 2
        if not fits or not all(
            isinstance(n, int | float) and not isinstance(n, bool) and abs(n) <= FARTHEST for n in place
        ):
            raise PlaceError(where, f"must be [x, y], two numbers of at most {FARTHEST:,.0f}")
        positions[name] = (float(place[0]), float(place[1]))
    return positions


def _data(value: object) -> DataSpec | None:
    if value is None:
        return None
    record = as_object(value, "data")
    source = required(record, "source", "data")
    entry = at_option("data", "source", lambda: datasets.get(source))
    given = {key: part for key, part in record.items() if key != "source"}
    spec = DataSpec(source, parsed_options(entry.options, given, "data", f"the data source {source}"))
    if source == "inline":
        try:
            load_dataset(spec)
        except DataError as error:
            raise PlaceError("", str(error)) from None
    return spec


def _training(record: Mapping[str, Any]) -> Training:
    known = ["optimizer", "clip", *(option.name for option in TRAINING)]
    check_keys(record, known, "training")
    values = {option.name: parsed(option, record, "training") for option in TRAINING}
    optimizer, clip = DEFAULT_OPTIMIZER, None
    if "optimizer" in record:
        optimizer = at_option("training", "optimizer", lambda: OPTIMIZER.parse(record["optimizer"]))
    if record.get("clip") is not None:
        clip = Clip(**parsed_options(CLIP, as_object(record["clip"], "training.clip"), "training.clip", "clip"))
    return Training(optimizer=optimizer, clip=clip, **values)


def _bugs(record: Mapping[str, Any], names: Sequence[str]) -> tuple[PlantedBug, ...]:
    if "bugs" not in record:
        return ()
    entries = as_list(record["bugs"], "bugs", MOST_BUGS)
    if entries and record.get("bug_hunt") is not True:
        raise PlaceError("bugs", "only a bug hunt has bugs in its file", 'add "bug_hunt": true, or remove them')
    bugs: dict[tuple[str, str, str], PlantedBug] = {}
    for index, entry in enumerate(entries):
        place = f"bugs[{index}]"
        bug = PlantedBug(**parsed_options(BUG, as_object(entry, place), place, "a planted bug"))
        _known(bug.layer, names, f"{place}.layer")
        if bug.place in bugs:
            raise PlaceError(place, f"there is a bug in {bug.layer}.{bug.output} for {bug.operand} already")
        bugs[bug.place] = bug
    return tuple(bugs.values())


def _parameters(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, dict[str, Array]]:
    known = dict.fromkeys(names)
    parameters: dict[str, dict[str, Array]] = {}
    for layer, arrays in record.items():
        place = joined("parameters", layer)
        _known(layer, known, place)
        parameters[layer] = {}
        for name, value in as_object(arrays, place).items():
            try:
                array = array_from_plain(value)
            except ArrayError as error:
                raise PlaceError(joined(place, name) + error.place, error.reason) from None
            parameters[layer][name] = read_only(
                array if array.dtype == np.float32 else array.astype(np.float64, copy=False)
            )
    return parameters
