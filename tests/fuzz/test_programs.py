"""What `make fuzz` does with a program, without atheris: saved programs run, planted faults are found, made small and told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.fuzz.__main__ import Search, fuzz
from tests.fuzz.alike import Differs, Machine, run
from tests.fuzz.programs import LONGEST_PROGRAM, Map, Unmap, program
from tests.fuzz.smaller import smaller
from tests.fuzz.telling import told

from tenure.reference.dma import Access, Mapping, Range, overlap, splitting

Plant = Callable[[pytest.MonkeyPatch], None]

CUT_IN_TWO = "00000000000002000d01010e"


def keeps_a_byte_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped -1: what is left below a hole ends with its first byte."""

    def without(r: Range, hole: Range) -> tuple[Range, ...]:
        if not overlap(r, hole):
            return (r,)
        low = (Range(r.first, hole.first),) if r.first < hole.first else ()
        high = (Range(hole.last + 1, r.last),) if hole.last < r.last else ()
        return low + high

    monkeypatch.setattr("tenure.reference.dma.removal.without", without)


def leads_the_rest_to_where_the_whole_led(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left above a hole is not moved on."""
    monkeypatch.setattr("tenure.reference.dma.tracker.part", lambda mapping, r: mapping._replace(range=r))


def forgets_to_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages behind a piece stay where they are when a later step fails."""
    monkeypatch.setattr(Machine, "unpin", lambda *_: None)


SAVED: dict[str, Plant] = {
    CUT_IN_TWO: keeps_a_byte_too_many,
    "000000000000020067002308": leads_the_rest_to_where_the_whole_led,
    "00000000ee0000f200000100": forgets_to_let_go,
}
"""Programs that a search found when this fault was planted; one that it finds in earnest belongs here, with its fault."""


@pytest.mark.parametrize("digits", SAVED)
def test_a_saved_program_shows_no_difference(digits: str) -> None:
    """Tracker, page table and bytes agree."""
    run(bytes.fromhex(digits))


@pytest.mark.parametrize(("digits", "plant"), SAVED.items())
def test_a_saved_program_finds_its_fault(digits: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would not be worth its place."""
    plant(monkeypatch)

    with pytest.raises(Differs):
        run(bytes.fromhex(digits))


def test_any_bytes_are_a_program() -> None:
    """None too, and one that is cut off in the middle of a word; what is too long says nothing more."""
    assert program(b"") == program(bytes(7))
    assert program(bytes.fromhex(CUT_IN_TWO))[1] == [
        Map(Mapping(Range(0, 1), 0, Access.READ, "p0")),
        Unmap(Range(1, 1), splitting),
    ]
    assert program(b"x" * LONGEST_PROGRAM) == program(b"x" * (LONGEST_PROGRAM + 4))


def test_a_program_is_made_as_small_as_it_can_be() -> None:
    """Words that do not matter go, bytes that do stay, and the bounds keep their place."""
    found = smaller(bytes(range(1, 25)), lambda data: 10 in data[4:])

    assert found == bytes.fromhex("00000000 00 0a 00 00")


def test_a_difference_is_told_with_its_calls_and_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds, the calls, what differs, and a command that shows it again."""
    keeps_a_byte_too_many(monkeypatch)

    words = told(bytes.fromhex(CUT_IN_TWO) + b"more" * 3)

    assert "\n1  Unmap(Range(first=1, last=1), splitting)\n! Differs: after call 1, Unmap(" in words
    (again,) = (line for line in words.splitlines() if line.startswith("run it again: "))
    ended = CliRunner().invoke(fuzz, again.removeprefix("run it again: python -m tests.fuzz ").split())
    assert (ended.exit_code, ended.output) == (1, f"{words}\n")


def test_a_call_that_breaks_the_core_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that no call should raise is no crash of the search."""
    monkeypatch.setattr("tenure.reference.dma.tracker.page_count", lambda *_: 1 // 0)

    assert "! ZeroDivisionError: " in told(bytes.fromhex(CUT_IN_TWO))


def test_a_program_without_a_difference_is_told_so() -> None:
    """With exit code 0; digits that are none are refused."""
    ended = CliRunner().invoke(fuzz, ["--program", CUT_IN_TWO])
    refused = CliRunner().invoke(fuzz, ["--program", "0x1"])

    assert (ended.exit_code, ended.output) == (0, "no difference\n")
    assert refused.exit_code == 2
    assert "'0x1' is no program" in refused.output


def test_without_atheris_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No default install has it."""
    monkeypatch.setitem(sys.modules, "atheris", None)

    ended = CliRunner().invoke(fuzz, ["--corpus", str(tmp_path), "--seed", "1"])

    assert ended.exit_code == 2
    assert "seed 1, 60 s, 0 programs from before" in ended.output
    assert "pip install -e '.[fuzz]'" in ended.output


@pytest.mark.parametrize(("words", "seconds", "code"), [("! it differs", 60.0, 1), ("", 0.0, 0)])
def test_a_search_ends_with_a_finding_or_with_its_time(
    words: str, seconds: float, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And with the exit code that says which."""
    monkeypatch.setattr(os, "_exit", sys.exit)
    search = Search(lambda _: words, seconds, tmp_path)

    with pytest.raises(SystemExit) as ended:
        search(b"")

    assert ended.value.code == code
