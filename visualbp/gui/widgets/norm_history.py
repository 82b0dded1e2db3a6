"""The norms of all layers over iterations: what the metrics have told so far, in bounded memory."""

from __future__ import annotations

import numpy as np

from visualbp.debugger.snapshot import LayerNorms, Metrics

MEASURES = ("delta", "weight", "bias", "ratio")
MOST_POINTS = 8192
"""Beyond these every second point is dropped: the picture has fewer pixels than that."""


def as_row(norms: LayerNorms) -> tuple[float, ...]:
    """Return the norms in the order of MEASURES, NaN for what is absent."""
    found = (norms.delta, norms.weight_gradient, norms.bias_gradient, norms.update_ratio)
    return tuple(np.nan if value is None else value for value in found)


class NormHistory:
    """Points by iteration, in order. Going back and on again replaces points; nothing is kept twice."""

    def __init__(self) -> None:
        self._count = 0
        self._iterations = np.zeros(256, np.int64)
        self._layers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def iterations(self) -> np.ndarray:
        return self._iterations[: self._count]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self._layers)

    def series(self, layer: str, measure: str) -> np.ndarray:
        """Return a layer's values of one of MEASURES, one for each of `iterations`; NaN where absent."""
        rows: np.ndarray = self._layers[layer][: self._count, MEASURES.index(measure)]
        return rows

    def add(self, metrics: Metrics) -> None:
        """Take a point, in its place."""
        if list(metrics.layers) != list(self._layers):
            kept = {name: rows for name, rows in self._layers.items() if name in metrics.layers}
            empty = np.full((len(self._iterations), len(MEASURES)), np.nan)
            self._layers = {name: kept.get(name, empty.copy()) for name in metrics.layers}
        place = int(np.searchsorted(self.iterations, metrics.iteration))
        if place == self._count or self._iterations[place] != metrics.iteration:
            self._open(place)
        self._iterations[place] = metrics.iteration
        for name, norms in metrics.layers.items():
            self._layers[name][place] = as_row(norms)

    def _open(self, place: int) -> None:
        """Make room for one point at `place`."""
        if self._count >= MOST_POINTS:
            kept = np.arange(0, self._count, 2)
            self._take(kept)
            place = min((place + 1) // 2, self._count)
        if self._count == len(self._iterations):
            self._iterations = np.concatenate([self._iterations, np.zeros_like(self._iterations)])
            self._layers = {
                name: np.concatenate([rows, np.full_like(rows, np.nan)]) for name, rows in self._layers.items()
            }
        for rows in (self._iterations, *self._layers.values()):
            rows[place + 1 : self._count + 1] = rows[place : self._count].copy()
        self._count += 1

    def _take(self, kept: np.ndarray) -> None:
        for rows in (self._iterations, *self._layers.values()):
            rows[: len(kept)] = rows[kept]
        self._count = len(kept)

    def truncate(self, iteration: int) -> None:
        """Forget the points from `iteration` on."""
        self._count = int(np.searchsorted(self.iterations, iteration))
        for rows in self._layers.values():
            rows[self._count :] = np.nan

    def clear(self) -> None:
        self._count = 0
        self._layers = {}
