"""Writing a picture of the window, as whole or not at all as every other file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageWriter

from visualbp.files import FileError, write_atomically


def write_picture(picture: QImage, path: Path) -> None:
    """Write `picture` to `path` as PNG. Raises FileError."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not QImageWriter(buffer, QByteArray(b"PNG")).write(picture):
        raise FileError(str(path), "", "the picture could not be made", "try a smaller window")
    write_atomically(path, bytes(buffer.data().data()))
