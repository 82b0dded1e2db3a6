"""Sequences made of a seed: strings of letters with a rule to learn or to be said again, and a row to be remembered."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, size_of
from visualbp.core.options import LARGEST_SIZE, IntOption
from visualbp.datasets.base import DataError, Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, counts, samples_option

LETTERS = IntOption("letters", 4, "how many different letters there are", minimum=2, maximum=26)
TRAINED_FOR_ONE_HELD_OUT = 4
"""One string is held out for so many that are trained on, as long as there are others left."""


def distinct_rows(generator: np.random.Generator, sizes: Sequence[int], count: int) -> Array:
    """Return `count` different rows of whole numbers (count, len(sizes)), those of column i from 0 to sizes[i] - 1.

    Every row has the same chance. The caller sees to it that there are as many.
    """
    total = size_of(tuple(sizes))
    if total <= 4 * count:
        chosen = generator.permutation(total)[:count]
        return np.stack(np.unravel_index(chosen, tuple(sizes)), axis=1)
    rows = np.empty((0, len(sizes)), np.int64)
    while len(rows) < count:
        rows = np.concatenate([rows, generator.integers(0, sizes, (2 * count, len(sizes)))])
        _, first = np.unique(rows, axis=0, return_index=True)
        rows = rows[np.sort(first)]
    return rows[:count]


def _held_out(samples: int, total: int, what: str) -> int:
    """Return how many can be held out beside `samples`. Raises DataError where there are not even so many."""
    if samples > total:
        raise DataError(f"there are only {total:,} {what}, and {samples:,} are asked for; use fewer, or longer strings")
    return min(samples // TRAINED_FOR_ONE_HELD_OUT, total - samples)


def _load_strings(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    """Strings as letter indices (N, length), and whether each ends as it begins, 0 or 1: half of them do."""
    generator = np.random.default_rng(options["seed"])
    letters, before_last = options["letters"], [options["letters"]] * (options["length"] - 1)
    shares = counts(options["samples"], 2)
    held = _held_out(shares[0], size_of(tuple(before_last)), "strings that end as they begin")
    kinds = []
    for ends_as_it_begins, share in zip((False, True), shares, strict=True):
        turns = [] if ends_as_it_begins else [letters - 1]
        rows = distinct_rows(generator, [*before_last, *turns], share + held)
        turn = 0 if ends_as_it_begins else 1 + rows[:, -1]
        kinds.append(np.column_stack([rows[:, : len(before_last)], (rows[:, 0] + turn) % letters]))

    def mixed(parts: Sequence[Array], held_out: Dataset | None) -> Dataset:
        inputs = np.concatenate(parts).astype(np.float64)
        targets = np.repeat(np.arange(2), [len(part) for part in parts])
        order = generator.permutation(len(inputs))
        names = tuple(f"letter {place + 1}" for place in range(inputs.shape[1]))
        return Dataset(inputs[order], targets[order], names, ("ends otherwise", "ends as it begins"), held_out)

    rest = mixed([rows[share:] for rows, share in zip(kinds, shares, strict=True)], None) if held else None
    return mixed([rows[:share] for rows, share in zip(kinds, shares, strict=True)], rest)


def _load_copy(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    """Strings that are read and then said again: tokens (N, 2 length), and the letter due at each place (N, 2 length).

    A token says which letter stands at which place, `place * letters + letter`; after the string come tokens that ask
    for the letter at each place in turn, `length * letters + place`. Attention knows of no order but what tokens say.
    """
    generator = np.random.default_rng(options["seed"])
    samples, letters, length = options["samples"], options["letters"], options["length"]
    held = _held_out(samples, letters**length, f"strings of {length} letters")
    strings = distinct_rows(generator, [letters] * length, samples + held)
    places = np.arange(length)
    questions = np.broadcast_to(length * letters + places, strings.shape)
    tokens = np.concatenate([places * letters + strings, questions], axis=1).astype(np.float64)
    due = np.concatenate([strings, strings], axis=1)
    names = tuple(f"{what} {place + 1}" for what in ("letter", "ask for") for place in places)
    classes = tuple(string.ascii_lowercase[:letters])
    rest = Dataset(tokens[samples:], due[samples:], names, classes) if held else None
    return Dataset(tokens[:samples], due[:samples], names, classes, rest)


def _load_recall(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    """Sequences (N, steps, features) of zeros, but for a normal row at the first step, which is the target."""
    generator = np.random.default_rng(options["seed"])
    size = options["samples"] * options["steps"] * options["features"]
    if size > LARGEST_SIZE:
        raise DataError(f"the sequences would hold {size:,} numbers; {LARGEST_SIZE:,} is the most; use fewer steps")
    rows = generator.normal(size=(options["samples"], options["features"]))
    inputs = np.zeros((len(rows), options["steps"], rows.shape[1]))
    inputs[:, 0] = rows
    return Dataset(inputs, rows, tuple(f"step {step}" for step in range(options["steps"])))


def _length(default: int, fewest: int, what: str) -> IntOption:
    return IntOption("length", default, what, minimum=fewest, maximum=20)


datasets.register(
    DatasetEntry(
        "strings",
        "Strings",
        "Short strings of letters as indices. Half of them end as they begin, and that is what is to be told.",
        _load_strings,
        (samples_option(400), SEED, LETTERS, _length(6, 2, "how many letters a string has")),
    )
)
datasets.register(
    DatasetEntry(
        "copy",
        "Copy",
        "Strings to be said again: tokens for each letter at its place, then tokens that ask for each place in turn.",
        _load_copy,
        (samples_option(192), SEED, LETTERS, _length(4, 1, "how many letters are to be said again")),
    )
)
datasets.register(
    DatasetEntry(
        "recall",
        "Recall",
        "A row of numbers at the first time step, then nothing; at the end the row is asked for.",
        _load_recall,
        (
            samples_option(32),
            SEED,
            IntOption("steps", 51, "how many time steps", minimum=1, maximum=1000),
            IntOption("features", 8, "how many numbers are to be remembered", minimum=1, maximum=100),
        ),
    )
)
