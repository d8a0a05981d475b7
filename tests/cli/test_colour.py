"""NO_COLOR is honoured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.conftest import LOCKED, Judged, Run, as_recorded

COLOUR = re.compile(r"\x1b\[[0-9;]*[349][0-7]")


@pytest.mark.parametrize("arguments", ["list", "list properties", f"prove {LOCKED}", "draw ranges.json"])
def test_no_color_is_honoured(run: Run, judged: Judged, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    """Even where colours are forced; a pipe gets none and no other escapes either."""
    judged([r for level in ("whole", "steps") for r in as_recorded(LOCKED, level)])
    Path("ranges.json").write_text('[{"first": 0, "last": 1}]', encoding="utf-8")
    plain = run(*arguments.split()).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    forced = run(*arguments.split()).out

    assert "\x1b" not in plain
    assert not COLOUR.search(forced)
