"""Groups and devices, as the bus knows them and as VFIO keeps them; the test of viability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.locks import Lock
from tenure.reference.modules import Module
from tenure.reference.tables import IommuTable
from tenure.vocabulary.observables import DRIVER

if TYPE_CHECKING:
    from tenure.reference.containers import Container
    from tenure.reference.files import File
    from tenure.reference.notifiers import Notifier
    from tenure.reference.registrations import Registration
    from tenure.reference.vms import Vm

NO_DRIVER = DRIVER.values.index("none")
VFIO = DRIVER.values.index("vfio")
KERNEL = DRIVER.values.index("kernel")
STUB = DRIVER.values.index("stub")


class VfioGroup:
    """struct vfio_group: freed when its last reference goes; another may then be made for the same IOMMU group.

    References: each registered device, the open group file, each external user, and the calls that say so. From 5.19 on
    they are its `drivers`: devices that a VFIO driver has registered and not yet removed.
    """

    __slots__ = (
        "cdev_device_open_cnt",
        "container",
        "device_list",
        "device_lock",
        "group_lock",
        "iommu",
        "iommufd",
        "kref",
        "kvm",
        "opened",
        "opened_file",
        "orphaned",
        "placed",
        "users",
    )

    def __init__(self, iommu: IommuGroup) -> None:
        self.iommu = iommu
        self.kref = 0
        self.opened = False
        self.users = 0
        """container_users: one for SET_CONTAINER, one for each device file, one for each external user."""
        self.container: Container | None = None
        self.iommufd: File | None = None
        """From 6.2 on: the iommufd that it uses in place of a container, with a reference."""
        self.placed = False
        """What user space believes and the kernel does not keep: SET_CONTAINER holds, for nobody undid it."""
        self.kvm: Vm | None = None
        """The VM that the group was told of; it is not counted for that."""
        self.device_list: list[Device] = []
        self.device_lock = Lock()
        self.group_lock = Lock()
        """From 5.19 on: one lock over what each call does with the group."""
        self.cdev_device_open_cnt = 0
        """From 6.6 on: devices that are bound to an iommufd by a file of their own, or about to be."""
        self.opened_file: File | None = None
        """From 5.19 on, in place of `opened`: the file itself."""
        self.orphaned = False
        """From 5.19 on: the last device is gone, and `iommu_group` is NULL; only a file may still point here."""

    def set_kvm(self, vm: Vm | None) -> None:
        """The group is told of a VM, or that there is none; and so is each notifier in its list (vfio_group_set_kvm, 4.10-5.18)."""
        self.kvm = vm
        for notifier in self.iommu.listeners:
            notifier.vm = vm

    def try_dissolve(self) -> bool:
        """End one use, if there is any; True when it was the last, and the caller must detach the group.

        atomic_dec_if_positive in vfio_group_try_dissolve_container, 3.6-5.18: too many calls go unnoticed.
        """
        if self.users <= 0:
            return False
        self.users -= 1
        return self.users == 0


class Device:
    """A physical device and its driver; it is registered while the device list of its VFIO group holds it."""

    __slots__ = (
        "bridge",
        "coherent",
        "counts",
        "driver",
        "emulated",
        "enforced_coherent",
        "group",
        "index",
        "ioas",
        "iommufd",
        "isolated",
        "kvm",
        "mapped_by_host",
        "module",
        "open_count",
        "spared",
        "users",
    )

    def __init__(self, index: int, group: IommuGroup, driver: int, *, bridge: bool, spared: bool) -> None:
        self.index = index
        self.group = group
        self.driver = driver
        self.bridge = bridge
        self.spared = spared
        """The test of viability passes it over, whatever its driver: from 3.11 on, a bridge."""
        self.kvm: Vm | None = None
        """The VM that the device was told of at its first open; one of the VM's references."""
        self.users = 0
        """References besides the registration: device files, and calls in flight that looked the device up."""
        self.open_count = 0
        """From 5.19 on: how many files of it are open."""
        self.counts = False
        """From 6.2 on: it is one of the users of its group, however many files it has."""
        self.mapped_by_host = False
        """On SPAPR: the host's driver of the device has entries of the table of its group."""
        self.module = Module()
        """That of the VFIO driver of such devices, whatever driver is bound."""
        self.enforced_coherent = False
        """The IOMMU enforces cache coherency for it: IOMMU_CAP_ENFORCE_CACHE_COHERENCY."""
        self.emulated = False
        """No IOMMU translates for it; it is attached to nothing but an IO address space."""
        self.coherent = self.isolated = True
        """Its IOMMU can enforce coherency; its interrupts are isolated."""
        self.ioas: IommuTable | None = None
        """The IO address space to which an emulated device is attached."""
        self.iommufd: File | None = None
        """The iommufd to which its group bound it, with a reference; one that a file bound stands with that file."""

    def is_registered(self) -> bool:
        return self in self.group.vfio.device_list

    def is_acceptable(self) -> bool:
        """The device does not spoil the viability of its group (vfio_dev_viable, 3.6-5.18)."""
        group = self.group
        return (
            self.driver in (NO_DRIVER, STUB)
            or self in group.vfio.device_list
            or self in group.unbound_list
            or self.spared
        )


