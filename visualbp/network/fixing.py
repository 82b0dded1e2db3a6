"""Makes the single edits of `fixes.py`: a network in, the next one out."""

from __future__ import annotations

from dataclasses import replace

from visualbp.network import edits
from visualbp.network.fixes import (
    AddInput,
    AddLoss,
    AddUp,
    Connect,
    DeleteLayer,
    Disconnect,
    Fix,
    RemoveBug,
    SetBatchSize,
    SetOption,
)
from visualbp.network.network import Network, Position

STEP, WIDTH, HEIGHT = 230.0, 190.0, 110.0
"""From a card to the next one in a row, and the room that a card takes."""


def fixed(network: Network, fix: Fix) -> Network:
    """Return the network without the problem that has this fix. Raises EditError where the fix is of another network,
    and does not fit."""
    try:
        return _fixed(network, fix)
    except KeyError as error:
        raise edits.EditError(str(error)) from None


def _fixed(network: Network, fix: Fix) -> Network:
    match fix:
        case SetOption(layer, option, value):
            return edits.set_options(network, layer, {option: value})
        case Connect(source, target):
            return edits.connect(network, source, target)
        case Disconnect(source, target):
            return edits.disconnect(network, [(source, target)])
        case DeleteLayer(name):
            return edits.remove_layers(network, [name])
        case SetBatchSize(size):
            return replace(network, training=replace(network.training, batch_size=size))
        case RemoveBug(bug):
            return edits.remove_bugs(network, [bug])
        case AddInput(target):
            grown, name = _with_new(network, "input", target, -STEP)
            return edits.connect(grown, name, target)
        case AddLoss(source, type_name, _):
            grown, name = _with_new(network, type_name, source, STEP)
            return edits.connect(grown, source, name)
        case AddUp(layer):
            grown, name = _with_new(network, "add", layer, -STEP / 2)
            joined = tuple((s, name if t == layer else t) for s, t in grown.connections)
            return edits.drop_unfit_parameters(replace(grown, connections=(*joined, (name, layer))))


def _with_new(network: Network, type_name: str, beside: str, step: float) -> tuple[Network, str]:
    """Return the network with a new layer beside another, and its name."""
    layer = edits.new_layer(network, type_name)
    x, y = network.positions.get(network.layer(beside).name, (0.0, 0.0))
    return edits.add_layer(network, layer, _free_place(network, x + step, y)), layer.name


def _free_place(network: Network, x: float, y: float) -> Position:
    """Return the first place from here downwards where no card stands."""
    while any(abs(x - left) < WIDTH and abs(y - top) < HEIGHT for left, top in network.positions.values()):
        y += HEIGHT
    return x, y
