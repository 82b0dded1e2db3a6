"""visualbp screenshot: the real window, drawn into a picture without a display. The one command here that needs Qt."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from visualbp.cli.main import file_name
from visualbp.cli.output import print_line
from visualbp.cli.running import add_file, check_folder, say_needs, whole_number
from visualbp.engine.needs import expected_needs
from visualbp.files import FileError, find_model, load_network

SMALLEST, LARGEST = 200, 8000
WORKSPACES = ("build", "step", "analyze", "compare", "lesson", "present")
"""Those of `gui/panels/place.py`, which only a window needs."""


def window_size(text: str) -> tuple[int, int]:
    """Return (width, height) from `1600x1000`, for argparse."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(SMALLEST <= length <= LARGEST for length in size):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT, each from {SMALLEST} to {LARGEST}, not {text[:40]!r}")
    return size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `screenshot` takes: the file, the picture, how far to run before it, and how the window looks."""
    add_file(parser)
    parser.add_argument("out", metavar="OUT.png", type=file_name, help="where the picture goes")
    parser.add_argument("--steps", metavar="N", type=whole_number(0, 100_000), default=0, help="operations to step")
    parser.add_argument("--iterations", metavar="N", type=whole_number(0), default=0, help="iterations to run before")
    parser.add_argument("--panel", metavar="NAME", help="one panel instead of the window")
    parser.add_argument("--workspace", choices=WORKSPACES, default="step", help="the arrangement of panels (step)")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", metavar="WxH", type=window_size, default=(1600, 1000), help="in pixels (1600x1000)")


def run(arguments: argparse.Namespace) -> int:
    """Open the model in a window that nobody sees, run it as far as asked, and write the picture of it."""
    path = find_model(arguments.file)
    network = load_network(path)  # what is wrong with it is said before a window is made
    say_needs(path, expected_needs(network))
    if Path(arguments.out).suffix.lower() != ".png":
        raise FileError(arguments.out, "", "is not the name of a .png file")
    check_folder(arguments.out)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from visualbp.gui.screenshot import ScreenshotError, take_screenshot

    try:
        take_screenshot(
            str(path),
            Path(arguments.out),
            steps=arguments.steps,
            iterations=arguments.iterations,
            panel=arguments.panel.removeprefix("panel_") if arguments.panel is not None else None,
            workspace=arguments.workspace,
            theme_name=arguments.theme,
            size=arguments.size,
        )
    except ScreenshotError as error:
        raise FileError(str(path), "", str(error)) from None
    print_line(arguments.out)
    return 0
