"""The page of a connection: what flows along it, forwards and backwards."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QPushButton, QWidget

from visualbp.core.arrays import shape_text
from visualbp.core.ref import Ref, Sender
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.context import Context
from visualbp.gui.inspector.page import Heading, Page
from visualbp.gui.inspector.value_section import ValueSection, View
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme
from visualbp.network import edits
from visualbp.network.network import Connection


def flowing_back(plan: Plan, connection: Connection) -> Ref | None:
    """Return the gradient that comes back along a connection, or None where nothing does: into the input."""
    source, target = connection
    whole = plan.resolve(plan.resolve(Ref(source, "h")).gradient)
    part = whole._replace(sender=Sender(target))
    written = {value for step in plan.steps for value in step.writes}
    return part if part in written else whole if whole in written else None


class ConnectionPage(Page):
    """The value h that goes along the connection, the gradient that comes back, and a button to remove it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._connection: Connection = ("", "")
        self._plan: Plan | None = None
        self._back: Ref | None = None
        self.title, self.shape, self.nothing = PlainLabel(self), PlainLabel(self), PlainLabel(self)
        self.shape.setProperty("dim", True)
        self.shape.setWordWrap(True)
        self.nothing.setProperty("dim", True)
        self.nothing.setWordWrap(True)
        self.headings = (Heading("Forwards", self), Heading("Backwards", self))
        self.forward = ValueSection(context, "h", self)
        self.backward = ValueSection(context, "∂L/∂h", self)
        self.remove = QPushButton("Remove the connection", self)
        self.remove.setToolTip("Remove this connection (Del on the canvas)")
        self.remove.clicked.connect(self._on_remove)
        for widget in (
            self.title,
            self.shape,
            self.headings[0],
            self.forward,
            self.headings[1],
            self.backward,
            self.nothing,
            self.remove,
        ):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.retheme()

    def retheme(self) -> None:
        current = theme()
        self.title.setFont(current.font(14, QFont.Weight.DemiBold))
        for label in (self.shape, self.nothing):
            label.setFont(current.font(11.5))
        for part in (*self.headings, self.forward, self.backward):
            part.retheme()

    def show_connection(self, connection: Connection) -> None:
        """Take over which connection it is of. The numbers come with the next snapshot."""
        self._connection, self._plan = connection, None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        source, target = self._connection
        shape = self.context.document.structure.shapes.get(source)
        self.title.setText(f"{source} → {target}")
        known = "" if shape is None else f"{shape_text(shape)} a sample. "
        self.shape.setText(
            f"{known}What {source} gives is what {target} takes, and its gradient comes back the same way."
        )
        self.forward.setVisible(shape is not None)
        if shape is None:
            self.backward.hide()
            self.nothing.setText("Its shape is not known yet: a layer before it has a problem.")
            self.nothing.show()
            return
        batch = 1 if snapshot.batch is None else len(snapshot.batch)
        self.forward.set_views((View("h", Ref(source, "h")),))
        self.forward.show_snapshot(snapshot, (batch, *shape))
        if snapshot.plan is not None and snapshot.plan is not self._plan:
            self._plan, self._back = snapshot.plan, flowing_back(snapshot.plan, self._connection)
        back = self._back if snapshot.plan is not None else Ref(source, "h").gradient
        self.backward.setVisible(back is not None)
        self.nothing.setVisible(back is None)
        self.nothing.setText(f"Nothing comes back to {source}: no parameter before it needs a gradient.")
        if back is not None:
            self.backward.set_views((View("∂L/∂h", back),))
            self.backward.show_snapshot(snapshot, (batch, *shape))

    @Slot()
    def _on_remove(self) -> None:
        connection = self._connection
        self.context.document.edit(lambda network: edits.disconnect(network, [connection]), "Remove a connection")
