"""A registry of named entries. Each family (layers, activations, losses, ...) has one, filled by its own modules."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from visualbp.core.visible_text import shown


class Named(Protocol):
    """What an entry must have: the name that files and people use for it."""

    @property
    def type_name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


class UnknownNameError(KeyError):
    """A name that no entry has. The message lists what there is, and guesses what was meant."""

    def __init__(self, family: str, name: object, known: list[str]) -> None:
        near = difflib.get_close_matches(name[:60] if isinstance(name, str) else shown(name), known, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        self.message = f"there is no {family} called {shown(name)}{guess}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class Registry(Generic[Entry]):
    """Entries of one family by name, in the order of registration (which is the order people see)."""

    def __init__(self, family: str, discover: Callable[[], None] | None = None) -> None:
        self.family = family
        self._entries: dict[str, Entry] = {}
        self._discover = discover

    def register(self, entry: Entry) -> Entry:
        """Add `entry`. Raises ValueError if its name is taken."""
        if entry.type_name in self._entries:
            raise ValueError(f"two {self.family} entries are called {entry.type_name!r}")
        self._entries[entry.type_name] = entry
        return entry

    def _filled(self) -> dict[str, Entry]:
        if self._discover is not None:
            discover, self._discover = self._discover, None
            discover()
        return self._entries

    def get(self, name: object) -> Entry:
        """Return the entry called `name`. Raises UnknownNameError."""
        entries = self._filled()
        if not isinstance(name, str) or name not in entries:
            raise UnknownNameError(self.family, name, list(entries))
        return entries[name]

    def names(self) -> list[str]:
        return list(self._filled())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._filled()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._filled().values()))

    def __len__(self) -> int:
        return len(self._filled())


def import_all(package: str) -> None:
    """Import every module of `package`, so that each can register what it defines."""
    path = importlib.import_module(package).__path__
    for module in sorted(pkgutil.iter_modules(path), key=lambda found: found.name):
        importlib.import_module(f"{package}.{module.name}")
