"""visualbp trace: run iterations, and show every step of the last one."""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.analysis.standstill import standstill
from visualbp.cli.main import file_name
from visualbp.cli.output import Progress, number, print_json, print_line, print_table, say
from visualbp.cli.running import Model, add_file, add_json, check_folder, open_model, whole_number
from visualbp.core.arrays import Array, Shape, shape_text
from visualbp.core.ref import Ref, named
from visualbp.debugger.course import Course
from visualbp.debugger.until import FullSpeed, NotFinite, Recorded, Until
from visualbp.engine import Executor, Phase, Step
from visualbp.engine.notation import Notation
from visualbp.files import write_atomically

FORWARD_ROLES, BACKWARD_ROLES = ("z", "h"), ("upstream", "delta")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `trace` takes: the file, how many iterations, and the form of the answer."""
    add_file(parser)
    parser.add_argument("--iterations", metavar="N", type=whole_number(1), default=1, help="how many to run (1)")
    add_json(parser)
    parser.add_argument(
        "--npz",
        metavar="OUT",
        type=file_name,
        help="also write every array of the last iteration to this .npz file",
    )


@dataclass(frozen=True)
class Traced:
    """One step that was taken, with the shape and the norm of what it wrote."""

    step: Step
    shape: Shape
    norm: float


def run(arguments: argparse.Namespace) -> int:
    """Run all iterations but the last at full speed, and print each step of the last one."""
    model = open_model(arguments.file)
    executor = model.executor
    if arguments.npz:
        check_folder(arguments.npz)
    with Progress("running") as progress, np.errstate(all="ignore"):
        before_last = FullSpeed(ran=lambda done, loss: progress(done / arguments.iterations))
        until = Until(arguments.iterations - 1, 0, NotFinite.PASS)
        Course(executor=executor, keeps_history=False).run(until, (before_last, Recorded(0)))
    before = executor.parameter_views()
    steps, gradients = trace_iteration(executor)
    if arguments.npz:
        write_atomically(arguments.npz, npz_bytes(arrays_of(executor, before, gradients)))
    if arguments.json:
        print_json(trace_record(executor, steps))
    else:
        _print(model, steps)
    if executor.non_finite is not None:
        say(f"visualbp: {executor.non_finite.text}")
    return 0


def trace_iteration(executor: Executor) -> tuple[list[Traced], dict[Ref, Array]]:
    """Take every step of the next iteration. Return the steps, and the gradients as they were before clipping."""
    steps: list[Traced] = []
    gradients: dict[Ref, Array] = {}
    infos, course = executor.plan.parameters, Course(executor=executor, keeps_history=False)
    following = executor.iteration + 1 if executor.at_end else executor.iteration
    for cursor, step in enumerate(executor.plan.steps, 1):
        course.run(Until(following, cursor, NotFinite.PASS), (Recorded(cursor),))
        if step.phase != Phase.UPDATE:
            gradients = {
                i.value: executor.values[i.value.gradient] for i in infos if i.value.gradient in executor.values
            }
        steps.append(_traced(executor, step))
    return steps, gradients


def _traced(executor: Executor, step: Step) -> Traced:
    if step.operation == "clip":  # all gradients, as one
        norms = [executor.norms[value] for value in step.reads]
        count = sum(executor.values[value].size for value in step.reads)
        return Traced(step, (count,), float(np.linalg.norm(norms)))
    written = step.writes[0]
    return Traced(step, executor.values[written].shape, executor.norms[written])


def trace_record(executor: Executor, steps: list[Traced]) -> dict[str, Any]:
    """Return what `--json` prints."""
    notation = Notation(executor.plan)
    return {
        "loss": float(executor.values[executor.plan.loss]),
        "steps": [
            {
                "index": traced.step.index,
                "phase": str(traced.step.phase),
                "layer": traced.step.layer,
                "operation": traced.step.operation,
                "equation": notation.step_equation(traced.step),
                "shape": list(traced.shape),
                "norm": traced.norm,
                **share_of_step(traced.step),
            }
            for traced in steps
        ],
    }


def share_of_step(step: Step) -> dict[str, str]:
    """Return, as `share_of`, the gradient that a step gives one path's share of; nothing where it gives the whole."""
    written = step.writes[0]
    return {"share_of": written.whole.text} if written.sender else {}


def arrays_of(executor: Executor, before: dict[Ref, Array], gradients: dict[Ref, Array]) -> dict[str, Array]:
    """Return the arrays of the iteration in float64, by their names in the file. What a layer has not is absent."""
    plan, values = executor.plan, executor.values
    arrays: dict[str, Array] = {}
    for group, roles in (("forward", FORWARD_ROLES), ("backward", BACKWARD_ROLES)):
        for layer in plan.layers:
            for role in roles:
                found = values.get(plan.resolve(named(layer, role)))
                if found is not None:
                    arrays[f"{group}/{layer}/{role}"] = found
    for group, held in (("gradient", gradients), ("before", before), ("after", executor.parameter_views())):
        for value, array in held.items():
            arrays[f"{group}/{value.layer}/{value.role}"] = array
    arrays["loss"] = values[plan.loss]
    arrays["penalty"] = np.zeros(()) if plan.penalty is None else values[plan.penalty]
    return {name: np.asarray(array, np.float64) for name, array in arrays.items()}


def npz_bytes(arrays: dict[str, Array]) -> bytes:
    """Return a .npz file of the arrays, by their names."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _print(model: Model, steps: list[Traced]) -> None:
    executor = model.executor
    batch = len(executor.batch_indices(executor.iteration))
    samples = "1 sample" if batch == 1 else f"{batch} samples"
    print_line(f"{model.network.name} ({Path(model.path).name}), iteration {executor.iteration}, {samples}")
    print_line()
    rows = [
        [
            str(traced.step.index),
            str(traced.step.phase),
            traced.step.layer or "all",
            traced.step.operation,
            traced.step.label,
            shape_text(traced.shape),
            number(traced.norm),
        ]
        for traced in steps
    ]
    print_table(("step", "pass", "layer", "operation", "result", "shape", "norm"), rows, right=("step", "norm"))
    print_line()
    print_line(f"loss {float(executor.values[executor.plan.loss]):.10g}")
    if executor.plan.penalty is not None:
        print_line(f"penalty {float(executor.values[executor.plan.penalty]):.10g}")
    if reason := standstill(executor.plan, executor.values):
        print_line(reason)
