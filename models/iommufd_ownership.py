"""Who owns the DMA of an IOMMU group where devices are bound to iommufds: one iommufd, once for each device of the group."""

from tenure.models.cdev_fields import claimed, emulated, owner_iommufd
from tenure.models.groups import group_of
from tenure.models.ownership import blocking, is_foreign, owner, owner_cnt
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.terms import Term, both, no


def is_physical(device: Term) -> Term:
    """An IOMMU translates for the device."""
    return no(emulated[device])


def is_anothers(device: Term, iommufd: Term) -> Term:
    """Kernel drivers, a group or another iommufd claimed the DMA of the device's group: iommu_device_claim_dma_owner."""
    group = group_of[device]
    own = both(owner[group] == "iommufd", owner_iommufd[group] == iommufd)
    return both(is_physical(device), no(owner_cnt[group] == 0), no(own))


def is_elsewhere(device: Term) -> Term:
    """Nobody claimed the group, and yet it is not in its default domain."""
    group = group_of[device]
    return both(is_physical(device), owner_cnt[group] == 0, is_foreign(group))


def claim_device(device: Term, iommufd: Term) -> tuple[Assign, ...]:
    """iommu_device_claim_dma_owner, once its tests have passed: one more device of the group is the iommufd's."""
    group = group_of[device]
    effects = (
        owner[group].becomes("iommufd"),
        owner_iommufd[group].becomes(iommufd),
        owner_cnt[group].becomes(owner_cnt[group] + 1),
        blocking[group].becomes(value=True),
        claimed[device].becomes(group),
    )
    return tuple(provided(is_physical(device), effect) for effect in effects)


def release_device_claim(device: Term) -> tuple[Assign, ...]:
    """iommu_device_release_dma_owner: with its last device the group goes back to its default domain."""
    group = group_of[device]
    last = both(is_physical(device), owner_cnt[group] == 1)
    goes = (owner[group].becomes("none"), owner_iommufd[group].becomes(None), blocking[group].becomes(value=False))
    less = owner_cnt[group].becomes(owner_cnt[group] - 1), claimed[device].becomes(None)
    return (
        *(provided(last, effect) for effect in goes),
        *(provided(is_physical(device), effect) for effect in less),
    )
