"""The page of several layers: what they have in common can be edited for all of them at once."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QWidget

from visualbp.core.arrays import size_of
from visualbp.core.options import Option, OptionError
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.inspector.editors import MIXED
from visualbp.gui.inspector.form import OptionForm
from visualbp.gui.inspector.page import Heading, Page, ProblemCard
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme
from visualbp.network import Layer, Network, edits
from visualbp.network.network import options_of

MOST_NAMED = 12


def shared_options(layers: list[Layer]) -> tuple[tuple[Option, ...], dict[str, object]]:
    """Return the options that all layers have, with their common values, or MIXED where these differ."""
    options = [option for option in options_of(layers[0]) if all(option in options_of(other) for other in layers[1:])]
    values: dict[str, object] = {}
    for option in options:
        first = layers[0].options[option.name]
        same = all(layer.options[option.name] == first for layer in layers[1:])
        values[option.name] = first if same else MIXED
    return tuple(options), values


class SeveralPage(Page):
    """How many layers are selected and which, their problems, the options that all share, and their facts."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._names: tuple[str, ...] = ()
        self.title, self.list, self.facts = PlainLabel(self), PlainLabel(self), PlainLabel(self)
        for label in (self.list, self.facts):
            label.setProperty("dim", True)
            label.setWordWrap(True)
        self.heading = Heading("In common", self)
        self.problems = ProblemCard(self)
        self.form = OptionForm(self)
        self.form.changed.connect(self._on_option)
        for widget in (self.title, self.list, self.problems, self.heading, self.form, self.facts):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.retheme()

    def retheme(self) -> None:
        current = theme()
        self.title.setFont(current.font(14, QFont.Weight.DemiBold))
        for label in (self.list, self.facts):
            label.setFont(current.font(11.5))
        for part in (self.heading, self.problems, self.form):
            part.retheme()

    def show_layers(self, names: tuple[str, ...]) -> None:
        """Take over which layers it is of. The options come with the next snapshot."""
        if names != self._names:
            self._names = names
            self.form.show_options((), {})

    def show_snapshot(self, snapshot: Snapshot) -> None:
        document = self.context.document
        by_name = {layer.name: layer for layer in document.network.layers}
        layers = [by_name[name] for name in self._names]
        self.title.setText(f"{len(layers)} layers")
        more = f" and {len(layers) - MOST_NAMED:,} more" if len(layers) > MOST_NAMED else ""
        self.list.setText(", ".join(self._names[:MOST_NAMED]) + more)
        chosen = set(self._names)
        self.problems.show_problems(tuple(p for p in document.structure.problems if p.layer in chosen))
        options, values = shared_options(layers)
        self.form.show_options(options, values)
        self.heading.setVisible(bool(options))
        specs = document.structure.parameters
        count = sum(size_of(spec.shape) for name in self._names for spec in specs.get(name, ()))
        self.facts.setText(f"{count:,} parameters together" + ("" if options else "; they have no options in common"))

    @Slot(str, object, bool)
    def _on_option(self, name: str, value: object, in_a_row: bool) -> None:
        names = self._names

        def change(network: Network) -> Network:
            for layer in names:
                network = edits.set_options(network, layer, {name: value})
            return network

        try:
            title = self.form.rows[name].option.title.lower()
            merge = f"options/{'/'.join(names)}/{name}" if in_a_row else ""
            self.context.document.edit(change, f"Change {title} of {len(names)} layers", merge)
        except OptionError as error:
            self.form.refuse(name, str(error))
