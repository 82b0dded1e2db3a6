"""Which panels there are, in the order of the View menu. A new panel is one file, and one line here."""

from __future__ import annotations

from visualbp.gui.panels.base import Panel

PANELS: tuple[type[Panel], ...] = ()
