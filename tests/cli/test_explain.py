"""`tenure explain`: words and a source for every name."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run

from tenure.properties import PROPERTIES, RACES


@pytest.mark.parametrize(
    "name",
    [*(p.id for p in PROPERTIES), *sorted({r.id for r in RACES}), "containers-2013", "set_container", "CASES", "LOCKS"],
)
def test_explain_gives_words_and_a_source(run: Run, name: str) -> None:
    """Of a property, a race, a system and a call."""
    ended = run("explain", name)

    assert ended.code == 0
    assert name in ended.out
    assert "source: " in ended.out
