"""References: parts that are data, texts for people and files, and no reader of those texts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.random_networks import random_network
from tests.refs import ref
from visualbp.core.ref import EVERY, Ref, Sender, named
from visualbp.engine import compile_plan

PACKAGE = Path(__file__).parents[2] / "visualbp"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (Ref("hidden", "z"), "hidden.z"),
        (Ref("hidden", "z").gradient, "hidden.delta"),
        (Ref("hidden", "h").gradient, "hidden.upstream"),
        (Ref("hidden", "weight").gradient, "hidden.gradient/weight"),
        (Ref("hidden", "weight").in_slot("velocity"), "hidden.velocity/weight"),
        (Ref("state", "z", 3), "state.z[3]"),
        (Ref("state", "z", 3).gradient, "state.gradient/z[3]"),
        (Ref("state", "z", EVERY), "state.z[t]"),
        (Ref("hidden", "h").gradient._replace(sender=Sender("output")), "hidden.upstream from output"),
        (Ref("words", "h").gradient._replace(sender=Sender("look", "query")), "words.upstream from look.query"),
        (Ref("look", "h").gradient._replace(sender=Sender("look", "mix")), "look.upstream from mix"),
        (Ref("state", "bias").gradient._replace(sender=Sender("state", "z", 2)), "state.gradient/bias from z[2]"),
        (Ref("a", "h").gradient._replace(sender=Sender("sum", "h", operand="x[1]")), "a.upstream from sum.h (x[1])"),
    ],
)
def test_the_text_of_a_reference_is_what_people_and_files_call_it(reference: Ref, text: str) -> None:
    assert reference.text == text


def test_people_have_names_of_their_own_for_the_gradients_of_z_and_h() -> None:
    assert named("hidden", "delta") == Ref("hidden", "z").gradient
    assert named("hidden", "upstream") == Ref("hidden", "h").gradient
    assert named("hidden", "scores") == Ref("hidden", "scores")


def test_a_gradient_a_part_and_a_slot_know_what_they_belong_to() -> None:
    part = Ref("state", "z", 3).gradient._replace(sender=Sender("output"))
    assert part.of == Ref("state", "z", 3) and part.whole == Ref("state", "z", 3).gradient
    assert Ref("hidden", "bias").in_slot("velocity").of == Ref("hidden", "bias")
    assert part.is_delta and not Ref("state", "h", 3).gradient.is_delta


@pytest.mark.parametrize("seed", range(20))
def test_no_two_references_of_a_network_have_the_same_text(seed: int) -> None:
    plan = compile_plan(random_network(seed))
    references = {value for step in plan.steps for value in (*step.reads, *step.writes)}
    assert len({reference.text for reference in references}) == len(references)
    for reference in references:
        if reference.sender is None:  # the tests' own reader of names comes to the same
            assert ref(reference.layer, reference.name) == reference


def test_the_names_of_gradients_and_times_are_written_in_one_file_and_read_in_none() -> None:
    """A text such as `gradient/weight` or `z[3]` is put together in core/ref.py alone, and nowhere taken apart."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "ref.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation
            if is_text and "gradient/" in node.value:
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value!r}")
    assert found == []
