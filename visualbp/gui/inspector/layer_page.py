"""The page of one layer: its name, its options, what is wrong with it, and its parameters as tables."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QWidget

from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.inspector.fields import ParsedLine
from visualbp.gui.inspector.form import OptionForm
from visualbp.gui.inspector.given_weights import GivenWeights, is_initializer
from visualbp.gui.inspector.page import Page, ProblemCard
from visualbp.gui.inspector.value_section import ValueSection, View
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme
from visualbp.network import Layer, Network, edits
from visualbp.network.network import options_of
from visualbp.optimizers.base import make_optimizer


class LayerPage(Page):
    """The layer's name and type, its problems, its options, and a table of numbers for each parameter."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._layer = ""
        self.renaming = False
        """The document has the new name already, and the selection still the old one."""
        self.name = ParsedLine(self._parsed_name, str, self)
        self.name.setObjectName("layer_name")
        self.name.setAccessibleName("Name of the layer")
        self.name.setToolTip("The layer's name; Enter takes it over")
        self.type_label, self.description, self.name_problem = PlainLabel(self), PlainLabel(self), PlainLabel(self)
        self.type_label.setProperty("dim", True)
        self.type_label.setWordWrap(True)
        self.type_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.description.setProperty("dim", True)
        self.description.setWordWrap(True)
        self.name_problem.setProperty("problem", True)
        self.name_problem.setWordWrap(True)
        self.name_problem.hide()
        self.problems = ProblemCard(self)
        self.form = OptionForm(self)
        self.given = GivenWeights(self)
        self.sections: dict[str, ValueSection] = {}
        title = QHBoxLayout()
        title.addWidget(self.name, 3)
        title.addWidget(self.type_label, 2)
        self.column.addLayout(title)
        for widget in (self.name_problem, self.description, self.problems, self.form, self.given):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.name.committed.connect(self._on_renamed)
        self.name.problem_changed.connect(self._on_name_problem)
        self.form.changed.connect(self._on_option)
        self.given.new_asked.connect(self._on_new_weights)
        self.retheme()

    def retheme(self) -> None:
        current = theme()
        self.name.setFont(current.font(14, QFont.Weight.DemiBold))
        self.type_label.setFont(current.font(12))
        self.description.setFont(current.font(11.5))
        self.name_problem.setFont(current.font(11))
        self.problems.retheme()
        self.form.retheme()
        self.given.retheme()
        for section in self.sections.values():
            section.retheme()

    # -- what is seen ------------------------------------------------------------------------------------------------

    def show_layer(self, name: str) -> None:
        """Show another layer: what was typed for the last one is dropped."""
        if name != self._layer:
            self._layer = name
            self.name.setModified(False)
            self.form.show_options((), {})

    def show_snapshot(self, snapshot: Snapshot) -> None:
        network = self.context.document.network
        layer = network.layer(self._layer)
        self.name.show_value(layer.name)
        self.type_label.setText(layer.kind.label)
        self.description.setText(layer.kind.description)
        self.problems.show_problems(self.context.document.structure.problems_of(layer.name))
        self.form.show_options(options_of(layer), layer.options)
        given = network.parameters.get(layer.name, {})
        if any(is_initializer(option) for option in options_of(layer)):
            self.given.show_given(tuple(given), self._are_from_file(given))
        else:
            self.given.show_given((), False)
        self._show_parameters(layer, snapshot)

    def _are_from_file(self, given: Mapping[str, Array]) -> bool:
        saved = self.context.document.parameters_on_disk.get(self._layer, {})
        return all(saved.get(name) is array for name, array in given.items())

    def _show_parameters(self, layer: Layer, snapshot: Snapshot) -> None:
        network = self.context.document.network
        structure = self.context.document.structure
        specs, buffers = structure.parameters.get(layer.name, ()), structure.buffers.get(layer.name, ())
        for name in [name for name in self.sections if name not in {spec.name for spec in (*specs, *buffers)}]:
            section = self.sections.pop(name)
            self.column.removeWidget(section)
            section.hide()
            section.deleteLater()
        slots = make_optimizer(network.training.optimizer).slots
        for spec in specs:
            section = self.sections.get(spec.name) or self._new_section(spec.name)
            frozen = layer.is_frozen(spec.name)
            value = Ref(layer.name, spec.name)
            views = [View("value", value, editable=True), View("gradient", value.gradient)]
            views += [] if frozen else [View(slot.replace("_", " "), value.in_slot(slot)) for slot in slots]
            section.set_views(tuple(views))
            section.set_frozen(frozen, f"{layer.name}.{spec.name}")
            section.show_snapshot(snapshot, spec.shape, network.parameters.get(layer.name, {}).get(spec.name))
        for spec in buffers:
            section = self.sections.get(spec.name) or self._new_section(spec.name)
            section.set_views((View("value", Ref(layer.name, spec.name)),))
            section.set_note(
                "kept by the forward pass", "Forward steps change it; it has no gradient, and is only read"
            )
            section.show_snapshot(snapshot, spec.shape, network.parameters.get(layer.name, {}).get(spec.name))

    def _new_section(self, name: str) -> ValueSection:
        section = ValueSection(self.context, name, self)
        section.setObjectName(f"parameter_{name}")
        section.edited.connect(self._on_edited)
        section.frozen_toggled.connect(self._on_frozen)
        self.sections[name] = section
        self.column.insertWidget(self.column.count() - 1, section)
        return section

    # -- edits -------------------------------------------------------------------------------------------------------

    def _parsed_name(self, text: str) -> str:
        problem = edits.name_problem(self.context.document.network, text.strip(), self._layer)
        if problem:
            raise OptionError(problem)
        return text.strip()

    @Slot(str)
    def _on_name_problem(self, problem: str) -> None:
        self.name_problem.setText(problem)
        self.name_problem.setVisible(bool(problem))

    @Slot(object, bool)
    def _on_renamed(self, name: object, in_a_row: bool) -> None:
        old, new = self._layer, str(name)
        self._layer = new
        renamed = edits.rename_layer(self.context.document.network, old, new)
        self.renaming = True
        self.context.document.apply(renamed, f"Rename {old} to {new}")
        self.renaming = False
        self.context.selection.select((new,))

    @Slot(str, object, bool)
    def _on_option(self, name: str, value: object, in_a_row: bool) -> None:
        layer = self._layer
        title = next((row.option.title.lower() for key, row in self.form.rows.items() if key == name), name)
        merge = f"option/{layer}/{name}" if in_a_row else ""
        network = self.context.document.network
        before = self._with_live() if any(o.name == name and is_initializer(o) for o in self.form.options) else network
        try:
            after = edits.set_options(network, layer, {name: value})
            self.context.document.apply(after, f"Change {title} of {layer}", merge, before)
        except OptionError as error:
            self.form.refuse(name, str(error))

    def _with_live(self) -> Network:
        """Return the network with the layer's trained weights as given: what undo returns to after drawing anew."""
        network, snapshot = self.context.document.network, self.context.debugger.snapshot
        if snapshot.iteration:
            for spec in self.context.document.structure.saved(self._layer):
                live = snapshot.get(self._layer, spec.name)
                network = network if live is None else edits.set_parameter(network, self._layer, spec.name, live)
        return network

    @Slot()
    def _on_new_weights(self) -> None:
        """Draw all parameters of the layer from their initialisers."""
        drawn = edits.draw_parameters(self.context.document.network, self._layer)
        self.context.document.apply(drawn, f"New initial weights of {self._layer}", before=self._with_live())

    def _section_name(self, section: object) -> str:
        return next((name for name, present in self.sections.items() if present is section), "")

    @Slot(object, object)
    def _on_edited(self, array: Array, index: tuple[int, ...]) -> None:
        """Take over an edited parameter: undo returns to the numbers as they are now, also in mid-training."""
        parameter = self._section_name(self.sender())
        network = self.context.document.network
        live = self.context.debugger.snapshot.get(self._layer, parameter)
        before = network if live is None else edits.set_parameter(network, self._layer, parameter, live)
        after = edits.set_parameter(network, self._layer, parameter, array)
        place = f"[{', '.join(map(str, index))}]" if index else ""
        self.context.document.apply(after, f"Edit {self._layer}.{parameter}{place}", before=before)

    @Slot(bool)
    def _on_frozen(self, frozen: bool) -> None:
        parameter = self._section_name(self.sender())
        layer = self.context.document.network.layer(self._layer)
        names = [spec.name for spec in self.context.document.structure.parameters.get(layer.name, ())]
        kept = tuple(name for name in names if (frozen if name == parameter else layer.is_frozen(name)))
        state: bool | tuple[str, ...] = True if len(kept) == len(names) else kept or False
        words = "Freeze" if frozen else "Thaw"
        self.context.document.edit(
            lambda network: edits.set_frozen(network, layer.name, state), f"{words} {layer.name}.{parameter}"
        )
