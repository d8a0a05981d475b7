"""The races of the facts, replayed step by step: who runs when, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.reference.kernel import Died, Paused
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

KERNEL = 2


def test_r1_two_threads_set_the_container_and_link_the_group_twice(new: Callable[[str], Bench]) -> None:
    """Both pass the look at `container_users`; the list is corrupted, and UNSET is EBUSY for ever."""
    bench = new("containers-2013")
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)

    assert bench.begin("th0", "set_container", process=0, file=0, other=1) == Paused("set_container.look_up")
    assert bench.begin("th1", "set_container", process=0, file=0, other=1) == Paused("set_container.look_up")
    bench.step("th0")
    bench.step("th1")
    assert bench.step("th0") == Done()
    assert bench.see("harm") == "none"
    assert bench.step("th1") == Done()

    assert bench.see("harm") == "list_corruption"
    assert bench.see("container_users", 0) == 2
    assert bench.see("container_references", 0) == 3
    assert bench.do("unset_container", process=0, file=0) == Refused("EBUSY")


def test_r2_a_device_is_opened_while_its_group_leaves(ready: Callable[[str], Bench]) -> None:
    """The device file is open without table; when it is closed, detach follows a NULL pointer."""
    bench = ready("containers-2013")
    bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3)
    bench.step("th0")
    bench.step("th0")

    assert bench.do("unset_container", process=0, file=0) == Done()
    bench.step("th0")
    bench.step("th0")
    bench.step("th0")
    assert bench.step("th0") == Done()

    assert bench.see("container_users", 0) == 1
    assert bench.see("container_of", 0) == "none"
    assert bench.see("table_reached", 0) == "none"

    bench.do("close", process=0, file=3)
    assert bench.begin(None, "release_device", file=3) == Paused("release_device.detach")
    assert bench.step("f3") == Died("null_dereference")
    assert not bench.can("get_status", process=0, file=0)


def test_r2_get_device_fd_reads_the_container_after_it_is_gone(ready: Callable[[str], Bench]) -> None:
    """The narrow window: the counter was tested, the pointer is NULL when it is followed."""
    bench = ready("containers-2013")
    bench.begin("th0", "get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("unset_container", process=0, file=0)

    assert bench.step("th0") == Died("null_dereference")


def test_r3_unset_tears_down_what_set_has_just_made(ready: Callable[[str], Bench]) -> None:
    """UNSET has given up the use and not yet detached: SET installs c1, and detach takes the group out of c1."""
    bench = ready("containers-2013")
    assert bench.begin("th0", "unset_container", process=0, file=0) == Paused("unset_container.detach")

    assert bench.do("set_container", process=0, file=0, other=2) == Done()
    assert bench.see("container_of", 0) == "c1"
    assert bench.step("th0") == Done()

    assert bench.see("container_of", 0) == "none"
    assert bench.see("container_users", 0) == 1
    assert bench.see("group_placed", 0)
    assert bench.see("container_lists", 0, 0)
    assert bench.see("container_references", 0) == 2
    assert bench.see("harm") == "list_corruption"


def test_r4_a_failed_get_leaves_a_group_attached_without_users(new: Callable[[str], Bench]) -> None:
    """The plain decrement takes the last use and detaches nothing: open is EBUSY for ever."""
    bench = new("external-get-put:from-dev")
    bench.do("unbind_driver", device=2)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.begin(None, "get_external_user_from_dev", user=0, process=1, device=1)
    bench.step("u0")
    assert bench.see("container_users", 1) == 2

    bench.do("close", process=0, file=0)
    bench.settle()
    assert bench.step("u0") == Refused("EINVAL")

    assert bench.see("container_users", 1) == 0
    assert bench.see("container_of", 1) == "c0"
    assert bench.do("open_group", process=0, file=0, group=1) == Refused("EBUSY")


def test_r4_a_failed_register_leaves_a_group_attached_without_users(new: Callable[[str], Bench]) -> None:
    """A driver holds no group file either: the plain decrement takes the last use and detaches nothing."""
    bench = new("external-get-put:notifiers")
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.begin(None, "register_notifier", user=0, device=0, events=1)
    bench.step("u0")

    bench.do("close", process=0, file=0)
    bench.settle()
    assert bench.step("u0") == Refused("EINVAL")

    assert bench.see("container_users", 0) == 0
    assert bench.see("container_of", 0) == "c0"
    assert bench.do("open_group", process=0, file=0, group=0) == Refused("EBUSY")


def test_a_the_id_is_stale_when_the_user_counts(ready: Callable[[str], Bench]) -> None:
    """Check then act: the user counts in a container without table, and maps into the table that is gone."""
    bench = ready("external-v1")
    bench.do("take_file", user=0, process=0, file=0)
    assert bench.do("iommu_id_from_file", user=0) == Done((("id", "g0"),))

    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)
    assert bench.do("add_external_user", user=0) == Done()

    assert bench.see("container_users", 0) == 2
    assert bench.see("container_of", 0) == "c1"
    assert bench.see("user_container", 0) == "c0"
    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_a_a_table_that_is_gone_stays_gone_under_a_new_one_of_its_name(ready: Callable[[str], Bench]) -> None:
    """The user points at the old object; the new one is somebody else's."""
    bench = ready("external-v1")
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("iommu_id_from_file", user=0)
    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)
    bench.do("set_iommu", process=0, file=2, type=0, made=0)
    bench.do("add_external_user", user=0)
    bench.kernel.restore(bench.kernel.snapshot())

    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_b_the_id_follows_a_pointer_that_unset_has_cleared(ready: Callable[[str], Bench]) -> None:
    """The counter was read as 1; then the group left."""
    bench = ready("external-v1")
    bench.do("take_file", user=0, process=0, file=0)
    assert bench.begin(None, "iommu_id_from_file", user=0) == Paused("iommu_id_from_file.check_iommu")

    bench.do("unset_container", process=0, file=0)

    assert bench.step("u0") == Died("null_dereference")


