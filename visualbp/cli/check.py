"""visualbp check: the numerical gradient check of the first batch. It fails with exit status 1."""

from __future__ import annotations

import argparse
from typing import Any

from visualbp.analysis.gradient_check import CheckError, CheckOptions, CheckResult, gradient_check
from visualbp.analysis.gradient_check_result import METHODS
from visualbp.cli.output import Progress, number, print_json, print_line, print_table
from visualbp.cli.running import Model, add_file, add_json, open_model, small_number
from visualbp.core.arrays import shape_text
from visualbp.files import FileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
    return 0 if result.passed else 1


def check_record(result: CheckResult) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "passed": result.passed,
        "max_relative_error": result.max_relative_error,
        "parameters": result.parameters,
        "checked": result.checked,
        "kinks": result.kinks,
        "seconds": result.seconds,
        "layers": {
            layer: {
                name: {"relative_error": tensor.relative_error, "passed": tensor.passed, "kinks": tensor.kinks}
                for name, tensor in tensors.items()
            }
            for layer, tensors in result.layers.items()
        },
    }


def _print(model: Model, result: CheckResult) -> None:
    print_line(f"{model.network.name} ({model.path.name}): epsilon {result.epsilon:g}, tolerance {result.tolerance:g}")
    print_line()
    rows = [
        [
            layer,
            name,
            shape_text(tensor.errors.shape),
            f"{tensor.checked:,}",
            f"{tensor.kinks:,}",
            number(tensor.relative_error),
            "pass" if tensor.passed else "FAIL",
        ]
        for layer, tensors in result.layers.items()
        for name, tensor in tensors.items()
    ]
    header = ("layer", "parameter", "shape", "checked", "kinks", "largest error", "result")
    print_table(header, rows, right=("checked", "kinks", "largest error"))
    print_line()
    print_line(result.words)
    verdicts = [tensor.passed for tensors in result.layers.values() for tensor in tensors.values()]
    verdict = "passed" if result.passed else f"FAILED in {verdicts.count(False)} of {len(verdicts)} tensors; checked"
    print_line(
        f"{verdict}: {result.checked:,} of {result.parameters:,} parameters in {result.seconds:.2f} s,"
        f" largest relative error {number(result.max_relative_error)}"
    )
    if not result.passed and result.worst is not None:
        print_line(f"the worst is {result.worst.text}")
