"""What a brief search leaves is proved, or searched as a whole: no verdict hangs on when the brief search stops."""

from __future__ import annotations

import pytest

from tenure.commands.judging import Judgement, judge
from tenure.search import falsify

SYSTEM = "external-validate:unbalanced-release"


def told(one: Judgement) -> list[tuple[str, str, int | None]]:
    """Each property, its verdict, and how long its shortest trace is."""
    return [(row.property, row.verdict.value, row.length) for row in one.rows]


@pytest.fixture(scope="module")
def usual() -> Judgement:
    """What is found of a system of which some properties fall and the rest is proved."""
    return judge(SYSTEM, "whole", fresh=True)


@pytest.mark.wide
def test_what_a_brief_search_misses_is_found_by_the_whole_one(
    usual: Judgement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the brief search sees the first states alone, the same properties fall, by traces as short."""
    monkeypatch.setattr(falsify, "BRIEF", 1)
    assert "refuted" in {verdict for _, verdict, _ in told(usual)}
    assert told(judge(SYSTEM, "whole", fresh=True)) == told(usual)


@pytest.mark.wide
def test_where_all_that_a_brief_search_leaves_is_proved_no_other_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the whole search makes no difference to a system in which nothing but PROMPT falls."""
    monkeypatch.setattr(falsify, "LIMIT", 0)
    rows = told(judge("external-get-put:locked-container", "whole", fresh=True))
    assert [(name, length) for name, verdict, length in rows if verdict == "refuted"] == [("PROMPT", 6)]
    assert ("USE", "proved", None) in rows
