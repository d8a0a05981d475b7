"""`tenure prove`: what was found against what is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import LOCKED, Ended, Judged, Run, as_recorded, row

from tenure.commands import proving
from tenure.commands.judging import Judgement
from tenure.commands.naming import system_named
from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.vocabulary.sentences import concerns
from tenure.vocabulary.verdicts import Row, Verdict


def test_prove_ends_well_where_all_is_as_recorded(run: Run, tmp_path: Path) -> None:
    """0, and a document with a result for every property."""
    ended = run("prove", LOCKED, "--granularity", "whole", "--jobs", "1", "--json", "proved.json")

    assert (ended.code, ended.err) == (0, "")
    assert "all as recorded" in ended.out
    found = json.loads((tmp_path / "proved.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"]) == (1, None)
    assert found["command"] == f"tenure prove {LOCKED} --granularity whole"
    assert {r["property"] for r in found["results"]} == {
        *(p.id for p in PROPERTIES if concerns(system_named(LOCKED), p)),
        "CASES",
    }
    for result in found["results"]:
        assert {"system", "variant", "granularity", "property", "verdict", "steps", "seconds"} <= set(result)


def test_prove_fails_where_a_row_is_not_as_recorded(run: Run, judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, and the row with what is recorded and what was found."""
    judged(as_recorded(LOCKED, "whole"))
    altered = {**recorded(), ("containers-2013", "locked", "whole", "GRP-1"): ("refuted", 4)}
    monkeypatch.setattr(proving, "recorded", lambda: altered)

    ended = run("prove", LOCKED, "--granularity", "whole", "--jobs", "1")

    assert ended.code == 1
    assert f"{LOCKED} whole GRP-1: recorded refuted in 4 transitions, found proved" in ended.err


def everything() -> list[Row]:
    """Every row that is recorded for the variants of containers-2013."""
    return [r for s in ("containers-2013", LOCKED) for level in ("whole", "steps") for r in as_recorded(s, level)]


def test_a_bare_name_is_all_its_variants_at_both_granularities(run: Run, judged: Judged) -> None:
    """0 where every recorded row is found."""
    judged(everything())

    ended = run("prove", "containers-2013", "--quiet")

    assert (ended.code, ended.err) == (0, "")


def test_a_recorded_row_that_is_not_found_fails(run: Run, judged: Judged) -> None:
    """1: a property that nobody checks any more."""
    judged([r for r in everything() if r.key() != ("containers-2013", "locked", "steps", "GRP-1")])

    ended = run("prove", "containers-2013")

    assert ended.code == 1
    assert f"{LOCKED} steps GRP-1: recorded proved, found nothing" in ended.err


def test_a_row_that_is_not_recorded_fails(run: Run, judged: Judged) -> None:
    """1: a property that nobody thought about."""
    judged([*everything(), row("containers-2013", "whole", "NEW-1", Verdict.PROVED)])

    ended = run("prove", "containers-2013")

    assert ended.code == 1
    assert "containers-2013 whole NEW-1: recorded nothing, found proved" in ended.err


def test_a_property_that_applies_to_none_of_the_systems_shown_has_no_column(run: Run, judged: Judged) -> None:
    """It is counted in the last line; where it alone was asked for, its column stands."""
    judged(everything())
    (absent, *_) = (r.property for r in everything() if r.verdict is Verdict.NOT_APPLICABLE)

    of_all, of_one = run("prove", "containers-2013"), run("prove", "containers-2013", "--property", absent)

    heads = [next(line for line in one.out.splitlines() if line.startswith("system")) for one in (of_all, of_one)]
    assert [absent in head.split() for head in heads] == [False, True]
    assert "not-applicable" in of_all.out.splitlines()[-1]


def test_a_longer_trace_than_recorded_fails(run: Run, judged: Judged) -> None:
    """1: the length is part of the record."""
    rows = everything()
    (one,) = (r for r in rows if r.key() == ("containers-2013", "", "steps", "HARM-3"))
    judged([replace(r, length=11) if r is one else r for r in rows])

    assert run("prove", "containers-2013").code == 1


