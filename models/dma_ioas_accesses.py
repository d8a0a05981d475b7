"""IO address spaces to which accesses are attached: drivers of emulated devices pin pages, and IOAS_UNMAP has them told.

No IOMMU translates for an emulated device: its driver has a page stay where it is (iommufd_access_pin_pages), until it unpins
that. An area of which a page is pinned stays: IOAS_UNMAP shuts it for new pins (prevent_access), has all drivers told with its
locks dropped, and tries again. A device has one access, and a driver unpins page by page what it has pinned; `num_accesses` of an
area is what its pages come to. An address is a page, as it is where an access is attached.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tenure.models import dma_ioas
from tenure.models.cdev_fields import attached_to
from tenure.models.dma_ioas import is_there
from tenure.models.dma_type1 import (
    access,
    first,
    in_list,
    is_asked,
    last,
    listed,
    position,
    under_lock,
    unmapped,
    within,
)
from tenure.models.dma_type1_pins import lets_go, pinned
from tenure.models.locks_2022 import DEV_SET_LOCK
from tenure.models.locks_iommufd import ACCESS_LOCK, IOVA_RWSEM, OBJECT_TABLE, PAGES_MUTEX
from tenure.vocabulary.calls import (
    Call,
    Case,
    Next,
    Requires,
    Step,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, PIN_REQUEST
from tenure.vocabulary.symbols import choice_is, fixed, state
from tenure.vocabulary.terms import Term, both, either, every, implies, in_flight, is_none, no, some
from tenure.vocabulary.types import COUNT, FLAG

most_tries = fixed("most tries", TABLE, COUNT, meaning="how often an IOAS_UNMAP has drivers told, and goes on: 100")
unpins_in = state(
    "unpins in",
    DEVICE,
    TABLE.maybe,
    meaning="the access's `ioas_unpin`: the IO address space whose pages its driver has, and of whose unmaps it is told",
)
prevents = state("prevents", MAPPING, FLAG, meaning="the area's `prevent_access`: no page of it can be pinned")


def has_accesses(table: Term) -> Term:
    """An access is attached to the IO address space, or is just leaving it."""
    return some(DEVICE, lambda d: unpins_in[d] == table)


def is_held_by(device: Term, mapping: Term) -> Term:
    """The device's driver has a page of the area."""

    def is_one(address: Term) -> Term:
        return both(pinned[device, address], within(address, first[mapping], last[mapping]))

    return both(no(is_none(listed[mapping])), unpins_in[device] == listed[mapping], some(ADDRESS, is_one))


def is_told(mapping: Term) -> Term:
    """An IOAS_UNMAP is having drivers told that the area goes; whoever holds an area that is there does."""
    return both(no(is_none(listed[mapping])), in_flight(mapping))


def rests(mapping: Term) -> Term:
    """No call in flight has looked up the area's IO address space."""
    return no(some(TABLE, lambda t: both(listed[mapping] == t, in_flight(t))))


def _maps(base: Call) -> Call:
    """IOAS_MAP gives no name of which drivers are being told."""
    return base.requiring(no(in_flight(base.parameter("made"))))


