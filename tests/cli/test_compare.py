"""`tenure compare`: recorded verdicts side by side, and what a user gains or loses where they differ."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOCKED, SOURCE, Run

from tenure.commands import comparing
from tenure.commands.recording import Key, recorded, rows_recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES

PROPOSED, MERGED = "external-v1", "external-get-put"


def line_of(text: str, name: str, granularity: str) -> list[str]:
    """The cells of one row of the printed table."""
    return next(line.split()[2:] for line in text.splitlines() if line.split()[:2] == [name, granularity])


def told_of(text: str, name: str) -> dict[str, list[str]]:
    """What is said below the table of a property in which the designs differ, by granularity."""
    _, found, after = text.partition(f"\n\n{name}: ")
    told: dict[str, list[str]] = {}
    level = ""
    for line in after.partition("\n\n")[0].splitlines()[1:] if found else []:
        level = line[:7].strip() or level
        told.setdefault(level, []).append(line[9:])
    return told


def planted(monkeypatch: pytest.MonkeyPatch, row: Key, verdict: dict[str, Any] | None) -> None:
    """Let this be recorded of one row, or nothing."""

    def rows(names: Iterator[str]) -> Iterator[tuple[Key, dict[str, Any]]]:
        for key, found in rows_recorded(names):
            if key != row:
                yield key, found
            elif verdict is not None:
                yield key, verdict

    monkeypatch.setattr(comparing, "rows_recorded", rows)


def test_every_cell_is_what_is_recorded(run: Run, tmp_path: Path) -> None:
    """0, and a result for each property of each system at each granularity, with the verdict of its file."""
    ended = run("compare", *(s.id for s in SYSTEMS), "--quiet", "--json", "all.json")

    found = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["results"]
    cells = {(r["system"], r["variant"], r["granularity"], r["property"]): (r["verdict"], r["steps"]) for r in found}
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert len(found) == len(SYSTEMS) * (len(PROPERTIES) * 2 + 1)
    known = {key: row for key, row in recorded().items() if key[3] != "CASES"}
    assert {key: cells[key] for key in known} == known
    assert {cells[key] for key in cells.keys() - known.keys()} == {("not-applicable", None)}


def test_headline_theorems_come_first_and_every_verdict_has_its_mark(run: Run) -> None:
    """A number is the length of a shortest trace; what is proved and what is no question have letters of their own."""
    text = run("compare", PROPOSED, MERGED, LOCKED).out

    rows = [line.split()[0] for line in text.splitlines()[2:18]]
    assert rows == [
        name for name in ("ISO", "USE", "STABLE", "FREE", "PROMPT", "PROMPT-2", "KEEP", "KEEP-2") for _ in range(2)
    ]
    assert line_of(text, "USE", "whole") == ["9", "P", "."]
    assert line_of(text, "PROMPT", "whole") == ["6", "6", "."]


def test_the_order_of_locks_is_compared_where_calls_are_made_in_steps(run: Run) -> None:
    """A callback under a lock costs the order, and nothing else; the row comes last."""
    text = run("compare", NOTIFY, f"{NOTIFY}:under-lock").out

    inversion = "who registers takes the user's lock, then the list's; a break takes them the other way round"
    assert line_of(text, "LOCKS", "steps") == ["P", "4"]
    assert told_of(text, "LOCKS") == {
        "steps": [
            f"gained with {NOTIFY}",
            f"lost with {NOTIFY}:under-lock (4): {inversion}",
        ]
    }
    assert text.splitlines()[-1].startswith("1 of ")


def test_a_row_that_differs_says_what_a_user_gains_and_loses(run: Run) -> None:
    """It has the property's own sentence, and each design by what is known of it."""
    text = run("compare", PROPOSED, MERGED, LOCKED).out

    assert told_of(text, "USE")["whole"] == [
        f"gained with {MERGED}",
        f"lost with {PROPOSED} (9): A",
        f"no question with {LOCKED}",
    ]
    assert all(p.sentence in text for p in PROPERTIES if p.id in ("USE", "STABLE", "EXT-1"))


NOTIFY, ON_CLOSE, LATE, TWICE = (f"external-notify{v}" for v in ("", ":on-close", ":late-register", ":double-release"))
UNDRAINED, VALIDATE, MERGED_LOCKED = "external-notify:no-drain", "external-validate", f"{MERGED}:locked-container"
NEITHER_WAITS = (NOTIFY, ON_CLOSE, UNDRAINED, LATE, TWICE)
REFCOUNTS = (VALIDATE, PROPOSED, MERGED, MERGED_LOCKED)


def test_designs_for_external_users_trade_a_prompt_leave_for_what_is_kept(run: Run) -> None:
    """Who counts keeps what it relies on, and the owner waits for it; who is told is never waited for, and keeps nothing."""
    text = run("compare", *NEITHER_WAITS, *REFCOUNTS, "--granularity", "whole").out

    prompt, keep = told_of(text, "PROMPT")["whole"], told_of(text, "KEEP")["whole"]
    assert prompt[0] == f"gained with {', '.join(NEITHER_WAITS)}"
    assert keep[0] == f"gained with {', '.join(REFCOUNTS)}"
    assert len(prompt) == len([line for line in prompt[1:] if line.startswith("lost with ")]) + 1
    assert len(keep) == len([line for line in keep[1:] if line.startswith("lost with ")]) + 1


