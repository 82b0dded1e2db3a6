"""Edits: pure functions from a network to the next one. Each is one step of undo, and shares the unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from visualbp.core.arrays import Array
from visualbp.core.options import parse_options
from visualbp.core.visible_text import shown
from visualbp.layers import layer_types
from visualbp.network.bugs import PlantedBug, bug_kinds
from visualbp.network.network import Connection, Layer, Network, Position, make_layer, options_of
from visualbp.network.structure import structure_of

LONGEST_NAME = 60
NAME_RULE = f"1 to {LONGEST_NAME} letters, digits, spaces and - _ ( ) + ="
_NAME = re.compile(r"[\w\-()+=][\w \-()+=]*")


class EditError(ValueError):
    """An edit that cannot be. The message says why, for people."""


def name_problem(network: Network, name: str, present: str | None = None) -> str | None:
    """Return why a layer (now called `present`) cannot be called `name`, or None if it can."""
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or name != name.strip():
        return f"a layer's name has {NAME_RULE}, not {shown(name)}"
    if name != present and name in network.names:
        return f"there is a layer called {name} already"
    return None


def free_name(taken: Iterable[str], wanted: str) -> str:
    """Return `wanted`, or `wanted_2`, `wanted_3`, ... if it is taken. A number at its end counts on."""
    names = set(taken)
    if wanted not in names:
        return wanted
    stem = re.sub(r"_\d+$", "", wanted)
    number = 2
    while f"{stem}_{number}" in names:
        number += 1
    return f"{stem}_{number}"


def new_layer(network: Network, type_name: str) -> Layer:
    """Return a layer of this type, as it comes from the palette, with a free name."""
    kind = layer_types.get(type_name)
    return make_layer(free_name(network.names, kind.default_name or type_name), type_name, kind.starting_options)


def add_layer(network: Network, layer: Layer, position: Position) -> Network:
    """Return the network with `layer` at `position`. Raises EditError for a bad or taken name."""
    problem = name_problem(network, layer.name)
    if problem:
        raise EditError(problem)
    positions = {**network.positions, layer.name: position}
    return replace(network, layers=(*network.layers, layer), positions=positions)


def remove_layers(network: Network, names: Iterable[str]) -> Network:
    """Return the network without these layers, their connections, positions, parameters and planted bugs.

    Given parameters of others that no longer fit go too, here and wherever connections change.
    """
    gone = set(names)
    rest = replace(
        network,
        layers=tuple(layer for layer in network.layers if layer.name not in gone),
        connections=tuple(c for c in network.connections if not gone.intersection(c)),
        positions={name: place for name, place in network.positions.items() if name not in gone},
        parameters={name: arrays for name, arrays in network.parameters.items() if name not in gone},
        bugs=tuple(bug for bug in network.bugs if bug.layer not in gone),
    )
    return drop_unfit_parameters(rest)


def connect(network: Network, source: str, target: str) -> Network:
    """Return the network with one more connection, as the last operand of `target`."""
    if source not in network.names or target not in network.names:
        raise EditError(f"cannot connect {source} to {target}: there is no such layer")
    if (source, target) in network.connections:
        raise EditError(f"{source} and {target} are connected already")
    _refuse_after_loss(network.layer(source), target)
    return drop_unfit_parameters(replace(network, connections=(*network.connections, (source, target))))


def _refuse_after_loss(source: Layer, target: str) -> None:
    """Raise EditError for a connection from a loss, which is the end of a network."""
    if source.kind.is_loss:
        raise EditError(f"{source.name} cannot be connected to {target}: a loss is the end, and nothing comes after it")


def disconnect(network: Network, connections: Iterable[Connection]) -> Network:
    """Return the network without these connections, and without parameters that no longer fit."""
    gone = set(connections)
    return drop_unfit_parameters(replace(network, connections=tuple(c for c in network.connections if c not in gone)))


def remove(network: Network, names: Iterable[str], connections: Iterable[Connection]) -> Network:
    """Return the network without these layers and connections: what the Delete key does."""
    return remove_layers(disconnect(network, connections), names)


def insert_on_connection(network: Network, layer: Layer, connection: Connection, position: Position) -> Network:
    """Return the network with `layer` put into `connection`; the target's operands keep their order."""
    source, target = connection
    if connection not in network.connections:
        raise EditError(f"{source} and {target} are not connected")
    _refuse_after_loss(layer, target)
    grown = network if layer.name in network.names else add_layer(network, layer, position)
    connections: list[Connection] = []
    for present in grown.connections:
        connections += [(source, layer.name), (layer.name, target)] if present == connection else [present]
    positions = {**grown.positions, layer.name: position}
    return drop_unfit_parameters(replace(grown, connections=tuple(connections), positions=positions))


def rename_layer(network: Network, old: str, new: str) -> Network:
    """Return the network with a layer renamed wherever it is named. Raises EditError."""
    problem = name_problem(network, new, present=old)
    if problem:
        raise EditError(problem)

    def renamed(name: str) -> str:
        return new if name == old else name

    return replace(
        network,
        layers=tuple(replace(layer, name=new) if layer.name == old else layer for layer in network.layers),
        connections=tuple((renamed(source), renamed(target)) for source, target in network.connections),
        positions={renamed(name): place for name, place in network.positions.items()},
        parameters={renamed(name): arrays for name, arrays in network.parameters.items()},
        bugs=tuple(replace(bug, layer=renamed(bug.layer)) for bug in network.bugs),
    )


