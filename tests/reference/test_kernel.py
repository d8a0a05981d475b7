"""The kernel's interface: systems, indivisible calls, snapshots, and a machine that has stopped."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import SHOWN, SYSTEMS, Configuration, Died, Kernel, NotCallable, Paused, Waiting
from tenure.vocabulary import observables
from tenure.vocabulary.answers import Done

if TYPE_CHECKING:
    from tests.reference.conftest import Bench


def test_every_observable_is_shown_but_what_calls_in_flight_are_about() -> None:
    """That is known to their callers, and to no kernel; what can go on, the rules alone say."""
    at_rest = {"group_at_rest", "index_at_rest", "file_at_rest", "object_at_rest"}
    goes_on = {o.name for o in observables.GOES_ON}
    assert {o.name for o in observables.ALL} - {o.name for o in SHOWN} == at_rest | goes_on


def test_each_observable_is_shown_for_every_argument(new: Callable[[str], Bench]) -> None:
    """As many values as the product of the sorts has elements."""
    kernel = new("external-v1").kernel
    sizes = kernel.configuration.sizes

    assert [len(values) for values in kernel.observe()] == [
        len(list(product(*(range(sizes[sort.name]) for sort in shown.domain)))) for shown in SHOWN
    ]


def test_a_machine_with_nothing_in_it_shows_nothing() -> None:
    """Sorts without elements have no values; only the harm is always there."""
    kernel = Kernel("containers-2013", Configuration({}, (), (), (), (), ()))

    assert [values for values in kernel.observe() if values] == [(0,)]


def test_a_configuration_speaks_of_as_many_as_there_are() -> None:
    """A group that nothing is said about is our caller's mistake."""
    with pytest.raises(ValueError, match="no_iommu speaks of 0, but there are 1 of group"):
        Configuration({"group": 1}, (), (), (), (), ())


@pytest.mark.parametrize(
    ("system", "calls"),
    [
        ("containers-2012", 22),
        ("containers-2012:locked", 22),
        ("containers-2013", 22),
        ("containers-2013:locked", 22),
        ("containers-2022", 22),
        ("containers-2022:6.1", 22),
        ("external-get-put", 22),
        ("external-get-put:locked-container", 22),
        ("external-get-put:put-ref-first", 21),
        ("external-get-put:from-dev", 23),
        ("external-get-put:notifiers", 24),
        ("external-get-put:notifiers-misuse", 24),
        ("external-v1", 23),
        ("external-v1:misuse", 24),
        ("dma-type1-v1", 3),
        ("dma-type1-v2", 3),
        ("dma-type1-v2:groups", 5),
        ("dma-type1-v2:vaddr", 8),
        ("dma-type1-v2:pins", 6),
        ("dma-type1-v2:dirty", 12),
        ("dma-ioas", 7),
        ("dma-ioas:devices", 10),
        ("dma-ioas:copies", 10),
        ("dma-ioas:building", 8),
        ("dma-ioas:accesses", 10),
        ("dma-ioas-compat", 5),
        ("interrupts", 13),
        ("interrupts:no-drain", 13),
        ("rfc2011", 28),
        ("rfc2011:unmerge-self", 28),
        ("cdev-no-group", 24),
        ("cdev-no-group:before-cycle-fix", 24),
        ("cdev", 25),
        ("cdev:vms", 33),
        ("cdev:iommufd-as-container", 36),
        ("cdev-no-container", 25),
        ("rfc2011:metagroups-from-outside", 30),
        ("external-validate", 20),
        ("external-validate:locked-container", 20),
        ("external-validate:check-then-count", 20),
        ("external-validate:release-by-fd", 20),
        ("external-validate:unbalanced-release", 21),
        ("external-notify", 20),
        ("external-notify:no-drain", 20),
        ("external-notify:under-lock", 20),
        ("external-notify:re-entrant", 20),
        ("external-notify:late-register", 20),
        ("external-notify:double-release", 20),
        ("external-notify:on-close", 20),
        ("kvm-file", 26),
        ("kvm-file:group-only", 26),
        ("kvm-file:get-put", 28),
        ("kvm-file:del-by-get", 26),
        ("kvm-file:get-put-notifiers", 30),
        ("iommufd-objects", 16),
        ("iommufd-objects:accesses", 15),
        ("iommufd-objects:no-devices", 10),
    ],
)
def test_a_system_has_its_calls(system: str, calls: int) -> None:
    """A variant changes or adds calls; one of earlier years may lack some."""
    assert len(SYSTEMS[system].forms) == calls


