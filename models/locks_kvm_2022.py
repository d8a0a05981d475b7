"""The locks of KVM and of its VFIO device from Linux 5.19 on, which are taken around those of VFIO.

Today a spinlock guards what a group knows of a VM; spinlocks are left out, for nothing sleeps under them. Up to 6.1 it was the
group's own lock: the last reference to a VM, dropped under that lock, destroyed the VM, and the VM's KVM VFIO device took the lock
once more to take its leave of the group.
"""

from tenure.models.locks_2022 import GROUP_LOCK
from tenure.vocabulary.locks import Reference, Taken, briefly

TELL: tuple[Taken, ...] = ()
"""vfio_file_set_kvm today: a spinlock, and so nothing that sleeps."""
TELL_6_1: tuple[Taken, ...] = (briefly(GROUP_LOCK),)
"""The same in 6.1."""

VM_REFERENCE = Reference("VM", meaning="kvm_put_kvm: what the KVM VFIO device kept is gone before, with its file")
VM_REFERENCE_DESTROYS = Reference(
    "VM", TELL, meaning="kvm_put_kvm: the last one destroys the KVM VFIO device, which tells each file under a spinlock"
)
VM_REFERENCE_6_1 = Reference(
    "VM", TELL_6_1, meaning="kvm_put_kvm: the last one destroys the KVM VFIO device, which tells each group"
)
