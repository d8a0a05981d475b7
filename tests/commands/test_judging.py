"""What a brief search leaves is proved, or searched as a whole: no verdict hangs on when the brief search stops."""

from __future__ import annotations

import pytest

from tenure.commands import judging
from tenure.commands.judging import Judgement, judge
from tenure.search import falsify
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import LINE
from tenure.vocabulary.properties import Property, always
from tenure.vocabulary.terms import FALSE, Term, both, either, implies, no, substitute, variable

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


@pytest.mark.ci
@pytest.mark.parametrize("lie", [None, "proved", "refuted", "searched"])
def test_no_verdict_comes_from_the_record(usual: Judgement, monkeypatch: pytest.MonkeyPatch, lie: str | None) -> None:
    """Whatever is recorded of every property, or nothing: the same fall, by traces as short, and the same are proved."""
    rows = [((row.system, row.variant, row.granularity, row.property), {"verdict": lie}) for row in usual.rows]
    monkeypatch.setattr(judging, "rows_recorded", lambda _: rows if lie else [])
    monkeypatch.setattr(falsify, "BRIEF", 1)  # the brief search sees nothing, so that all hangs on what follows it
    assert {"proved", "refuted"} <= {verdict for _, verdict, _ in told(usual)}
    assert told(judge(SYSTEM, "whole", fresh=True)) == told(usual)


@pytest.mark.wide
def test_where_all_that_a_brief_search_leaves_is_proved_no_other_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the whole search makes no difference to a system in which nothing but PROMPT and PROMPT-2 falls."""
    monkeypatch.setattr(falsify, "LIMIT", 0)
    rows = told(judge("external-get-put:locked-container", "whole", fresh=True))
    assert [(name, length) for name, verdict, length in rows if verdict == "refuted"] == [
        ("PROMPT", 6),
        ("PROMPT-2", 7),
    ]
    assert ("USE", "proved", None) in rows


MASKED = seen.line_masked[variable("any line", LINE)]


def reason_of(one: Property, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """What is said of a property in a system of interrupts: the verdict, and why."""
    monkeypatch.setattr(judging, "PROPERTIES", (one,))
    (row,) = (row for row in judge("interrupts:no-drain", "whole", fresh=True).rows if row.property == one.id)
    return row.verdict.value, row.reason


def about_lines(body: Term) -> Property:
    """A sentence about every line."""
    return always("TWO", "a test", line=LINE)(lambda line: substitute(body, {"any line": line}))


def test_a_part_that_says_nothing_is_proved_to_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is masked and not: a sentence about those that are says nothing, and the row says so."""
    never = implies(both(MASKED, no(MASKED)), FALSE)
    assert reason_of(about_lines(both(implies(MASKED, MASKED), never)), monkeypatch) == (
        "proved",
        "for any number of objects, by induction; proved never to be met: the premise of TWO, part 2",
    )


@pytest.mark.parametrize("nested", [False, True])
def test_a_part_whose_premise_no_run_meets_is_no_proof(monkeypatch: pytest.MonkeyPatch, *, nested: bool) -> None:
    """Where a search stops before a line is masked, what is said of masked lines is left open, beside or under another premise."""
    monkeypatch.setattr(falsify, "BRIEF", 1)
    monkeypatch.setattr(falsify, "LIMIT", 1)
    monkeypatch.setattr(falsify, "witness_areas", lambda *_: ())
    others, masked = implies(no(MASKED), no(MASKED)), implies(MASKED, MASKED)
    either_way = either(MASKED, no(MASKED))
    body = implies(either_way, both(others, masked)) if nested else both(others, masked)
    verdict, reason = reason_of(about_lines(body), monkeypatch)
    assert verdict == "unknown"
    assert reason == f"neither met by a run nor proved never to be met: the premise of TWO, part {3 if nested else 2}"


def test_a_sentence_about_what_never_is_is_not_applicable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run meets any premise, nothing was proved."""
    verdict, reason = reason_of(about_lines(implies(both(MASKED, no(MASKED)), FALSE)), monkeypatch)
    assert (verdict, reason.partition(":")[0]) == ("not-applicable", "no run meets its premise")
