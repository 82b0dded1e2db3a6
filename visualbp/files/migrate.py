"""Older versions of the format become the present one, a version at a time. A new version adds its step here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from visualbp.core.visible_text import shown
from visualbp.files.errors import PlaceError

FORMAT, VERSION = "visualbp", 1

Record = dict[str, Any]
Migration = Callable[[Record], Record]

MIGRATIONS: Mapping[int, Migration] = {}
"""What makes a record of version n one of version n + 1, by n. Each may change its argument, or return another."""


def migrated(record: Record, migrations: Mapping[int, Migration] = MIGRATIONS, version: int = VERSION) -> Record:
    """Return `record` as one of `version`. Raises PlaceError for what is not of this format, or of a later version."""
    if "format" not in record:
        raise PlaceError("format", "is missing", f'a model file says "format": "{FORMAT}" and "version": {version}')
    if not isinstance(record["format"], str) or record["format"] != FORMAT:
        raise PlaceError("format", f"is {shown(record['format'])}, and a model file says {FORMAT!r}")
    found = record.get("version")
    if found is None:
        raise PlaceError("version", "is missing", f"the present one is {version}")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise PlaceError("version", f"must be a whole number, at most {version}, not {shown(found)}")
    if found > version:
        raise PlaceError("version", f"is {found}, and this visualbp reads up to {version}", "use a newer visualbp")
    for step in range(found, version):
        record = {**migrations[step](record), "version": step + 1}
    return record
