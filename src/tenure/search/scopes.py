"""Scopes: how many objects a search looks at. What is found or not found is said together with its scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tenure.search.families import family_of
from tenure.search.family import Family
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import USER, VM
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.types import Sort

VFIO = DRIVER.values.index("vfio")
NONE_BOUND = DRIVER.values.index("none")

SETUP = frozenset({"open_container", "open_group", "set_container"})

SIDE_ISSUES = frozenset(
    {
        "get_status",
        "check_extension",
        "get_api_version",
        "fork",
        "pass_file",
        "iommu_id",
        "external_check_extension",
    }
)
"""Calls without which every property can fall as well: they change nothing, or only share what one process can do."""


OF_IOMMU = frozenset({"register_iommu_driver", "unregister_iommu_driver"})
OF_VFIO = frozenset({"register_vfio_driver", "unregister_vfio_driver"})
MODULES = OF_IOMMU | OF_VFIO
"""How drivers' modules come and go; they can always do so while nobody uses them, so that states are many times as many."""


VM_LIFE = frozenset(
    {
        "create_vm",
        "create_kvm_vfio",
        "release_vm",
        "release_kvm_vfio",
        "release_entry",
        "destroy_entry",
        "destroy_vm",
    }
)
"""How a VM and its KVM VFIO device come and go."""


MAKES = frozenset({"create_vm", "create_kvm_vfio", "file_add"})
"""How a list comes to have an entry."""


USES = frozenset({"use", "iommu_id", "iommu_id_from_file", "external_check_extension"})
"""What an external user does without coming to rely on anything, or ceasing to."""


SPAPR = frozenset({"set_spapr_tce", "h_put_tce"})
"""How a guest comes to map into a table by itself."""


HOST = frozenset({"host_map", "host_unmap"})
"""How the host's own drivers use the table of a group; a few devices make many states of it, so they have an area to themselves."""


OF_LISTENERS = frozenset({"register_group_notifier", "unregister_group_notifier"})
"""How drivers come to be told of VMs, or no longer are."""


def has_users(system: System) -> bool:
    """The system has external users."""
    return _speaks_of(system, USER)


def has_vms(system: System) -> bool:
    """The system's external users are entries of the KVM VFIO devices of VMs."""
    return _speaks_of(system, VM)


def outside_calls(system: System) -> frozenset[str]:
    """The calls of external users, or of VMs and of those who work on their KVM VFIO devices."""
    if has_vms(system):
        return (VM_LIFE | SPAPR | {"file_add", "file_del"}) & {c.name for c in system.calls}
    return frozenset(c.name for c in system.calls if c.actor == "user")


def _speaks_of(system: System, sort: Sort) -> bool:
    return any(p.type == sort for c in system.calls for p in c.parameters)


def isolations(system: System) -> tuple[bool, ...]:
    """Which of two groups is without IOMMU, where there are such groups: one of each kind."""
    return (False, True) if system.defines(seen.group_no_iommu) else ()


def sleepers(system: System) -> int:
    """How many threads whole calls take: one where a thread's call may sleep, and so must be somebody's; else none."""
    return int(any(isinstance(c.actor, Sort) and any(s.waits for s in c.steps) for c in system.calls))


def scope(
    sizes: dict[str, int],
    *,
    no_iommu: tuple[bool, ...] = (),
    vfio_devices: int = 1,
    type1: int = 1,
    coherent: tuple[bool, ...] | None = None,
) -> Scope:
    """A scope in which devices are dealt to groups in turn, the first process is privileged, some devices are VFIO's.

    Where there are VMs, the IOMMU enforces cache coherency for those devices alone, unless something else is said.

    Every IOMMU driver is registered at the start: of type1 as many as said, and one for groups without IOMMU where there are such.
    """
    groups, devices = sizes["group"], sizes["device"]
    kinds = (*no_iommu, *(False,) * (groups - len(no_iommu)))
    drivers = tuple(VFIO if d < vfio_devices else NONE_BOUND for d in range(devices))
    of_iommu = (False,) * type1 + (True,) * any(no_iommu)
    fixed = {
        "group of": tuple(d % groups for d in range(devices)),
        "no iommu": kinds,
        "rawio": tuple(p == 0 for p in range(sizes["process"])),
        "is noiommu": of_iommu,
    }
    if sizes.get("vm"):
        fixed["enforced coherent"] = coherent or tuple(d == VFIO for d in drivers)
    initial = {
        "driver": (drivers,),
        "registered": (tuple(d == VFIO for d in drivers),),
        "driver registered": ((True,) * len(of_iommu),),
    }
    return Scope({**sizes, "iommu_driver": len(of_iommu)}, fixed, initial)


