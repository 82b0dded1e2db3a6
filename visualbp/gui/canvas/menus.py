"""The context menus: of layers, of a connection, and of the empty canvas."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu

from visualbp.gui.canvas.commands import Commands
from visualbp.gui.canvas.gestures.base import Pointer
from visualbp.gui.theme import icon
from visualbp.network.network import Connection


def menu_at(canvas: Commands, at: Pointer) -> QMenu:
    """Select what is under the pointer, unless it is selected already, and return its menu."""
    selection, item = canvas.selection, canvas.network_scene.layer_at(at.scene)
    if item is not None:
        if item.name not in selection.layers:
            selection.select((item.name,))
        return layer_menu(canvas, item.name)
    edge = canvas.network_scene.connection_at(at.scene)
    if edge is not None:
        selection.select((), (edge.connection,))
        return connection_menu(canvas, edge.connection, at)
    return canvas_menu(canvas, at)


def layer_menu(canvas: Commands, name: str) -> QMenu:
    """Return the menu of the selected layers, of which `name` is the one under the pointer."""
    menu = QMenu()
    network, names = canvas.edits.network, canvas.selection.layers
    several = len(names) > 1
    menu.addAction("Rename\tF2", partial(canvas.rename, name)).setEnabled(not several)
    menu.addAction(icon("duplicate"), "Duplicate\tCtrl+D", canvas.duplicate)
    menu.addAction(icon("copy"), "Copy\tCtrl+C", canvas.copy)
    menu.addSeparator()
    marked = any(layer == name for _, layer in canvas.context.debugger.breakpoints)
    menu.addAction(
        icon("breakpoint", "error"),
        f"{'Remove' if marked else 'Set'} breakpoint\tF9",
        canvas.toggle_breakpoint,
    )
    with_parameters = [n for n in names if canvas.context.document.structure.parameters.get(n)]
    if with_parameters:
        frozen = all(network.layer(n).frozen is True for n in with_parameters)
        words = "Thaw weights" if frozen else "Freeze weights"
        menu.addAction(icon("lock"), words, partial(canvas.edits.toggle_frozen, with_parameters))
    joined = [c for c in network.connections if set(c) & set(names)]
    action = menu.addAction("Disconnect", partial(canvas.edits.separate, joined))
    action.setEnabled(bool(joined))
    menu.addSeparator()
    menu.addAction(icon("delete"), "Delete\tDel", canvas.delete_selected)
    return menu


def connection_menu(canvas: Commands, connection: Connection, at: Pointer) -> QMenu:
    """Return the menu of a connection."""
    menu = QMenu()
    menu.addAction(icon("plus"), "Insert a layer …", partial(canvas.offer_insertion, at, connection))
    menu.addAction(icon("delete"), "Disconnect\tDel", partial(canvas.edits.separate, [connection]))
    return menu


def canvas_menu(canvas: Commands, at: Pointer) -> QMenu:
    """Return the menu of the empty canvas."""
    menu = QMenu()
    menu.addAction(icon("plus"), "Add a layer here …", partial(canvas.offer_layers, at))
    menu.addAction(icon("paste"), "Paste\tCtrl+V", partial(canvas.paste_at, at.scene))
    menu.addSeparator()
    menu.addAction("Select all\tCtrl+A", canvas.select_all)
    menu.addAction(icon("tidy"), "Tidy layout\tCtrl+L", canvas.tidy)
    menu.addAction(icon("fit"), "Fit the network\tF", canvas.fit)
    return menu
