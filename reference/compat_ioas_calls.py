"""What stands for a container in an iommufd, from 6.2 on (drivers/iommu/iommufd/vfio_compat.c)."""

from __future__ import annotations

from tenure.reference.calls import EINVAL, ENODEV, ENOENT, OK, Task
from tenure.reference.files import IOMMUFD_FILE, File
from tenure.reference.machine import Machine
from tenure.reference.tables import IommuTable
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import TABLE


def may_use(machine: Machine, process: int, file: int) -> bool:
    """The process has the iommufd."""
    return machine.processes[process].has(file, IOMMUFD_FILE)


def get_vfio_ioas(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Say which IO address space stands for a container; ENODEV (iommufd_vfio_ioas)."""
    ioas = machine.processes[process].file(file).vfio_ioas
    return ENODEV if ioas is None else Done((("ioas", TABLE.element(ioas.index)),))


def set_vfio_ioas(machine: Machine, _: Task, process: int, file: int, obj: int) -> Answer:
    """Have an IO address space stand for a container; ENOENT (iommufd_vfio_ioas)."""
    iommufd, table = machine.processes[process].file(file), machine.tables[obj]
    if table.iommufd is not iommufd:
        return ENOENT
    iommufd.vfio_ioas = table
    return OK


def clear_vfio_ioas(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Have none stand for a container (iommufd_vfio_ioas)."""
    machine.processes[process].file(file).vfio_ioas = None
    return OK


def create_compat_ioas(machine: Machine, iommufd: File, made: int) -> Refused | None:
    """Keep what stands for a container, or make it; EINVAL (iommufd_vfio_compat_ioas_create)."""
    if iommufd.no_iommu_mode:
        return EINVAL
    if iommufd.vfio_ioas is None:
        table = machine.tables[made] = IommuTable(made, machine.pages, alive=True)
        table.iommufd = iommufd
        iommufd.vfio_ioas = table
    return None


def set_no_iommu(iommufd: File) -> Refused | None:
    """From here on the iommufd is for groups without IOMMU; EINVAL (iommufd_vfio_compat_set_no_iommu)."""
    if iommufd.vfio_ioas is not None:
        return EINVAL
    iommufd.no_iommu_mode = True
    return None
