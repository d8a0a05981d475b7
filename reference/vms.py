"""VMs: counted by the files that refer to them, each with at most one KVM VFIO device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.locks import Lock
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.users import ExternalUser


class KvmVfio:
    """struct kvm_vfio: the KVM VFIO device of a VM, and its list of entries."""

    __slots__ = ("entries", "lock", "noncoherent", "vm")

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.lock = Lock()
        self.entries: list[ExternalUser] = []
        self.noncoherent = False
        """When it looked last, some entry was not coherent."""


class Vm:
    """struct kvm: alive until its destruction is over."""

    __slots__ = ("alive", "device", "index", "mm", "noncoherent_dma_count", "users")

    def __init__(self, index: int, users: int = 0, mm: int = NONE, *, alive: bool = False) -> None:
        self.index = index
        self.mm = mm
        """The process for whose memory it is; none, once that is gone."""
        self.alive = alive
        self.users = users
        """users_count: one for each file that refers to it."""
        self.noncoherent_dma_count = 0
        """How often noncoherent DMA was registered and not unregistered (kvm_arch_register_noncoherent_dma)."""
        self.device: KvmVfio | None = None

    def is_dying(self) -> bool:
        """The last reference is gone, and the destruction is not over."""
        return self.alive and self.users == 0

    def lists(self, entry: ExternalUser) -> bool:
        """The entry is in the list of the VM's KVM VFIO device."""
        return self.device is not None and entry in self.device.entries


def pointer_to(vm: Vm | None) -> int:
    """A pointer to a VM as a number; one to a VM that is gone is told from one to the next of its name."""
    if vm is None:
        return NONE
    return vm.index if vm.alive else -2 - vm.index


def pointed_at(vms: list[Vm], pointer: int) -> Vm | None:
    """The VM behind such a number."""
    if pointer == NONE:
        return None
    return vms[pointer] if pointer >= 0 else Vm(-2 - pointer)
