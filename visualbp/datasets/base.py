"""What a data set is, how a network refers to one, and how its targets become what a loss takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, read_only, size_of
from visualbp.core.options import Option, parse_options
from visualbp.core.registry import Registry, import_all
from visualbp.core.visible_text import visible


class DataError(ValueError):
    """Data that cannot be used. The message names the place (file, row, column) and what would be right.

    Much of it comes from a stranger's file: what would steer a terminal in it is made visible. `layer` is the one that
    they do not fit, if it is one by itself: `reason` leaves its name out. `mend` says what would be right, if known;
    `change` is an option of that layer, and the value that would.
    """

    def __init__(
        self, reason: str, layer: str | None = None, mend: str = "", change: tuple[str, object] | None = None
    ) -> None:
        super().__init__(visible(f"{layer}: {reason}" if layer else reason))
        self.reason, self.layer, self.mend, self.change = visible(reason), layer, mend, change


class TargetError(DataError):
    """Targets that do not fit the layer before the loss. `mend` says what that layer, or the loss, should be.

    `gives` is how many numbers that layer gives, if that is what does not fit; `units` how many it should have.
    """

    def __init__(self, reason: str, mend: str, gives: str = "", units: int = 0) -> None:
        self.have, self.gives = reason, gives
        super().__init__(self.words("the layer before the loss"), mend=mend, change=("units", units) if units else None)

    def words(self, layer: str) -> str:
        """Say it of `layer`, the one before the loss."""
        return visible(f"{self.have}, and {layer} gives {self.gives}" if self.gives else self.have)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and their targets.

    inputs (N, *shape) float64; targets (N, *shape) float64, or class indices (N,) or (N, T) of an integer type.
    `held_out` are samples kept from training, if any. `rows` (N,) says where each sample stood before the data were
    split; None where they were not.
    """

    inputs: Array
    targets: Array
    input_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    held_out: Dataset | None = None
    rows: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def rows_of(self, places: Array) -> Array:
        """Return the row in the data, which is the name of a sample, of the samples at these places."""
        return places if self.rows is None else self.rows[places]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch axis."""
        return self.inputs.shape[1:]

    @property
    def targets_are_classes(self) -> bool:
        """Whether the targets are class indices, and not numbers to be met."""
        return bool(np.issubdtype(self.targets.dtype, np.integer))


@dataclass(frozen=True, eq=False)
class DataSpec:
    """How a network refers to its data: the entry's name and its options, canonical and complete."""

    source: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        if (
            not isinstance(other, DataSpec)
            or self.source != other.source
            or self.options.keys() != other.options.keys()
        ):
            return False
        return all(_same(value, other.options[key]) for key, value in self.options.items())

    def __hash__(self) -> int:
        return hash((self.source, tuple(self.options)))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)


@dataclass(frozen=True)
class DatasetEntry:
    """One source of data: `load(options, folder)` returns it; `folder` is that of the model file (for paths)."""

    type_name: str
    label: str
    description: str
    load: Callable[[Mapping[str, Any], Path | None], Dataset]
    options: tuple[Option, ...] = ()


datasets: Registry[DatasetEntry] = Registry("data source", lambda: import_all("visualbp.datasets"))


def make_spec(source: str, given: Mapping[str, Any] | None = None) -> DataSpec:
    """Return the spec of a source with the given options. Raises UnknownNameError and OptionError."""
    return DataSpec(source, parse_options(datasets.get(source).options, given or {}))


def load_dataset(spec: DataSpec, folder: Path | None = None) -> Dataset:
    """Return the data of `spec`, its arrays read-only. Raises DataError."""
    dataset = datasets.get(spec.source).load(spec.options, folder)
    for part in (dataset, dataset.held_out):
        if part is not None:
            read_only(part.inputs)
            read_only(part.targets)
    return dataset


def encoded_targets(targets: Array, prediction_shape: tuple[int, ...], kind: str) -> Array:
    """Return targets as a float64 array of the prediction's shape, (N, *prediction_shape).

    `kind` is the loss's `target_kind`. Class indices become one-hot rows; yes/no indices become 0 and 1, or -1 and 1
    for `signs`. Raises DataError with the first row that does not fit.
    """
    count, wanted = len(targets), (len(targets), *prediction_shape)
    places, elements = size_of(wanted[:-1]), size_of(wanted)
    if kind == "classes" and targets.size == places != elements and _are_whole(targets):
        targets = targets.astype(np.int64)  # one whole number for each prediction: class indices
    if np.issubdtype(targets.dtype, np.integer):
        if kind == "classes":
            return _one_hot(targets, wanted)
        values = targets.reshape(count, -1).astype(np.float64)
        if kind == "signs":
            values = np.where(values > 0, 1.0, -1.0)
        targets = values
    if targets.shape != wanted:
        if targets.size == np.prod(wanted, dtype=object):
            targets = targets.reshape(wanted)
        else:
            raise _misfit(targets, prediction_shape)
    checks: dict[str, tuple[Callable[[Array], Array], str]] = {
        "binary": (lambda t: (t < 0) | (t > 1), "from 0 to 1"),
        "signs": (lambda t: np.abs(t) != 1, "-1 or 1"),
        "classes": (lambda t: t < 0, "0 or more"),
    }
    if kind in checks:
        wrong, words = checks[kind]
        bad = np.argwhere(wrong(targets))
        if len(bad):
            message = f"the target of sample {bad[0][0]} is {targets[tuple(bad[0])]:g}; this loss takes {words}"
            raise TargetError(message, "choose another loss, or other data")
    return np.ascontiguousarray(targets, np.float64)


def _misfit(targets: Array, prediction_shape: tuple[int, ...]) -> TargetError:
    per_sample = targets.shape[1:] or (1,)
    have = "1 value" if size_of(per_sample) == 1 else f"{' x '.join(map(str, per_sample))} values"
    gives = " x ".join(map(str, prediction_shape)) or "1"
    mend = f"give that layer {per_sample[-1]} {'unit' if per_sample[-1] == 1 else 'units'}"
    units = per_sample[-1] if len(per_sample) == len(prediction_shape) == 1 else 0
    return TargetError(f"the targets have {have} a sample", mend, gives, units)


def _are_whole(numbers: Array) -> bool:
    return bool(((numbers == np.floor(numbers)) & (np.abs(numbers) < 2**31)).all())


def _one_hot(indices: Array, wanted: tuple[int, ...]) -> Array:
    classes = wanted[-1] if len(wanted) > 1 else 1
    places = wanted[:-1]
    if indices.size != int(np.prod(places, dtype=np.int64)):
        count = indices.size // len(indices)
        message = f"there are {count} class indices a sample, and {places[1:]} predictions"
        raise TargetError(message, "choose other data")
    flat = indices.reshape(-1)
    bad = np.flatnonzero((flat < 0) | (flat >= classes))
    if len(bad):
        sample = int(bad[0]) * len(indices) // len(flat)
        message = f"the target of sample {sample} is class {flat[bad[0]]}; there are classes 0 to {classes - 1}"
        needed = int(flat.max()) + 1 if flat.min() >= 0 and flat.max() < 1000 else 0
        raise TargetError(message, f"give the layer before the loss {int(flat.max()) + 1} units", units=needed)
    one_hot = np.zeros((len(flat), classes))
    one_hot[np.arange(len(flat)), flat] = 1.0
    return one_hot.reshape(wanted)
