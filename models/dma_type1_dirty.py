"""Type1 that tracks dirty pages: while a user copies memory that devices go on writing, it asks which pages to copy again.

A mapping has a bit for each page. It is set where a driver pins the page, or writes there through the kernel; what a device
writes by itself nobody sees, and where one may, every page is told. Every group is behind an IOMMU: that of emulated
devices, whose pins cost something, and the callbacks of an unmap are `dma_type1_pins`'s. Here nothing is unmapped that is
pinned. A driver that pins has its devices write nothing else: that is what its pins are for.
"""

from dataclasses import replace

from tenure.models import dma_type1, dma_type1_groups
from tenure.models.dma_type1 import (
    REQUEST,
    access,
    available,
    bisects,
    entry_limit,
    first,
    in_list,
    is_asked,
    last,
    locked,
    removal,
    translation,
    under_lock,
    unmappable,
    within,
)
from tenure.models.dma_type1_groups import has_groups, is_in
from tenure.models.locks import TYPE1_LOCK
from tenure.vocabulary.calls import Call, Case, Step, Steps, call, done, go, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import ADDRESS, GROUP, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some
from tenure.vocabulary.types import COUNT, FLAG, Choice

ACTION = Choice("action", ("start", "stop", "start and stop"))
"""The flags of VFIO_IOMMU_DIRTY_PAGES, of which one is to be set."""

BITMAP_REQUEST = Choice("bitmap request", (*REQUEST.values, "no bitmap", "other pages"))
"""What the sizes of a request come to where its answer is a bitmap: that may be missing or too small, or speak of other pages."""

pins_first = fixed(
    "pins first",
    GROUP,
    FLAG,
    meaning="the group's devices write nothing by themselves but pages that their driver has pinned",
)
bitmap_limit = fixed("bitmap limit", TABLE, COUNT, meaning="for how many mappings there is memory to keep dirty bits")

tracks_dirty = state("tracks dirty", TABLE, FLAG, meaning="dirty_page_tracking: dirty pages are asked for")
dirty = state("dirty", TABLE, ADDRESS, FLAG, meaning="the page's bit in the bitmap of its mapping")
told = state("told dirty", TABLE, ADDRESS, FLAG, meaning="the page's bit in the bitmap that the caller got last")
unsaved = state(
    "unsaved",
    TABLE,
    ADDRESS,
    FLAG,
    meaning="the page was written for a device since dirty pages are tracked, and since the caller was last told of it",
)
kept = state("kept", GROUP, ADDRESS, FLAG, meaning="the group's driver has pinned the page, and not unpinned it")
confined = state(
    "confined",
    GROUP,
    FLAG,
    meaning="pinned_page_dirty_scope: the group's driver has pinned a page, since the group came",
)


def has_unconfined(table: Term) -> Term:
    """A group is there whose devices may write wherever the IOMMU lets them (num_non_pinned_groups is not zero)."""
    return some(GROUP, lambda g: both(is_in[g] == table, no(confined[g])))


def is_kept(table: Term, address: Term) -> Term:
    """A driver has the page."""
    return some(GROUP, lambda g: both(is_in[g] == table, kept[g, address]))


def _is_mapped(table: Term, address: Term) -> Term:
    return no(is_none(translation[table, address]))


def _lets_write(table: Term, address: Term) -> Term:
    """What is mapped there may be written for a device."""
    has = access[translation[table, address]]
    return both(_is_mapped(table, address), either(has == "both", has == "write"))


def _lacks_bitmaps(table: Term, more: int) -> Term:
    """So many more mappings are more than there is memory for to keep dirty bits."""
    return bitmap_limit[table] < entry_limit[table] - available[table] + more


def _forgotten(table: Term, mapping: Term) -> tuple[Assign, ...]:
    """With a mapping goes its bitmap; what was written there is no more, or was told."""

    def is_of(address: Term) -> Term:
        return within(address, first[mapping], last[mapping])

    return (
        each(ADDRESS, lambda a: dirty[table, a].becomes(value=False), where=is_of),
        each(ADDRESS, lambda a: unsaved[table, a].becomes(value=False), where=is_of),
    )


