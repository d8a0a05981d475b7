"""The layout of JSON: it changes lines, never values."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tenure.report.json_text import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(value=VALUES, depth=st.integers(0, 4))
def test_the_layout_changes_no_value(value: object, depth: int) -> None:
    """Whatever the depth, what is read is what was written."""
    assert json.loads(json_text(value, depth)) == value


def test_parts_have_lines_of_their_own_down_to_a_depth() -> None:
    """What lies deeper stays on one line."""
    assert (
        json_text({"a": [[1, 2], {"é": None}], "b": {}}, 2)
        == '{\n "a": [\n  [1, 2],\n  {"é": null}\n ],\n "b": {}\n}\n'
    )
