"""DMA: address ranges, what is mapped in them, and what the IOMMU translates."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ADDRESS, DEVICE, GROUP, IOPT_PAGES, MAPPING, PROCESS, TABLE
from tenure.vocabulary.properties import always, answered, argument, at_rest, called, each_step, refused
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, number_of, some, total_of, when


def position(address: Term) -> Term:
    """The number of the page at an address."""
    return seen.address_position[address]


def holds(mapping: Term, address: Term) -> Term:
    """The address lies between the mapping's ends."""
    first, last = seen.mapping_first[mapping], seen.mapping_last[mapping]
    return both(position(first) <= position(address), position(address) <= position(last))


@always("DMA-1", "vfio_dma_do_map EEXIST", mapping=MAPPING, other=MAPPING, address=ADDRESS)
def mappings_of_one_address_space_are_disjoint(mapping: Term, other: Term, address: Term) -> Term:
    """No address lies in two mappings of one address space."""
    listed = both(no(is_none(seen.mapping_listed[mapping])), seen.mapping_listed[mapping] == seen.mapping_listed[other])
    return implies(both(listed, no(mapping == other)), no(both(holds(mapping, address), holds(other, address))))


@always("DMA-2", "vfio_iommu_map, vfio_unmap_unpin", table=TABLE, address=ADDRESS, mapping=MAPPING)
def what_is_translated_is_what_is_mapped(table: Term, address: Term, mapping: Term) -> Term:
    """The IOMMU translates an address for a mapping exactly where the mapping of that address space holds it."""
    mapped = both(seen.mapping_listed[mapping] == table, holds(mapping, address))
    translated = seen.address_translated[table, address] == mapping
    return both(implies(mapped, translated), implies(translated, mapped))


@always("DMA-3", "vfio_iommu_iova_dma_valid", mapping=MAPPING, address=ADDRESS)
def a_mapping_lies_in_one_valid_range(mapping: Term, address: Term) -> Term:
    """Every address of a mapping is in the valid range in which its first one is."""
    inside = both(no(is_none(seen.mapping_listed[mapping])), holds(mapping, address))
    valid = seen.address_valid[address]
    return implies(inside, both(valid > 0, valid == seen.address_valid[seen.mapping_first[mapping]]))


@each_step("DMA-4", "vfio_dma_do_unmap, v2: bisect tests", mapping=MAPPING)
def no_mapping_is_cut(mapping: Term) -> Term:
    """A mapping stays as it is until it goes, and no UNMAP_DMA that is refused takes one away."""
    listed = seen.mapping_listed[mapping]
    stays = both(no(is_none(listed)), before(listed) == listed)
    ends = (seen.mapping_first[mapping], seen.mapping_last[mapping], seen.mapping_access[mapping])
    whole = implies(both(stays, no(is_none(before(listed)))), both(*(before(end) == end for end in ends)))
    denied = both(called("unmap_dma"), either(refused("EINVAL"), refused("EOVERFLOW")))
    return both(whole, implies(denied, before(listed) == listed))


@each_step("DMA-5", "vfio_dma_do_unmap, unmapped", table=TABLE, mapping=MAPPING)
def what_an_unmap_counts_is_what_it_removes(table: Term, mapping: Term) -> Term:
    """With each mapping that an unmap takes, what it will answer grows by just the addresses of that mapping."""
    listed = seen.mapping_listed[mapping]
    goes = both(before(listed) == table, no(listed == table), no(called("destroy")))
    first, last = before(seen.mapping_first[mapping]), before(seen.mapping_last[mapping])
    size = position(last) - position(first) + 1
    return implies(goes, seen.unmap_counted[table] == before(seen.unmap_counted[table]) + size)


@always("DMA-6", "vfio_dma_do_unmap, vfio_notify_dma_unmap", device=DEVICE, address=ADDRESS)
def what_is_pinned_stays_mapped(device: Term, address: Term) -> Term:
    """No address at which the driver of an emulated IOMMU device has a page loses its mapping before that driver has unpinned it."""
    space = seen.device_told[device]
    mapped = some(MAPPING, lambda m: both(seen.mapping_listed[m] == space, holds(m, address)))
    return implies(seen.page_pinned[device, address], both(no(is_none(space)), mapped))


@always("DMA-7", "vfio_dma_do_map ENOSPC, vfio_remove_dma", table=TABLE)
def mappings_made_and_left_add_up(table: Term) -> Term:
    """The mappings of an address space and those that may still be made are as many as there may be."""
    made = number_of(MAPPING, lambda m: seen.mapping_listed[m] == table)
    return made + seen.mappings_left[table] == seen.mappings_most[table]


@each_step("DMA-8", "vfio_iommu_type1_attach_group EBUSY", table=TABLE, group=GROUP, mapping=MAPPING)
def while_a_vaddr_is_invalid_nothing_is_pinned(table: Term, group: Term, mapping: Term) -> Term:
    """While a mapping's vaddr is invalid, no group comes into its address space, for which the mapping would be pinned."""
    space = seen.group_space[group]
    comes = both(no(before(space) == table), space == table)
    return implies(before(seen.vaddr_invalid_in[mapping]) == table, no(comes))


