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
from visualbp.engine import Executor, Plan, PlanError, compile_plan
from visualbp.engine.bugs import bug_problems
from visualbp.engine.needs import Needs, check_memory, needs_of
from visualbp.engine.plan import go_on
from visualbp.network import Network, Problem, Structure, structure_of
from visualbp.network.fixes import Fix, SetOption

CHANGE_EITHER = "choose other data, or change the layer"
CHOOSE_DATA = "choose some: click the empty canvas, then Data in the inspector"


@dataclass(frozen=True)
class DataProblem(Problem):
    """Data that cannot be read. `reason` is the message for where nothing but data is shown."""

    reason: str = ""


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
        return None, DataProblem("error", None, f"data: {error}", "choose other data in the inspector", str(error))


STOPPED = Problem("error", None, "opening was stopped", "open it again, or make the network smaller")


def compile_within_bounds(
    network: Network,
    structure: Structure,
    dataset: Dataset | None,
    interrupted: Callable[[], bool] = lambda: False,
    hear: Callable[[Needs], None] = lambda needs: None,
) -> tuple[Plan, Callable[[], None]]:
    """Compile `network`, and return what is to be called now and then while its executor is made, too.

    `hear` is told what it needs, before it begins. Raises PlanError; DataError where the data need too much memory; and
    StoppedError where a large network, and no other, is given up since `interrupted` says so.
    """
    between = go_on

    def stop_if_interrupted() -> None:
        if interrupted():
            raise StoppedError

    if dataset is not None:
        needs = needs_of(network, structure, len(dataset))
        check_memory(network, needs, len(dataset))
        hear(needs)
        between = stop_if_interrupted if needs.are_large else go_on
    return compile_plan(network, structure, between), between


def _fix_of(error: DataError, network: Network, layer: str | None) -> Fix | None:
    """Return the change of a layer's option that makes it fit the data, if it has that option."""
    if layer is None or error.change is None or error.change[0] not in network.layer(layer).options:
        return None
    return SetOption(layer, *error.change)


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
    structure = structure_of(network)
    problems = structure.problems + ((data_problem,) if data_problem else ())
    executor, layer = None, structure.input
    try:
        plan, between = compile_within_bounds(network, structure, dataset, interrupted)
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
        words = error.words(layer or "the layer before the loss")
        problems += (Problem("error", layer, words, error.mend, fix=_fix_of(error, network, layer)),)
    except DataError as error:
        mend = error.mend or CHANGE_EITHER
        fix = _fix_of(error, network, error.layer)
        problems += (Problem("error", error.layer or structure.input, error.reason, mend, fix=fix),)
    except OptionError as error:
        problems += (Problem("error", structure.input, str(error), CHANGE_EITHER),)
    return Prepared(executor, problems)
