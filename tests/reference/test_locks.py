"""Locks and the scheduler: whoever finds a lock taken sleeps, and wakes when it is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.gate.conform import Comparison
from tenure.models import SYSTEMS
from tenure.reference.calls import OK, Steps, Task
from tenure.reference.locks import BLOCKED, Lock
from tenure.reference.machine import Machine
from tenure.reference.outcomes import Outcome, Paused, Waiting
from tenure.reference.scheduler import Scheduler
from tenure.reference.systems import Form
from tenure.search.interrupt_scopes import SIZES as INTERRUPT_SIZES
from tenure.search.interrupt_scopes import interrupt_scope
from tenure.vocabulary.answers import Done
from tenure.vocabulary.lock_order import Does, edges, moves
from tenure.vocabulary.systems import Granularity

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


class Watched:
    """What is taken in which step, and under what, while a bench makes calls step by step."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.step = ""
        self.taken: set[tuple[str, str]] = set()
        self.pairs: set[tuple[str, str]] = set()
        take = Lock.taken_by

        def watched(lock: Lock, task: object) -> bool:
            held = {self.name(one) for one in bench.kernel.machine.locks() if one.owner is not None}
            self.taken.add((self.step, self.name(lock)))
            self.pairs |= {(one, self.name(lock)) for one in held}
            return take(lock, task)

        monkeypatch.setattr(Lock, "taken_by", watched)

    def name(self, lock: Lock) -> str:
        """The kernel's name of a lock of the reference."""
        machine = self.bench.kernel.machine
        names = [(machine.group_lock, "vfio.group_lock"), (machine.iommu_drivers_lock, "vfio.iommu_drivers_lock")]
        names += [(container.group_lock, "container.group_lock") for container in machine.containers]
        for group in machine.groups:
            names += [
                (group.notifier, "iommu_group.notifier"),
                (group.mutex, "iommu_group.mutex"),
                (group.dev_set_lock, "dev_set.lock"),
                (group.vfio.group_lock, "group.group_lock"),
                (group.vfio.device_lock, "group.device_lock"),
            ]
        return next((name for one, name in names if one is lock), "group.group_lock")  # of a group that is gone

    def do(self, actor: str, call: str, first: str, **args: int) -> None:
        """One call, step by step."""
        self.step = f"{call}.{first}"
        outcome = self.bench.begin(actor if actor == "th0" else None, call, **args)
        while isinstance(outcome, Paused):
            self.step = outcome.step
            outcome = self.bench.step(actor)