@always("DMA-10", "iopt_set_allow_iova, iopt_reserve_iova EADDRINUSE", table=TABLE, address=ADDRESS)
def no_address_is_allowed_and_reserved(table: Term, address: Term) -> Term:
    """No address is named as allowed and reserved by a device that is attached."""
    return no(both(seen.address_allowed[table, address], seen.address_reserved[table, address]))


@always("DMA-11", "iopt_check_iova_alignment, iopt_check_iova", mapping=MAPPING, table=TABLE)
def where_a_device_is_attached_areas_are_whole_pages(mapping: Term, table: Term) -> Term:
    """Every area of an IO address space to which a device is attached begins where a page does, and ends where one ends."""
    first, last = seen.mapping_first[mapping], seen.mapping_last[mapping]
    beside = both(seen.mapping_listed[mapping] == table, seen.space_attached[table])
    return implies(beside, both(seen.address_begins_page[first], seen.address_ends_page[last]))


@always("DMA-12", "inclusive ends, check_add_overflow", mapping=MAPPING)
def a_mapping_begins_no_later_than_it_ends(mapping: Term) -> Term:
    """The first address of a mapping is its last one or below it."""
    first, last = seen.mapping_first[mapping], seen.mapping_last[mapping]
    named = both(no(is_none(first)), no(is_none(last)), position(first) <= position(last))
    return implies(no(is_none(seen.mapping_listed[mapping])), named)


@each_step("DMA-13", "vfio_dma_do_unmap, v2: bisect tests; iopt_unmap_iova_range: none", table=TABLE)
def an_unmap_that_is_refused_has_removed_nothing(table: Term) -> Term:
    """Before an unmap is refused, it has taken no mapping away."""
    unmaps = either(called("unmap_dma"), called("ioas_unmap"))
    denied = either(*(refused(e) for e in ("EINVAL", "EOVERFLOW", "ENOENT", "EBUSY")))
    asked = both(unmaps, denied, argument("table", TABLE) == table)
    return implies(asked, before(seen.unmap_counted[table]) == 0)


@always("DMA-14", "iommufd_ioas_destroy, iopt_unmap_all", table=TABLE, mapping=MAPPING)
def an_address_space_that_is_gone_has_no_mapping(table: Term, mapping: Term) -> Term:
    """An IO address space that is not there has no mapping."""
    return implies(no(seen.space_exists[table]), no(seen.mapping_listed[mapping] == table))


@each_step("DMA-15", "iopt_alloc_iova", table=TABLE, mapping=MAPPING, address=ADDRESS)
def what_is_chosen_may_be_chosen(table: Term, mapping: Term, address: Term) -> Term:
    """Where IOAS_MAP is told no address, the area comes to where addresses may be chosen, and to what is allowed, if anything is."""
    listed = seen.mapping_listed[mapping]
    comes = both(called("ioas_map"), no(before(listed) == table), listed == table)
    anything = no(some(ADDRESS, lambda a: seen.address_allowed[table, a]))
    allowed = either(seen.address_allowed[table, address], anything)
    return implies(both(comes, holds(mapping, address)), both(seen.address_choosable[address], allowed))


@always("DMA-16", "iopt_check_iova, iopt_reserve_iova EADDRINUSE", mapping=MAPPING, table=TABLE, address=ADDRESS)
def no_area_has_a_reserved_address(mapping: Term, table: Term, address: Term) -> Term:
    """No address of an area is reserved by a device that is attached to the area's IO address space."""
    beside = both(seen.mapping_listed[mapping] == table, seen.address_reserved[table, address])
    return implies(beside, no(holds(mapping, address)))


@each_step("DMA-17", "vfio_dma_do_unmap, VADDR: roll back", table=TABLE, mapping=MAPPING)
def an_invalidation_that_is_refused_is_undone(table: Term, mapping: Term) -> Term:
    """An UNMAP_DMA with VADDR marks just what it makes invalid, makes valid again just what it marked, and is refused with no mark left."""
    invalid, marked = seen.vaddr_invalid_in[mapping] == table, seen.vaddr_marked_in[mapping] == table
    rules = (
        both(no(before(marked)), marked) == both(no(before(invalid)), invalid),
        implies(both(before(invalid), no(invalid)), before(marked)),
        implies(both(before(marked), no(marked)), either(answered(), no(invalid))),
        implies(refused("EINVAL"), no(before(marked))),
    )
    invalidates = either(called("unmap_vaddr"), called("unmap_vaddr_all"))
    return implies(both(invalidates, argument("table", TABLE) == table), both(*rules))


@each_step("DMA-18", "vfio_dma_do_unmap, VADDR: unmapped", table=TABLE, mapping=MAPPING)
def what_an_invalidation_counts_is_what_it_makes_invalid(table: Term, mapping: Term) -> Term:
    """With each mapping whose vaddr an UNMAP_DMA makes invalid, what it will answer grows by just the addresses of that mapping."""
    invalid = seen.vaddr_invalid_in[mapping] == table
    size = position(seen.mapping_last[mapping]) - position(seen.mapping_first[mapping]) + 1
    grown = seen.unmap_counted[table] == before(seen.unmap_counted[table]) + size
    return implies(both(no(before(invalid)), invalid), grown)


