"""What planted bugs do to the lines of a listing, kind by kind; what they do to the rules is in `engine/bugs.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from visualbp.core.ref import Ref
from visualbp.engine.bugs import SCALE
from visualbp.layers import Node
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.numpy_code import NumpyCode

BUG = "  # the planted bug"


def lines_with_bug(
    kind: str, node: Node, code: NumpyCode, batched: bool, updated: Callable[[Ref], tuple[list[str], str]]
) -> list[str]:
    """Return the lines of a reverse-mode rule with a bug in it.

    `batched` is whether the result has a batch axis; `updated` returns the lines that update a parameter ahead of time,
    and the name of the result.
    """
    operation, result = node.operation, code.result
    right = operation.vjp_numpy_lines(code)
    match kind:
        case "sign":
            return [*right, f"{result} = -{result}{BUG}"]
        case "missing_derivative":
            return [f"{result} = {code.upstream}{BUG}"]
        case "wrong_derivative" if isinstance(operation, Elementwise):
            at_h = replace(
                code, operands=[code.output], output=code.kept("at_h"), prefix=code.kept("at_h"), upstream=code.upstream
            )
            forward = replace(at_h, operand=-1, result="", upstream="")
            return [*operation.numpy_lines(forward), *operation.vjp_numpy_lines(at_h)[:-1], *_marked(operation, at_h)]
        case "wrong_derivative":
            return [f"{result} = {code.upstream} * ({code.output} - {code.output} * {code.output}){BUG}"]
        case "missing_mean":
            return [*right, f"{result} = {result} * float(len({result})){BUG}"]
        case "transposed_weight":
            return [f"{result} = {code.upstream} @ {code.operands[_weight(node, code)]}.T{BUG}"]
        case "sequential_update":
            lines, copy = updated(node.operands[_weight(node, code)])
            return [*lines, f"{result} = {code.upstream} @ {copy}{BUG}"]
        case "scaled":
            return [*right, f"{result} = {result} * {SCALE!r}{BUG}"]
        case "zeroed_row":
            last = ":, -1:" if batched else "-1:"
            return [*right, f"{result} = {result}.copy()", f"{result}[{last}] = 0.0{BUG}"]
        case "lost_path":
            return [*right, f"{result} = np.zeros_like({result}){BUG}"]
    raise ValueError(f"no bug is called {kind}")


def _marked(operation: Elementwise, code: NumpyCode) -> list[str]:
    return [f"{operation.vjp_numpy_lines(code)[-1]}{BUG}"]


def _weight(node: Node, code: NumpyCode) -> int:
    place = node.operation.weight_behind(code.operand)
    if place is None:
        raise ValueError(f"{node.operation.name} does not go back through a weight matrix")
    return place
