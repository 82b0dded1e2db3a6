"""Equations as pictures: set in idle time, visible, in the colour and the size asked for."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.building import optimizer, with_training, xor
from tests.gui.bench import pixels
from visualbp.engine import compile_plan
from visualbp.engine.notation import Notation
from visualbp.gui.equations import Equations, EquationView, equation_pixmap, lines_of, typeset, typeset_already
from visualbp.gui.typesetter import set_equation
from visualbp.gui.typesetting import Typesetting
from visualbp.network import Clip

FRACTION = r"\frac{\partial \mathcal{L}}{\partial W^{(2)}}"


def alpha(pixmap: QPixmap) -> np.ndarray:
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_ARGB32)
    view = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return view[:, : image.width(), 3].copy()


def test_an_equation_has_ink_in_all_of_its_parts(qtbot: QtBot) -> None:
    ink = alpha(equation_pixmap(FRACTION, 24.0, QColor("#ff0000"))) > 128
    assert 0.05 < ink.mean() < 0.6
    height = len(ink)
    assert ink[: height // 3].any() and ink[-height // 3 :].any(), "numerator and denominator are both drawn"
    assert ink.sum(axis=1).max() > 0.8 * ink.shape[1], "the line of the fraction goes across"


def test_an_equation_takes_the_colour_that_it_is_asked_for_in(qtbot: QtBot) -> None:
    for name in ("#ff0000", "#00ff00"):
        image = equation_pixmap(FRACTION, 40.0, QColor(name)).toImage()
        seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())
                if image.pixelColor(x, y).alpha() > 250}  # fmt: skip
        assert seen == {name}


def test_an_equation_grows_with_the_size_of_its_font(qtbot: QtBot) -> None:
    small, large = (equation_pixmap(FRACTION, size, QColor("black")) for size in (20.0, 40.0))
    assert abs(large.width() - 2 * small.width()) <= 2
    assert abs(large.height() - 2 * small.height()) <= 2


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_every_equation_of_a_plan_can_be_set(qtbot: QtBot, name: str) -> None:
    options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    network = with_training(xor(), optimizer=optimizer(name, **options), clip=Clip("norm", 1.0), l1=0.1, l2=0.1)
    plan = compile_plan(network)
    notation = Notation(plan)
    for step in plan.steps:
        for line in lines_of(notation.step_equation(step)):
            formula = typeset(line)
            assert not formula.error, f"{step.label}: {formula.error}"
            assert formula.width > 0.5 and formula.height > 0.5


def test_what_cannot_be_set_is_shown_as_its_source_and_never_raises(qtbot: QtBot) -> None:
    broken = r"\frac{1}{"
    assert typeset(broken).error
    assert (alpha(equation_pixmap(broken, 24.0, QColor("black"))) > 100).any()


def test_an_equation_of_several_becomes_lines() -> None:
    assert lines_of(r"\mathbf{v} \leftarrow g, \quad W \leftarrow W - \eta \mathbf{v}") == (
        r"\mathbf{v} \leftarrow g",
        r"W \leftarrow W - \eta \mathbf{v}",
    )


def test_asking_for_an_equation_does_not_set_it_at_once_but_soon(qtbot: QtBot) -> None:
    latex = r"a_{1} + b_{\text{asked for once}}"
    owner = QWidget()
    qtbot.addWidget(owner)
    equations = Equations(owner)
    assert equations.get(latex) is None and typeset_already(latex) is None
    with qtbot.waitSignal(equations.ready, timeout=30_000) as news:
        pass
    assert news.args == [latex] and equations.get(latex) is not None


def test_what_may_come_is_set_in_advance_one_after_the_other(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    equations = Equations(owner)
    coming = [rf"x_{{{number}}} \cdot \text{{ahead}}" for number in range(3)]
    equations.prefetch(coming)
    qtbot.waitUntil(lambda: all(typeset_already(latex) is not None for latex in coming), timeout=30_000)
    equations.stop()


def test_a_view_keeps_the_old_equation_until_the_new_one_is_ready(qtbot: QtBot) -> None:
    owner = QWidget()
    owner.resize(400, 200)
    qtbot.addWidget(owner)
    view = EquationView(Equations(owner), 22.0, owner)
    view.resize(400, 60)
    owner.show()
    view.set_latex(r"z = W h + b_{\text{view}}")
    qtbot.waitUntil(lambda: view.is_ready, timeout=30_000)
    before = pixels(view)
    view.set_latex(r"h = \sigma(z)_{\text{view}}")
    assert not view.is_ready
    during = pixels(view) if not view.is_ready else before
    assert (during != during[0, 0]).any(), "something is still drawn"
    qtbot.waitUntil(lambda: view.is_ready, timeout=30_000)
    assert not np.array_equal(pixels(view), before)


def test_an_equation_wider_than_its_place_is_made_smaller(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    view = EquationView(Equations(owner), 22.0, owner)
    latex = r"\mathbf{z}^{(1)} = W^{(1)} \mathbf{h}^{(0)} + \mathbf{b}^{(1)}"
    width = typeset(latex).width * 22
    view.resize(int(width * 0.7), 60)
    owner.resize(900, 100)
    owner.show()
    view.set_latex(latex)
    picture = pixels(view)
    assert (picture != picture[0, 0]).any()
    assert (picture[:, -1] == picture[0, 0]).all(), "nothing is cut at the right edge"


def test_equations_that_fly_by_while_running_are_not_set(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    equations = Equations(owner)
    equations.patient = True
    flown = [rf"y_{{{number}}} \cdot \text{{flown by}}" for number in range(5)]
    for latex in flown:
        equations.forget_wanted()
        equations.get(latex)
        qtbot.wait(20)
    qtbot.waitUntil(lambda: typeset_already(flown[-1]) is not None, timeout=30_000)
    assert all(typeset_already(latex) is None for latex in flown[:-1])


def test_without_a_process_for_it_equations_are_set_all_the_same(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    setter = Typesetting()
    found: dict[str, object] = {}
    setter.done.connect(lambda latex, answer: found.update({latex: answer}))
    setter.ask(r"a + b")
    setter.ask(r"\frac{1}{c}")
    qtbot.waitUntil(lambda: len(found) == 2, timeout=10_000)
    assert found == {latex: set_equation(latex) for latex in found}
    setter.ask("d")
    assert "d" in found, "from now on at once"
    setter.stop()


def test_a_process_that_dies_owes_nobody_an_equation(qtbot: QtBot) -> None:
    setter = Typesetting()
    found: list[str] = []
    setter.done.connect(lambda latex, answer: found.append(latex))
    setter.ask("x_1")
    qtbot.waitUntil(lambda: found == ["x_1"], timeout=20_000)
    assert setter._process is not None
    setter._process.kill()
    setter.ask("x_2")
    qtbot.waitUntil(lambda: found == ["x_1", "x_2"], timeout=20_000)
    setter.stop()


def test_the_typesetter_says_nothing_when_the_window_is_killed_or_ctrl_c_is_pressed() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "visualbp.gui.typesetter"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write('"z = x"\n')
        process.stdin.flush()
        assert "svg" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdin.write('"z = y"\n')
        process.stdin.flush()
        assert "svg" in process.stdout.readline()
        process.stdout.close()
        process.stdin.write('"z = y"\n')
        process.stdin.close()
        assert process.stderr.read() == ""
