"""What the gradient check's panel says: the headline, and a row for each wrong rule and for each tensor."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.gradient_check_result import CheckResult, EntryCheck, OperationCheck, Place, TensorCheck
from visualbp.analysis.gradient_check_words import kind_words, operation_words
from visualbp.gui.painting import exact_text, number_text
from visualbp.gui.widgets.check_rows import CheckRow, RuleRow, error_text


def failed_numbers(check: TensorCheck) -> int:
    """Return how many numbers of a tensor failed by themselves."""
    return int(np.count_nonzero(check.failed))


def headline(result: CheckResult) -> tuple[str, str]:
    """Return the answer in a few words, and the colour they have."""
    failed = sum(failed_numbers(check) for tensors in result.layers.values() for check in tensors.values())
    if result.verdict == "failed":
        if failed:
            return f"✕ {failed:,} of {result.checked:,} fail", "error"
        if result.failures:
            return f"✕ {len(result.failures)} parameters fail along a direction", "error"
        wrong = len(result.wrong_operations)
        return f"✕ {wrong} rule{'s' if wrong > 1 else ''} wrong", "error"
    if result.verdict == "undecided":
        return "– cannot be told", "text"
    if result.checked < result.parameters:
        return f"✓ {result.checked:,} of {result.parameters:,} measured, all pass", "passed"
    return f"✓ {result.checked:,} of {result.parameters:,} pass", "passed"


def worst_number(layer: str, parameter: str, check: TensorCheck) -> Place | None:
    """Return where the largest error of a tensor is, or None if no number was measured."""
    errors = np.where(np.isnan(check.errors), -1.0, check.errors + 2.0 * check.failed)
    if not errors.size or errors.max() < 0:
        return None
    return Place(layer, parameter, tuple(int(i) for i in np.unravel_index(int(errors.argmax()), errors.shape)))


def numbers_text(entry: EntryCheck) -> str:
    """Return both gradients of a number: `computed +0.1094, measured +0.1094`."""
    measured = "nothing" if entry.measured is None else number_text(entry.measured, signed=True)
    return f"computed {number_text(entry.computed, signed=True)}, measured {measured}"


def exact_numbers(entry: EntryCheck) -> str:
    """Return both gradients of a number exactly, with their difference."""
    if entry.measured is None or entry.difference is None:
        return f"computed {exact_text(entry.computed)}, measured nothing"
    return (
        f"computed {exact_text(entry.computed)}, measured {exact_text(entry.measured)},"
        f" difference {error_text(abs(entry.difference))}"
    )


def rows_of(result: CheckResult) -> list[CheckRow | RuleRow]:
    """Return a row for each rule that is wrong by itself, and then one for each tensor."""
    rules = [
        RuleRow(rule.layer, f"{rule.layer}.{rule.output} → {rule.operand}", _rule_words(rule), operation_words(rule))
        for rule in result.wrong_operations
    ]
    tensors = [
        _row(layer, name, check, result.tolerance)
        for layer, tensors in result.layers.items()
        for name, check in tensors.items()
    ]
    return [*rules, *tensors]


def _row(layer: str, name: str, check: TensorCheck, tolerance: float) -> CheckRow:
    verdict = {True: "passes", False: "fails", None: "cannot be told"}[check.passed]
    error = "" if check.relative_error is None else f": largest relative error {error_text(check.relative_error)}"
    lines = [f"{layer}.{name} {verdict}{error}", check.way]
    if check.kinks:
        lines.append(f"{check.kinks:,} of its numbers are beside a kink, {check.corners:,} exactly at one")
    if check.unmeasurable > check.corners:
        lines.append(f"{check.unmeasurable - check.corners:,} have no effect on the loss above its round-off")
    if check.excused:
        lines.append(f"{check.excused:,} agree within the error of their measurement, not within the tolerance")
    worst, numbers = worst_number(layer, name, check), ""
    if worst is not None:
        entry = check.entry(worst.index, tolerance)
        numbers = f"{numbers_text(entry)}  [{', '.join(map(str, worst.index))}]"
        lines.append(f"{worst.text}: {exact_numbers(entry)}")
    return CheckRow(
        layer,
        name,
        check.relative_error,
        check.passed,
        failed_numbers(check),
        check.kinks,
        check.unmeasurable,
        check.excused,
        "\n".join(lines),
        numbers,
        check,
    )


def _rule_words(rule: OperationCheck) -> str:
    """Return what is probably wrong, and at which entry: `wrong sign  [2, 0]`."""
    index = f"  [{', '.join(map(str, rule.index))}]" if rule.index else ""
    return (kind_words(rule) or "wrong") + index
