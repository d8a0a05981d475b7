"""Open files: one object shared by all its fds; its release is due when the last reference is gone."""

from __future__ import annotations

from tenure.reference.containers import Container
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.iommufd import IommuObject
from tenure.reference.metagroups import Device2011, Group2011, Iommu
from tenure.reference.tables import IommuTable
from tenure.reference.vms import Vm
from tenure.vocabulary.observables import FILE_KIND

CLOSED = FILE_KIND.values.index("closed")
CONTAINER_FILE = FILE_KIND.values.index("container")
GROUP_FILE = FILE_KIND.values.index("group")
DEVICE_FILE = FILE_KIND.values.index("device")
VM_FILE = FILE_KIND.values.index("vm")
KVM_VFIO_FILE = FILE_KIND.values.index("kvm_vfio")
IOMMUFD_FILE = FILE_KIND.values.index("iommufd")
IOMMU_FILE = FILE_KIND.values.index("iommu")


class File:
    """struct file: fds, calls in flight and the kernel itself (KVM's fget) each hold a reference."""

    __slots__ = (
        "access_granted",
        "bound",
        "container",
        "count",
        "counts",
        "device",
        "device_2011",
        "group",
        "group_2011",
        "index",
        "iommu_2011",
        "iommufd",
        "is_cdev",
        "kind",
        "kvm",
        "no_iommu_mode",
        "vfio_ioas",
        "vm",
    )

    def __init__(self, index: int, kind: int = CLOSED) -> None:
        self.index = index
        self.kind = kind
        self.count = 0
        self.container: Container | None = None
        self.group: VfioGroup | None = None
        self.device: Device | None = None
        self.vm: Vm | None = None
        """The VM of a VM file, or of the file of a KVM VFIO device."""
        self.bound: IommuObject | None = None
        """The object of a device file that is bound, where objects are told."""
        self.iommufd: File | None = None
        """The iommufd to which it is bound, with a reference."""
        self.group_2011: Group2011 | None = None
        self.device_2011: Device2011 | None = None
        self.iommu_2011: Iommu | None = None
        self.counts = False
        """A device file: it is one of the users of its device's group."""
        self.is_cdev = False
        """A device file that was opened by itself, and not through a group."""
        self.access_granted = False
        """Ioctls reach the driver; set at the end of a bind."""
        self.kvm: Vm | None = None
        """A device file: the VM that it was told of, without a reference."""
        self.vfio_ioas: IommuTable | None = None
        """An iommufd: its IO address space that stands for a container."""
        self.no_iommu_mode = False
        """An iommufd: a group without IOMMU has used it."""

    def get(self) -> File:
        """Take a reference (fget)."""
        self.count += 1
        return self

    def put(self) -> None:
        """Drop a reference (fput); after the last one the release is due, and somebody runs it later."""
        self.count -= 1

    def is_due(self) -> bool:
        """The last reference is gone and the release is not over."""
        return self.count == 0 and self.kind != CLOSED

    def gone(self) -> None:
        """The release is over; whoever still points here points at freed memory."""
        self.kind = CLOSED
        self.container = None
        self.group = None
        self.device = None
        self.vm = None
        self.is_cdev = False
        self.kvm = None
        self.bound = None
        self.iommufd = None
        self.vfio_ioas = None
        self.no_iommu_mode = False
        self.group_2011 = self.device_2011 = self.iommu_2011 = None


class Process:
    """A process: its table of fds, where a file stands under its own name, and whether it has CAP_SYS_RAWIO."""

    __slots__ = ("fds", "index", "rawio")

    def __init__(self, index: int, fds: int, *, rawio: bool) -> None:
        self.index = index
        self.fds: list[File | None] = [None] * fds
        self.rawio = rawio

    def file(self, fd: int) -> File:
        """The file behind an fd that is known to be open."""
        file = self.fds[fd]
        if file is None:
            raise LookupError(f"p{self.index} has no fd for f{fd}")
        return file

    def has(self, fd: int, *kinds: int) -> bool:
        """The fd is open; with kinds: and its file is of one of them."""
        file = self.fds[fd]
        return file is not None and (not kinds or file.kind in kinds)

    def install(self, file: File) -> None:
        """Put a file into the table, with a reference of its own."""
        if self.fds[file.index] is None:
            self.fds[file.index] = file.get()

    def drop(self, fd: int) -> None:
        """Take a file out of the table, and drop the reference."""
        self.file(fd).put()
        self.fds[fd] = None
