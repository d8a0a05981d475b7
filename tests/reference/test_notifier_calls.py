"""Notifiers of drivers: put into the list of the IOMMU driver's data, taken out of the list that is there then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import Died, Paused
from tenure.reference.outcomes import Outcome
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "external-get-put:notifiers"
MISUSE = "external-get-put:notifiers-misuse"
KERNEL = 2


@pytest.fixture
def two_groups(ready: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """g0 and g1 are in c0, with tb0; a driver of d0 has registered."""

    def make(system: str) -> Bench:
        bench = ready(system)
        bench.do("open_group", process=0, file=3, group=1)
        bench.do("set_container", process=0, file=3, other=1)
        bench.do("register_notifier", user=0, device=0, events=1)
        return bench

    return make


def test_register_counts_only_while_it_runs(ready: Callable[[str], Bench]) -> None:
    """The notifier stands in the list of the container's table, and the use is given back."""
    bench = ready(SYSTEM)

    assert bench.through("u0", "register_notifier", user=0, device=0, events=1) == [
        "register_notifier.count",
        "register_notifier.validate",
        "register_notifier.list",
        "register_notifier.dissolve",
        "register_notifier.put",
        "ok",
    ]

    assert bench.see("notifier_table", 0) == "tb0"
    assert bench.see("notifier_lives", 0)
    assert bench.see("user_counts", 0) == "none"
    assert bench.see("container_users", 0) == 1


def test_register_refuses_who_asks_for_no_event(ready: Callable[[str], Bench]) -> None:
    """EINVAL, before anything is looked at."""
    bench = ready(SYSTEM)

    assert bench.through("u0", "register_notifier", user=0, device=0, events=0) == ["EINVAL"]


def test_register_refuses_a_device_without_group(ready: Callable[[str], Bench]) -> None:
    """ENODEV: the last device of the group has left its VFIO driver."""
    bench = ready(SYSTEM)
    bench.do("unbind_driver", device=1)

    assert bench.do("register_notifier", user=0, device=1, events=1) == Refused("ENODEV")


def test_register_finds_the_group_of_a_device_of_another_driver(ready: Callable[[str], Bench]) -> None:
    """It asks for the group alone: EINVAL says that this is in no container."""
    bench = ready(SYSTEM)

    assert bench.through("u0", "register_notifier", user=0, device=2, events=1) == ["register_notifier.count", "EINVAL"]


def test_register_refuses_a_group_without_iommu_as_any_other(ready: Callable[[str], Bench]) -> None:
    """EINVAL, where get answers EPERM; nothing is counted, and the reference is given back."""
    bench = ready(SYSTEM)
    bench.do("open_group", process=0, file=3, group=2)
    bench.do("set_container", process=0, file=3, other=2)

    assert bench.do("register_notifier", user=0, device=3, events=1) == Refused("EINVAL")
    assert bench.see("container_users", 2) == 1


def test_register_refuses_a_container_without_driver(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("register_notifier", user=0, device=0, events=1) == Refused("EINVAL")
    assert bench.see("container_users", 0) == 1
    assert not bench.see("notifier_lives", 0)


def test_register_refuses_a_group_that_is_not_viable(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)

    assert bench.do("register_notifier", user=0, device=1, events=1) == Refused("EINVAL")
    assert bench.see("container_users", 1) == 1


def moved(bench: Bench, call: str, **args: int) -> Bench:
    """A second SET_CONTAINER, past its test since before the first, moves g0 to c1 once the call has validated c0."""
    bench.do("unset_container", process=0, file=0)
    bench.begin("th0", "set_container", process=0, file=0, other=2)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=1)
    if call == "unregister_notifier":
        bench.do("register_notifier", user=0, device=0, events=1)
    bench.begin(None, call, user=0, device=0, **args)
    bench.step("u0")
    bench.step("u0")
    bench.step("th0")
    bench.step("th0")
    assert bench.see("container_of", 0) == "c1"
    return bench


