"""Text from strangers: every character that could steer a terminal is seen, and nothing else is changed."""

import sys
import unicodedata

import numpy as np
import pytest

from visualbp.core.visible_text import shown, visible


def test_no_character_of_unicode_that_steers_gets_through() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        text = visible(character)
        steers = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"
        assert (text != character) == steers
        assert text.isascii() or not steers


def test_escapes_are_those_of_python() -> None:
    assert visible("a\nb\tc\r") == "a\\nb\\tc\\r"
    assert visible("\x1b[2J\x9b\u202e\U000e0041") == "\\x1b[2J\\x9b\\u202e\\U000e0041"
    assert visible("caf\udce9") == "caf\\xe9"  # a byte of a path that is not UTF-8
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize("text", ["δ = ∂L/∂z", "层", "שלום", "می‌خواهم", "👩‍🔬", "naïve “x” – y"])
def test_words_of_all_languages_stay(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ("x", "'x'"),
        ("x" * 100, "'" + "x" * 36 + "..."),
        ("a\u202eb\n", "'a\\u202eb\\n'"),
        ([1, 2], "[1, 2]"),
        ([], "[]"),
        ([[1]], "a list"),
        (np.ones(16), "a list"),
        ([np.ones(2)], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_a_value_of_a_file_is_shown_short_and_in_its_own_words(value: object, text: str) -> None:
    assert shown(value) == text