@dataclass(frozen=True)
class Area:
    """A part of a system to search: a scope, the calls that are made in it (None: all), and how many orbits of states."""

    scope: Scope
    calls: frozenset[str] | None = None
    limit: int = 15_000

    def __str__(self) -> str:
        return str(self.scope) if self.calls is None else f"{self.scope}, by {', '.join(sorted(self.calls))}"


def main_scope(system: System, granularity: Granularity, more: Iterable[tuple[str, int]] = ()) -> Scope:
    """The scope of a search for violations: one group, two containers, two devices, or one address space; `more` of some sorts."""
    if (family := family_of(system)) is not None:
        return family.main_scope(granularity, more)
    threads = 2 if granularity is Granularity.STEPS else sleepers(system)
    return scope({**_sizes(system, threads=threads), **dict(more)})


def main_area(system: System, granularity: Granularity) -> Area:
    """Where violations are searched first: every call that matters, in the main scope."""
    calls = frozenset(c.name for c in system.calls)
    matter = calls - MODULES - HOST - (SIDE_ISSUES if granularity is Granularity.STEPS else frozenset())
    return Area(main_scope(system, granularity), None if matter == calls else matter)


def narrow_areas(system: System, granularity: Granularity) -> tuple[Area, ...]:
    """Where violations are searched deeper, by fewer calls: drivers that go, leaving and use, closing, device files."""
    if (family := family_of(system)) is not None:
        return (*map(Area, family.narrow), *_deep_areas(family, system, granularity))
    if granularity is Granularity.WHOLE:
        return *_drivers_areas(system, threads=0), *_own_areas(system, threads=0)
    known = {c.name for c in system.calls}
    outside = outside_calls(system)
    deep = SETUP | {"set_iommu", "unset_container"}
    sizes = {**_sizes(system, threads=2), "device": 1}
    areas = [
        *_drivers_areas(system, threads=2),
        Area(scope(sizes), frozenset(deep | {"close", "release_group", "release_container"}) & known),
        Area(scope(sizes), frozenset(deep | {"get_device_fd", "close", "release_device"}) & known),
    ]
    if has_vms(system):
        areas += [Area(scope(sizes), frozenset(deep | MAKES | more)) for more in ({"file_del"}, SPAPR & known)]
    elif outside:
        areas.append(Area(scope(sizes), frozenset(deep | outside)))
    if outside:
        areas.append(_abandoned_area(system, sizes))
    if known >= MAKES and not known >= SPAPR:
        areas.append(_told_too_late_area(sizes))
    return (*areas, *_own_areas(system, threads=1))


def _own_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where only some systems have something to lose."""
    return (
        *_joined_areas(system, threads=threads),
        *_going_areas(system, threads=threads),
        *_left_areas(system, threads=threads),
        *_told_late_areas(system, threads=threads),
    )


def _joined_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where a group that is not coherent joins one that a list holds."""
    if not has_vms(system):
        return ()
    return (Area(_noncoherent_besides(_sizes(system, threads=threads)), SETUP | MAKES | {"set_iommu"}),)


def _left_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where a driver's group leaves a container that another group keeps, with the list of callbacks in which its notifier stands."""
    if not system.defines(seen.notifier_table):
        return ()
    two_groups = {"process": 1, "thread": threads, "file": 3, "group": 2, "container": 1, "device": 2, "table": 1}
    calls = SETUP | {"set_iommu", "unset_container", "register_notifier", "unregister_notifier"}
    return (Area(scope({**two_groups, "user": 1}, vfio_devices=2), calls),)


def _told_late_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where a driver knows of a VM whose process goes, with all that it has."""
    if not system.defines(seen.notifier_vm):
        return ()
    sizes = {**_sizes(system, threads=threads), "container": 1, "device": 1, "table": 1, "page": 0, "user": 2}
    goes = {"exit_process", "release_vm", "release_kvm_vfio", "destroy_vm"}
    return (Area(scope(sizes), SETUP | MAKES | goes | {"set_iommu", "file_del", "register_group_notifier"}),)


def _listener_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where drivers are refused, or give back the last use of their group, and no VM is there."""
    if not system.defines(seen.notifier_vm):
        return ()
    few = {**_sizes(system, threads=threads), "file": 2, "container": 1, "device": 1, "table": 1, "page": 0, "vm": 0}
    makes = SETUP | OF_LISTENERS | {"set_iommu"}
    leaves = {"unset_container", "close", "release_group"}
    moved = {**few, "file": 3, "container": 2, "table": 2, "thread": 2 * threads}
    return (
        Area(scope({**few, "device": 2}), makes | {"bind_driver", "unset_container"}),
        Area(scope(few), makes | leaves | {"unbind_driver"}),
        Area(scope(few, no_iommu=(True,)), makes),
        Area(scope(moved), makes | leaves),
    )


