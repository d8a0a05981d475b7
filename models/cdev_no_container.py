"""The system `cdev-no-container`: device files, groups and iommufds where containers are compiled out (CONFIG_VFIO_CONTAINER=n)."""

from tenure.models import (
    cdev,
    cdev_groups,
    cdev_no_group,
    compat_ioas,
    containers_2022,
    files,
    harm,
    iommufd_group_claims,
    iommufd_group_closing_claims,
    iommufd_groups,
)
from tenure.models.cdev_group_keeping import kept
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import Definition, System, shows


def _of_devices(old: Call) -> Call:
    """The call as it is made of devices of which some are emulated."""
    return cdev_no_group.of_devices(old) if old.name == "bind_driver" else old


CALLS: tuple[Call, ...] = (
    *files.CALLS,
    *map(_of_devices, iommufd_groups.CALLS),
    *compat_ioas.CALLS,
    *cdev_groups.CALLS,
)

TOLD_OTHERWISE = (
    seen.device_iommufd,
    seen.file_container,
    seen.file_counts,
    seen.group_placed,
    seen.container_of,
    seen.container_users,
    seen.container_lists,
    seen.container_table,
    seen.container_references,
    seen.container_no_iommu,
    seen.container_driver,
    seen.driver_registered,
    seen.driver_references,
    seen.device_counts,
    seen.page_mapped,
    seen.user_counts,
    seen.user_idle,
)
"""What `cdev` tells, and what is not there to be told of or is told otherwise."""

DEFINITIONS: tuple[Definition, ...] = (
    *(one for one in cdev.DEFINITIONS if all(one.observable is not other for other in TOLD_OTHERWISE)),
    shows(seen.container_of, lambda _: seen.container_of.nothing),
    shows(seen.container_table, lambda _: seen.container_table.nothing),
    shows(seen.file_uses, lambda f: iommufd_groups.uses_iommufd[f]),
    shows(seen.file_compat_ioas, lambda f: compat_ioas.compat_ioas[f]),
    shows(seen.file_no_iommu_mode, lambda f: compat_ioas.no_iommu_mode[f]),
    shows(seen.device_iommufd, lambda d: iommufd_groups.bound_through_group[d]),
)

CDEV_NO_CONTAINER = System(
    name="cdev-no-container",
    variant="",
    title="device files, and groups that use iommufds, where containers are compiled out, Linux 7.2, as built",
    source="drivers/vfio/group.c, device_cdev.c, iommufd.c and vfio_main.c, drivers/iommu/iommufd/vfio_compat.c and device.c, 7.2",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=(*kept(iommufd_group_claims.CLAIMS), *iommufd_group_closing_claims.LEMMAS),
    halted=harm.STOPPED,
    initially=containers_2022.INITIALLY,
)

SYSTEMS = (CDEV_NO_CONTAINER,)
