"""What a machine shows of device files that are opened by themselves, and of the iommufds to which they are bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.files import File
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.groups import Device
    from tenure.reference.machine import Machine

OF_CDEVS = (
    seen.file_iommufd,
    seen.file_granted,
    seen.file_kvm,
    seen.dma_owner_iommufd,
    seen.group_cdevs,
    seen.owner_has_table,
    seen.device_ioas,
    seen.device_claims,
    seen.device_emulated,
    seen.device_coherent,
    seen.device_isolated,
    seen.table_iommufd,
    seen.entry_cdev,
    seen.file_uses,
    seen.file_compat_ioas,
    seen.file_no_iommu_mode,
    seen.device_iommufd,
)


def observe_cdevs(machine: Machine) -> Columns:
    """The observables of OF_CDEVS, in this order; what is fixed is shown where iommufds are spoken of."""
    devices, bound = machine.devices, _bound(machine)
    spoken = bool(machine.configuration.isolated)
    return (
        tuple([_name(file.iommufd) for file in machine.files]),
        tuple([int(spoken and file.access_granted) for file in machine.files]),
        tuple([NONE if file.kvm is None else file.kvm.index for file in machine.files]),
        tuple([_name(group.owner) if isinstance(group.owner, File) else NONE for group in machine.groups]),
        tuple([group.vfio.cdev_device_open_cnt for group in machine.groups]),
        tuple([int(_has(group.owner, table.iommufd)) for group in machine.groups for table in machine.tables]),
        tuple([_attached(machine, device) for device in devices]),
        tuple([device.group.index if device in bound else NONE for device in devices]),
        tuple([int(device.emulated) for device in devices]),
        tuple([int(spoken and device.coherent) for device in devices]),
        tuple([int(spoken and device.isolated) for device in devices]),
        tuple([_name(table.iommufd) for table in machine.tables]),
        tuple([_name(user.file if user.file is not None and user.file.is_cdev else None) for user in machine.users]),
        tuple([_name(None if file.group is None else file.group.iommufd) for file in machine.files]),
        tuple([NONE if file.vfio_ioas is None else file.vfio_ioas.index for file in machine.files]),
        tuple([int(file.no_iommu_mode) for file in machine.files]),
        tuple([_name(device.iommufd) for device in devices]),
    )


def _bound(machine: Machine) -> list[Device]:
    """The physical devices that are bound: each counts in its group, where ownership is claimed."""
    files = (file for file in machine.files if machine.claims_ownership and file.iommufd is not None)
    by_files = [file.device for file in files if file.device is not None and not file.device.emulated]
    return [*by_files, *(device for device in machine.devices if device.iommufd is not None)]


def _attached(machine: Machine, device: Device) -> int:
    if machine.ioases:
        return next((t for t, space in enumerate(machine.ioases) if device.index in space.devices), NONE)
    table = device.ioas if device.emulated else device.group.attached if device in device.group.igroup else None
    return NONE if table is None else table.index


def _has(owner: object, iommufd: File | None) -> bool:
    """The owner is the iommufd."""
    return iommufd is not None and owner is iommufd


def _name(file: File | None) -> int:
    return NONE if file is None else file.index
