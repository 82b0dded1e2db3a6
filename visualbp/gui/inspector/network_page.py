"""The page of the network itself, shown while nothing is selected: name, seed, precision, data, and training."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QToolButton, QWidget

from visualbp.core.arrays import size_of
from visualbp.core.options import BoolOption, ChoiceOption, EntryOption, FloatOption, IntOption, Option, OptionError
from visualbp.core.visible_text import visible
from visualbp.datasets import DataSpec
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.inspector.data_editor import DataEditor
from visualbp.gui.inspector.fields import ParsedLine
from visualbp.gui.inspector.form import OptionForm
from visualbp.gui.inspector.page import Heading, Page, ProblemCard
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import icon, theme
from visualbp.gui.widgets.rate_curve import RateCurve
from visualbp.network import Clip, Network, Training, edits
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE

LONGEST_NAME, LONGEST_DESCRIPTION = 200, 20_000
LARGEST_SEED = 2**63 - 1

GENERAL: tuple[Option, ...] = (
    IntOption(
        "seed", 0, "what all randomness starts from: weights, shuffling, dropout", minimum=0, maximum=LARGEST_SEED
    ),
    ChoiceOption(
        "precision", "float64", "float64 is exact enough for the gradient check", choices=("float64", "float32")
    ),
)
BY = ("off", "norm", "value")
TRAINING: tuple[Option, ...] = (
    EntryOption("optimizer", description="the rule that turns gradients into steps", registry=optimizers),
    replace(SCHEDULE, label="Learning rate over time"),
    IntOption("batch_size", Training.batch_size, "samples in an iteration"),
    BoolOption("shuffle", Training.shuffle, "take the samples in another order in every epoch"),
    ChoiceOption("clip", "off", "make gradients smaller that are too large", "Clip gradients", BY),
)
CLIP_LIMIT = FloatOption(
    "limit", 1.0, "the largest norm of all gradients, or the largest single one", minimum=0.0, open_minimum=True
)
PENALTIES: tuple[Option, ...] = (
    FloatOption("l1", Training.l1, "adds l1 times the sum of |w| to the loss", "L1 penalty", 0.0, 1e9),
    FloatOption("l2", Training.l2, "adds l2 / 2 times the sum of w² to the loss", "L2 penalty", 0.0, 1e9),
)


def training_options(training: Training) -> tuple[Option, ...]:
    """Return the options of training; clipping has a limit where it is on."""
    return (*TRAINING, *((CLIP_LIMIT,) if training.clip else ()), *PENALTIES)


def training_values(training: Training) -> dict[str, Any]:
    """Return the values of the training form, by the names of its options."""
    clip = training.clip
    return {
        "optimizer": training.optimizer,
        "schedule": training.schedule,
        "batch_size": training.batch_size,
        "shuffle": training.shuffle,
        "clip": clip.by if clip else "off",
        "limit": clip.limit if clip else 1.0,
        "l1": training.l1,
        "l2": training.l2,
    }


def with_training_value(training: Training, name: str, value: Any) -> Training:
    """Return training with one of its options changed."""
    limit = training.clip.limit if training.clip else 1.0
    if name == "clip":
        return replace(training, clip=None if value == "off" else Clip(value, limit))
    if name == "limit":
        return replace(training, clip=Clip(training.clip.by if training.clip else "norm", value))
    return replace(training, **{name: value})


class NetworkPage(Page):
    """Name and description, problems, seed and precision, the data, the training, and a curve of the learning rate."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.name = ParsedLine(_parsed_name, str, self)
        self.name.setObjectName("network_name")
        self.name.setAccessibleName("Name of the network")
        self.facts = PlainLabel(self)
        self.facts.setProperty("dim", True)
        self.description = QPlainTextEdit(self)
        self.description.setObjectName("network_description")
        self.description.setAccessibleName("Description of the network")
        self.description.setPlaceholderText("What to do with this network, and what to see")
        self.description.setTabChangesFocus(True)
        self.problems = ProblemCard(self)
        self.general, self.training = OptionForm(self), OptionForm(self)
        self.general.show_options(GENERAL, {"seed": 0, "precision": "float64"})
        self.dice = QToolButton(self)
        self.dice.setProperty("flat", True)
        self.dice.setObjectName("new_seed")
        self.dice.setToolTip("Take another seed, and draw all weights anew")
        self.dice.setAccessibleName("New seed")
        beside_seed = self.general.editor("seed").layout()
        assert beside_seed is not None
        beside_seed.addWidget(self.dice)
        self.data = DataEditor(context, self)
        self.headings = (Heading("Data", self), Heading("Training", self))
        title = QHBoxLayout()
        title.addWidget(self.name, 1)
        title.addWidget(self.facts)
        self.column.addLayout(title)
        self.column.addWidget(self.description)
        self.column.addWidget(self.problems)
        self.column.addWidget(self.general)
        self.curve = RateCurve(self)
        for widget in (self.headings[0], self.data, self.headings[1], self.training, self.curve):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.name.committed.connect(self._on_name)
        self.description.textChanged.connect(self._on_description)
        self.general.changed.connect(self._on_general)
        self.training.changed.connect(self._on_training)
        self.data.committed.connect(self._on_data)
        self.dice.clicked.connect(self._on_dice)
        self.retheme()

    def retheme(self) -> None:
        current = theme()
        self.name.setFont(current.font(14, QFont.Weight.DemiBold))
        self.facts.setFont(current.font(11))
        self.description.setFont(current.font(12))
        self.description.setFixedHeight(current.px(74))
        self.dice.setIcon(icon("dice", "dim"))
        size = current.px(18)
        self.dice.setIconSize(self.dice.iconSize().scaled(size, size, Qt.AspectRatioMode.IgnoreAspectRatio))
        for part in (self.problems, self.general, self.training, self.data, self.curve, *self.headings):
            part.retheme()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        document = self.context.document
        network, structure = document.network, document.structure
        self.name.show_value(network.name)
        count = sum(size_of(spec.shape) for specs in structure.parameters.values() for spec in specs)
        self.facts.setText(f"{count:,} parameter{'' if count == 1 else 's'}")
        shown = visible(network.description.replace("\r\n", "\n"), keep="\n\t")
        if self.description.toPlainText() not in (network.description, shown):
            self.description.blockSignals(True)
            self.description.setPlainText(shown)
            self.description.blockSignals(False)
        self.problems.show_problems(tuple(problem for problem in structure.problems if problem.layer is None))
        self.general.show_options(GENERAL, {"seed": network.seed, "precision": network.precision})
        self.training.show_options(training_options(network.training), training_values(network.training))
        self.data.show_spec(network.data, snapshot)
        rate = float(network.training.optimizer.options["learning_rate"])
        self.curve.show_schedule(network.training.schedule, rate, snapshot.iteration)

    # -- edits -------------------------------------------------------------------------------------------------------

    def _edit(self, text: str, merge: str = "", **changes: Any) -> None:
        self.context.document.edit(lambda network: replace(network, **changes), text, merge)

    @Slot(object, bool)
    def _on_name(self, name: object, in_a_row: bool) -> None:
        self._edit("Rename the network", name=name)

    @Slot()
    def _on_description(self) -> None:
        text = self.description.toPlainText()[:LONGEST_DESCRIPTION]
        self._edit("Change the description", "description", description=text)

    @Slot(str, object, bool)
    def _on_general(self, name: str, value: object, in_a_row: bool) -> None:
        self._edit(f"Change the {name}", f"network/{name}" if in_a_row else "", **{name: value})

    @Slot()
    def _on_dice(self) -> None:
        seed = random.SystemRandom().randrange(10_000)
        self.context.document.edit(lambda network: edits.clear_parameters(network, seed), "Take another seed")

    @Slot(str, object, bool)
    def _on_training(self, name: str, value: object, in_a_row: bool) -> None:
        def change(network: Network) -> Network:
            return replace(network, training=with_training_value(network.training, name, value))

        title = self.training.rows[name].option.title.lower() if name in self.training.rows else name
        self.context.document.edit(change, f"Change {title}", f"training/{name}" if in_a_row else "")

    @Slot(object, bool)
    def _on_data(self, spec: DataSpec, in_a_row: bool) -> None:
        self._edit("Change the data", "data" if in_a_row else "", data=spec)


def _parsed_name(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_NAME:
        raise OptionError(f"a name has 1 to {LONGEST_NAME} characters")
    return text.strip()
