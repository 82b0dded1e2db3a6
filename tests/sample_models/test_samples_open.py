"""Every sample opens without a problem, is written as the program writes it, and has room for its cards."""

from itertools import combinations
from pathlib import Path

import pytest

from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.files import load_network, network_to_text
from visualbp.files.samples import TEACHING_ORDER, sample_paths
from visualbp.network import structure_of

SAMPLES = sample_paths()
each_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)


def test_the_samples_of_the_lessons_are_there_in_teaching_order() -> None:
    assert [path.stem for path in SAMPLES] == list(TEACHING_ORDER)


@each_sample
def test_a_sample_has_no_problems_and_runs(path: Path) -> None:
    network = load_network(path)
    assert structure_of(network).problems == ()
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data, path.parent))
    while not executor.at_end:
        executor.step()
    assert executor.non_finite is None


@each_sample
def test_a_sample_is_written_as_the_program_would_write_it(path: Path) -> None:
    assert network_to_text(load_network(path)) == path.read_text("utf-8")


@each_sample
def test_a_sample_says_what_to_do_and_what_to_see(path: Path) -> None:
    network = load_network(path)
    assert 0 < len(network.name) <= 40
    assert 2 <= network.description.count(". ") + 1 <= 6
    assert "Press F" in network.description or "with F10" in network.description


@each_sample
def test_the_cards_of_a_sample_do_not_touch_and_run_from_left_to_right(path: Path) -> None:
    network = load_network(path)
    places = network.positions
    assert list(places) == list(network.names)
    for one, other in combinations(places.values(), 2):
        assert abs(one[0] - other[0]) >= 230 or abs(one[1] - other[1]) >= 200
    for source, target in network.connections:
        assert places[target][0] > places[source][0] or places[target][1] > places[source][1]
