"""RFC, VIA and MM: metagroups of November 2011, whose memory they lead to, and who may use them."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, INDEX, METAGROUP, PAGE, PROCESS, REGION
from tenure.vocabulary.observables import ROOM
from tenure.vocabulary.properties import always, answered, argument, called, each_step
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some

DEVICE_CALLS = (
    *("get_device_flags", "get_num_regions", "get_region_info", "get_num_irqs", "get_irq_info"),
    *("get_dtpath", "get_dtindex", "reset_device"),
)
"""What is asked of a device by its file."""


@always("RFC-1", "invariant I1 of the RFC, vfio_try_dissolve", metagroup=METAGROUP)
def an_open_metagroup_is_used_or_was_asked_for(metagroup: Term) -> Term:
    """A metagroup is open only while an iommu or device file of it is, or from a MERGE that went well to the next release."""
    used = some(FILE, lambda f: both(seen.file_metagroup[f] == metagroup, seen.file_keeps_open[f]))
    return implies(seen.metagroup_open[metagroup], either(used, seen.metagroup_asked[metagroup]))


@always("RFC-2", "invariant I2 of the RFC, vfio_open_iommu", metagroup=METAGROUP)
def an_open_metagroup_is_bound_to_some_memory(metagroup: Term) -> Term:
    """A metagroup has a domain exactly while it is bound to the memory of a process."""
    is_open, bound = seen.metagroup_open[metagroup], no(is_none(seen.metagroup_mm[metagroup]))
    return both(implies(is_open, bound), implies(bound, is_open))


@always("RFC-3", "invariant I3 of the RFC: isolation", device=DEVICE)
def a_device_is_attached_to_its_own_metagroup(device: Term) -> Term:
    """A device is attached to no domain but that of the metagroup in which its group is."""
    where = seen.device_attached[device]
    return implies(no(is_none(where)), both(seen.device_metagroup[device] == where, seen.metagroup_open[where]))


@always("RFC-4", "invariant I4 of the RFC: isolation", page=PAGE)
def a_metagroup_leads_to_the_memory_of_one_process(page: Term) -> Term:
    """Each page to which a metagroup leads devices is memory of the process to which it is bound, which pays for it."""
    where, owner = seen.page_metagroup[page], seen.page_memory[page]
    its = both(no(is_none(owner)), seen.metagroup_mm[where] == owner, seen.page_payer[page] == owner)
    return implies(no(is_none(where)), its)


@always("RFC-8", "release at the last reference", metagroup=METAGROUP)
def a_metagroup_is_there_while_a_file_of_it_is_open(metagroup: Term) -> Term:
    """A metagroup is there only while a file of it, of a group or of a device of it is open, and else nothing points to it."""
    open_file = some(FILE, lambda f: seen.file_metagroup[f] == metagroup)
    forgotten = both(
        no(seen.metagroup_open[metagroup]),
        every(GROUP, lambda g: no(seen.metagroup_of[g] == metagroup)),
        every(DEVICE, lambda d: no(seen.device_attached[d] == metagroup)),
        every(PAGE, lambda pg: no(seen.page_metagroup[pg] == metagroup)),
    )
    there = seen.metagroup_exists[metagroup]
    return both(implies(there, open_file), implies(no(there), forgotten))


@each_step("VIA-1", "vfio_open_iommu, vfio_iommu_viable", metagroup=METAGROUP, device=DEVICE)
def a_metagroup_is_opened_only_where_it_is_viable(metagroup: Term, device: Term) -> Term:
    """Each device of a metagroup that is being opened has VFIO's driver."""
    opens = both(no(before(seen.metagroup_open[metagroup])), seen.metagroup_open[metagroup])
    of_it = both(seen.device_metagroup[device] == metagroup, seen.device_present[device])
    return implies(both(opens, of_it), seen.device_vfio[device])


@always("VIA-4", "vfio_bind_dev; defect D-G1-24", device=DEVICE)
def no_driver_of_the_kernel_is_in_an_open_metagroup(device: Term) -> Term:
    """No device of a metagroup that is open is driven by the kernel."""
    one = seen.device_metagroup[device]
    is_open = both(no(is_none(one)), seen.metagroup_open[one])
    return implies(both(is_open, seen.device_present[device]), no(seen.device_kernel[device]))


@each_step("VIA-5", "vfio_iommu_viable; defect D-G1-24", file=FILE, device=DEVICE)
def no_file_is_given_out_of_what_is_not_viable(file: Term, device: Term) -> Term:
    """GET_IOMMU_FD and GET_DEVICE_FD give out a file only where each device of the metagroup has VFIO's driver."""
    given = both(either(called("get_iommu_fd"), called("get_device_fd")), answered(), argument("file", FILE) == file)
    of_it = both(seen.device_metagroup[device] == seen.file_metagroup[file], seen.device_present[device])
    return implies(both(given, of_it), seen.device_vfio[device])


