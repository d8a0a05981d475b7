"""Cache coherency as KVM knows it: whether the IOMMU enforces it for what a KVM VFIO device lists, and what a VM is told.

A device whose IOMMU does not enforce it may leave caches behind memory; then KVM lets the guest's own flushes through.
"""

from collections.abc import Callable

from tenure.models.containers import holds_no_iommu, table
from tenure.models.files import file_device, file_group, kind
from tenure.models.groups import attached, container, group_of, registered
from tenure.models.vms import listed
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import DEVICE, USER, VM
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG

Entry = Callable[[Term], Term]
"""Whether what an entry stands for is coherent, if it is asked now."""

enforced = fixed(
    "enforced coherent",
    DEVICE,
    FLAG,
    meaning="the IOMMU enforces cache coherency for the device, whatever the device asks for: enforce_cache_coherency",
)
noncoherent = state(
    "noncoherent", VM, FLAG, meaning="the VM's KVM VFIO device knows of an entry that is not coherent: `noncoherent`"
)
noncoherent_dma = state(
    "noncoherent dma count",
    VM,
    COUNT,
    meaning="how often noncoherent DMA is registered with the VM, and not unregistered",
)


def file_is_coherent(file: Term) -> Term:
    """vfio_file_enforced_coherent today: of a group's file each device in the group's list, of a device's file the device."""
    group = file_group[file]
    of_group = every(DEVICE, lambda d: implies(both(group_of[d] == group, registered[d]), enforced[d]))
    return when(kind[file] == "group", of_group, enforced[file_device[file]])


def container_is_coherent(one: Term) -> Term:
    """CHECK_EXTENSION(VFIO_DMA_CC_IOMMU): type1 says yes where each device behind it is coherent; without a driver nobody does."""
    through = every(DEVICE, lambda d: implies(attached[group_of[d]] == table[one], enforced[d]))
    return both(no(is_none(table[one])), no(holds_no_iommu[one]), through)


def group_is_coherent_6_1(file: Term) -> Term:
    """vfio_file_enforced_coherent up to 6.1: the answer of the group's container; yes where it has none."""
    one = container[file_group[file]]
    return either(is_none(file_group[file]), is_none(one), container_is_coherent(one))


def is_any_noncoherent(vm: Term, is_coherent: Entry) -> Term:
    """Some entry of the VM's list is not coherent."""
    return some(USER, lambda u: both(listed[u] == vm, no(is_coherent(u))))


def updated(vm: Term, now: Term) -> tuple[Assign, ...]:
    """kvm_vfio_update_coherency: what the device knows is `now`; where that is new, the VM is told.

    kvm_arch_register_noncoherent_dma, kvm_arch_unregister_noncoherent_dma.
    """
    knew, times = noncoherent[vm], noncoherent_dma[vm]
    return (
        noncoherent[vm].becomes(now),
        noncoherent_dma[vm].becomes(when(now, when(knew, times, times + 1), when(knew, times - 1, times))),
    )
