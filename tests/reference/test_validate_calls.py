"""The refcount model: validate and use, use, release; and what is refused, deferred or lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import Died, Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "external-validate"
CHECK_THEN_COUNT = "external-validate:check-then-count"
BY_FD = "external-validate:release-by-fd"
UNBALANCED = "external-validate:unbalanced-release"
NO_IOMMU = 1
KERNEL = 2


def use_of(bench: Bench) -> None:
    """u0 relies on the group behind f0 and on table tb0."""
    assert bench.do("validate_and_use", user=0, process=0, file=0, table=0) == Done()


def test_validate_counts_links_and_keeps_the_file_in_one_step(ready: Callable[[str], Bench]) -> None:
    """Nothing pauses between the check and the count."""
    bench = ready(SYSTEM)

    assert bench.through("u0", "validate_and_use", user=0, process=0, file=0, table=0) == ["ok"]

    assert bench.see("container_users", 0) == 2
    assert bench.see("user_counts", 0) == "g0"
    assert bench.see("user_group", 0) == "g0"
    assert bench.see("user_container", 0) == "c0"
    assert bench.see("user_table", 0) == "tb0"
    assert bench.see("user_process", 0) == "p0"
    assert bench.see("user_keeps", 0, 0)


@pytest.mark.parametrize("system", [SYSTEM, CHECK_THEN_COUNT])
@pytest.mark.parametrize(("file", "table"), [(1, 0), (0, 1)])
def test_validate_refuses_another_file_and_another_table(
    ready: Callable[[str], Bench], system: str, file: int, table: int
) -> None:
    """EINVAL, and nothing is kept: c0's file is no group file, tb1 is not behind g0."""
    bench = ready(system)

    assert bench.do("validate_and_use", user=0, process=0, file=file, table=table) == Refused("EINVAL")

    assert bench.see("container_users", 0) == 1
    assert bench.see("user_idle", 0)


def test_validate_refuses_a_group_in_no_container_and_a_container_without_driver(new: Callable[[str], Bench]) -> None:
    """EINVAL: there is nothing to rely on."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)

    assert bench.do("validate_and_use", user=0, process=0, file=0, table=0) == Refused("EINVAL")
    bench.do("set_container", process=0, file=0, other=1)
    assert bench.do("validate_and_use", user=0, process=0, file=0, table=0) == Refused("EINVAL")
    assert bench.see("user_idle", 0)


def test_validate_refuses_a_group_without_iommu(new: Callable[[str], Bench]) -> None:
    """EPERM: no table isolates it."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=2)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=NO_IOMMU, made=0)

    assert bench.do("validate_and_use", user=0, process=0, file=0, table=0) == Refused("EPERM")


