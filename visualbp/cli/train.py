"""visualbp train: iterations at full speed, and the trained model saved."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.cli.main import file_name
from visualbp.cli.output import Progress, number, print_json, print_line, print_table, say
from visualbp.cli.running import Model, add_file, add_json, check_folder, open_model, whole_number
from visualbp.debugger.course import Course
from visualbp.debugger.until import FullSpeed, NotFinite, Until
from visualbp.engine import Executor
from visualbp.engine.evaluate import accuracy
from visualbp.files import moved, save_network
from visualbp.network import Network

MOST_POINTS = 1000
SHOWN_POINTS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes: the file, how many iterations, where to save, and the form of the answer."""
    add_file(parser)
    parser.add_argument("--iterations", metavar="N", type=whole_number(1), required=True, help="how many to run")
    parser.add_argument("--save", metavar="OUT.vbp", type=file_name, help="write the model with its trained parameters")
    add_json(parser)


@dataclass(frozen=True)
class Trained:
    """What a run of training left. `losses` are (iteration, loss of its batch), the first and the last among them."""

    losses: list[tuple[int, float]]
    seconds: float
    accuracy: float | None
    held_out_accuracy: float | None


def run(arguments: argparse.Namespace) -> int:
    """Train, save the model if a name for it is given, and print the losses. One that is not finite is no failure."""
    model = open_model(arguments.file)
    if arguments.save:
        check_folder(arguments.save)
    trained = train(model.executor, arguments.iterations)
    if arguments.save:
        save_network(trained_network(model, Path(arguments.save)), arguments.save)
    if arguments.json:
        print_json(train_record(trained, arguments.iterations))
    else:
        _print(model, trained, arguments)
    if not math.isfinite(trained.losses[-1][1]):
        first = next(iteration for iteration, loss in trained.losses if not math.isfinite(loss))
        say(f"visualbp: the loss is not finite at iteration {first}; trace names the operation")
    return 0


def recorded(iterations: int) -> list[int]:
    """Return which iterations' losses are kept: all, or 1000 evenly from the first to the last."""
    if iterations <= MOST_POINTS:
        return list(range(iterations))
    return [round(point * (iterations - 1) / (MOST_POINTS - 1)) for point in range(MOST_POINTS)]


def train(executor: Executor, iterations: int) -> Trained:
    """Run iterations at full speed."""
    losses: list[tuple[int, float]] = []
    wanted = recorded(iterations)
    start = time.perf_counter()
    with Progress("training") as progress, np.errstate(all="ignore"):

        def ran(iteration: int, loss: float) -> None:
            if iteration == wanted[len(losses)]:
                losses.append((iteration, loss))
            if progress.shown and not iteration % 64:
                progress(iteration / iterations, f"loss {number(loss)}")

        until = Until(iterations - 1, len(executor.plan.steps), NotFinite.PASS)
        Course(executor=executor, keeps_history=False).run(until, (FullSpeed(ran=ran, to_the_end=True),))
    seconds = time.perf_counter() - start
    parameters = executor.parameter_views()

    def share_right(samples: tuple[np.ndarray, np.ndarray] | None) -> float | None:
        return None if samples is None else accuracy(executor.plan, parameters, *samples)

    return Trained(losses, seconds, share_right((executor.inputs, executor.targets)), share_right(executor.held_out))


def trained_network(model: Model, out: Path) -> Network:
    """Return the model with its parameters as they are now, for the folder of `out`."""
    parameters: dict[str, dict[str, np.ndarray]] = {}
    for value, array in model.executor.parameter_views().items():
        parameters.setdefault(value.layer, {})[value.role] = array
    return moved(replace(model.network, parameters=parameters), model.path.parent, out.parent)


def train_record(trained: Trained, iterations: int) -> dict[str, Any]:
    """Return what `--json` prints; accuracy on held-out samples is there if the data hold some out."""
    record: dict[str, Any] = {
        "iterations": iterations,
        "loss": [loss for _, loss in trained.losses],
        "final_loss": trained.losses[-1][1],
        "accuracy": trained.accuracy,
        "seconds": trained.seconds,
    }
    if trained.held_out_accuracy is not None:
        record["held_out_accuracy"] = trained.held_out_accuracy
    return record


def _print(model: Model, trained: Trained, arguments: argparse.Namespace) -> None:
    iterations = arguments.iterations
    print_line(f"{model.network.name} ({model.path.name}): {iterations:,} iterations in {trained.seconds:.2f} s")
    print_line()
    last = len(trained.losses) - 1
    shown = sorted({round(point * last / (SHOWN_POINTS - 1)) for point in range(SHOWN_POINTS)})
    rows = [[f"{trained.losses[place][0]:,}", number(trained.losses[place][1])] for place in shown]
    print_table(("iteration", "loss"), rows, right=("iteration", "loss"))
    print_line()
    for words, share in (("training", trained.accuracy), ("held-out", trained.held_out_accuracy)):
        if share is not None:
            print_line(f"{share:.1%} of the {words} samples are right")
    if arguments.save:
        print_line(f"saved to {arguments.save}")
