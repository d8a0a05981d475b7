"""IO address spaces whose areas are made and taken step by step, while devices come and go and page tables with them.

An area is in the tree, without its pages, from the first step of an IOAS_MAP to its last, and from where an IOAS_UNMAP takes it to
where it is removed. Who meets it there gets EBUSY, or EEXIST for its addresses. Only who has it in hand fills it and unfills it, under
domains_rwsem for reading; an attach that needs a page table, and a detach that ends one, take that for writing, and wait. A device
reserves nothing here, and an address is a page. All devices of an IO address space have one page table.
"""

from collections.abc import Callable
from dataclasses import replace

from tenure.models import dma_ioas
from tenure.models.cdev_fields import attached_to
from tenure.models.dma_ioas import is_there, unmapped
from tenure.models.dma_ioas_compat import found
from tenure.models.dma_ioas_devices import has_devices
from tenure.models.dma_type1 import access, first, in_list, last, listed, position, translation, within
from tenure.models.locks_iommufd import DOMAINS_RWSEM, IGROUP_LOCK, IOVA_RWSEM, OBJECT_TABLE, PAGES_MUTEX
from tenure.vocabulary.calls import (
    Call,
    Case,
    Finish,
    Next,
    Parameter,
    Refuse,
    Step,
    Steps,
    call,
    done,
    go,
    local,
    number,
    refuse,
    step,
)
from tenure.vocabulary.effects import Assign, each, each_pair
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import AREA_STAGE, MEMORY
from tenure.vocabulary.symbols import choice_is, state
from tenure.vocabulary.terms import TRUE, Term, both, implies, no, some
from tenure.vocabulary.types import COUNT, FLAG

stage = state("stage", MAPPING, AREA_STAGE, meaning="how far the area is; it has its pages while it is finished")
workers = state("workers", MAPPING, COUNT, meaning="how many calls in flight make the area, or take it away")
missing = state("missing", MAPPING, FLAG, meaning="the memory behind the area is not there to be pinned")


def is_unfinished(mapping: Term) -> Term:
    """The area is there without its pages (area->pages is NULL)."""
    return choice_is(stage[mapping], "inserted", "filled", "taken", "emptied")


def is_filled(mapping: Term) -> Term:
    """What the area leads to is in the page table, where there is one."""
    return choice_is(stage[mapping], "filled", "finished", "taken")


def is_read(table: Term) -> Term:
    """domains_rwsem is held for reading: an area is filled and not published, or taken and not removed."""
    return some(MAPPING, lambda m: both(in_list(table, m), choice_is(stage[m], "filled", "taken", "emptied")))


_FORGOTTEN: tuple[Callable[[Term], Assign], ...] = (
    lambda mapping: first[mapping].becomes(None),
    lambda mapping: last[mapping].becomes(None),
    lambda mapping: access[mapping].becomes("none"),
    lambda mapping: listed[mapping].becomes(None),
    lambda mapping: stage[mapping].becomes("none"),
    lambda mapping: missing[mapping].becomes(value=False),
)
"""What becomes of an area that is no more."""


def _removed(table: Term, mapping: Term) -> tuple[Assign, ...]:
    """The area is in the tree no more, and in nobody's hand."""
    lost = each(ADDRESS, lambda a: found[table, a].becomes(None), where=lambda a: found[table, a] == mapping)
    return lost, workers[mapping].becomes(workers[mapping] - 1), *(forgets(mapping) for forgets in _FORGOTTEN)


def _inserts(base: Call, memory: Term) -> Step:
    """iopt_alloc_area_pages: the area is there with no pages, where all of it would have been made in one step."""
    table, made = base.parameter("table"), base.parameter("made")
    (old,) = base.steps

    def case(one: Case) -> Case:
        if not isinstance(one.follow, Finish):
            return one
        low, high = (next(e.value for e in one.effects if e.target.key == end[made].key) for end in (first, last))
        more = (
            stage[made].becomes("inserted"),
            workers[made].becomes(workers[made] + 1),
            missing[made].becomes(memory == "missing"),
            each(ADDRESS, lambda a: found[table, a].becomes(made), where=lambda a: within(a, low, high)),
        )
        return replace(one, effects=(*one.effects, *more), follow=Next())

    return replace(old, cases=tuple(map(case, old.cases)))


def _builds(base: Call) -> Call:
    """IOAS_MAP: insert; pin and fill; publish, or remove what cannot be filled (iopt_map_pages, iopt_abort_area)."""
    table, made = base.parameter("table"), base.parameter("made")
    parameter = Parameter("memory", MEMORY)
    memory = parameter.term
    filled = each(
        ADDRESS,
        lambda a: translation[table, a].becomes(made),
        where=lambda a: both(has_devices(table), within(a, first[made], last[made])),
    )
    answers = (c.follow.values for c in base.steps[0].cases if isinstance(c.follow, Finish))
    told = tuple((name, first[made]) for values in answers for name, _ in values)
    finished, gone = stage[made].becomes("finished"), workers[made].becomes(workers[made] - 1)
    steps = (
        _inserts(base, memory),
        step(
            "fill",
            go(when=both(has_devices(table), missing[made]), to="abort", why="the memory cannot be pinned"),
            go(filled, stage[made].becomes("filled")),
            locks=(DOMAINS_RWSEM, PAGES_MUTEX),
            keeps=(DOMAINS_RWSEM,),
        ),
        step("publish", Case(TRUE, (finished, gone), Finish(told)), locks=(IOVA_RWSEM,)),
        step(
            "abort",
            refuse(TRUE, "EFAULT", "the memory is not there to be pinned", *_removed(table, made)),
            locks=(IOVA_RWSEM,),
        ),
    )
    held = (replace(p, held=True) if p.name == "table" else p for p in base.parameters)
    return replace(base, parameters=(*held, parameter), steps=steps)


