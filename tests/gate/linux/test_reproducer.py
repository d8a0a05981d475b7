"""A run as a program in C: it is compiled and run here, where its calls are harmless."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tenure.gate.linux import reproducer
from tenure.gate.linux.batch import Batch, Number, Round, There
from tenure.gate.linux.facts import FIRST_FILE
from tenure.gate.linux.recording import Act, Marks, Part, Recording
from tenure.gate.linux.reproducer import as_c
from tenure.gate.linux.vfio import Ioctl

COMPILER = shutil.which("cc") or ""


def part(batch: Batch) -> Part:
    """All of a batch."""
    return Part(batch.target, 0, tuple(batch.lines))


def ended(program: str, folder: Path) -> str:
    """What the program says; it is compiled with every warning as an error."""
    source = folder / "found.c"
    source.write_text(program, encoding="utf-8")
    words = [COMPILER, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", str(folder / "found"), str(source)]
    subprocess.run(words, check=True)  # a compiler, on what was just written
    return subprocess.run(
        [str(folder / "found")], capture_output=True, text=True, check=True, timeout=20
    ).stdout  # as above


@pytest.mark.skipif(not COMPILER, reason="this machine has no C compiler")
def test_a_program_makes_the_calls_of_the_run_in_their_order(tmp_path: Path) -> None:
    """By the processes of the run, whose first file has the number that it has in a guest; what they write back is told."""
    before, reads, closes = Batch("0"), Batch("0"), Batch("1")
    before.open("/dev/zero")
    room = reads.put(b"abcdefghi")
    reads.call(Number.READ, FIRST_FILE, room, 8)
    reads.take(room, 9)
    closes.call(Number.CLOSE, FIRST_FILE)
    acts = (Act("", (part(before),)), Act("read file=f0", (part(reads),)), Act("close file=f0", (part(closes),)))

    said = ended(as_c(["A test."], acts, {}, {}), tmp_path)

    assert said == (
        "read file=f0\n"
        "    read                                     done\n"
        "    it wrote back 0000000000000000 69\n"
        "close file=f0\n"
        "    close                                    Bad file descriptor\n"
        "everything is closed\n"
        "the end\n"
    )


@pytest.mark.skipif(not COMPILER, reason="this machine has no C compiler")
def test_a_process_that_is_ended_has_nothing_afterwards(tmp_path: Path) -> None:
    """And one of the same number is made anew."""
    opens, hub, closes = Batch("0"), Batch("hub"), Batch("0")
    opens.open("/dev/null")
    hub.order("kill 0")
    hub.order("spawn 0")
    closes.call(Number.CLOSE, FIRST_FILE)
    acts = (Act("open", (part(opens),)), Act("exit", (part(hub),)), Act("close", (part(closes),)))

    said = ended(as_c([], acts, {}, {}), tmp_path)

    assert "close                                    Bad file descriptor" in said


@pytest.mark.skipif(not COMPILER, reason="this machine has no C compiler")
def test_a_program_uses_the_number_that_a_call_wrote(tmp_path: Path) -> None:
    """And puts addresses of its own where the guest had its own."""
    batch = Batch("0")
    zero = batch.open("/dev/zero")
    ends = batch.put(bytes(8))
    batch.call(Number.READ, zero, ends, 8)
    given = batch.put(b"\x07\0\0\0")
    batch.put_with_address(bytes(8), 0, given)
    batch.call(Number.CLOSE, There(given.offset))
    batch.call(Number.CLOSE, There(ends.offset))

    program = as_c([], (Act("close", (part(batch),)),), {}, {})
    said = ended(program, tmp_path)

    assert f"put_address(48, (long)(memory + {given.offset}));" in program
    assert said.splitlines()[3:5] == [
        "    close                                    Bad file descriptor",
        "    close                                    done",
    ]


def test_a_program_says_what_its_numbers_mean() -> None:
    """An ioctl by its name, text as text, and the process whose id was used; what only looks at the state is left out."""
    batch = Batch("1")
    batch.call(Number.PIDFD_OPEN, 77, 0)
    batch.ioctl(FIRST_FILE, Ioctl.GROUP_GET_DEVICE_FD, b"0000:00:10.0\0")
    batch.file("/proc/77/status", "VmLck:")

    program = as_c(["*/ is no end"], (Act("get_device_fd", (part(batch),)),), {77: "0"}, {"0000:00:10.0": "2"})

    assert 'call(0, "pidfd_open", SYS_pidfd_open, processes[0].pid, 0, 0, 0, 0, 0);' in program
    assert 'memcpy(memory + 0, "0000:00:10.0", 13);' in program
    assert (
        'call(2, "VFIO_GROUP_GET_DEVICE_FD", SYS_ioctl, 4, 0x3b6a /* VFIO_GROUP_GET_DEVICE_FD */, (long)(memory + 0)'
    ) in program
    assert "VmLck" not in program
    assert '\t"0000:00:10.0", /* in group 2 */\n' in program
    assert program.startswith("/*\n * * / is no end\n */\n")


def test_a_run_rests_on_what_lasts_and_on_its_own_start() -> None:
    """Not on what an earlier run began with, nor on processes that were made anew; and no call after the last wanted is told."""
    site, old, new, start = (Batch(name) for name in ("15", "hub", "hub", "0"))
    site.order("site")
    old.order("spawn 0")
    new.order("spawn 0")
    start.order("start")
    recording = Recording([(site,)])
    recording.begin([(old,), (Batch("0", ["earlier"]),)])
    recording.begin([(new,), (start,)])
    recording.calls += [Act("first", ()), Act("second", ())]

    acts = recording.acts(1)

    assert [one.words for one in acts] == ["", "", "", "first"]
    assert [p.lines for one in acts for p in one.parts] == [("site",), ("spawn 0",), ("start",)]


def test_process_ids_are_known_by_the_replies_that_told_them() -> None:
    """Also where the guest fell and left some unanswered."""
    recording = Recording()

    recording.hear([(Batch("hub", ["kill 1", "spawn 1", "spawn 2"], ["0", "311"]),)])

    assert recording.processes == {311: "1"}


def test_what_is_put_into_a_round_for_a_call_is_told_from_the_rest() -> None:
    """In a batch that was begun, and in a new one."""
    using = Round()
    using.of("0").order("before")
    marks = Marks(using)
    using.of("0").order("mine")
    using.of("1").order("mine too")

    assert marks.since() == (Part("0", 1, ("mine",)), Part("1", 0, ("mine too",)))


@pytest.mark.skipif(not COMPILER, reason="this machine has no C compiler")
def test_a_race_as_a_program_is_made_over_and_over_by_two_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two closes is done, whichever; what comes before the races is made once."""
    monkeypatch.setattr(reproducer, "ROUNDS", 40)
    once, race = Batch("0"), Batch("0")
    once.open("/dev/null")
    race.close_all(FIRST_FILE)
    race.open("/dev/zero")
    race.order("b 1")
    race.call(Number.CLOSE, FIRST_FILE)
    race.call(Number.CLOSE, FIRST_FILE)
    program = as_c(["A test."], (Act("open", (part(once),)), Act("", (part(race),))), {}, {})

    lines = ended(program, tmp_path).splitlines()

    told = [line for line in lines if "|" in line]
    assert len(told) == 40
    assert set(told) <= {"done | Bad file descriptor", "Bad file descriptor | done"}
    assert lines.count("open") == 1
