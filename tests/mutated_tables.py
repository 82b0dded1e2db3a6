"""Tables that somebody broke: a good CSV file, changed by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

Generator = np.random.Generator

CELLS = (
    "", " ", "0", "-1", "1e308", "1e999", "nan", "inf", "-inf", "NA", "?", "1_000", "1,5", "1.234,5", "yes", "a b",
    "\x1b[2J", "\u202e1", "0x10", "٣", "½", "1" * 400, "x" * 200_000, '"', '""', '"a', 'a"b', "'", "\t", ";",
    "2024-01-02", "\0", "é", "\ufeff1", "1.", ".5", "+1", "1e5", "TRUE",
)  # fmt: skip
HEADERS = ("", "x", "kind", "X ", "\x1b]0;x\x07", "\u202ea", "é", '"q"', "a" * 70_000, "1", "#x")


def _pick(generator: Generator, things: Any) -> Any:
    return things[int(generator.integers(len(things)))]


def good_table(generator: Generator) -> list[list[str]]:
    rows = [["x", "y", "kind"]]
    for _ in range(int(generator.integers(1, 12))):
        rows.append([f"{n:.3f}" for n in generator.standard_normal(2)] + [_pick(generator, ["red", "green", "0", "1"])])
    return rows


def mutated_table(generator: Generator) -> bytes:
    """A table with none to four faults."""
    rows = good_table(generator)
    separator, ending, encoding = ",", "\n", "utf-8"
    for _ in range(int(generator.integers(0, 5))):
        row = (_pick(generator, rows) if rows else []) or [""]
        place = int(generator.integers(len(row)))
        match _pick(generator, ["cell", "cell", "cell", "header", "short", "long", "blank", "separator", "ending",
                                "encoding", "copy", "title", "many", "wide", "empty", "header twice"]):  # fmt: skip
            case "cell":
                row[place] = _pick(generator, CELLS)
            case "header" if rows:
                rows[0] = [*rows[0][:-1], _pick(generator, HEADERS)]
            case "header twice" if rows:
                rows[0] = [_pick(generator, ["x", "y"])] * 3
            case "short":
                del row[place]
            case "long":
                row.append("1")
            case "blank":
                rows.insert(int(generator.integers(len(rows) + 1)), [_pick(generator, ["", " ", "\t"])])
            case "separator":
                separator = _pick(generator, [";", "\t", "|", " ", ", ", ""])
            case "ending":
                ending = _pick(generator, ["\r\n", "\r", "\n\n", "\n\r", "\0"])
            case "encoding":
                encoding = _pick(generator, ["utf-16", "latin-1", "utf-8-sig", "utf-32", "cp1252"])
            case "copy":
                rows.insert(1, list(row))
            case "title":
                rows.insert(0, ["# a title"])
            case "many" if rows:
                rows += [list(rows[-1])] * int(generator.integers(1, 2000))
            case "wide":
                rows = [r + ["0"] * int(generator.integers(1, 30)) for r in rows]
            case "empty":
                rows = rows[:place]
    data = ending.join(separator.join(row) for row in rows).encode(encoding, "replace")
    if generator.random() < 0.2 and data:
        changed = bytearray(data)
        for _ in range(3):
            changed[int(generator.integers(len(changed)))] = int(generator.integers(256))
        data = bytes(changed)
    return data or b"\n"
