"""The API that was merged: get, use, put, and the kernel's release for a process that is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.iommu_drivers import IOMMU_TYPE
from tenure.reference.kernel import Died, Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "external-get-put"
FROM_DEV = "external-get-put:from-dev"
NO_IOMMU = 1
NO_DRIVER, VFIO, KERNEL, STUB = range(4)


def test_get_counts_validates_and_references(ready: Callable[[str], Bench]) -> None:
    """What the user is told stays with it."""
    bench = ready(SYSTEM)

    assert bench.through("u0", "get_external_user", user=0, process=0, file=0) == [
        "get_external_user.validate",
        "get_external_user.reference",
        "ok",
    ]

    assert bench.see("container_users", 0) == 2
    assert bench.see("user_counts", 0) == "g0"
    assert bench.see("user_group", 0) == "g0"
    assert bench.see("user_container", 0) == "c0"
    assert bench.see("user_table", 0) == "tb0"
    assert bench.see("user_process", 0) == "p0"


def test_get_refuses_a_file_of_another_kind(ready: Callable[[str], Bench]) -> None:
    """EINVAL: a container file is no group file."""
    bench = ready(SYSTEM)

    assert bench.do("get_external_user", user=0, process=0, file=1) == Refused("EINVAL")


def test_get_refuses_a_group_in_no_container(new: Callable[[str], Bench]) -> None:
    """EINVAL: nobody uses the group, so nobody joins."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)

    assert bench.do("get_external_user", user=0, process=0, file=0) == Refused("EINVAL")


def test_get_refuses_a_group_without_iommu(new: Callable[[str], Bench]) -> None:
    """EPERM, and nothing is counted."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=2)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("get_external_user", user=0, process=0, file=0) == Refused("EPERM")
    assert bench.see("container_users", 2) == 1


def test_get_refuses_a_container_without_driver(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("get_external_user", user=0, process=0, file=0) == Refused("EINVAL")
    assert bench.see("container_users", 0) == 1
    assert bench.see("user_counts", 0) == "none"


def test_get_refuses_a_group_that_is_not_viable(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the use is given back."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)

    assert bench.do("get_external_user", user=0, process=0, file=0) == Refused("EINVAL")
    assert bench.see("container_users", 1) == 1


def test_a_user_gets_once_and_puts_what_it_got(ready: Callable[[str], Bench]) -> None:
    """Get needs empty hands, put and id full ones."""
    bench = ready(SYSTEM)

    assert not bench.can("put_external_user", user=0)
    assert not bench.can("iommu_id", user=0)
    bench.do("get_external_user", user=0, process=0, file=0)
    assert not bench.can("get_external_user", user=0, process=0, file=0)
    assert bench.do("iommu_id", user=0) == Done((("id", "g0"),))


def test_a_user_is_told_what_the_driver_of_its_container_supports(ready: Callable[[str], Bench]) -> None:
    """As VFIO_CHECK_EXTENSION tells, of the group that is held, and of no other."""
    bench = ready(SYSTEM)

    assert not bench.can("external_check_extension", user=0, type=0)
    bench.do("get_external_user", user=0, process=0, file=0)
    answers = [bench.do("external_check_extension", user=0, type=kind) for kind in range(len(IOMMU_TYPE.values))]
    assert answers == [Done((("supported", name == "type1"),)) for name in IOMMU_TYPE.values]
    assert not bench.can("external_check_extension", user=0, type=len(IOMMU_TYPE.values))


def test_unset_is_refused_while_an_external_user_counts(ready: Callable[[str], Bench]) -> None:
    """EBUSY: the container is stable for the user."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)

    assert bench.do("unset_container", process=0, file=0) == Refused("EBUSY")


def test_put_dissolves_before_it_gives_the_reference_back(ready: Callable[[str], Bench]) -> None:
    """The last user detaches the group while it is sure that the group exists."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.see("table_reached", 0) == "tb0"
    assert bench.through("u0", "put_external_user", user=0) == [
        "put_external_user.detach",
        "put_external_user.put",
        "ok",
    ]
    assert bench.see("table_reached", 0) == "none"
    assert bench.see("user_process", 0) == "none"


def test_put_that_is_not_the_last_detaches_nothing(ready: Callable[[str], Bench]) -> None:
    """SET_CONTAINER is still a user."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)

    assert bench.through("u0", "put_external_user", user=0) == ["put_external_user.put", "ok"]
    assert bench.see("container_users", 0) == 1


def test_a_user_keeps_mapping_after_every_file_is_closed(ready: Callable[[str], Bench]) -> None:
    """Container and table stay for it; the group cannot be opened again meanwhile."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("exit_process", process=2)
    for file in (0, 1, 2):
        bench.do("close", process=0, file=file)
    bench.settle()

    assert bench.do("use", user=0, page=1, to=1) == Done()
    assert bench.see("page_mapped", 0, 1)
    assert bench.do("open_group", process=0, file=0, group=0) == Refused("EBUSY")
    bench.do("put_external_user", user=0)
    assert not bench.see("page_mapped", 0, 1)
    assert bench.see("container_references", 0) == 0


def test_use_needs_a_relation(ready: Callable[[str], Bench]) -> None:
    """Nobody maps into a table that it was not told about."""
    bench = ready(SYSTEM)

    assert not bench.can("use", user=0, page=0, to=1)


def test_exit_leaves_the_user_to_the_kernel(ready: Callable[[str], Bench]) -> None:
    """The kernel owes the release, which does what put does."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("exit_process", process=0)

    assert ("release_user", {"user": 0}) in bench.kernel.pending()
    assert not bench.can("put_external_user", user=0)

    bench.do("release_group", file=0)
    assert bench.through("u0", "release_user", user=0) == ["release_user.detach", "release_user.put", "ok"]
    assert bench.see("table_reached", 0) == "none"


