"""What the Debug menu does: buttons become commands, and the newest snapshot decides which buttons make sense."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from visualbp.debugger.commands import (
    CheckGradients,
    Command,
    Continue,
    Level,
    Pause,
    Reset,
    Seek,
    SetNetwork,
    SetSpeed,
    StepBack,
    StepForward,
    Train,
)
from visualbp.debugger.snapshot import Event, Failure, Mode, Snapshot
from visualbp.gui.actions import Actions
from visualbp.gui.context import Context
from visualbp.network import Network
from visualbp.network.diff import renamed_layers

SLOWEST, FASTEST = 1.0, 120.0
"""Steps a second at the left end of the speed slider, and just before its right end, which means: no waiting."""

STEPS = ("step_operation", "step_layer", "step_out", "run_iteration")
BACK = ("step_back", "step_back_operation", "step_back_iteration")


def speed_of(share: float) -> float | None:
    """Return steps a second for a place on the slider, 0 to 1, evenly spaced in ratio; None for the right end."""
    return None if share >= 1.0 else float(SLOWEST * (FASTEST / SLOWEST) ** share)


class DebugController(QObject):
    """Sends commands to the debugger and keeps the actions in step with it."""

    failed = Signal(str)
    """Something could not be done, and why."""
    broken = Signal(str, str)
    """The program has a fault: what happened, and its traceback."""

    def __init__(self, context: Context, actions: Actions, parent: QObject) -> None:
        super().__init__(parent)
        self.context, self.actions = context, actions
        self.share = 1.0
        self._stopping = False
        """Whether a stop has been asked for that no snapshot has shown yet: an edit must not start training again."""
        self.key_is_repeated = False
        """Whether the key that comes now is one that is held down; the window says so."""
        self._network = context.document.network
        actions.bind(
            {
                "step_operation": self._stepper(StepForward(Level.OPERATION)),
                "step_layer": self._stepper(StepForward(Level.LAYER)),
                "step_out": self._stepper(StepForward(Level.PASS)),
                "run_iteration": self._stepper(StepForward(Level.ITERATION)),
                "step_back": self._stepper(StepBack(Level.LAYER)),
                "step_back_operation": self._stepper(StepBack(Level.OPERATION)),
                "step_back_iteration": self._stepper(StepBack(Level.ITERATION)),
                "continue": self.go_on,
                "pause": self.pause,
                "train": self._runner(Train()),
                "reset": self.reset,
                "breakpoint": self.toggle_breakpoint,
                "check_gradients": self._runner(CheckGradients()),
            }
        )
        context.document.network_edited.connect(self._on_network)
        context.debugger.snapshot_changed.connect(self._on_snapshot)
        context.debugger.happened.connect(self._on_event)
        self._on_snapshot(context.debugger.snapshot)

    def _runner(self, command: Command) -> Callable[[], None]:
        return lambda: self._run(command)

    def _run(self, command: Command) -> None:
        """Send a command that runs on. A pause is possible at once, before the first picture comes."""
        self.context.debugger.send(command)
        self._show_running(True)

    def _stepper(self, command: Command) -> Callable[[], None]:
        def step() -> None:
            repeated, self.key_is_repeated = self.key_is_repeated, False
            self.context.debugger.steps.ask(command, repeated)

        return step

    def pause(self) -> None:
        """Stop what runs."""
        self._stopping = True
        self.context.debugger.send(Pause())

    def reset(self) -> None:
        """Go back to the beginning, and stay there."""
        self._stopping = True
        self.context.debugger.send(Reset())

    def go_on(self) -> None:
        """Continue at the speed of the slider."""
        self._run(Continue(speed_of(self.share)))

    def set_speed(self, share: float) -> None:
        """Take a place of the speed slider, 0 to 1; it takes effect at once."""
        self.share = share
        if self.context.debugger.snapshot.mode == Mode.CONTINUING:
            self.context.debugger.send(SetSpeed(speed_of(share)))

    def toggle_breakpoint(self) -> None:
        """Set or remove the breakpoints of the selected layers."""
        self.context.debugger.toggle_breakpoints(self.context.selection.layers)

    def seek(self, iteration: int, cursor: int) -> None:
        """Go to a position: `cursor` steps of the iteration done."""
        self.context.debugger.send(Seek(iteration, cursor))  # most are near, and there at once

    @Slot(object, bool)
    def _on_network(self, network: Network, fresh: bool) -> None:
        """Give the session an edited network. Training goes on through an edit; a fresh network stands still."""
        debugger, document = self.context.debugger, self.context.document
        goes_on = debugger.snapshot.mode == Mode.TRAINING and not fresh and not self._stopping
        debugger.rename_breakpoints({} if fresh else renamed_layers(self._network, network))
        self._network = network
        debugger.generation = document.generation
        debugger.send(SetNetwork(network, document.generation, document.folder, fresh, goes_on))

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        idle = not snapshot.is_running
        self._stopping = self._stopping and not idle
        self._show_running(not idle)

    def _show_running(self, runs: bool) -> None:
        can_go_back = self.context.debugger.snapshot.can_go_back
        for name in BACK:
            self.actions[name].setEnabled(not runs and can_go_back)
        for name in (*STEPS, "train", "continue", "check_gradients"):
            self.actions[name].setEnabled(not runs)
        self.actions["continue"].setVisible(not runs)
        self.actions["pause"].setEnabled(runs)
        self.actions["pause"].setVisible(runs)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Failure):
            self.broken.emit(event.text, event.traceback) if event.traceback else self.failed.emit(event.text)