def ended(bench: Bench) -> Outcome:
    """How the driver's call ends."""
    outcome = bench.step("u0")
    while isinstance(outcome, Paused):
        outcome = bench.step("u0")
    return outcome


def test_register_refuses_a_container_without_driver_that_it_meets_too_late(ready: Callable[[str], Bench]) -> None:
    """ENOTTY: what was validated is another container; the notifier is in no list, and the driver has none."""
    bench = moved(ready(SYSTEM), "register_notifier", events=1)

    assert ended(bench) == Refused("ENOTTY")
    assert bench.see("notifier_table", 0) == "none"
    assert not bench.see("notifier_lives", 0)


def test_unregister_refuses_a_container_without_driver_that_it_meets_too_late(ready: Callable[[str], Bench]) -> None:
    """ENOTTY: what was validated is another container; the driver keeps its notifier."""
    bench = moved(ready(SYSTEM), "unregister_notifier")

    assert ended(bench) == Refused("ENOTTY")
    assert bench.see("notifier_lives", 0)


@pytest.mark.parametrize("call", ["register_notifier", "unregister_notifier"])
def test_a_container_that_goes_after_the_validation_is_followed_to_nowhere(
    ready: Callable[[str], Bench], call: str
) -> None:
    """A leave that was decided before the group was placed again clears the pointer; no lock keeps it."""
    bench = ready(SYSTEM)
    asks = {"register_notifier": {"events": 1}, "unregister_notifier": {}}[call]
    if call == "unregister_notifier":
        bench.do("register_notifier", user=0, device=0, events=1)
    bench.begin("th0", "unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)
    bench.do("set_iommu", process=0, file=2, type=0, made=1)
    bench.begin(None, call, user=0, device=0, **asks)
    bench.step("u0")
    bench.step("u0")

    assert bench.step("th0") == Done()
    assert isinstance(ended(bench), Died)
    assert bench.see("harm") == "null_dereference"


def test_a_registered_notifier_keeps_nobody_from_leaving(ready: Callable[[str], Bench]) -> None:
    """UNSET_CONTAINER is done; the last group takes the table with it, and that the list."""
    bench = ready(SYSTEM)
    bench.do("register_notifier", user=0, device=0, events=1)

    assert bench.do("unset_container", process=0, file=0) == Done()
    assert bench.see("notifier_table", 0) == "none"
    assert bench.see("notifier_lives", 0)


def test_unset_is_refused_only_while_register_counts(ready: Callable[[str], Bench]) -> None:
    """EBUSY between count and dissolve."""
    bench = ready(SYSTEM)
    bench.begin(None, "register_notifier", user=0, device=0, events=1)
    bench.step("u0")

    assert bench.do("unset_container", process=0, file=0) == Refused("EBUSY")
    assert ended(bench) == Done()
    assert bench.do("unset_container", process=0, file=0) == Done()


def test_who_leaves_last_while_register_counts_leaves_the_detach_to_it(ready: Callable[[str], Bench]) -> None:
    """The group's file is closed meanwhile: register gives the last use back, and its own list goes."""
    bench = ready(SYSTEM)
    bench.begin(None, "register_notifier", user=0, device=0, events=1)
    bench.step("u0")
    bench.step("u0")
    bench.do("close", process=0, file=0)
    bench.settle()
    assert bench.see("container_users", 0) == 1

    assert bench.step("u0") == Paused("register_notifier.dissolve")
    assert bench.see("notifier_table", 0) == "tb0"
    assert bench.step("u0") == Paused("register_notifier.detach")
    assert ended(bench) == Done()

    assert bench.see("container_of", 0) == "none"
    assert bench.see("notifier_table", 0) == "none"


def test_unregister_takes_the_notifier_out_and_frees_it(ready: Callable[[str], Bench]) -> None:
    """It goes the same way as register, and gives its use back."""
    bench = ready(SYSTEM)
    bench.do("register_notifier", user=0, device=0, events=1)

    assert bench.through("u0", "unregister_notifier", user=0, device=0) == [
        "unregister_notifier.count",
        "unregister_notifier.validate",
        "unregister_notifier.unlist",
        "unregister_notifier.dissolve",
        "unregister_notifier.put",
        "ok",
    ]

    assert bench.see("notifier_table", 0) == "none"
    assert not bench.see("notifier_lives", 0)
    assert bench.see("container_users", 0) == 1


def test_unregister_is_refused_once_the_group_has_left(two_groups: Callable[[str], Bench]) -> None:
    """EINVAL, and the notifier stays in the list of the table that the other group keeps."""
    bench = two_groups(SYSTEM)
    bench.do("unset_container", process=0, file=0)

    assert bench.do("unregister_notifier", user=0, device=0) == Refused("EINVAL")
    assert bench.see("notifier_table", 0) == "tb0"
    assert bench.see("notifier_lives", 0)


def test_unregister_looks_into_the_list_that_is_there_now(two_groups: Callable[[str], Bench]) -> None:
    """ENOENT in another container; back in the first one it is found."""
    bench = two_groups(SYSTEM)
    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)
    bench.do("set_iommu", process=0, file=2, type=0, made=1)

    assert bench.do("unregister_notifier", user=0, device=0) == Refused("ENOENT")
    assert bench.see("notifier_table", 0) == "tb0"

    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=1)
    assert bench.do("unregister_notifier", user=0, device=0) == Done()


