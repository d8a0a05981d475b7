"""The system `containers-2012`: VFIO containers and groups from Linux 3.6 to 3.10.

`models/groups_2012.py` is what differs from 3.11; files, containers and what a detach does are the same.
"""

from tenure.models import (
    containers,
    containers_2013,
    file_claims,
    files,
    groups_2012,
    harm,
    iommu_drivers,
    vfio_drivers,
)
from tenure.models.container_claims_2012 import CLAIMS
from tenure.models.groups import no_iommu
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import GROUP, IOMMU_DRIVER
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import both, every, no

CALLS = (
    *files.CALLS,
    containers.open_container,
    containers.release_container,
    containers.set_container,
    containers.unset_container,
    containers.set_iommu,
    *containers.QUESTIONS,
    containers.release_device,
    *groups_2012.CALLS,
    *iommu_drivers.CALLS,
    *vfio_drivers.CALLS,
)

UNKNOWN = (seen.group_opened, seen.device_leaving, seen.group_no_iommu, seen.container_no_iommu)
"""What these versions have not: a counter of opens, a list of leaving devices, groups without IOMMU."""

DEFINITIONS: tuple[Definition, ...] = (
    *(d for d in containers_2013.DEFINITIONS if all(d.observable is not one for one in (*UNKNOWN, seen.group_viable))),
    shows(seen.group_viable, groups_2012.viable),
)

INITIALLY = both(
    containers_2013.INITIALLY,
    every(GROUP, lambda g: no(no_iommu[g])),
    every(IOMMU_DRIVER, lambda d: no(iommu_drivers.is_noiommu[d])),
)
"""As in 2013; and every group is isolated by an IOMMU, so that what is refused to others is dead here, and has no driver."""


def _system(variant: str, title: str, indivisible: frozenset[str]) -> System:
    return System(
        name="containers-2012",
        variant=variant,
        title=title,
        source="drivers/vfio/vfio.c, 3.6-3.10",
        calls=CALLS,
        definitions=DEFINITIONS,
        claims=(*CLAIMS, file_claims.of_kinds(CALLS)),
        halted=harm.STOPPED,
        initially=INITIALLY,
        indivisible=indivisible,
    )


SYSTEMS = (
    _system(
        "", "VFIO containers and groups, Linux 3.6 to 3.10, as built: any number of files for a group", frozenset()
    ),
    _system(
        "locked",
        "the same with every call indivisible, by a lock that the code did not have",
        frozenset(c.name for c in CALLS),
    ),
)
