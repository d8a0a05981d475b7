"""What holds metagroups together: helper invariants."""

from tenure.models.files import file_device, file_group, kind
from tenure.models.groups import driver, group_of
from tenure.models.harm import harm
from tenure.models.metagroup_memory_claims import of_memory
from tenure.models.metagroups import (
    alive,
    asked,
    attached,
    domain,
    file_metagroup,
    in_use,
    keeps,
    metagroup,
    mm,
    removed,
)
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PROCESS, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, some, stands


def same(left: Term, right: Term) -> Term:
    """Both flags hold, or neither does."""
    return both(implies(left, right), implies(right, left))


@claim(file=FILE)
def a_file_stands_for_what_its_kind_says(file: Term) -> Term:
    """Group files have a group, device files a device, iommu files a metagroup; closed files nothing."""
    known = either(*(kind[file] == what for what in ("closed", "group", "device", "iommu")))
    return both(
        known,
        same(kind[file] == "group", no(is_none(file_group[file]))),
        same(kind[file] == "device", no(is_none(file_device[file]))),
        same(kind[file] == "iommu", no(is_none(file_metagroup[file]))),
    )


@claim(file=FILE)
def an_open_group_is_in_a_metagroup(file: Term) -> Term:
    """The group of a group file has a metagroup."""
    return implies(kind[file] == "group", no(is_none(metagroup[file_group[file]])))


@claim(file=FILE)
def an_open_device_is_in_an_open_metagroup(file: Term) -> Term:
    """The device of a device file is plugged in, has VFIO's driver, and its metagroup is open."""
    device = file_device[file]
    one = metagroup[group_of[device]]
    there = both(driver[device] == "vfio", no(removed[device]))
    return implies(kind[file] == "device", both(there, no(is_none(one)), domain[one]))


@claim(file=FILE)
def an_iommu_file_is_of_an_open_metagroup(file: Term) -> Term:
    """The metagroup of an iommu file is open."""
    return implies(kind[file] == "iommu", domain[file_metagroup[file]])


@claim(group=GROUP)
def a_group_points_to_a_metagroup_that_is_there(group: Term) -> Term:
    """No group points to a metagroup that was freed."""
    one = metagroup[group]
    return implies(no(is_none(one)), alive[one])


@claim(metagroup_=METAGROUP)
def a_metagroup_is_kept_by_a_file(metagroup_: Term) -> Term:
    """A metagroup is there only while a file of it, of a group or of a device of it is open."""
    return implies(alive[metagroup_], some(FILE, lambda f: keeps(f, metagroup_)))


@claim(metagroup_=METAGROUP)
def an_open_metagroup_has_a_group(metagroup_: Term) -> Term:
    """A metagroup has a domain only while it has a group."""
    return implies(domain[metagroup_], some(GROUP, lambda g: metagroup[g] == metagroup_))


@claim(metagroup_=METAGROUP)
def an_open_metagroup_is_used(metagroup_: Term) -> Term:
    """A domain has a user: nobody merges, and so none is opened by that."""
    return both(no(asked[metagroup_]), implies(domain[metagroup_], in_use(metagroup_)))


@claim(metagroup_=METAGROUP)
def an_open_metagroup_is_there_and_bound(metagroup_: Term) -> Term:
    """A metagroup with a domain is not freed, and bound to some memory, as no other is."""
    is_open = domain[metagroup_]
    return both(implies(is_open, alive[metagroup_]), same(is_open, no(is_none(mm[metagroup_]))))


@claim(metagroup_=METAGROUP)
def an_open_metagroup_is_used_or_was_asked_for(metagroup_: Term) -> Term:
    """A domain without a user is one that a MERGE opened."""
    is_open = domain[metagroup_]
    return both(implies(asked[metagroup_], is_open), implies(is_open, either(in_use(metagroup_), asked[metagroup_])))


@claim(device=DEVICE)
def just_the_devices_of_an_open_metagroup_are_attached(device: Term) -> Term:
    """A device is attached exactly where its metagroup is open, and it is plugged in."""
    one = metagroup[group_of[device]]
    attaches = both(no(is_none(one)), domain[one], no(removed[device]))
    where = attached[device]
    return both(implies(attaches, where == one), implies(no(is_none(where)), both(attaches, where == one)))


@claim(device=DEVICE)
def a_device_that_is_unplugged_has_no_driver(device: Term) -> Term:
    """Its driver has left it before."""
    return implies(removed[device], driver[device] == "none")


@claim(device=DEVICE)
def no_driver_of_the_kernel_is_in_an_open_metagroup(device: Term) -> Term:
    """A device of an open metagroup has no driver, or VFIO's."""
    one = metagroup[group_of[device]]
    is_open = both(no(is_none(one)), domain[one])
    return implies(is_open, either(driver[device] == "none", driver[device] == "vfio"))


@claim(file=FILE)
def a_device_is_being_released_until_its_file_is(file: Term) -> Term:
    """A release that told the device's driver has its file still."""
    return implies(stands(file, "release_device.drop"), kind[file] == "device")


@claim()
def no_harm_is_done() -> Term:
    """No freed metagroup is looked into, and no driver that has left is called."""
    return harm.now == "none"


@claim(thread=THREAD)
def who_was_let_in_is_let_in_still(thread: Term) -> Term:
    """A GET_IOMMU_FD that passed the test of the caller's memory would pass it now."""
    file, process = (frame(thread, "get_iommu_fd", name, sort) for name, sort in (("file", FILE), ("process", PROCESS)))
    owner = mm[metagroup[file_group[file]]]
    return implies(stands(thread, "get_iommu_fd.get"), either(is_none(owner), owner == process))


CLAIMS: tuple[Claim, ...] = (
    a_file_stands_for_what_its_kind_says,
    an_open_group_is_in_a_metagroup,
    an_open_device_is_in_an_open_metagroup,
    an_iommu_file_is_of_an_open_metagroup,
    a_group_points_to_a_metagroup_that_is_there,
    an_open_metagroup_is_there_and_bound,
    just_the_devices_of_an_open_metagroup_are_attached,
    a_device_that_is_unplugged_has_no_driver,
    no_driver_of_the_kernel_is_in_an_open_metagroup,
    a_device_is_being_released_until_its_file_is,
    no_harm_is_done,
)
"""What holds every design together, but for the claim that a defect breaks."""

OF_FILES: tuple[Claim, ...] = (
    a_metagroup_is_kept_by_a_file,
    an_open_metagroup_is_used_or_was_asked_for,
)
"""What holds where metagroups come with the first file, and go with the last."""

FROM_OUTSIDE: tuple[Claim, ...] = (an_open_metagroup_has_a_group, an_open_metagroup_is_used)
"""What holds where an administrator makes and ends them."""


def claims_of(ways: Ways) -> tuple[Claim, ...]:
    """The claims of a design."""
    late = () if ways.tests_mm_under_lock else (who_was_let_in_is_let_in_still,)
    return (*CLAIMS, *of_memory(ways), *(FROM_OUTSIDE if ways.from_outside else OF_FILES), *late)
