"""`tenure draw`: a list of ranges becomes a drawing, and what is none is refused with what, where and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.cli.conftest import Run, started, written

from tenure.models import SYSTEMS
from tenure.report.itf import to_itf
from tenure.search.explorer import trace_along
from tenure.search.range_scopes import range_scope
from tenure.vocabulary.machine import Machine, State, Transition
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.types import parsed

RANGES = [
    {"first": "0x0", "last": "0xffffffff", "kind": "valid"},
    {"first": "0xfee00000", "last": "0xfeefffff", "kind": "reserved"},
    {"first": "0x1000", "last": "0x1fff", "owner": "vm0", "access": "rw", "target": "0x70000000"},
    {"first": 8192, "last": "0x3FFF", "owner": "vm1", "access": "r", "target": 0},
]
DRAWN = """\
1 valid, 1 reserved, 2 mapped: 12 KiB mapped

          0x0                                                                          0xffffffffffffffff
valid     ▐────────────────────────────────────────────────────────────────────────────────────────▌·····
reserved  ·························································▐▒▒▒▒▒▒▒▒▒▒▒▒▒▌·······················
mapped    ············▐aaaaaaaaaa▌▐bbbbbbbbbb▌···························································

         first                last       size  what       access           owner
           0x0          0xffffffff      4 GiB  valid
