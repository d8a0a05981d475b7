"""Locks and the scheduler: whoever finds a lock taken sleeps, and wakes when it is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.reference.calls import OK, Steps, Task
from tenure.reference.locks import BLOCKED, Lock
from tenure.reference.machine import Machine
from tenure.reference.outcomes import Outcome, Paused, Waiting
from tenure.reference.scheduler import Scheduler
from tenure.reference.systems import Form
from tenure.vocabulary.answers import Done

if TYPE_CHECKING:
    from tests.reference.conftest import Bench


def test_a_lock_has_one_owner() -> None:
    """The second comes too late, and so does the owner itself."""
    lock = Lock()

    assert lock.taken_by("first")
    assert not lock.taken_by("second")
    assert not lock.taken_by("first")
    lock.release()
    assert lock.taken_by("second")


def hold_over_a_pause(machine: Machine, me: Task) -> Steps:
    """Take a lock and pause with it: what no call of ours does."""
    while not machine.group_lock.taken_by(me):
        yield BLOCKED

    yield "hold.release"
    machine.group_lock.release()
    return OK


def begin(scheduler: Scheduler, actor: str) -> Outcome:
    """Enter the call that holds the lock, as this actor."""
    return scheduler.begin(Task(actor, "hold", {}, ()), Form(hold_over_a_pause, bool), None)


def test_whoever_finds_the_lock_taken_sleeps_and_wakes(new: Callable[[str], Bench]) -> None:
    """The sleeper stays where it is, however often it is stepped."""
    scheduler = Scheduler(new("containers-2013").kernel.machine)
    assert begin(scheduler, "th0") == Paused("hold.release")

    assert begin(scheduler, "th1") == Waiting()
    assert scheduler.run(scheduler.tasks["th1"], None) == Waiting()
    assert scheduler.run(scheduler.tasks["th0"], None) == Done()
    assert scheduler.run(scheduler.tasks["th1"], None) == Paused("hold.release")


def test_a_call_sleeps_on_a_lock_that_another_holds(new: Callable[[str], Bench]) -> None:
    """A real call waits for the lock of the module, and changes nothing until it has it."""
    bench = new("containers-2013")
    machine = bench.kernel.machine
    machine.group_lock.taken_by("somebody")

    assert bench.begin("th0", "open_group", process=0, file=0, group=0) == Waiting()
    assert bench.step("th0") == Waiting()
    machine.group_lock.release()
    assert bench.step("th0") == Paused("open_group.claim")
    assert bench.step("th0") == Paused("open_group.test")
    assert bench.step("th0") == Done()


def test_attach_and_detach_sleep_on_the_lock_of_the_container(ready: Callable[[str], Bench]) -> None:
    """Nothing of the step is done before the lock is taken."""
    bench = ready("containers-2013")
    lock = bench.kernel.machine.containers[0].group_lock
    bench.begin("th0", "unset_container", process=0, file=0)
    lock.taken_by("somebody")

    assert bench.step("th0") == Waiting()
    assert bench.see("container_of", 0) == "c0"
    lock.release()
    assert bench.step("th0") == Done()


def test_no_call_pauses_with_a_lock(ready: Callable[[str], Bench]) -> None:
    """At each pause of a GET_DEVICE_FD, which takes the most locks, all are free."""
    bench = ready("containers-2013")
    outcome = bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3)

    while isinstance(outcome, Paused):
        assert all(lock.owner is None for lock in bench.kernel.machine.locks())
        outcome = bench.step("th0")
