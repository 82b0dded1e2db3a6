"""Colours, fonts and icons: two palettes, one style sheet, and a size that a lecturer can scale up.

A colour has one meaning each (see the palette's comments). Widgets that paint themselves ask `theme()` when they paint,
so that a switch of theme is a repaint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from visualbp.core.resource_files import resource_path

SANS, MONO = "Inter", "JetBrains Mono"


@dataclass(frozen=True)
class Palette:
    """The colours of a theme."""

    name: str
    background: str
    panel: str
    card: str
    field: str  # what can be typed into
    raised: str  # buttons
    line: str
    text: str
    dim: str
    faint: str  # hatching, disabled text
    forward: str
    backward: str
    accent: str  # selection, links
    passed: str
    error: str
    on_accent: str  # text on forward, backward and accent
    neutral: str  # zero on the diverging map
    negative: str
    positive: str

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """Return one of the palette's colours by its name; `alpha` from 0, transparent, to 1, opaque."""
        return QColor(_color(getattr(self, name), alpha))


@lru_cache(maxsize=1024)
def _color(text: str, alpha: float) -> QColor:
    color = QColor(text)
    color.setAlphaF(alpha)
    return color


DARK = Palette(
    "dark", "#14171c", "#1b1f26", "#232833", "#14171c", "#2a303c", "#2e3541", "#e6e9ef", "#8b95a5", "#4a5363",
    "#2dd4bf", "#f5a524", "#6ea8fe", "#4ac26b", "#f0525f", "#0b0e12", "#262b34", "#3b82d6", "#e5533d",
)  # fmt: skip
LIGHT = Palette(
    "light", "#f4f6f9", "#ffffff", "#ffffff", "#f4f6f9", "#eceff4", "#d8dee8", "#1c2430", "#5c6878", "#aab3c0",
    "#0d9488", "#c2740a", "#2f6fe4", "#1f9d4d", "#d23444", "#ffffff", "#f3f4f6", "#3b7dd0", "#e0523c",
)  # fmt: skip

SMALLEST_SCALE, LARGEST_SCALE = 0.85, 2.0


class Theme(QObject):
    """The theme in use. There is one for the program: `theme()`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.palette = DARK
        self.scale = 1.0
        """The presenter's scale, from 0.85 to 2."""
        self.reduced_motion = False

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """Return a colour of the current palette by its name; `alpha` from 0, transparent, to 1, opaque."""
        return self.palette.color(name, alpha)

    @property
    def is_dark(self) -> bool:
        return self.palette is DARK

    def px(self, length: float) -> int:
        """Return a length in pixels at the presenter's scale."""
        return max(1, round(length * self.scale))

    def font(self, size: float = 12, weight: QFont.Weight = QFont.Weight.Normal, mono: bool = False) -> QFont:
        """Return a font of `size` pixels at the presenter's scale; `mono` has tabular figures."""
        return QFont(_font(self.px(size), weight, mono))  # a copy shares what Qt has found out about the font

    def advance(
        self, text: str, size: float = 12, weight: QFont.Weight = QFont.Weight.Normal, mono: bool = False
    ) -> float:
        """Return how wide a text is in `font`, in pixels; kept, for what is measured again and again.

        Of numbers there are always new ones, and none is kept: their signs are all of one width.
        """
        if mono and _IN_NUMBERS.issuperset(text):
            return len(text) * _advance("0", self.px(size), weight, mono)
        return _advance(text, self.px(size), weight, mono)

    def set(self, name: str | None = None, scale: float | None = None) -> None:
        """Change the theme (dark or light) or the scale, and tell everybody."""
        if name is not None:
            self.palette = LIGHT if name == "light" else DARK
        if scale is not None:
            self.scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, scale))
        apply_theme()
        self.changed.emit()


_IN_NUMBERS = frozenset("0123456789.+-−e×")


@lru_cache(maxsize=2048)
def _advance(text: str, pixels: int, weight: QFont.Weight, mono: bool) -> float:
    return _metrics(pixels, weight, mono).horizontalAdvance(text)


@lru_cache(maxsize=512)
def _metrics(pixels: int, weight: QFont.Weight, mono: bool) -> QFontMetricsF:
    return QFontMetricsF(_font(pixels, weight, mono))


@lru_cache(maxsize=512)
def _font(pixels: int, weight: QFont.Weight, mono: bool) -> QFont:
    font = QFont(MONO if mono else SANS)
    font.setPixelSize(pixels)
    font.setWeight(weight)
    return font


@lru_cache(maxsize=1)
def theme() -> Theme:
    """Return the program's theme."""
    return Theme()


@lru_cache(maxsize=1)
def load_fonts() -> tuple[str, ...]:
    """Make the carried fonts known to Qt, and return their families."""
    families: list[str] = []
    for path in sorted(resource_path("fonts").rglob("*.[to]tf")):
        number = QFontDatabase.addApplicationFont(str(path))
        families += QFontDatabase.applicationFontFamilies(number)
    return tuple(families)


@lru_cache(maxsize=512)
def _pixmap(name: str, color: str, size: int, ratio: float) -> QPixmap:
    source = resource_path("icons", f"{name}.svg").read_text(encoding="utf-8").replace("#000000", color)
    renderer = QSvgRenderer(source.encode())
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def pixmap(name: str, color: str = "text", size: int = 20, ratio: float = 2.0) -> QPixmap:
    """Return an icon in a colour of the palette. The files draw in #000000, which is replaced here."""
    return _pixmap(name, theme().color(color).name(), size, ratio)


def icon(name: str, color: str = "text") -> QIcon:
    """Return an icon in a colour of the palette, greyed where disabled."""
    result = QIcon(pixmap(name, color))
    result.addPixmap(pixmap(name, "faint"), QIcon.Mode.Disabled)
    return result


def icon_size(size: int = 18) -> QSize:
    """Return a square of `size` pixels, at the theme's scale."""
    return QSize(theme().px(size), theme().px(size))


def apply_theme() -> None:
    """Give the application the palette, the font and the style sheet of the theme."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    load_fonts()
    current = theme()
    if not app.property("in_fusion"):  # a change of style polishes every widget, and Fusion follows the palette anyway
        app.setStyle("Fusion")
        app.setProperty("in_fusion", True)
    app.setFont(current.font(12))
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "panel",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Base: "field",
        QPalette.ColorRole.AlternateBase: "card",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.ToolTipBase: "card",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "dim",
        QPalette.ColorRole.Highlight: "accent",
        QPalette.ColorRole.HighlightedText: "on_accent",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.Mid: "line",
        QPalette.ColorRole.Dark: "line",
        QPalette.ColorRole.Light: "line",
    }
    for role, name in roles.items():
        palette.setColor(role, current.color(name))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, current.color("faint"))
    app.setPalette(palette)
    app.setStyleSheet(style_sheet(current))


def style_sheet(current: Theme) -> str:
    """Return the style sheet: resources/styles/visualbp.qss with `@panel`, `@px(12)` and the like filled in."""
    text = resource_path("styles", "visualbp.qss").read_text(encoding="utf-8")
    text = text.replace("@tick", resource_path("styles", f"tick_{current.palette.name}.svg").as_posix())
    text = re.sub(r"@px\((-?)(\d+)\)", lambda found: f"{found[1]}{current.px(float(found[2]))}px", text)

    def named(found: re.Match[str]) -> str:
        return current.color(found[1]).name()

    return re.sub(r"@([a-z_]+)", named, text)
