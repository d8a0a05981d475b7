"""The system `containers-2022`: VFIO containers and groups from Linux 5.19 to today, here as of 7.2."""

from tenure.models import (
    closing_claims,
    container_claims_6_1,
    container_claims_2022,
    containers,
    containers_2013,
    device_files,
    device_files_6_1,
    file_claims,
    files,
    groups,
    groups_6_1,
    groups_2022,
    harm,
    iommu_drivers,
    ownership,
    vfio_drivers,
)
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import Term, both, every, implies, in_flight, is_none, no

CALLS = (
    *files.CALLS,
    containers.open_container,
    containers.release_container,
    containers.set_iommu,
    *containers.QUESTIONS,
    *groups_2022.CALLS,
    *device_files.CALLS,
    *iommu_drivers.CALLS,
    *vfio_drivers.CALLS,
)


def _at_rest(group: Term) -> Term:
    """As in 2013; and no call is made on the group's file, nor on one from before its last device went."""
    earlier = every(FILE, lambda f: implies(groups_2022.opened_as[f] == group, no(in_flight(f))))
    return both(no(in_flight(groups_2022.opened_file[group])), containers_2013.at_rest(group), earlier)


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
)

INITIALLY = both(containers_2013.INITIALLY, every(DEVICE, lambda d: no(groups.driver[d] == "kernel")))
"""As in 2013; but no kernel driver is bound before the first call, for each of them has to ask."""


def _system(  # what differs between versions
    variant: str,
    title: str,
    source: str,
    calls: tuple[Call, ...],
    definitions: tuple[Definition, ...],
    claims: tuple[Claim, ...],
) -> System:
    return System(
        name="containers-2022",
        variant=variant,
        title=title,
        source=source,
        calls=calls,
        definitions=definitions,
        claims=(*claims, file_claims.of_kinds(calls)),
        halted=harm.STOPPED,
        initially=INITIALLY,
    )


CONTAINERS_2022 = _system(
    "",
    "VFIO containers and groups, Linux 7.2, as built: one group lock, claims of DMA ownership",
    "drivers/vfio/group.c, container.c and vfio_main.c, drivers/iommu/iommu.c, 7.2",
    CALLS,
    (
        *DEFINITIONS,
        shows(seen.device_counts, lambda d: device_files.counted_in[d]),
    ),
    (*container_claims_2022.CLAIMS, *closing_claims.LEMMAS),
)

_OF_6_1 = {c.name: c for c in (*groups_6_1.CALLS, *device_files_6_1.CALLS)}

CONTAINERS_6_1 = _system(
    "6.1",
    "the same in Linux 6.1: a device opens in steps, each of its files counts, and it is listed until nobody uses it",
    "drivers/vfio/vfio_main.c and container.c, drivers/iommu/iommu.c, 6.1",
    tuple(_OF_6_1.get(c.name, c) for c in CALLS),
    (
        *DEFINITIONS,
        shows(seen.file_counts, lambda f: containers.counts[f]),
    ),
    (*container_claims_6_1.CLAIMS, *closing_claims.LEMMAS_6_1),
)

SYSTEMS = (CONTAINERS_2022, CONTAINERS_6_1)
