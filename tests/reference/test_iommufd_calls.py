"""The objects of an iommufd in the reference: made, in hand, relied on, attached, destroyed, and gone at close."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_objects

from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

IOMMUFD, DEVICE, OTHER, EMULATED, SECOND = range(5)
"""The files: an iommufd, device files of d0, d1 and d2, an iommufd that is bound to nothing."""

DEV, DEV_TOO, ACCESS, IOAS, NEW, NEWER = range(6)
"""The objects of the first three device files, an IO address space, and two ids that are free."""

EBADF, EBADFD, EBUSY, EINVAL, ENOENT, EOPNOTSUPP = map(
    Refused, ("EBADF", "EBADFD", "EBUSY", "EINVAL", "ENOENT", "EOPNOTSUPP")
)


@pytest.fixture
def bench() -> Bench:
    """A machine on which an iommufd has an IO address space and three devices."""
    made = Bench(Kernel("iommufd-objects", of_objects()))
    made.do("open_iommufd", process=0, file=IOMMUFD)
    for file, device in ((DEVICE, 0), (OTHER, 1), (EMULATED, 2)):
        made.do("open_cdev", process=0, file=file, device=device)
        assert made.do("bind", process=0, file=file, other=IOMMUFD, made=device) == Done()
    assert made.do("ioas_alloc", process=0, file=IOMMUFD, made=IOAS) == Done()
    return made


def attach(bench: Bench, file: int, obj: int, made: int = NEWER) -> object:
    """Attach a device, with an id for a HWPT if one is made."""
    return bench.do("attach", process=0, file=file, obj=obj, made=made)


def destroy(bench: Bench, obj: int) -> object:
    """DESTROY by the first iommufd."""
    return bench.do("destroy", process=0, file=IOMMUFD, obj=obj)


def test_destroy_refuses_an_id_that_is_unknown_and_one_that_is_destroyed(bench: Bench) -> None:
    """ENOENT both times; and an id of another iommufd is unknown."""
    bench.do("open_iommufd", process=0, file=SECOND)

    assert destroy(bench, NEW) == ENOENT
    assert bench.do("destroy", process=0, file=SECOND, obj=IOAS) == ENOENT
    assert destroy(bench, IOAS) == Done()
    assert destroy(bench, IOAS) == ENOENT


def test_destroy_refuses_what_is_relied_on(bench: Bench) -> None:
    """The objects of devices always; an IO address space that has a HWPT, a HWPT that has a device."""
    assert attach(bench, DEVICE, IOAS, NEW) == Done()

    assert [destroy(bench, obj) for obj in (DEV, ACCESS, IOAS, NEW)] == [EBUSY] * 4


def test_destroy_refuses_an_ioas_that_an_access_uses(bench: Bench) -> None:
    """An emulated device needs no HWPT."""
    attach(bench, EMULATED, IOAS)

    assert bench.see("object_attached", ACCESS) == f"o{IOAS}"
    assert bench.see("object_users", IOAS) == 2
    assert destroy(bench, IOAS) == EBUSY


def test_two_devices_share_the_hwpt_of_an_ioas_and_the_last_takes_it_along(bench: Bench) -> None:
    """It is made for the first, found for the second, and destroyed with the last, and the IO address space is free again."""
    attach(bench, DEVICE, IOAS, NEW)
    attach(bench, OTHER, IOAS, NEWER)
    assert (bench.see("object_users", NEW), bench.see("object_type", NEWER)) == (3, "none")

    bench.do("detach", process=0, file=DEVICE)
    assert bench.see("object_type", NEW) == "hwpt"
    bench.do("detach", process=0, file=OTHER)
    assert bench.see("object_type", NEW) == "none"
    assert destroy(bench, IOAS) == Done()


def test_a_replace_destroys_the_hwpt_that_nobody_needs_any_more(bench: Bench) -> None:
    """And the old IO address space can be destroyed."""
    bench.do("destroy", process=0, file=IOMMUFD, obj=IOAS)
    bench.do("ioas_alloc", process=0, file=IOMMUFD, made=IOAS)
    attach(bench, DEVICE, IOAS, NEW)
    bench.do("close", process=0, file=OTHER)
    bench.settle()
    bench.do("ioas_alloc", process=0, file=IOMMUFD, made=DEV_TOO)

    assert attach(bench, DEVICE, DEV_TOO) == Done()

    assert (bench.see("object_attached", DEV), bench.see("object_type", NEW)) == (f"o{NEWER}", "none")
    assert destroy(bench, IOAS) == Done()


def test_an_attach_to_what_it_is_attached_to_changes_nothing(bench: Bench) -> None:
    """By the IO address space or by the id of the HWPT."""
    attach(bench, DEVICE, IOAS, NEW)
    before = bench.kernel.observe()

    assert attach(bench, DEVICE, IOAS) == Done()
    assert attach(bench, DEVICE, NEW) == Done()
    assert bench.kernel.observe() == before


def test_attach_refuses_unknown_ids_and_ids_of_the_wrong_type(bench: Bench) -> None:
    """A device is nothing to attach to; an emulated one knows only IO address spaces."""
    bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEW)

    assert attach(bench, DEVICE, NEWER, NEWER) == ENOENT
    assert attach(bench, DEVICE, DEV_TOO) == EINVAL
    assert attach(bench, EMULATED, NEW) == ENOENT


def test_a_file_that_is_not_bound_neither_attaches_nor_detaches(bench: Bench) -> None:
    """EINVAL; detach of a device that is attached to nothing is no error."""
    bench.do("open_cdev", process=0, file=5, device=0)

    assert bench.do("attach", process=0, file=5, obj=IOAS, made=NEW) == EINVAL
    assert bench.do("detach", process=0, file=5) == EINVAL
    assert bench.do("detach", process=0, file=DEVICE) == Done()


def test_bind_refuses_a_bound_file_a_bad_fd_no_iommufd_and_a_bound_device(bench: Bench) -> None:
    """In this order."""
    bench.do("open_cdev", process=0, file=5, device=0)

    def bind(file: int, other: int) -> object:
        return bench.do("bind", process=0, file=file, other=other, made=NEW)

    assert bind(DEVICE, -1) == EINVAL
    assert [bind(5, other) for other in (-1, SECOND, OTHER, IOMMUFD)] == [EBADF, EBADF, EBADFD, EINVAL]


def test_a_hwpt_that_a_user_made_stays_until_it_is_destroyed(bench: Bench) -> None:
    """The last device does not take it along."""
    assert bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEW) == Done()
    attach(bench, DEVICE, NEW)
    bench.do("detach", process=0, file=DEVICE)

    assert bench.see("object_type", NEW) == "hwpt"
    assert destroy(bench, IOAS) == EBUSY
    assert (destroy(bench, NEW), destroy(bench, IOAS)) == (Done(), Done())


def test_hwpt_alloc_needs_a_physical_device_and_an_ioas(bench: Bench) -> None:
    """ENOENT for the device, EINVAL for anything else but an IO address space; a nested HWPT is not supported."""
    bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEW)

    def alloc(dev: int, obj: int) -> object:
        return bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=dev, obj=obj, made=NEWER)

    assert [alloc(dev, IOAS) for dev in (ACCESS, NEWER, IOAS)] == [ENOENT] * 3
    assert [alloc(DEV, obj) for obj in (NEWER, ACCESS, DEV, NEW)] == [EINVAL, EINVAL, EINVAL, EOPNOTSUPP]
    assert [bench.see("object_users", obj) for obj in (DEV, IOAS, NEW)] == [2, 2, 1]


def test_a_call_in_flight_keeps_its_object(bench: Bench) -> None:
    """DESTROY is refused while the call relies on it, and waits while the call has it in hand."""
    bench.begin("th0", "iova_ranges", process=0, file=IOMMUFD, obj=IOAS)
    assert destroy(bench, IOAS) == EBUSY

    assert bench.step("th0") == Paused("iova_ranges.put_user")
    assert bench.step("th0") == Paused("iova_ranges.put_wait")
    assert bench.begin("th1", "destroy", process=0, file=IOMMUFD, obj=IOAS) == Paused("destroy.destroy")
    assert bench.step("th1") == Waiting()
    assert bench.do("iova_ranges", process=0, file=IOMMUFD, obj=IOAS) == ENOENT

    assert bench.step("th0") == Done()
    assert bench.step("th1") == Done()


def test_an_unbind_waits_until_no_call_has_the_object_and_then_none_finds_it(bench: Bench) -> None:
    """An attach of another device, by the id of the one that goes, is in flight; as long as it is, others find the object too."""
    bench.begin("th0", "attach", process=0, file=OTHER, obj=DEV, made=NEW)
    bench.do("close", process=0, file=DEVICE)
    assert bench.begin(None, "release_device", file=DEVICE) == Paused("release_device.begin")
    bench.step(f"f{DEVICE}")

    assert bench.step(f"f{DEVICE}") == Waiting()
    assert bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEWER) == Done()
    assert [bench.step("th0") for _ in range(3)][-1] == EINVAL
    assert (bench.see("object_listed", DEV), bench.see("object_waits", DEV)) == (True, 0)
    assert bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEW) == ENOENT
    assert bench.step(f"f{DEVICE}") == Done()
    assert bench.see("object_type", DEV) == "none"


def test_a_bound_device_keeps_its_iommufd_when_its_fd_is_closed(bench: Bench) -> None:
    """The device works on, and the iommufd goes with the last device."""
    bench.do("close", process=0, file=IOMMUFD)
    bench.settle()
    assert bench.see("file_kind", IOMMUFD) == "iommufd"
    assert attach(bench, DEVICE, IOAS, NEW) == Done()

    bench.do("exit_process", process=0)
    bench.settle()

    assert {bench.see("file_kind", file) for file in range(6)} == {"closed"}
    assert {bench.see("object_type", obj) for obj in range(6)} == {"none"}


def test_close_destroys_what_relies_on_others_first(bench: Bench) -> None:
    """The IO address space waits for its HWPT."""
    bench.do("hwpt_alloc", process=0, file=IOMMUFD, dev=DEV, obj=IOAS, made=NEW)
    for file in (DEVICE, OTHER, EMULATED, IOMMUFD):
        bench.do("close", process=0, file=file)
    for file in (DEVICE, OTHER, EMULATED):
        bench.do("release_device", file=file)

    assert bench.kernel.pending() == [("destroy_left", {"file": IOMMUFD, "obj": NEW})]
    assert not bench.can("destroy_left", file=IOMMUFD, obj=IOAS)
    bench.settle()
    assert bench.see("file_kind", IOMMUFD) == "closed"