def test_rows_outside_what_was_asked_for_are_not_compared(run: Run, judged: Judged) -> None:
    """A variant, a property or a granularity alone: the rest is not missing."""
    judged(everything())

    assert run("prove", LOCKED).code == 0
    assert run("prove", "containers-2013", "--property", "GRP-1").code == 0
    assert run("prove", "containers-2013", "--granularity", "steps").code == 0


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.NOT_INDUCTIVE])
def test_what_is_not_known_is_inconclusive_whatever_is_recorded(
    run: Run, judged: Judged, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3, where the record says proved and where it says the same."""
    rows = as_recorded(LOCKED, "whole")
    key = ("containers-2013", "locked", "whole", "GRP-1")
    judged([replace(r, verdict=verdict) if r.key() == key else r for r in rows])

    other = run("prove", LOCKED, "--granularity", "whole")
    same_record = {**recorded(), key: (verdict.value, None)}
    monkeypatch.setattr(proving, "recorded", lambda: same_record)
    same = run("prove", LOCKED, "--granularity", "whole")

    assert same.code == 3
    assert other.code == 3
    assert "inconclusive" in other.err
    assert "all others as recorded" in other.out


def test_a_violation_counts_more_than_what_is_not_known(run: Run, judged: Judged) -> None:
    """1 comes before 3."""
    changed = {"GRP-1": Verdict.UNKNOWN, "CON-1": Verdict.REFUTED}
    judged([replace(r, verdict=changed.get(r.property, r.verdict)) for r in as_recorded(LOCKED, "whole")])

    assert run("prove", LOCKED, "--granularity", "whole").code == 1


def test_a_property_that_is_nowhere_applicable_is_nothing(run: Run, judged: Judged) -> None:
    """4: nothing was run."""
    judged(as_recorded(LOCKED, "whole"))

    assert run("prove", LOCKED, "--granularity", "whole", "--property", "EXT-8").code == 4


def test_prove_leaves_a_junit_report(run: Run, judged: Judged, tmp_path: Path) -> None:
    """One test for each row; what is not as recorded has failed."""
    judged([replace(r, verdict=Verdict.REFUTED) if r.property == "GRP-1" else r for r in as_recorded(LOCKED, "whole")])

    run("prove", LOCKED, "--granularity", "whole", "--junit", "prove.xml")

    text = (tmp_path / "prove.xml").read_text(encoding="utf-8")
    assert text.count("<testcase") == len(as_recorded(LOCKED, "whole"))
    assert text.count("<failure") == 1


def test_a_quiet_proof_says_nothing_where_all_is_well(run: Run, judged: Judged) -> None:
    """And says what failed where not."""
    judged(as_recorded(LOCKED, "whole"))

    ended = run("prove", LOCKED, "--granularity", "whole", "--quiet")

    assert ended == Ended(0, "", "")


def test_an_interrupted_proof_keeps_what_was_found(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """130, and the rows that were judged before are told and written."""

    def judged(*_: object, **__: object) -> Iterator[tuple[proving.Job, Judgement]]:
        yield (LOCKED, "whole"), Judgement(as_recorded(LOCKED, "whole"))
        raise KeyboardInterrupt

    monkeypatch.setattr(proving, "judged", judged)

    ended = run("prove", LOCKED, "--json", "proved.json")

    assert ended.code == 130
    assert "GRP-1" in ended.out
    assert "GRP-1" in (tmp_path / "proved.json").read_text(encoding="utf-8")


def test_systems_with_nothing_in_common_stand_in_tables_of_their_own(run: Run, judged: Judged) -> None:
    """A column is a property that some system of its table has."""
    judged([*as_recorded(LOCKED, "whole"), *as_recorded("dma-type1-v2", "whole")])

    ended = run("prove", LOCKED, "dma-type1-v2", "--granularity", "whole")

    headings = [line.split() for line in ended.out.splitlines() if line.startswith("system")]
    assert ["GRP-1" in names for names in headings] == [True, False]
    assert ["DMA-1" in names for names in headings] == [False, True]


def test_no_cell_is_cut_however_many_columns_a_table_has(run: Run, judged: Judged) -> None:
    """A row whose system cannot be read says nothing."""
    names = sorted(s.id for s in SYSTEMS)
    judged([one for name in names for one in as_recorded(name, "whole")])

    ended = run("prove", *names, "--granularity", "whole")

    assert "…" not in ended.out
    assert {line.split()[0] for line in ended.out.splitlines() if " whole " in line} == set(names)


def test_a_property_that_no_named_system_shows_anything_of_is_not_judged(run: Run, judged: Judged) -> None:
    """4, and no claim that all is as recorded."""
    judged(as_recorded("dma-type1-v2", "whole"))

    ended = run("prove", "dma-type1-v2", "--granularity", "whole", "--property", "ISO")

    assert ended.code == 4
    assert "nothing was judged" in ended.out
    assert "as recorded" not in ended.out
