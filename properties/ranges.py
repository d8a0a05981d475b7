"""DMA: address ranges, what is mapped in them, and what the IOMMU translates."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ADDRESS, DEVICE, GROUP, IOPT_PAGES, MAPPING, PROCESS, TABLE
from tenure.vocabulary.properties import always, answered, argument, at_rest, called, each_step, ended, refused
from tenure.vocabulary.symbols import before, choice_is
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, number_of, some, total_of, when
from tenure.vocabulary.types import COUNT


def position(address: Term) -> Term:
    """The number of the page at an address."""
    return seen.address_position[address]


def holds(mapping: Term, address: Term) -> Term:
    """The address lies between the mapping's ends."""
    first, last = seen.mapping_first[mapping], seen.mapping_last[mapping]
    return both(position(first) <= position(address), position(address) <= position(last))


def _is_between(address: Term, low: Term, high: Term) -> Term:
    """The address lies between two others, or is one of them."""
    return both(position(low) <= position(address), position(address) <= position(high))


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
    unmaps = no(either(called("destroy"), called("ioas_map_fixed"), called("ioas_map")))
    goes = both(before(listed) == table, no(listed == table), unmaps)
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


@always("DMA-9", "iopt_unmap_iova_range EBUSY, iopt_alloc_area_pages, iopt_abort_area", mapping=MAPPING)
def an_area_without_its_pages_is_one_calls(mapping: Term) -> Term:
    """An area that has no pages yet, or no more, is in the hand of one call, which makes it or takes it; no other area is in any."""
    unfinished = choice_is(seen.mapping_stage[mapping], "inserted", "filled", "taken", "emptied")
    return seen.mapping_workers[mapping] == when(unfinished, 1, 0)


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
    denied = both(unmaps, ended(), no(answered()), argument("table", TABLE) == table)
    its_own = both(before(seen.unmap_counted[table]) > 0, argument("size", COUNT) > 0)
    return implies(denied, no(its_own))


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


@always("DMA-19", "vfio_iommu_type1_pin_pages, vfio_iova_put_vfio_pfn: ref_count", address=ADDRESS)
def a_page_is_counted_for_each_driver_that_has_it(address: Term) -> Term:
    """A page that is pinned is counted as often as there are drivers that have it."""
    return seen.page_pins[address] == number_of(DEVICE, lambda d: seen.page_pinned[d, address])


@each_step("DMA-20", "vfio_iommu_type1_pin_pages: pin_unwind, iommufd_access_pin_pages", device=DEVICE, address=ADDRESS)
def a_pin_that_is_refused_leaves_nothing_pinned(device: Term, address: Term) -> Term:
    """After a driver's pin of pages that is refused it has no page of the range."""
    low, high = argument("low", ADDRESS), argument("high", ADDRESS)
    asked = both(argument("device", DEVICE) == device, _is_between(address, low, high))
    denied = both(called("pin_pages"), either(*(refused(e) for e in ("EINVAL", "EPERM", "ENOMEM", "ENOENT"))))
    return implies(both(denied, asked), no(seen.page_pinned[device, address]))


@always("DMA-21", "vfio_dma_do_unmap: BUG_ON", table=TABLE)
def no_pin_stops_the_kernel(table: Term) -> Term:
    """No UNMAP_DMA tells drivers of one mapping again and again until the kernel stops itself."""
    return no(seen.unmap_gave_up[table])


@always("DMA-22", "vfio_notify_dma_unmap, vfio_iommu_type1_register_device", table=TABLE)
def no_two_calls_wait_for_each_other(table: Term) -> Term:
    """Who has the lock of an address space does not wait for device_list_lock while who has that waits for the lock."""
    return no(seen.space_entangled[table])


@each_step("DMA-23", "iopt_unmap_iova_range: prevent_access, iommufd_access_pin_pages", device=DEVICE, mapping=MAPPING)
def no_page_is_pinned_of_an_area_that_goes(device: Term, mapping: Term) -> Term:
    """While an IOAS_UNMAP has drivers told that an area goes, none that has no page of the area comes to have one."""
    comes = both(no(before(seen.area_pinned[device, mapping])), seen.area_pinned[device, mapping])
    return implies(before(seen.area_told[mapping]), no(comes))


@at_rest("DMA-24", seen.area_at_rest, "iommufd_access_notify_unmap, prevent_access", mapping=MAPPING, device=DEVICE)
def who_lets_go_has_nothing_of_a_closed_area(mapping: Term, device: Term) -> Term:
    """No driver that unpins what it is told of has a page of an area that an IOAS_UNMAP came upon, and gave up."""
    return implies(both(seen.area_closed[mapping], seen.device_lets_go[device]), no(seen.area_pinned[device, mapping]))


