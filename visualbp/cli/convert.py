"""visualbp convert: a model written in another form, which the suffix of the new file names."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from visualbp.cli.main import InputError, file_name
from visualbp.cli.output import print_line
from visualbp.cli.running import check_folder
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.engine import PlanError
from visualbp.files import FileError, find_model, load_network, moved, save_network
from visualbp.files.samples import SUFFIX
from visualbp.interchange import ExportError, write_listing, write_pytorch
from visualbp.network import Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `convert` takes: the file to read, and the file to write."""
    kinds = ", ".join(f"{suffix} ({what})" for suffix, (what, _) in KINDS.items())
    parser.add_argument("file", metavar="IN", type=file_name, help="a model file (.vbp), or a sample's name")
    parser.add_argument("out", metavar="OUT", type=file_name, help=f"the file to write: {kinds}")


def run(arguments: argparse.Namespace) -> int:
    """Write the model as the suffix of the new file says. Raises InputError for any other suffix."""
    out = Path(arguments.out)
    suffix = next((suffix for suffix in KINDS if out.name.lower().endswith(suffix)), None)
    if suffix is None:
        kinds = ", ".join(f"{suffix} ({what})" for suffix, (what, _) in KINDS.items())
        raise InputError(f"{arguments.out}: is not the name of a file that convert writes; it writes {kinds}")
    source = find_model(arguments.file)
    if source.suffix.lower() != SUFFIX:
        raise InputError(f"{arguments.file}: is not the name of a file that convert reads; it reads {SUFFIX} files")
    check_folder(arguments.out)
    _, write = KINDS[suffix]
    write(source, out)
    return 0


def _write_model(source: Path, out: Path) -> None:
    """Write the model file as visualbp itself writes it; paths of data in it still lead to the same files."""
    save_network(moved(load_network(source), source.parent, out.parent), out)
    print_line(f"wrote {out}")


def _data_of(network: Network, source: Path) -> Dataset:
    if network.data is None:
        raise DataError('data: is missing; add, for example, "data": {"source": "xor"}')
    return load_dataset(network.data, source.parent)


def _write_pytorch(source: Path, out: Path) -> None:
    """Write the model as a program, and arrays too long for it into a file beside it."""
    network = load_network(source)
    try:
        beside = write_pytorch(network, network.parameters, _data_of(network, source), out)
    except (DataError, PlanError, ExportError) as error:
        raise FileError(str(source), "", str(error)) from None
    also = f" and, with its arrays, {beside}" if beside else ""
    if network.bugs:
        print_line("the bugs that are planted in the model are not in it: PyTorch finds the gradients itself")
    print_line(f"wrote {out}{also}")
    print_line(f"try: python {shlex.quote(str(out))} --iterations 20 --print-losses")


def _write_listing(source: Path, out: Path) -> None:
    """Write the iteration of the model as plain NumPy."""
    network = load_network(source)
    try:
        write_listing(network, network.parameters, _data_of(network, source), out)
    except (DataError, PlanError) as error:
        raise FileError(str(source), "", str(error)) from None
    print_line(f"wrote {out}")
    print_line(f"try: python {shlex.quote(str(out))} 20")


KINDS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    SUFFIX: ("a model file", _write_model),
    ".numpy.py": ("its iteration in plain NumPy", _write_listing),
    ".py": ("a PyTorch program", _write_pytorch),
}
"""What can be written, by suffix; of two that fit, the first counts."""
