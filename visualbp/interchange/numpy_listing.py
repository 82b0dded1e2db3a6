"""The iteration of a network as plain NumPy: forward, backward and update, in the order in which visualbp takes them.

Each operation, optimiser and schedule writes its own lines (`numpy_lines`); here they are put in the plan's order, with
names for the values. The listing needs NumPy alone, and its losses are the engine's, bit for bit.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from visualbp import __version__
from visualbp.core.arrays import Array
from visualbp.core.python_text import docstring, printable
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Phase, Plan, Step, compile_plan
from visualbp.engine.bugs import bugs_by_step
from visualbp.engine.notation import Notation
from visualbp.engine.plan import GRADIENT_NORM, LEARNING_RATE
from visualbp.engine.store import PADDING, stream_of
from visualbp.interchange.numpy_bugs import lines_with_bug
from visualbp.interchange.pytorch_script import IN_ORDER, ORDER, SHUFFLED, UNPACKED
from visualbp.interchange.pytorch_text import array_text, identifiers
from visualbp.layers import Node
from visualbp.network import Network
from visualbp.network.network import Parameters
from visualbp.operations.numpy_code import NumpyCode
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.numpy_code import UpdateCode
from visualbp.optimizers.schedules import make_schedule

GENERATOR = '''\
def generator(stream, number):
    """The random numbers for one use (`stream`) in one epoch or iteration, keyed as in visualbp."""
    return np.random.Generator(np.random.Philox(key=SEED | stream << 64, counter=number << 64))'''

PADDED = f'''\
def padded(gradient):
    """A gradient as a vector of whole lines of memory, as the norm of all of them is summed up."""
    return np.pad(gradient.ravel(), (0, -gradient.size % {PADDING}))'''

FORWARD, BACKWARD, UPDATE = "Forward pass", "Backward pass", "Update"
TITLES = {Phase.LOAD: FORWARD, Phase.FORWARD: FORWARD, Phase.BACKWARD: BACKWARD, Phase.UPDATE: UPDATE}
WIDTH = 100
"""Characters of a line of comment."""


def numpy_listing(
    network: Network, parameters: Parameters, dataset: Dataset, file_name: str = "network.numpy.py"
) -> str:
    """Return the listing of `network` on `dataset`, from `parameters`; those that are absent are drawn with the seed.

    `file_name` is what its own text calls it. Raises PlanError for a network that cannot run, and DataError for data
    that do not fit it.
    """
    return _Listing(replace(network, parameters=parameters), dataset, file_name).text()


class _Names:
    """Variables for the values of a plan: `hidden_z`, `hidden_delta`, `output_weight_gradient`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._layers = identifiers([plan.input.layer, *(name for name in plan.layers if name != plan.input.layer)])
        self._known: dict[Ref, str] = {
            plan.loss: "loss",
            plan.target: "target",
            GRADIENT_NORM: "gradient_norm",
            LEARNING_RATE: "rate",
        }
        self._taken = {
            *self._known.values(),
            "batch",
            "iteration",
            "iterations",
            "penalty",
            "flat",
            "np",
            "math",
            "sys",
        }

    def of(self, value: Ref) -> str:
        """Return the variable of a value, always the same one; no two values have the same."""
        value = self._plan.resolve(value)
        if value not in self._known:
            plain, number = self._plain(value), 1
            name = plain
            while name in self._taken:
                number += 1
                name = f"{plain}_{number}"
            self._known[value] = name
            self._taken.add(name)
        return self._known[value]

    def _plain(self, value: Ref) -> str:
        role = (
            {"z": "delta", "h": "upstream"}.get(value.role, f"{value.role}_gradient")
            if value.is_gradient
            else value.role
        )
        parts = [self._layers.get(value.layer, ""), role, value.slot]
        parts += [str(value.time)] if value.time is not None else []
        if value.sender is not None:
            parts += ["from", self._layers.get(value.sender.layer, ""), value.sender.role]
            parts += [str(value.sender.time)] if value.sender.time is not None else []
            parts += [value.sender.operand]
        return re.sub(r"\W+", "_", "_".join(part for part in parts if part)).strip("_")


