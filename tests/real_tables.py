"""Tables as people have them, unscaled, and correct networks on them.

Two are real (iris, and the digits as pixels from 0 to 16). The others are drawn with the columns, ranges and skews of
well-known ones: years, prices, counts, percentages, degrees, a column that is constant, one that is nearly always 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.building import chain, optimizer
from tests.checked_networks import HardCase
from visualbp.core.arrays import Array
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.datasets.base import make_spec
from visualbp.engine import Executor, compile_plan
from visualbp.engine.store import initial_parameters
from visualbp.network import Network, Training

SAMPLES = 240
"""Rows of a table that is drawn."""
BATCH = 32
TRAINED = 300
"""Iterations of Adam after which a network is judged once more: some losses are exactly 0 by then."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table; `classes` is 0 where the targets are numbers."""

    name: str
    inputs: Array
    targets: Array
    classes: int = 0


Draw = np.random.Generator
Column = Callable[[Draw], Array]


def whole(low: int, high: int) -> Column:
    return lambda draw: draw.integers(low, high + 1, SAMPLES).astype(float)


def even(low: float, high: float, decimals: int = 2) -> Column:
    return lambda draw: draw.uniform(low, high, SAMPLES).round(decimals)


def normal(mean: float, spread: float, decimals: int = 2) -> Column:
    return lambda draw: draw.normal(mean, spread, SAMPLES).round(decimals)


def skewed(median: float, spread: float, decimals: int = 0) -> Column:
    """Prices, incomes, populations: the logarithm is normal."""
    return lambda draw: (median * np.exp(spread * draw.standard_normal(SAMPLES))).round(decimals)


def rarely(share: float, high: float) -> Column:
    """Mostly 0, as capital gains or crimes are."""
    return lambda draw: (draw.random(SAMPLES) < share) * draw.uniform(0.0, high, SAMPLES).round()


def always(value: float) -> Column:
    return lambda draw: np.full(SAMPLES, value)


COLUMNS: dict[str, tuple[int, tuple[Column, ...]]] = {
    # classes (0: numbers), and the columns; the target follows from them
    "diabetes": (
        0,
        (
            *(whole(19, 79), whole(1, 2), normal(26.4, 4.4, 1), normal(94.6, 13.8, 0), normal(189, 34.6, 0)),
            *(normal(115, 30.4, 1), normal(49.8, 12.9, 0), normal(4.1, 1.3, 1), normal(4.6, 0.5, 4), normal(91, 11, 0)),
        ),
    ),
    "california housing": (
        0,
        (
            *(skewed(3.5, 0.45, 4), whole(1, 52), skewed(5.2, 0.3, 3), skewed(1.05, 0.1, 3), skewed(1166, 0.75)),
            *(skewed(2.8, 0.25, 3), even(32.5, 42.0), even(-124.3, -114.3)),
        ),
    ),
    "houses": (
        0,
        (whole(1872, 2010), skewed(9478, 0.5), whole(1, 10), skewed(1464, 0.33), whole(2006, 2010), always(1.0)),
    ),
    "boston": (
        0,
        (
            *(skewed(0.26, 2.1, 5), rarely(0.27, 100), whole(0, 1), normal(0.55, 0.11, 3), normal(6.3, 0.7, 3)),
            *(even(2.9, 100.0, 1), skewed(3.2, 0.5, 4), whole(1, 24), whole(187, 711), even(12.6, 22.0, 1)),
            *(even(0.3, 396.9), even(1.7, 38.0)),
        ),
    ),
    "cars": (
        0,
        (whole(3, 8), even(68.0, 455.0, 1), whole(46, 230), whole(1613, 5140), even(8.0, 24.8, 1), whole(70, 82)),
    ),
    "linnerud": (0, (whole(1, 17), whole(50, 251), whole(25, 250))),
    "sales": (0, (whole(2015, 2024), whole(1, 12), skewed(2.4e6, 0.8), even(0.0, 100.0, 1), skewed(350, 1.0))),
    "weather station": (
        0,
        (normal(101325, 800, 0), normal(288.2, 9.0), even(0.0, 100.0, 1), whole(0, 359), always(412.0)),
    ),
    "log of a server": (0, (even(1.60e9, 1.70e9, 0), skewed(5e4, 2.0), whole(0, 65535), always(0.0))),
    "wine": (
        3,
        (
            *(normal(13.0, 0.8), skewed(1.9, 0.4, 2), normal(2.4, 0.3), normal(19.5, 3.3, 1), whole(70, 162)),
            *(normal(2.3, 0.6), normal(2.0, 1.0), normal(0.36, 0.12), skewed(4.7, 0.45, 2), whole(278, 1680)),
        ),
    ),
    "breast cancer": (
        2,
        (
            *(
                normal(14.1, 3.5),
                normal(19.3, 4.3),
                normal(92.0, 24.3, 1),
                skewed(551, 0.5, 1),
                normal(0.096, 0.014, 5),
            ),
            *(skewed(0.06, 0.8, 5), skewed(24.5, 0.7, 2), normal(0.007, 0.003, 6), skewed(686, 0.55, 1)),
        ),
    ),
    "adult": (2, (whole(17, 90), skewed(178356, 0.5), whole(1, 16), rarely(0.08, 99999), whole(1, 99))),
    "credit": (2, (whole(18, 75), whole(250, 18424), whole(4, 72), even(0.0, 1.0, 4), always(1e3), whole(0, 1))),
}


