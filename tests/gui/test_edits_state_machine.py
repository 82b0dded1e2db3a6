"""A hypothesis state machine: edits, undo and redo through the document, against a plain model.

The model knows names, types, units, connections, places and weights as ordinary dictionaries, and a list of its own
past states; it shares no code with the edits. After every step both say the same, and structure and files take whatever
the edits have made.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PySide6.QtWidgets import QApplication

from visualbp.files import network_from_text, network_to_text
from visualbp.gui.document import Document
from visualbp.network import Network, connection_problem, edits, structure_of
from visualbp.network.network import make_layer

TYPES = ("input", "dense", "activation", "add", "dropout", "mean_squared_error")
MOST = 12
"""Layers, so that runs stay quick."""


@dataclass
class Model:
    """What the document should hold, told in plain data."""

    types: dict[str, str] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    frozen: dict[str, bool] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    """The number that fills a layer's given bias."""

    def drop(self, names: set[str]) -> None:
        for table in (self.types, self.units, self.frozen, self.places, self.weights):
            for name in names & table.keys():
                del table[name]  # type: ignore[attr-defined]
        self.lines = [line for line in self.lines if not names & set(line)]

    def rename(self, old: str, new: str) -> None:
        for table in (self.units, self.frozen, self.places, self.weights):
            if old in table:
                table[new] = table.pop(old)  # type: ignore[attr-defined]
        self.types = {new if name == old else name: kind for name, kind in self.types.items()}
        self.lines = [tuple(new if end == old else end for end in line) for line in self.lines]  # type: ignore[misc]


