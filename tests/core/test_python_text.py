"""Sentences as Python text."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from visualbp.core.python_text import docstring, printable


@given(st.text(max_size=400), st.sampled_from(["", "    "]))
def test_any_text_is_a_docstring_with_its_words_in_it(text: str, indent: str) -> None:
    source = docstring(text, indent)
    statements = ast.parse(source.strip()).body
    assert len(statements) == 1 and isinstance(statements[0], ast.Expr)
    value: Any = ast.literal_eval(statements[0].value)
    assert value.split() == printable(text).split()
