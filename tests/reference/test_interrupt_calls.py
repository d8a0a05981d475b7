"""Interrupts in the reference: arming, masking, signalling, unmasking, disabling, reset and close."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_interrupts

from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

LEVEL, EDGE, OTHERS = range(3)
"""The indexes: two level-triggered lines and one of edges of d0; one without lines of d1."""

NONE_AT_ALL, ONE, TWO = range(3)
"""The arrays, by how many eventfds they have: e0 for the first line of an index, e1 for the second."""

UNMASKS = 2
EINVAL = Refused("EINVAL")


@pytest.fixture
def bench() -> Bench:
    """A machine on which f0 of d0 and f1 of d1 are open."""
    made = Bench(Kernel("interrupts", of_interrupts()))
    made.do("open_device", file=0, device=0)
    made.do("open_device", file=1, device=1)
    return made


@pytest.fixture
def armed(bench: Bench) -> Bench:
    """Besides, all lines of d0 are armed: ln0 and ln2 for e0, ln1 for e1."""
    assert bench.do("set_irq_eventfds", file=0, index=LEVEL, array=TWO) == Done()
    assert bench.do("set_irq_eventfds", file=0, index=EDGE, array=ONE) == Done()
    return bench


def test_a_level_interrupt_is_signalled_once_and_masks(armed: Bench) -> None:
    """However long the device asserts the line."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()

    assert armed.see("line_masked", 0)
    assert armed.see("eventfd_count", 0) == 1
    assert armed.kernel.pending() == []
    assert not armed.see("line_masked", 1)


def test_an_unmask_of_a_line_that_is_still_asserted_interrupts_again(armed: Bench) -> None:
    """And one that is not asserted any more stays armed."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()

    armed.do("unmask_irq", file=0, index=LEVEL)
    armed.settle()
    assert armed.see("eventfd_count", 0) == 2

    armed.do("lower_line", device=0, line=0)
    armed.do("unmask_irq", file=0, index=LEVEL)
    assert armed.kernel.pending() == []
    assert not armed.see("line_masked", 0)


def test_an_unmask_is_for_all_lines_of_an_index(armed: Bench) -> None:
    """The call names no line."""
    for line in (0, 1):
        armed.do("raise_line", device=0, line=line)
    armed.settle()
    for line in (0, 1):
        armed.do("lower_line", device=0, line=line)

    armed.do("unmask_irq", file=0, index=LEVEL)

    assert [armed.see("line_masked", line) for line in (0, 1)] == [False, False]


def test_a_write_to_the_unmask_eventfd_unmasks(armed: Bench) -> None:
    """What was written is taken, even where it was written before anybody watched."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()
    armed.do("lower_line", device=0, line=0)
    armed.do("write_eventfd", eventfd=UNMASKS)
    assert armed.kernel.pending() == []

    armed.do("set_unmask_irq_eventfd", file=0, index=LEVEL, eventfd=UNMASKS)
    armed.settle()

    assert not armed.see("line_masked", 0)
    assert armed.see("eventfd_count", UNMASKS) == 0


def test_an_edge_is_signalled_and_never_masks(armed: Bench) -> None:
    """Each that the host took; what is full counts no more."""
    for _ in range(3):
        armed.do("raise_line", device=0, line=2)
        armed.settle()

    assert not armed.see("line_masked", 2)
    assert armed.see("eventfd_count", 0) == 2


def test_edges_that_arrive_before_the_host_took_one_are_one(armed: Bench) -> None:
    """They wait as one."""
    armed.do("raise_line", device=0, line=2)
    armed.do("raise_line", device=0, line=2)
    armed.settle()

    assert armed.see("eventfd_count", 0) == 1


def test_a_disabled_line_delivers_nothing(armed: Bench) -> None:
    """A level that stays asserted interrupts as soon as the line is armed; an edge of before does not."""
    for index in (LEVEL, EDGE):
        assert armed.do("set_irq_eventfds", file=0, index=index, array=NONE_AT_ALL) == Done()

    armed.do("raise_line", device=0, line=0)
    armed.do("raise_line", device=0, line=2)
    assert armed.kernel.pending() == []

    for index in (LEVEL, EDGE):
        armed.do("set_irq_eventfds", file=0, index=index, array=ONE)
    assert armed.kernel.pending() == [("take_interrupt", {"line": 0})]


def test_fewer_eventfds_disable_the_last_lines(armed: Bench) -> None:
    """The first line has the first eventfd still."""
    armed.do("set_irq_eventfds", file=0, index=LEVEL, array=ONE)

    assert [armed.see("line_eventfd", line) for line in (0, 1)] == ["e0", "none"]


