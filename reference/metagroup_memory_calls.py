"""MAP_DMA and UNMAP_DMA of 2011 as far as pages and payers go, and the work items that give back what is left."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from tenure.reference.calls import EFAULT, ENOMEM, EPERM, OK, Steps, Task
from tenure.reference.files import IOMMU_FILE
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Iommu, Metagroups, Page2011
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.types import NONE


def may_map_dma(machine: Machine, process: int, file: int, page: int, faulty: int, contended: int) -> bool:
    """The process has an iommu file, and the page's name is free."""
    free = machine.metagroups.pages[page].is_unknown()
    return may_use(machine, process, file) and free and faulty in (0, 1) and contended in (0, 1)


def map_dma(machine: Machine, me: Task, process: int, file: int, page: int, faulty: int, contended: int) -> Steps:  # noqa: PLR0913  # what the caller passes
    """Pay for a page, then lead devices to it; EPERM, ENOMEM, EFAULT (vfio_dma_map_dm)."""
    rfc, iommu = machine.metagroups, _iommu(machine, me, process, file)
    yield from _lock(iommu, me)
    late = bool(contended) and rfc.is_as_written("D-G1-14")
    answer = yield from _map(rfc, iommu, process, rfc.pages[page], faulty=bool(faulty), late=late)
    iommu.dgate.release()
    return answer


def _map(
    rfc: Metagroups, iommu: Iommu, process: int, one: Page2011, *, faulty: bool, late: bool
) -> Generator[str, None, Answer]:
    """The same, with the mutex of the mappings; `late`: a work item is to charge the page."""
    if iommu.mm != process and not rfc.is_as_written("D-G1-13"):
        return EPERM
    if rfc.processes[process].is_full():
        return ENOMEM
    first = not late and not rfc.is_as_written("D-G1-15")
    one.process, one.being_mapped = process, True
    if first:
        _charge(rfc, one, process)
    yield "map_dma.map"
    one.being_mapped = False
    if faulty:
        if first:
            _give_back(rfc, one, process)
        one.process = NONE
        return EFAULT
    one.iommu = iommu
    if late:
        one.owed = process
    elif not first:
        _charge(rfc, one, process)
    return OK


def may_unmap_dma(machine: Machine, process: int, file: int, page: int, contended: int) -> bool:
    """The process has an iommu file; the page is any."""
    return may_use(machine, process, file) and 0 <= page < len(machine.metagroups.pages) and contended in (0, 1)


def unmap_dma(machine: Machine, me: Task, process: int, file: int, page: int, contended: int) -> Steps:
    """Lead devices there no more, and give the page back now or later; EPERM (vfio_dma_unmap_dm)."""
    rfc, iommu = machine.metagroups, _iommu(machine, me, process, file)
    yield from _lock(iommu, me)
    iommu.dgate.release()
    one = rfc.pages[page]
    if iommu.mm != process and not rfc.is_as_written("D-G1-12"):
        return EPERM
    if one.iommu is not iommu:
        return OK
    one.unpin()
    pays = process if rfc.is_as_written("D-G1-12") else one.payer
    if contended:
        one.payer, one.left = pays, not rfc.is_as_written("D-G1-14")
    elif one.owed != NONE:
        one.owed = NONE
    else:
        _give_back(rfc, one, pays)
    return OK


def may_give_back(machine: Machine, page: int) -> bool:
    """Somebody still pays for a page that nobody reaches, or is charged for it by a work item before this one."""
    one = machine.metagroups.pages[page]
    return one.left and one.owed == NONE


def give_back(machine: Machine, _: Task, page: int) -> Answer:
    """The work item: from the locked pages of whoever paid."""
    rfc = machine.metagroups
    one = rfc.pages[page]
    one.left = False
    _give_back(rfc, one, one.payer)
    return OK


def may_charge(machine: Machine, page: int) -> bool:
    """The page was mapped, and is to be charged."""
    return machine.metagroups.pages[page].owed != NONE


def charge(machine: Machine, _: Task, page: int) -> Answer:
    """The work item: to the locked pages of whoever mapped it (D-G1-14)."""
    rfc = machine.metagroups
    one = rfc.pages[page]
    _charge(rfc, one, one.owed)
    one.owed = NONE
    return OK


def due_work(machine: Machine) -> Iterator[tuple[str, dict[str, int]]]:
    """The work items that wait."""
    for page, one in enumerate(machine.metagroups.pages):
        if one.owed != NONE:
            yield "charge", {"page": page}
        elif one.left:
            yield "give_back", {"page": page}


def may_use(machine: Machine, process: int, file: int) -> bool:
    """The process has an iommu file."""
    return machine.processes[process].has(file, IOMMU_FILE)


def _iommu(machine: Machine, me: Task, process: int, file: int) -> Iommu:
    """The metagroup of the file, which stays open meanwhile."""
    iommu = me.hold(machine.processes[process].file(file)).iommu_2011
    if iommu is None:
        raise LookupError(f"f{file} is no metagroup's")
    return iommu


def _lock(iommu: Iommu, me: Task) -> Iterator[str]:
    """Take the mutex of the metagroup's mappings."""
    while not iommu.dgate.taken_by(me):
        yield BLOCKED


def _charge(rfc: Metagroups, page: Page2011, process: int) -> None:
    page.payer = process
    rfc.processes[process].locked += 1


def _give_back(rfc: Metagroups, page: Page2011, process: int) -> None:
    rfc.processes[process].locked -= 1
    page.payer = NONE
