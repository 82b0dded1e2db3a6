"""The links in the title bar of the mathematics that show and hide its sections."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget


def section_links(sections: Mapping[str, QWidget]) -> QWidget:
    """Return a row with a link for each section, by its name."""
    header = QWidget()
    row = QHBoxLayout(header)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    for name, section in sections.items():
        link = QPushButton(name, header)
        link.setObjectName(f"mathematics_{name}")
        link.setProperty("flat", True)
        link.setCheckable(True)
        link.setChecked(True)
        link.setToolTip(f"Show or hide the {name}")
        link.toggled.connect(section.setVisible)
        row.addWidget(link)
    return header