def test_reading_says_how_often(armed: Bench) -> None:
    """And lets the eventfd count from zero."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()

    assert armed.do("read_eventfd", eventfd=0) == Done((("events", 1),))
    assert armed.see("line_read", 0)
    assert not armed.can("read_eventfd", eventfd=0)


def test_reset_quiets_the_device_and_nothing_else(armed: Bench) -> None:
    """Eventfds and masks stay; a device that cannot be reset refuses."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()
    armed.do("raise_line", device=0, line=2)

    assert armed.do("reset_device", file=0) == Done()

    assert not armed.see("line_asserted", 0)
    assert not armed.see("line_pending", 2)
    assert armed.see("line_masked", 0)
    assert armed.see("line_eventfd", 2) == "e0"
    assert armed.do("reset_device", file=1) == EINVAL


def test_what_is_out_of_range_is_refused(armed: Bench) -> None:
    """An index of another device, and more eventfds than lines; even none for an index that is not there."""
    assert armed.do("get_irq_info", file=0, index=OTHERS) == EINVAL
    assert armed.do("unmask_irq", file=0, index=OTHERS) == EINVAL
    assert armed.do("set_unmask_irq_eventfd", file=0, index=OTHERS, eventfd=UNMASKS) == EINVAL
    assert armed.do("set_irq_eventfds", file=0, index=OTHERS, array=NONE_AT_ALL) == EINVAL
    assert armed.do("set_irq_eventfds", file=0, index=EDGE, array=TWO) == EINVAL
    assert armed.see("line_eventfd", 2) == "e0"


def test_an_index_without_lines_takes_no_eventfd(bench: Bench) -> None:
    """It can be asked about, and disabled."""
    assert bench.do("get_irq_info", file=1, index=OTHERS) == Done((("count", 0), ("level", True)))
    assert bench.do("set_irq_eventfds", file=1, index=OTHERS, array=NONE_AT_ALL) == Done()
    assert bench.do("set_irq_eventfds", file=1, index=OTHERS, array=ONE) == EINVAL


def test_the_last_close_disables(armed: Bench) -> None:
    """One that is not the last does nothing to interrupts."""
    armed.do("open_device", file=2, device=0)
    armed.do("set_unmask_irq_eventfd", file=0, index=LEVEL, eventfd=UNMASKS)

    armed.do("close_device", file=0)
    assert armed.see("line_eventfd", 0) == "e0"

    armed.do("close_device", file=2)
    assert [armed.see("line_eventfd", line) for line in range(3)] == ["none"] * 3
    assert armed.see("index_unmasked_by", LEVEL) == "none"


@pytest.mark.parametrize("call", ["set_irq_eventfds", "close_device"])
def test_who_takes_an_eventfd_away_waits_for_its_handler(armed: Bench, call: str) -> None:
    """The handler signals what it took up; then nothing signals it any more."""
    given = {"index": LEVEL, "array": NONE_AT_ALL} if call == "set_irq_eventfds" else {}
    armed.do("raise_line", device=0, line=0)
    assert armed.begin(None, "take_interrupt", line=0) == Paused("take_interrupt.signal")

    assert armed.begin("th0", call, file=0, **given) == Paused(f"{call}.drain")
    assert armed.step("th0") == Waiting()
    assert armed.step("ln0") == Done()
    assert armed.step("th0") == Done()

    assert armed.see("eventfd_count", 0) == 1
    assert armed.kernel.pending() == []


def test_a_call_that_changes_eventfds_keeps_others_out(armed: Bench) -> None:
    """One mutex a device: whoever unmasks meanwhile sleeps; on another device nobody does."""
    armed.begin("th0", "set_irq_eventfds", file=0, index=LEVEL, array=ONE)

    assert armed.begin("th1", "unmask_irq", file=0, index=EDGE) == Waiting()
    assert armed.do("unmask_irq", file=1, index=OTHERS) == Done()
    armed.step("th0")
    assert armed.step("th1") == Done()


def test_a_file_is_not_let_go_under_a_call(armed: Bench) -> None:
    """Calls hold the file that they are made on."""
    armed.begin("th0", "set_irq_eventfds", file=0, index=LEVEL, array=ONE)

    assert not armed.can("close_device", file=0)
    armed.step("th0")
    assert armed.can("close_device", file=0)


def test_a_state_is_come_back_to(armed: Bench) -> None:
    """Masks, counts, eventfds and all."""
    armed.do("raise_line", device=0, line=0)
    armed.settle()
    kept, shown = armed.kernel.snapshot(), armed.kernel.observe()

    armed.do("close_device", file=0)
    armed.kernel.restore(kept)

    assert armed.kernel.observe() == shown
    assert armed.kernel.snapshot() == kept
