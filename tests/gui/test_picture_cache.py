"""Parts that seldom change are painted from pictures, and look as if they were painted anew."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from pytestqt.qtbot import QtBot

from visualbp.gui.picture_cache import MOST_BYTES, KeptPictures, PictureCache
from visualbp.gui.theme import theme


def blank() -> QImage:
    image = QImage(60, 40, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor("white"))
    return image


def pixels(image: QImage) -> np.ndarray:
    return np.frombuffer(image.constBits(), np.uint8).copy()


def test_a_picture_is_made_once_and_looks_like_what_it_is_a_picture_of(qtbot: QtBot) -> None:
    rect, made = QRectF(7.5, 5.25, 30.0, 20.0), []

    def draw(painter: QPainter) -> None:
        made.append(1)
        painter.fillRect(rect, QColor("navy"))

    direct, cached, cache = blank(), blank(), PictureCache()
    painter = QPainter(direct)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw(painter)
    painter.end()
    for _ in range(3):
        cached.fill(Qt.GlobalColor.white)
        painter = QPainter(cached)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        cache.paint(painter, rect, "navy", draw)
        painter.end()
        assert np.abs(pixels(direct).astype(int) - pixels(cached)).max() <= 2
    assert len(made) == 2


def test_another_key_size_theme_or_scale_is_another_picture(qtbot: QtBot) -> None:
    cache, made, image = PictureCache(), [], blank()
    before = theme().palette.name, theme().scale

    def paint(rect: QRectF, key: str) -> int:
        painter = QPainter(image)
        cache.paint(painter, rect, key, lambda own: made.append(1))
        painter.end()
        return len(made)

    try:
        assert paint(QRectF(0, 0, 10, 10), "a") == 1
        assert paint(QRectF(20, 8, 10, 10), "a") == 1, "the same elsewhere"
        assert paint(QRectF(0, 0, 11, 10), "a") == 2
        assert paint(QRectF(0, 0, 10, 10), "b") == 3
        theme().set("light" if before[0] == "dark" else "dark")
        assert paint(QRectF(0, 0, 10, 10), "a") == 4
        theme().set(scale=1.5)
        assert paint(QRectF(0, 0, 10, 10), "a") == 5
    finally:
        theme().set(*before)


def test_what_is_kept_is_bounded_in_bytes_and_the_oldest_goes_first(qtbot: QtBot) -> None:
    kept, made, each = KeptPictures(), [], 100 * 100 * 4

    def ask(key: int, size: int = 100) -> None:
        def make() -> QPixmap:
            made.append(key)
            return QPixmap(size, size)

        assert kept.get(key, make).width() == size

    fitting = MOST_BYTES // each
    for key in range(fitting):
        ask(key)
    ask(0)
    ask(fitting)  # one too many: 1 is the one not asked for longest
    assert made == list(range(fitting + 1))
    ask(0)
    ask(1)
    assert made == [*range(fitting + 1), 1]
    for key in range(1000, 1000 + 3 * fitting):
        ask(key)
        assert kept.bytes <= MOST_BYTES
    assert len(kept) == fitting
    ask(-1, size=2000)  # larger than all that may be kept: it is shown, and nothing else kept
    assert len(kept) == 1
    kept.clear()
    assert kept.bytes == len(kept) == 0