def _abandoned_area(system: System, sizes: dict[str, int]) -> Area:
    """Where an owner closes everything while a user that relies on its group, or a VM's list, never lets go."""
    relies = MAKES if has_vms(system) else outside_calls(system) - USES
    calls = SETUP | {"set_iommu", "close", "release_group"} | relies
    few = {**sizes, "thread": 1, "container": 1, "table": 1, "page": 0}
    return Area(scope(few), frozenset(calls & {c.name for c in system.calls}))


def _told_too_late_area(sizes: dict[str, int]) -> Area:
    """Where no guest maps: a group goes after its entry, and file_add has not yet told it of the VM."""
    few = {**sizes, "thread": 1, "container": 1, "table": 1, "page": 0}
    return Area(scope(few), SETUP | MAKES | {"set_iommu", "file_del", "close", "release_group", "unbind_driver"})


def _going_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where a VM goes while devices that are told of it are opened."""
    if not (has_vms(system) and system.defines(seen.device_opens)):
        return ()
    few = {**_sizes(system, threads=threads), "container": 1, "device": 1, "table": 1, "page": 0}
    goes = SETUP | MAKES | VM_LIFE | {"set_iommu", "get_device_fd", "close", "release_device"}
    return (Area(scope(few), frozenset(goes & {c.name for c in system.calls})),)


def _deep_areas(family: Family, system: System, granularity: Granularity) -> tuple[Area, ...]:
    """Where a family's systems are searched by fewer calls, those of them that this one has."""
    known = {c.name for c in system.calls}
    return tuple(Area(where, calls & known) for where, calls in family.deep_scopes(granularity))


def witness_areas(system: System, granularity: Granularity) -> tuple[Area, ...]:
    """Where the rest of the cases can be reached: one thread, shared files, groups without IOMMU, a device opened twice."""
    if (family := family_of(system)) is not None:
        return Area(family.witness), *_deep_areas(family, system, granularity)
    threads = 1 if granularity is Granularity.STEPS else sleepers(system)
    sizes = _sizes(system, threads=threads)
    known = {c.name for c in system.calls}
    outside = outside_calls(system)
    shared = scope({**sizes, "process": 2, "file": 2, "container": 1, "device": 1, "table": 1})
    mixed = scope(
        {**sizes, "process": 2, "file": 3, "group": 2, "container": 1, "device": 2, "table": 1, "page": 0},
        no_iommu=isolations(system),
        vfio_devices=2,
    )
    calls = frozenset(SETUP | {"set_iommu", "pass_file", "get_device_fd"} | outside) & known
    reopened = scope({**sizes, "file": 4, "container": 1, "device": 1, "table": 1, "page": 0})
    opens = Area(reopened, frozenset(SETUP | {"set_iommu", "get_device_fd", "close", "release_device"}))
    raced = _raced_areas(outside, frozenset(known), sizes) if outside and threads else ()
    again = (opens,) if threads and system.defines(seen.device_opens) else ()
    listed = (*_kept_areas(system, sizes), *_listed_areas(sizes)) if has_vms(system) else ()
    most = frozenset(known) - MODULES - HOST
    of_one = Area(scope(sizes), most), Area(shared, most)
    told = (_told_area(sizes),) if threads and "register" in outside else ()
    hosted = (_host_area(sizes),) if known >= HOST else ()
    return (
        *of_one,
        Area(mixed, calls),
        *_drivers_areas(system, threads=threads),
        *again,
        *listed,
        *told,
        *raced,
        *hosted,
        *_listener_areas(system, threads=threads),
    )


def _host_area(sizes: dict[str, int]) -> Area:
    """Where a driver of the host has mapped, or would, when its group is put into a container, or that gets an IOMMU driver."""
    few = {**sizes, "file": 3, "group": 2, "container": 1, "device": 3, "table": 1, "page": 0, "user": 0, "vm": 0}
    return Area(scope(few, vfio_devices=2), frozenset(SETUP | HOST | {"set_iommu", "bind_driver"}))


