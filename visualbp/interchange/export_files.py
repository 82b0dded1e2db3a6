"""Writing an exported program, and beside it the arrays that are too long to stand in it; and writing a listing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from visualbp.datasets import Dataset
from visualbp.files import write_atomically
from visualbp.interchange.numpy_listing import numpy_listing
from visualbp.interchange.pytorch_source import pytorch_script
from visualbp.network import Network
from visualbp.network.network import Parameters


def write_pytorch(network: Network, parameters: Parameters, dataset: Dataset, out: Path) -> Path | None:
    """Write the program to `out`, and return the file of arrays beside it, if it needs one.

    Raises ExportError and PlanError for a network that cannot be exported, FileError where nothing can be written.
    """
    beside = out.with_name(f"{out.stem}_arrays.npz")
    script = pytorch_script(network, parameters, dataset, out.name, beside.name)
    if script.arrays:
        archive = io.BytesIO()
        np.savez(archive, **dict(script.arrays))  # type: ignore[arg-type]
        write_atomically(beside, archive.getvalue())
    write_atomically(out, script.source.encode("utf-8", "replace"))
    return beside if script.arrays else None


def write_listing(network: Network, parameters: Parameters, dataset: Dataset, out: Path) -> None:
    """Write the iteration of a network as plain NumPy to `out`.

    Raises PlanError for a network that cannot run, FileError where nothing can be written.
    """
    write_atomically(out, numpy_listing(network, parameters, dataset, out.name).encode("utf-8", "replace"))
