"""The row LOCKS: ranks where calls take locks in an order, a cycle and its schedule where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.commands.locking import LOCKS, locks_row
from tenure.commands.output import BadInput
from tenure.commands.recording import recorded
from tenure.commands.replaying import replay_on_reference
from tenure.commands.tracing import find_trace
from tenure.models import SYSTEMS, groups
from tenure.models.locks import (
    CONTAINER_GROUP_LOCK,
    DEVICE_LOCK,
    DEVICE_MUTEX,
    GROUP_REFERENCE,
    IOMMU_DRIVERS_LOCK,
    NOTIFIER,
    RELEASE_Q,
)
from tenure.models.locks_2022 import DEV_SET_LOCK, GROUP_LOCK
from tenure.models.locks_interrupts import IGATE
from tenure.models.locks_kvm import KVM_LOCK
from tenure.models.locks_kvm_2022 import VM_REFERENCE
from tenure.report.itf import from_itf, to_itf
from tenure.report.text import to_text
from tenure.search.families import family_of
from tenure.vocabulary.calls import Call, done, go, step
from tenure.vocabulary.locks import Lock, Queue, Reference, briefly
from tenure.vocabulary.objects import THREAD
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import TRUE
from tenure.vocabulary.verdicts import Verdict

A, B, C = Lock("a"), Lock("b"), Lock("c")
DONE = Queue("done")


def made(**steps: tuple[dict[str, Any], ...]) -> System:
    """A system of calls whose steps, in order, do just this with locks."""

    def one(name: str, given: tuple[dict[str, Any], ...]) -> Call:
        last = len(given) - 1
        built = (step(f"s{i}", done() if i == last else go(), **what) for i, what in enumerate(given))
        return Call(name, "", "", "", THREAD, (), TRUE, tuple(built))

    return System("made", "", "", "", tuple(one(name, given) for name, given in steps.items()), ())


def changed(system_id: str, at: str, **what: Any) -> System:  # noqa: ANN401  # whatever a step says of locks
    """The system with one step that does something else with locks."""
    system = next(s for s in SYSTEMS if s.id == system_id)
    call, _, name = at.partition(".")
    calls = tuple(
        replace(c, steps=tuple(replace(s, **what) if s.name == name else s for s in c.steps)) if c.name == call else c
        for c in system.calls
    )
    assert calls != system.calls
    return replace(system, calls=calls)


def schedule(system: System) -> list[str]:
    """What the threads do, up to where they block for ever."""
    trace = locks_row(system).trace
    assert trace is not None
    return [f"{e.actor} {e.rule}" for e in trace.events]


UNORDERED = (
    *("containers-2012", "containers-2012:locked", "kvm-file:group-only"),
    *("external-notify:under-lock", "external-notify:re-entrant"),
)


@pytest.mark.parametrize(
    "system", [s for s in SYSTEMS if s.id not in UNORDERED and family_of(s) is None], ids=lambda s: s.id
)
def test_every_other_system_from_3_11_on_takes_its_locks_in_an_order(system: System) -> None:
    """There are ranks, and the row tells them."""
    row = locks_row(system)

    assert (row.property, row.granularity, row.verdict) == (LOCKS, "steps", Verdict.PROVED)
    assert row.reason.startswith("ranks: device.mutex")
    assert row.reason.index("container.group_lock") < row.reason.index("type1.lock")


def test_a_callback_under_the_lock_of_the_list_and_a_registration_wait_for_one_another() -> None:
    """A user registers under its own lock; the break takes that lock under the list's."""
    assert schedule(next(s for s in SYSTEMS if s.id == "external-notify:under-lock"))[-2:] == [
        "th0 unset_container.call_back waits for user.lock",
        "th1 register.register waits for group.callbacks_lock",
    ]


def test_a_callback_that_unregisters_waits_for_its_own_return() -> None:
    """One thread is enough."""
    assert schedule(next(s for s in SYSTEMS if s.id == "external-notify:re-entrant"))[-1:] == [
        "th0 unset_container.unregister_inside waits for group.callback_q"
    ]


