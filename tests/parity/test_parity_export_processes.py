"""Exported programs as a person starts them: with python, and under torchrun on several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.interchange.programs import engine_losses
from visualbp.datasets import Dataset, load_dataset
from visualbp.interchange import export_pytorch, pytorch_script
from visualbp.network import Clip, Network
from visualbp.optimizers.schedules import SCHEDULE

pytest.importorskip("torch", reason="needs the parity extra")

ITERATIONS = 20
THREADS_LEFT = """
import pathlib, runpy, sys
runpy.run_path(sys.argv.pop(1), run_name="__main__")
tasks = pathlib.Path("/proc/self/task")
names = sorted((task / "comm").read_text().strip() for task in tasks.iterdir()) if tasks.is_dir() else []
sys.stderr.write(f"left: {[name for name in names if 'gloo' in name or 'tcpstore' in name]}\\n")
"""
"""Runs a program, and says which threads of its process group are still there when it is done."""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def under_torchrun(processes: int, *command: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", *command)


def losses_of(done: subprocess.CompletedProcess[str]) -> list[float]:
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [int(row[0]) for row in rows] == list(range(len(rows)))
    return [float(row[1]) for row in rows]


def write(folder: Path, network: Network, dataset: Dataset) -> str:
    path = folder / "exported.py"
    path.write_text(export_pytorch(network, network.parameters, dataset), "utf-8")
    return str(path)


def with_everything() -> tuple[Network, Dataset]:
    """A network and a training in which every difference between one process and several would show.

    Nine samples in batches of four: the last batch of an epoch is one sample, and shares are unequal or empty.
    """
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 5, "activation": "tanh", "weight_norm": True}),
        ("drop", "dropout", {"rate": 0.25}),
        ("norm", "layer_norm", {}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
        seed=11,
    )
    network = with_training(
        network,
        optimizer=optimizer("adam", learning_rate=0.05, weight_decay=0.01),
        schedule=SCHEDULE.parse({"type": "cosine", "iterations": 15, "warm_up": 3}),
        batch_size=4,
        shuffle=True,
        clip=Clip("norm", 0.5),
        l1=0.01,
        l2=0.02,
    )
    generator = np.random.default_rng(5)
    return network, Dataset(generator.normal(size=(9, 3)), generator.integers(0, 3, 9))


def of_sequences() -> tuple[Network, Dataset]:
    network = chain(
        ("input", "input", {"shape": [4]}),
        ("rows", "embedding", {"vocabulary": 5, "units": 4}),
        ("attention", "self_attention", {"heads": 2, "causal": True}),
        ("state", "rnn", {"units": 3, "activation": "softplus"}),
        ("output", "dense", {"units": 2}),
        ("loss", "huber", {"delta": 0.5}),
    )
    network = with_training(network, batch_size=5, optimizer=optimizer("sgd", momentum=0.9), clip=Clip("value", 0.1))
    generator = np.random.default_rng(6)
    return network, Dataset(generator.integers(0, 5, (12, 4)).astype(float), generator.normal(size=(12, 2)))


def test_a_program_prints_the_engines_losses_and_saves_what_it_learnt(tmp_path: Path) -> None:
    network, dataset = with_everything()
    saved = tmp_path / "trained.npz"
    done = run(write(tmp_path, network, dataset), f"--iterations={ITERATIONS}", "--print-losses", f"--save={saved}")
    wanted, executor = engine_losses(network, dataset, ITERATIONS)
    np.testing.assert_allclose(losses_of(done), wanted, rtol=1e-10)
    arrays = np.load(saved)
    named = {
        "weight_direction": "parametrizations.weight.original1",
        "weight_gain": "parametrizations.weight.original0",
    }
    parameters = executor.parameter_views()
    assert len(arrays.files) == len(parameters)
    for value, array in parameters.items():
        found = arrays[f"{value.layer}.{named.get(value.name, value.name)}"]
        np.testing.assert_allclose(found, array, rtol=1e-9, atol=1e-12)


def test_three_processes_have_the_losses_of_one_machine(tmp_path: Path) -> None:
    network, dataset = with_everything()
    done = under_torchrun(3, write(tmp_path, network, dataset), f"--iterations={ITERATIONS}", "--print-losses")
    np.testing.assert_allclose(losses_of(done), engine_losses(network, dataset, ITERATIONS)[0], rtol=1e-10)


def test_two_processes_have_the_losses_of_one_machine_and_leave_no_thread_behind(tmp_path: Path) -> None:
    network, dataset = of_sequences()
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(THREADS_LEFT)
    program = write(tmp_path, network, dataset)
    done = under_torchrun(2, str(wrapper), program, f"--iterations={ITERATIONS}", "--print-losses")
    np.testing.assert_allclose(losses_of(done), engine_losses(network, dataset, ITERATIONS)[0], rtol=1e-10)
    assert done.stderr.count("left: []") == 2, done.stderr[-2000:]


def test_batch_norm_on_several_processes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("my norm", "batch_norm", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
    )
    dataset = Dataset(np.random.default_rng(0).normal(size=(6, 3)), np.zeros((6, 2)))
    program = write(tmp_path, network, dataset)
    done = run(program, "--iterations=1", RANK="0", WORLD_SIZE="2")
    assert done.returncode != 0 and not done.stdout and "Traceback" not in done.stderr
    assert done.stderr.startswith("my norm: batch norm takes its mean over the whole batch")
    assert done.stderr.rstrip().endswith("run this on one process") and done.stderr.count("\n") == 1
    alone = run(program, "--iterations=3", "--print-losses")
    np.testing.assert_allclose(losses_of(alone), engine_losses(network, dataset, 3)[0], rtol=1e-10)


def test_a_program_with_its_arrays_beside_it_runs_from_any_folder(tmp_path: Path) -> None:
    network = chain(
        ("input", "input", {"shape": [600]}),
        ("hidden", "dense", {"units": 900, "activation": "relu"}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=1e-3))
    dataset = Dataset(np.random.default_rng(0).normal(size=(2, 600)), np.ones((2, 1)))
    script = pytorch_script(network, {}, dataset, "large.py", "large_arrays.npz")
    (tmp_path / "large.py").write_text(script.source)
    np.savez(tmp_path / "large_arrays.npz", **dict(script.arrays))  # type: ignore[arg-type]
    done = run(str(tmp_path / "large.py"), "--iterations=3", "--print-losses")
    np.testing.assert_allclose(losses_of(done), engine_losses(network, dataset, 3)[0], rtol=1e-10)


def test_without_print_losses_the_last_loss_is_told(tmp_path: Path) -> None:
    network = xor()
    assert network.data is not None
    dataset = load_dataset(network.data)
    done = run(write(tmp_path, network, dataset), "--iterations=4")
    assert done.stdout == f"loss {engine_losses(network, dataset, 4)[0][-1]:.6g} in iteration 3\n"
