"""The system `containers-2013`: VFIO containers and groups from Linux 3.11 to 5.18."""

from tenure.models import (
    container_claims,
    containers,
    file_claims,
    files,
    groups,
    harm,
    iommu_drivers,
    modules,
    vfio_drivers,
)
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, USER
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import FALSE, Term, both, busy, either, every, implies, in_flight, is_none, no

_SHARED = (*files.CALLS, *groups.CALLS, *containers.CALLS)

CALLS_UNDER_USERS = modules.where_none_goes(_SHARED)
"""What systems with external users stand on: their drivers stay where they are."""

CALLS = (*_SHARED, *containers.QUESTIONS, *iommu_drivers.CALLS, *vfio_drivers.CALLS)


def at_rest(group: Term) -> Term:
    """Nothing that could change the group's ownership is half done."""
    return both(
        no(in_flight(group)),
        every(FILE, lambda f: implies(files.file_group[f] == group, both(no(in_flight(f)), no(busy(f))))),
        every(DEVICE, lambda d: implies(groups.group_of[d] == group, no(busy(d)))),
        every(USER, lambda u: implies(busy(u), no(_concerns(u, group)))),
    )


def _concerns(user: Term, group: Term) -> Term:
    return either(groups.reference[user] == group, groups.counted[user] == group)


def idle(user: Term) -> Term:
    """The user owes nothing: no process, no reference, no file, no use, no call."""
    empty = both(is_none(files.owner[user]), is_none(groups.reference[user]), is_none(groups.counted[user]))
    return both(empty, no(busy(user)), every(FILE, lambda f: no(files.kept[user, f])))


DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.has_fd, lambda p, f: files.fd[p, f]),
    shows(seen.file_kind, lambda f: files.kind[f]),
    shows(seen.file_container, lambda f: files.file_container[f]),
    shows(seen.file_group, lambda f: files.file_group[f]),
    shows(seen.file_device, lambda f: files.file_device[f]),
    shows(seen.release_pending, lambda f: either(files.releasable(f), busy(f))),
    shows(seen.file_counts, lambda f: containers.counts[f]),
    shows(seen.group_exists, groups.exists),
    shows(seen.group_opened, lambda g: groups.opened[g]),
    shows(seen.group_viable, groups.viable),
    shows(seen.group_no_iommu, lambda g: groups.no_iommu[g]),
    shows(seen.group_at_rest, at_rest),
    shows(seen.group_placed, lambda g: groups.placed[g]),
    shows(seen.container_of, lambda g: groups.container[g]),
    shows(seen.container_users, lambda g: groups.users[g]),
    shows(seen.table_reached, lambda g: groups.attached[g]),
    shows(seen.container_lists, lambda c, g: containers.linked[c, g]),
    shows(seen.container_table, lambda c: containers.table[c]),
    shows(seen.container_references, lambda c: containers.references[c]),
    shows(seen.container_no_iommu, lambda c: both(containers.holds_no_iommu[c], no(containers.is_empty(c)))),
    shows(seen.container_driver, lambda c: iommu_drivers.driver_of[c]),
    shows(seen.driver_registered, lambda d: iommu_drivers.is_registered[d]),
    shows(seen.driver_references, lambda d: iommu_drivers.module_references[d]),
    shows(seen.device_group, lambda d: groups.group_of[d]),
    shows(seen.device_driver, lambda d: groups.driver[d]),
    shows(seen.device_registered, lambda d: groups.registered[d]),
    shows(seen.device_leaving, lambda d: groups.leaving[d]),
    shows(seen.device_bridge, lambda d: groups.bridge[d]),
    shows(seen.module_goes, lambda d: modules.module_goes[d]),
    shows(seen.module_references, lambda d: modules.open_references[d]),
    shows(seen.page_mapped, lambda t, p: containers.mapped[t, p]),
    shows(seen.user_counts, lambda u: groups.counted[u]),
    shows(seen.user_idle, idle),
    shows(seen.owner_has_table, lambda g, t: FALSE),  # noqa: ARG005  # no iommufd owns anything here
    shows(seen.group_used_by_host, lambda _: FALSE),  # the host's own mappings are told of SPAPR alone
    shows(seen.harm, lambda: harm.harm.now),
)

INITIALLY = every(DEVICE, lambda d: groups.registered[d] == (groups.driver[d] == "vfio"))
"""Devices may have any driver at the start; those of a VFIO driver are registered."""

CLAIMS = (*container_claims.CLAIMS, file_claims.of_kinds(CALLS))

CONTAINERS_2013 = System(
    name="containers-2013",
    variant="",
    title="VFIO containers and groups, Linux 3.11 to 5.18, as built",
    source="drivers/vfio/vfio.c, 3.11-5.18",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=CLAIMS,
    halted=harm.STOPPED,
    initially=INITIALLY,
)

LOCKED = System(
    name="containers-2013",
    variant="locked",
    title="the same with every call indivisible, by a lock that the code did not have",
    source="drivers/vfio/vfio.c, 3.11-5.18",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=CLAIMS,
    halted=harm.STOPPED,
    initially=INITIALLY,
    indivisible=frozenset(c.name for c in CALLS),
)

SYSTEMS = (CONTAINERS_2013, LOCKED)
