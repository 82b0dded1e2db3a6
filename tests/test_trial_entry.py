"""What a new entry says is held against its rule, without a line of it in any test; what is false names its part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.analysis.test_explanations_read import check_words
from tests.engine.test_sentences_read import check_shapes_of, steps_taken
from tests.equations_shown import executor_around
from tests.explanation_mutations import explained, factors_of, survivors, survivors_beside
from tests.registry_cases import SAMPLE_SHAPES, LayerCase
from tests.rooms import missing_from_layer, missing_from_operation
from tests.sentence_reader import FalseSentenceError, check_sentence
from tests.trial_entry import Blend, BlendLayer
from visualbp.core.arrays import Shape
from visualbp.engine.notation import step_sentence
from visualbp.layers import layer_types
from visualbp.operations.terms import Draft
from visualbp.operations.words import Told


@pytest.fixture(autouse=True)
def planted() -> Iterator[None]:
    layer_types.register(BlendLayer())
    yield
    del layer_types._entries["blend"]


def check_everything(shape: Shape = (3, 4), most: int = 2) -> None:
    case = LayerCase(BlendLayer(), {}, (shape,) * 3)
    for taken in steps_taken(executor_around(case)):
        check_sentence(taken, step_sentence(taken.plan, taken.step))
        check_shapes_of(taken)
    for asked in explained(executor_around(case), most=most, layer="tested"):
        check_words(asked)


@pytest.mark.parametrize("shape", SAMPLE_SHAPES)
def test_a_new_entry_is_read_without_a_line_of_it_in_any_test(shape: Shape) -> None:
    assert missing_from_operation(Blend) == [] and missing_from_layer(BlendLayer()) == []
    check_everything(shape)


def test_false_words_of_a_new_entry_are_noticed() -> None:
    told = 0
    for asked in explained(executor_around(LayerCase(BlendLayer(), {}, ((4,),) * 3)), most=1, layer="tested"):
        for count, unnoticed in [survivors(asked), *(survivors_beside(asked, factor) for factor in factors_of(asked))]:
            told += count
            assert not unnoticed
    assert told > 20


def changed(method: str, change: Callable[[Any], Any]) -> Callable[..., Any]:
    own = getattr(Blend, method)
    return lambda self, *given: change(own(self, *given))


RULE = "the gate times the fresh one, and 1 minus the gate times the old one"


def other_rule(text: str, claim: str = "") -> Callable[[Draft], Draft]:
    return lambda draft: replace(draft, rule=Told(text, claim or draft.rule.saying.claim))  # type: ignore[attr-defined]


def other_labels(draft: Draft) -> Draft:
    one, other = draft.blocks
    return replace(draft, blocks=[replace(one, label=other.label), replace(other, label=one.label)])


def other_factor(words: str) -> Callable[[Any], Any]:
    return lambda factor: replace(factor, meaning=words)


@pytest.mark.parametrize(
    ("method", "change", "wrong"),
    [
        ("terms", other_rule(RULE.replace("fresh", "old")), "gate \\* old"),
        ("terms", other_rule(RULE.replace("times", "over")), "the gate over the"),
        ("terms", other_rule(RULE.replace("times", "beside")), "nobody can check 'beside'"),
        ("terms", other_rule(RULE.replace("times", "over"), "output == gate / fresh + (1 - gate) / old"), "is not so"),
        ("terms", lambda draft: replace(draft, rule=str(draft.rule)), "nobody can check these words"),
        ("terms", other_labels, "the label 'old part' is of old"),
        ("terms", lambda draft: replace(draft, note="and nothing else"), "nobody can check the note"),
        ("terms", lambda draft: replace(draft, note=Told("it takes one", "output < -1e9")), "is not so"),
        ("_rest", other_factor(Told("1 plus the gate", "number == 1 - gate")), "1 plus the gate"),
        ("_rest", other_factor(Told("1 plus the gate", "number == 1 + gate")), "what is claimed"),
        ("_rest", other_factor("1 minus the gate"), "nobody can check these words"),
        ("shapes_text", lambda text: text.replace("*", "over"), "the shapes do not fit"),
        ("shapes_text", lambda text: text.replace("(3, ", "(2, "), "has a shape that nothing has"),
        (
            "vjp_shapes_text",
            lambda text: Told(text.saying.text, "result == upstream[1:] == gate", **text.values),
            "not so",
        ),
        (
            "vjp_shapes_text",
            lambda text: Told("=  {gate} let through {upstream}", text.saying.claim, **text.values),
            "order",
        ),
    ],
)
def test_what_is_false_in_a_new_entry_names_the_part(
    method: str, change: Callable[[Any], Any], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Blend, method, changed(method, change))
    with pytest.raises(FalseSentenceError, match=wrong):
        check_everything((4,))
