"""A network as a PyTorch program: one readable file with the module, its parameters, its data, and its training.

The program needs PyTorch and NumPy alone. Its losses are the engine's to rounding: the same parameters, batches, masks,
loss, penalties, clipping, optimiser and learning rates, on one process or, under torchrun, on several. visualbp debugs
on one machine; what outgrows it goes on from there.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from visualbp import __version__
from visualbp.core.arrays import Array, shape_text
from visualbp.core.python_text import docstring, printable
from visualbp.core.pytorch_code import FunctionClasses, LayerCode, LayerContext
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.store import stream_of
from visualbp.interchange.pytorch_script import (
    GENERATOR,
    IN_ORDER,
    ORDER,
    SHUFFLED,
    UNPACKED,
    Training,
    load_function,
    main_function,
    one_process_only,
    penalty_function,
    train_function,
)
from visualbp.interchange.pytorch_text import array_text, identifiers
from visualbp.network import Network
from visualbp.network.network import Parameters
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.schedules import make_schedule

IMPORTS = (
    ("argparse", "import argparse"),
    ("base64", "import base64"),
    ("gc", "import gc"),
    ("math", "import math"),
    ("os", "import os"),
    ("sys", "import sys"),
    ("zlib", "import zlib"),
    ("Callable", "from collections.abc import Callable"),
    ("Iterator", "from collections.abc import Iterator"),
    ("lru_cache", "from functools import lru_cache"),
    ("Path", "from pathlib import Path"),
    ("Any", "from typing import Any"),
    ("", ""),
    ("np", "import numpy as np"),
    ("torch", "import torch"),
    ("distributed", "import torch.distributed as distributed"),
    ("distributed", "import torch.distributed.nn  # now: loaded later, it would hold on to the group of processes"),
    ("nn", "from torch import Tensor, nn"),
    ("functional", "from torch.nn import functional"),
    ("DistributedDataParallel", "from torch.nn.parallel import DistributedDataParallel"),
)
"""What a program may import, and the name that it uses it by. What else layers need they bring along."""

LARGEST_IN_FILE, LONGEST_IN_FILE = 4_000_000, 10_000
"""With more bytes of arrays in all, a program is better off with those of so many numbers in a file beside it."""


@dataclass(frozen=True)
class PytorchScript:
    """A program. `arrays` have to stand beside it in a file of NumPy's .npz format, if there are any."""

    source: str
    arrays: Mapping[str, Array] = field(default_factory=dict)


def export_pytorch(network: Network, parameters: Parameters, dataset: Dataset, file_name: str = "network.py") -> str:
    """Return a PyTorch program that trains `network` on `dataset`, from `parameters`, all in one text.

    Parameters that are absent start from the layers' initialisers with the seed. `file_name` is what its own text calls
    it. Raises ExportError, PlanError for a network that cannot run, and DataError for data that do not fit it.
    """
    return _Program(network, parameters, dataset, file_name, None).script().source


def pytorch_script(
    network: Network, parameters: Parameters, dataset: Dataset, file_name: str, arrays_name: str
) -> PytorchScript:
    """As `export_pytorch`; long arrays, where they are many, are left out for a file `arrays_name` beside it."""
    return _Program(network, parameters, dataset, file_name, arrays_name).script()