def test_handlers_of_interrupts_are_waited_for_under_a_mutex_that_they_do_not_take() -> None:
    """A handler that took it would wait for the call that waits for the handler."""
    planted = changed("interrupts", "take_interrupt.signal", locks=(IGATE,))

    row = locks_row(next(s for s in SYSTEMS if s.id == "interrupts"))

    assert (row.verdict, row.reason) == (Verdict.PROVED, "ranks: device.igate < synchronize_irq")
    assert locks_row(planted).verdict is Verdict.REFUTED
    assert any(line.endswith("take_interrupt.signal waits for device.igate") for line in schedule(planted))


def test_before_3_11_a_notification_may_wait_for_itself() -> None:
    """Its callback drops a reference to the group under the rwsem that the last release takes; nothing else is amiss."""
    system = next(s for s in SYSTEMS if s.id == "containers-2012")
    later = {c.name: c for c in (groups.bind_driver, groups.unbind_driver)}

    row = locks_row(system)

    assert row.verdict is Verdict.REFUTED
    assert "holds iommu_group.notifier and waits for iommu_group.notifier to release the group" in row.reason
    cured = replace(system, calls=tuple(later.get(c.name, c) for c in system.calls))
    assert locks_row(cured).verdict is Verdict.PROVED


def test_the_end_of_a_vm_may_wait_for_the_lock_under_which_its_last_reference_goes() -> None:
    """One thread is enough: it closes a device under the group's lock, and the VM's list tells that group under it."""
    system = next(s for s in SYSTEMS if s.id == "kvm-file:group-only")

    row = locks_row(system)

    assert row.verdict is Verdict.REFUTED
    assert "release_device.close holds group.group_lock and waits for group.group_lock to release the VM" in row.reason
    cured = changed("kvm-file:group-only", "release_device.close", drops=(VM_REFERENCE,))
    assert locks_row(cured).verdict is Verdict.PROVED


def test_an_open_that_asks_kvm_and_a_list_that_tells_the_group_lock_in_opposite_orders() -> None:
    """What 6.2 did for a while: under the VM's lock a list ends and tells its groups; under a group's lock a driver wants it."""
    asks = {"locks": (GROUP_LOCK, DEV_SET_LOCK, briefly(KVM_LOCK))}
    tells = {"locks": (KVM_LOCK, briefly(GROUP_LOCK))}
    asking, telling = (
        changed("kvm-file", "get_device_fd.open", **asks),
        changed("kvm-file", "release_entry.remove", **tells),
    )
    opens = asking.call("get_device_fd")
    both = replace(telling, calls=tuple(opens if c.name == opens.name else c for c in telling.calls))

    row = locks_row(both)

    assert (locks_row(asking).verdict, locks_row(telling).verdict) == (Verdict.PROVED, Verdict.PROVED)
    assert row.verdict is Verdict.REFUTED
    assert "get_device_fd.open holds group.group_lock and waits for kvm.lock" in row.reason


def test_a_device_that_opens_as_in_7_2_and_closes_as_in_6_1_can_block_itself() -> None:
    """Each version has an order of the group's lock and the device set's, and it is not the other's."""
    today, then = (next(s for s in SYSTEMS if s.id == name) for name in ("containers-2022", "containers-2022:6.1"))
    mixed = replace(today, calls=tuple(then.call(c.name) if c.name == "release_device" else c for c in today.calls))

    row = locks_row(mixed)

    assert (locks_row(today).verdict, locks_row(then).verdict) == (Verdict.PROVED, Verdict.PROVED)
    assert row.verdict is Verdict.REFUTED
    assert "get_device_fd.open holds group.group_lock and waits for dev_set.lock" in row.reason
    assert "release_device.close holds dev_set.lock and waits for group.group_lock" in row.reason