class IommuGroup:
    """struct iommu_group: devices that no IOMMU can tell apart, and the VFIO group of today or the last one freed."""

    __slots__ = (
        "attached",
        "blocked",
        "callbacks",
        "callbacks_lock",
        "dev_set_lock",
        "devices",
        "igroup",
        "index",
        "listeners",
        "mutex",
        "no_iommu",
        "notifier",
        "owner",
        "owner_cnt",
        "unbound_list",
        "vfio",
    )

    def __init__(self, index: int, *, no_iommu: bool) -> None:
        self.index = index
        self.no_iommu = no_iommu
        self.devices: list[Device] = []
        self.attached: IommuTable | None = None
        self.notifier = Lock()
        """The rwsem under which the driver core tells VFIO that a driver was bound or unbound."""
        self.unbound_list: list[Device] = []
        """Devices that leave their VFIO driver; kept here and not in the VFIO group, which they may outlast."""
        self.mutex = Lock()
        self.owner: VfioGroup | File | None = None
        """From 5.19 on: the user that owns the DMA of the group; none: the kernel's drivers may do DMA."""
        self.owner_cnt = 0
        """From 5.19 on: 1 for the owner, or one for each driver that does DMA for the kernel.

        Where the owner is an iommufd: one for each device that is bound to it.
        """
        self.igroup: list[Device] = []
        """The devices that an iommufd has attached to the table to which the group is."""
        self.blocked = False
        """From 5.19 on: the group is in its blocking domain."""
        self.dev_set_lock = Lock()
        """From 5.19 on: the lock of devices that are reset together; here those of a group."""
        self.callbacks: list[Registration] = []
        """The notification model: whom to tell before the group leaves its container."""
        self.callbacks_lock = Lock()
        self.listeners: list[Notifier] = []
        """Up to 5.18: the notifiers of drivers that hear of the group's VM.

        Kept here, so that they stay whatever becomes of the VFIO group: what a kernel does with them when it frees that is not told.
        """
        self.vfio = VfioGroup(self)

    def locks(self) -> tuple[Lock, ...]:
        """Its own, and those of the VFIO group of today."""
        own = self.notifier, self.mutex, self.dev_set_lock, self.callbacks_lock
        return *own, self.vfio.device_lock, self.vfio.group_lock

    def attach(self, table: IommuTable) -> None:
        """The group's devices translate through the table."""
        self.attached = table
        self.blocked = False

    def detach(self) -> None:
        """They no longer do: of a group with an owner nothing is translated, another is back in its default domain."""
        self.attached = None
        self.blocked = self.owner is not None

    def is_used_by_host(self) -> bool:
        """Bits of the table's `it_map` are set, and VFIO did not set them."""
        return any(device.mapped_by_host for device in self.devices)

    def is_viable(self) -> bool:
        """No device of the group spoils it now (vfio_group_viable); nothing keeps it so."""
        for device in self.devices:  # noqa: SIM110 -- asked at every look, and a generator costs as much again
            if not device.is_acceptable():
                return False
        return True
