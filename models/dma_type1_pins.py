"""Type1 of a container with emulated IOMMU devices alone: their drivers pin pages, and UNMAP_DMA has them let go first.

No IOMMU translates for such a device: its driver asks where the page at an address is, and has it stay there. So MAP_DMA
pins nothing, charges nothing and takes any address; each page is charged when a first driver pins it. UNMAP_DMA calls the
drivers back with its lock dropped, because vfio_unpin_pages takes it, and then looks at everything anew. One container is
looked at, so that a page can be counted by its address; others have no part in what becomes of it, but for who pays.
"""

from dataclasses import replace

from tenure.models import dma_type1
from tenure.models.dma_type1 import (
    REQUEST,
    access,
    begun,
    begun_uncut,
    bisects,
    charged,
    first,
    in_list,
    is_asked,
    last,
    locked,
    may_exceed,
    overlaps,
    page_limit,
    pages,
    payer,
    position,
    removed,
    translation,
    under_lock,
    unmapped,
    within,
)
from tenure.models.harm import raises_bug
from tenure.models.locks import DEVICE_LIST_LOCK, TYPE1_LOCK
from tenure.vocabulary.calls import (
    Call,
    Case,
    Step,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    number,
    pointer,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, PIN_REQUEST
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, constant, either, every, implies, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG, Choice

FAILURE = Choice("why a page is not pinned", ("nothing is mapped", "no access", "too many pages"))

lets_go = fixed(
    "lets go", DEVICE, FLAG, meaning="the device's driver unpins what is unmapped before its callback returns"
)
most_repeats = fixed(
    "most repeats", TABLE, COUNT, meaning="how often drivers are told again of one mapping before the kernel stops: 10"
)
registered = state(
    "registered",
    DEVICE,
    TABLE.maybe,
    meaning="the type1 instance in whose device_list the device is, to be called back",
)
container = fixed("container", TABLE, meaning="the type1 instance that is looked at")
pinned = state("pinned", DEVICE, ADDRESS, FLAG, meaning="the device's driver has pinned the page, and not unpinned it")
references = state(
    "pin references", ADDRESS, COUNT, meaning="ref_count of the page in its mapping's pfn_list; 0: it is not in it"
)
called = state(
    "called", DEVICE, FLAG, meaning="the device's driver has been called back by the UNMAP_DMA that tells drivers"
)
wants_list = state("wants list", TABLE, FLAG, meaning="who has the lock is about to take device_list_lock")
wants_lock = state("wants lock", TABLE, FLAG, meaning="who has device_list_lock is about to take the lock")
list_locked = state("list locked", TABLE, FLAG, meaning="the instance's device_list_lock is taken")


def is_pinned(mapping: Term) -> Term:
    """The mapping's pfn_list is not empty."""
    return some(ADDRESS, lambda a: both(within(a, first[mapping], last[mapping]), references[a] > 0))


def _is_lowest_of(device: Term, low: Term, high: Term, address: Term) -> Term:
    """The address is the lowest in the range at which the driver has a page."""

    def is_one(one: Term) -> Term:
        return both(within(one, low, high), pinned[device, one])

    return both(is_one(address), no(some(ADDRESS, lambda a: both(is_one(a), position[a] < position[address]))))


def _unpinned(device: Term, address: Term) -> tuple[Assign, ...]:
    """vfio_unpin_pages of one page: the last to let go gives it back to whoever mapped it."""
    through = translation[registered[device], address]
    much = when(references[address] == 1, 1, 0)
    return (
        charged[payer[through]].becomes(charged[payer[through]] - much),
        pages[through].becomes(pages[through] - much),
        references[address].becomes(references[address] - 1),
        pinned[device, address].becomes(value=False),
    )


def _mapped(old: Step) -> Step:
    """vfio_dma_do_map without a domain: no valid IOVA ranges, nothing pinned, and nothing charged yet."""
    never = ("the range is in no valid IOVA range", "the process would lock more pages than it may")

    def unpaid(effect: Assign) -> Assign:
        return replace(effect, value=constant(0, COUNT)) if effect.field is pages else effect

    def change(one: Case) -> Case:
        return replace(one, effects=tuple(unpaid(e) for e in one.effects if e.field is not charged))

    return replace(old, cases=tuple(change(one) for one in old.cases if one.why not in never))


map_dma = dma_type1.map_dma.otherwise("map", _mapped)


@call(
    "register_device of type1",
    actor=THREAD,
    source="vfio_iommu_type1_register_device, 7.2",
    device=DEVICE,
    table=TABLE,
)
def register_device(device: Term, table: Term) -> Steps:
    """Have the driver of a device called back before what it has pinned is unmapped."""
    yield requires(is_none(registered[device]))
    wants = go(locked[table].becomes(value=True), wants_list[table].becomes(value=True))
    yield step("lock", *under_lock(no(locked[table]), wants), locks=(TYPE1_LOCK,), keeps=(TYPE1_LOCK,), waits=True)
    over = (wants_list[table].becomes(value=False), locked[table].becomes(value=False))
    listed = done(registered[device].becomes(table), *over)
    yield step("list", *under_lock(no(list_locked[table]), listed), locks=(DEVICE_LIST_LOCK,), waits=True)


def _pinning(device: Term, table: Term, low: Term, high: Term, to: Term) -> Steps:
    """Page by page, the lowest first; where one cannot be pinned, those before it are unpinned again."""
    failure = local("failure", FAILURE)
    over = locked[table].becomes(value=False)

    def is_next(address: Term) -> Term:
        def is_left(one: Term) -> Term:
            return both(within(one, low, high), no(pinned[device, one]))

        return both(is_left(address), no(some(ADDRESS, lambda a: both(is_left(a), position[a] < position[address]))))

    def is_denied(address: Term) -> Term:
        has = access[translation[table, address]]
        return no(either(has == "both", has == to))

    def is_too_much(address: Term) -> Term:
        found = translation[table, address]
        owes = payer[found]
        return both(references[address] == 0, no(may_exceed[owes]), page_limit[owes] < charged[owes] + 1)

    def pin(address: Term) -> Case:
        found = translation[table, address]
        much = when(references[address] == 0, 1, 0)
        return go(
            charged[payer[found]].becomes(charged[payer[found]] + much),
            pages[found].becomes(pages[found] + much),
            references[address].becomes(references[address] + 1),
            pinned[device, address].becomes(value=True),
            to="pin",
        )

    def failed(why: str) -> Case:
        return go(failure.becomes(why), to="undo", why=why)

    yield step(
        "pin",
        choosing(
            ADDRESS,
            lambda a: both(is_next(a), is_none(translation[table, a])),
            lambda _: failed("nothing is mapped"),
        ),
        choosing(ADDRESS, lambda a: both(is_next(a), is_denied(a)), lambda _: failed("no access")),
        choosing(ADDRESS, lambda a: both(is_next(a), is_too_much(a)), lambda _: failed("too many pages")),
        choosing(ADDRESS, is_next, pin),
        done(over),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )
    yield step(
        "undo",
        choosing(
            ADDRESS,
            lambda a: both(within(a, low, high), pinned[device, a]),
            lambda a: go(*_unpinned(device, a), to="undo"),
        ),
        refuse(failure == "nothing is mapped", "EINVAL", "nothing is mapped at a page", over),
        refuse(failure == "no access", "EPERM", "the mapping does not give this access", over),
        refuse(TRUE, "ENOMEM", "the process would lock more pages than it may", over),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )


@call(
    "vfio_pin_pages",
    actor=THREAD,
    source="vfio_iommu_type1_pin_pages, 7.2",
    device=DEVICE,
    table=TABLE,
    request=PIN_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    to=ACCESS,
)
def pin_pages(device: Term, table: Term, request: Term, low: Term, high: Term, to: Term) -> Steps:
    """Have the pages of a range stay where they are; all of them, or none."""
    listed_somewhere = some(DEVICE, lambda d: registered[d] == table)
    yield requires(
        is_asked(request, low, high),
        no(to == "none"),
        either(registered[device] == table, both(is_none(registered[device]), no(listed_somewhere))),
        every(ADDRESS, lambda a: implies(within(a, low, high), no(pinned[device, a]))),
    )
    yield begun(
        table,
        refuse(request == "empty", "EINVAL", "there is no page to pin"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        refuse(no(listed_somewhere), "EINVAL", "no device is registered that could be told of an unmap"),
    )
    yield from _pinning(device, table, low, high, to)


@call(
    "vfio_unpin_pages",
    actor=THREAD,
    source="vfio_iommu_type1_unpin_pages, 7.2",
    device=DEVICE,
    address=number(ADDRESS),
)
def unpin_pages(device: Term, address: Term) -> Steps:
    """Let one page go that the driver has pinned."""
    yield requires(pinned[device, address])
    let_go = done(*_unpinned(device, address))
    yield step("unpin", *under_lock(no(locked[registered[device]]), let_go), locks=(TYPE1_LOCK,), waits=True)


def _told_and_removed(table: Term, ends: tuple[Term, Term] | None = None) -> Steps:
    """Remove mappings from the lowest up; where a page of one is pinned, tell the drivers of it, and begin again.

    Between `ends`, where they are given: what reaches out of them when the lock is back ends the call, with success.
    """
    size, repeats = local("size", COUNT), local("repeats", COUNT)
    told, device = pointer("told", MAPPING.maybe), pointer("device", DEVICE.maybe)
    begin, end = pointer("begin", ADDRESS.maybe), pointer("end", ADDRESS.maybe)

    def is_concerned(mapping: Term) -> Term:
        return both(in_list(table, mapping), TRUE if ends is None else overlaps(mapping, *ends))

    def is_lowest(mapping: Term) -> Term:
        lower = some(MAPPING, lambda m: both(is_concerned(m), position[first[m]] < position[first[mapping]]))
        return both(is_concerned(mapping), no(lower))

    def tell(mapping: Term, times: Term | int) -> Case:
        said = (told.becomes(mapping), begin.becomes(first[mapping]), end.becomes(last[mapping]))
        return go(*said, repeats.becomes(times), wants_list[table].becomes(value=True), to="tell")

    def remove(mapping: Term) -> Case:
        count = unmapped[table] + position[last[mapping]] - position[first[mapping]] + 1
        return go(size.becomes(count), unmapped[table].becomes(count), *removed(table, mapping), to="remove")

    def is_still(mapping: Term) -> Term:
        return both(is_lowest(mapping), is_pinned(mapping), mapping == told)

    yield step(
        "remove",
        choosing(MAPPING, lambda m: both(is_still(m), repeats >= most_repeats[table]), lambda _: raises_bug(TRUE)),
        choosing(MAPPING, is_still, lambda m: tell(m, repeats + 1)),
        choosing(MAPPING, lambda m: both(is_lowest(m), is_pinned(m)), lambda m: tell(m, 0)),
        choosing(MAPPING, is_lowest, remove),
        done(size.becomes(unmapped[table]), unmapped[table].becomes(0), locked[table].becomes(value=False), size=size),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )
    taken = (list_locked[table].becomes(value=True), wants_list[table].becomes(value=False))
    dropped = (locked[table].becomes(value=False), size.becomes(unmapped[table]), unmapped[table].becomes(0))
    yield step(
        "tell",
        *under_lock(no(list_locked[table]), go(*taken, *dropped)),
        locks=(DEVICE_LIST_LOCK,),
        keeps=(DEVICE_LIST_LOCK,),
        waits=True,
    )

    def answers(one: Term) -> Term:
        has = some(ADDRESS, lambda a: both(within(a, begin, end), pinned[one, a]))
        return both(no(is_none(one)), lets_go[one], has)

    yield step(
        "callback",
        go(wants_lock[table].becomes(value=True), when=answers(device), to="unpin"),
        choosing(
            DEVICE,
            lambda d: both(registered[d] == table, no(called[d])),
            lambda d: go(device.becomes(d), called[d].becomes(value=True), to="callback"),
        ),
        go(device.becomes(None), each(DEVICE, lambda d: called[d].becomes(value=False)), to="told"),
        keeps=(DEVICE_LIST_LOCK,),
        repeats=True,
    )
    has_it = wants_lock[table].becomes(value=False)
    yield step(
        "unpin",
        *under_lock(
            no(locked[table]),
            choosing(
                ADDRESS,
                lambda a: _is_lowest_of(device, begin, end, a),
                lambda a: go(*_unpinned(device, a), has_it, to="callback"),
            ),
            go(has_it, to="callback", why="the driver has let go already"),
        ),
        locks=(TYPE1_LOCK,),
        keeps=(DEVICE_LIST_LOCK,),
        waits=True,
    )
    yield step("told", go(list_locked[table].becomes(value=False)))
    cut = FALSE if ends is None else some(MAPPING, lambda m: both(in_list(table, m), bisects(m, *ends)))
    yield step(
        "again",
        *under_lock(
            no(locked[table]),
            *(() if ends is None else (done(when=cut, why="the range bisects a mapping by now", size=size),)),
            go(locked[table].becomes(value=True), unmapped[table].becomes(size), to="remove"),
        ),
        locks=(TYPE1_LOCK,),
        keeps=(TYPE1_LOCK,),
        waits=True,
    )


@call(
    "VFIO_IOMMU_UNMAP_DMA",
    actor=THREAD,
    source="vfio_dma_do_unmap, vfio_notify_dma_unmap, v2, 7.2",
    table=TABLE,
    request=REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def unmap_dma(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Unmap whole mappings, of which drivers are told first that have a page of them; one that would be cut is refused."""
    yield from begun_uncut(table, request, low, high)
    yield from _told_and_removed(table, (low, high))


@call(
    "VFIO_IOMMU_UNMAP_DMA, ALL",
    actor=THREAD,
    source="vfio_dma_do_unmap, vfio_notify_dma_unmap, 7.2",
    table=TABLE,
)
def unmap_all(table: Term) -> Steps:
    """Unmap everything, and tell drivers first that have a page of it."""
    yield begun(table)
    yield from _told_and_removed(table)


UNMAPS = ("unmap_dma", "unmap_all")


def is_entangled(table: Term) -> Term:
    """Who has the lock waits for device_list_lock, and who has that waits for the lock."""
    return both(wants_list[table], wants_lock[table])


def _of_one(base: Call) -> Call:
    """The call is made on the container that is looked at."""
    return base.requiring(base.parameter("table") == container.now)


V2: tuple[Call, ...] = (*map(_of_one, (map_dma, unmap_dma, unmap_all, register_device, pin_pages)), unpin_pages)