"""


@pytest.mark.parametrize(
    ("text", "happened"),
    [
        ("", "no JSON"),
        ('[{"first": 1', "cut short at line 1, column 13"),
        ("[" * 100_000, "no JSON that can be read here"),
        ("1" * 5000, "no JSON that can be read here"),
        ("{}", "neither a list of ranges nor a trace"),
        ("3", "neither a list of ranges nor a trace"),
        ("[]", "the list is empty"),
        ("[7]", "[0]: Expected `object`, got `int`"),
        ('[{"first": 1}]', "[0]: Object missing required field `last`"),
        ('[{"first": 1, "last": 2, "ovner": "a"}]', "[0]: Object contains unknown field `ovner`"),
        ('[{"first": 1, "last": 2}, {"first": 3.5, "last": 4}]', "[1].first: Expected `int | str`, got `float`"),
        ('[{"first": true, "last": 4}]', "[0].first: Expected `int | str`, got `bool`"),
        ('[{"first": NaN, "last": 4}]', "[0].first: Expected `int | str`, got `float`"),
        ('[{"first": 1, "last": 2, "kind": "free"}]', "[0].kind: Invalid enum value 'free'"),
        ('[{"first": 1, "last": 2, "kind": "a\\nb"}]', "[0].kind: Invalid enum value 'a\\\\nb'"),
        ('[{"first": 1, "last": 2, "access": "x"}]', "[0].access: Invalid enum value 'x'"),
        ('[{"first": "12", "last": 13}]', "[0].first: '12' is no address"),
        ('[{"first": "0x", "last": 13}]', "[0].first: '0x' is no address"),
        ('[{"first": "0x1_0", "last": 130}]', "[0].first: '0x1_0' is no address"),
        ('[{"first": -1, "last": 13}]', "[0].first: -0x1 is no address"),
        ('[{"first": 0, "last": "0x10000000000000000"}]', "[0].last: 0x10000000000000000 is no address"),
        (f'[{{"first": 0, "last": "0x{"f" * 9000}"}}]', "[0].last: a number of 36000 bits is no address"),
        ('[{"first": 2, "last": 1}]', "[0]: it ends at 0x1, before it begins at 0x2"),
        ('[{"first": 0, "last": 1, "target": "0xffffffffffffffff"}]', "[0].target: from 0xffffffffffffffff on"),
        ('[{"first": 0, "last": 1, "owner": "\\u001b[31m"}]', "[0].owner: '\\x1b[31m' cannot be printed"),
        ('[{"first": 0, "last": 1, "owner": "\\ud800"}]', "[0].owner: '\\ud800' cannot be printed"),
        ('[{"first": 4, "last": 9}, {"first": 0, "last": 4}]', "[1] and [0], both mapped, overlap at 0x4"),
        ('[{"first": 0, "last": 9}, {"first": 2, "last": 3}]', "[0] and [1], both mapped, overlap at 0x2"),
    ],
)
def test_a_file_that_has_no_ranges_is_refused(run: Run, text: str, happened: str) -> None:
    """One line: which file, where in it, what is wrong and what to do."""
    Path("bad.json").write_text(text, encoding="utf-8")

    ended = run("draw", "bad.json")

    assert ended.code == 2
    assert ended.err.startswith("tenure: bad.json: ")
    assert happened in ended.err
    assert ended.err.count("\n") == 1
    assert "; " in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("path", ["absent.json", "."])
def test_a_file_that_cannot_be_read_is_refused(run: Run, path: str) -> None:
    """It was named by the caller: that is usage."""
    ended = run("draw", path)

    assert ended.code == 2
    assert f"cannot read {path}" in ended.err
    assert "list of ranges" in ended.err


def test_ranges_of_two_kinds_may_overlap(run: Run) -> None:
    """A mapping lies in a valid range; in a reserved one it is what somebody should see."""
    ended = run("draw", ranges([{"first": 0, "last": 9}, {"first": 2, "last": 3, "kind": "reserved"}]))

    assert ended.code == 0


def ranges(value: object) -> str:
    """These ranges in a file of this name."""
    Path("ranges.json").write_text(json.dumps(value), encoding="utf-8")
    return "ranges.json"


def test_a_list_of_ranges_is_drawn_in_text(run: Run) -> None:
    """Without colour where nobody looks."""
    ended = run("draw", ranges(RANGES))

    assert ended.code == 0
    assert ended.out.startswith(DRAWN)
    assert "a       0x1000              0x1fff      4 KiB  mapped     rw → 0x70000000  vm0\n" in ended.out
    assert "\x1b" not in ended.out


def test_a_drawing_in_a_file_is_what_is_printed(run: Run) -> None:
    """`--out` prints nothing."""
    printed = run("draw", ranges(RANGES)).out

    ended = run("draw", "ranges.json", "--out", "drawn.txt")

    assert (ended.code, ended.out) == (0, "")
    assert Path("drawn.txt").read_text(encoding="utf-8") == printed


def test_a_picture_is_written(run: Run) -> None:
    """To the file that was named, or printed."""
    assert run("draw", ranges(RANGES), "--format", "svg", "--out", "drawn.svg").code == 0

    picture = Path("drawn.svg").read_text(encoding="utf-8")
    assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # our own
    assert run("draw", "ranges.json", "--format", "svg").out == picture


def test_a_document_has_each_range_and_each_hole(run: Run) -> None:
    """Addresses are texts: no reader loses a bit."""
    ended = run("draw", ranges(RANGES), "--quiet", "--json", "drawn.json")

    results = json.loads(Path("drawn.json").read_text(encoding="utf-8"))["results"]
    assert (ended.code, ended.out) == (0, "")
    assert [r["kind"] for r in results].count("mapped") == 2
    assert results[2] == {
        "first": "0x1000", "last": "0x1fff", "size": "0x1000", "kind": "mapped",
        "owner": "vm0", "access": "rw", "target": "0x70000000",
    }  # fmt: skip
    assert results[-1] == {
        "first": "0x100000000", "last": "0xffffffffffffffff", "size": "0xffffffff00000000", "kind": "not valid",
    }  # fmt: skip


def traced(*calls: str) -> str:
    """A trace of these calls of `dma-type1-v2` as a file: each as a call and its arguments; pages from 0, 6 beyond a hole."""
    scope = range_scope(PLACES)
    machine = Machine(rules_of(next(s for s in SYSTEMS if s.id == "dma-type1-v2"), Granularity.WHOLE), scope)
    start = next(iter(machine.initial()))
    taken: list[tuple[State, Transition]] = []
    state = start
    for text in calls:
        call, *given = text.split()
        kinds = {p.name: p.type for p in machine.rules.system.call(call).parameters}
        values = {name: int(parsed(kinds[name], value)) for name, _, value in (g.partition("=") for g in given)}
        (made,) = machine.begin(state, call, values)
        taken.append((state, made))
        state = made.state
    trace = trace_along(machine, start, taken, "two mappings", "made for a test")
    Path("mapped.itf.json").write_text(to_itf(trace), encoding="utf-8")
    return "mapped.itf.json"


PLACES = {"process": 2, "thread": 1, "table": 2, "address": 8, "mapping": 3}

TWO = (
    "map_dma process=p0 table=tb0 request=range low=a1 high=a2 to=both made=m0",
    "map_dma process=p0 table=tb1 request=range low=a0 high=a0 to=read made=m1",
)


def test_each_space_of_a_trace_is_drawn_under_its_name(run: Run) -> None:
    """As it is after the last step: pages of 4 KiB, the mapping and who pays for it."""
    ended = run("draw", traced(*TWO))

    assert ended.code == 0
    assert "tb0: 2 valid, 1 mapped: 8 KiB mapped\n" in ended.out
    assert "a  0x1000              0x2fff    8 KiB  mapped     rw      m0 of p0\n" in ended.out
    assert "tb1: 2 valid, 1 mapped: 4 KiB mapped\n" in ended.out
    assert ended.out.count("not valid") == 2


def test_a_trace_is_drawn_as_it_is_after_a_step(run: Run) -> None:
    """Nothing is mapped at the start, and one space after the first step."""
    file = traced(*TWO)

    first, start, beyond = (run("draw", file, "--step", str(n)) for n in (1, 0, 3))

    assert (first.code, "tb0: " in first.out, "tb1: " in first.out) == (0, True, False)
    assert (start.code, start.err) == (4, f"{file}: nothing to draw: nothing is mapped after step 0 of 2\n")
    assert (beyond.code, "the trace ends after step 2; --step is at most that" in beyond.err) == (2, True)


def test_a_picture_is_of_one_space(run: Run) -> None:
    """Which one, --space says; one in which nothing is mapped is refused."""
    file = traced(*TWO)

    both, one, none = (
        run("draw", file, "--format", "svg", *more) for more in ((), ("--space", "tb1"), ("--space", "tb7"))
    )

    assert (both.code, "tb0, tb1 are there, and a picture is of one; name it with --space" in both.err) == (2, True)
    assert (one.code, one.out.count("<svg")) == (0, 1)
    assert (none.code, "nothing is mapped in 'tb7' after step 2; there is tb0, tb1" in none.err) == (2, True)


def test_a_document_names_the_space_of_each_range(run: Run) -> None:
    """Where it was drawn from a trace."""
    run("draw", traced(*TWO), "--quiet", "--json", "drawn.json")

    results = json.loads(Path("drawn.json").read_text(encoding="utf-8"))["results"]
    assert {(r["space"], r["first"]) for r in results if r["kind"] == "mapped"} == {("tb0", "0x1000"), ("tb1", "0x0")}


def test_mappings_that_overlap_are_told_and_not_drawn(run: Run) -> None:
    """A trace may show what must not be; bars have one place for each byte."""
    document = json.loads(Path(traced(*TWO)).read_text(encoding="utf-8"))
    last = document["states"][-1]
    last["listed"]["#map"][1][1] = "tb0"
    last["first"]["#map"][1][1] = last["last"]["#map"][1][1] = "a2"

    ended = run("draw", written(document))

    assert ended.code == 2
    assert "m0 of p0 and m1 of p0 overlap in tb0 at 0x2000" in ended.err


def test_options_for_traces_are_refused_for_lists(run: Run) -> None:
    """A list has one space, and no steps."""
    ended = run("draw", ranges(RANGES), "--step", "1")

    assert ended.code == 2
    assert "--step and --space are for traces, and this is a list of ranges; leave them out" in ended.err


def test_a_trace_that_shows_no_mappings_is_not_drawn(run: Run, r1: dict[str, Any]) -> None:
    """4, and no file."""
    ended = run("draw", written(r1), "--out", "drawn.txt")

    assert ended.code == 4
    assert "changed.itf.json: nothing to draw: a trace of containers-2013, which has no mappings" in ended.err
    assert not Path("drawn.txt").exists()


@pytest.mark.parametrize("document", [{"vars": []}, {"vars": [], "states": []}])
def test_a_trace_that_is_none_of_ours_is_refused(run: Run, document: object) -> None:
    """As `replay` refuses it."""
    ended = run("draw", written(document))

    assert ended.code == 2
    assert ended.err.startswith("tenure: changed.itf.json: ")


def test_a_terminal_that_has_only_ascii_gets_bars_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names that it cannot write are spelt."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    file = tmp_path / "ranges.json"
    file.write_text('[{"first": 0, "last": 4095, "owner": "ü", "target": 0}]', encoding="utf-8")

    ended = started(f"draw {file}", tmp_path)

    assert ended.code == 0
    assert "mapped    [aaaaaaaaaaaaaaaaaaaaaa].....\n" in ended.out
    assert "-> 0x0  \\xfc" in ended.out