@always(
    "DMA-25",
    "iopt_area_fill_domains, iopt_area_unfill_domains, iopt_table_add_domain",
    table=TABLE,
    address=ADDRESS,
    mapping=MAPPING,
)
def what_is_translated_is_what_is_filled(table: Term, address: Term, mapping: Term) -> Term:
    """Where a device is attached, the IOMMU translates for an area, whose memory is there, just its addresses from its fill to its unfill."""
    filled = choice_is(seen.mapping_stage[mapping], "filled", "finished", "taken")
    beside = both(seen.mapping_listed[mapping] == table, seen.space_attached[table])
    due = both(beside, filled, holds(mapping, address))
    translated = seen.address_translated[table, address] == mapping
    return both(implies(due, translated), implies(translated, both(due, no(seen.mapping_missing[mapping]))))


@each_step(
    "DMA-26",
    "domains_rwsem: iopt_map_pages, iopt_unmap_iova_range, iopt_table_add_domain",
    table=TABLE,
    mapping=MAPPING,
)
def no_page_table_comes_or_goes_while_an_area_is_filled(table: Term, mapping: Term) -> Term:
    """No page table comes or goes while an area is filled and not published, or taken and not removed."""
    attached = seen.space_attached[table]
    under_way = choice_is(before(seen.mapping_stage[mapping]), "filled", "taken", "emptied")
    beside = both(before(seen.mapping_listed[mapping]) == table, under_way)
    return implies(beside, both(implies(before(attached), attached), implies(attached, before(attached))))


@each_step("DMA-27", "vfio_iova_dirty_bitmap, update_user_bitmap", table=TABLE, address=ADDRESS)
def no_write_is_lost(table: Term, address: Term) -> Term:
    """What was written for a device while dirty pages are tracked stays to be told, and GET_BITMAP, or UNMAP_DMA with a bitmap, tells it."""
    owed, told = before(seen.page_unsaved[table, address]), seen.page_told[table, address]
    mapped = no(is_none(seen.address_translated[table, address]))
    of_range = both(
        argument("table", TABLE) == table, _is_between(address, argument("low", ADDRESS), argument("high", ADDRESS))
    )
    rules = (
        implies(both(called("get_bitmap"), answered(), of_range), told),
        implies(both(called("unmap_dirty"), no(mapped)), told),
        implies(both(seen.dirty_tracked[table], mapped), either(told, seen.page_unsaved[table, address])),
    )
    return implies(owed, both(*rules))


@each_step("DMA-28", "vfio_dma_bitmap_alloc_all, vfio_iova_dirty_bitmap", table=TABLE, address=ADDRESS)
def a_refusal_leaves_dirty_pages_as_they_were(table: Term, address: Term) -> Term:
    """A DIRTY_PAGES, or an UNMAP_DMA with a bitmap, that is refused leaves what is tracked, dirty, mapped and told as it was."""
    errnos = either(*(refused(e) for e in ("EINVAL", "EOVERFLOW", "ENOMEM")))
    asks = either(*(called(name) for name in ("dirty_pages", "get_bitmap", "unmap_dirty")))
    kept = (
        seen.dirty_tracked[table],
        seen.page_dirty[table, address],
        seen.page_told[table, address],
        seen.address_translated[table, address],
    )
    return implies(both(asks, errnos), both(*(before(one) == one for one in kept)))


@always("DMA-29", "vfio_dma_bitmap_free_all, vfio_remove_dma", table=TABLE, address=ADDRESS)
def nothing_is_dirty_where_nothing_is_tracked(table: Term, address: Term) -> Term:
    """A page is dirty only while dirty pages are tracked, and something is mapped there: STOP and an unmap forget it."""
    mapped = no(is_none(seen.address_translated[table, address]))
    return implies(seen.page_dirty[table, address], both(seen.dirty_tracked[table], mapped))


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
    """Where a MAP_DMA, or a page that is pinned, charges a process without CAP_IPC_LOCK, it has no more pages afterwards than it may lock."""
    charged = seen.pages_charged[process]
    more = both(either(_maps(), called("pin_pages")), before(charged) < charged)
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
    an_area_without_its_pages_is_one_calls,
    no_address_is_allowed_and_reserved,
    where_a_device_is_attached_areas_are_whole_pages,
    a_mapping_begins_no_later_than_it_ends,
    an_unmap_that_is_refused_has_removed_nothing,
    an_address_space_that_is_gone_has_no_mapping,
    what_is_chosen_may_be_chosen,
    no_area_has_a_reserved_address,
    an_invalidation_that_is_refused_is_undone,
    what_an_invalidation_counts_is_what_it_makes_invalid,
    a_page_is_counted_for_each_driver_that_has_it,
    a_pin_that_is_refused_leaves_nothing_pinned,
    no_pin_stops_the_kernel,
    no_two_calls_wait_for_each_other,
    no_page_is_pinned_of_an_area_that_goes,
    who_lets_go_has_nothing_of_a_closed_area,
    what_is_translated_is_what_is_filled,
    no_page_table_comes_or_goes_while_an_area_is_filled,
    no_write_is_lost,
    a_refusal_leaves_dirty_pages_as_they_were,
    nothing_is_dirty_where_nothing_is_tracked,
    a_process_is_charged_for_just_its_mappings,
    a_map_that_is_refused_changes_nothing,
    no_map_takes_a_process_over_its_limit,
    shared_memory_is_charged_once,
)
