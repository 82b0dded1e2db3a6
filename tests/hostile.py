"""A model and a table whose every text tries to steer the terminal, or to be taken for HTML."""

import json
from pathlib import Path

ESCAPES = "\x1b]0;pwn\x07\x1b[2J\x1b[31m\u202egnp\u2066\u200f\x9b5m\r\n\t\x7f\u2028"
MARKUP = "<b>bold</b><img src='x'>&amp;"
HOSTILE = f"{MARKUP}{ESCAPES}x"


def hostile_table(path: Path) -> Path:
    """A table of two inputs and a class, each with a hostile name, and hostile classes."""
    name = "".join(character for character in HOSTILE if character not in "\r\n\t\u2028;")
    rows = [f'"{name}a","{name}b","{name}c"', f'0,1,"{name}yes"', '1,0,"no"', f'1,1,"{name}yes"', '0,0,"no"']
    path.write_text("\n".join(rows), encoding="utf-8", newline="")
    return path


def hostile_model(path: Path, **changes: object) -> Path:
    """A model that runs, with hostile texts wherever one can be."""
    record = {
        "format": "visualbp",
        "version": 1,
        "name": HOSTILE,
        "description": HOSTILE,
        "layers": [
            {"name": "input", "type": "input", "shape": [2]},
            {"name": "אבג", "type": "dense", "units": 2},
            {"name": "loss", "type": "softmax_cross_entropy"},
        ],
        "connections": [["input", "אבג"], ["אבג", "loss"]],
        "data": {"source": "csv", "path": hostile_table(path.parent / "table.csv").name},
        "training": {"optimizer": {"type": "sgd", "learning_rate": 0.1}, "batch_size": 4},
        **changes,
    }
    path.write_text(json.dumps(record))
    return path
