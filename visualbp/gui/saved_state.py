"""Whether the weights at hand are in the document's file: told by the weights themselves, not by where they stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Slot

from visualbp.core.arrays import Array
from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.engine.plan import Phase
from visualbp.gui.context import Context
from visualbp.gui.document import Document
from visualbp.network import Network
from visualbp.network.edits import drop_unfit_parameters
from visualbp.network.network import Parameters

WORTH_ASKING = 60.0
"""Seconds of training from which the weights of a sample are worth a question. A file of one's own always is."""
TRAINING = (Mode.TRAINING, Mode.CONTINUING)


def has_trained(snapshot: Snapshot) -> bool:
    """Return whether the weights have moved away from where the run started."""
    return snapshot.iteration > 0 or snapshot.phase == Phase.UPDATE


def live_parameters(document: Document, snapshot: Snapshot) -> Parameters:
    """Return parameters and buffers as they are now, if the document's network has been trained; else as it has them.

    A snapshot that an edit, or another file, has overtaken counts for what it still knows of this network.
    """
    network, plan = document.network, snapshot.plan
    if plan is None or snapshot.generation < document.opened_at or not has_trained(snapshot):
        return network.parameters
    live = {layer: dict(arrays) for layer, arrays in network.parameters.items()}
    for info in plan.lasting:
        layer, name = info.value.layer, info.value.role
        array = snapshot.values.get(info.value)
        edited = _parameter(network, layer, name) is not _parameter(snapshot.network, layer, name)
        if array is not None and not edited:
            live.setdefault(layer, {})[name] = array
    return live


def live_network(document: Document, snapshot: Snapshot) -> Callable[[], Network]:
    """Return what makes the document's network with its parameters as they are now: what a save writes.

    That takes time for a thousand layers; as it reads frozen things alone, any thread may do it.
    """
    network, live = document.network, live_parameters(document, snapshot)
    if live is network.parameters:
        return lambda: network
    return partial(drop_unfit_parameters, replace(network, parameters=live))


def _parameter(network: Network, layer: str, name: str) -> Array | None:
    return network.parameters.get(layer, {}).get(name)


def is_in(parameters: Parameters, on_disk: Parameters) -> bool:
    """Whether all these parameters are among those on the disk, to the bit."""
    for layer, arrays in parameters.items():
        for name, array in arrays.items():
            saved = on_disk.get(layer, {}).get(name)
            if saved is not array and (saved is None or not np.array_equal(saved, array, equal_nan=True)):
                return False
    return True


class TrainedWork(QObject):
    """Tells the document, at every snapshot, whether there are trained weights that would be lost."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._seconds = 0.0
        self._then: float | None = None
        """When the last snapshot came, if it was one of a run."""
        self._away_from: Parameters | None = None
        """The parameters on disk that the weights at hand are known to differ from."""
        context.debugger.snapshot_changed.connect(self._on_snapshot)

    def is_beyond(self, parameters: Parameters) -> bool:
        """Whether the weights at hand are others than these."""
        return not is_in(live_parameters(self._context.document, self._context.debugger.snapshot), parameters)

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        document, now = self._context.document, time.monotonic()
        if self._then is not None:
            self._seconds += now - self._then
        self._then = now if snapshot.mode in TRAINING else None
        on_disk = document.parameters_on_disk
        if not (snapshot.is_running and self._away_from is on_disk):  # a run only leads further away
            saved = is_in(live_parameters(document, snapshot), on_disk)
            self._away_from = None if saved else on_disk
        unsaved = self._away_from is not None
        if not unsaved:
            self._seconds = 0.0
        document.set_trained(unsaved and (document.sample is None or self._seconds >= WORTH_ASKING))
