"""What is remembered from one session to the next: places of panels, recent files, theme, the last work."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

MOST_RECENT = 10


class Settings:
    """QSettings with names and types."""

    def __init__(self) -> None:
        self._store = QSettings("visualbp", "visualbp")

    def _text(self, key: str, default: str = "") -> str:
        return str(self._store.value(key, default, type=str))

    @property
    def theme(self) -> str:
        """The name of the theme: `dark` or `light`."""
        return self._text("theme", "dark")

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def scale(self) -> float:
        """What all sizes of the window are multiplied by."""
        found = self._store.value("scale", 1.0, type=float)
        return float(found) if isinstance(found, int | float) else 1.0

    @scale.setter
    def scale(self, scale: float) -> None:
        self._store.setValue("scale", scale)

    @property
    def reduced_motion(self) -> bool:
        """Whether animations are left out."""
        return bool(self._store.value("reduced_motion", False, type=bool))

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        self._store.setValue("reduced_motion", reduced)

    @property
    def geometry(self) -> QByteArray:
        """Place and size of the window, as Qt saved them; empty the first time."""
        return self._bytes("geometry")

    @geometry.setter
    def geometry(self, data: QByteArray) -> None:
        self._store.setValue("geometry", data)

    @property
    def workspace(self) -> str:
        """The name of the workspace that was shown last."""
        return self._text("workspace")

    @workspace.setter
    def workspace(self, name: str) -> None:
        self._store.setValue("workspace", name)

    @property
    def own_workspaces(self) -> str:
        """Those that a person has made, as a text."""
        return self._text("own_workspaces")

    @own_workspaces.setter
    def own_workspaces(self, text: str) -> None:
        self._store.setValue("own_workspaces", text)

    @property
    def places(self) -> int:
        """The version of the places of all panels that the layouts were kept with."""
        found = self._store.value("places", 0, type=int)
        return int(found) if isinstance(found, int) else 0

    @places.setter
    def places(self, version: int) -> None:
        self._store.setValue("places", version)

    def layout(self, workspace: str, room: str) -> QByteArray:
        """Return where the docks stood in a workspace and a room, as Qt saved it; empty the first time."""
        return self._bytes(f"layouts/{workspace}/{room}")

    def keep_layout(self, workspace: str, room: str, data: QByteArray | None) -> None:
        """Keep where the docks stand; None for what is as it was by default."""
        if data is None:
            self._store.remove(f"layouts/{workspace}/{room}")
        else:
            self._store.setValue(f"layouts/{workspace}/{room}", data)

    def _bytes(self, key: str) -> QByteArray:
        found = self._store.value(key, QByteArray(), type=QByteArray)
        return found if isinstance(found, QByteArray) else QByteArray()

    @property
    def recent(self) -> list[Path]:
        """The files opened or saved last, newest first, those that are still there."""
        paths = [Path(line) for line in self._text("recent").split("\n") if line]
        return [path for path in paths if path.is_file()]

    def add_recent(self, path: Path) -> None:
        """Put a file at the head of those opened or saved last."""
        full = path.resolve()
        kept = [full, *(old for old in self.recent if old != full)][:MOST_RECENT]
        self._store.setValue("recent", "\n".join(str(old) for old in kept))

    @property
    def last(self) -> str:
        """The path, or the sample's name, of what was open last."""
        return self._text("last")

    @last.setter
    def last(self, what: str) -> None:
        self._store.setValue("last", what)

    @property
    def breakpoints(self) -> list[str]:
        """The layers with breakpoints in what was open last."""
        return [name for name in self._text("breakpoints").split("\n") if name]

    @breakpoints.setter
    def breakpoints(self, layers: list[str]) -> None:
        self._store.setValue("breakpoints", "\n".join(layers))

    @property
    def folder(self) -> str:
        """Where the last file was opened or saved."""
        return self._text("folder")

    @folder.setter
    def folder(self, folder: str) -> None:
        self._store.setValue("folder", folder)
