"""What a machine shows of the fds of its processes, and of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.columns import Columns, columns
from tenure.reference.files import IOMMUFD_FILE, File
from tenure.reference.show_metagroups import file_of_2011
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.machine import Machine

OF_FILES = (
    seen.has_fd,
    seen.file_kind,
    seen.file_container,
    seen.file_group,
    seen.file_device,
    seen.release_pending,
    seen.file_counts,
    seen.file_vm,
)
_ALL_ZERO_FILE = (0, NONE, NONE, NONE, 0, NONE, NONE)


def observe_files(machine: Machine) -> Columns:
    """The observables of OF_FILES, in this order."""
    fds = tuple([0 if fd is None else 1 for process in machine.processes for fd in process.fds])
    return fds, *columns([_file(file) for file in machine.files], len(OF_FILES) - 1)


def _file(file: File) -> tuple[int, ...]:
    device, group = file.device, file.group
    if device is not None:
        index = NONE if file.is_cdev else device.group.index
        return file.kind, NONE, index, device.index, int(file.count == 0), index if file.counts else NONE, NONE
    if group is not None:
        behind = NONE if group.orphaned else group.iommu.index
        return file.kind, NONE, behind, NONE, int(file.count == 0), NONE, NONE
    if file.kind == IOMMUFD_FILE:
        return file.kind, NONE, NONE, NONE, int(file.count == 0), NONE, NONE
    if file.container is not None:
        return file.kind, file.container.index, NONE, NONE, int(file.count == 0), NONE, NONE
    if file.vm is not None:
        return file.kind, NONE, NONE, NONE, int(file.count == 0), NONE, file.vm.index
    return file_of_2011(file) or _ALL_ZERO_FILE
