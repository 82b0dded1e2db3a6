"""What opening a network takes is said before anything large is made: about the right number, and cheaply."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from tests.building import chain, inline, optimizer, with_training, xor
from visualbp.datasets import DataError, load_dataset
from visualbp.debugger.prepare import STOPPED, Carried, load_data, prepare
from visualbp.engine import Executor, compile_plan, needs
from visualbp.engine.needs import Needs, check_memory, expected_needs, needs_of
from visualbp.files import load_network
from visualbp.files.samples import sample_paths
from visualbp.network import Network, structure_of


def wide(units: int, batch: int = 2, **options: object) -> Network:
    """Two wide layers, and `batch` samples."""
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("one", "dense", {"units": units, "activation": "tanh", **options}),
        ("two", "dense", {"units": units, "activation": "tanh", **options}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((batch, 2)), np.ones((batch, units))),
    )
    return with_training(network, batch_size=batch)


def gated(kind: str) -> Network:
    """A gated layer on sequences of 40 time steps."""
    network = chain(
        ("input", "input", {"shape": [40, 8]}),
        ("memory", kind, {"units": 24}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((64, 40, 8)), np.ones((64, 24))),
    )
    return with_training(network, batch_size=64)


def measured(network: Network) -> tuple[float, float]:
    """The estimate, and what opening and the first iteration take at their peak, both in bytes."""
    assert network.data is not None
    dataset = load_dataset(network.data)
    estimate = needs_of(network, structure_of(network), len(dataset)).bytes
    tracemalloc.start()
    executor = Executor(compile_plan(network), dataset)
    for _ in executor.plan.steps:
        executor.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return estimate, peak


@pytest.mark.parametrize(
    "make",
    [
        lambda: wide(700),
        lambda: with_training(wide(500), optimizer=optimizer("adam")),
        lambda: with_training(wide(500), optimizer=optimizer("sgd", momentum=0.9)),
        lambda: wide(60, batch=4000),
        lambda: with_training(load_network(next(p for p in sample_paths() if p.stem == "digits")), batch_size=1000),
        lambda: load_network(next(p for p in sample_paths() if p.stem == "digits_convolution")),
        lambda: gated("lstm"),
        lambda: gated("gru"),
    ],
    ids=["weights", "adam", "momentum", "a large batch", "digits", "convolutions", "lstm", "gru"],
)
def test_the_memory_is_about_what_opening_and_an_iteration_take(make: Callable[[], Network]) -> None:
    estimate, peak = measured(make())
    assert 0.6 * peak < estimate < 2.5 * peak


def test_no_sample_is_large() -> None:
    for path in sample_paths():
        found = expected_needs(load_network(path))
        assert not found.are_large and found.seconds < 5 and found.bytes < 2**28


def test_an_orthogonal_start_of_large_weights_takes_long() -> None:
    assert not expected_needs(wide(3000)).are_large
    found = expected_needs(wide(3500, weight_init="orthogonal"))
    assert found.seconds > 10 and found.bytes < 2**30
    assert found.text == "about 40 s to open"


def test_a_convolution_of_sequences_takes_as_long_as_one_of_images_of_one_row() -> None:
    def convolving(kind: str, shape: list[int]) -> Network:
        options = {"filters": 64, "kernel": 1}
        return chain(
            ("input", "input", {"shape": shape}),
            ("conv", kind, options),
            ("flat", "flatten", {}),
            ("loss", "mean_squared_error", {}),
        )

    sequences, images = convolving("conv1d", [64, 4000]), convolving("conv2d", [64, 1, 4000])
    assert expected_needs(sequences) == expected_needs(images)


def test_nothing_is_made_for_the_estimate() -> None:
    network = wide(7000, weight_init="orthogonal")
    tracemalloc.start()
    assert expected_needs(network).are_large
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Needs(1.5 * 2**30, 1.0), "about 1.5 GB of memory"),
        (Needs(0.0, 34.0), "about 30 s to open"),
        (Needs(2.25 * 2**30, 300.0), "about 2.2 GB of memory and 5 minutes to open"),
    ],
)
def test_the_words_say_what_is_much_of(found: Needs, text: str) -> None:
    assert found.are_large and found.text == text


def test_more_than_a_machine_has_is_refused() -> None:
    network = xor()
    check_memory(network, Needs(2 * 2**30, 1.0), 4)
    with pytest.raises(DataError, match="would need about 5 GB of memory; use fewer units, or a smaller batch than 4"):
        check_memory(network, Needs(5 * 2**30, 1.0), 4)


def test_a_large_network_can_be_stopped_while_it_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    network = xor()
    dataset, problem = load_data(network, None)
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(1)
        return len(asked) > 3

    assert prepare(network, dataset, Carried(), problem, lambda: True).executor is not None  # a small one is done soon
    monkeypatch.setattr(needs, "MUCH_MEMORY", 1)
    prepared = prepare(network, dataset, Carried(), problem, interrupted)
    assert prepared.executor is None and STOPPED in prepared.problems and len(asked) == 4