class Editing(RuleBasedStateMachine):
    """Draws edits; each is done to the document and, by hand, to the model."""

    @initialize()
    def begin(self) -> None:
        self.document = Document()
        self.shown: list[Network] = []
        self.document.changed.connect(self.shown.append)
        self.model = Model()
        self.past: list[Model] = []
        self.future: list[Model] = []
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "document"):
            self.document.deleteLater()

    # -- helpers -----------------------------------------------------------------------------------------------------

    @property
    def network(self) -> Network:
        return self.document.network

    def keep(self) -> None:
        """An edit is about to be done."""
        self.past.append(deepcopy(self.model))
        self.future.clear()

    def names(self) -> list[str]:
        return list(self.model.types)

    def pick(self, data: st.DataObject, kind: str | None = None) -> str | None:
        names = [name for name in self.names() if kind is None or self.model.types[name] == kind]
        return data.draw(st.sampled_from(names)) if names else None

    # -- edits -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.types) < MOST)
    @rule(kind=st.sampled_from(TYPES), x=st.integers(-400, 400), y=st.integers(-400, 400))
    def add(self, kind: str, x: int, y: int) -> None:
        self.keep()
        self.number += 1
        name = f"{kind} {self.number}"
        options = {"input": {"shape": [3]}, "dense": {"units": 3}}.get(kind, {})
        layer = make_layer(name, kind, {"function": "relu"} if kind == "activation" else options)
        self.document.edit(lambda network: edits.add_layer(network, layer, (float(x), float(y))), f"Add {name}")
        self.model.types[name], self.model.places[name], self.model.frozen[name] = kind, (float(x), float(y)), False
        if kind == "dense":
            self.model.units[name] = 3

    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        source, target = self.pick(data), self.pick(data)
        if source is None or target is None:
            return
        if connection_problem(self.network, source, target):
            return
        assert source != target and (source, target) not in self.model.lines and not self.leads(target, source)
        self.keep()
        self.document.edit(lambda network: edits.connect(network, source, target), "Connect")
        self.model.lines.append((source, target))

    def leads(self, start: str, end: str) -> bool:
        """Whether there is a way from `start` to `end` in the model: connecting them backwards would be a cycle."""
        seen, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting += [target for source, target in self.model.lines if source == name and target not in seen]
        return end in seen

    @precondition(lambda self: self.model.lines)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from(self.model.lines))
        self.keep()
        self.document.edit(lambda network: edits.disconnect(network, [line]), "Disconnect")
        self.model.lines.remove(line)

    @precondition(lambda self: self.model.lines and len(self.model.types) < MOST)
    @rule(data=st.data())
    def insert(self, data: st.DataObject) -> None:
        source, target = data.draw(st.sampled_from(self.model.lines))
        self.keep()
        self.number += 1
        name = f"activation {self.number}"
        layer = make_layer(name, "activation", {"function": "tanh"})
        self.document.edit(
            lambda network: edits.insert_on_connection(network, layer, (source, target), (1.0, 2.0)), "Insert"
        )
        place = self.model.lines.index((source, target))
        self.model.lines[place : place + 1] = [(source, name), (name, target)]
        self.model.types[name], self.model.places[name], self.model.frozen[name] = "activation", (1.0, 2.0), False

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        names = {name for name in (self.pick(data), self.pick(data)) if name is not None}
        if not names:
            return
        self.keep()
        self.document.edit(lambda network: edits.remove_layers(network, names), "Delete")
        self.model.drop(names)

    @rule(data=st.data(), units=st.integers(1, 6))
    def set_units(self, data: st.DataObject, units: int) -> None:
        name = self.pick(data, "dense")
        if name is None or units == self.model.units[name]:
            return
        self.keep()
        self.document.edit(lambda network: edits.set_options(network, name, {"units": units}), "Change units")
        self.model.units[name] = units
        if name in self.model.weights and self.knows_its_input(name):
            del self.model.weights[name]  # a bias of another length does not fit any more

    def knows_its_input(self, name: str) -> bool:
        return name in structure_of(self.network).parameters

    @rule(data=st.data(), number=st.floats(-2, 2))
    def set_bias(self, data: st.DataObject, number: float) -> None:
        name = self.pick(data, "dense")
        if name is None:
            return
        self.keep()
        array = np.full(self.model.units[name], number)
        array.setflags(write=False)
        self.document.edit(lambda network: edits.set_parameter(network, name, "bias", array), "Edit bias")
        self.model.weights[name] = number

    @rule(data=st.data())
    def toggle_frozen(self, data: st.DataObject) -> None:
        name = self.pick(data)
        if name is None:
            return
        self.keep()
        frozen = not self.model.frozen[name]
        self.document.edit(lambda network: edits.set_frozen(network, name, frozen), "Freeze")
        self.model.frozen[name] = frozen

    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        old = self.pick(data)
        if old is None:
            return
        self.keep()
        self.number += 1
        new = f"renamed {self.number}"
        self.document.edit(lambda network: edits.rename_layer(network, old, new), "Rename")
        self.model.rename(old, new)

    @rule(data=st.data())
    def rename_to_a_taken_name(self, data: st.DataObject) -> None:
        old, taken = self.pick(data), self.pick(data)
        if old is None or taken is None or old == taken:
            return
        before, count = self.network, self.document.undo_stack.count()
        with pytest.raises(edits.EditError):
            self.document.edit(lambda network: edits.rename_layer(network, old, taken), "Rename")
        assert self.network is before and self.document.undo_stack.count() == count

    @rule(data=st.data(), steps=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=4))
    def drag(self, data: st.DataObject, steps: list[tuple[int, int]]) -> None:
        """Several movements of one drag: one step of undo, or none where it ends where it began."""
        name = self.pick(data)
        if name is None:
            return
        self.number += 1
        merge = f"drag {self.number}"
        start = self.model.places[name]
        before = deepcopy(self.model)
        for x, y in steps:
            at = (start[0] + x, start[1] + y)
            self.document.edit(lambda network, at=at: edits.move_layers(network, {name: at}), "Move", merge)  # type: ignore[misc]
            self.model.places[name] = at
        if len(steps) > 1 and self.model.places[name] == start:
            self.future.clear()
        else:
            self.past.append(before)
            self.future.clear()

    @precondition(lambda self: 0 < len(self.model.types) <= MOST // 2)
    @rule(data=st.data())
    def paste(self, data: st.DataObject) -> None:
        names = [name for name in self.names() if data.draw(st.booleans())] or self.names()[:1]
        self.keep()
        part = edits.copy_part(self.network, names)
        grown, pasted = edits.paste(self.network, part, (10.0, 20.0))
        self.document.apply(grown, "Paste")
        assert len(set(pasted)) == len(names) and not set(pasted) & self.model.types.keys()
        new = dict(zip([layer.name for layer in part.layers], pasted, strict=True))
        inner = [line for line in self.model.lines if set(line) <= new.keys()]
        for old, name in new.items():
            self.model.types[name], self.model.frozen[name] = self.model.types[old], self.model.frozen[old]
            x, y = self.model.places[old]
            self.model.places[name] = (x + 10.0, y + 20.0)
            for table in (self.model.units, self.model.weights):
                if old in table:
                    table[name] = table[old]  # type: ignore[index, assignment]
        self.model.lines += [(new[source], new[target]) for source, target in inner]

    # -- history -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.past)
    @rule(count=st.integers(1, 5))
    def undo(self, count: int) -> None:
        for _ in range(min(count, len(self.past))):
            self.document.undo_stack.undo()
            self.future.append(self.model)
            self.model = self.past.pop()

    @precondition(lambda self: self.future)
    @rule(count=st.integers(1, 5))
    def redo(self, count: int) -> None:
        for _ in range(min(count, len(self.future))):
            self.document.undo_stack.redo()
            self.past.append(self.model)
            self.model = self.future.pop()

    @rule()
    def save(self) -> None:
        self.document.undo_stack.setClean()
        assert not self.document.is_modified

    # -- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def the_document_says_what_the_model_says(self) -> None:
        if not hasattr(self, "document"):
            return
        network, model = self.network, self.model
        assert {layer.name: layer.type for layer in network.layers} == model.types
        assert sorted(network.connections) == sorted(model.lines)
        for name in model.types:
            assert network.inputs_of(name) == tuple(source for source, target in model.lines if target == name)
            assert (network.layer(name).frozen is True) == model.frozen[name]
        assert dict(network.positions) == model.places
        assert {name: network.layer(name).options["units"] for name in model.units} == model.units
        given = {name: float(arrays["bias"][0]) for name, arrays in network.parameters.items()}
        assert given == model.weights

    @invariant()
    def the_stack_is_as_long_as_the_history(self) -> None:
        if not hasattr(self, "document"):
            return
        stack = self.document.undo_stack
        assert stack.index() == len(self.past)
        assert stack.canUndo() == bool(self.past) and stack.canRedo() == bool(self.future)
        assert not self.shown or self.shown[-1] is self.network

    @invariant()
    def files_take_what_the_edits_have_made(self) -> None:
        if not hasattr(self, "document"):
            return
        structure = structure_of(self.network)
        assert set(structure.order) <= set(self.network.names)
        if not structure.errors:
            text = network_to_text(self.network)
            assert network_from_text(text, "model") == self.network


def test_edits_undo_and_redo_agree_with_a_plain_model(qapp: QApplication) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Editing,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
