"""Older files become present ones a version at a time; later ones are refused."""

from typing import Any

import pytest

from visualbp.files.errors import PlaceError
from visualbp.files.migrate import FORMAT, MIGRATIONS, VERSION, migrated


def rename_size(record: dict[str, Any]) -> dict[str, Any]:
    """From version 1 to 2: what was called `size` is called `units`."""
    record["units"] = record.pop("size")
    return record


def double_units(record: dict[str, Any]) -> dict[str, Any]:
    """From version 2 to 3."""
    return {**record, "units": record["units"] * 2}


STEPS = {1: rename_size, 2: double_units}


def record(version: object, **more: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": version, **more}


def test_each_step_is_taken_in_order_from_the_files_own_version() -> None:
    assert migrated(record(1, size=4), STEPS, 3) == record(3, units=8)
    assert migrated(record(2, units=4), STEPS, 3) == record(3, units=8)
    assert migrated(record(3, units=4), STEPS, 3) == record(3, units=4)


def test_a_file_may_stop_at_an_earlier_present() -> None:
    assert migrated(record(1, size=4), STEPS, 2) == record(2, units=4)


def test_a_later_version_is_refused_with_both_versions() -> None:
    with pytest.raises(PlaceError) as caught:
        migrated(record(4), STEPS, 3)
    assert caught.value.place == "version"
    assert caught.value.reason == "is 4, and this visualbp reads up to 3"


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, [1]])
def test_what_is_no_version_is_refused(version: object) -> None:
    with pytest.raises(PlaceError, match="version: must be a whole number"):
        migrated(record(version), STEPS, 3)


def test_there_is_a_step_from_every_version_to_the_present() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))
