"""The system `rfc2011`: groups, metagroups and their files in November 2011, as meant; as written; as the review proposed."""

from tenure.models import (
    device_information,
    dma_type1,
    file_claims,
    files,
    groups,
    interrupts,
    metagroup_calls,
    metagroup_devices,
    metagroup_files,
    metagroup_memory,
    metagroup_merging,
    metagroup_outside,
    metagroups,
)
from tenure.models.harm import STOPPED, harm
from tenure.models.metagroup_claims import claims_of
from tenure.models.rfc2011_ways import DEFECTS, MEANT, PROPOSALS, Ways
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import both, busy, either, no

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.has_fd, lambda p, f: files.fd[p, f]),
    shows(seen.file_kind, lambda f: files.kind[f]),
    shows(seen.file_group, lambda f: files.file_group[f]),
    shows(seen.file_device, lambda f: files.file_device[f]),
    shows(seen.file_metagroup, metagroups.metagroup_of_file),
    shows(seen.file_keeps_open, lambda f: choice_is(files.kind[f], "device", "iommu")),
    shows(seen.device_metagroup, lambda d: metagroups.metagroup[groups.group_of[d]]),
    shows(seen.device_vfio, lambda d: groups.driver[d] == "vfio"),
    shows(seen.device_kernel, lambda d: groups.driver[d] == "kernel"),
    shows(seen.page_payer, lambda pg: metagroup_memory.payer[pg]),
    shows(
        seen.release_pending,
        lambda f: both(no(files.kind[f] == "closed"), either(metagroups.releasable(f), busy(f))),
    ),
    shows(seen.metagroup_of, lambda g: metagroups.metagroup[g]),
    shows(seen.metagroup_exists, lambda m: metagroups.alive[m]),
    shows(seen.metagroup_open, lambda m: metagroups.domain[m]),
    shows(seen.metagroup_mm, lambda m: metagroups.mm[m]),
    shows(seen.metagroup_asked, lambda m: metagroups.asked[m]),
    shows(seen.device_group, lambda d: groups.group_of[d]),
    shows(seen.device_driver, lambda d: groups.driver[d]),
    shows(seen.device_present, lambda d: no(metagroups.removed[d])),
    shows(seen.device_attached, lambda d: metagroups.attached[d]),
    shows(seen.page_metagroup, lambda pg: metagroups.mapped[pg]),
    shows(seen.page_memory, lambda pg: metagroups.memory[pg]),
    shows(seen.page_left, lambda pg: metagroups.left[pg]),
    shows(seen.page_charged, lambda p, pg: metagroup_memory.payer[pg] == p),
    shows(seen.pages_charged, lambda p: dma_type1.charged[p]),
    shows(seen.pages_most, lambda p: dma_type1.page_limit[p]),
    shows(seen.pages_unlimited, lambda p: dma_type1.may_exceed[p]),
    shows(seen.file_opens, lambda f: files.file_device[f]),
    shows(seen.device_resets, lambda d: interrupts.resets[d]),
    shows(seen.device_in_tree, lambda d: device_information.in_tree[d]),
    shows(seen.region_device, lambda r: device_information.region_device[r]),
    shows(seen.region_size, lambda r: device_information.region_size[r]),
    shows(seen.region_offset, lambda r: device_information.region_offset[r]),
    shows(seen.region_mappable, lambda r: device_information.mappable[r]),
    shows(seen.region_read_only, lambda r: device_information.read_only[r]),
    shows(seen.region_phys_valid, lambda r: device_information.phys_valid[r]),
    shows(seen.region_phys, lambda r: device_information.phys[r]),
    shows(seen.region_property, lambda r: device_information.region_property[r]),
    shows(seen.region_property_index, lambda r: device_information.region_entry[r]),
    shows(seen.index_device, lambda i: interrupts.index_device[i]),
    shows(seen.index_level, lambda i: interrupts.level[i]),
    shows(seen.index_count, lambda i: interrupts.index_count[i]),
    shows(seen.index_property_index, lambda i: device_information.index_entry[i]),
    shows(seen.harm, lambda: harm.now),
)

TITLES = {
    "D-G1-12": "whoever unmaps a page is given back what another paid",
    "D-G1-13": "any process maps its own memory, and asks a device",
    "D-G1-14": "what cannot be charged at once is charged later, what cannot be given back at once is lost",
    "D-G1-15": "a page is charged after the limit was tested",
    "D-G1-19": "MERGE moves one group, and frees the metagroup of several",
    "D-G1-20": "the caller's memory is looked at before the lock is taken",
    "D-G1-21": "a MERGE that fails leaves the other metagroup open",
    "D-G1-22": "a call that gives out no file leaves the metagroup open",
    "D-G1-23": "GET_DEVICE_FD and releases look up the metagroup before they take the lock",
    "D-G1-24": "viability is looked at only where a metagroup is opened",
    "D-G1-25": "the device driver hears of a release too late",
    "unmerge-self": "UNMERGE takes out the group on whose file it is called",
    "no-merge-into-open": "nothing is merged into a metagroup that is open",
    "metagroups-from-outside": "an administrator makes metagroups and assigns groups to them, while no file of them is open",
}


def _merging(ways: Ways) -> tuple[Call, ...]:
    """How groups get into a metagroup, and out of it."""
    if ways.from_outside:
        return metagroup_outside.CALLS
    unmerge = (
        metagroup_merging.unmerge_itself.named("unmerge")
        if ways.unmerges_itself
        else metagroup_merging.unmerge_in(ways)
    )
    return metagroup_calls.open_group, metagroup_merging.merge_in(ways), unmerge


def _calls(ways: Ways) -> tuple[Call, ...]:
    """The calls, done in these ways."""
    return (
        *_merging(ways),
        metagroup_calls.get_flags,
        metagroup_calls.get_iommu_fd_in(ways),
        metagroup_calls.get_device_fd_in(ways),
        *device_information.calls_in(ways),
        *metagroup_files.CALLS,
        metagroup_files.release_group_in(ways),
        metagroup_files.release_iommu_in(ways),
        metagroup_files.release_device_in(ways),
        metagroup_memory.map_dma_in(ways),
        metagroup_memory.unmap_dma_in(ways),
        metagroup_memory.give_back_in(ways),
        *(() if ways.keeps_work else (metagroup_memory.charge,)),
        metagroup_devices.bind_driver_in(ways),
        *metagroup_devices.CALLS,
        metagroup_devices.remove_device_in(ways),
    )


def _system(variant: str, title: str, ways: Ways) -> System:
    return System(
        name="rfc2011",
        variant=variant,
        title=title,
        source="drivers/vfio/vfio_main.c, RFC of November 2011",
        calls=_calls(ways),
        definitions=DEFINITIONS,
        claims=(*claims_of(ways), file_claims.of_kinds(_calls(ways))),
        halted=STOPPED,
    )


SYSTEMS = (
    _system(
        "", "groups of November 2011 as meant: merged behind one domain, bound to the memory of one process", MEANT
    ),
    *(_system(variant, TITLES[variant], ways) for variant, ways in (DEFECTS | PROPOSALS).items()),
)
