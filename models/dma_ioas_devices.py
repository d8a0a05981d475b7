"""An IO address space to which devices are attached: what one of them reserves nobody maps, and areas are whole pages.

The addresses that a device reserves are those of the IO address space to which it is attached, and of no other.
"""

from collections.abc import Callable
from dataclasses import replace

from tenure.models import dma_ioas
from tenure.models.cdev_fields import attached_to
from tenure.models.dma_ioas import allowed, is_there, last_of
from tenure.models.dma_type1 import first, in_list, last, within
from tenure.models.locks_iommufd import IGROUP_LOCK, IOVA_RWSEM, OBJECT_TABLE
from tenure.vocabulary.calls import Call, Case, Finish, Step, Steps, call, done, number, refuse, step
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import RANGES_REQUEST
from tenure.vocabulary.symbols import fixed
from tenure.vocabulary.terms import Term, both, either, every, implies, no, some
from tenure.vocabulary.types import FLAG

reserves = fixed(
    "reserves",
    DEVICE,
    ADDRESS,
    FLAG,
    meaning="no memory may be at the address where the device is: its interrupts are, or the IOMMU does not translate so far",
)
begins_page = fixed("begins page", ADDRESS, FLAG, meaning="a page begins at the address")
ends_page = fixed("ends page", ADDRESS, FLAG, meaning="a page ends at the address")


def has_devices(table: Term) -> Term:
    """A device is attached to the IO address space."""
    return some(DEVICE, lambda d: attached_to[d] == table)


def is_reserved(table: Term, address: Term) -> Term:
    """The address is in the reserved_itree of the IO address space."""
    return some(DEVICE, lambda d: both(attached_to[d] == table, reserves[d, address]))


def _has_reserved(table: Term, low: Term, high: Term) -> Term:
    return some(ADDRESS, lambda a: both(within(a, low, high), is_reserved(table, a)))


def _because(why: str) -> Callable[[Case], bool]:
    """The case of that reason."""
    return lambda one: one.why == why


def _map_fixed(base: Call) -> Call:
    """IOAS_MAP with FIXED_IOVA: whole pages (iopt_check_iova_alignment), none reserved (iopt_check_iova)."""
    table, request = base.parameter("table"), base.parameter("request")
    low, high = base.parameter("low"), base.parameter("high")
    partial = no(both(begins_page[low], ends_page[high]))

    def change(old: Step) -> Step:
        aligned = refuse(
            both(request == "range", has_devices(table), partial), "EINVAL", "a page is only in part in the range"
        )
        beyond, taken = "the range ends beyond the top of the address space", "an area has a part of the range already"
        reserved = refuse(_has_reserved(table, low, high), "EINVAL", "a device reserves a part of the range")
        return old.ahead_of(_because(beyond), aligned).ahead_of(_because(taken), reserved)

    return base.otherwise("map", change)


def _map(base: Call) -> Call:
    """IOAS_MAP where the kernel chooses: the same of the length, and of the place (iopt_alloc_iova)."""
    table, request, length = base.parameter("table"), base.parameter("request"), base.parameter("length")

    def usable(begin: Term) -> Term:
        end = last_of[begin, length]
        whole = implies(has_devices(table), both(begins_page[begin], ends_page[end]))
        return both(whole, no(_has_reserved(table, begin, end)))

    def change(old: Step) -> Step:
        aligned = refuse(
            both(request == "range", has_devices(table), no(ends_page[length])), "EINVAL", "the length is not of pages"
        )
        cases = (
            c if c.pick is None else replace(c, pick=replace(c.pick, where=both(c.pick.where, usable(c.pick.variable))))
            for c in old.cases
        )
        half = _because("the length is half of the address space or more")
        return replace(old, cases=tuple(cases)).ahead_of(half, aligned)

    return base.otherwise("map", change)


def _allow(base: Call) -> Call:
    """IOAS_ALLOW_IOVAS: nothing that is reserved (iopt_set_allow_iova)."""
    table, request = base.parameter("table"), base.parameter("request")
    ends = tuple(base.parameter(name) for name in ("low", "high", "other_low", "other_high"))

    def change(old: Step) -> Step:
        named = either(_has_reserved(table, *ends[:2]), _has_reserved(table, *ends[2:]))
        reserved = refuse(
            both(either(request == "one", request == "two"), named), "EADDRINUSE", "a device reserves a part of a range"
        )
        return old.ahead_of(lambda one: isinstance(one.follow, Finish), reserved)

    return base.otherwise("allow", change)


def _destroy(base: Call) -> Call:
    """IOMMU_DESTROY: the page table of an attached device counts in `users`."""
    in_use = refuse(has_devices(base.parameter("table")), "EBUSY", "a device is attached to it")
    return base.otherwise("destroy", lambda old: old.ahead_of(_because("another call works on it"), in_use))


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_attach, iommufd_device_replace, iopt_table_enforce_dev_resv_regions, iopt_table_add_domain, 7.2",
    device=DEVICE,
    table=number(TABLE),
)
def attach(device: Term, table: Term) -> Steps:
    """Attach a device, or have it move; what it reserves must be free of areas, and nobody may be allowed it."""

    def is_in_the_way(address: Term) -> Term:
        mapped = some(MAPPING, lambda m: both(in_list(table, m), within(address, first[m], last[m])))
        return both(reserves[device, address], either(allowed[table, address], mapped))

    whole = every(MAPPING, lambda m: implies(in_list(table, m), both(begins_page[first[m]], ends_page[last[m]])))
    yield step(
        "attach",
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space"),
        done(when=attached_to[device] == table, why="it is attached there already"),
        refuse(some(ADDRESS, is_in_the_way), "EADDRINUSE", "the device reserves what is mapped or allowed"),
        refuse(no(whole), "EADDRINUSE", "an area has only a part of a page"),
        done(attached_to[device].becomes(table)),
        locks=(briefly(OBJECT_TABLE), IGROUP_LOCK, IOVA_RWSEM),
    )


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_detach, iopt_remove_reserved_iova, 7.2",
    device=DEVICE,
)
def detach(device: Term) -> Steps:
    """Detach a device, which reserves nothing any more; one that is attached to nothing stays so."""
    yield step("detach", done(attached_to[device].becomes(None)), locks=(IGROUP_LOCK, IOVA_RWSEM))


@call(
    "IOMMU_IOAS_IOVA_RANGES",
    actor=THREAD,
    source="iommufd_ioas_iova_ranges, 7.2",
    table=number(TABLE),
    request=RANGES_REQUEST,
    address=number(ADDRESS),
)
def ioas_iova_ranges(table: Term, request: Term, address: Term) -> Steps:
    """Tell the ranges of which nothing is reserved; that is, of each address whether it is in one."""
    any_valid = some(ADDRESS, lambda a: no(is_reserved(table, a)))
    yield step(
        "tell",
        refuse(request == "unknown", "EOPNOTSUPP", "the reserved field is set"),
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space"),
        refuse(both(request == "too small", any_valid), "EMSGSIZE", "there is not room for all of the ranges"),
        done(valid=no(is_reserved(table, address))),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


CALLS: tuple[Call, ...] = (
    dma_ioas.ioas_alloc,
    _allow(dma_ioas.ioas_allow_iovas),
    _map_fixed(dma_ioas.ioas_map_fixed),
    _map(dma_ioas.ioas_map),
    dma_ioas.ioas_unmap,
    dma_ioas.ioas_unmap_all,
    _destroy(dma_ioas.destroy),
    ioas_iova_ranges,
    attach,
    detach,
)
