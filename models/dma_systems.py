"""The systems of DMA ranges: address spaces and what may be done to them."""

from dataclasses import replace

from tenure.models import dma_type1, dma_type1_dirty, dma_type1_groups, dma_type1_pins, dma_type1_vaddr
from tenure.models.dma_claims import CLAIMS_OF_GROUPS, CLAIMS_OF_VADDRS, CLAIMS_V1, CLAIMS_V2
from tenure.models.dma_dirty_claims import CLAIMS_OF_DIRTY_PAGES
from tenure.models.dma_pin_claims import CLAIMS_OF_PINS
from tenure.models.harm import STOPPED, harm
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import ADDRESS, TABLE
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import both, every

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.address_position, lambda a: dma_type1.position[a]),
    shows(seen.address_valid, lambda a: dma_type1.valid_range[a]),
    shows(seen.mapping_listed, lambda m: dma_type1.listed[m]),
    shows(seen.mapping_first, lambda m: dma_type1.first[m]),
    shows(seen.mapping_last, lambda m: dma_type1.last[m]),
    shows(seen.mapping_access, lambda m: dma_type1.access[m]),
    shows(seen.mapping_payer, lambda m: dma_type1.payer[m]),
    shows(seen.mapping_pages, lambda m: dma_type1.pages[m]),
    shows(seen.pages_charged, lambda p: dma_type1.charged[p]),
    shows(seen.pages_most, lambda p: dma_type1.page_limit[p]),
    shows(seen.pages_unlimited, lambda p: dma_type1.may_exceed[p]),
    shows(seen.address_translated, lambda t, a: dma_type1.translation[t, a]),
    shows(seen.mappings_left, lambda t: dma_type1.available[t]),
    shows(seen.mappings_most, lambda t: dma_type1.entry_limit[t]),
    shows(seen.unmap_counted, lambda t: dma_type1.unmapped[t]),
)

INITIALLY = every(TABLE, lambda t: dma_type1.available[t] == dma_type1.entry_limit[t])


OF_GROUPS: tuple[Definition, ...] = (
    *DEFINITIONS,
    shows(seen.group_reserves, lambda g, a: dma_type1_groups.reserves[g, a]),
    shows(seen.group_space, lambda g: dma_type1_groups.is_in[g]),
    shows(seen.address_reserved, dma_type1_groups.is_reserved),
    shows(seen.space_attached, dma_type1_groups.has_groups),
)

OF_VADDRS: tuple[Definition, ...] = (
    *OF_GROUPS,
    shows(seen.vaddr_invalid_in, lambda m: dma_type1_vaddr.invalid_in[m]),
    shows(seen.vaddr_marked_in, lambda m: dma_type1_vaddr.marked_in[m]),
)

OF_PINS: tuple[Definition, ...] = (
    *DEFINITIONS,
    shows(seen.page_pinned, lambda d, a: dma_type1_pins.pinned[d, a]),
    shows(seen.page_pins, lambda a: dma_type1_pins.references[a]),
    shows(seen.device_told, lambda d: dma_type1_pins.registered[d]),
    shows(seen.device_lets_go, lambda d: dma_type1_pins.lets_go[d]),
    shows(seen.repeats_most, lambda t: dma_type1_pins.most_repeats[t]),
    shows(seen.space_entangled, dma_type1_pins.is_entangled),
    shows(seen.unmap_gave_up, lambda t: both(t == dma_type1_pins.container.now, harm.now == "bug")),
    shows(seen.harm, lambda: harm.now),
)

OF_DIRTY_PAGES: tuple[Definition, ...] = (
    *DEFINITIONS,
    shows(seen.group_space, lambda g: dma_type1_groups.is_in[g]),
    shows(seen.space_attached, dma_type1_groups.has_groups),
    shows(seen.dirty_tracked, lambda t: dma_type1_dirty.tracks_dirty[t]),
    shows(seen.page_dirty, lambda t, a: dma_type1_dirty.dirty[t, a]),
    shows(seen.page_told, lambda t, a: dma_type1_dirty.told[t, a]),
    shows(seen.page_unsaved, lambda t, a: dma_type1_dirty.unsaved[t, a]),
    shows(seen.page_kept, lambda g, a: dma_type1_dirty.kept[g, a]),
    shows(seen.group_confined, lambda g: dma_type1_dirty.confined[g]),
    shows(seen.group_pins_first, lambda g: dma_type1_dirty.pins_first[g]),
    shows(seen.bitmaps_most, lambda t: dma_type1_dirty.bitmap_limit[t]),
)

ALL_VALID = every(ADDRESS, lambda a: dma_type1.valid_range[a] == 1)
"""There are no valid ranges where no IOMMU is: every address is in the one that is all of them."""


def _system(  # what there is to say of a system
    name: str,
    title: str,
    calls: tuple[Call, ...],
    claims: tuple[Claim, ...],
    variant: str = "",
    definitions: tuple[Definition, ...] = DEFINITIONS,
) -> System:
    return System(
        name=name,
        variant=variant,
        title=title,
        source="drivers/vfio/vfio_iommu_type1.c, 7.2",
        calls=calls,
        definitions=definitions,
        claims=claims,
        initially=INITIALLY,
    )


SYSTEMS = (
    _system(
        "dma-type1-v1",
        "type1, first version: an unmap takes whole mappings, and may take more or less than was asked",
        dma_type1.V1,
        CLAIMS_V1,
    ),
    _system(
        "dma-type1-v2", "type1, second version: an unmap that would cut a mapping is refused", dma_type1.V2, CLAIMS_V2
    ),
    _system(
        "dma-type1-v2",
        "the same with groups that come and go: what they reserve, and the end of every mapping with the last of them",
        dma_type1_groups.V2,
        CLAIMS_OF_GROUPS,
        "groups",
        OF_GROUPS,
    ),
    _system(
        "dma-type1-v2",
        "the same with groups and processes that hand mappings over: a mapping stays while its vaddr is invalid, and no group comes",
        dma_type1_vaddr.V2,
        CLAIMS_OF_VADDRS,
        "vaddr",
        OF_VADDRS,
    ),
    replace(
        _system(
            "dma-type1-v2",
            "the same with emulated IOMMU devices alone: their drivers pin pages, and are told of an unmap while its lock is dropped",
            dma_type1_pins.V2,
            CLAIMS_OF_PINS,
            "pins",
            OF_PINS,
        ),
        halted=STOPPED,
        initially=both(INITIALLY, ALL_VALID),
    ),
    replace(
        _system(
            "dma-type1-v2",
            "the same with groups, where dirty pages are tracked: a user is told which pages were written, or may have been",
            dma_type1_dirty.V2,
            CLAIMS_OF_DIRTY_PAGES,
            "dirty",
            OF_DIRTY_PAGES,
        ),
        initially=both(INITIALLY, ALL_VALID),
    ),
)
