"""The norms of all layers over iterations: what the metrics have told so far."""

from __future__ import annotations

import numpy as np

from visualbp.debugger.snapshot import LayerNorms, Metrics
from visualbp.gui.widgets.point_log import PointLog

MEASURES = ("delta", "weight", "bias", "ratio")


def as_row(norms: LayerNorms) -> tuple[float, ...]:
    """Return the norms in the order of MEASURES, NaN for what is absent."""
    found = (norms.delta, norms.weight_gradient, norms.bias_gradient, norms.update_ratio)
    return tuple(np.nan if value is None else value for value in found)


class NormHistory:
    """For each layer the four measures, by iteration."""

    def __init__(self) -> None:
        self.layers: tuple[str, ...] = ()
        self._log = PointLog(0)

    def __len__(self) -> int:
        return len(self._log)

    @property
    def iterations(self) -> np.ndarray:
        """The iterations that norms are kept of."""
        return self._log.iterations

    def series(self, layer: str, measure: str) -> np.ndarray:
        """Return a layer's values of one of MEASURES, one for each of `iterations`; NaN where absent."""
        column = self.layers.index(layer) * len(MEASURES) + MEASURES.index(measure)
        found: np.ndarray = self._log.rows[:, column]
        return found

    def add(self, metrics: Metrics) -> None:
        """Take a point, in its place. Layers that are gone are forgotten; those that are new have no past."""
        if tuple(metrics.layers) != self.layers:
            self._take_layers(tuple(metrics.layers))
        row = [number for norms in metrics.layers.values() for number in as_row(norms)]
        self._log.add(metrics.iteration, np.array(row))

    def _take_layers(self, layers: tuple[str, ...]) -> None:
        log = PointLog(len(layers) * len(MEASURES))
        blank = np.full(len(self), np.nan)
        kept = [self.series(name, measure) if name in self.layers else blank for name in layers for measure in MEASURES]
        for place, iteration in enumerate(self.iterations):
            log.add(int(iteration), np.array([column[place] for column in kept]))
        self.layers, self._log = layers, log

    def truncate(self, iteration: int) -> None:
        """Forget the points from `iteration` on."""
        self._log.truncate(iteration)
