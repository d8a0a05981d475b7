"""Who owns the DMA of an IOMMU group, from 5.19 on (drivers/iommu/iommu.c): one user, or the kernel's drivers."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, EPERM
from tenure.reference.files import File
from tenure.reference.groups import IommuGroup, VfioGroup
from tenure.vocabulary.answers import Refused


def claim_dma_owner(group: IommuGroup, owner: VfioGroup) -> Refused | None:
    """Take the group for a user; EPERM, EBUSY (iommu_group_claim_dma_owner). None where it succeeds.

    From here on nothing is translated until somebody attaches the group to a table.
    """
    if group.owner_cnt > 0:
        return EPERM
    if group.blocked or group.attached is not None:
        return EBUSY
    group.owner = owner
    group.owner_cnt = 1
    group.blocked = True
    return None


def release_dma_owner(group: IommuGroup) -> None:
    """Give the group back to the kernel, in its default domain (iommu_group_release_dma_owner)."""
    group.owner_cnt = 0
    group.owner = None
    group.blocked = False


def claim_for_device(group: IommuGroup, owner: File) -> Refused | None:
    """Take the group for an iommufd, or count one more device of its own; EPERM, EBUSY (iommu_device_claim_dma_owner)."""
    if group.owner_cnt > 0:
        if group.owner is not owner:
            return EPERM
        group.owner_cnt += 1
        return None
    if group.blocked or group.attached is not None:
        return EBUSY
    group.owner, group.owner_cnt, group.blocked = owner, 1, True
    return None


def release_for_device(group: IommuGroup) -> None:
    """Count one device less; with the last one the group is the kernel's (iommu_device_release_dma_owner)."""
    if group.owner_cnt > 1:
        group.owner_cnt -= 1
    else:
        release_dma_owner(group)


def use_default_domain(group: IommuGroup) -> Refused | None:
    """Count a driver that does DMA for the kernel; EBUSY where a user owns the group. None where it succeeds."""
    if group.owner_cnt > 0 and group.owner is not None:
        return EBUSY
    group.owner_cnt += 1
    return None


def unuse_default_domain(group: IommuGroup) -> None:
    """The driver is gone."""
    if group.owner_cnt > 0:
        group.owner_cnt -= 1