def test_a_call_of_another_system_is_no_call(new: Callable[[str], Bench]) -> None:
    """Containers know no external users."""
    bench = new("containers-2013")

    assert not bench.can("take_file", user=0, process=0, file=0)
    with pytest.raises(NotCallable):
        bench.do("take_file", user=0, process=0, file=0)


def test_a_locked_call_runs_through_its_steps(ready: Callable[[str], Bench]) -> None:
    """Nobody runs between them."""
    bench = ready("containers-2013:locked")

    assert bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3) == Done()
    assert bench.begin("th0", "unset_container", process=0, file=0) != Paused("unset_container.detach")


def test_a_locked_call_still_sleeps(ready: Callable[[str], Bench]) -> None:
    """A driver that waits with a lock held would wait for ever."""
    bench = ready("containers-2013:locked")

    assert bench.begin(None, "unbind_driver", device=0) == Paused("unbind_driver.wait_device")
    assert bench.step("d0") == Paused("unbind_driver.wait_container")
    assert bench.step("d0") == Waiting()
    bench.begin("th0", "unset_container", process=0, file=0)
    assert bench.step("d0") == Done()


def test_with_a_locked_container_get_keeps_its_steps(ready: Callable[[str], Bench]) -> None:
    """Put does not."""
    bench = ready("external-get-put:locked-container")

    assert bench.begin(None, "get_external_user", user=0, process=0, file=0) == Paused("get_external_user.validate")
    bench.step("u0")
    bench.step("u0")
    assert bench.begin(None, "put_external_user", user=0) == Done()


def test_after_an_oops_nothing_can_be_called(ready: Callable[[str], Bench]) -> None:
    """Neither begun nor stepped; and nothing is due any more."""
    bench = ready("containers-2013")
    bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3)
    bench.begin("th1", "open_group", process=0, file=4, group=1)
    bench.do("unset_container", process=0, file=0)
    bench.do("close", process=0, file=2)
    assert bench.step("th0") == Died("null_dereference")

    with pytest.raises(NotCallable):
        bench.step("th1")
    with pytest.raises(NotCallable):
        bench.begin("th2", "open_group", process=0, file=5, group=2)
    assert bench.kernel.pending() == []
    assert bench.see("release_pending", 2)


def test_a_call_that_never_returns_never_drops_its_file(ready: Callable[[str], Bench]) -> None:
    """The group's file is held by the dead call, though nobody has an fd for it."""
    bench = ready("containers-2013")
    bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("unset_container", process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.step("th0")

    assert not bench.see("release_pending", 0)


def test_restore_brings_a_stopped_machine_back(ready: Callable[[str], Bench]) -> None:
    """With every lock free, even the one that the dying call held."""
    bench = ready("containers-2013")
    bench.do("open_group", process=0, file=3, group=1)
    bench.do("set_container", process=0, file=3, other=1)
    bench.do("unbind_driver", device=2)
    before = bench.kernel.snapshot()
    assert bench.do("bind_driver", device=2, to=2) == Died("bug")

    bench.kernel.restore(before)

    assert bench.do("bind_driver", device=2, to=3) == Done()


def test_restore_forgets_the_calls_in_flight(ready: Callable[[str], Bench]) -> None:
    """Their actors are idle again."""
    bench = ready("containers-2013")
    before = bench.kernel.snapshot()
    bench.begin("th0", "unset_container", process=0, file=0)

    bench.kernel.restore(before)

    with pytest.raises(NotCallable):
        bench.step("th0")
    assert bench.kernel.snapshot() == before


def test_a_snapshot_needs_a_machine_at_rest(ready: Callable[[str], Bench]) -> None:
    """A call in flight is in the middle of its function; that is no number."""
    bench = ready("containers-2013")
    bench.begin("th0", "unset_container", process=0, file=0)

    with pytest.raises(ValueError, match="calls of th0 are in flight"):
        bench.kernel.snapshot()


def test_the_order_in_which_groups_joined_makes_no_other_state(new: Callable[[str], Bench]) -> None:
    """Nobody can see it."""
    snapshots = set()
    for first, second in ((0, 1), (1, 0)):
        bench = new("containers-2013")
        bench.do("open_container", process=0, file=2, made=0)
        bench.do("open_group", process=0, file=0, group=0)
        bench.do("open_group", process=0, file=1, group=1)
        bench.do("set_container", process=0, file=first, other=2)
        bench.do("set_container", process=0, file=second, other=2)
        snapshots.add(bench.kernel.snapshot())

    assert len(snapshots) == 1
