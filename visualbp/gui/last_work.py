"""What was open last, and its breakpoints: kept in the settings from one session to the next."""

from __future__ import annotations

from visualbp.debugger.commands import SetBreakpoints
from visualbp.engine.plan import Phase
from visualbp.gui.context import Context
from visualbp.gui.settings import Settings


class LastWork:
    """Knows by what name the settings remember the document: the sample's, or the path of the file."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context, self._settings = context, settings

    @property
    def _name(self) -> str:
        document = self._context.document
        return document.sample or (str(document.path) if document.path else "")

    def remember(self) -> None:
        """Keep what is open, and the layers with breakpoints."""
        self._settings.last = self._name
        self._settings.breakpoints = sorted({layer for _, layer in self._context.debugger.breakpoints})

    def restore_breakpoints(self) -> None:
        """Set the breakpoints of what was just opened: those that it had if it was open last, or none."""
        both: set[tuple[Phase, str]] = set()
        if self._name and self._name == self._settings.last:
            names = self._context.document.network.names
            layers = [name for name in self._settings.breakpoints if name in names]
            both = {(phase, name) for name in layers for phase in (Phase.FORWARD, Phase.BACKWARD)}
        self._context.debugger.send(SetBreakpoints(frozenset(both)))