def test_validate_refuses_a_group_that_is_not_viable(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the locks are free again."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)

    assert bench.do("validate_and_use", user=0, process=0, file=0, table=0) == Refused("EINVAL")
    assert bench.see("container_users", 1) == 1
    assert all(lock.owner is None for lock in bench.kernel.machine.locks())


def test_a_user_that_waits_for_the_container_looks_again(ready: Callable[[str], Bench]) -> None:
    """The group that has left while its container's lock was taken is in no container."""
    bench = ready(SYSTEM)
    lock = bench.kernel.machine.containers[0].group_lock
    lock.taken_by("somebody")
    assert bench.begin(None, "validate_and_use", user=0, process=0, file=0, table=0) == Waiting()
    lock.release()
    bench.do("unset_container", process=0, file=0)

    assert bench.step("u0") == Refused("EINVAL")
    assert bench.see("user_idle", 0)


def test_release_names_what_was_validated(ready: Callable[[str], Bench]) -> None:
    """Its file and its table; and then the user holds nothing."""
    bench = ready(SYSTEM)
    assert not bench.can("release", user=0, file=0, table=0)
    use_of(bench)

    assert not bench.can("release", user=0, file=1, table=0)
    assert not bench.can("release", user=0, file=0, table=1)
    assert not bench.can("validate_and_use", user=0, process=0, file=0, table=0)
    assert bench.through("u0", "release", user=0, file=0, table=0) == ["release.put", "ok"]
    assert bench.see("container_users", 0) == 1
    assert bench.see("user_idle", 0)


def test_leaving_is_refused_while_a_use_is_out(ready: Callable[[str], Bench]) -> None:
    """EBUSY until the release."""
    bench = ready(SYSTEM)
    use_of(bench)

    assert bench.do("unset_container", process=0, file=0) == Refused("EBUSY")
    bench.do("release", user=0, file=0, table=0)
    assert bench.do("unset_container", process=0, file=0) == Done()


def test_closing_is_deferred_while_a_use_is_out(ready: Callable[[str], Bench]) -> None:
    """The group's file, container and table stay for the user alone; the release lets all of them go."""
    bench = ready(SYSTEM)
    use_of(bench)
    for file in (0, 1, 2):
        bench.do("close", process=0, file=file)
    bench.settle()

    assert bench.see("file_kind", 0) == "group"
    assert bench.do("use", user=0, page=1, to=1) == Done()
    bench.do("release", user=0, file=0, table=0)
    bench.settle()
    assert bench.see("file_kind", 0) == "closed"
    assert bench.see("container_references", 0) == 0
    assert not bench.see("page_mapped", 0, 1)


def test_a_use_that_is_never_given_back_keeps_everybody_out(ready: Callable[[str], Bench]) -> None:
    """The leak: EBUSY for who opens the group, and the driver of its last device waits, for as long as the user likes."""
    bench = ready(SYSTEM)
    use_of(bench)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.do("open_group", process=1, file=3, group=0) == Refused("EBUSY")
    bench.begin(None, "unbind_driver", device=0)
    bench.step("d0")
    assert bench.step("d0") == Waiting()

    bench.do("release", user=0, file=0, table=0)
    bench.settle()
    assert bench.step("d0") == Paused("unbind_driver.unbound")


def test_release_needs_neither_an_fd_nor_a_viable_group(ready: Callable[[str], Bench]) -> None:
    """What was true when the user validated may be over."""
    bench = ready(SYSTEM)
    use_of(bench)
    bench.do("close", process=0, file=0)
    bench.begin(None, "unbind_driver", device=0)
    bench.step("d0")
    bench.kernel.machine.devices[0].driver = KERNEL
    bench.kernel.machine.devices[0].group.unbound_list.clear()
    assert not bench.see("group_viable", 0)

    assert bench.do("release", user=0, file=0, table=0) == Done()


def test_exit_leaves_the_release_to_the_kernel(ready: Callable[[str], Bench]) -> None:
    """The file is kept until then."""
    bench = ready(SYSTEM)
    use_of(bench)
    bench.do("exit_process", process=0)

    assert bench.kernel.pending()[-1] == ("release_user", {"user": 0})
    assert not bench.can("release", user=0, file=0, table=0)
    assert not bench.see("release_pending", 0)
    assert bench.through("u0", "release_user", user=0) == ["release_user.put", "ok"]
    assert bench.see("release_pending", 0)


def test_between_check_and_count_the_group_leaves(ready: Callable[[str], Bench]) -> None:
    """EINVAL where it is in no container then, and nothing is kept."""
    bench = ready(CHECK_THEN_COUNT)
    outcome = bench.begin(None, "validate_and_use", user=0, process=0, file=0, table=0)
    bench.do("unset_container", process=0, file=0)

    assert outcome == Paused("validate_and_use.count")
    assert bench.step("u0") == Refused("EINVAL")
    assert bench.see("user_idle", 0)


def test_v1_what_was_checked_is_not_what_is_used(ready: Callable[[str], Bench]) -> None:
    """The group moves to c1 between check and count: the user maps into a table that is freed."""
    bench = ready(CHECK_THEN_COUNT)
    bench.begin(None, "validate_and_use", user=0, process=0, file=0, table=0)
    bench.do("unset_container", process=0, file=0)
    bench.do("set_container", process=0, file=0, other=2)

    assert bench.step("u0") == Done()
    assert (bench.see("user_container", 0), bench.see("container_of", 0)) == ("c0", "c1")
    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_v3_a_release_by_fd_is_refused_once_that_is_closed(ready: Callable[[str], Bench]) -> None:
    """EBADF, and the group goes on being used; with the fd it is given back."""
    bench = ready(BY_FD)
    use_of(bench)

    before = bench.kernel.snapshot()
    assert bench.do("release", user=0, file=0, table=0) == Done()
    assert bench.see("user_idle", 0)

    bench.kernel.restore(before)
    bench.do("close", process=0, file=0)
    assert bench.do("release", user=0, file=0, table=0) == Refused("EBADF")
    assert bench.see("container_users", 0) == 2
    assert bench.see("user_counts", 0) == "g0"


def test_v2_a_release_too_many_takes_the_use_of_another(ready: Callable[[str], Bench]) -> None:
    """u1 never validated; its release lets UNSET_CONTAINER through, and u0 is left with a table that is freed."""
    bench = ready(UNBALANCED)
    use_of(bench)

    assert bench.do("release_without_use", user=1, process=0, file=0) == Done()
    assert bench.see("container_users", 0) == 1
    assert bench.do("unset_container", process=0, file=0) == Done()
    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_a_release_without_any_use_takes_that_of_set_container(ready: Callable[[str], Bench]) -> None:
    """The group leaves behind its owner's back, and a further release goes unnoticed."""
    bench = ready(UNBALANCED)

    assert bench.do("release_without_use", user=0, process=0, file=0) == Done()
    assert bench.see("group_placed", 0)
    assert bench.see("container_of", 0) == "none"
    assert bench.do("release_without_use", user=0, process=0, file=0) == Done()
    assert bench.see("container_users", 0) == 0


def test_a_user_releases_a_table_that_is_gone(ready: Callable[[str], Bench]) -> None:
    """It knows the table by its name; and that the group is in no container any more, nobody notices."""
    bench = ready(UNBALANCED)
    use_of(bench)
    bench.do("release_without_use", user=1, process=0, file=0)
    bench.do("unset_container", process=0, file=0)
    bench.kernel.restore(bench.kernel.snapshot())

    assert bench.do("release", user=0, file=0, table=0) == Done()
    assert bench.see("user_idle", 0)


def test_only_a_group_file_is_released_without_use(ready: Callable[[str], Bench]) -> None:
    """And only where the client is unbalanced."""
    assert not ready(UNBALANCED).can("release_without_use", user=0, process=0, file=1)
    assert not ready(SYSTEM).can("release_without_use", user=0, process=0, file=0)