def test_locks_taken_in_one_order_are_ranked() -> None:
    """Whoever takes both takes the first first."""
    row = locks_row(made(one=({"locks": (A, B)},), two=({"locks": (A,)},), three=({"locks": (B, C)},)))

    assert (row.verdict, row.reason) == (Verdict.PROVED, "ranks: a < b < c")


def test_two_calls_that_take_two_locks_the_other_way_round_block_each_other() -> None:
    """The cycle is told with its steps, the schedule with its threads."""
    crossed = made(one=({"locks": (A, B)},), two=({"locks": (B, A)},))

    row = locks_row(crossed)

    assert (row.verdict, row.length) == (Verdict.REFUTED, 4)
    assert "one.s0 holds a and waits for b; two.s0 holds b and waits for a" in row.reason
    assert "over classes of locks" in row.reason
    assert schedule(crossed) == [
        "th0 one.s0 takes a",
        "th1 two.s0 takes b",
        "th0 one.s0 waits for b",
        "th1 two.s0 waits for a",
    ]


def test_an_inversion_planted_in_a_real_system_is_found() -> None:
    """SET_IOMMU takes the lock of the drivers first, the detach takes it last."""
    planted = changed("containers-2013", "set_iommu.set", locks=(IOMMU_DRIVERS_LOCK, CONTAINER_GROUP_LOCK))
    call = planted.call("unset_container")
    detach = replace(call.steps[1], locks=(CONTAINER_GROUP_LOCK, IOMMU_DRIVERS_LOCK))
    other = replace(call, steps=(call.steps[0], detach))
    planted = replace(planted, calls=tuple(other if c is call else c for c in planted.calls))

    row = locks_row(planted)

    assert row.verdict is Verdict.REFUTED
    assert "set_iommu.set holds vfio.iommu_drivers_lock and waits for container.group_lock" in row.reason
    assert "unset_container.detach holds container.group_lock and waits for vfio.iommu_drivers_lock" in row.reason


def test_three_calls_can_block_one_another_of_which_no_two_do() -> None:
    """As many threads as the cycle has edges."""
    ring = made(one=({"locks": (A, B)},), two=({"locks": (B, C)},), three=({"locks": (C, A)},))

    row = locks_row(ring)

    assert (row.verdict, row.length) == (Verdict.REFUTED, 6)
    assert {line.split()[0] for line in schedule(ring)} == {"th0", "th1", "th2"}


def test_a_last_reference_must_not_be_dropped_under_a_lock_that_its_release_takes() -> None:
    """One thread waits for itself."""
    own = made(put=({"locks": (A,), "drops": (Reference("thing", (B, briefly(A))),)},))

    row = locks_row(own)

    assert (row.verdict, row.length) == (Verdict.REFUTED, 3)
    assert "put.s0 holds a and waits for a to release the thing" in row.reason
    assert schedule(own)[-1] == "th0 put.s0 waits for a"


def test_what_a_release_drops_is_released_under_its_locks() -> None:
    """The group file goes with the device file, and its release takes the lock that is held."""
    inner = Reference("group file", (briefly(A),))
    outer = Reference("device file", (B,), (inner,))

    row = locks_row(made(close=({"locks": (A,), "drops": (outer,)},)))

    assert row.verdict is Verdict.REFUTED
    assert "waits for a to release the group file" in row.reason


def test_the_last_group_reference_must_not_be_dropped_in_the_notifier() -> None:
    """As 3.6 did: the release unregisters the notifier under whose rwsem the callback runs."""
    row = locks_row(changed("containers-2013", "unbind_driver.unbound", drops=(GROUP_REFERENCE,)))

    assert row.verdict is Verdict.REFUTED
    assert "unbind_driver.unbound holds iommu_group.notifier and waits for" in row.reason


