"""Sentences in a Python program, whatever people have typed: nothing of theirs can end a comment or a string and become
code."""

from __future__ import annotations

import textwrap

WIDTH = 116
"""Characters of a line that is wrapped."""


def printable(text: str) -> str:
    """Return `text` without characters that cannot be seen, such as those that turn the direction of writing."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def docstring(text: str, indent: str = "") -> str:
    """Return `text` as a docstring. Paragraphs are filled; lines that begin with spaces stay as they are."""
    text = printable(text).strip()
    if "\\" in text or '"""' in text or text.endswith('"'):
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    lines: list[str] = []
    for line in text.splitlines():
        if len(line) <= WIDTH - len(indent) or line.startswith(" "):
            lines.append(line.rstrip())
        else:
            lines.extend(textwrap.wrap(line, WIDTH - len(indent), break_on_hyphens=False, break_long_words=False))
    first, *others = lines or [""]
    if not others and len(first) + len(indent) + 6 <= WIDTH:
        return f'{indent}"""{first}"""'
    body = "\n".join([first, *(f"{indent}{line}" if line else "" for line in others)])
    return f'{indent}"""{body}\n{indent}"""'
