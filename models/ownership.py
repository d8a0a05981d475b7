"""Who owns the DMA of an IOMMU group, from 5.19 on: one user, or any number of kernel drivers, and never both."""

from tenure.models.groups import attached, driver, group_of, no_iommu
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import DEVICE, GROUP
from tenure.vocabulary.observables import OWNER
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import Term, both, either, is_none, no
from tenure.vocabulary.types import COUNT, FLAG

owner = state("dma owner", GROUP, OWNER, meaning="the user that owns the group's DMA; none: kernel drivers may")
owner_cnt = state("owner count", GROUP, COUNT, meaning="`owner_cnt`: claims of the owner, or kernel drivers")
blocking = state(
    "blocking", GROUP, FLAG, meaning="where no table is attached, the group is in its blocking domain, not the default"
)
uses_default = client(
    "uses default", DEVICE, GROUP.maybe, meaning="the group in whose `owner_cnt` the device's kernel driver counts"
)


def is_claimed(group: Term) -> Term:
    """A user owns the group's DMA, or a kernel driver does DMA in it: iommu_group_dma_owner_claimed."""
    return no(owner_cnt[group] == 0)


def is_foreign(group: Term) -> Term:
    """Nobody owns the group, and yet it is not in its default domain."""
    return either(blocking[group], no(is_none(attached[group])))


def claim(group: Term, by: str) -> tuple[Assign, ...]:
    """iommu_group_claim_dma_owner, once its tests have passed: translations end where no table is attached."""
    return owner[group].becomes(by), owner_cnt[group].becomes(1), blocking[group].becomes(value=True)


def release(group: Term) -> tuple[Assign, ...]:
    """iommu_group_release_dma_owner: the group is back in its default domain."""
    return owner[group].becomes("none"), owner_cnt[group].becomes(0), blocking[group].becomes(value=False)


def does_dma(device: Term, by: Term) -> Term:
    """A driver that uses the DMA API of a device which an IOMMU isolates: neither VFIO's nor pci-stub."""
    return both(by == "kernel", no(no_iommu[group_of[device]]))


def use_default_domain(device: Term) -> tuple[Assign, ...]:
    """iommu_device_use_default_domain, once its test has passed."""
    group = group_of[device]
    return owner_cnt[group].becomes(owner_cnt[group] + 1), uses_default[device].becomes(group)


def unuse_default_domain(device: Term) -> tuple[Assign, ...]:
    """iommu_device_unuse_default_domain."""
    group = group_of[device]
    return owner_cnt[group].becomes(owner_cnt[group] - 1), uses_default[device].becomes(None)


def drives_for_the_kernel(device: Term) -> Term:
    """The device's driver counts in `owner_cnt`."""
    return does_dma(device, driver[device])