def _stopped(table: Term) -> tuple[Assign, ...]:
    """Nothing is tracked, and every bit is forgotten."""
    return (
        tracks_dirty[table].becomes(value=False),
        each(ADDRESS, lambda a: dirty[table, a].becomes(value=False)),
        each(ADDRESS, lambda a: unsaved[table, a].becomes(value=False)),
    )


def _told(table: Term, address: Term) -> Assign:
    """A page is dirty by its bit, or because somebody may have written there unseen (update_user_bitmap)."""
    return told[table, address].becomes(either(dirty[table, address], has_unconfined(table)))


def _with_each(base: Call, table: Term, *, tells: bool = False) -> Call:
    """The call's loop, where each mapping that goes takes its bits along; and `tells` the caller of them first."""

    def change(one: Case) -> Case:
        if one.pick is None:
            return one
        gone = one.pick.variable
        telling = each(ADDRESS, lambda a: _told(table, a), where=lambda a: within(a, first[gone], last[gone]))
        return replace(one, effects=(*one.effects, *_forgotten(table, gone), *((telling,) if tells else ())))

    return base.otherwise("remove", lambda old: replace(old, cases=tuple(map(change, old.cases))))


def _map_dma(base: Call) -> Call:
    """MAP_DMA where every address is valid; while dirty pages are tracked, a mapping has its bitmap, or is not made."""
    table = base.parameter("table")
    why = "there is no memory to keep dirty bits of the mapping"
    (lacks,) = under_lock(no(locked[table]), refuse(both(tracks_dirty[table], _lacks_bitmaps(table, 1)), "ENOMEM", why))

    def change(old: Step) -> Step:
        cases = tuple(one for one in old.cases if one.why != "the range is in no valid IOVA range")
        return replace(old, cases=(*cases[:-1], lacks, cases[-1]))

    return base.otherwise("map", change)


def _attach_group(base: Call) -> Call:
    """A group that reserves nothing."""
    why = "the group is in a container already"
    return base.otherwise(
        "attach",
        lambda old: replace(old, cases=tuple(one for one in old.cases if one.why in (why, ""))),
    )


def _detach_group(base: Call) -> Call:
    """What becomes of the bits when a group leaves others that may have written unseen, nothing here says: none does."""
    table, group = base.parameter("table"), base.parameter("group")
    others = some(GROUP, lambda g: both(no(g == group), is_in[g] == table))
    unseen = both(is_in[group] == table, others, tracks_dirty[table], no(confined[group]))

    def leaving(one: Case) -> Case:
        if not any(effect.field is is_in for effect in one.effects):
            return one
        return replace(one, effects=(*one.effects, confined[group].becomes(value=False)))

    def left(old: Step) -> Step:
        return replace(old, cases=tuple(map(leaving, old.cases)))

    def ended(old: Step) -> Step:
        """With the last group goes type1, and with it what it tracks."""
        *rest, over = old.cases
        return replace(old, cases=(*rest, replace(over, effects=(*over.effects, *_stopped(table)))))

    made = _with_each(base, table).otherwise("find", left).otherwise("remove", left).otherwise("remove", ended)
    return made.requiring(both(no(unseen), no(some(ADDRESS, lambda a: kept[group, a]))))


def _keeping_nothing(table: Term, low: Term, high: Term) -> Term:
    """No driver has a page of the range."""
    return every(ADDRESS, lambda a: implies(within(a, low, high), no(is_kept(table, a))))


def _unmap_dma(base: Call) -> Call:
    """UNMAP_DMA of what nobody has pinned; what was written there is lost with it, as the caller wants."""
    table, low, high = base.parameter("table"), base.parameter("low"), base.parameter("high")
    return _with_each(base, table).requiring(_keeping_nothing(table, low, high))


