"""Bug hunts on the command line: found by the check, kept by saving, and refused where a bug has no place."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import Capture, complaint, run_json, write_model
from visualbp.files import find_model, load_network


def test_check_finds_the_bug_of_a_hunt_and_says_where(capsys: Capture) -> None:
    record = run_json(capsys, "check", "bug_hunt_3", status=1)
    failed = [
        (layer, name)
        for layer, tensors in record["layers"].items()
        for name, tensor in tensors.items()
        if not tensor["passed"]
    ]
    assert failed == [("hidden_1", "weight")]
    assert run_json(capsys, "check", "bug_hunt_3", "--tolerance", "0.01")["passed"]


def test_train_has_the_bug_too_and_saves_the_hunt_with_it(capsys: Capture, tmp_path: Path) -> None:
    saved = tmp_path / "hunt.vbp"
    record = run_json(capsys, "train", "bug_hunt_4", "--iterations", "2", "--save", str(saved))
    assert abs(record["final_loss"] - 0.291027924) < 5e-10
    hunt, trained = load_network(find_model("bug_hunt_4")), load_network(saved)
    assert trained.bug_hunt and trained.bugs == hunt.bugs


def test_a_bug_that_has_no_place_is_refused_in_a_sentence(capsys: Capture, tmp_path: Path) -> None:
    bug = {"kind": "sign", "layer": "bend", "output": "z", "operand": "weight"}
    path = write_model(tmp_path / "wrong.vbp", bug_hunt=True, bugs=[bug])
    message = complaint(capsys, "check", path)
    assert "bend: the planted bug" in message and "has rules for h, not for z" in message