def test_what_the_reference_locks_is_declared(ready: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second telling takes, in each step, no lock that the model's step does not declare, nor in another order."""
    system = next(s for s in SYSTEMS if s.id == "external-get-put:from-dev")
    watched = Watched(ready(system.id), monkeypatch)

    watched.do("th0", "get_status", "status", process=0, file=0)
    watched.do("th0", "get_device_fd", "check_users", process=0, file=0, device=0, made=3)
    watched.do("u0", "get_external_user", "count", user=0, process=0, file=0)
    watched.do("u1", "get_external_user_from_dev", "look_up", user=1, process=0, device=0)
    watched.do("u0", "put_external_user", "dissolve", user=0)
    watched.do("u1", "put_external_user", "dissolve", user=1)
    watched.do("th0", "close", "drop", process=0, file=3)
    watched.do("f3", "release_device", "dissolve", file=3)
    watched.do("th0", "unset_container", "check", process=0, file=0)
    watched.do("th0", "set_container", "check", process=0, file=0, other=1)
    watched.do("th0", "set_iommu", "set", process=0, file=1, type=0, made=0)
    watched.do("th0", "close", "drop", process=0, file=0)
    watched.do("f0", "release_group", "dissolve", file=0)
    watched.do("d0", "unbind_driver", "leave", device=0)
    watched.do("d0", "bind_driver", "probe", device=0, to=1)
    watched.do("th0", "open_group", "look_up", process=0, file=0, group=0)

    takes = {
        (c.qualified(s.name), str(m.on))
        for c in system.calls
        for s in c.steps
        for m in moves(c, s)
        if m.does is Does.TAKES
    }
    assert len(watched.taken) > 10
    # It takes the lock for every put, the kernel for the last one only, and vfio_del_group_dev holds one more till later.
    assert watched.taken - takes == {("unbind_driver.wait_device", "vfio.group_lock")}
    assert watched.pairs == {("container.group_lock", "vfio.iommu_drivers_lock")}
    assert watched.pairs <= {(str(e.first), str(e.then)) for e in edges(system)}


def test_what_the_reference_of_2012_locks_is_declared(
    ready: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls that are not those of 3.11 take no lock beyond those of the model's steps."""
    system = next(s for s in SYSTEMS if s.id == "containers-2012")
    bench = ready(system.id)
    bench.do("unbind_driver", device=4)
    watched = Watched(bench, monkeypatch)

    watched.do("th0", "get_status", "status", process=0, file=0)
    watched.do("th0", "get_device_fd", "check_users", process=0, file=0, device=0, made=3)
    watched.do("th0", "close", "drop", process=0, file=3)
    watched.do("f3", "release_device", "dissolve", file=3)
    watched.do("th0", "close", "drop", process=0, file=0)
    watched.do("f0", "release_group", "dissolve", file=0)
    watched.do("th0", "open_group", "look_up", process=0, file=0, group=0)
    watched.do("th0", "close", "drop", process=0, file=0)
    watched.do("f0", "release_group", "dissolve", file=0)
    watched.do("d0", "unbind_driver", "leave", device=0)
    watched.do("d0", "bind_driver", "probe", device=0, to=1)

    takes = {
        (c.qualified(s.name), str(m.on))
        for c in system.calls
        for s in c.steps
        for m in moves(c, s)
        if m.does is Does.TAKES
    }
    assert len(watched.taken) > 8
    assert watched.taken <= takes
    assert watched.pairs <= {(str(e.first), str(e.then)) for e in edges(system)}


@pytest.mark.parametrize("name", ["containers-2022", "containers-2022:6.1"])
def test_what_the_reference_of_2022_locks_is_declared(
    new: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nor do the calls from 5.19 on; each version takes the two locks of an open device in an order of its own."""
    system = next(s for s in SYSTEMS if s.id == name)
    bench = new(name)
    watched = Watched(bench, monkeypatch)

    watched.do("d2", "unbind_driver", "leave", device=2)
    watched.do("d2", "bind_driver", "configure", device=2, to=2)
    watched.do("d2", "unbind_driver", "leave", device=2)
    watched.do("th0", "open_group", "open", process=0, file=0, group=1)
    watched.do("th0", "open_container", "open", process=0, file=1, made=0)
    watched.do("th0", "set_container", "look_up", process=0, file=0, other=1)
    watched.do("th0", "set_iommu", "set", process=0, file=1, type=0, made=0)
    watched.do("th0", "check_extension", "ask", process=0, file=1, type=0)
    watched.do("dr2", "unregister_iommu_driver", "unregister", driver=2)
    watched.do("dr2", "register_iommu_driver", "register", driver=2)
    watched.do("th0", "get_status", "status", process=0, file=0)
    watched.do("th0", "get_device_fd", "look_up", process=0, file=0, device=1, made=2)
    watched.do("th0", "close", "drop", process=0, file=2)
    watched.do("f2", "release_device", "close", file=2)
    watched.do("th0", "unset_container", "leave", process=0, file=0)
    watched.do("th0", "set_container", "look_up", process=0, file=0, other=1)
    watched.do("d1", "unbind_driver", "leave", device=1)
    watched.do("th0", "close", "drop", process=0, file=0)
    watched.do("f0", "release_group", "release", file=0)
    watched.do("d1", "bind_driver", "configure", device=1, to=1)

    takes = {
        (c.qualified(s.name), str(m.on))
        for c in system.calls
        for s in c.steps
        for m in moves(c, s)
        if m.does is Does.TAKES
    }
    opens = ("group.group_lock", "dev_set.lock")
    assert len(watched.taken) > 12
    assert watched.taken <= takes
    assert watched.pairs <= {(str(e.first), str(e.then)) for e in edges(system)}
    assert (opens if system.variant == "" else opens[::-1]) in watched.pairs


def test_what_the_reference_locks_for_interrupts_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step that takes the device's mutex says so, and only the drain goes on with it."""
    system = next(s for s in SYSTEMS if s.id == "interrupts")
    both = Comparison(system, Granularity.STEPS, interrupt_scope(INTERRUPT_SIZES))
    taken: set[str] = set()
    take = Lock.taken_by

    def watched(lock: Lock, task: object) -> bool:
        assert isinstance(task, Task)
        taken.add(task.call)
        return take(lock, task)

    monkeypatch.setattr(Lock, "taken_by", watched)
    state, snapshot = both.start()
    opened = both.machine.begin(state, "open_device", {"file": 0, "device": 0})[0].state
    both.kernel.do("open_device", {"file": 0, "device": 0})
    opened_here = both.kernel.snapshot()
    for number in both.begins:
        for made in both.machine.canonical(opened, number):
            both.kernel.restore(opened_here)
            both.kernel.do(both.rules.rules[made.rule].call.name, both.arguments(made))
    both.kernel.restore(snapshot)

    declared = {c.name for c in system.calls for s in c.steps for m in moves(c, s) if m.does is Does.TAKES}
    assert taken == declared