@each_step("MM-1", "vfio_group_unl_ioctl, mm", file=FILE, metagroup=METAGROUP)
def only_the_process_that_opened_a_metagroup_uses_it(file: Term, metagroup: Term) -> Term:
    """What is asked of a metagroup that is bound to memory is done only for the process whose memory it is."""
    names = ("get_iommu_fd", "get_device_fd", "merge", "unmerge", "map_dma", "unmap_dma", *DEVICE_CALLS)
    through = before(seen.file_metagroup[file]) == metagroup
    owner = before(seen.metagroup_mm[metagroup])
    asked = both(either(*map(called, names)), answered(), argument("file", FILE) == file, through)
    return implies(asked, either(is_none(owner), owner == argument("process", PROCESS)))


@each_step("RFC-9", "review of the RFC: no merge into a group that is in use", group=GROUP, metagroup=METAGROUP)
def no_group_joins_an_open_metagroup(group: Term, metagroup: Term) -> Term:
    """What is mapped reaches the devices of no group that comes later: a metagroup that is open has the groups that it had."""
    inside = seen.metagroup_of[group] == metagroup
    return implies(both(before(seen.metagroup_open[metagroup]), inside), before(inside))


@each_step("RFC-10", "review of the RFC: UNMERGE without the other group", file=FILE, metagroup=METAGROUP)
def a_group_is_taken_out_by_its_own_file_alone(file: Term, metagroup: Term) -> Term:
    """The metagroup that UNMERGE makes is the one of the group on whose file it is called."""
    asked = both(called("unmerge"), answered(), argument("file", FILE) == file)
    made = both(no(before(seen.metagroup_exists[metagroup])), seen.metagroup_exists[metagroup])
    return implies(both(asked, made), seen.file_metagroup[file] == metagroup)


@each_step(
    "RFC-11", "review of the RFC: metagroups with a life of their own", file=FILE, group=GROUP, metagroup=METAGROUP
)
def who_has_a_file_of_a_metagroup_knows_its_groups(file: Term, group: Term, metagroup: Term) -> Term:
    """While a file of a metagroup stays open, no group comes into the metagroup, and none leaves it."""
    through, inside = seen.file_metagroup[file] == metagroup, seen.metagroup_of[group] == metagroup
    stays = both(before(through), through)
    return implies(stays, both(implies(inside, before(inside)), implies(before(inside), inside)))


@each_step(
    "RFC-12", "RFC of November 2011, device file: region and irq descriptions", file=FILE, region=REGION, index=INDEX
)
def a_device_file_tells_of_its_own_device(file: Term, region: Term, index: Term) -> Term:
    """A device file tells of its own regions and interrupt indexes alone, and nothing, nor its path, to who has too little room."""
    of_region = both(either(called("get_region_info"), called("get_dtindex")), argument("region", REGION) == region)
    of_index = both(either(called("get_irq_info"), called("get_dtindex")), argument("index", INDEX) == index)
    told = both(answered(), argument("file", FILE) == file, either(of_region, of_index, called("get_dtpath")))
    device = seen.file_opens[file]
    own_region = implies(of_region, seen.region_device[region] == device)
    own_index = implies(of_index, seen.index_device[index] == device)
    return implies(told, both(own_region, own_index, no(argument("room", ROOM) == "too little")))


@each_step("RFC-13", "RFC of November 2011, device file: flag RESET", file=FILE)
def a_device_is_reset_only_if_it_says_that_it_can_be(file: Term) -> Term:
    """RESET is done only for a device that tells of the flag RESET."""
    done = both(called("reset_device"), answered(), argument("file", FILE) == file)
    return implies(done, seen.device_resets[seen.file_opens[file]])


@always("RFC-14", "invariant I7 of the RFC, lock_acct", page=PAGE)
def a_page_is_paid_for_only_while_it_is_needed(page: Term) -> Term:
    """Who pays for a page has it pinned in its memory, or a work item waits that gives it back."""
    payer = seen.page_payer[page]
    return implies(no(is_none(payer)), either(seen.page_memory[page] == payer, seen.page_left[page]))


PROPERTIES = (
    an_open_metagroup_is_used_or_was_asked_for,
    an_open_metagroup_is_bound_to_some_memory,
    a_device_is_attached_to_its_own_metagroup,
    a_metagroup_leads_to_the_memory_of_one_process,
    a_metagroup_is_there_while_a_file_of_it_is_open,
    a_metagroup_is_opened_only_where_it_is_viable,
    no_driver_of_the_kernel_is_in_an_open_metagroup,
    no_file_is_given_out_of_what_is_not_viable,
    only_the_process_that_opened_a_metagroup_uses_it,
    no_group_joins_an_open_metagroup,
    a_group_is_taken_out_by_its_own_file_alone,
    who_has_a_file_of_a_metagroup_knows_its_groups,
    a_device_file_tells_of_its_own_device,
    a_device_is_reset_only_if_it_says_that_it_can_be,
    a_page_is_paid_for_only_while_it_is_needed,
)
