"""What stays for as long as a network is open is not looked through by Python's collector again and again."""

from __future__ import annotations

import gc

from visualbp.gui.main_window import MainWindow


def is_looked_through(wanted: object) -> bool:
    return any(found is wanted for found in gc.get_objects())


def test_what_is_open_is_set_aside_once_it_is_shown(window: MainWindow) -> None:
    for name in ("xor", "spirals"):
        window.files.open_path(name)
        assert window.debugger.settle()
        plan = window.debugger.snapshot.plan
        assert plan is not None and plan.network.name == window.document.network.name
        assert not is_looked_through(plan)
        assert not is_looked_through(plan.steps[0])
        assert not is_looked_through(window.document.network)
    window.close()
    assert is_looked_through(plan), "the window is closed: it can be collected"
