"""Planting and removing bugs: pure edits, and what other edits make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.building import chain, xor
from visualbp.network import edits
from visualbp.network.bugs import PlantedBug
from visualbp.network.diff import difference
from visualbp.network.edits import EditError

SIGN = PlantedBug("sign", "hidden", "z", "weight")
SCALED = PlantedBug("scaled", "output", "h", "z")


def test_a_planted_bug_is_a_new_network_and_can_be_removed() -> None:
    network = xor()
    planted = edits.plant_bug(edits.plant_bug(network, SIGN), SCALED)
    assert network.bugs == () and planted.bugs == (SIGN, SCALED)
    assert planted.layers is network.layers
    assert edits.remove_bugs(planted, [SIGN]).bugs == (SCALED,)
    assert edits.remove_bugs(planted) == network


def test_a_rule_has_one_bug_and_the_last_one_stays() -> None:
    other = replace(SIGN, kind="scaled")
    planted = edits.plant_bug(edits.plant_bug(edits.plant_bug(xor(), SIGN), SCALED), other)
    assert planted.bugs == (SCALED, other)


def test_what_is_no_bug_is_refused_in_words() -> None:
    with pytest.raises(EditError, match="there is no bug called sing; there are sign, missing_derivative"):
        edits.plant_bug(xor(), replace(SIGN, kind="sing"))
    with pytest.raises(EditError, match="planted in middle: there is no such layer"):
        edits.plant_bug(xor(), replace(SIGN, layer="middle"))


def test_planting_and_removing_needs_a_new_plan_and_marking_a_hunt_does_not() -> None:
    network = xor()
    planted = edits.plant_bug(network, SIGN)
    assert difference(network, planted).bugs and difference(network, planted).needs_new_plan
    assert difference(planted, network).needs_new_plan
    hunt = edits.set_bug_hunt(planted, True)
    assert hunt != planted and not difference(planted, hunt).needs_new_plan
    assert edits.set_bug_hunt(hunt, False) == planted


def test_networks_with_other_bugs_are_not_the_same() -> None:
    assert edits.plant_bug(xor(), SIGN) != xor()
    assert edits.plant_bug(xor(), SIGN) == edits.plant_bug(xor(), SIGN)


def test_bugs_go_with_a_renamed_layer_and_stay_when_its_neighbour_is_renamed() -> None:
    planted = edits.plant_bug(edits.plant_bug(xor(), SIGN), SCALED)
    renamed = edits.rename_layer(planted, "hidden", "middle")
    assert renamed.bugs == (replace(SIGN, layer="middle"), SCALED)
    assert edits.rename_layer(renamed, "middle", "hidden") == planted


def test_bugs_go_with_a_removed_layer_and_stay_with_the_others() -> None:
    planted = edits.plant_bug(edits.plant_bug(xor(), SIGN), SCALED)
    assert edits.remove_layers(planted, ["hidden"]).bugs == (SCALED,)
    assert edits.remove(planted, ["output"], []).bugs == (SIGN,)


def test_copied_layers_are_pasted_without_their_bugs() -> None:
    planted = edits.plant_bug(xor(), SIGN)
    grown, names = edits.paste(planted, edits.copy_part(planted, ["hidden"]), (0.0, 40.0))
    assert names == ("hidden_2",)
    assert grown.bugs == (SIGN,)


def test_a_bug_says_in_words_what_and_where_it_is() -> None:
    assert SIGN.text == "Wrong sign in hidden.z, on the way back to weight"


def test_bugs_survive_every_edit_beside_them() -> None:
    planted = edits.plant_bug(xor(), SIGN)
    extra = chain(("extra", "dense", {"units": 2})).layers[0]
    for changed in (
        edits.set_options(planted, "hidden", {"units": 7}),
        edits.insert_on_connection(planted, extra, ("input", "hidden"), (0.0, 0.0)),
        edits.set_frozen(planted, "hidden", True),
        edits.clear_parameters(planted, seed=3),
        edits.disconnect(planted, [("input", "hidden")]),
    ):
        assert changed.bugs == (SIGN,)