def test_unregister_refuses_a_container_without_driver(ready: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back: the group has moved to where no list is."""
    bench = ready(SYSTEM)
    bench.do("register_notifier", user=0, device=0, events=1)
    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)

    assert bench.do("unregister_notifier", user=0, device=0) == Refused("EINVAL")
    assert bench.see("container_users", 0) == 1
    assert bench.see("notifier_lives", 0)


def test_unregister_refuses_a_group_that_is_not_viable(two_groups: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back: another device of the group has a driver of the kernel since."""
    bench = two_groups(SYSTEM)
    bench.do("register_notifier", user=1, device=1, events=1)
    bench.do("unset_container", process=0, file=3)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("set_container", process=0, file=3, other=1)

    assert bench.do("unregister_notifier", user=1, device=1) == Refused("EINVAL")
    assert bench.see("container_users", 1) == 1
    assert bench.see("notifier_table", 1) == "tb0"


def test_unregister_refuses_a_device_without_group(ready: Callable[[str], Bench]) -> None:
    """ENODEV: group and driver have gone from under each other."""
    bench = ready(SYSTEM)
    bench.do("register_notifier", user=0, device=0, events=1)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.do("unbind_driver", device=0)

    assert bench.do("unregister_notifier", user=0, device=0) == Refused("ENODEV")


def test_a_driver_has_one_notifier_and_unregisters_that(two_groups: Callable[[str], Bench]) -> None:
    """It is for the device that was named, and who has one gets no group."""
    bench = two_groups(SYSTEM)

    assert not bench.can("register_notifier", user=0, device=0, events=1)
    assert not bench.can("unregister_notifier", user=0, device=1)
    assert not bench.can("get_external_user", user=0, process=0, file=0)
    assert not bench.can("unregister_notifier", user=1, device=0)


def test_who_frees_its_notifier_after_a_refusal_leaves_it_in_the_list(two_groups: Callable[[str], Bench]) -> None:
    """What stands there is freed memory, and the name of it is not used again before the table goes."""
    bench = two_groups(MISUSE)
    bench.do("unset_container", process=0, file=0)

    assert bench.do("unregister_notifier", user=0, device=0) == Refused("EINVAL")
    assert bench.see("notifier_table", 0) == "tb0"
    assert not bench.see("notifier_lives", 0)
    assert not bench.can("register_notifier", user=0, device=1, events=1)

    bench.do("unset_container", process=0, file=3)
    assert bench.see("notifier_table", 0) == "none"
    assert bench.can("register_notifier", user=0, device=1, events=1)
