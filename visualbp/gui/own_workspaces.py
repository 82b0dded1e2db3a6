"""Workspaces that a person has made: kept in the settings, written to a file and read from one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualbp.core.visible_text import visible
from visualbp.files.errors import FileError, PlaceError
from visualbp.files.json_text import parse_json
from visualbp.files.read import load_bytes
from visualbp.files.record import as_object, check_keys, required
from visualbp.files.save import write_atomically
from visualbp.gui.panels.place import Workspace
from visualbp.gui.rooms import Room
from visualbp.gui.workspace_kinds import KINDS

FORMAT, VERSION, SUFFIX = "visualbp-workspace", 1, ".workspace.json"
LONGEST_NAME = 24
"""Letters of a name, so that the tabs stay readable."""
MOST_BYTES = 100_000
"""Of one arrangement; one of Qt takes some 500."""


@dataclass(frozen=True)
class OwnWorkspace:
    """An arrangement under a name. `made` are the states of the docks in each room as they were when it was made, to go
    back to; in a room without one it is arranged as its `base` is."""

    name: str
    base: Workspace
    made: Mapping[Room, bytes]

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        made = {str(room): base64.b64encode(state).decode() for room, state in self.made.items()}
        return {"name": self.name, "base": str(self.base), "arrangements": made}


def checked_name(name: str, taken: set[str]) -> str:
    """Return a name as it is kept. Raises ValueError, with one sentence, for one that cannot be given."""
    name = visible(" ".join(name.split()))
    if not name:
        raise ValueError("A workspace needs a name.")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"The name {name[:LONGEST_NAME]}… is too long: {LONGEST_NAME} letters are the most.")
    if name.lower() in {other.lower() for other in (*taken, *(kind.title for kind in KINDS.values()))}:
        raise ValueError(f"There is a workspace {name} already: give it another name.")
    return name


def from_record(value: object, place: str = "") -> OwnWorkspace:
    """Return the workspace that a record describes. Raises PlaceError."""
    record = as_object(value, place)
    check_keys(record, ("format", "version", "name", "base", "arrangements"), place)
    name, base = required(record, "name", place), required(record, "base", place)
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise PlaceError("name", f"must be a text of 1 to {LONGEST_NAME} letters")
    if base not in set(Workspace):
        raise PlaceError("base", f"is none of {', '.join(Workspace)}")
    found = as_object(required(record, "arrangements", place), "arrangements")
    check_keys(found, tuple(Room), "arrangements")
    made = {Room(room): _state(text, room) for room, text in found.items()}
    return OwnWorkspace(visible(name), Workspace(base), made)


def _state(text: object, room: str) -> bytes:
    if not isinstance(text, str) or len(text) > MOST_BYTES:
        raise PlaceError(f"arrangements.{room}", f"must be a text of at most {MOST_BYTES:,} letters")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise PlaceError(f"arrangements.{room}", "is not what was exported: its base64 cannot be read") from None


def export_workspace(workspace: OwnWorkspace, path: Path) -> None:
    """Write a workspace to a file. Raises FileError."""
    record = {"format": FORMAT, "version": VERSION, **workspace.record()}
    write_atomically(path, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())


def import_workspace(path: Path) -> OwnWorkspace:
    """Return the workspace in a file. Raises FileError."""
    where = str(path)
    record = parse_json(load_bytes(where), where)
    try:
        found = as_object(record, "")
        if found.get("format") != FORMAT:
            raise PlaceError("format", f"is not {FORMAT!r}: this is no workspace", "choose a file that was exported")
        if found.get("version") != VERSION:
            raise PlaceError("version", f"must be {VERSION}", "a newer visualbp may have written it")
        return from_record(found)
    except PlaceError as error:
        raise FileError(where, error.place, error.reason, error.mend) from None


def to_text(workspaces: Mapping[str, OwnWorkspace]) -> str:
    """Return all of them as the settings keep them."""
    return json.dumps([workspace.record() for workspace in workspaces.values()])


def from_text(text: str) -> dict[str, OwnWorkspace]:
    """Return those that the settings have kept; what cannot be read is left out."""
    found: dict[str, OwnWorkspace] = {}
    try:
        records = json.loads(text) if text else []
    except ValueError:
        return found
    for record in records if isinstance(records, list) else []:
        try:
            own = from_record(record)
        except PlaceError:
            continue
        found[own.name] = own
    return found
