"""What holds metagroups together: helper invariants."""

from tenure.models.dma_type1 import charged
from tenure.models.files import file_device, file_group, kind
from tenure.models.groups import driver, group_of
from tenure.models.harm import harm
from tenure.models.metagroup_memory import owed, payer
from tenure.models.metagroups import (
    alive,
    asked,
    attached,
    domain,
    file_metagroup,
    in_use,
    keeps,
    left,
    mapped,
    memory,
    metagroup,
    mm,
    removed,
)
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PAGE, PROCESS, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.types import FLAG
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, number_of, some, stands


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


@claim(page=PAGE)
def what_is_mapped_is_in_an_open_metagroup(page: Term) -> Term:
    """No page is mapped in a metagroup without a domain."""
    return implies(no(is_none(mapped[page])), domain[mapped[page]])


@claim(page=PAGE)
def what_is_mapped_is_paid_for(page: Term) -> Term:
    """A page that is mapped is memory of some process, which pays for it."""
    return implies(no(is_none(mapped[page])), both(no(is_none(memory[page])), payer[page] == memory[page]))


@claim(page=PAGE)
def what_is_mapped_is_memory_of_the_right_process(page: Term) -> Term:
    """A page that is mapped is memory of the process to which the metagroup is bound."""
    return implies(no(is_none(mapped[page])), memory[page] == mm[mapped[page]])


@claim(page=PAGE)
def who_pays_for_a_page_has_it_in_memory(page: Term) -> Term:
    """Who pays for a page is the process whose memory it is, until a work item gives it back."""
    return implies(no(is_none(payer[page])), either(memory[page] == payer[page], left[page]))


@claim(page=PAGE)
def what_is_left_is_paid_for_and_pinned_no_more(page: Term) -> Term:
    """A work item gives back what somebody pays for, and nobody has pinned."""
    return implies(left[page], both(no(is_none(payer[page])), is_none(memory[page])))


@claim(process=PROCESS)
def charges_are_counted(process: Term) -> Term:
    """The pages in locked_vm are those that the process pays for."""
    return charged[process] == number_of(PAGE, lambda pg: payer[pg] == process)


MAPS = "map_dma.map"


def _page(thread: Term) -> Term:
    return frame(thread, "map_dma", "page", PAGE)


def _process(thread: Term) -> Term:
    return frame(thread, "map_dma", "process", PROCESS)


@claim(thread=THREAD)
def who_maps_a_page_has_pinned_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page of its caller's memory that is mapped nowhere."""
    page, process = _page(thread), _process(thread)
    pinned = both(no(is_none(page)), no(is_none(process)), memory[page] == process, is_none(mapped[page]))
    return implies(stands(thread, MAPS), pinned)


@claim(thread=THREAD)
def who_maps_a_page_has_paid_for_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that its caller pays for."""
    return implies(stands(thread, MAPS), payer[_page(thread)] == _process(thread))


@claim(page=PAGE)
def what_is_owed_is_paid_for_by_nobody(page: Term) -> Term:
    """A work item is to charge for what is not charged for yet."""
    return implies(no(is_none(owed[page])), is_none(payer[page]))


@claim(page=PAGE)
def what_is_mapped_is_paid_for_or_owed(page: Term) -> Term:
    """A page that is mapped is memory of some process, which pays for it, or is to be charged for it."""
    owner = memory[page]
    known = either(payer[page] == owner, owed[page] == owner)
    return implies(no(is_none(mapped[page])), both(no(is_none(owner)), known))


@claim(page=PAGE)
def what_is_left_is_paid_for_or_owed(page: Term) -> Term:
    """A work item gives back what somebody pays for, or is to be charged for before."""
    known = either(no(is_none(payer[page])), no(is_none(owed[page])))
    return implies(left[page], both(known, is_none(memory[page])))


@claim(thread=THREAD)
def who_maps_a_page_has_paid_for_it_unless_late(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that its caller pays for, unless somebody had the memory's lock."""
    page, late = _page(thread), frame(thread, "map_dma", "contended", FLAG)
    paid = either(both(late, is_none(payer[page])), both(no(late), payer[page] == _process(thread)))
    return implies(stands(thread, MAPS), both(is_none(owed[page]), paid))


@claim(thread=THREAD)
def who_maps_a_page_has_yet_to_pay_for_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that nobody pays for."""
    return implies(stands(thread, MAPS), is_none(payer[_page(thread)]))


@claim(thread=THREAD)
def who_maps_a_page_has_an_iommu_file(thread: Term) -> Term:
    """The file of a MAP_DMA stays."""
    return implies(stands(thread, MAPS), kind[frame(thread, "map_dma", "file", FILE)] == "iommu")


@claim(thread=THREAD)
def who_maps_a_page_has_a_file_of_its_memory(thread: Term) -> Term:
    """The metagroup into which a MAP_DMA maps is bound to its caller's memory."""
    file = frame(thread, "map_dma", "file", FILE)
    return implies(stands(thread, MAPS), mm[file_metagroup[file]] == _process(thread))


@claim(thread=THREAD, other=THREAD)
def each_thread_maps_a_page_of_its_own(thread: Term, other: Term) -> Term:
    """The new page of a MAP_DMA is named by no other."""
    maps = both(stands(thread, MAPS), stands(other, MAPS))
    return implies(both(maps, _page(thread) == _page(other)), thread == other)


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
    what_is_mapped_is_in_an_open_metagroup,
    what_is_mapped_is_paid_for,
    what_is_mapped_is_memory_of_the_right_process,
    who_pays_for_a_page_has_it_in_memory,
    what_is_left_is_paid_for_and_pinned_no_more,
    charges_are_counted,
    who_maps_a_page_has_pinned_it,
    who_maps_a_page_has_an_iommu_file,
    who_maps_a_page_has_a_file_of_its_memory,
    each_thread_maps_a_page_of_its_own,
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


OWING: tuple[Claim, ...] = (
    what_is_owed_is_paid_for_by_nobody,
    what_is_mapped_is_paid_for_or_owed,
    what_is_left_is_paid_for_or_owed,
    who_maps_a_page_has_paid_for_it_unless_late,
)
"""What holds where a work item may charge."""


def claims_of(ways: Ways) -> tuple[Claim, ...]:
    """The claims of a design: a page is paid for before it is mapped, or as it is mapped."""
    pays = who_maps_a_page_has_paid_for_it if ways.charges_first else who_maps_a_page_has_yet_to_pay_for_it
    late = () if ways.tests_mm_under_lock else (who_was_let_in_is_let_in_still,)
    owing = () if ways.keeps_work else OWING
    return (*CLAIMS, *(FROM_OUTSIDE if ways.from_outside else OF_FILES), pays, *owing, *late)
