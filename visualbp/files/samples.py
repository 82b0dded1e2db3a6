"""The sample models that are carried along, and the finding of a model by its path or by a sample's name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from visualbp.core.resource_files import sample_models_directory
from visualbp.files.errors import FileError
from visualbp.files.read import load_network

SUFFIX = ".vbp"

TEACHING_ORDER = (
    "xor",
    "xor_linear",
    "worked_example",
    "symmetry_zero",
    "symmetry_constant",
    "saddle",
    "saturation_squared_error",
    "saturation_cross_entropy",
    "vanishing",
    "vanishing_tanh",
    "vanishing_relu",
    "residual",
    "batch_norm",
    "exploding",
    "recurrence_shrinking",
    "recurrence_growing",
    "recurrence_exploding",
    "recurrence_clipped",
    "dying_relu",
    "spirals",
    "spirals_linear",
    "batch_norm_of_two",
    "layer_norm_of_two",
    "digits",
    "digits_convolution",
    "strings",
    "copy_transformer",
    "bug_hunt_1",
    "bug_hunt_2",
    "bug_hunt_3",
    "bug_hunt_4",
)
"""The order in which people see the samples. Others follow by name."""


@dataclass(frozen=True)
class SampleModel:
    """A sample: `name` is what the command line calls it, `title` and `description` are the model's own."""

    name: str
    title: str
    description: str
    path: Path


def sample_paths() -> list[Path]:
    """Return the files of the samples, in teaching order."""

    def place(path: Path) -> tuple[int, str]:
        name = path.stem
        return (TEACHING_ORDER.index(name) if name in TEACHING_ORDER else len(TEACHING_ORDER), name)

    return sorted(sample_models_directory().glob(f"*{SUFFIX}"), key=place)


def sample_models() -> list[SampleModel]:
    """Return the samples, in teaching order. Raises FileError where one cannot be read."""
    samples = []
    for path in sample_paths():
        network = load_network(path)
        samples.append(SampleModel(path.stem, network.name, network.description, path))
    return samples


@lru_cache(maxsize=1)
def sample_titles() -> Mapping[str, str]:
    """Return the titles of the samples by their names, in teaching order: they are read once."""
    return {path.stem: _title_of(path) for path in sample_paths()}


def _title_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return path.stem.replace("_", " ")


def find_model(name_or_path: str) -> Path:
    """Return the file that a person means: one at this path, or else the sample of this name. Raises FileError."""
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
        known = {sample.stem: sample for sample in sample_paths()}
        name = name_or_path.removesuffix(SUFFIX)
        if name in known:
            return known[name]
        if path.exists():
            return path  # a folder, say: reading it says what it is
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise FileError(name_or_path[:200], "", f"cannot be read: {reason}") from None
    near = difflib.get_close_matches(path.stem, known, n=1)
    mend = f"did you mean the sample {near[0]}?" if near else "visualbp samples lists the samples"
    raise FileError(name_or_path, "", "there is no such file, and no sample of this name", mend)