def test_a_failed_open_under_the_device_lock_waits_for_itself() -> None:
    """As before "vfio: Fix lockdep issue": vfio-pci is opened under the lock, and takes it again where that fails."""
    planted = changed("containers-2013", "get_device_fd.look_up", locks=(DEVICE_LOCK,), keeps=(DEVICE_LOCK,))
    call = planted.call("get_device_fd")
    failing = (replace(s, locks=(briefly(DEVICE_LOCK),)) if s.name == "open" else s for s in call.steps)
    other = replace(call, steps=tuple(failing))
    planted = replace(planted, calls=tuple(other if c is call else c for c in planted.calls))

    row = locks_row(planted)

    assert row.verdict is Verdict.REFUTED
    assert "get_device_fd.open holds group.device_lock and waits for group.device_lock" in row.reason


def test_a_lock_kept_from_step_to_step_is_held_in_each() -> None:
    """The inversion lies between locks of different steps; without `keeps` there is none."""
    kept = made(one=({"locks": (A,), "keeps": (A,)}, {"locks": (B,)}), two=({"locks": (B, A)},))
    let_go = made(one=({"locks": (A,)}, {"locks": (B,)}), two=({"locks": (B, A)},))

    assert locks_row(kept).verdict is Verdict.REFUTED
    assert "one.s1 holds a and waits for b" in locks_row(kept).reason
    assert locks_row(let_go).verdict is Verdict.PROVED


def test_a_lock_kept_over_a_step_that_is_skipped_is_held_behind_it() -> None:
    """Only the case that skips the step between comes there with the lock."""
    system = made(one=({"locks": (A,), "keeps": (A,)}, {}, {"locks": (B,)}), two=({"locks": (B, A)},))
    one, two = system.calls
    skipping = replace(one, steps=(replace(one.steps[0], cases=(go(), go(to="s2"))), *one.steps[1:]))

    assert locks_row(system).verdict is Verdict.PROVED
    assert locks_row(replace(system, calls=(skipping, two))).verdict is Verdict.REFUTED


def test_a_lock_taken_briefly_is_no_longer_held() -> None:
    """Two locks one after the other have no order."""
    row = locks_row(made(one=({"locks": (briefly(A), B)},), two=({"locks": (briefly(B), A)},)))

    assert (row.verdict, row.reason) == (Verdict.PROVED, "ranks: a, b")


def test_a_sleeper_must_not_hold_what_the_waker_needs() -> None:
    """The waker needs the lock in an earlier step; without it nothing is wrong."""
    sleeper: tuple[dict[str, Any], ...] = ({"locks": (A,), "keeps": (A,)}, {"waits": DONE})
    stuck = made(sleeper=sleeper, waker=({"locks": (A,)}, {"wakes": (DONE,)}))
    fine = made(sleeper=sleeper, waker=({"locks": (B,)}, {"wakes": (DONE,)}, {"locks": (A,)}))

    row = locks_row(stuck)

    assert (row.verdict, row.length) == (Verdict.REFUTED, 3)
    assert "sleeper.s1 holds a and sleeps on done; waker.s0 is to wake done and waits for a" in row.reason
    assert schedule(stuck)[0] == "th0 sleeper.s0 takes a"
    assert (locks_row(fine).verdict, locks_row(fine).reason) == (Verdict.PROVED, "ranks: a < done < b")


def test_nobody_waits_for_a_call_to_wake_them_before_it_owes_that() -> None:
    """The waker takes the sleeper's lock before it comes to hold what is slept for; afterwards it must not."""
    sleeper: tuple[dict[str, Any], ...] = ({"locks": (A,), "keeps": (A,)}, {"waits": DONE})
    before = made(sleeper=sleeper, waker=({"locks": (A,), "owes": (DONE,)}, {"locks": (B,)}, {"wakes": (DONE,)}))
    after = made(sleeper=sleeper, waker=({"locks": (B,), "owes": (DONE,)}, {"locks": (A,)}, {"wakes": (DONE,)}))

    assert (locks_row(before).verdict, locks_row(before).reason) == (Verdict.PROVED, "ranks: a < done < b")
    assert locks_row(after).verdict is Verdict.REFUTED
    assert "waker.s1 is to wake done and waits for a" in locks_row(after).reason