def test_who_counts_and_never_releases_keeps_the_group_from_everybody(run: Run) -> None:
    """The leak is the refcount designs' own, in whichever steps; where users are told, the last close takes the group out."""
    leak = told_of(run("compare", *NEITHER_WAITS, *REFCOUNTS).out, "PROMPT-2")

    for granularity in ("whole", "steps"):
        gained, *lost = leak[granularity]
        assert gained == f"gained with {', '.join(NEITHER_WAITS)}"
        assert all(any(design in line for line in lost) for design in REFCOUNTS)
        assert all(line.startswith("lost with ") for line in lost)


def test_what_is_no_merit_of_a_design_is_told(run: Run) -> None:
    """Container calls of the notification model are indivisible; of those by get and put as built they are not."""
    apart = run("compare", "external-notify", "external-get-put").out
    alike = run("compare", "external-v1", "external-get-put").out
    whole = run("compare", "external-notify", "external-get-put", "--granularity", "whole").out

    (line,) = (one for one in apart.splitlines() if one.startswith("  external-notify: "))
    assert {"set_container", "get_device_fd"} <= set(line.replace(",", "").split())
    assert "no merit" in apart
    assert "no merit" not in alike
    assert "no merit" not in whole


@pytest.mark.parametrize(
    ("design", "race", "broken", "granularity"),
    [
        (UNDRAINED, "N2", "HARM-2", "steps"),  # use between the decision and the end of the callback
        (LATE, "N1", "USE", "steps"),  # a registration is lost
        (TWICE, "N3", "HARM-2", "whole"),  # released by callback and by unregister
        (ON_CLOSE, "N4", "USE", "whole"),  # a leave that is no close is not told
        ("external-validate:check-then-count", "V1", "USE", "steps"),  # A is validated, B is used
        ("external-validate:release-by-fd", "V3", "KEEP-2", "whole"),  # it needs what the owner has closed
        ("external-validate:unbalanced-release", "V2", "EXT-1", "whole"),  # another's count is stolen
        ("external-v1:misuse", "D", "EXT-2", "whole"),
        ("kvm-file:del-by-get", "K4", "KEEP-3", "steps"),  # it needs a group that get would give
    ],
)
def test_what_a_dropped_obligation_costs_is_told_with_its_race(
    run: Run, design: str, race: str, broken: str, granularity: str
) -> None:
    """Beside a design that keeps it: what is lost, by which race, and the command that tells the trace."""
    ended = run("compare", NOTIFY, design)

    (lost,) = (line for line in told_of(ended.out, broken)[granularity] if line.startswith(f"lost with {design} ("))
    assert f"): {race}" in lost
    assert f"\n  {race:2}  {next(r.title for r in RACES if r.id == race)}" in ended.out
    assert f"tenure trace {next(r.system for r in RACES if r.id == race)} {race}\n" in ended.out


RFC = "rfc2011"
PROPOSALS = tuple(f"{RFC}:{name}" for name in ("unmerge-self", "no-merge-into-open", "metagroups-from-outside"))
SELF, NOT_INTO_OPEN, FROM_OUTSIDE = PROPOSALS


@pytest.mark.parametrize("granularity", ["whole", "steps"])
def test_each_proposal_for_metagroups_buys_something_and_one_costs_something(run: Run, granularity: str) -> None:
    """UNMERGE of one's own group alone, what is mapped seen by nobody who comes later, a metagroup that one knows; and RFC-8."""
    ended = run("compare", RFC, *PROPOSALS)

    def gains(name: str) -> str:
        return told_of(ended.out, name)[granularity][0]

    assert gains("RFC-8") == f"gained with {RFC}, {SELF}, {NOT_INTO_OPEN}"
    assert gains("RFC-9") == f"gained with {NOT_INTO_OPEN}, {FROM_OUTSIDE}"
    assert gains("RFC-10") == f"gained with {SELF}"
    assert gains("RFC-11") == f"gained with {FROM_OUTSIDE}"
    assert f"no question with {FROM_OUTSIDE}" in told_of(ended.out, "RFC-10")[granularity]


@pytest.mark.parametrize(
    ("name", "design", "lost"),
    [
        ("RFC-8", FROM_OUTSIDE, f"{FROM_OUTSIDE} (1): a metagroup stays until an administrator ends it"),
        ("RFC-9", SELF, f"{RFC} (4), {SELF} (4): a merge into an open metagroup is meant"),
        ("RFC-10", NOT_INTO_OPEN, f"{RFC} (4), {NOT_INTO_OPEN} (4): UNMERGE names the group"),
        ("RFC-11", SELF, f"{RFC} (3), {SELF} (3), {NOT_INTO_OPEN} (3): MERGE brings groups to a metagroup"),
    ],
)
def test_what_each_proposal_for_metagroups_leaves_as_it_was_has_its_reason(
    run: Run, name: str, design: str, lost: str
) -> None:
    """Who loses a rule, after how many transitions, and by what."""
    told = told_of(run("compare", RFC, *PROPOSALS).out, name)["whole"]

    (line,) = (text for text in told if text.startswith("lost with "))
    assert design in line
    assert line.startswith(f"lost with {lost}")


