"""The single edits that a problem offers: after the edit the problem is gone, and nothing else of the network is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.building import chain, inline, with_training, xor
from tests.random_networks import random_network
from visualbp.debugger.session import Session
from visualbp.network import Network, Problem, edits, structure_of
from visualbp.network.bugs import PlantedBug
from visualbp.network.fixes import Connect, RemoveBug
from visualbp.network.fixing import fixed
from visualbp.network.network import make_layer


def problems_of(network: Network) -> tuple[Problem, ...]:
    session = Session()
    session.set_network(network, fresh=True)
    return session.problems


def with_layer(network: Network, name: str, type_name: str, **options: object) -> Network:
    return edits.add_layer(network, make_layer(name, type_name, options), (0.0, 300.0))


def two_into_one() -> Network:
    network = with_layer(xor(), "other", "dense", units=4)
    return edits.connect(edits.connect(network, "input", "other"), "other", "output")


def of_images(**options: object) -> Network:
    return chain(
        ("input", "input", {"shape": [1, 4, 4]}),
        ("filters", "conv2d", {"filters": 2, **options}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((3, 16)), np.ones((3, 1))),
    )


def groups() -> Network:
    return chain(
        ("input", "input", {"shape": [6, 2]}),
        ("norm", "group_norm", {"groups": 4}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((3, 12)), np.ones((3, 1))),
    )


def attention() -> Network:
    return chain(
        ("input", "input", {"shape": [3, 6]}),
        ("attention", "self_attention", {"heads": 4}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((3, 18)), np.ones((3, 1))),
    )


def batch_norm_of_one() -> Network:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("norm", "batch_norm", {}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.ones((4, 2)), np.ones((4, 1))),
    )
    return with_training(network, batch_size=1)


def of_classes() -> Network:
    return chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline([[0, 1], [1, 0], [1, 1]], [0, 1, 2]),
    )


def behind_the_loss() -> Network:
    network = with_layer(xor(), "late", "dense", units=4)
    return replace(network, connections=(*network.connections, ("loss", "late")))


CASES: dict[str, tuple[Callable[[], Network], str]] = {
    "Set its shape to 2": (lambda: edits.set_options(xor(), "input", {"shape": (5,)}), "input"),
    "Connect input to hidden": (lambda: edits.disconnect(xor(), [("input", "hidden")]), "hidden"),
    "Connect output to loss": (lambda: edits.disconnect(xor(), [("output", "loss")]), "loss"),
    "Add a loss after output: binary cross-entropy": (lambda: edits.remove_layers(xor(), ["loss"]), ""),
    "Add an input before hidden": (lambda: edits.remove_layers(xor(), ["input"]), ""),
    "Delete loss_2": (
        lambda: edits.connect(with_layer(xor(), "loss_2", "mean_squared_error"), "output", "loss_2"),
        "loss_2",
    ),
    "Add up its inputs first": (two_into_one, "output"),
    "Remove the connection from loss to late": (behind_the_loss, "loss"),
    "Set its kernel to 4": (lambda: of_images(kernel=7), "filters"),
    "Set its groups to 3": (groups, "norm"),
    "Set its heads to 3": (attention, "attention"),
    "Set the batch size to 2": (batch_norm_of_one, "norm"),
    "Set its units to 1": (lambda: edits.set_options(xor(), "output", {"units": 3}), "output"),
    "Set its units to 3": (of_classes, "output"),
}


@pytest.mark.parametrize("label", CASES)
def test_a_fix_says_what_it_does_and_after_it_the_problem_is_gone(label: str) -> None:
    make, layer = CASES[label]
    network = make()
    (problem,) = [p for p in problems_of(network) if p.fix is not None and p.fix.label == label]
    assert problem.layer == (layer or None)
    assert problem.fix is not None
    after = fixed(network, problem.fix)
    assert problem.text not in [left.text for left in problems_of(after)]


@pytest.mark.parametrize("label", [label for label in CASES if not label.startswith(("Add an input", "Remove the"))])
def test_a_network_with_one_problem_runs_after_its_fix(label: str) -> None:
    network = CASES[label][0]()
    (fix,) = [p.fix for p in problems_of(network) if p.fix is not None and p.fix.label == label]
    session = Session()
    session.set_network(fixed(network, fix), fresh=True)
    assert session.executor is not None, session.problems


def test_a_chain_of_fixes_leads_from_two_loose_layers_to_a_network_that_runs() -> None:
    """A dense layer and data, and nothing but the buttons pressed."""
    network = with_layer(Network(data=inline(np.ones((4, 5)), np.ones((4, 4)))), "dense", "dense", units=4)
    for _ in range(5):
        problems = [problem for problem in problems_of(network) if problem.severity == "error"]
        if not problems:
            break
        fix = next(problem.fix for problem in problems if problem.fix is not None)
        network = fixed(network, fix)
    session = Session()
    session.set_network(network, fresh=True)
    assert session.executor is not None, session.problems


def test_a_bug_that_does_nothing_can_be_removed() -> None:
    network = replace(xor(), bugs=(PlantedBug("sign", "hidden", "z", "nothing"),))
    fixes = [problem.fix for problem in problems_of(network) if isinstance(problem.fix, RemoveBug)]
    assert fixes and not fixed(network, fixes[0]).bugs


def test_where_two_layers_could_be_connected_no_fix_is_offered() -> None:
    network = edits.disconnect(xor(), [("output", "loss")])
    network = edits.connect(with_layer(network, "aside", "dense", units=4), "input", "aside")
    (problem,) = [p for p in structure_of(network).problems if p.layer == "loss"]
    assert problem.fix is None


def test_a_fix_of_another_network_is_refused_in_words() -> None:
    with pytest.raises(edits.EditError):
        fixed(Network(), Connect("input", "hidden"))


def test_equal_drawings_have_equal_problems() -> None:
    """The panel keeps its rows where nothing has changed: fixes are compared, too."""
    network = edits.disconnect(xor(), [("input", "hidden")])
    assert structure_of(network).problems == structure_of(network).problems
    assert len(set(structure_of(network).problems)) == len(structure_of(network).problems)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_whatever_is_taken_out_of_a_network_a_fix_rids_it_of_its_problem(seed: int, choice: int) -> None:
    network = random_network(seed)
    generator = np.random.default_rng(choice)
    if network.connections:
        network = edits.disconnect(network, [network.connections[generator.integers(len(network.connections))]])
    if choice % 2:
        network = edits.remove_layers(network, [network.names[generator.integers(len(network.names))]])
    for problem in structure_of(network).problems:
        if problem.fix is not None:
            after = structure_of(fixed(network, problem.fix)).problems
            assert problem.text not in [left.text for left in after], problem.fix.label
