"""File objects: fds, calls in flight and KVM hold them; the last to let go makes the release due."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import NotCallable, Paused
from tenure.vocabulary.answers import Done

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "containers-2013"


def test_closing_the_only_fd_makes_the_release_due(ready: Callable[[str], Bench]) -> None:
    """It is due, not done: the kernel runs it when it likes."""
    bench = ready(SYSTEM)

    bench.do("close", process=0, file=0)

    assert bench.see("release_pending", 0)
    assert bench.see("file_kind", 0) == "group"
    assert bench.kernel.pending() == [("release_group", {"file": 0})]


def test_a_release_runs_once(ready: Callable[[str], Bench]) -> None:
    """While it runs, and when it is over, nobody can begin another."""
    bench = ready(SYSTEM)
    bench.do("close", process=0, file=0)

    bench.begin(None, "release_group", file=0)

    assert bench.kernel.pending() == []
    assert not bench.can("release_group", file=0)
    bench.step("f0")
    bench.step("f0")
    bench.step("f0")
    assert not bench.can("release_group", file=0)


def test_a_release_of_the_wrong_kind_is_no_call(ready: Callable[[str], Bench]) -> None:
    """A file is released by what it is."""
    bench = ready(SYSTEM)
    bench.do("close", process=0, file=0)

    assert not bench.can("release_device", file=0)
    assert not bench.can("release_container", file=0)


def test_a_passed_file_lives_until_both_have_closed_it(ready: Callable[[str], Bench]) -> None:
    """It is one object: what one process did to it, the other finds done."""
    bench = ready(SYSTEM)
    bench.do("pass_file", process=0, file=0, to=1)
    bench.do("close", process=0, file=0)

    assert not bench.see("release_pending", 0)
    assert bench.do("unset_container", process=1, file=0) == Done()

    bench.do("close", process=1, file=0)
    assert bench.see("release_pending", 0)


def test_fork_shares_every_file(ready: Callable[[str], Bench]) -> None:
    """The parent closes its fds, and nothing is released."""
    bench = ready(SYSTEM)
    bench.do("fork", process=0, child=1)

    for file in (0, 1, 2):
        bench.do("close", process=0, file=file)

    assert bench.kernel.pending() == []
    assert bench.see("has_fd", 1, 0)


def test_fork_makes_a_new_process_of_one_that_has_fds(ready: Callable[[str], Bench]) -> None:
    """A parent without fds shows nothing new, a child with fds is not new."""
    bench = ready(SYSTEM)

    assert not bench.can("fork", process=1, child=2)
    assert not bench.can("fork", process=0, child=0)
    bench.do("fork", process=0, child=1)
    assert not bench.can("fork", process=0, child=1)


def test_exit_drops_every_fd_at_once(ready: Callable[[str], Bench]) -> None:
    """Their releases are due in any order."""
    bench = ready(SYSTEM)

    bench.do("exit_process", process=0)

    assert bench.kernel.pending() == [
        ("release_group", {"file": 0}),
        ("release_container", {"file": 1}),
        ("release_container", {"file": 2}),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whatever_the_order_of_releases_all_is_freed(ready: Callable[[str], Bench], order: tuple[int, int]) -> None:
    """Container first: the group keeps it. Group first: the file keeps it."""
    bench = ready(SYSTEM)
    bench.do("exit_process", process=0)

    for file in order:
        bench.do("release_container" if file else "release_group", file=file)

    assert bench.see("container_references", 0) == 0
    assert bench.see("container_of", 0) == "none"
    assert bench.see("table_reached", 0) == "none"


def test_exit_waits_for_the_calls_of_the_process(ready: Callable[[str], Bench]) -> None:
    """A thread in a call is killed when the call is over."""
    bench = ready(SYSTEM)
    bench.begin("th0", "unset_container", process=0, file=0)

    assert not bench.can("exit_process", process=0)
    assert bench.can("exit_process", process=1)
    bench.step("th0")
    assert bench.can("exit_process", process=0)


def test_a_call_in_flight_keeps_its_file(ready: Callable[[str], Bench]) -> None:
    """The fd is closed under it; the release is due when the call returns."""
    bench = ready(SYSTEM)
    bench.begin("th0", "unset_container", process=0, file=0)

    bench.do("close", process=0, file=0)
    assert not bench.see("release_pending", 0)

    assert bench.step("th0") == Done()
    assert bench.see("release_pending", 0)


def test_set_container_keeps_the_container_file_once_it_has_looked(ready: Callable[[str], Bench]) -> None:
    """Before the look the fd is a number; after it the file is held."""
    bench = ready(SYSTEM)
    bench.do("unset_container", process=0, file=0)
    bench.begin("th0", "set_container", process=0, file=0, other=2)
    assert bench.step("th0") == Paused("set_container.attach")

    bench.do("close", process=0, file=2)

    assert not bench.see("release_pending", 2)
    assert bench.step("th0") == Done()
    bench.settle()
    assert bench.see("container_references", 1) == 1


def test_a_call_needs_an_fd_of_the_right_kind(ready: Callable[[str], Bench]) -> None:
    """Nobody makes an ioctl of a group on a container, or with an fd that another process has."""
    bench = ready(SYSTEM)

    assert not bench.can("get_status", process=0, file=1)
    assert not bench.can("get_status", process=1, file=0)
    assert not bench.can("set_iommu", process=0, file=0, type=0, made=1)
    with pytest.raises(NotCallable):
        bench.do("close", process=0, file=5)


def test_a_thread_makes_one_call_at_a_time(ready: Callable[[str], Bench]) -> None:
    """Another thread may call meanwhile."""
    bench = ready(SYSTEM)
    bench.begin("th0", "unset_container", process=0, file=0)

    with pytest.raises(NotCallable):
        bench.begin("th0", "get_status", process=0, file=0)
    assert bench.begin(None, "open_group", process=0, file=3, group=1) == Paused("open_group.claim")
    assert bench.step("th1") == Paused("open_group.test")


def test_a_name_promised_to_a_call_in_flight_is_taken(new: Callable[[str], Bench]) -> None:
    """Two calls cannot make the same file."""
    bench = new(SYSTEM)
    bench.begin("th0", "open_group", process=0, file=0, group=0)

    assert not bench.can("open_container", process=1, file=0, made=0)
    assert bench.can("open_container", process=1, file=1, made=0)


def test_an_argument_that_names_nothing_is_no_call(new: Callable[[str], Bench]) -> None:
    """Only the fd given to SET_CONTAINER may be negative."""
    bench = new(SYSTEM)

    assert not bench.can("close", process=-1, file=0)
    assert not bench.can("open_group", process=0, file=-1, group=0)
