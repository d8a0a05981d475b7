"""Snapshots of what device files that are opened by themselves and iommufds bring, beside the rest of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.files import CLOSED, File
from tenure.reference.vms import pointed_at, pointer_to
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.machine import Machine

CdevState = tuple[tuple[int, ...], ...]
"""Of each file: opened by itself, its iommufd, access, the VM that it was told of. Of each table: its iommufd, its users.

Of each group: the iommufd that owns it, how many devices keep its file away. Of each device: attached with its group, and its own
IO address space. Of each file: the iommufd that its group uses; what stands for a container, no-IOMMU mode. Of each device: the
iommufd to which its group bound it.
"""


def save_cdevs(machine: Machine) -> CdevState:
    """The state as tuples of numbers; empty where no iommufd is there and nothing is said of one."""
    if not machine.configuration.emulated:
        return ()
    return (
        tuple([int(file.is_cdev) for file in machine.files]),
        tuple([index_of(file.iommufd) for file in machine.files]),
        tuple([int(file.access_granted) for file in machine.files]),
        tuple([pointer_to(file.kvm) for file in machine.files]),
        tuple([index_of(table.iommufd) for table in machine.tables]),
        tuple([table.users for table in machine.tables]),
        tuple([index_of(group.owner) if isinstance(group.owner, File) else NONE for group in machine.groups]),
        tuple([group.vfio.cdev_device_open_cnt for group in machine.groups]),
        tuple([int(device in device.group.igroup) for device in machine.devices]),
        tuple([NONE if device.ioas is None else device.ioas.index for device in machine.devices]),
        tuple([NONE if file.group is None else index_of(file.group.iommufd) for file in machine.files]),
        tuple([NONE if file.vfio_ioas is None else file.vfio_ioas.index for file in machine.files]),
        tuple([int(file.no_iommu_mode) for file in machine.files]),
        tuple([index_of(device.iommufd) for device in machine.devices]),
    )


def load_cdevs(machine: Machine, state: CdevState) -> None:
    """Bring that part of the machine back, once the rest of it is."""
    if not state:
        return
    by_itself, iommufds, granted, told, tables, users, owners, counts, attached, spaces, *of_groups = state
    for index, file in enumerate(machine.files):
        file.is_cdev, file.access_granted = bool(by_itself[index]), bool(granted[index])
        file.iommufd = _file_at(machine, iommufds[index])
        file.kvm = pointed_at(machine.vms, told[index])
    for index, table in enumerate(machine.tables):
        table.iommufd, table.users = _file_at(machine, tables[index]), users[index]
    for index, group in enumerate(machine.groups):
        group.igroup.clear()
        group.vfio.cdev_device_open_cnt = counts[index]
        if owners[index] != NONE:
            group.owner = _file_at(machine, owners[index])
    for index, device in enumerate(machine.devices):
        device.ioas = None if spaces[index] == NONE else machine.tables[spaces[index]]
        if attached[index]:
            device.group.igroup.append(device)
    _load_groups(machine, *of_groups)


def _load_groups(
    machine: Machine, uses: tuple[int, ...], stands: tuple[int, ...], modes: tuple[int, ...], bound: tuple[int, ...]
) -> None:
    """What groups use in place of a container, and what is bound through them."""
    for group in machine.groups:
        group.vfio.iommufd = None
    for index, file in enumerate(machine.files):
        if file.group is not None:
            file.group.iommufd = _file_at(machine, uses[index])
        file.vfio_ioas = None if stands[index] == NONE else machine.tables[stands[index]]
        file.no_iommu_mode = bool(modes[index])
    for index, device in enumerate(machine.devices):
        device.iommufd = _file_at(machine, bound[index])


def index_of(file: File | None) -> int:
    """A pointer to a file."""
    if file is None:
        return NONE
    return file.index if file.kind != CLOSED else -2 - file.index


def _file_at(machine: Machine, index: int) -> File | None:
    if index == NONE:
        return None
    return machine.files[index] if index >= 0 else File(-2 - index)
