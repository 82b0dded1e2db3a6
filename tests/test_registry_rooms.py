"""What every loss, optimiser and schedule must say of itself, beside its rule: what is left out is named."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from visualbp.operations.losses import Loss, losses
from visualbp.optimizers.base import Optimizer, optimizers
from visualbp.optimizers.schedules import Schedule, schedules

LOSS = ("products", "gradient_products", "numpy_lines", "vjp_numpy_lines")
OPTIMIZER = ("equation", "terms", "numpy_lines")
SCHEDULE = ("products_after_warm_up", "numpy_after_warm_up")

every_loss = pytest.mark.parametrize("entry", list(losses), ids=lambda entry: entry.type_name)
every_optimizer = pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
every_schedule = pytest.mark.parametrize("entry", list(schedules), ids=lambda entry: entry.type_name)


def left_out(entry: type, base: type, rule: str, parts: Iterable[str]) -> list[str]:
    """Return which parts an entry does not say itself: those of `base`, and those that were written for another rule,
    since a class further down has a rule of its own."""
    kinds = entry.__mro__[: entry.__mro__.index(base)]
    ruled = next((place for place, kind in enumerate(kinds) if rule in vars(kind)), len(kinds))
    return [part for part in parts if not any(part in vars(kind) for kind in kinds[: ruled + 1])]


def without_words(entry: type, names: Iterable[str]) -> list[str]:
    return [name for name in names if not getattr(entry, name)]


@every_loss
def test_a_loss_says_everything_about_itself(entry: type[Loss]) -> None:
    missing = left_out(entry, Loss, "gradient", LOSS)
    missing += without_words(entry, ("type_name", "label", "description", "formula", "gradient_formula"))
    assert not missing, f"{entry.__name__} does not say its {', '.join(missing)}"


@every_loss
def test_a_loss_that_answers_with_probabilities_expects_logits(entry: type[Loss]) -> None:
    """`expects` agrees with what the loss does: only a loss of logits has something between them and its answer."""
    assert (entry.expects == "logits") == bool(entry.answer_formula) == (entry.answer is not Loss.answer)


@every_optimizer
def test_an_optimizer_says_everything_about_itself(entry: type[Optimizer]) -> None:
    missing = left_out(entry, Optimizer, "update", OPTIMIZER)
    missing += without_words(entry, ("type_name", "label", "description"))
    assert not missing, f"{entry.__name__} does not say its {', '.join(missing)}"


@every_schedule
def test_a_schedule_says_everything_about_itself(entry: type[Schedule]) -> None:
    missing = without_words(entry, ("type_name", "label", "description", "formula"))
    if entry.formula != r"\eta_0":  # which is what a schedule says that leaves its rate as it is
        missing += left_out(entry, Schedule, "rate_after_warm_up", SCHEDULE)
    assert not missing, f"{entry.__name__} does not say its {', '.join(missing)}"


def test_what_is_left_out_is_named_also_where_it_would_be_inherited_from_another_rule() -> None:
    adam = optimizers.get("adam")

    class Silent(Optimizer):
        def update(self, *arguments: object) -> None: ...

    class Other(adam):  # type: ignore[misc, valid-type]
        def update(self, *arguments: object) -> None: ...

        def terms(self, *arguments: object) -> None: ...

    class Named(adam):  # type: ignore[misc, valid-type]
        pass

    assert left_out(Silent, Optimizer, "update", OPTIMIZER) == list(OPTIMIZER)
    assert left_out(Other, Optimizer, "update", OPTIMIZER) == ["equation", "numpy_lines"]
    assert left_out(Named, Optimizer, "update", OPTIMIZER) == []