def test_a_call_must_not_take_the_lock_of_a_device_while_it_has_an_object_in_hand() -> None:
    """Who unbinds the device waits under that lock until no call has its object in hand."""
    row = locks_row(changed("iommufd-objects:accesses", "iova_ranges.use", locks=(DEV_SET_LOCK,)))

    assert row.verdict is Verdict.REFUTED
    assert f"iova_ranges.use is to wake iommufd.destroy_wait and waits for {DEV_SET_LOCK}" in row.reason


def test_an_unbind_must_not_wait_for_a_release_that_takes_the_device_mutex() -> None:
    """The driver core holds it over the whole unbind: that is why drivers only try it when a device is closed."""
    row = locks_row(changed("containers-2013", "release_device.put", locks=(DEVICE_MUTEX,)))

    assert row.verdict is Verdict.REFUTED
    assert f"holds {DEVICE_MUTEX} and sleeps on {RELEASE_Q}" in row.reason
    assert f"release_device.put is to wake {RELEASE_Q} and waits for {DEVICE_MUTEX}" in row.reason


def test_who_sleeps_under_a_lock_and_is_never_woken_is_not_green() -> None:
    """A missing declaration says nothing; where nothing is held, nothing can be blocked by the sleeper."""
    under = made(sleeper=({"locks": (A,), "keeps": (A,)}, {"waits": True}))
    free = made(sleeper=({"locks": (A,)}, {"waits": True}))

    assert locks_row(under).verdict is Verdict.UNKNOWN
    assert "sleeper.s1 holds a and sleeps on sleeper.s1" in locks_row(under).reason
    assert locks_row(free).verdict is Verdict.PROVED


def test_a_cycle_behind_a_common_lock_is_neither_proved_nor_refuted() -> None:
    """No ranks, and no schedule either: whoever comes second waits at the door."""
    row = locks_row(made(one=({"locks": (C, A, B)},), two=({"locks": (C, B, A)},)))

    assert row.verdict is Verdict.SEARCHED
    assert "no schedule of up to 2 threads blocks for ever" in row.reason


def test_a_system_that_declares_no_lock_is_not_proved() -> None:
    """Nothing to order is no order."""
    row = locks_row(made(one=({},), two=({"waits": True},)))

    assert (row.verdict, row.reason) == (
        Verdict.NOT_APPLICABLE,
        "no step declares a lock: there is nothing to order",
    )


def test_a_step_cannot_keep_what_it_does_not_hold() -> None:
    """It would be let go by whoever does."""
    with pytest.raises(TypeError, match=r"one\.s0 keeps b, which it never holds"):
        locks_row(made(one=({"locks": (A,), "keeps": (B,)}, {})))


def test_a_schedule_is_a_trace_like_any_other() -> None:
    """It is told in words and survives its file."""
    trace = find_trace(changed("containers-2013", "bind_driver.bound", drops=(GROUP_REFERENCE,)), LOCKS, None).trace

    assert trace is not None
    assert from_itf(to_itf(trace)) == trace
    assert f"holder of {NOTIFIER}: none -> th0" in to_text(trace)


def test_a_schedule_is_not_replayed() -> None:
    """It names no objects that a reference could make."""
    system = changed("containers-2013", "bind_driver.bound", drops=(GROUP_REFERENCE,))
    trace = locks_row(system).trace
    assert trace is not None

    with pytest.raises(BadInput, match="schedule of locks"):
        replay_on_reference(trace, system)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_the_row_of_every_system_is_as_recorded(system: System) -> None:
    """At the granularity of steps, and not where calls are whole."""
    row = locks_row(system)

    assert recorded()[row.key()] == (row.verdict.value, row.length)
    assert (system.name, system.variant, "whole", LOCKS) not in recorded()


def test_there_is_no_trace_where_the_order_is_proved() -> None:
    """The ranks are told instead."""
    found = find_trace(next(s for s in SYSTEMS if s.id == "containers-2013"), LOCKS, None)

    assert (found.trace, found.verdict) == (None, Verdict.PROVED)
    assert found.reason.startswith("ranks: ")
