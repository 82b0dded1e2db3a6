"""Benches, panels and windows for the tests of the window: closed when the test has ended, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol, TypeVar

import pytest
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.bench import Bench, shut
from tests.gui.canvas_bench import CanvasBench
from tests.gui.desk import Desk
from visualbp.gui import create_window
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.base import Panel
from visualbp.gui.theme import theme
from visualbp.network import Network

SomePanel = TypeVar("SomePanel", bound=Panel)


class MakeBench(Protocol):
    def __call__(self, network: Network | None = None) -> Bench: ...


class MakeCanvasBench(Protocol):
    def __call__(self, network: Network | None = None) -> CanvasBench: ...


class ShowPanel(Protocol):
    def __call__(self, bench: Bench, kind: type[SomePanel], size: tuple[int, int]) -> SomePanel: ...


class OpenWindow(Protocol):
    def __call__(self, path: str | None = "xor", size: tuple[int, int] | None = None) -> MainWindow: ...


@pytest.fixture(autouse=True)
def own_theme() -> Iterator[None]:
    """Gives the theme back as it was."""
    yield
    if (theme().palette.name, theme().scale) != ("dark", 1.0):
        theme().set("dark", 1.0)
    theme().reduced_motion = False


@pytest.fixture
def closing(qtbot: QtBot) -> Iterator[ExitStack]:
    """What a test has to close: the last that was opened first, and the rest even if one of them fails."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_bench(closing: ExitStack) -> MakeBench:
    def make(network: Network | None = None) -> Bench:
        bench = Bench(network)
        closing.callback(bench.close)
        return bench

    return make


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench with XOR."""
    return make_bench(xor())


@pytest.fixture
def show_panel(qtbot: QtBot) -> ShowPanel:
    """Shows a panel on a bench, with the header that stands in the title bar of its dock."""

    def show(bench: Bench, kind: type[SomePanel], size: tuple[int, int]) -> SomePanel:
        panel = kind(bench.context)
        for widget in (panel, panel.header()):
            if widget is not None:
                qtbot.addWidget(widget)
        panel.resize(*size)
        with qtbot.waitExposed(panel):
            panel.show()
        return panel

    return show


@pytest.fixture
def make_canvas_bench(closing: ExitStack) -> MakeCanvasBench:
    def make(network: Network | None = None) -> CanvasBench:
        bench = CanvasBench(network)
        closing.callback(bench.close)
        return bench

    return make


@pytest.fixture
def desks(closing: ExitStack) -> Callable[[], Desk]:
    """Makes desks, each as good as a window of its own."""

    def make() -> Desk:
        desk = Desk()
        closing.callback(desk.close)
        return desk

    return make


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    return desks()


@pytest.fixture
def open_window(closing: ExitStack) -> OpenWindow:
    """Opens windows as the program does: with a sample, a file or the start page, and of the size that they like."""

    def open_one(path: str | None = "xor", size: tuple[int, int] | None = None) -> MainWindow:
        window = create_window(path)
        closing.callback(window.deleteLater)
        closing.callback(shut, window)
        if size is not None:
            window.resize(*size)
        window.show()
        assert window.debugger.settle()
        return window

    return open_one


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """The window with XOR."""
    return open_window()
