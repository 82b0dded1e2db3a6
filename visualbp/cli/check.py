"""visualbp check: the numerical gradient check of the first batch. Exit status 1 if a measured gradient is wrong."""

from __future__ import annotations

import argparse
from typing import Any

from visualbp.analysis.gradient_check import CheckError, CheckOptions, CheckResult, gradient_check
from visualbp.analysis.gradient_check_result import METHODS
from visualbp.analysis.gradient_check_words import operation_words
from visualbp.cli.output import Progress, number, print_json, print_line, print_table
from visualbp.cli.running import Model, add_file, add_json, open_model, small_number
from visualbp.core.arrays import shape_text
from visualbp.files import FileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `check` takes: the file, the step, the tolerance, which parameters, and the form of the answer."""
    add_file(parser)
    parser.add_argument("--epsilon", metavar="E", type=small_number, default=1e-5, help="the step either way (1e-5)")
    parser.add_argument("--tolerance", metavar="T", type=small_number, default=1e-5, help="the largest error (1e-5)")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="every",
        help="every parameter by itself, a sample of them, or one random direction for each tensor",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the gradients of the first batch and print what was found. Return 1 if one is wrong, and 0 otherwise."""
    model = open_model(arguments.file)
    executor = model.executor
    batch = executor.batch_indices(0)
    try:
        options = CheckOptions(arguments.epsilon, arguments.tolerance, arguments.method)
        with Progress("checking") as progress:
            result = gradient_check(
                executor.plan,
                executor.parameter_views(),
                executor.inputs[batch],
                executor.targets[batch],
                executor.context,
                options,
                progress=progress,
            )
    except CheckError as error:
        raise FileError(str(model.path), "", str(error)) from None
    if arguments.json:
        print_json(check_record(result))
    else:
        _print(model, result)
    return 1 if result.verdict == "failed" else 0


def check_record(result: CheckResult) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "passed": result.passed,
        "verdict": result.verdict,
        "max_relative_error": result.max_relative_error,
        "parameters": result.parameters,
        "checked": result.checked,
        "kinks": result.kinks,
        "unmeasurable": result.unmeasurable,
        "seconds": result.seconds,
        "layers": {
            layer: {
                name: {
                    "relative_error": tensor.relative_error,
                    "passed": tensor.passed,
                    "checked": tensor.checked,
                    "kinks": tensor.kinks,
                    "unmeasurable": tensor.unmeasurable,
                }
                for name, tensor in tensors.items()
            }
            for layer, tensors in result.layers.items()
        },
        "operations": [
            {
                "layer": operation.layer,
                "operation": operation.operation,
                "output": operation.output,
                "operand": operation.operand,
                "passed": operation.passed,
                "relative_error": operation.relative_error,
                "kind": operation.kind,
                "factor": operation.factor,
                "index": list(operation.index),
            }
            for operation in result.operations
        ],
    }


ANSWERS = {True: "pass", False: "FAIL", None: "cannot be told"}


def _print(model: Model, result: CheckResult) -> None:
    print_line(f"{model.network.name} ({model.path.name}): epsilon {result.epsilon:g}, tolerance {result.tolerance:g}")
    print_line()
    wrong = result.wrong_operations
    for operation in wrong:
        print_line(f"WRONG: {operation_words(operation)}")
    if wrong:
        print_line()
    rows = [
        [
            layer,
            name,
            shape_text(tensor.errors.shape),
            f"{tensor.checked:,}",
            f"{tensor.unmeasurable:,}",
            f"{tensor.kinks:,}",
            "-" if tensor.relative_error is None else number(tensor.relative_error),
            ANSWERS[tensor.passed],
        ]
        for layer, tensors in result.layers.items()
        for name, tensor in tensors.items()
    ]
    header = ("layer", "parameter", "shape", "measured", "not measured", "kinks", "largest error", "result")
    print_table(header, rows, right=("measured", "not measured", "kinks", "largest error"))
    print_line()
    print_line(result.words)
    print_line(f"{_verdict(result)} in {result.seconds:.2f} s")
    if result.failures and result.worst is not None:
        print_line(f"the worst is {result.worst.text}")


def _verdict(result: CheckResult) -> str:
    measured = f"{result.checked:,} of {result.parameters:,} parameters measured"
    if result.max_relative_error is not None:
        measured += f", largest relative error {number(result.max_relative_error)}"
    rules = f"{sum(found.passed is True for found in result.operations):,} of {len(result.operations):,} rules right"
    if result.verdict == "undecided":
        return f"undecided: nothing wrong was found, but not one parameter could be measured; by themselves {rules}"
    if result.verdict == "passed":
        return f"passed: {measured}; by themselves {rules}"
    tensors = sum(len(found) for found in result.layers.values())
    where = f"in {len(result.failures)} of {tensors} tensors" if result.failures else "in a rule by itself"
    return f"FAILED {where}; {measured}; by themselves {rules}"