def _drawn(number: int, name: str) -> Table:
    draw = np.random.default_rng([number, 31])
    classes, columns = COLUMNS[name]
    inputs = np.stack([column(draw) for column in columns], 1)
    spread = inputs.std(0)
    score = ((inputs - inputs.mean(0)) / np.where(spread > 0, spread, 1.0)) @ draw.standard_normal(len(columns))
    score += 0.3 * draw.standard_normal(SAMPLES)
    if classes:
        edges = np.quantile(score, np.arange(1, classes) / classes)
        return Table(name, inputs, np.searchsorted(edges, score), classes)
    target = 10.0 ** draw.uniform(0.0, 5.3) * np.exp(0.3 * score)  # from grades to house prices
    return Table(name, inputs, target[:, None].round(2))


def tables() -> Iterator[Table]:
    """Return the tables: 15, 9 of them with numbers to predict."""
    for name in ("iris", "digits"):
        data = load_dataset(make_spec(name))
        yield Table(name, data.inputs, data.targets, int(data.targets.max()) + 1)
    for number, name in enumerate(COLUMNS):
        yield _drawn(number, name)


def tables_of(folder: Path) -> Iterator[Table]:
    """Return the tables of a folder's CSV files that can be read as they are, the last column as the target."""
    for path in sorted(folder.glob("*.csv")):
        try:
            data = load_dataset(make_spec("csv", {"path": str(path)}), folder)
        except DataError:
            continue
        yield Table(
            path.stem, data.inputs, data.targets, int(data.targets.max()) + 1 if data.targets_are_classes else 0
        )


# -- networks on them --------------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "linear": (),
    "tanh": (("dense", {"units": 8, "activation": "tanh"}),),
    "relu, relu": (("dense", {"units": 12, "activation": "relu"}), ("dense", {"units": 6, "activation": "relu"})),
    "sigmoid": (("dense", {"units": 6, "activation": "sigmoid"}),),
    "batch norm": (("batch_norm", {}), ("dense", {"units": 6, "activation": "gelu"})),
    "weight norm": (("dense", {"units": 6, "activation": "leaky_relu", "weight_norm": True}),),
    "layer norm": (("dense", {"units": 6, "activation": "softplus"}), ("layer_norm", {})),
}
Head = tuple[str, str]
"""The activation of the last layer, and the loss."""
CLASS_HEADS: tuple[Head, ...] = (
    ("linear", "softmax_cross_entropy"),
    ("softmax", "cross_entropy"),
    ("linear", "hinge"),
    ("sigmoid", "binary_cross_entropy"),
    ("linear", "binary_cross_entropy_with_logits"),
    ("softmax", "mean_squared_error"),
    ("sigmoid", "mean_absolute_error"),
)
NUMBER_HEADS: tuple[Head, ...] = (
    ("linear", "mean_squared_error"),
    ("linear", "mean_absolute_error"),
    ("linear", "huber"),
    ("linear", "half_squared_error"),
    ("softplus", "mean_squared_error"),
    ("relu", "mean_absolute_error"),
    ("elu", "huber"),
)


def network_on(table: Table, body: str, head: Head, seed: int) -> tuple[Network, Array]:
    """Return a network, and the targets as its loss takes them."""
    activation, loss = head
    targets = table.targets
    if table.classes and loss not in ("softmax_cross_entropy", "cross_entropy"):
        targets = np.eye(table.classes)[table.targets]
        targets = 2 * targets - 1 if loss == "hinge" else targets
    layers = [(f"h{place}", kind, options) for place, (kind, options) in enumerate(BODIES[body], 1)]
    network = chain(
        ("in", "input", {"shape": [table.inputs.shape[1]]}),
        *layers,
        ("out", "dense", {"units": table.classes or table.targets.shape[1], "activation": activation}),
        ("loss", loss, {}),
        seed=seed,
    )
    training = Training(optimizer=optimizer("adam", learning_rate=0.01), batch_size=min(BATCH, len(table.inputs)))
    return replace(network, training=training), targets


def cases(found: Iterator[Table] | None = None, first: int = 0) -> Iterator[tuple[str, HardCase]]:
    """Return a case for each table and body, and each once more after some training: 2 x 105 of `tables`.

    The heads take turns, so that each table and each body meets all of them.
    """
    for number, table in enumerate(tables() if found is None else found):
        heads = CLASS_HEADS if table.classes else NUMBER_HEADS
        for place, body in enumerate(BODIES):
            head = heads[(number + place) % len(heads)]
            network, targets = network_on(table, body, head, 100 * number + place + first)
            executor = Executor(compile_plan(network), Dataset(table.inputs, targets))
            name = f"{table.name}, {body}, {head[0]} and {head[1]}"
            yield name, _case(network, executor, initial_parameters(executor.plan), "as initialised")
            with np.errstate(all="ignore"):  # what is not finite then is refused, and counted
                for _ in range(TRAINED):
                    executor.run_fast()
            yield f"{name}, trained", _case(network, executor, executor.parameter_views(), "trained")


def _case(network: Network, executor: Executor, parameters: Any, kind: str) -> HardCase:
    batch = executor.batch_indices(executor.iteration)
    own = {value: np.array(array) for value, array in parameters.items()}
    return HardCase(kind, network, own, executor.inputs[batch], executor.targets[batch], executor.context)
