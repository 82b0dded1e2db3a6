"""What tests of the debugger without a window stand on: a session, or a worker in a thread and all that it has said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from visualbp.debugger.commands import Close, Command, SetNetwork, Sync
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.session import Session
from visualbp.debugger.snapshot import Event, Snapshot, Synced
from visualbp.debugger.worker import Worker
from visualbp.network import Network


def session_of(network: Network) -> Session:
    session = Session()
    session.set_network(network, 1, fresh=True)
    assert session.executor is not None, session.problems
    return session


class Runner:
    """Takes the window's place: it takes from the mailbox only when a test says so."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self.worker = Worker(self.mailbox)
        self.events: list[Event] = []
        self.snapshot: Snapshot | None = None
        self._number = 0
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.worker.submit(command)

    def open(self, network: Network) -> None:
        self.send(SetNetwork(network, 1, fresh=True))

    def take(self) -> tuple[Event, ...]:
        """Take what waits, and return the events that were there."""
        snapshot, events = self.mailbox.take()
        self.snapshot = snapshot or self.snapshot
        self.events += events
        return events

    def settle(self) -> Snapshot:
        """Wait until everything sent has been carried out."""
        self._number += 1
        self.send(Sync(self._number))
        return self.wait_until(lambda: any(isinstance(e, Synced) and e.number == self._number for e in self.events))

    def wait_until(self, is_so: Callable[[], bool]) -> Snapshot:
        """Take what comes, until something is so."""
        end = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < end, "the worker does not answer"
            time.sleep(0.001)
            self.take()
        assert self.snapshot is not None
        return self.snapshot

    def wait_for_iteration(self, iteration: int) -> Snapshot:
        return self.wait_until(lambda: self.snapshot is not None and self.snapshot.iteration >= iteration)

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> bool:
        self.send(Close())
        self._thread.join(10)
        return not self._thread.is_alive()