def has_modules(system: System) -> bool:
    """The modules of the system's drivers come and go."""
    return any(c.name in MODULES for c in system.calls)


def _drivers_areas(system: System, *, threads: int) -> tuple[Area, ...]:
    """Where two type1 drivers come and go under a group that is in a container, and the VFIO driver under a device file."""
    if not has_modules(system):
        return ()
    sizes = {"process": 1, "thread": threads, "file": 2, "group": 1, "container": 1, "device": 1, "table": 1}
    leave = {"unset_container", "close", "release_group", "release_container"}
    opens = {"set_iommu", "get_device_fd", "close", "release_device", "bind_driver", "unbind_driver"}
    return (
        Area(scope(sizes, type1=2), frozenset(SETUP | OF_IOMMU | leave | {"set_iommu", "check_extension"})),
        Area(scope({**sizes, "file": 3}), frozenset(SETUP | OF_VFIO | opens)),
    )


def _told_area(sizes: dict[str, int]) -> Area:
    """Where the last release of a group has to wait: a handler is inside a table that stays, for another group has it too."""
    releases = {"close", "release_group", "release_device", "release_container"}
    two_groups = scope({**sizes, "group": 2, "container": 1, "table": 1})
    return Area(two_groups, frozenset(SETUP | releases | {"set_iommu", "get_device_fd", "register", "use"}))


def _kept_areas(system: System, sizes: dict[str, int]) -> tuple[Area, ...]:
    """Where a group whose file a list keeps has an open device, and tries to leave."""
    if not (system.defines(seen.user_registered) and system.defines(seen.file_counts) and sizes["thread"]):
        return ()
    small = scope({**sizes, "file": 5, "container": 1, "device": 1, "table": 1, "page": 0})
    return (Area(small, SETUP | MAKES | {"set_iommu", "get_device_fd", "unset_container"}, 2_000),)


def _listed_areas(sizes: dict[str, int]) -> tuple[Area, ...]:
    """Where a list has two entries, where a group is without IOMMU, and where a VM is of another process."""
    makes = SETUP | MAKES | {"set_iommu"}
    small = {**sizes, "container": 1, "device": 1, "table": 1, "page": 0}
    two = {**small, "user": 2}
    enough = 250_000
    return (
        Area(scope(two), makes),
        Area(_noncoherent_besides(two), makes, enough),
        Area(scope(small, no_iommu=(True,)), makes | {"file_del", "set_spapr_tce"}),
        Area(scope({**small, "process": 2}), MAKES | {"file_del", "set_spapr_tce", "pass_file"}),
    )


def _noncoherent_besides(sizes: dict[str, int]) -> Scope:
    """Two groups, of which one is not coherent, a container and a VM."""
    two = {**sizes, "file": 5, "group": 2, "container": 1, "device": 2, "table": 1, "page": 0}
    return scope(two, vfio_devices=2, coherent=(True, False))


def _raced_areas(outside: frozenset[str], known: frozenset[str], sizes: dict[str, int]) -> tuple[Area, ...]:
    """Where external users meet drivers that bind, files that go, and a second thread that leaves or opens a device.

    What lies deeper, where a second thread steals a count, is told and not searched (`search/long_runs.py`).
    """
    small = {**sizes, "container": 1, "device": 1, "table": 1, "page": 0}
    two = {**small, "thread": 2}
    leave, opens = frozenset({"unset_container"}), frozenset({"get_device_fd", "release_device"})
    quiet = (outside - {"use"} - SIDE_ISSUES) | SETUP | {"set_iommu"}
    return (
        Area(scope({**small, "device": 2}), (quiet | {"bind_driver"}) & known),
        Area(scope(small), (quiet | leave | {"close", "exit_process", "release_group", "release_container"}) & known),
        Area(scope(two), (quiet | leave | opens | {"exit_process"}) & known),
    )


def _sizes(system: System, *, threads: int) -> dict[str, int]:
    users = 1 if has_users(system) else 0
    return {
        "process": 1,
        "thread": threads,
        "file": 4 if has_vms(system) else 3,
        "group": 1,
        "container": 2,
        "device": 2,
        "table": 2,
        "page": 1,
        "user": users,
        "vm": 1 if has_vms(system) else 0,
    }