def _takes(base: Call) -> Call:
    """IOAS_UNMAP: take the lowest area from its pages, unfill it, remove it, and look for the next (iopt_unmap_iova_range).

    Between two areas all locks are let go. One that another call has in hand is in the way, and what went before stays gone.
    """
    table = base.parameter("table")
    size, reached, taken = local("size", COUNT), local("reached", ADDRESS.maybe), local("taken", MAPPING.maybe)
    find, old = base.steps
    lowest = next(c for c in old.cases if c.pick is not None)
    over = next(c.effects for c in old.cases if isinstance(c.follow, Refuse))
    assert lowest.pick is not None  # noqa: S101  # so it was found
    picked = lowest.pick.variable

    busy = Case(
        TRUE,
        over,
        Refuse("EBUSY"),
        "another call makes the next area, or takes it",
        replace(lowest.pick, where=both(lowest.pick.where, is_unfinished(picked))),
    )
    held = (taken.becomes(picked), workers[picked].becomes(workers[picked] + 1), stage[picked].becomes("taken"))
    others = (replace(c, effects=held, follow=Next()) if c is lowest else c for c in old.cases)
    unfilled = each(
        ADDRESS, lambda a: translation[table, a].becomes(None), where=lambda a: translation[table, a] == taken
    )
    much = position[last[taken]] - position[first[taken]] + 1
    gone = (size.becomes(size + much), reached.becomes(last[taken]), unmapped[table].becomes(unmapped[table] + much))
    steps = (
        find,
        step("select", busy, *others, locks=(DOMAINS_RWSEM, IOVA_RWSEM), keeps=(DOMAINS_RWSEM,), repeats=True),
        step("unfill", go(unfilled, stage[taken].becomes("emptied")), locks=(PAGES_MUTEX,), keeps=(DOMAINS_RWSEM,)),
        step(
            "remove",
            go(*gone, *_removed(table, taken), taken.becomes(None), to="select"),
            locks=(IOVA_RWSEM,),
        ),
    )
    return replace(base, steps=steps)


def _destroy(base: Call) -> Call:
    """IOMMU_DESTROY: the page table of an attached device counts in `users`; who makes or takes an area holds a reference."""
    table = base.parameter("table")
    in_use = refuse(has_devices(table), "EBUSY", "a device is attached to it")
    guarded = base.otherwise("destroy", lambda old: old.ahead_of(lambda c: c.why == "another call works on it", in_use))
    return guarded.with_effects(
        each(MAPPING, lambda m: stage[m].becomes("none"), where=lambda m: in_list(table, m)),
        each(MAPPING, lambda m: workers[m].becomes(0), where=lambda m: in_list(table, m)),
        each(MAPPING, lambda m: missing[m].becomes(value=False), where=lambda m: in_list(table, m)),
        each(ADDRESS, lambda a: found[table, a].becomes(None)),
    )


def _leaves(device: Term, table: Term) -> Term:
    """With the device goes the page table: nobody else is attached there."""
    others = some(DEVICE, lambda d: both(no(d == device), attached_to[d] == table))
    return both(attached_to[device] == table, no(others))


def _may_leave(device: Term) -> Term:
    """Nobody has domains_rwsem where the device is, or its page table stays."""
    return no(some(TABLE, lambda t: both(_leaves(device, t), is_read(t))))


def _ends(device: Term) -> Assign:
    """iopt_table_remove_domain: what nobody else is attached to translates nothing any more."""
    return each_pair(TABLE, ADDRESS, lambda t, a: translation[t, a].becomes(None), lambda t, _: _leaves(device, t))


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_attach, iommufd_device_replace, iopt_table_add_domain, iopt_table_remove_domain, 7.2",
    device=DEVICE,
    table=number(TABLE),
)
def attach(device: Term, table: Term) -> Steps:
    """Attach a device, or have it move; the first one brings a page table, which is filled with what is finished."""
    comes = no(has_devices(table))
    free = both(implies(comes, no(is_read(table))), _may_leave(device))
    unpinnable = some(MAPPING, lambda m: both(in_list(table, m), stage[m] == "finished", missing[m]))
    filled = each(
        ADDRESS,
        lambda a: translation[table, a].becomes(found[table, a]),
        where=lambda a: both(comes, stage[found[table, a]] == "finished"),
    )
    yield step(
        "attach",
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space"),
        done(when=attached_to[device] == table, why="it is attached there already"),
        refuse(both(free, comes, unpinnable), "EFAULT", "the memory of an area is not there to be pinned"),
        done(attached_to[device].becomes(table), filled, _ends(device), when=free),
        locks=(briefly(OBJECT_TABLE), IGROUP_LOCK, DOMAINS_RWSEM, IOVA_RWSEM, PAGES_MUTEX),
        waits=True,
    )


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_detach, iopt_table_remove_domain, 7.2",
    device=DEVICE,
)
def detach(device: Term) -> Steps:
    """Detach a device; with the last one of an IO address space goes the page table."""
    yield step(
        "detach",
        done(attached_to[device].becomes(None), _ends(device), when=_may_leave(device)),
        locks=(IGROUP_LOCK, DOMAINS_RWSEM, IOVA_RWSEM, PAGES_MUTEX),
        waits=True,
    )


CALLS: tuple[Call, ...] = (
    dma_ioas.ioas_alloc,
    _builds(dma_ioas.ioas_map_fixed),
    _builds(dma_ioas.ioas_map),
    _takes(dma_ioas.ioas_unmap),
    _takes(dma_ioas.ioas_unmap_all),
    _destroy(dma_ioas.destroy),
    attach,
    detach,
)
