"""Samples: the batch as pictures, where the inputs are pictures, and as a table otherwise, with the answers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from visualbp.core.arrays import Array
from visualbp.datasets import DataError, Dataset
from visualbp.datasets.base import encoded_targets
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.context import Context
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.pictures import data_limits, data_picture
from visualbp.gui.widgets.answers import Answers, answers, sequence_text
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.sample_images import SampleImages
from visualbp.gui.widgets.sample_table import SampleTable
from visualbp.network import Network

MOST_STEPS, MOST_FEATURES = 6, 4
"""Time steps, and numbers of each, that are written out of a sequence."""


def class_text(sample: Array) -> str:
    """Return class indices as whole numbers in a line."""
    return sequence_text([f"{number:.0f}" if np.isfinite(number) else str(number) for number in sample.reshape(-1)])


def steps_text(sample: Array) -> str:
    """Return a sequence (time steps, ...) as the numbers of its first steps, a bar between two of them."""
    steps = [" ".join(f"{number:.2g}" for number in step.reshape(-1)[:MOST_FEATURES]) for step in sample[:MOST_STEPS]]
    more = f" | … {len(sample) - MOST_STEPS} more" if len(sample) > MOST_STEPS else ""
    return " | ".join(steps).replace("-", "−") + more


class ImagesPanel(Panel):
    """The batch as images, each with its target and its prediction; as a table where inputs are no images."""

    name = "images"
    title = "Samples"
    places: ClassVar[Places] = {
        Workspace.ANALYZE: DockPlace(Area.ROW, 2, 1),
        Workspace.COMPARE: DockPlace(Area.LEFT),
    }
    hint = "The samples of the batch, with what the network says of each. Click one to follow it in all panels"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._dataset: Dataset | None = None
        self._limits = (0.0, 1.0)
        self._batch_key = b""
        self._inputs: Array = np.zeros((0, 1))
        self._texts_of: Array | None = None
        self._texts: tuple[str, ...] = ()
        self.summary = ElidedLabel(size=11, tone="dim")
        self.images, self.table, self.empty = SampleImages(), SampleTable(), EmptyText()
        self.images.content.sample_chosen.connect(self._on_sample_chosen)
        self.table.sample_chosen.connect(self._on_sample_chosen)
        self.pages = QStackedWidget()
        for page in (self.images, self.table, self.empty):
            self.pages.addWidget(page)
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 8, 0)
        line.addWidget(self.summary)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.pages, 1)

    def retheme(self) -> None:
        self.images.content.forget_images()
        self.table.retheme()

    def refresh(self, snapshot: Snapshot) -> None:
        plan, dataset = snapshot.plan, snapshot.dataset
        self.summary.setVisible(plan is not None and dataset is not None)
        if plan is None or dataset is None or snapshot.batch is None:
            self.empty.show_text(*why_empty(snapshot))
            self.pages.setCurrentWidget(self.empty)
            return
        self._take_batch(snapshot, dataset)
        predictions = snapshot.find(plan.prediction)
        stale = snapshot.is_stale(plan.prediction)
        said = self._answers(plan, dataset, predictions, snapshot.batch)
        chosen = min(self.context.selection.sample, len(snapshot.batch) - 1)
        shape = data_picture(dataset, snapshot.network)
        if shape is not None:
            self.images.content.show_samples(self._inputs, shape, self._limits, said, chosen, stale)
            self.pages.setCurrentWidget(self.images)
            self.setFocusProxy(self.images.content)
        else:
            rows = self._inputs.reshape(len(self._inputs), -1)
            self.table.samples.show_samples(rows, dataset.input_names, said, stale, self._in_words(snapshot.network))
            self.table.choose(chosen)
            self.pages.setCurrentWidget(self.table)
            self.setFocusProxy(self.table)
        self._summarise(said, len(dataset), stale)

    def _take_batch(self, snapshot: Snapshot, dataset: Dataset) -> None:
        """Take the inputs of the batch; the range of their values is that of the whole data."""
        batch = snapshot.batch
        assert batch is not None
        if dataset is not self._dataset:
            self._limits = data_limits(dataset)
            self._dataset, self._batch_key = dataset, b""
        key = batch.tobytes()
        if self._batch_key != key:
            self._batch_key, self._inputs = key, dataset.inputs[batch]

    def _in_words(self, network: Network) -> tuple[str, ...] | None:
        """Return the inputs as lines of text where they are class indices, such as letters, or sequences."""
        takers = {
            network.layer(name).kind
            for layer in network.layers
            if layer.type == "input"
            for name in network.outputs_of(layer.name)
        }
        are_classes = any(kind.takes_samples for kind in takers)
        if not are_classes and self._inputs.ndim < 3:
            return None
        if self._texts_of is not self._inputs:
            self._texts_of = self._inputs
            self._texts = tuple(map(class_text if are_classes else steps_text, self._inputs))
        return self._texts

    @staticmethod
    def _answers(plan: Plan, dataset: Dataset, predictions: Array | None, batch: Array) -> Answers:
        targets = dataset.targets[batch]
        try:
            encoded = encoded_targets(targets, plan.shapes[plan.prediction], plan.loss_rule.target_kind)
        except DataError:
            return answers(plan, None, np.asarray(targets, float).reshape(len(batch), -1))
        if predictions is not None and len(predictions) != len(batch):
            predictions = None
        return answers(plan, predictions, encoded, dataset.class_names)

    def _summarise(self, said: Answers, samples: int, stale: bool) -> None:
        count, right = len(said.wanted), sum(1 for one in said.right if one)
        of = f"{count:,} of {samples:,} samples"
        if count == samples:
            of = "1 sample" if count == 1 else f"all {count:,} samples"
        if not any(said.predicted):
            words, tone = f"{of}; no predictions yet", "dim"
        elif any(one is not None for one in said.right):
            words, tone = f"{of}; {right:,} right, {count - right:,} wrong", "dim"
        else:
            words, tone = of, "dim"
        self.summary.show_text(words + ("; outdated" if stale else ""), tone)

    @Slot(int)
    def _on_sample_chosen(self, sample: int) -> None:
        self.context.selection.choose_sample(sample)
