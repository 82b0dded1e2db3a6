"""Heights that follow from widths: each such widget is dragged through all widths, and what it shows follows from its
size alone, at once, and whichever way it came."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.benchmarks.window_sizes import run_part
from tests.building import xor
from tests.gui.bench import Bench
from tests.gui.conftest import MakeBench
from tests.gui.drags import SUBJECTS, WIDTHS, Resizes, broken, drag, made
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.panels.problems import ProblemsPanel
from visualbp.gui.start_page import SampleCardContent, StartPage
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heights import BAR, ColumnScroll, HeightByWidth

STYLE = Path(__file__).parent.parent.parent / "resources" / "styles" / "visualbp.qss"


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench()


@pytest.mark.parametrize("name", list(SUBJECTS))
def test_at_each_width_everything_is_resized_twice_at_most_and_the_way_does_not_matter(
    qtbot: QtBot, bench: Bench, name: str
) -> None:
    window, panel = made(bench, name)
    qtbot.addWidget(window)
    by_one = name.startswith(
        ("values", "samples", "gradient", "mathematics of a step")
    )  # all are by window_sizes --drag
    widths = WIDTHS if by_one else WIDTHS[::12]
    bars = drag(panel, 100, widths) | drag(panel, 5000, WIDTHS[::12])
    drag(panel, 420, [*WIDTHS[::50], *reversed(WIDTHS[::50])], unsettled=True)
    assert bars == {True, False}


def scrolled(content: QWidget, keeps_room: bool = False) -> ColumnScroll:
    area = ColumnScroll(content, keeps_room=keeps_room)
    area.show()
    return area


class Shrinking(HeightByWidth):
    """As an equation that is made smaller to fit: the narrower, the lower. With a bar of its own it has no end."""

    def height_at(self, width: int) -> int:
        return width


@pytest.mark.parametrize("keeps_room", [False, True])
def test_what_gets_lower_when_the_bar_comes_is_resized_once(qtbot: QtBot, keeps_room: bool) -> None:
    content = Shrinking()
    area = scrolled(content, keeps_room)
    qtbot.addWidget(area)
    resizes = Resizes([content])
    for width in WIDTHS:
        for height in (width - 12, width - 5, width + 5):
            resizes.counts.clear()
            content.updateGeometry()
            area.resize(width, height)
            QApplication.sendPostedEvents()
            assert resizes.most[0] <= 1
            beside_bar = width - area.verticalScrollBar().sizeHint().width()
            expected = beside_bar if keeps_room or width > height else width
            assert content.size() == QSize(expected, max(expected, height))


def test_a_network_page_asks_for_more_height_where_its_words_stand_above_their_editors(
    qtbot: QtBot, bench: Bench
) -> None:
    bench.open(xor())
    panel = InspectorPanel(bench.context)
    qtbot.addWidget(panel)
    panel.show()
    QApplication.processEvents()
    form = panel.network_page.training
    wide, narrow = form.heightForWidth(600), form.heightForWidth(200)
    assert narrow > 1.4 * wide
    form.resize(200, narrow)
    assert (form.heightForWidth(600), form.heightForWidth(200)) == (wide, narrow), "it depends on the size it has"


def test_the_room_that_is_kept_is_that_of_the_style_sheets_bar(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    area = scrolled(QWidget())
    qtbot.addWidget(area)
    area.setStyleSheet(f"QScrollBar:vertical {{ width: {theme().px(BAR)}px; }}")
    assert area.verticalScrollBar().sizeHint().width() == theme().px(BAR)
    assert f"QScrollBar:vertical {{ background: transparent; width: @px({BAR});" in STYLE.read_text("utf-8")


def test_the_rows_of_problems_do_not_change_their_heights_when_the_bar_comes(qtbot: QtBot, bench: Bench) -> None:
    bench.open(xor())
    window, panel = QWidget(), ProblemsPanel(bench.context)
    qtbot.addWidget(window)
    panel.setParent(window)
    window.show()
    broken(panel, bench)
    rows = range(panel.model.rowCount())
    assert len(rows) > 2
    for width in WIDTHS[::9]:
        heights = set()
        for height in (60, 2000):
            panel.resize(width, height)
            QApplication.processEvents()
            heights.add(tuple(panel.list.visualRect(panel.model.index(row)).height() for row in rows))
        assert len(heights) == 1


def test_the_cards_of_the_start_page_fill_its_width_and_ask_for_their_height(qtbot: QtBot) -> None:
    page = StartPage(lambda: [SampleCardContent(f"s{place}", "Title", "About", xor()) for place in range(7)])
    qtbot.addWidget(page)
    page.resize(900, 400)
    page.show()
    page.fill()
    QApplication.processEvents()
    drag(page, 300, range(500, 1300, 9))
    cards = page._cards
    columns = len({card.x() for card in cards})
    assert columns > 1 and len({card.y() for card in cards}) == -(-7 // columns)
    assert max(card.geometry().right() for card in cards) > cards[0].parentWidget().width() - 40


FLIPS = """
from PySide6.QtWidgets import QApplication
application = QApplication([])
from tests.gui.drags import set_all
from tests.gui.bench import Bench
from visualbp.files import load_network
from visualbp.files.samples import find_model
from visualbp.gui.panels.mathematics import MathematicsPanel

bench = Bench(load_network(find_model("digits_convolution")))
panel = MathematicsPanel(bench.context)
panel.resize(400, 900)
panel.show()
bench.step(28)
set_all(panel)
area = panel._upper
area.setParent(None)
area.show()

def height_at(width):
    area.resize(width, 3000)
    for _ in range(3):
        application.processEvents()
    content = area.widget()
    return content.layout().totalHeightForWidth(content.width())

tried = 0
for width in range(178, 200, 3):
    low, high = sorted((height_at(width), height_at(width - 10)))  # of the widths without and with the bar
    for height in {high - 1, (high + low) // 2, low} if low < high else ():
        for first in ((width, 3000), (width, 100), (width + 40, height), (width - 40, height)):
            area.resize(*first)
            application.processEvents()
            for part in (panel.equation, panel.card, panel.sentence):
                part.updateGeometry()
            tried += 1
            area.resize(width, height)
            application.processEvents()
print("survived", tried)
bench.close()
"""


def run(program: str) -> tuple[int, str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr[-2000:]


def test_the_mathematics_survive_the_sizes_at_which_the_bar_came_and_went_without_end() -> None:
    """At a height between those with and without the bar the process died of its stack, 92,000 frames deep."""
    code, said = run(FLIPS)
    words = said.split()
    assert code == 0 and words[0] == "survived" and int(words[1]) > 20, said


def test_random_sizes_docks_and_scales_between_steps_end_in_no_crash_and_no_warning() -> None:
    """A small part of tests/benchmarks/window_sizes.py."""
    assert run_part("digits_convolution", 1, 15) == ""
