"""The proposal of June 2013: file, id, add, del; and what misuse of it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.reference.kernel import Died
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "external-v1"
MISUSE = "external-v1:misuse"
KERNEL = 2


def test_a_user_takes_the_file_asks_counts_and_gives_back(ready: Callable[[str], Bench]) -> None:
    """The documented use: id, add, del, drop."""
    bench = ready(SYSTEM)

    assert bench.do("take_file", user=0, process=0, file=0) == Done()
    assert bench.do("iommu_id_from_file", user=0) == Done((("id", "g0"),))
    assert bench.do("add_external_user", user=0) == Done()
    assert bench.do("use", user=0, page=0, to=1) == Done()
    assert bench.through("u0", "del_external_user", user=0) == ["del_external_user.end", "ok"]
    assert bench.do("drop_file", user=0) == Done()

    assert bench.see("container_users", 0) == 1
    assert bench.see("user_process", 0) == "none"


def test_the_taken_file_outlives_its_fds(ready: Callable[[str], Bench]) -> None:
    """KVM's reference keeps it from being released."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("close", process=0, file=0)

    assert bench.see("user_keeps", 0, 0)
    assert not bench.see("release_pending", 0)
    bench.do("drop_file", user=0)
    assert bench.see("release_pending", 0)


def test_id_goes_through_its_three_checks(ready: Callable[[str], Bench]) -> None:
    """Three reads, and no lock over them."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)

    assert bench.through("u0", "iommu_id_from_file", user=0) == [
        "iommu_id_from_file.check_iommu",
        "iommu_id_from_file.check_viable",
        "ok id=g0",
    ]


def test_id_and_add_refuse_a_file_of_another_kind(ready: Callable[[str], Bench]) -> None:
    """EINVAL: a container file is no group file."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=1)

    assert bench.do("iommu_id_from_file", user=0) == Refused("EINVAL")
    assert bench.do("add_external_user", user=0) == Refused("EINVAL")


def test_id_and_add_refuse_a_group_in_no_container(new: Callable[[str], Bench]) -> None:
    """EINVAL: nobody uses the group."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("take_file", user=0, process=0, file=0)

    assert bench.do("iommu_id_from_file", user=0) == Refused("EINVAL")
    assert bench.do("add_external_user", user=0) == Refused("EINVAL")


def test_id_refuses_a_container_without_driver_and_add_does_not(new: Callable[[str], Bench]) -> None:
    """EINVAL for the id; the user counts all the same."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("take_file", user=0, process=0, file=0)

    assert bench.do("iommu_id_from_file", user=0) == Refused("EINVAL")
    assert bench.do("add_external_user", user=0) == Done()
    assert not bench.can("use", user=0, page=0, to=1)


def test_id_refuses_a_group_that_is_not_viable(new: Callable[[str], Bench]) -> None:
    """EINVAL, and the user was told nothing."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)
    bench.do("take_file", user=0, process=0, file=0)

    assert bench.do("iommu_id_from_file", user=0) == Refused("EINVAL")
    assert bench.see("user_table", 0) == "none"
    assert bench.can("iommu_id_from_file", user=0)


def test_a_user_that_counts_first_remembers_that(ready: Callable[[str], Bench]) -> None:
    """Race C of the facts: the safe order, which nothing forces."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("iommu_id_from_file", user=0)

    assert bench.see("user_added_first", 0)
    assert not bench.can("iommu_id_from_file", user=0)


def test_the_documented_user_gives_back_only_what_it_took(ready: Callable[[str], Bench]) -> None:
    """One add, one del, and the file goes last."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)

    assert not bench.can("del_external_user", user=0)
    bench.do("add_external_user", user=0)
    assert not bench.can("add_external_user", user=0)
    assert not bench.can("drop_file", user=0)
    assert not bench.can("drop_file_early", user=0)


def test_exit_releases_a_user_that_counts_with_del_and_fput(ready: Callable[[str], Bench]) -> None:
    """The file is still there, as the user keeps it."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("exit_process", process=0)

    assert bench.through("u0", "release_user", user=0) == ["release_user.put", "ok"]
    assert bench.see("release_pending", 0)
    bench.settle()
    assert bench.see("container_users", 0) == 0


def test_exit_releases_a_user_that_does_not_count_with_fput(ready: Callable[[str], Bench]) -> None:
    """There is nothing to give back."""
    bench = ready(SYSTEM)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("exit_process", process=0)

    assert bench.through("u0", "release_user", user=0) == ["ok"]
    assert not bench.see("user_keeps", 0, 0)


def test_del_of_a_file_of_another_kind_stops_the_machine(ready: Callable[[str], Bench]) -> None:
    """The patch says BUG()."""
    bench = ready(MISUSE)
    bench.do("take_file", user=0, process=0, file=1)

    assert bench.do("del_external_user", user=0) == Died("bug")


def test_the_misuser_may_drop_the_file_after_del(ready: Callable[[str], Bench]) -> None:
    """A reference that was dropped early is not dropped again."""
    bench = ready(MISUSE)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("drop_file_early", user=0)
    assert not bench.see("user_keeps", 0, 0)
    bench.do("del_external_user", user=0)

    assert bench.do("drop_file", user=0) == Done()
    assert not bench.see("release_pending", 0)


def test_add_through_a_file_that_is_gone_uses_freed_memory(ready: Callable[[str], Bench]) -> None:
    """The reference was dropped early, the use was given back, and the last fd is closed."""
    bench = ready(MISUSE)
    bench.do("take_file", user=0, process=0, file=0)
    bench.do("add_external_user", user=0)
    bench.do("drop_file_early", user=0)
    bench.do("del_external_user", user=0)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.do("add_external_user", user=0) == Died("use_after_free")