def _unmap_all(base: Call) -> Call:
    """The same for everything."""
    table = base.parameter("table")
    return _with_each(base, table).requiring(every(ADDRESS, lambda a: no(is_kept(table, a))))


def _unfit(request: Term) -> tuple[Case, ...]:
    """What is wrong with a request whose answer is a bitmap, whatever is mapped."""
    return (
        *unmappable(request),
        refuse(request == "no bitmap", "EINVAL", "the bitmap is missing, or too small"),
        refuse(request == "other pages", "EINVAL", "the bitmap's pages are not those of the IOMMU"),
    )


def _is_cut(table: Term, low: Term, high: Term) -> Term:
    return some(MAPPING, lambda m: both(in_list(table, m), bisects(m, low, high)))


@call(
    "VFIO_IOMMU_UNMAP_DMA, GET_DIRTY_BITMAP",
    actor=THREAD,
    source="vfio_dma_do_unmap, update_user_bitmap, v2, 7.2",
    table=TABLE,
    request=BITMAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def unmap_dirty(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Unmap whole mappings, and be told which of their pages are dirty; refused where dirty pages are not tracked."""
    yield requires(is_asked(request, low, high), _keeping_nothing(table, low, high))
    cases = (
        *_unfit(request),
        refuse(no(tracks_dirty[table]), "EINVAL", "dirty pages are not tracked"),
        refuse(_is_cut(table, low, high), "EINVAL", "the range bisects a mapping"),
        go(locked[table].becomes(value=True), each(ADDRESS, lambda a: told[table, a].becomes(value=False))),
    )
    yield step("find", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), keeps=(TYPE1_LOCK,), waits=True)
    yield from removal(table, lambda m: both(in_list(table, m), dma_type1.overlaps(m, low, high)))


@call(
    "VFIO_IOMMU_DIRTY_PAGES, START or STOP",
    actor=THREAD,
    source="vfio_iommu_type1_dirty_pages, v2, 7.2",
    table=TABLE,
    action=ACTION,
)
def dirty_pages(table: Term, action: Term) -> Steps:
    """Have dirty bits kept from now on, first for the pages that drivers have, or have them forgotten; either may be so already."""
    starts = both(action == "start", no(tracks_dirty[table]))
    cases = (
        refuse(action == "start and stop", "EINVAL", "more than one action is asked for"),
        refuse(
            both(starts, _lacks_bitmaps(table, 0)), "ENOMEM", "there is no memory to keep dirty bits of every mapping"
        ),
        done(
            tracks_dirty[table].becomes(value=True),
            each(ADDRESS, lambda a: dirty[table, a].becomes(value=True), where=lambda a: is_kept(table, a)),
            when=starts,
        ),
        done(when=action == "start", why="dirty pages are tracked already"),
        done(*_stopped(table)),
    )
    yield step("act", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


@call(
    "VFIO_IOMMU_DIRTY_PAGES, GET_BITMAP",
    actor=THREAD,
    source="vfio_iommu_type1_dirty_pages, vfio_iova_dirty_bitmap, v2, 7.2",
    table=TABLE,
    request=BITMAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def get_bitmap(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Be told which mapped pages of a range are dirty; from then on just those are that drivers have."""
    yield requires(is_asked(request, low, high))

    def is_told(address: Term) -> Term:
        return both(within(address, low, high), _is_mapped(table, address))

    cases = (
        *_unfit(request),
        refuse(no(tracks_dirty[table]), "EINVAL", "dirty pages are not tracked"),
        refuse(_is_cut(table, low, high), "EINVAL", "the range bisects a mapping"),
        done(
            each(
                ADDRESS,
                lambda a: told[table, a].becomes(both(is_told(a), either(dirty[table, a], has_unconfined(table)))),
            ),
            each(
                ADDRESS,
                lambda a: dirty[table, a].becomes(value=False),
                where=lambda a: both(is_told(a), no(is_kept(table, a))),
            ),
            each(ADDRESS, lambda a: unsaved[table, a].becomes(value=False), where=is_told),
        ),
    )
    yield step("tell", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


@call(
    "vfio_pin_pages",
    actor=THREAD,
    source="vfio_iommu_type1_pin_pages, 7.2",
    group=GROUP,
    address=number(ADDRESS),
    to=ACCESS,
)
def pin_page(group: Term, address: Term, to: Term) -> Steps:
    """Have a page stay where it is, for the group's devices to write: it is dirty from now on, and the group's first one tells what they write."""
    yield requires(pins_first[group], no(is_none(is_in[group])), no(kept[group, address]), no(to == "none"))
    table = is_in[group]
    has = access[translation[table, address]]
    cases = (
        refuse(no(_is_mapped(table, address)), "EINVAL", "nothing is mapped at the page"),
        refuse(no(either(has == "both", has == to)), "EPERM", "the mapping does not give this access"),
        done(
            kept[group, address].becomes(value=True),
            confined[group].becomes(value=True),
            dirty[table, address].becomes(either(dirty[table, address], tracks_dirty[table])),
        ),
    )
    yield step("pin", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


@call(
    "vfio_unpin_pages",
    actor=THREAD,
    source="vfio_iommu_type1_unpin_pages, 7.2",
    group=GROUP,
    address=number(ADDRESS),
)
def unpin_page(group: Term, address: Term) -> Steps:
    """Let a page go that the driver has pinned; it stays dirty until it is told."""
    yield requires(kept[group, address])
    let_go = done(kept[group, address].becomes(value=False))
    yield step("unpin", *under_lock(no(locked[is_in[group]]), let_go), locks=(TYPE1_LOCK,), waits=True)


def _written(table: Term, address: Term) -> Assign:
    """What the user has copied of the page, it will have to copy again."""
    return unsaved[table, address].becomes(either(unsaved[table, address], tracks_dirty[table]))


@call("vfio_dma_rw", actor=THREAD, source="vfio_iommu_type1_dma_rw, 7.2", group=GROUP, address=number(ADDRESS))
def driver_writes(group: Term, address: Term) -> Steps:
    """Have the kernel write a page for a device: it is dirty."""
    yield requires(no(is_none(is_in[group])))
    table = is_in[group]
    cases = (
        refuse(no(_is_mapped(table, address)), "EINVAL", "nothing is mapped at the page"),
        refuse(no(_lets_write(table, address)), "EPERM", "the mapping may not be written"),
        done(
            dirty[table, address].becomes(either(dirty[table, address], tracks_dirty[table])), _written(table, address)
        ),
    )
    yield step("write", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


@call("a device writes a page", actor="group", source="hardware: DMA", group=GROUP, address=ADDRESS)
def device_writes(group: Term, address: Term) -> Steps:
    """A device of the group writes where the IOMMU lets it, and its driver; nobody in the kernel sees that."""
    table = is_in[group]
    yield requires(
        no(is_none(table)),
        _lets_write(table, address),
        implies(pins_first[group], kept[group, address]),
    )
    yield step("write", done(_written(table, address)))


def _changed(base: Call) -> Call:
    """A call that type1 has without dirty pages, too."""
    changes = {
        "map_dma": _map_dma,
        "unmap_dma": _unmap_dma,
        "unmap_all": _unmap_all,
        "attach_group": _attach_group,
        "detach_group": _detach_group,
    }
    return changes[base.name](base)


UNMAPS = ("unmap_dma", "unmap_all", "unmap_dirty", "detach_group")
"""The calls that remove mappings in a loop."""

OF_CONTAINER = (
    *map(_changed, dma_type1.V2),
    _with_each(unmap_dirty, unmap_dirty.parameter("table"), tells=True),
    dirty_pages,
    get_bitmap,
)
V2: tuple[Call, ...] = (
    *(c.requiring(has_groups(c.parameter("table"))) for c in OF_CONTAINER),
    *map(_changed, (dma_type1_groups.attach_group, dma_type1_groups.detach_group)),
    pin_page,
    unpin_page,
    driver_writes,
    device_writes,
)
