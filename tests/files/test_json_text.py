"""The strict reader of JSON, held against Python's own."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualbp.files import FileError
from visualbp.files.json_text import BUDGET, DEEPEST, LONG_ROW, parse_json

numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.lists(numbers, max_size=40), st.dictionaries(st.text(), inner, max_size=6)
    ),
    max_leaves=40,
)


def read(text: str | bytes) -> Any:
    return parse_json(text if isinstance(text, bytes) else text.encode(), "model.vbp")


def plain(value: Any) -> Any:
    """What was read, with arrays as lists."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def strict_reference(text: str) -> Any:
    """Python's reader, made to refuse what the strict one has to refuse."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("duplicate")
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=without_duplicates)


@given(documents, st.sampled_from([None, 0, 2]), st.booleans())
def test_whatever_is_json_reads_as_python_reads_it(document: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    try:
        found = plain(read(text))
    except FileError:
        assert any(0xD800 <= ord(letter) < 0xE000 for letter in text) or "\\ud" in text  # half of a surrogate pair
        return
    assert found == document


@given(documents, st.data())
def test_whatever_is_nearly_json_is_taken_only_if_python_takes_it_and_means_the_same(document: Any, data: Any) -> None:
    text = json.dumps(document)
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(at + 3, len(text))))
    broken = text[:at] + data.draw(st.text(alphabet='{}[],:"\\ -+.0123eEntfu\n', max_size=3)) + text[end:]
    try:
        found = plain(read(broken))
    except FileError as error:
        assert error.text.startswith("model.vbp: ")
        assert "\n" not in error.text
        return
    assert found == strict_reference(broken)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=LONG_ROW, max_size=300))
def test_a_long_row_of_numbers_is_an_array_with_the_same_bits(row: list[float]) -> None:
    found = read(json.dumps(row))
    assert isinstance(found, np.ndarray)
    assert found.tobytes() == np.array(row, np.float64).tobytes()


def test_a_row_longer_than_one_piece_is_read_whole_and_in_order() -> None:
    row = [index / 7 for index in range(10_001)]
    assert read(json.dumps(row)).tolist() == row


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"a": {"b": NaN}}', "line 1, column 13 (a.b)", "NaN"),
        ('{"a": [1, -Infinity]}', "line 1, column 11 (a[1])", "-Infinity"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2 (a)", "twice"),
        ('{"a": [1, 2', "line 1, column 12 (a[1])", "ends in the middle"),
        ('{"a": [{"b": 1}, {"c": 1e999}]}', "(a[1].c)", "too large"),
        ('{"a": ' + "9" * 5000 + "}", "(a)", "too large"),
        ("[[" + "9" * 5000 + "]]", "([0])", "too large"),
        ('{"ä": 01}', "line 1, column 7 (ä)", "'01' is not a number"),
        ("{'a': 1}", "line 1, column 2", "quotes"),
        ('{"a": "b\nc"}', "line 1, column 9 (a)", "end of a line"),
        ('{"a": "b', "line 1, column 7 (a)", "does not end"),
        ('{"a": "\\x"}', "(a)", "escape"),
        ('{"a": "\\ud800"}', "(a)", "surrogate"),
        ('{"a": 1} x', "line 1, column 10", "expected the end"),
        ("[" * (DEEPEST + 1) + "1" + "]" * (DEEPEST + 1), "line 1", f"more than {DEEPEST} deep"),
        ("[1,2,3,]", "line 1, column 8", "found ']'"),
        ("", "", "is empty"),
    ],
)
def test_a_fault_is_told_with_its_line_its_column_and_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(FileError) as caught:
        read(text)
    assert place in caught.value.text
    assert reason in caught.value.text


def test_text_that_is_not_utf8_is_refused_at_the_byte() -> None:
    with pytest.raises(FileError, match=r"line 2, column 8 \(b\): is not UTF-8 text"):
        read(b'{"a": 1,\n "b": "\xff"}')


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_one_wide_letter_in_a_huge_text_is_counted_at_what_it_costs() -> None:
    """Python keeps four bytes a letter for a text with one such letter."""
    with pytest.raises(FileError, match="too many values"):
        read(b'{"a": "' + b"x" * (BUDGET // 3) + "\N{GRINNING FACE}".encode() + b'"}')