def _told(base: Call) -> Call:
    """IOAS_UNMAP: an area of which a page is pinned is shut and told of, with no lock held; then all is looked at anew."""
    table = base.parameter("table")
    size, tries, told = local("size", COUNT), local("tries", COUNT), local("told", MAPPING.maybe)
    begin, end = local("begin", ADDRESS.maybe), local("end", ADDRESS.maybe)

    def change(old: Step) -> Step:
        (takes,) = (c for c in old.cases if c.pick is not None)
        assert takes.pick is not None  # noqa: S101  # chosen so
        area = takes.pick.variable
        held = some(DEVICE, lambda d: is_held_by(d, area))
        said = (told.becomes(area), begin.becomes(first[area]), end.becomes(last[area]), tries.becomes(tries + 1))
        shuts = Case(
            takes.when,
            (prevents[area].becomes(value=True), *said),
            Next("callback"),
            "a page of the area is pinned",
            replace(takes.pick, where=both(takes.pick.where, held)),
        )
        forgets = replace(takes, effects=(prevents[area].becomes(value=False), *takes.effects))
        cases = (one for c in old.cases for one in ((shuts, forgets) if c is takes else (c,)))
        return replace(old, cases=tuple(cases))

    def is_called(device: Term) -> Term:
        has = some(ADDRESS, lambda a: both(within(a, begin, end), pinned[device, a]))
        return both(unpins_in[device] == table, lets_go[device], has)

    callback = step(
        "callback",
        choosing(DEVICE, is_called, lambda d: go(_unpinned(d, begin, end), to="callback")),
        refuse(
            most_tries[table] < tries,
            "EDEADLOCK",
            "drivers have been told too often",
            unmapped[table].becomes(unmapped[table] - size),
        ),
        go(told.becomes(None), begin.becomes(None), end.becomes(None), to="remove"),
        locks=(ACCESS_LOCK, IOVA_RWSEM, PAGES_MUTEX),
        repeats=True,
    )
    changed = base.otherwise("remove", change)
    return replace(changed, steps=(*changed.steps, callback))


def _unpinned(device: Term, begin: Term, end: Term) -> Assign:
    """The driver lets all pages of a range go."""
    return each(ADDRESS, lambda a: pinned[device, a].becomes(value=False), where=lambda a: within(a, begin, end))


def _destroy(base: Call) -> Call:
    """IOMMU_DESTROY: each access that is attached counts in `users`."""
    table = base.parameter("table")
    in_use = refuse(has_accesses(table), "EBUSY", "an access is attached to it")
    guarded = base.otherwise("destroy", lambda old: old.ahead_of(lambda c: c.why == "another call works on it", in_use))
    return guarded.with_effects(
        each(MAPPING, lambda m: prevents[m].becomes(value=False), where=lambda m: in_list(table, m))
    )


def _is_settled(device: Term) -> Term:
    """Nobody has the dev_set.lock to attach the device or to detach it."""
    return attached_to[device] == unpins_in[device]


def _leaves(device: Term, table: Term | None) -> Iterator[Step]:
    """iommufd_access_change_ioas: the driver, told that all goes, lets all go; and only now the access leaves the old ones."""
    yield step(
        "leave",
        done(
            each(ADDRESS, lambda a: pinned[device, a].becomes(value=False)),
            attached_to[device].becomes(table),
            unpins_in[device].becomes(table),
        ),
        locks=(ACCESS_LOCK, IOVA_RWSEM, PAGES_MUTEX),
        keeps=(DEV_SET_LOCK,),
    )


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_iommufd_emulated_attach_ioas, iommufd_access_attach, iommufd_access_replace, 7.2",
    device=DEVICE,
    table=TABLE,
)
def attach(device: Term, table: Term) -> Steps:
    """Attach an access, or have it move; while it moves nothing more can be pinned."""
    yield step(
        "attach",
        *under_lock(
            _is_settled(device),
            refuse(no(is_there[table]), "ENOENT", "there is no such IO address space"),
            done(when=attached_to[device] == table, why="it is attached there already"),
            done(
                attached_to[device].becomes(table), unpins_in[device].becomes(table), when=is_none(attached_to[device])
            ),
            go(attached_to[device].becomes(None)),
        ),
        locks=(DEV_SET_LOCK, ACCESS_LOCK, briefly(OBJECT_TABLE), IOVA_RWSEM),
        keeps=(DEV_SET_LOCK,),
        waits=True,
    )
    yield from _leaves(device, table)


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_iommufd_emulated_detach_ioas, iommufd_access_detach, 7.2",
    device=DEVICE,
)
def detach(device: Term) -> Steps:
    """Detach an access; one that is attached to nothing stays so."""
    yield step(
        "detach",
        *under_lock(
            _is_settled(device),
            done(when=is_none(attached_to[device]), why="it is attached to nothing"),
            go(attached_to[device].becomes(None)),
        ),
        locks=(DEV_SET_LOCK, ACCESS_LOCK),
        keeps=(DEV_SET_LOCK,),
        waits=True,
    )
    yield from _leaves(device, None)


