"""What is measured at the end of an iteration, and that it can be left: a pause does not wait for a thousand layers."""

from __future__ import annotations

import pytest

from tests.building import xor
from visualbp.analysis.gradient_flow import layer_flows
from visualbp.debugger.flow import StoppedError
from visualbp.debugger.measuring import measure
from visualbp.debugger.session import Session
from visualbp.debugger.until import Recorded, Until


@pytest.fixture
def session() -> Session:
    made = Session()
    made.set_network(xor(), 1, None, True)
    made.run(Until(), [Recorded()])
    return made


def test_it_is_the_flow_and_the_accuracy(session: Session) -> None:
    executor = session.executor
    assert executor is not None
    found = measure(executor)
    flows = layer_flows(executor.plan, executor.values, executor.norms, executor.store.views_of(executor.start))
    assert {name: norms.delta for name, norms in found.layers.items()} == {n: f.delta_norm for n, f in flows.items()}
    assert found.iteration == 0 and found.accuracy in (0.0, 0.25, 0.5, 0.75, 1.0)


def test_it_can_be_left_at_every_layer_and_before_every_part_of_the_data(session: Session) -> None:
    executor = session.executor
    assert executor is not None
    asked = [0]

    def count(at: int) -> bool:
        asked[0] += 1
        return asked[0] > at

    measure(executor, lambda: count(10**9))
    total = asked[0]
    assert total > len(executor.plan.layers)
    for at in range(total):
        asked[0] = 0
        with pytest.raises(StoppedError):
            measure(executor, lambda at=at: count(at))  # type: ignore[misc]
