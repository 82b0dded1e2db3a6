"""A worker that is closed when the test has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.debugger.runner import Runner


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    assert made.close()
