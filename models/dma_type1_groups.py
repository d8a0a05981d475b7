"""Type1 with groups that come and go: what one of them reserves nobody maps, and with the last one goes every mapping.

The addresses that a group reserves are those of the container in which it is, and of no other.
"""

from tenure.models import dma_type1
from tenure.models.dma_type1 import begun, in_list, locked, overlaps, removal, under_lock, valid_range, within
from tenure.models.locks import TYPE1_LOCK
from tenure.vocabulary.calls import Call, Step, Steps, call, done, refuse, step
from tenure.vocabulary.objects import ADDRESS, GROUP, MAPPING, TABLE, THREAD
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import Term, both, is_none, no, some
from tenure.vocabulary.types import FLAG

reserves = fixed(
    "group reserves",
    GROUP,
    ADDRESS,
    FLAG,
    meaning="no memory may be at the address where the group is: interrupts are, or its IOMMU does not translate so far",
)
is_in = state("is in", GROUP, TABLE.maybe, meaning="the address space that the group's devices see")


def has_groups(table: Term) -> Term:
    """A group is in the container."""
    return some(GROUP, lambda g: is_in[g] == table)


def is_reserved(table: Term, address: Term) -> Term:
    """A group of the container reserves the address."""
    return some(GROUP, lambda g: both(is_in[g] == table, reserves[g, address]))


def _map_dma(base: Call) -> Call:
    """MAP_DMA: no valid range has what a group reserves (vfio_iommu_iova_dma_valid)."""
    table, low, high = base.parameter("table"), base.parameter("low"), base.parameter("high")
    why = "the range is in no valid IOVA range"
    reserved = some(ADDRESS, lambda a: both(within(a, low, high), is_reserved(table, a)))

    def change(old: Step) -> Step:
        (case,) = under_lock(no(locked[table]), refuse(reserved, "EINVAL", "a group reserves a part of the range"))
        return old.ahead_of(lambda one: one.why == why, case)

    return base.otherwise("map", change)


@call(
    "attach_group of type1",
    actor=THREAD,
    source="vfio_iommu_type1_attach_group, vfio_iommu_aper_conflict, vfio_iommu_resv_conflict, 7.2",
    table=TABLE,
    group=GROUP,
)
def attach_group(table: Term, group: Term) -> Steps:
    """Have the devices of a group see what is mapped, by SET_CONTAINER or SET_IOMMU; what the group reserves must be free."""

    def is_mapped(address: Term) -> Term:
        return some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, address, address)))

    def is_left(address: Term) -> Term:
        return both(valid_range[address] > 0, no(reserves[group, address]), no(is_reserved(table, address)))

    cases = (
        refuse(no(is_none(is_in[group])), "EINVAL", "the group is in a container already"),
        refuse(
            some(ADDRESS, lambda a: both(reserves[group, a], is_mapped(a))),
            "EINVAL",
            "the group reserves what is mapped",
        ),
        refuse(no(some(ADDRESS, is_left)), "EINVAL", "no valid IOVA range is left"),
        done(is_in[group].becomes(table)),
    )
    yield step("attach", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


@call(
    "detach_group of type1",
    actor=THREAD,
    source="vfio_iommu_type1_detach_group, vfio_iommu_unmap_unpin_all, 7.2",
    table=TABLE,
    group=GROUP,
)
def detach_group(table: Term, group: Term) -> Steps:
    """Take a group out of the container, by UNSET_CONTAINER or the last close; with the last one every mapping is unmapped."""
    others = some(GROUP, lambda g: both(no(g == group), is_in[g] == table))
    leaves = is_in[group].becomes(None)
    yield begun(
        table,
        done(when=no(is_in[group] == table), why="the group is not in the container"),
        done(leaves, when=others, why="others stay"),
    )
    yield from removal(table, lambda m: in_list(table, m), instead=(leaves,))


V2: tuple[Call, ...] = (
    *((_map_dma(c) if c.name == "map_dma" else c).requiring(has_groups(c.parameter("table"))) for c in dma_type1.V2),
    attach_group,
    detach_group,
)