def test_a_defect_is_not_taken_for_the_race_whose_letter_it_begins_with(run: Run) -> None:
    """D-G1-12 falls where calls are whole and is no race; least of all D. D-G1-20 is one."""
    assert "The races named" not in run("compare", RFC, f"{RFC}:D-G1-12").out
    assert f"tenure trace {RFC}:D-G1-20 D-G1-20\n" in run("compare", RFC, f"{RFC}:D-G1-20").out


def test_a_rule_that_is_no_question_for_any_of_the_designs_has_no_row(run: Run) -> None:
    """Nobody claims the DMA of a group before 2022; what nobody has judged has a row."""
    text = run("compare", PROPOSED, MERGED).out

    assert "OWN-1" not in text
    assert f"of {sum(line[10:15] in ('whole', 'steps') for line in text.splitlines())} rows differ" in text


def test_a_longer_way_to_the_same_loss_is_no_difference(run: Run) -> None:
    """Both designs lose STABLE in steps, one after 17 transitions and one after 14."""
    text = run("compare", PROPOSED, MERGED).out

    assert line_of(text, "STABLE", "steps") == ["17", "14"]
    assert set(told_of(text, "STABLE")) == {"whole"}


def test_what_is_said_follows_the_record(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another verdict in the file is another line: nothing is typed in for a design."""
    planted(monkeypatch, (MERGED, "", "whole", "USE"), {"verdict": "searched"})

    text = run("compare", PROPOSED, MERGED).out

    assert line_of(text, "USE", "whole") == ["9", "s"]
    assert told_of(text, "USE")["whole"] == [f"lost with {PROPOSED} (9): A", f"in doubt with {MERGED}"]


def test_one_granularity_may_be_asked_for(run: Run, tmp_path: Path) -> None:
    """The other one is in neither the table nor the document."""
    ended = run("compare", PROPOSED, MERGED, "--granularity", "steps", "--json", "steps.json")

    found = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    assert ended.code == 0
    assert " whole " not in ended.out
    assert {r["granularity"] for r in found["results"]} == {"steps"}
    assert found["command"] == f"tenure compare {PROPOSED} {MERGED} --granularity steps"


def test_a_bare_name_is_the_base_variant(run: Run, tmp_path: Path) -> None:
    """So a system can stand beside its own variants."""
    run("compare", MERGED, f"{MERGED}:from-dev", "--json", "two.json")

    found = json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))["results"]
    assert {(r["system"], r["variant"]) for r in found} == {(MERGED, ""), (MERGED, "from-dev")}


@pytest.mark.parametrize("arguments", [(), (PROPOSED,), (PROPOSED, PROPOSED)])
def test_it_takes_two_to_compare(run: Run, arguments: tuple[str, ...]) -> None:
    """2 where fewer are named, with a command that works."""
    ended = run("compare", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "two systems or more" in ended.err
    assert run(*ended.err.partition("tenure compare ")[2].split(), "--quiet").code == 2
    assert run(*f"compare {ended.err.partition('tenure compare ')[2]}".split()).code == 0


def test_a_design_of_which_a_row_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """4, with what to do; the rest is still compared, and what is missing is not run."""
    planted(monkeypatch, ("containers-2013", "locked", "whole", "ISO"), None)

    ended = run("compare", MERGED, LOCKED, "--json", "found.json")

    cells = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["results"]
    assert ended.code == 4
    assert line_of(ended.out, "ISO", "whole") == ["P", "-"]
    assert ended.err.startswith(f"{LOCKED}: not all is recorded of it; see what `tenure prove {LOCKED}` finds")
    assert "properties/expected/containers-2013.toml" in ended.err
    assert [c["property"] for c in cells if c["verdict"] == "not-run"] == ["ISO"]


def test_nothing_is_proved_or_searched_for_it(tmp_path: Path) -> None:
    """Neither a solver nor a search is even loaded."""
    code = (
        "import sys; from tenure.cli import main\n"
        f"try: main(['compare', '{PROPOSED}', '{MERGED}', '--quiet'])\n"
        "finally: print([m for m in sys.modules if m in ('z3', 'cvc5', 'tenure.search.explorer', 'tenure.prover')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE)}, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.strip()) == (0, "[]")


def test_designs_that_have_nothing_in_common_are_told_so(run: Run) -> None:
    """A property of one family does not apply to the other; one of neither has no row."""
    ended = run("compare", LOCKED, "dma-type1-v2")

    assert ended.code == 0
    assert line_of(ended.out, "GRP-1", "whole") == ["P", "."]
    assert line_of(ended.out, "DMA-1", "whole") == [".", "P"]
    assert "DMA-1" not in run("compare", LOCKED, "containers-2013").out
