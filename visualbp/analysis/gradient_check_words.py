"""What a gradient check says in words: how it was measured, what was excused or cannot be told, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.analysis.gradient_check_passes import Point
from visualbp.analysis.gradient_check_result import CheckOptions, CheckResult, OperationCheck, TensorCheck
from visualbp.network.bugs import bug_kinds

MORE_KINDS = {"scale": "Scaled", "unknown": "Wrong"}


def words_of(
    point: Point, options: CheckOptions, tensors: Sequence[TensorCheck], operations: Sequence[OperationCheck]
) -> str:
    """Return how it was measured, and what is to be known about it."""
    what = {
        "every": "Every parameter, by central differences",
        "sampled": f"Up to {options.samples} parameters of each tensor, by central differences",
        "directional": "Each tensor as a whole, by differences",
    }[options.method]
    ways = list(dict.fromkeys(tensor.way for tensor in tensors))
    sentences = [f"{what}: {', elsewhere '.join(ways)}" if ways else "There is no parameter to check"]
    if options.method == "sampled" and tensors:
        sentences[0] += ", and the real loss along a random direction of each tensor"
    kinks, corners = sum(t.kinks for t in tensors), sum(t.corners for t in tensors)
    if kinks:
        sentences.append(f"{kinks:,} at a kink, measured on the side that they are on")
        if corners:
            sentences[-1] += (
                f"; {corners:,} of these left out: exactly at the corner any slope between those of both sides is right"
            )
    excused = sum(t.excused for t in tensors)
    if excused:
        error = max(t.measuring_error for t in tensors)
        sentences.append(
            f"{excused:,} above the tolerance agree within the error of their measurement, up to {error:.0e} of them"
        )
    unmeasurable = sum(t.unmeasurable for t in tensors) - corners
    if unmeasurable:
        sentences.append(
            f"{unmeasurable:,} cannot be told: their effect on the loss is not above its round-off, whatever the step"
        )
        if point.departs_from_derivative:
            sentences.append(
                "The loss is so sure that its gradient is clamped, as PyTorch's is, and is no derivative there"
            )
    if operations:
        sentences.append(f"Each of {len(operations):,} reverse-mode rules by itself, at its own operands")
    if point.plan.network.precision == "float32":
        sentences.append("Computed in float64, though the network runs in float32")
    return ". ".join(sentences) + "."


def kind_words(operation: OperationCheck) -> str:
    """Return the probable mistake: `wrong sign`, `1.001 times too large`; empty where none is known."""
    if operation.kind is None:
        return ""
    if operation.kind == "scale" and operation.factor is not None:
        return f"{operation.factor:.4g} times what it should be"
    return bug_kinds.get(operation.kind).label.lower().replace("1/n", "1/N")


def operation_words(operation: OperationCheck) -> str:
    """Return a sentence about a rule that is wrong."""
    kind = kind_words(operation)
    text = f"{operation.operation} of {operation.place}, is wrong" + (f": probably {kind}" if kind else "")
    if operation.computed is not None and operation.measured is not None:
        place = f"at [{', '.join(map(str, operation.index))}] it gives" if operation.index else "it gives"
        text += f"; {place} {operation.computed:.6g}, a difference {operation.measured:.6g}"
    return text


def verdict_words(result: CheckResult) -> str:
    """Return the answer in a few words."""
    wrong = result.wrong_operations
    if wrong:
        return f"{len(wrong)} of {len(result.operations):,} rules wrong by themselves"
    if result.verdict == "failed":
        failed = sum(int(t.failed.sum()) for tensors in result.layers.values() for t in tensors.values())
        return f"{failed:,} of {result.checked:,} fail" if failed else f"{len(result.failures)} tensors fail"
    if result.verdict == "undecided":
        return "cannot be told: not one number could be measured"
    return f"{result.checked:,} of {result.parameters:,} measured, all agree"
