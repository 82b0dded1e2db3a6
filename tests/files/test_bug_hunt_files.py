"""Planted bugs in files: kept in a bug hunt, left out of every other file, refused in words where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.building import with_training, xor
from visualbp.core.options import Choice, parse_options
from visualbp.engine import compile_plan
from visualbp.engine.bugs import possible_bugs
from visualbp.files import FileError, load_network, network_from_text, network_to_text, save_network
from visualbp.files.write import network_to_record
from visualbp.network import Network, edits
from visualbp.network.bugs import PlantedBug
from visualbp.optimizers.schedules import schedules

SIGN = PlantedBug("sign", "hidden", "z", "weight")
SCALED = PlantedBug("scaled", "output", "h", "z")


def hunt() -> Network:
    return edits.set_bug_hunt(edits.plant_bug(edits.plant_bug(xor(), SIGN), SCALED), True)


def text_with(**changes: Any) -> str:
    """Return the text of the hunt with top-level keys changed; None removes one."""
    record = {**network_to_record(hunt()), **changes}
    return json.dumps({key: value for key, value in record.items() if value is not None}, default=list)


def refusal(**changes: Any) -> str:
    with pytest.raises(FileError) as caught:
        network_from_text(text_with(**changes), "hunt.vbp")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bug_hunt_keeps_its_bugs_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "hunt.vbp"
    save_network(hunt(), path)
    assert load_network(path) == hunt()
    first = path.read_bytes()
    save_network(load_network(path), path)
    assert path.read_bytes() == first
    record = json.loads(first)
    assert record["bug_hunt"] is True
    assert record["bugs"][0] == {"kind": "sign", "layer": "hidden", "output": "z", "operand": "weight"}


def test_every_bug_that_can_be_planted_survives_a_file() -> None:
    network = edits.set_bug_hunt(xor(), True)
    for bug in possible_bugs(compile_plan(network)):
        planted = edits.plant_bug(network, bug)
        assert network_from_text(network_to_text(planted)) == planted


def test_the_file_of_any_other_network_has_no_word_of_its_bugs(tmp_path: Path) -> None:
    planted = edits.plant_bug(xor(), SIGN)
    assert network_to_text(planted) == network_to_text(xor())
    save_network(planted, tmp_path / "xor.vbp")
    assert load_network(tmp_path / "xor.vbp").bugs == ()


def test_a_hunt_without_a_bug_is_still_marked_as_one() -> None:
    network = edits.set_bug_hunt(xor(), True)
    text = network_to_text(network)
    assert '"bug_hunt": true' in text and '"bugs"' not in text
    assert network_from_text(text) == network


def test_bugs_in_a_file_that_is_no_hunt_are_refused() -> None:
    for changes in ({"bug_hunt": None}, {"bug_hunt": False}):
        assert 'bugs: only a bug hunt has bugs in its file; add "bug_hunt": true' in refusal(**changes)
    assert network_from_text(text_with(bug_hunt=False, bugs=[])).bugs == ()


BUG = {"kind": "sign", "layer": "hidden", "output": "z", "operand": "weight"}

WRONG = (
    ({**BUG, "kind": "sing"}, "bugs[0].kind", "sign"),
    ({**BUG, "kind": 3}, "bugs[0].kind", ""),
    ({**BUG, "layer": "hiden"}, "bugs[0].layer", "did you mean 'hidden'?"),
    ({**BUG, "layer": ["hidden"]}, "bugs[0].layer", ""),
    ({**BUG, "output": None}, "bugs[0].output", ""),
    ({**BUG, "operand": "w" * 1000}, "bugs[0].operand", "60"),
    ({**BUG, "opperand": "weight"}, "bugs[0].opperand", "did you mean 'operand'?"),
    ({key: BUG[key] for key in ("kind", "layer", "output")}, "bugs[0].operand", "is missing"),
    ("sign", "bugs[0]", "must be an object"),
)


@pytest.mark.parametrize(("entry", "place", "words"), WRONG, ids=lambda part: str(part)[:40])
def test_a_wrong_bug_is_refused_with_its_place(entry: Any, place: str, words: str) -> None:
    text = refusal(bugs=[entry])
    assert place in text and words in text and text.startswith("hunt.vbp")


def test_a_list_of_bugs_that_is_none_or_is_absurd_is_refused() -> None:
    assert "bugs: must be a list" in refusal(bugs={"kind": "sign"})
    assert "1,000 is the most" in refusal(bugs=[BUG] * 1001)
    assert "bug_hunt" in refusal(bug_hunt="yes")


def test_two_bugs_in_one_rule_are_refused() -> None:
    assert "bugs[1]: there is a bug in hidden.z for weight already" in refusal(bugs=[BUG, {**BUG, "kind": "scaled"}])


def test_a_bug_without_a_place_opens_as_it_is_so_that_it_can_be_mended() -> None:
    bug = {**BUG, "output": "scores"}
    network = network_from_text(text_with(bugs=[bug]))
    assert network.bugs == (PlantedBug(**bug),)
    assert network_from_text(network_to_text(network)) == network


@pytest.mark.parametrize("name", [name for name in schedules.names() if name != "constant"])
def test_a_learning_rate_schedule_survives_a_file(name: str) -> None:
    schedule = Choice(name, parse_options(schedules.get(name).options, {"warm_up": 7}))
    network = with_training(xor(), schedule=schedule)
    text = network_to_text(network)
    assert network_from_text(text) == network
    assert network_to_text(network_from_text(text)) == text
    assert "schedule" not in network_to_text(xor())


def test_a_wrong_schedule_is_refused_with_its_place() -> None:
    training = network_to_record(xor())["training"]
    assert "training.schedule" in refusal(training={**training, "schedule": "cosin"})
    assert "factor" in refusal(training={**training, "schedule": {"type": "step", "factor": 2.0}})
