"""What holds the pages of metagroups and those who pay for them together: helper invariants."""

from tenure.models.dma_type1 import charged
from tenure.models.files import kind
from tenure.models.metagroup_memory import owed, payer
from tenure.models.metagroups import domain, file_metagroup, left, mapped, memory, mm
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.objects import FILE, PAGE, PROCESS, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, number_of, stands
from tenure.vocabulary.types import FLAG


@claim(page=PAGE)
def what_is_mapped_is_in_an_open_metagroup(page: Term) -> Term:
    """No page is mapped in a metagroup without a domain."""
    return implies(no(is_none(mapped[page])), domain[mapped[page]])


@claim(page=PAGE)
def what_is_mapped_is_paid_for(page: Term) -> Term:
    """A page that is mapped is memory of some process, which pays for it."""
    return implies(no(is_none(mapped[page])), both(no(is_none(memory[page])), payer[page] == memory[page]))


@claim(page=PAGE)
def what_is_mapped_is_memory_of_the_right_process(page: Term) -> Term:
    """A page that is mapped is memory of the process to which the metagroup is bound."""
    return implies(no(is_none(mapped[page])), memory[page] == mm[mapped[page]])


@claim(page=PAGE)
def who_pays_for_a_page_has_it_in_memory(page: Term) -> Term:
    """Who pays for a page is the process whose memory it is, until a work item gives it back."""
    return implies(no(is_none(payer[page])), either(memory[page] == payer[page], left[page]))


@claim(page=PAGE)
def what_is_left_is_paid_for_and_pinned_no_more(page: Term) -> Term:
    """A work item gives back what somebody pays for, and nobody has pinned."""
    return implies(left[page], both(no(is_none(payer[page])), is_none(memory[page])))


@claim(process=PROCESS)
def charges_are_counted(process: Term) -> Term:
    """The pages in locked_vm are those that the process pays for."""
    return charged[process] == number_of(PAGE, lambda pg: payer[pg] == process)


MAPS = "map_dma.map"


def _page(thread: Term) -> Term:
    return frame(thread, "map_dma", "page", PAGE)


def _process(thread: Term) -> Term:
    return frame(thread, "map_dma", "process", PROCESS)


@claim(thread=THREAD)
def who_maps_a_page_has_pinned_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page of its caller's memory that is mapped nowhere."""
    page, process = _page(thread), _process(thread)
    pinned = both(no(is_none(page)), no(is_none(process)), memory[page] == process, is_none(mapped[page]))
    return implies(stands(thread, MAPS), pinned)


@claim(thread=THREAD)
def who_maps_a_page_has_paid_for_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that its caller pays for."""
    return implies(stands(thread, MAPS), payer[_page(thread)] == _process(thread))


@claim(page=PAGE)
def what_is_owed_is_paid_for_by_nobody(page: Term) -> Term:
    """A work item is to charge for what is not charged for yet."""
    return implies(no(is_none(owed[page])), is_none(payer[page]))


@claim(page=PAGE)
def what_is_mapped_is_paid_for_or_owed(page: Term) -> Term:
    """A page that is mapped is memory of some process, which pays for it, or is to be charged for it."""
    owner = memory[page]
    known = either(payer[page] == owner, owed[page] == owner)
    return implies(no(is_none(mapped[page])), both(no(is_none(owner)), known))


@claim(page=PAGE)
def what_is_left_is_paid_for_or_owed(page: Term) -> Term:
    """A work item gives back what somebody pays for, or is to be charged for before."""
    known = either(no(is_none(payer[page])), no(is_none(owed[page])))
    return implies(left[page], both(known, is_none(memory[page])))


@claim(thread=THREAD)
def who_maps_a_page_has_paid_for_it_unless_late(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that its caller pays for, unless somebody had the memory's lock."""
    page, late = _page(thread), frame(thread, "map_dma", "contended", FLAG)
    paid = either(both(late, is_none(payer[page])), both(no(late), payer[page] == _process(thread)))
    return implies(stands(thread, MAPS), both(is_none(owed[page]), paid))


@claim(thread=THREAD)
def who_maps_a_page_has_yet_to_pay_for_it(thread: Term) -> Term:
    """Between its steps a MAP_DMA has a page that nobody pays for."""
    return implies(stands(thread, MAPS), is_none(payer[_page(thread)]))


@claim(thread=THREAD)
def who_maps_a_page_has_an_iommu_file(thread: Term) -> Term:
    """The file of a MAP_DMA stays."""
    return implies(stands(thread, MAPS), kind[frame(thread, "map_dma", "file", FILE)] == "iommu")


@claim(thread=THREAD)
def who_maps_a_page_has_a_file_of_its_memory(thread: Term) -> Term:
    """The metagroup into which a MAP_DMA maps is bound to its caller's memory."""
    file = frame(thread, "map_dma", "file", FILE)
    return implies(stands(thread, MAPS), mm[file_metagroup[file]] == _process(thread))


@claim(thread=THREAD, other=THREAD)
def each_thread_maps_a_page_of_its_own(thread: Term, other: Term) -> Term:
    """The new page of a MAP_DMA is named by no other."""
    maps = both(stands(thread, MAPS), stands(other, MAPS))
    return implies(both(maps, _page(thread) == _page(other)), thread == other)


CLAIMS: tuple[Claim, ...] = (
    what_is_mapped_is_in_an_open_metagroup,
    what_is_mapped_is_paid_for,
    what_is_mapped_is_memory_of_the_right_process,
    who_pays_for_a_page_has_it_in_memory,
    what_is_left_is_paid_for_and_pinned_no_more,
    charges_are_counted,
    who_maps_a_page_has_pinned_it,
    who_maps_a_page_has_an_iommu_file,
    who_maps_a_page_has_a_file_of_its_memory,
    each_thread_maps_a_page_of_its_own,
)
"""What holds in every design, but for the claim that a defect breaks."""

OWING: tuple[Claim, ...] = (
    what_is_owed_is_paid_for_by_nobody,
    what_is_mapped_is_paid_for_or_owed,
    what_is_left_is_paid_for_or_owed,
    who_maps_a_page_has_paid_for_it_unless_late,
)
"""What holds where a work item may charge."""


def of_memory(ways: Ways) -> tuple[Claim, ...]:
    """The claims of a design: a page is paid for before it is mapped, as it is mapped, or later by a work item."""
    pays = who_maps_a_page_has_paid_for_it if ways.charges_first else who_maps_a_page_has_yet_to_pay_for_it
    return (*CLAIMS, pays, *(() if ways.keeps_work else OWING))