class _Program:
    """The making of one program."""

    def __init__(
        self, network: Network, parameters: Parameters, dataset: Dataset, file_name: str, arrays_name: str | None
    ) -> None:
        self.network, self.file_name = replace(network, parameters=parameters), file_name
        self.plan = compile_plan(self.network)
        self.executor = Executor(self.plan, dataset)
        self.structure = self.plan.structure
        self.loss = self.network.layer(self.plan.loss.layer)
        self.order = [name for name in self.structure.order if name != self.loss.name]
        self.names = identifiers(self.order)
        self.functions = FunctionClasses()
        self.codes = {name: self._code(name) for name in self.order}
        carried = {code.carried for code in self.codes.values() if code.carried is not None}
        self.carried = sorted(carried, key=lambda module: (module.draws, module.name))
        self.targets, self.of_classes = self._targets()
        self.parameters = {
            self._parameter(value.layer, value.role): array for value, array in self.executor.parameter_views().items()
        }
        total = sum(a.nbytes for a in (self.executor.inputs, self.targets, *self.parameters.values()))
        self.arrays_name = arrays_name if total > LARGEST_IN_FILE else None
        self.beside: dict[str, Array] = {}

    def _code(self, name: str) -> LayerCode:
        sources = self.network.inputs_of(name)
        shapes = [self.structure.shapes[source] for source in sources]
        inputs = [self.names[source] for source in sources]
        layer, streams = self.network.layer(name), lambda operation: stream_of(f"{name}/{operation}")
        context = LayerContext(name, self.names[name], layer.options, inputs, shapes, self.functions, streams)
        return layer.kind.to_pytorch(context)

    def _targets(self) -> tuple[Array, bool]:
        """Return the targets, as class indices where each of them is one class."""
        targets = self.executor.targets
        if self.plan.loss_rule.target_kind != "classes":
            return targets, False
        one_hot = np.isin(targets, (0.0, 1.0)).all() and (targets.sum(-1) == 1.0).all()
        return (targets.argmax(-1), True) if one_hot else (targets, False)

    def _parameter(self, layer: str, role: str) -> str:
        return f"{self.names[layer]}.{self.codes[layer].parameters.get(role, role)}"

    def _training(self) -> Training:
        network, plan = self.network, self.plan
        trains, training = bool(plan.trainable), network.training
        rate = training.optimizer.options["learning_rate"]
        return Training(
            optimizer=make_optimizer(training.optimizer).to_pytorch() if trains else "",
            schedule=make_schedule(training.schedule).to_pytorch(rate) if trains else "",
            clip=training.clip,
            has_penalty=trains and bool(training.l1 or training.l2) and any(i.spec.penalised for i in plan.parameters),
            drawing=[carried.name for carried in self.carried if carried.draws],
            frozen=[self._parameter(i.value.layer, i.value.role) for i in plan.parameters if i.frozen],
            one_process_only=self._one_process_only(),
        )

    def _one_process_only(self) -> str:
        """Return why several processes would not compute what visualbp computes, and which layers it is for."""
        reasons: dict[str, list[str]] = {}
        for name, code in self.codes.items():
            if code.one_process_only:
                reasons.setdefault(code.one_process_only, []).append(printable(name))
        return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())

    def script(self) -> PytorchScript:
        """Return the whole program."""
        training, settings = self._training(), self.network.training
        shuffled = settings.shuffle
        parts = [self._constants(training)]
        parts += [GENERATOR] if shuffled or training.drawing else []
        parts += [ORDER, SHUFFLED] if shuffled else [IN_ORDER]
        parts += [*self.functions.sources, *(carried.source for carried in self.carried)]
        parts += [self._module(), self._loss()]
        parts += [penalty_function(settings.l1, settings.l2)] if training.has_penalty else []
        parts += [training.schedule] if training.schedule else []
        parts += [load_function(training), train_function(training, "torch.long" if self.of_classes else "DTYPE")]
        parts.append(main_function(training))
        data = self._data()
        parts += [UNPACKED] if "unpacked(" in data else []
        code = "\n\n\n".join(parts)
        brought = {line for code in self.codes.values() for line in code.imports}
        imports = "\n".join([_imports(code, {"np", *(["Path"] if self.beside else [])}), *sorted(brought)])
        head = f"{docstring(self._about(training))}\n\nfrom __future__ import annotations\n\n{imports}"
        return PytorchScript(f'{head}\n\n{code}\n\n\n{data}\n\n\nif __name__ == "__main__":\n    main()\n', self.beside)

    def _about(self, training: Training) -> str:
        network, options = self.network, "--iterations 20 --print-losses"
        losses = ", so the losses are those of visualbp, to rounding."
        if network.bugs:
            losses = ". The bugs that are planted in the model are not in here: these gradients are right."
        about = [f"{network.name or 'A network'}, as a PyTorch module and the program that trains it.", ""]
        about += [network.description, ""] if network.description.strip() else []
        about += [
            f"Written by visualbp {__version__}. Parameters, order of the samples, loss, penalties, clipping, optimiser"
            f" and learning rates are the model's{losses}",
            "",
            f"    python {self.file_name} {options}",
        ]
        several = [f"    torchrun --nproc_per_node=2 {self.file_name} {options}"]
        return "\n".join([*about, *([] if training.one_process_only else several)])

    def _constants(self, training: Training) -> str:
        network, size = self.network, self.executor.batch_size
        lines = [f"DTYPE = torch.{network.precision}"]
        lines += [f"SEED = {network.seed}"] if network.training.shuffle or training.drawing else []
        lines.append(f"BATCH_SIZE = {size}")
        if training.frozen:
            lines.append(f"FROZEN = {_tuple(training.frozen)}")
        if training.has_penalty:
            named = [self._parameter(i.value.layer, i.value.role) for i in self.plan.parameters if i.spec.penalised]
            lines.append(f"PENALISED = {_tuple(named)}")
        lines += [one_process_only(training.one_process_only)] if training.one_process_only else []
        return "\n".join(lines)

    def _module(self) -> str:
        source, shapes = self.names[self.plan.input.layer], self.structure.shapes
        makes, calls = [], []
        for name in self.order:
            own, code = self.names[name], self.codes[name]
            note = [repr(printable(name))] if own != name else []
            if code.make:
                makes.append(_noted(f"self.{own} = {code.make}", note))
            if own != source:
                shape = f"(batch, {', '.join(map(str, shapes[name]))})"
                calls.append(_noted(f"{own} = {code.call}", [shape, *([] if code.make else note)]))
        aside = [name for name in self.network.names if name not in self.structure.order]
        left_out = f"\n\nLeft out, for they do not lead to the loss: {', '.join(aside)}." if aside else ""
        takes = f"Gives the prediction for samples of the shape {shape_text(shapes[self.plan.input.layer])}."
        about = docstring(takes + left_out, "    ")
        result = self.names[self.plan.prediction.layer]
        return (
            f"class Network(nn.Module):\n{about}\n\n"
            f"    def __init__(self) -> None:\n        super().__init__()\n{''.join(makes)}\n"
            f"    def forward(self, {source}: Tensor) -> Tensor:\n{''.join(calls)}        return {result}"
        )

    def _loss(self) -> str:
        kind = self.loss.kind
        code = self.plan.loss_rule.to_pytorch(self.plan.shapes[self.plan.prediction], self.of_classes)
        return (
            "def loss_of(prediction: Tensor, target: Tensor) -> Tensor:\n"
            f'    """{kind.label}. {kind.description}"""\n'
            f"    return {code}"
        )

    def _data(self) -> str:
        """Return the parameters and the data, which come last: they are long, and not for reading."""
        lines = [self._assigned(f'    "{name}": ', name, array) + ",\n" for name, array in self.parameters.items()]
        parts = [
            f"PARAMETERS: dict[str, np.ndarray] = {{\n{''.join(lines)}}}",
            self._assigned("INPUTS = ", "INPUTS", self.executor.inputs),
            self._assigned("TARGETS = ", "TARGETS", self.targets),
        ]
        if self.beside:
            parts.insert(0, f"ARRAYS = np.load(Path(__file__).with_name({self.arrays_name!r}))")
        return "\n".join(parts)

    def _assigned(self, start: str, name: str, array: Array) -> str:
        """Return `start` and then the array, itself or as what stands in the file beside the program."""
        if self.arrays_name is None or array.size <= LONGEST_IN_FILE:
            return start + array_text(array, start[: -len(start.lstrip())], len(start))
        self.beside[name] = array
        return f'{start}ARRAYS["{name}"]'


def _noted(code: str, notes: Sequence[str]) -> str:
    """Return a statement of a method with comments behind it, or above it where the line gets too long."""
    line, indent = "".join([code, *(f"  # {note}" for note in notes)]), " " * 8
    if len(indent) + len(line) <= 120:
        return f"{indent}{line}\n"
    return "".join(f"{indent}# {note}\n" for note in notes) + f"{indent}{code}\n"


def _tuple(names: Sequence[str]) -> str:
    inner = "".join(f'    "{name}",\n' for name in names)
    return f"(\n{inner})"


def _imports(code: str, also: set[str]) -> str:
    """Return the imports that a program needs, by the names that its code has, and `also` those of its data."""
    used = also | {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    text = "\n".join(line for name, line in IMPORTS if not name or name in used)
    both = "from collections.abc import Callable\nfrom collections.abc import Iterator"
    return text.replace(both, "from collections.abc import Callable, Iterator")