def _with_layer(network: Network, layer: Layer) -> Network:
    return replace(network, layers=tuple(layer if layer.name == old.name else old for old in network.layers))


def set_options(network: Network, name: str, changes: Mapping[str, Any]) -> Network:
    """Return the network with options of a layer changed; options that no longer apply are dropped.

    Given parameters that no longer fit are dropped too; the others stay. Raises OptionError.
    """
    layer = network.layer(name)
    given = {**layer.options, **changes}
    options = layer.kind.options_for(given)
    known = {option.name for option in options}
    stale = {option.name for option in options_of(layer)} - known
    kept = {key: value for key, value in given.items() if key not in stale}
    changed = _with_layer(network, replace(layer, options=parse_options(options, kept)))
    return drop_unfit_parameters(changed)


def drop_unfit_parameters(network: Network) -> Network:
    """Return the network without the given parameters that fit no layer any more."""
    if not network.parameters:
        return network
    structure = structure_of(network)
    kept: dict[str, dict[str, Array]] = {}
    for name, arrays in network.parameters.items():
        if name not in structure.parameters:
            if name in network.names:
                kept[name] = dict(arrays)
            continue
        shapes = {spec.name: spec.shape for spec in structure.saved(name)}
        fitting = {key: array for key, array in arrays.items() if shapes.get(key) == array.shape}
        if fitting:
            kept[name] = fitting
    return replace(network, parameters=kept)


def set_frozen(network: Network, name: str, frozen: bool | tuple[str, ...]) -> Network:
    """Return the network with a layer frozen: all of its parameters (True), none (False), or those named."""
    return _with_layer(network, replace(network.layer(name), frozen=frozen))


def move_layers(network: Network, places: Mapping[str, Position]) -> Network:
    """Return the network with these layers at other places of the canvas."""
    return replace(network, positions={**network.positions, **places})


def set_parameter(network: Network, name: str, parameter: str, array: Array) -> Network:
    """Return the network with a parameter given. `array` must be read-only from now on."""
    arrays = {**network.parameters.get(name, {}), parameter: array}
    return replace(network, parameters={**network.parameters, name: arrays})


def draw_parameters(network: Network, name: str) -> Network:
    """Return the network with every parameter of a layer drawn from its initialiser: what was given of it is left out.

    Returns `network` itself where nothing is given.
    """
    if not network.parameters.get(name):
        return network
    return replace(network, parameters={layer: own for layer, own in network.parameters.items() if layer != name})


def clear_parameters(network: Network, seed: int | None = None) -> Network:
    """Return the network with every parameter drawn from its initialiser, with another seed if one is given."""
    return replace(network, parameters={}, seed=network.seed if seed is None else seed)


def plant_bug(network: Network, bug: PlantedBug) -> Network:
    """Return the network with `bug` in its backward pass, in place of one that is in the same rule. Raises EditError.

    Whether the bug fits its rule is known where the network is compiled: `engine.bugs.obstacle` says it.
    """
    if bug.kind not in bug_kinds:
        raise EditError(f"there is no bug called {bug.kind}; there are {', '.join(bug_kinds.names())}")
    if bug.layer not in network.names:
        raise EditError(f"a bug cannot be planted in {bug.layer}: there is no such layer")
    return replace(network, bugs=(*(other for other in network.bugs if other.place != bug.place), bug))


def remove_bugs(network: Network, bugs: Iterable[PlantedBug] | None = None) -> Network:
    """Return the network without these bugs, by default without any."""
    gone = set(network.bugs if bugs is None else bugs)
    return replace(network, bugs=tuple(bug for bug in network.bugs if bug not in gone))


def set_bug_hunt(network: Network, bug_hunt: bool) -> Network:
    """Return the network marked as a bug hunt, whose file keeps the bugs, or as none."""
    return replace(network, bug_hunt=bug_hunt)


def copy_part(network: Network, names: Iterable[str]) -> Network:
    """Return these layers with the connections among them, as a network of their own (a clipboard's content)."""
    return remove_layers(network, set(network.names) - set(names))


def paste(network: Network, part: Network, offset: Position) -> tuple[Network, tuple[str, ...]]:
    """Return the network with the layers of `part` added beside, under free names, and those names.

    Bugs are not copied.
    """
    new_names: dict[str, str] = {}
    for layer in part.layers:
        new_names[layer.name] = free_name([*network.names, *new_names.values()], layer.name)
    layers = tuple(replace(layer, name=new_names[layer.name]) for layer in part.layers)
    connections = tuple((new_names[source], new_names[target]) for source, target in part.connections)
    places = {
        new_names[name]: (x + offset[0], y + offset[1]) for name, (x, y) in part.positions.items() if name in new_names
    }
    grown = replace(
        network,
        layers=(*network.layers, *layers),
        connections=(*network.connections, *connections),
        positions={**network.positions, **places},
        parameters={**network.parameters, **{new_names[name]: arrays for name, arrays in part.parameters.items()}},
    )
    return grown, tuple(new_names.values())
