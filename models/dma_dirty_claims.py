"""What keeps dirty pages and their mappings together: helper invariants of `dma-type1-v2:dirty`."""

from dataclasses import replace

from tenure.models.dma_claims import (
    OF_MAPPINGS,
    a_mapping_lies_in_one_valid_range,
    every_address_is_valid,
    range_asked,
    removals_have_the_lock,
    what_is_being_unmapped_is_bisected_by_nothing,
)
from tenure.models.dma_type1 import bisects, in_list, translation, within
from tenure.models.dma_type1_dirty import UNMAPS as UNMAPS_TRACKED
from tenure.models.dma_type1_dirty import confined, dirty, is_kept, kept, pins_first, tracks_dirty, unsaved
from tenure.models.dma_type1_groups import is_in
from tenure.vocabulary.objects import ADDRESS, GROUP, MAPPING, TABLE, THREAD
from tenure.vocabulary.systems import Claim, claim, kept_with
from tenure.vocabulary.terms import TRUE, Term, both, either, frame, implies, is_none, no, some, stands

HAVE_THE_LOCK = removals_have_the_lock(*UNMAPS_TRACKED)


@claim(group=GROUP, address=ADDRESS)
def what_a_group_keeps_is_mapped(group: Term, address: Term) -> Term:
    """A driver that has a page has it where something is mapped, and its group is confined to what it pins."""
    there = both(no(is_none(is_in[group])), no(is_none(translation[is_in[group], address])), confined[group])
    return implies(kept[group, address], there)


@claim(group=GROUP)
def who_is_confined_pins_first(group: Term) -> Term:
    """A group is confined to what its driver pins only in a container, and only if its devices write nothing else."""
    return implies(confined[group], both(no(is_none(is_in[group])), pins_first[group]))


@claim(table=TABLE, address=ADDRESS)
def what_is_dirty_is_tracked_and_mapped(table: Term, address: Term) -> Term:
    """A bit is set only in the bitmap of a mapping, and bitmaps are there while dirty pages are tracked."""
    there = both(tracks_dirty[table], no(is_none(translation[table, address])))
    return implies(dirty[table, address], there)


@claim(group=GROUP, address=ADDRESS)
def what_a_group_keeps_is_dirty(group: Term, address: Term) -> Term:
    """While dirty pages are tracked, a page that a driver has is dirty."""
    table = is_in[group]
    return implies(both(kept[group, address], tracks_dirty[table]), dirty[table, address])


@claim(table=TABLE, address=ADDRESS)
def what_was_written_will_be_told(table: Term, address: Term) -> Term:
    """A page that was written since it was told has its bit set, or a group is there that writes unseen."""
    unseen = some(GROUP, lambda g: both(is_in[g] == table, no(pins_first[g])))
    there = both(tracks_dirty[table], no(is_none(translation[table, address])))
    return implies(unsaved[table, address], both(there, either(dirty[table, address], unseen)))


def nobody_keeps_what_is_unmapped_by(call: str, *, ranged: bool) -> Claim:
    """Such a call removes mappings in a loop: those of its range, or all there are."""

    @kept_with(*HAVE_THE_LOCK)
    @claim(thread=THREAD, address=ADDRESS)
    def nobody_keeps_what_is_being_unmapped(thread: Term, address: Term) -> Term:
        """Between two rounds of an unmap no driver has a page of what it takes."""
        table = frame(thread, call, "table", TABLE)
        _, low, high = range_asked(thread, call) if ranged else (table, None, None)
        inside = TRUE if low is None or high is None else within(address, low, high)
        return implies(both(stands(thread, f"{call}.remove"), inside), no(is_kept(table, address)))

    return replace(nobody_keeps_what_is_being_unmapped, name=f"nobody_keeps_what_{call}_takes")


@claim(thread=THREAD, mapping=MAPPING)
def what_is_told_and_unmapped_is_bisected_by_nothing(thread: Term, mapping: Term) -> Term:
    """The same for an unmap with a bitmap, for which dirty pages are tracked besides."""
    table, low, high = range_asked(thread, "unmap_dirty")
    uncut = implies(in_list(table, mapping), no(bisects(mapping, low, high)))
    return implies(stands(thread, "unmap_dirty.remove"), both(tracks_dirty[table], uncut))


@claim(thread=THREAD, group=GROUP)
def the_last_group_is_alone_while_it_leaves(thread: Term, group: Term) -> Term:
    """Where every mapping goes with a group, that group is in the container, and no other is."""
    table, leaves = frame(thread, "detach_group", "table", TABLE), frame(thread, "detach_group", "group", GROUP)
    alone = both(is_in[leaves] == table, implies(is_in[group] == table, group == leaves))
    return implies(stands(thread, "detach_group.remove"), alone)


CLAIMS_OF_DIRTY_PAGES = (
    *(one for one in OF_MAPPINGS if one is not a_mapping_lies_in_one_valid_range),
    every_address_is_valid,
    *HAVE_THE_LOCK,
    what_is_being_unmapped_is_bisected_by_nothing,
    what_is_told_and_unmapped_is_bisected_by_nothing,
    what_a_group_keeps_is_mapped,
    who_is_confined_pins_first,
    what_is_dirty_is_tracked_and_mapped,
    what_a_group_keeps_is_dirty,
    what_was_written_will_be_told,
    *(nobody_keeps_what_is_unmapped_by(call, ranged=True) for call in ("unmap_dma", "unmap_dirty")),
    *(nobody_keeps_what_is_unmapped_by(call, ranged=False) for call in ("unmap_all", "detach_group")),
    the_last_group_is_alone_while_it_leaves,
)
