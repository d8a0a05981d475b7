"""The locks of KVM and of its VFIO device from Linux 3.13 to 5.18, which are taken around those of VFIO.

They stand in virt/kvm/kvm_main.c and virt/kvm/vfio.c. What the release of a VM takes is what its KVM VFIO device takes for
each entry: it is destroyed there.
"""

from tenure.models.locks import CONTAINER_GROUP_LOCK, GROUP_REFERENCE, IOMMU_DRIVERS_LOCK, TABLE_LOCKS, TYPE1_LOCK
from tenure.vocabulary.locks import Lock, Reference, briefly

KVM_LOCK = Lock("kvm.lock", "mutex of a VM: the list of its devices")
KV_LOCK = Lock("kv.lock", "mutex of a KVM VFIO device: the list of its entries")
GROUP_LISTENERS = Lock("group.notifier", "rwsem of those who listen to a VFIO group: held around what they are told")

TELL = briefly(GROUP_LISTENERS)
"""vfio_group_set_kvm: the pointer is stored, then the group's listeners hear of it."""

ASKS_CONTAINER = (CONTAINER_GROUP_LOCK, briefly(IOMMU_DRIVERS_LOCK), briefly(TYPE1_LOCK))
"""vfio_ioctl_check_extension, as KVM makes it: the container's IOMMU driver is asked, or, where it has none, each that there is."""

VM_REFERENCE = Reference(
    "VM",
    (TELL, briefly(*TABLE_LOCKS)),
    (GROUP_REFERENCE,),
    meaning="kvm_put_kvm: the last one destroys the VM's devices, and with them each entry that is left",
)
