"""The system `containers-2022`: VFIO containers and groups from Linux 5.19 to today, here as of 7.2."""

from tenure.models import containers, containers_2013, device_files, files, groups, groups_2022, harm, ownership
from tenure.models.container_claims_2022 import CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import Term, both, every, implies, in_flight, is_none, no

CALLS = (
    *files.CALLS,
    containers.open_container,
    containers.release_container,
    containers.set_iommu,
    *groups_2022.CALLS,
    *device_files.CALLS,
)


def _at_rest(group: Term) -> Term:
    """As in 2013; and no call is made on a file whose group is gone, for it may have been this one."""
    orphaned = every(FILE, lambda f: implies(groups_2022.is_orphan(f), no(in_flight(f))))
    return both(containers_2013.at_rest(group), orphaned)


OTHERWISE = (
    seen.group_at_rest,
    seen.group_exists,
    seen.group_opened,
    seen.group_viable,
    seen.device_bridge,
    seen.file_counts,
)
"""What is no longer so: no scan looks at drivers and bridges, and a device counts once, however many files it has."""

DEFINITIONS: tuple[Definition, ...] = (
    *(d for d in containers_2013.DEFINITIONS if all(d.observable is not one for one in OTHERWISE)),
    shows(seen.group_at_rest, _at_rest),
    shows(seen.group_exists, groups_2022.exists),
    shows(seen.group_opened, lambda g: no(is_none(groups_2022.opened_file[g]))),
    shows(seen.dma_owner, lambda g: ownership.owner[g]),
    shows(seen.owner_count, lambda g: ownership.owner_cnt[g]),
    shows(seen.dma_blocked, lambda g: both(ownership.blocking[g], is_none(groups.attached[g]))),
    shows(seen.device_opens, lambda d: device_files.opens[d]),
    shows(seen.device_counts, lambda d: device_files.counted_in[d]),
)

INITIALLY = both(containers_2013.INITIALLY, every(DEVICE, lambda d: no(groups.driver[d] == "kernel")))
"""As in 2013; but no kernel driver is bound before the first call, for each of them has to ask."""

CONTAINERS_2022 = System(
    name="containers-2022",
    variant="",
    title="VFIO containers and groups, Linux 7.2, as built: one group lock, DMA ownership claims",
    source="drivers/vfio/group.c, container.c and vfio_main.c, drivers/iommu/iommu.c, 7.2",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=CLAIMS,
    halted=harm.STOPPED,
    initially=INITIALLY,
)

SYSTEMS = (CONTAINERS_2022,)
