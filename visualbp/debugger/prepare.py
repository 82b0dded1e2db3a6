"""From a network to an executor that runs it, or to the problems that keep it from running, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.core.ref import Ref
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.datasets.base import TargetError
from visualbp.debugger.flow import StoppedError
from visualbp.engine import Executor, PlanError, compile_plan
from visualbp.engine.bugs import bug_problems
from visualbp.engine.needs import check_memory, needs_of
from visualbp.engine.plan import go_on
from visualbp.network import Network, Problem, structure_of

CHOOSE_DATA = "choose some: click the empty canvas, then Data in the inspector"


@dataclass(frozen=True, eq=False)
class Carried:
    """What a new executor takes over from an older one, where it still fits: arrays, and the number of the iteration.

    `first_iteration` is when the optimiser's arrays were zero.
    """

    arrays: Mapping[Ref, Array] = field(default_factory=dict)
    iteration: int = 0
    first_iteration: int = 0


@dataclass(frozen=True, eq=False)
class Prepared:
    """An executor, or None and the problems that say why."""

    executor: Executor | None
    problems: tuple[Problem, ...]


def load_data(network: Network, folder: Path | None) -> tuple[Dataset | None, Problem | None]:
    """Return the network's data, or what is wrong with them. Relative paths start in `folder`."""
    if network.data is None:
        return None, Problem("error", None, "the network has no data", CHOOSE_DATA)
    try:
        return load_dataset(network.data, folder), None
    except DataError as error:
        return None, Problem("error", None, f"data: {error}", "choose other data in the inspector")


STOPPED = Problem("error", None, "opening was stopped", "open it again, or make the network smaller")


def prepare(
    network: Network,
    dataset: Dataset | None,
    carried: Carried,
    data_problem: Problem | None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Prepared:
    """Compile `network` and make its executor. `data_problem` is why there is no `dataset`.

    A large network, and no other, is given up where `interrupted` says so; that is a problem of it then.
    """
    between = go_on

    def stop_if_interrupted() -> None:
        if interrupted():
            raise StoppedError

    structure = structure_of(network)
    problems = structure.problems + ((data_problem,) if data_problem else ())
    executor, layer = None, structure.input
    try:
        if dataset is not None:
            needs = needs_of(network, structure, len(dataset))
            check_memory(network, needs, len(dataset))
            between = stop_if_interrupted if needs.are_large else go_on
        plan = compile_plan(network, structure, between)
        layer = plan.prediction.layer
        problems += bug_problems(plan)
        if dataset is not None:
            first = carried.first_iteration
            executor = Executor(plan, dataset, carried.arrays, carried.iteration, first, between)
    except StoppedError:
        problems += (STOPPED,)
    except PlanError as error:
        problems += tuple(problem for problem in error.problems if problem not in problems)
    except TargetError as error:
        message = str(error).replace("the layer before the loss gives", f"{layer} gives")
        problems += (Problem("error", layer, message, error.mend),)
    except (DataError, OptionError) as error:
        problems += (_misfit(network, dataset, structure.input, str(error)),)
    return Prepared(executor, problems)


def _misfit(network: Network, dataset: Dataset | None, input_layer: str | None, text: str) -> Problem:
    """Return data that do not fit as a problem of the layer that the text begins with, with the mend that there is."""
    name, colon, message = text.partition(": ")
    layer = name if colon and name in network.names else input_layer
    mend = "choose other data, or change the layer"
    if layer == input_layer and dataset is not None and "samples of shape" in text:
        mend = f"set its shape to {', '.join(map(str, dataset.input_shape))}, or choose other data"
    return Problem("error", layer, message if layer == name else text, mend)
