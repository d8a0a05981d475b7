"""The memory behind a metagroup: pages that its iommu files map and unmap, and who pays for them.

A page is one mapping of a page: what is mapped twice are two. What cannot be given back at once is given back by a work item.
"""

from dataclasses import replace

from tenure.models.dma_type1 import charged, may_exceed, page_limit
from tenure.models.files import is_open
from tenure.models.locks_2011 import DGATE, MMAP_SEM
from tenure.models.metagroups import file_metagroup, mapped, mm
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Steps, call, done, go, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import FILE, METAGROUP, PAGE, PROCESS, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, in_flight, is_none, no
from tenure.vocabulary.types import FLAG

memory = state("memory", PAGE, PROCESS.maybe, meaning="the process whose memory the page is; none: it is not pinned")
being_mapped = state(
    "being mapped", METAGROUP, FLAG, meaning="a MAP_DMA has begun, and has the mutex of the metagroup's mappings still"
)
payer = state("payer", PAGE, PROCESS.maybe, meaning="the process in whose locked_vm the page is counted")


def _charged(page: Term, process: Term) -> tuple[Assign, ...]:
    return payer[page].becomes(process), charged[process].becomes(charged[process] + 1)


def _given_back(page: Term, process: Term) -> tuple[Assign, ...]:
    """The page is paid for no more; the process from whose locked_vm it is taken is the one that paid."""
    return payer[page].becomes(None), charged[process].becomes(charged[process] - 1)


def _under_dgate(one: Term, *cases: Case) -> tuple[Case, ...]:
    """The cases of a step that takes the mutex of the mappings, and sleeps while another has it."""
    return tuple(replace(c, when=both(no(being_mapped[one]), c.when)) for c in cases)


def _foreign(tested: bool, one: Term, process: Term) -> tuple[Case, ...]:  # noqa: FBT001  # whether it is tested at all
    """The metagroup is bound to the memory of another process."""
    return (refuse(no(mm[one] == process), "EPERM", "the metagroup is bound to another mm"),) if tested else ()


def map_dma_in(ways: Ways) -> Call:
    """MAP_DMA of a page, done in these ways."""

    @call(
        "VFIO_IOMMU_MAP_DMA",
        actor=THREAD,
        source="vfio_dma_map_dm, lock_acct, RFC of November 2011",
        process=PROCESS,
        file=FILE,
        page=new(PAGE),
        faulty=FLAG,
    )
    def map_dma(process: Term, file: Term, page: Term, faulty: Term) -> Steps:
        """Lead devices to a page of the caller's memory, which pays for it; `faulty`: there is no memory at the address."""
        one = file_metagroup[file]
        yield requires(
            is_open(process, file, "iommu"), is_none(memory[page]), is_none(payer[page]), no(in_flight(page))
        )
        full = both(no(may_exceed[process]), no(charged[process] < page_limit[process]))
        pays = _charged(page, process)
        first, last = (pays, ()) if ways.charges_first else ((), pays)
        undone = (memory[page].becomes(None), *(_given_back(page, process) if ways.charges_first else ()))
        over = (being_mapped[one].becomes(value=False),)
        yield step(
            "charge",
            *_under_dgate(
                one,
                *_foreign(ways.tests_mm_of_map, one, process),
                refuse(full, "ENOMEM", "the process may lock no more pages"),
                go(memory[page].becomes(process), being_mapped[one].becomes(value=True), *first),
            ),
            locks=(DGATE, briefly(MMAP_SEM)),
            keeps=(DGATE,),
            waits=True,
        )
        yield step(
            "map",
            refuse(faulty, "EFAULT", "there is no such memory", *undone, *over),
            done(mapped[page].becomes(one), *last, *over),
            locks=(briefly(MMAP_SEM),),
        )

    return map_dma


def unmap_dma_in(ways: Ways) -> Call:
    """UNMAP_DMA of a page, done in these ways."""

    @call(
        "VFIO_IOMMU_UNMAP_DMA",
        actor=THREAD,
        source="vfio_dma_unmap_dm, lock_acct, RFC of November 2011",
        process=PROCESS,
        file=FILE,
        page=number(PAGE),
        contended=FLAG,
    )
    def unmap_dma(process: Term, file: Term, page: Term, contended: Term) -> Steps:
        """Lead devices to a page no more, and give it back; later, where somebody has the memory's lock (`contended`)."""
        one = file_metagroup[file]
        yield requires(is_open(process, file, "iommu"))
        gone = mapped[page].becomes(None)
        lost = () if ways.keeps_work else (payer[page].becomes(None), memory[page].becomes(None))
        pays = payer[page] if ways.gives_back_to_payer else process
        yield step(
            "unmap",
            *_under_dgate(
                one,
                *_foreign(ways.tests_mm_of_unmap, one, process),
                done(when=no(mapped[page] == one), why="nothing is mapped there"),
                done(gone, *lost, when=contended),
                done(gone, memory[page].becomes(None), *_given_back(page, pays)),
            ),
            locks=(DGATE, briefly(MMAP_SEM)),
            waits=True,
        )

    return unmap_dma


@call(
    "a work item gives a page back", actor="page", internal=True, source="lock_acct_bg, vfio_lock_acct_work", page=PAGE
)
def give_back(page: Term) -> Steps:
    """What was unmapped is paid for no more: its payer's memory is kept until then."""
    yield requires(no(is_none(payer[page])), is_none(mapped[page]), no(in_flight(page)))
    yield step("give_back", done(memory[page].becomes(None), *_given_back(page, payer[page])), locks=(MMAP_SEM,))
