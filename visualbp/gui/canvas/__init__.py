"""The canvas: the network as a picture that is edited by hand, and that shows what the debugger does to it."""

from visualbp.gui.canvas.view import Canvas

__all__ = ["Canvas"]
