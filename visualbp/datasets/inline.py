"""Data that are written in the model file itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visualbp.datasets.arrays import ArrayOption, TargetsOption
from visualbp.datasets.base import DataError, Dataset, DatasetEntry, datasets


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    inputs, targets = options["inputs"], options["targets"]
    if len(inputs) != len(targets):
        raise DataError(
            f"data: inputs has {len(inputs)} samples, and targets has {len(targets)}; each sample needs both"
        )
    return Dataset(inputs, targets)


datasets.register(
    DatasetEntry(
        "inline",
        "Table",
        "Samples written in the model file.",
        _load,
        (
            ArrayOption("inputs", description="one row a sample"),
            TargetsOption("targets", description="one row a sample, or a class index (0, 1, ...) each"),
        ),
    )
)
