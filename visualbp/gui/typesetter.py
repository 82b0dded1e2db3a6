"""The program that sets equations beside the window: a line of JSON with LaTeX in, a line of JSON with SVG out.

Setting takes 10 to 300 ms of pure Python. In a thread it would take the interpreter from whatever draws; in a process
of its own it takes nothing from the window but two short lines. It knows no Qt, and ends when its input does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys

LAYOUT_SIZE = 24.0
"""The size that equations are set in; they are vectors, and painted in any other."""
INK = "#010203"
"""Stands for the colour in an SVG."""

_VIEW_BOX = re.compile(r'viewBox="\s*[-\d.eE]+[\s,]+[-\d.eE]+[\s,]+([\d.eE+-]+)[\s,]+([\d.eE+-]+)\s*"')

Answer = tuple[str, float, float, str]
"""SVG, width and height in units of the font size, and why it could not be set, if it could not."""


def set_equation(latex: str) -> Answer:
    """Set an equation. Never raises: any text may come, and one that cannot be set is shown as its source."""
    import ziamath

    ziamath.config.svg2 = False  # Qt's SVG knows no symbols that are used from elsewhere: it would draw nothing
    try:
        svg = ziamath.Latex(latex, size=LAYOUT_SIZE, color=INK).svg().replace('fill="black"', f'fill="{INK}"')
        found = _VIEW_BOX.search(svg)
        if found is None:
            raise ValueError("the picture has no size")
    except Exception as error:  # ziamath raises whatever its parser meets
        return "", len(latex) * 0.6, 1.4, f"{type(error).__name__}: {error}"
    return svg, float(found[1]) / LAYOUT_SIZE, float(found[2]) / LAYOUT_SIZE, ""


def main() -> None:
    """Answer line by line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for the window to handle
    try:
        for line in sys.stdin:
            print(json.dumps(set_equation(json.loads(line))), flush=True)
    except BrokenPipeError:  # the window was killed
        os._exit(0)  # not by way of the last flush, which would meet the same


if __name__ == "__main__":
    main()
