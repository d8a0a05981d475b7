"""What a machine of 2011 shows of metagroups, in the words of the properties."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tenure.reference.groups import KERNEL
from tenure.reference.show_spaces import OF_MAPPINGS, OF_PAYERS, observe_spaces
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.files import File
    from tenure.reference.machine import Machine
    from tenure.reference.metagroups import Iommu

OF_METAGROUPS = (
    seen.file_metagroup,
    seen.file_keeps_open,
    seen.metagroup_of,
    seen.metagroup_exists,
    seen.metagroup_open,
    seen.metagroup_mm,
    seen.metagroup_asked,
    seen.device_present,
    seen.device_attached,
    seen.device_metagroup,
    seen.device_vfio,
    seen.device_kernel,
    seen.page_payer,
    seen.page_metagroup,
    seen.page_memory,
    seen.page_left,
)


def observe_metagroups(machine: Machine) -> Columns:
    """The observables of OF_METAGROUPS, in this order."""
    rfc = machine.metagroups
    if not rfc.is_there:
        return _nothing(len(machine.files), len(machine.groups), len(machine.devices), machine.pages)
    return (
        tuple([_name(_metagroup(file)) for file in machine.files]),
        tuple([int(file.iommu_2011 is not None or file.device_2011 is not None) for file in machine.files]),
        tuple([_name(group.iommu) for group in rfc.groups]),
        tuple([int(one is not None) for one in rfc.named]),
        tuple([int(one is not None and one.is_open) for one in rfc.named]),
        tuple([NONE if one is None else one.mm for one in rfc.named]),
        tuple([int(one is not None and one.asked) for one in rfc.named]),
        tuple([int(device.is_plugged()) for device in rfc.devices]),
        tuple([_name(device.attached) for device in rfc.devices]),
        tuple([_name(device.group.iommu) for device in rfc.devices]),
        tuple([int(device.has_data()) for device in rfc.devices]),
        tuple([int(device.of.driver == KERNEL) for device in rfc.devices]),
        tuple([page.payer for page in rfc.pages]),
        tuple([_name(page.iommu) for page in rfc.pages]),
        tuple([page.process for page in rfc.pages]),
        tuple([int(page.left) for page in rfc.pages]),
    )


def observe_memory(machine: Machine) -> Columns:
    """What address spaces show, with the payers and the pages of a machine that has metagroups."""
    rfc, columns = machine.metagroups, list(observe_spaces(machine))
    first = len(OF_MAPPINGS)
    columns[first : first + len(OF_PAYERS)] = (
        tuple([process.locked for process in rfc.processes]),
        tuple([process.limit for process in rfc.processes]),
        tuple([int(process.unlimited) for process in rfc.processes]),
    )
    columns[-1] = tuple([int(page.payer == process) for process in range(len(rfc.processes)) for page in rfc.pages])
    return tuple(columns)


def file_of_2011(file: File) -> tuple[int, ...] | None:
    """What a file of 2011 shows besides its metagroup; None of any other."""
    group, device = file.group_2011, file.device_2011
    if group is None and device is None and file.iommu_2011 is None:
        return None
    behind = NONE if group is None else group.index
    of_device = NONE if device is None else device.of.index
    return file.kind, NONE, behind, of_device, int(file.count == 0), NONE, NONE


def _metagroup(file: File) -> Iommu | None:
    """What the file is of, or its group or device is in."""
    if file.group_2011 is not None:
        return file.group_2011.iommu
    return file.iommu_2011 if file.device_2011 is None else file.device_2011.group.iommu


def _name(iommu: Iommu | None) -> int:
    return NONE if iommu is None else iommu.index


@cache
def _nothing(files: int, groups: int, devices: int, pages: int) -> Columns:
    """What any other machine shows."""
    of_files, flags, pointers = ((NONE,) * files, (0,) * files), (0,) * devices, (NONE,) * devices
    of_devices = (flags, pointers, pointers, flags, flags)
    return (*of_files, (NONE,) * groups, *[()] * 4, *of_devices, *[(NONE,) * pages] * 3, (0,) * pages)
