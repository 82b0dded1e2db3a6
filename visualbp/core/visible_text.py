"""Text from strangers, made fit to be shown: what would steer a terminal or turn the direction of reading becomes an
escape that a person can see, and any value becomes a few words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

_SUSPECT = re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u02ff]")
"""What is worth a look: all but the letters and signs that most texts have alone."""

_JOINERS = "\u200c\u200d"
"""Format characters that belong to words, as in Persian, and to emoji."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
LONGEST_SHOWN = 40


def visible(text: str, keep: str = "") -> str:
    """Return `text` with every control, format and direction character as an escape, such as `\\x1b`.

    Line breaks are among them; those in `keep` stay as they are.
    """
    return _SUSPECT.sub(lambda match: match[0] if match[0] in keep else _escaped(match[0]), text)


@cache
def _escaped(character: str) -> str:
    code = ord(character)
    kept = character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    if kept:
        return character
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is no text
        return f"\\x{code - 0xDC00:02x}"
    return _SHORT.get(character) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def shown(value: Any) -> str:
    """Return a value of a file for a message: short, in the file's own words, whatever it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = visible(repr(value[: LONGEST_SHOWN + 1]))
    elif isinstance(value, dict):
        return "an object"
    elif hasattr(value, "__len__"):
        return _list_text(value)
    else:
        text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _list_text(value: Any) -> str:
    """Return a short list of plain numbers and names as it is, any other as `a list`."""
    parts = [value[index] for index in range(len(value))] if len(value) <= 6 else [[]]
    if not all(isinstance(part, int | float | str) and not isinstance(part, bool) for part in parts):
        return "a list"
    text = f"[{', '.join(map(shown, parts))}]"
    return text if len(text) <= LONGEST_SHOWN else "a list"
