"""The listing of an iteration in plain NumPy: run as it stands, it prints the engine's losses, bit for bit."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.building import optimizer, with_training, xor
from tests.random_networks import random_data, random_network
from visualbp.cli.main import main
from visualbp.core.options import Choice
from visualbp.datasets import Dataset, load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.bugs import possible_bugs
from visualbp.files import load_network
from visualbp.files.samples import find_model, sample_paths
from visualbp.interchange.numpy_listing import numpy_listing
from visualbp.network import Clip, Network
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import schedules

ITERATIONS = 20


def losses_of_listing(network: Network, dataset: Dataset) -> list[float]:
    space: dict[str, Any] = {"__name__": "listing"}
    kept = np.geterr()
    try:
        exec(compile(numpy_listing(network, network.parameters, dataset), "listing", "exec"), space)
        return [float(loss) for loss in space["train"](ITERATIONS)]
    finally:
        np.seterr(**kept)


def losses_of_engine(network: Network, dataset: Dataset) -> list[float]:
    executor = Executor(compile_plan(network), dataset)
    with np.errstate(all="ignore"):
        return [executor.run_fast() for _ in range(ITERATIONS)]


def assert_same(network: Network, dataset: Dataset) -> None:
    assert list(map(repr, losses_of_listing(network, dataset))) == list(map(repr, losses_of_engine(network, dataset)))


@pytest.mark.parametrize("path", sample_paths(), ids=lambda path: path.stem)
def test_every_sample_has_the_losses_of_the_engine(path: Path) -> None:
    network = load_network(path)
    assert network.data is not None
    assert_same(network, load_dataset(network.data, path.parent))


@pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
@pytest.mark.parametrize("clip", [None, Clip("norm", 0.1), Clip("value", 0.01)], ids=["free", "norm", "value"])
def test_every_optimiser_with_penalties_and_clipping_does(entry: Any, clip: Clip | None) -> None:
    chosen = optimizer(entry.type_name, learning_rate=0.05)
    network = with_training(xor(), optimizer=chosen, clip=clip, l1=0.01, l2=0.02)
    assert network.data is not None
    for precision in ("float64", "float32"):
        assert_same(replace(network, precision=precision), load_dataset(network.data, Path()))


@pytest.mark.parametrize("entry", list(schedules), ids=lambda entry: entry.type_name)
def test_every_schedule_does(entry: Any) -> None:
    options = {option.name: option.default for option in entry.options}
    options |= {name: 3 for name in ("every", "warm_up") if name in options}
    network = with_training(xor(), schedule=Choice(entry.type_name, options))
    assert network.data is not None
    assert_same(network, load_dataset(network.data, Path()))


@pytest.mark.parametrize("sample", ["xor", "vanishing", "recurrence_shrinking"])
def test_a_planted_bug_is_in_the_listing(sample: str) -> None:
    path = find_model(sample)
    network = load_network(path)
    assert network.data is not None
    dataset, seen = load_dataset(network.data, path.parent), set[str]()
    for bug in possible_bugs(compile_plan(network)):
        if bug.kind not in seen:
            seen.add(bug.kind)
            assert_same(replace(network, bugs=(bug,)), dataset)


def test_the_command_writes_a_program_that_runs_by_itself(tmp_path: Path) -> None:
    out = tmp_path / "xor.numpy.py"
    assert main(["convert", str(find_model("xor")), str(out)]) == 0
    done = subprocess.run([sys.executable, str(out), "5"], capture_output=True, text=True, check=True, cwd=tmp_path)
    network = load_network(find_model("xor"))
    assert network.data is not None
    expected = losses_of_engine(network, load_dataset(network.data, Path()))[:5]
    assert [line.split()[1] for line in done.stdout.splitlines()] == [repr(loss) for loss in expected]
    imports = [line for line in out.read_text().splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import sys", "import numpy as np"]


@pytest.mark.parametrize("seed", range(40))
def test_random_networks_over_all_layers_do(seed: int) -> None:
    network = random_network(seed, with_dropout=True, precision="float32" if seed % 4 == 3 else "float64")
    assert_same(network, random_data(network, seed))