def test_d_a_del_without_add_steals_the_use_of_set_container(ready: Callable[[str], Bench]) -> None:
    """The group leaves while user space believes it in its place, and UNSET is EINVAL."""
    bench = ready("external-v1:misuse")
    bench.do("take_file", user=0, process=0, file=0)

    assert bench.through("u0", "del_external_user", user=0) == [
        "del_external_user.detach",
        "del_external_user.end",
        "ok",
    ]

    assert bench.see("group_placed", 0)
    assert bench.see("container_of", 0) == "none"
    assert bench.do("unset_container", process=0, file=0) == Refused("EINVAL")


def test_d_a_second_del_leaves_an_open_device_without_table(ready: Callable[[str], Bench]) -> None:
    """With a device open the count is stolen first, and the table goes with the next."""
    bench = ready("external-v1:misuse")
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("take_file", user=0, process=0, file=0)

    bench.do("del_external_user", user=0)
    bench.do("del_external_user", user=0)

    assert bench.see("file_kind", 3) == "device"
    assert bench.see("table_reached", 0) == "none"


def test_e_del_after_the_file_was_dropped_uses_freed_memory(ready: Callable[[str], Bench]) -> None:
    """The count is on the group, and only the file leads there."""
    bench = ready("external-v1:misuse")
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("drop_file_early", user=0)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.do("del_external_user", user=0) == Died("use_after_free")


def test_e_a_file_that_is_gone_stays_gone_under_a_new_one_of_its_name(ready: Callable[[str], Bench]) -> None:
    """The pointer does not become one to the next file."""
    bench = ready("external-v1:misuse")
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("drop_file_early", user=0)
    bench.do("close", process=0, file=0)
    bench.settle()
    bench.do("open_group", process=0, file=0, group=1)
    bench.kernel.restore(bench.kernel.snapshot())

    assert bench.do("del_external_user", user=0) == Died("use_after_free")