@each_step("DMA-23", "iopt_unmap_iova_range: prevent_access, iommufd_access_pin_pages", device=DEVICE, mapping=MAPPING)
def no_page_is_pinned_of_an_area_that_goes(device: Term, mapping: Term) -> Term:
    """While an IOAS_UNMAP has drivers told that an area goes, none that has no page of the area comes to have one."""
    comes = both(no(before(seen.area_pinned[device, mapping])), seen.area_pinned[device, mapping])
    return implies(before(seen.area_told[mapping]), no(comes))


@at_rest("DMA-24", seen.area_at_rest, "iommufd_access_notify_unmap, prevent_access", mapping=MAPPING, device=DEVICE)
def who_lets_go_has_nothing_of_a_closed_area(mapping: Term, device: Term) -> Term:
    """No driver that unpins what it is told of has a page of an area that an IOAS_UNMAP came upon, and gave up."""
    return implies(both(seen.area_closed[mapping], seen.device_lets_go[device]), no(seen.area_pinned[device, mapping]))


@always("ACT-1", "vfio_lock_acct", process=PROCESS)
def a_process_is_charged_for_just_its_mappings(process: Term) -> Term:
    """The locked pages of a process are those of the mappings that it made, each counted once, until they go."""
    pages = total_of(MAPPING, lambda m: when(seen.mapping_payer[m] == process, seen.mapping_pages[m], 0))
    return seen.pages_charged[process] == pages


def _maps() -> Term:
    """The call is MAP_DMA, with VADDR or without."""
    return either(called("map_dma"), called("map_vaddr"))


@each_step("ACT-2", "vfio_pin_map_dma, vfio_remove_dma", table=TABLE)
def a_map_that_is_refused_changes_nothing(table: Term) -> Term:
    """After a MAP_DMA that is refused all mappings, translations, charges and the number of mappings left are as before."""
    errnos = ("EINVAL", "EOVERFLOW", "EEXIST", "ENOENT", "ENOSPC", "ENOMEM")
    denied = both(_maps(), either(*(refused(e) for e in errnos)))
    same = both(
        before(seen.mappings_left[table]) == seen.mappings_left[table],
        every(MAPPING, lambda m: before(seen.mapping_listed[m]) == seen.mapping_listed[m]),
        every(ADDRESS, lambda a: before(seen.address_translated[table, a]) == seen.address_translated[table, a]),
        every(PROCESS, lambda p: before(seen.pages_charged[p]) == seen.pages_charged[p]),
    )
    return implies(denied, same)


@each_step("ACT-3", "__account_locked_vm", process=PROCESS)
def no_map_takes_a_process_over_its_limit(process: Term) -> Term:
    """Where a MAP_DMA charges a process without CAP_IPC_LOCK, it has no more pages afterwards than it may lock."""
    charged = seen.pages_charged[process]
    more = both(_maps(), before(charged) < charged)
    return implies(both(more, no(seen.pages_unlimited[process])), charged <= seen.pages_most[process])


@always("ACT-4", "iopt_pages_update_pinned, pfn_reader_user_update_pinned", pages=IOPT_PAGES, page=ADDRESS)
def shared_memory_is_charged_once(pages: Term, page: Term) -> Term:
    """A page of a pages object is pinned exactly while an area with a device leads to it, and charged once then, however many do."""
    used, pinned = seen.memory_used[pages, page], seen.memory_pinned[pages, page]
    exactly = both(implies(used, pinned), implies(pinned, used))
    return both(exactly, seen.memory_charged[pages, page] == when(pinned, 1, 0))


PROPERTIES = (
    mappings_of_one_address_space_are_disjoint,
    what_is_translated_is_what_is_mapped,
    a_mapping_lies_in_one_valid_range,
    no_mapping_is_cut,
    what_an_unmap_counts_is_what_it_removes,
    what_is_pinned_stays_mapped,
    mappings_made_and_left_add_up,
    while_a_vaddr_is_invalid_nothing_is_pinned,
    no_address_is_allowed_and_reserved,
    where_a_device_is_attached_areas_are_whole_pages,
    a_mapping_begins_no_later_than_it_ends,
    an_unmap_that_is_refused_has_removed_nothing,
    an_address_space_that_is_gone_has_no_mapping,
    what_is_chosen_may_be_chosen,
    no_area_has_a_reserved_address,
    an_invalidation_that_is_refused_is_undone,
    what_an_invalidation_counts_is_what_it_makes_invalid,
    no_page_is_pinned_of_an_area_that_goes,
    who_lets_go_has_nothing_of_a_closed_area,
    a_process_is_charged_for_just_its_mappings,
    a_map_that_is_refused_changes_nothing,
    no_map_takes_a_process_over_its_limit,
    shared_memory_is_charged_once,
)
