"""iommufds as device files meet them: the calls that make IO address spaces, and that end them and the iommufd."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, ENOENT, OK, Task
from tenure.reference.files import IOMMUFD_FILE
from tenure.reference.machine import Machine
from tenure.reference.tables import IommuTable
from tenure.vocabulary.answers import Answer


def may_ioas_alloc(machine: Machine, process: int, file: int, made: int) -> bool:
    """The process has the iommufd, and the id is free."""
    return machine.processes[process].has(file, IOMMUFD_FILE) and not machine.tables[made].alive


def ioas_alloc(machine: Machine, _: Task, process: int, file: int, made: int) -> Answer:
    """Make an IO address space (iommufd_ioas_alloc_ioctl)."""
    table = machine.tables[made] = IommuTable(made, machine.pages, alive=True)
    table.iommufd = machine.processes[process].file(file)
    return OK


def may_destroy(machine: Machine, process: int, file: int, obj: int) -> bool:
    """The process has the iommufd; the id may be any."""
    return 0 <= obj < len(machine.tables) and machine.processes[process].has(file, IOMMUFD_FILE)


def destroy(machine: Machine, _: Task, process: int, file: int, obj: int) -> Answer:
    """Destroy an IO address space that nothing is attached to; ENOENT, EBUSY (iommufd_destroy)."""
    table = machine.tables[obj]
    if table.iommufd is not machine.processes[process].file(file):
        return ENOENT
    if table.users > 0:
        return EBUSY
    _free(table)
    return OK


def release_iommufd(machine: Machine, _: Task, file: int) -> Answer:
    """Everything in the iommufd goes with it (iommufd_fops_release)."""
    closing = machine.files[file]
    for table in machine.tables:
        if table.iommufd is closing:
            _free(table)
    closing.gone()
    return OK


def _free(table: IommuTable) -> None:
    """Nothing stands for a container any more, if it was this."""
    if table.iommufd is not None and table.iommufd.vfio_ioas is table:
        table.iommufd.vfio_ioas = None
    table.destroy()
    table.iommufd = None