def _unpinnable(table: Term, low: Term, high: Term, to: Term) -> tuple[Case, ...]:
    """Area by area from the lowest on: the first address of the range that has something against it says what."""

    def has_it(mapping: Term, address: Term) -> Term:
        return both(in_list(table, mapping), within(address, first[mapping], last[mapping]))

    def gives(mapping: Term) -> Term:
        asked = either(access[mapping] == "both", access[mapping] == to)
        return both(no(prevents[mapping]), asked)

    def is_wrong(address: Term) -> Term:
        given = some(MAPPING, lambda m: both(has_it(m, address), gives(m)))
        return both(within(address, low, high), no(given))

    def is_first(address: Term) -> Term:
        return both(is_wrong(address), no(some(ADDRESS, lambda a: both(is_wrong(a), position[a] < position[address]))))

    def meets(address: Term, such: Callable[[Term], Term]) -> Term:
        return some(MAPPING, lambda m: both(has_it(m, address), such(m)))

    shut = some(ADDRESS, lambda a: both(is_first(a), meets(a, lambda m: prevents[m])))
    denied = some(ADDRESS, lambda a: both(is_first(a), meets(a, lambda m: no(prevents[m]))))
    return (
        refuse(shut, "EINVAL", "an unmap has shut the area"),
        refuse(denied, "EPERM", "the area does not give this access"),
        refuse(some(ADDRESS, is_wrong), "ENOENT", "no areas have all of the range"),
    )


def _of_one_driver(device: Term, request: Term, low: Term, high: Term, to: Term) -> Requires:
    """It has no page of the range yet; and asks to read what it pins, or to write."""
    fresh = every(ADDRESS, lambda a: implies(within(a, low, high), no(pinned[device, a])))
    return requires(is_asked(request, low, high), choice_is(to, "read", "write"), fresh)


@call(
    "iommufd_access_pin_pages",
    actor=THREAD,
    source="iommufd_access_pin_pages, 7.2",
    device=DEVICE,
    request=PIN_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    to=ACCESS,
)
def pin_pages(device: Term, request: Term, low: Term, high: Term, to: Term) -> Steps:
    """Have the pages of a range stay where they are; all of them, or none."""
    table = attached_to[device]
    yield _of_one_driver(device, request, low, high, to)
    yield step(
        "pin",
        refuse(request == "empty", "EINVAL", "the length is zero"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        refuse(is_none(table), "ENOENT", "the access is attached to nothing, or is just leaving"),
        *_unpinnable(table, low, high, to),
        done(each(ADDRESS, lambda a: pinned[device, a].becomes(value=True), where=lambda a: within(a, low, high))),
        locks=(ACCESS_LOCK, IOVA_RWSEM, PAGES_MUTEX),
    )


@call(
    "iommufd_access_unpin_pages",
    actor=THREAD,
    source="iommufd_access_unpin_pages, 7.2",
    device=DEVICE,
    address=number(ADDRESS),
)
def unpin_pages(device: Term, address: Term) -> Steps:
    """Let one page go that the driver has pinned."""
    yield requires(pinned[device, address])
    yield step(
        "unpin", done(pinned[device, address].becomes(value=False)), locks=(ACCESS_LOCK, IOVA_RWSEM, PAGES_MUTEX)
    )


CALLS: tuple[Call, ...] = (
    dma_ioas.ioas_alloc,
    _maps(dma_ioas.ioas_map_fixed),
    _maps(dma_ioas.ioas_map),
    _told(dma_ioas.ioas_unmap),
    _told(dma_ioas.ioas_unmap_all),
    _destroy(dma_ioas.destroy),
    attach,
    detach,
    pin_pages,
    unpin_pages,
)
