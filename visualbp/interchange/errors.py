"""What keeps a network from being written for another program."""

from __future__ import annotations


class ExportError(ValueError):
    """A network that another program cannot run as it is. The message names the layer and says why."""