class _Listing:
    """The making of one listing."""

    def __init__(self, network: Network, dataset: Dataset, file_name: str) -> None:
        self.network, self.file_name = network, file_name
        self.plan = compile_plan(network)
        self.executor = Executor(self.plan, dataset)
        self.notation, self.names = Notation(self.plan), _Names(self.plan)
        self.optimizer = make_optimizer(network.training.optimizer)
        self._bugs = bugs_by_step(self.plan)
        self._steps: dict[str, Callable[[Step], list[str]]] = {
            "load": self._load,
            "accumulate": self._accumulate,
            "gather": self._gather,
            "penalty": self._penalty,
            "clip": self._clip,
            "schedule": self._schedule,
            "update": self._update,
        }

    def text(self) -> str:
        """Return the whole listing."""
        train = self._train()
        parts = [self._constants()]
        shuffled = self.network.training.shuffle
        parts += [GENERATOR] if shuffled or "generator(" in train else []
        parts += [_untyped(part) for part in ([ORDER, SHUFFLED] if shuffled else [IN_ORDER])]
        parts += dict.fromkeys(helper for node in self.plan.nodes for helper in node.operation.numpy_helpers)
        parts += [PADDED] if "padded(" in train else []
        data = self._data()
        parts += [_untyped(UNPACKED)] if "unpacked(" in data else []
        parts += [train]
        code = "\n\n\n".join(parts)
        used = [name for name in ("base64", "math", "zlib") if f"{name}." in code]
        imports = "".join(f"import {name}\n" for name in sorted([*used, "sys"]))
        imports += "from functools import lru_cache\n" if "lru_cache" in code else ""
        main = (
            'if __name__ == "__main__":\n'
            "    for iteration, loss in enumerate(train(int(sys.argv[1]) if len(sys.argv) > 1 else 20)):\n"
            "        print(iteration, float(loss))\n"
        )
        return f"{docstring(self._about())}\n\n{imports}\nimport numpy as np\n\n{code}\n\n\n{data}\n\n\n{main}"

    def _about(self) -> str:
        network = self.network
        about = [f"{network.name or 'A network'}: its training as plain NumPy, line by line.", ""]
        about += [network.description, ""] if network.description.strip() else []
        about += [
            f"Written by visualbp {__version__}. The function train has each iteration's forward pass, backward pass"
            " and update in the order in which visualbp steps through them; the losses are the same, bit for bit.",
            "",
        ]
        if network.bugs:
            about += ["The bugs that are planted in the model are in here too; a comment stands beside each.", ""]
        return "\n".join([*about, f"    python {self.file_name} 20"])

    def _constants(self) -> str:
        lines = ['np.seterr(all="ignore")  # what overflows is inf, and says so by itself']
        lines.append(f"SEED = {self.network.seed & (2**64 - 1)}")
        return "\n".join([*lines, f"BATCH_SIZE = {self.executor.batch_size}"])

    # -- the function train ------------------------------------------------------------------------------------------

    def _train(self) -> str:
        lines = ["def train(iterations):"]
        lines.append('    """Train, and yield the loss of each iteration: that of its batch, before the update."""')
        for info in self.plan.lasting:
            copied = ".copy()" if info in self.plan.buffers else ""  # what is moved on in place
            lines.append(f'    {self.names.of(info.value)} = PARAMETERS["{_key(info.value)}"]{copied}')
        for info in self.plan.trainable:
            for slot in self.optimizer.slots:
                zeros = f"np.zeros_like({self.names.of(info.value)})"
                lines.append(f"    {self.names.of(info.value.in_slot(slot))} = {zeros}")
        lines.append(f"    rate = np.{self.network.precision}({self._first_rate!r})")
        lines.append("    for iteration in range(iterations):")
        return "\n".join([*lines, *(f"        {line}" if line else "" for line in self._iteration())])

    @property
    def _first_rate(self) -> float:
        return float(self.network.training.optimizer.options["learning_rate"])

    def _iteration(self) -> Iterator[str]:
        title = ""
        for step in self.plan.steps:
            if TITLES[step.phase] != title:
                if title == FORWARD:
                    yield "yield loss"
                title = TITLES[step.phase]
                yield ""
                yield f"# {title} {'-' * (WIDTH - len(title))}"
            yield ""
            yield from (f"# {line}" for line in textwrap.wrap(printable(self.notation.step_sentence(step)), WIDTH))
            yield from self._node(step, step.node) if step.node is not None else self._steps[step.operation](step)
        if title == FORWARD:
            yield "yield loss"

    def _node(self, step: Step, node: Node) -> list[str]:
        backward, batch = step.phase == Phase.BACKWARD, self.executor.batch_size
        code = NumpyCode(
            [self.names.of(value) for value in node.operands],
            [self.plan.whole_shape(value, batch) for value in node.operands],
            self.names.of(node.output),
            self.plan.whole_shape(node.output, batch),
            self.names.of(node.output),
            upstream="" if node.output == self.plan.loss or not backward else self.names.of(node.output.gradient),
            operand=step.operand if backward else -1,
            result=self.names.of(step.writes[0]) if backward else "",
            updates=[self.names.of(value) for value in node.updates],
            generator=f"generator({stream_of(f'{node.layer}/{node.operation.name}'):#x}, iteration)",
        )
        if not backward:
            moved = node.operation.update_numpy_lines(code) if node.updates else []
            return [*node.operation.numpy_lines(code), *moved]
        bug = self._bugs.get(step.index)
        if bug is None:
            return node.operation.vjp_numpy_lines(code)
        batched = self.plan.is_batched(node.operands[step.operand])
        return lines_with_bug(bug.kind, node, code, batched, self._updated)

    def _updated(self, value: Ref) -> tuple[list[str], str]:
        """Return the lines that update a copy of a parameter ahead of time, and the copy's name."""
        names = {slot: self.names.of(value.in_slot(slot)) for slot in self.optimizer.slots}
        copy = f"{self.names.of(value)}_updated"
        slots = {slot: f"{name}_updated" for slot, name in names.items()}
        lines = [f"{copy} = {self.names.of(value)}"]
        lines += [f"{slots[slot]} = {name}" for slot, name in names.items()]
        lines += self._schedule(None) if self.network.training.schedule.type != "constant" else []
        code = UpdateCode(copy, self.names.of(value.gradient), slots, "rate", "iteration")
        return [*lines, *self.optimizer.numpy_lines(code)], copy

    # -- steps without an operation ----------------------------------------------------------------------------------

    def _load(self, step: Step) -> list[str]:
        inputs, target = (self.names.of(value) for value in step.writes)
        return ["batch = batch_indices(iteration)", f"{inputs}, {target} = INPUTS[batch], TARGETS[batch]"]

    def _accumulate(self, step: Step) -> list[str]:
        return [f"{self.names.of(step.writes[0])} = {' + '.join(self.names.of(part) for part in step.reads)}"]

    def _gather(self, step: Step) -> list[str]:
        parts = ", ".join(self.names.of(part) for part in step.reads)
        return [f"{self.names.of(step.writes[0])} = np.stack([{parts}], axis=1)"]

    def _penalty(self, step: Step) -> list[str]:
        training = self.network.training
        if step.phase == Phase.FORWARD:
            weights = [self.names.of(value) for value in step.reads]
            terms = [f"{training.l2 / 2.0!r} * np.sum({weight} * {weight})" for weight in weights if training.l2]
            terms += [f"{training.l1!r} * np.sum(np.abs({weight}))" for weight in weights if training.l1]
            return [f"penalty = {' + '.join(terms)}"]
        weight, gradient = (self.names.of(value) for value in step.reads)
        lines = [f"{gradient} = {gradient} + {weight} * {training.l2!r}"] if training.l2 else []
        return [*lines, *([f"{gradient} = {gradient} + np.sign({weight}) * {training.l1!r}"] if training.l1 else [])]

    def _clip(self, step: Step) -> list[str]:
        clip = self.network.training.clip
        if clip is None:
            return []
        gradients = [self.names.of(value) for value in step.writes if value != GRADIENT_NORM]
        if clip.by == "value":
            return [f"{name} = np.maximum(np.minimum({name}, {clip.limit!r}), {-clip.limit!r})" for name in gradients]
        flat = ", ".join(f"padded({name})" for name in gradients)
        return [
            f"flat = np.concatenate([{flat}])",
            "gradient_norm = np.sqrt(flat @ flat)",
            f"factor = np.minimum({clip.limit!r} / (gradient_norm + 1e-06), 1.0)",
            *(f"{name} = {name} * factor" for name in gradients),
        ]

    def _schedule(self, step: Step | None) -> list[str]:
        rule = make_schedule(self.network.training.schedule)
        return [f"rate = np.{self.network.precision}({rule.numpy_rate(self._first_rate, 'iteration')})"]

    def _update(self, step: Step) -> list[str]:
        value = step.writes[0]
        slots = {slot: self.names.of(value.in_slot(slot)) for slot in self.optimizer.slots}
        code = UpdateCode(self.names.of(value), self.names.of(value.gradient), slots, "rate", "iteration")
        return self.optimizer.numpy_lines(code)

    # -- numbers -----------------------------------------------------------------------------------------------------

    def _data(self) -> str:
        """Return the parameters and the data, which come last: they are long, and not for reading."""
        views = self.executor.parameter_views()
        lines = [_assigned(f'    "{_key(value)}": ', array) + ",\n" for value, array in views.items()]
        return "\n".join(
            [
                f"PARAMETERS = {{\n{''.join(lines)}}}",
                _assigned("INPUTS = ", self.executor.inputs),
                _assigned("TARGETS = ", self.executor.targets),
            ]
        )


def _key(value: Ref) -> str:
    return printable(value.text).replace("\\", "?").replace('"', "'").replace("\n", " ")


def _assigned(start: str, array: Array) -> str:
    text = array_text(array, start[: -len(start.lstrip())], len(start))
    if text.startswith("np.array(") and array.dtype != np.float64:
        text = f"{text[:-1]}, np.{array.dtype.name})"
    return start + text


def _untyped(code: str) -> str:
    """Return a function without types: a listing has none."""
    head, _, body = code.partition(":\n")
    plain = re.sub(r": (int|str|tuple\[int, \.\.\.\])", "", head)
    return re.sub(r" -> [\w.]+$", "", plain) + ":\n" + body
