"""The memory behind a metagroup: pages that its iommu files map and unmap, and who pays for them.

A page is one mapping of a page: what is mapped twice are two. What cannot be given back at once is given back by a work item.
"""

from dataclasses import replace

from tenure.models.dma_type1 import charged, may_exceed, page_limit
from tenure.models.files import is_open
from tenure.models.locks_2011 import DGATE, MMAP_SEM
from tenure.models.metagroups import file_metagroup, left, mapped, memory, mm
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Steps, call, done, go, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import FILE, METAGROUP, PAGE, PROCESS, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import TRUE, Term, both, either, in_flight, is_none, no
from tenure.vocabulary.types import FLAG

being_mapped = state(
    "being mapped", METAGROUP, FLAG, meaning="a MAP_DMA has begun, and has the mutex of the metagroup's mappings still"
)
payer = state("payer", PAGE, PROCESS.maybe, meaning="the process in whose locked_vm the page is counted")
owed = state("owed", PAGE, PROCESS.maybe, meaning="the process in whose locked_vm a work item is to count the page")


def _charged(page: Term, process: Term) -> tuple[Assign, ...]:
    return payer[page].becomes(process), charged[process].becomes(charged[process] + 1)


def _given_back(page: Term, process: Term) -> tuple[Assign, ...]:
    """The page is paid for no more; the process from whose locked_vm it is taken is the one that paid."""
    return payer[page].becomes(None), charged[process].becomes(charged[process] - 1)


def _is_full(process: Term) -> Term:
    """One page more is beyond the limit; locked_vm is unsigned, and what is less than nothing is more than any limit."""
    beyond = either(no(charged[process] < page_limit[process]), charged[process] + 1 < 0)
    return both(no(may_exceed[process]), beyond)


def _unknown(ways: Ways, page: Term) -> Term:
    """The page's name is unused: it is not pinned, nobody pays for it, and no call or work item is about it."""
    return both(
        is_none(memory[page]), is_none(payer[page]), no(left[page]), _is_counted(ways, page), no(in_flight(page))
    )


def _is_counted(ways: Ways, page: Term) -> Term:
    """No work item is yet to count the page."""
    return TRUE if ways.keeps_work else is_none(owed[page])


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
        contended=FLAG,
    )
    def map_dma(process: Term, file: Term, page: Term, faulty: Term, contended: Term) -> Steps:
        """Lead devices to a page of the caller's memory, which pays for it.

        `faulty`: there is no memory at the address; `contended`: somebody has the memory's lock, for which this waits.
        """
        one = file_metagroup[file]
        yield requires(is_open(process, file, "iommu"), _unknown(ways, page))
        pays = _charged(page, process)
        first, last = (pays, ()) if ways.charges_first else ((), pays)
        pinned = memory[page].becomes(process), being_mapped[one].becomes(value=True)
        over = being_mapped[one].becomes(value=False)
        undone = memory[page].becomes(None), over
        given_back = _given_back(page, process) if ways.charges_first else ()
        late = () if ways.keeps_work else (go(*pinned, when=contended),)
        owes = (
            refuse(both(contended, faulty), "EFAULT", "there is no such memory", *undone),
            done(mapped[page].becomes(one), owed[page].becomes(process), over, when=contended),
        )
        yield step(
            "charge",
            *_under_dgate(
                one,
                *_foreign(ways.tests_mm_of_map, one, process),
                refuse(_is_full(process), "ENOMEM", "the process may lock no more pages"),
                *late,
                go(*pinned, *first),
            ),
            locks=(DGATE, briefly(MMAP_SEM)),
            keeps=(DGATE,),
            waits=True,
        )
        yield step(
            "map",
            *(() if ways.keeps_work else owes),
            refuse(faulty, "EFAULT", "there is no such memory", *undone, *given_back),
            done(mapped[page].becomes(one), *last, over),
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
        gone = mapped[page].becomes(None), memory[page].becomes(None)
        later = (left[page].becomes(value=True),) if ways.keeps_work else ()
        pays = payer[page] if ways.gives_back_to_payer else process
        uncounted = done(*gone, owed[page].becomes(None), when=no(is_none(owed[page])), why="it was yet to be charged")
        never = () if ways.keeps_work else (uncounted,)
        yield step(
            "unmap",
            *_under_dgate(
                one,
                *_foreign(ways.tests_mm_of_unmap, one, process),
                done(when=no(mapped[page] == one), why="nothing is mapped there"),
                done(*gone, *later, payer[page].becomes(pays), when=contended),
                *never,
                done(*gone, *_given_back(page, pays)),
            ),
            locks=(DGATE, briefly(MMAP_SEM)),
            waits=True,
        )

    return unmap_dma


def give_back_in(ways: Ways) -> Call:
    """The work item that gives a page back, in these ways."""

    @call(
        "a work item gives a page back",
        actor="page",
        internal=True,
        source="lock_acct_bg, vfio_lock_acct_work",
        page=PAGE,
    )
    def give_back(page: Term) -> Steps:
        """What was unmapped is paid for no more: its payer's memory is kept until then."""
        yield requires(left[page], _is_counted(ways, page))
        over = left[page].becomes(value=False)
        yield step("give_back", done(over, *_given_back(page, payer[page])), locks=(MMAP_SEM,))

    return give_back


@call("a work item charges a page", actor="page", internal=True, source="lock_acct_bg, vfio_lock_acct_work", page=PAGE)
def charge(page: Term) -> Steps:
    """What was mapped while somebody had the memory's lock is paid for now, whatever the limit is."""
    yield requires(no(is_none(owed[page])))
    yield step("charge", done(owed[page].becomes(None), *_charged(page, owed[page])), locks=(MMAP_SEM,))