def test_get_is_a_call_of_its_process(ready: Callable[[str], Bench]) -> None:
    """The process is killed only after it."""
    bench = ready(SYSTEM)
    bench.begin(None, "get_external_user", user=0, process=0, file=0)

    assert not bench.can("exit_process", process=0)


def test_unbinding_the_last_device_waits_for_the_external_user(ready: Callable[[str], Bench]) -> None:
    """As long as it keeps the group in a container."""
    bench = ready(SYSTEM)
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.begin(None, "unbind_driver", device=0)
    bench.step("d0")

    assert bench.step("d0") == Waiting()
    assert bench.see("group_exists", 0)
    bench.do("put_external_user", user=0)
    assert bench.step("d0") == Paused("unbind_driver.unbound")


def test_from_dev_needs_no_group_file(ready: Callable[[str], Bench]) -> None:
    """A process without fds counts as a user of the device's group."""
    bench = ready(FROM_DEV)

    assert bench.through("u0", "get_external_user_from_dev", user=0, process=1, device=0) == [
        "get_external_user_from_dev.count",
        "get_external_user_from_dev.validate",
        "get_external_user_from_dev.reference",
        "ok",
    ]
    assert bench.see("user_counts", 0) == "g0"


@pytest.mark.parametrize(("device", "errno"), [(2, "ENODEV"), (1, "EINVAL"), (3, "EPERM")])
def test_from_dev_refuses_as_get_does(ready: Callable[[str], Bench], device: int, errno: str) -> None:
    """No VFIO driver, no container, no IOMMU; and the call's reference to the group is given back."""
    bench = ready(FROM_DEV)
    bench.do("open_group", process=0, file=3, group=2)
    bench.do("set_container", process=0, file=3, other=2)

    assert bench.do("get_external_user_from_dev", user=0, process=0, device=device) == Refused(errno)

    bench.do("unbind_driver", device=1)
    assert not bench.see("group_exists", 1)


def test_put_of_3_11_uses_the_group_after_it_is_freed(ready: Callable[[str], Bench]) -> None:
    """The last device has left and waits for the container only: the user's reference is the last one."""
    bench = ready("external-get-put:put-ref-first")
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.begin(None, "unbind_driver", device=0)
    bench.step("d0")

    assert bench.begin(None, "put_external_user", user=0) == Paused("put_external_user.dissolve")
    assert bench.step("u0") == Died("use_after_free")


def test_put_of_3_11_is_harmless_while_others_reference_the_group(ready: Callable[[str], Bench]) -> None:
    """The device does."""
    bench = ready("external-get-put:put-ref-first")
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.through("u0", "put_external_user", user=0) == [
        "put_external_user.dissolve",
        "put_external_user.detach",
        "put_external_user.end",
        "ok",
    ]


def test_a_freed_group_stays_freed_for_those_who_point_at_it(ready: Callable[[str], Bench]) -> None:
    """Another group object for the same devices does not mend a stale pointer."""
    bench = ready("external-get-put:put-ref-first")
    bench.do("unset_container", process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)
    bench.do("get_external_user", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.do("unbind_driver", device=2)
    bench.begin(None, "unbind_driver", device=1)
    bench.step("d1")
    bench.begin(None, "put_external_user", user=0)
    assert not bench.see("group_exists", 1)
    bench.do("bind_driver", device=2, to=VFIO)
    assert bench.see("group_exists", 1)

    assert bench.step("u0") == Died("use_after_free")


def test_a_user_is_idle_until_its_get_and_after_its_put(ready: Callable[[str], Bench]) -> None:
    """In a call it is not, though it may hold nothing yet."""
    bench = ready(SYSTEM)
    assert bench.see("user_idle", 0)

    bench.begin(None, "get_external_user", user=0, process=0, file=0)
    assert not bench.see("user_idle", 0)
    bench.step("u0")
    bench.step("u0")
    assert not bench.see("user_idle", 0)
    bench.do("put_external_user", user=0)
    assert bench.see("user_idle", 0)


def test_a_user_whose_call_never_returns_is_not_idle(ready: Callable[[str], Bench]) -> None:
    """After race R3 the group has a user and no container: get follows the NULL pointer."""
    bench = ready(SYSTEM)
    bench.begin("th0", "unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)
    bench.step("th0")

    assert bench.do("get_external_user", user=0, process=0, file=0) == Died("null_dereference")
    bench.kernel.restore(bench.kernel.snapshot())
    assert not bench.see("user_idle", 0)
