"""The system `kvm-file`: the KVM VFIO device, by which a VM holds the groups that it relies on."""

from dataclasses import replace

from tenure.models import (
    coherency,
    container_claims,
    containers,
    containers_2013,
    containers_2022,
    device_files,
    external_systems,
    external_users,
    file_claims,
    files,
    group_notifier_claims,
    group_notifiers,
    harm,
    iommu_drivers,
    kvm_claims,
    kvm_closing_claims,
    kvm_devices,
    kvm_file_claims,
    kvm_files,
    kvm_get_put,
    modules,
    notifier_steps,
    spapr,
    spapr_files,
    spapr_host,
    vfio_drivers,
    vms,
)
from tenure.models.groups import container, counted, reference
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import FILE, USER
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, in_flight, is_none, no, when


def _sparing_linked_tables(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls, where no new table gets the name of one to which a bus number is linked."""
    made = (c.requiring(spapr.nobody_links(c.parameter("made"))) if c.name == "set_iommu" else c for c in calls)
    return tuple(made)


CONTAINER_CALLS = _sparing_linked_tables(external_systems.CONTAINER_CALLS)

OF_VMS: tuple[Definition, ...] = (
    shows(seen.file_vm, lambda f: vms.file_vm[f]),
    shows(seen.vm_references, lambda v: vms.vm_references[v]),
    shows(seen.vm_exists, lambda v: vms.vm_exists[v]),
    shows(seen.vm_device, lambda v: vms.has_device[v]),
    shows(seen.entry_vm, lambda u: vms.listed[u]),
    shows(seen.device_enforced_coherent, lambda d: coherency.enforced[d]),
    shows(seen.vm_noncoherent, lambda v: coherency.noncoherent[v]),
    shows(seen.vm_noncoherent_dma, lambda v: coherency.noncoherent_dma[v]),
)
"""What a VM shows of itself and of its KVM VFIO device."""

OWN: tuple[Definition, ...] = (
    *OF_VMS,
    shows(seen.file_at_rest, lambda f: both(no(in_flight(f)), no(busy(f)))),
    shows(seen.group_kvm, lambda g: vms.group_kvm[g]),
    shows(seen.file_kvm, lambda _: seen.file_kvm.nothing),  # no device file is opened by itself
    shows(seen.entry_cdev, lambda _: seen.entry_cdev.nothing),
)
"""The same where files of groups are told, and no others."""


def asked(is_coherent: coherency.Entry) -> Definition:
    """What an entry stands for says that it is not coherent, as this generation asks."""
    return shows(seen.entry_noncoherent, lambda u: both(no(is_none(vms.listed[u])), no(is_coherent(u))))


ASKED_TODAY = asked(lambda u: coherency.file_is_coherent(kvm_files.entry_file[u]))


def _container_is_coherent(user: Term) -> Term:
    """A group that lost its container is not asked."""
    one = container[reference[user]]
    return either(is_none(one), coherency.container_is_coherent(one))


def _rests(group: Term, before: Term) -> Term:
    """No entry of the group is half made or half gone either, and no call works on a list."""
    entries = every(USER, lambda u: implies(in_flight(u), no(_concerns(u, group))))
    return both(before, entries, every(FILE, lambda f: no(both(in_flight(f), files.kind[f] == "kvm_vfio"))))


def _concerns(entry: Term, group: Term) -> Term:
    return either(counted[entry] == group, reference[entry] == group)


def _idle(user: Term, before: Term) -> Term:
    """It is in no list, and no call works on it, besides."""
    return both(before, is_none(vms.listed[user]), no(in_flight(user)))


def _more(definitions: tuple[Definition, ...]) -> tuple[Definition, ...]:
    """The views of containers, in which entries of a list are external users."""
    known = {d.observable.name: d for d in definitions}
    rest, idle = known[seen.group_at_rest.name], known[seen.user_idle.name]
    (group,), (user,) = rest.variables, idle.variables
    changed = {
        seen.group_at_rest.name: Definition(rest.observable, rest.variables, _rests(group, rest.body)),
        seen.user_idle.name: Definition(idle.observable, idle.variables, _idle(user, idle.body)),
    }
    return tuple(changed.get(name, one) for name, one in known.items() if name != seen.user_process.name)


TOLD_OTHERWISE = (seen.user_table, seen.group_used_by_host)
"""What external users see where there is no SPAPR."""

GET_PUT = System(
    name="kvm-file",
    variant="get-put",
    title="groups, held by get and put until the VM is destroyed, 3.13 to 5.18",
    source="virt/kvm/vfio.c, 3.13-5.18; drivers/vfio/vfio.c",
    calls=(
        *spapr_host.beside_host(vms.for_processes(CONTAINER_CALLS)),
        *kvm_get_put.CALLS,
        *spapr.CALLS,
        *spapr_host.CALLS,
    ),
    definitions=(
        *(d for d in _more(external_systems.DEFINITIONS) if all(d.observable is not one for one in TOLD_OTHERWISE)),
        *OWN,
        shows(seen.device_kvm, lambda _: seen.device_kvm.nothing),  # from 5.19 on, open devices refer to VMs themselves
        shows(seen.user_table, lambda u: spapr.linked_table[u]),  # what get was shown KVM does not map into
        shows(seen.entry_table, lambda u: spapr.linked_table[u]),
        shows(seen.group_used_by_host, spapr_host.is_used_by_host),
        shows(seen.entry_group, lambda u: when(is_none(vms.listed[u]), reference.nothing, reference[u])),
        asked(_container_is_coherent),
    ),
    claims=(
        *container_claims.CLAIMS,
        *kvm_claims.GET_PUT,
        spapr_host.what_the_host_maps_into_is_not_vfios,
        *kvm_closing_claims.LEMMAS_GET_PUT,
        file_claims.of_kinds(kvm_get_put.CALLS + CONTAINER_CALLS),
    ),
    halted=harm.STOPPED,
    initially=containers_2013.INITIALLY,
)

_SINCE_4_12 = frozenset(c.name for c in spapr.CALLS)
_BY_GET = {c.name: c for c in kvm_get_put.CALLS_BY_GET}

DEL_BY_GET = replace(
    GET_PUT,
    variant="del-by-get",
    title="the same as `get-put`, but DEL gets the group before it looks for it in the list, 4.10 and 4.11",
    source="virt/kvm/vfio.c, 4.10-4.11; drivers/vfio/vfio.c",
    calls=tuple(_BY_GET.get(c.name, c) for c in GET_PUT.calls if c.name not in _SINCE_4_12),
    claims=kvm_claims.with_del_by_get(GET_PUT.claims),
)

GET_PUT_NOTIFIERS = replace(
    GET_PUT,
    variant="get-put-notifiers",
    title="the same with notifiers that drivers of devices register for their group, 4.10 to 5.18",
    source="virt/kvm/vfio.c, 4.10-5.18; drivers/vfio/vfio.c",
    calls=(*group_notifiers.telling(notifier_steps.apart(GET_PUT.calls)), *group_notifiers.CALLS),
    definitions=(
        *GET_PUT.definitions,
        shows(seen.notifier_lives, lambda u: no(is_none(notifier_steps.registers_for[u]))),
        shows(seen.notifier_group, lambda u: group_notifiers.listens_to[u]),
        shows(seen.notifier_vm, lambda u: group_notifiers.told_of[u]),
    ),
    claims=(*GET_PUT.claims, *group_notifier_claims.CLAIMS),
)


def group_of_entry(user: Term) -> Term:
    """The group behind the entry's file; none where that is a device's, or has lost its group."""
    file = kvm_files.entry_file[user]
    return when(files.kind[file] == "group", files.file_group[file], files.file_group.nothing)


LISTS: tuple[Definition, ...] = (
    *(d for d in _more(containers_2022.DEFINITIONS) if d.observable is not seen.user_idle),
    *OWN,
    shows(seen.user_idle, lambda u: both(containers_2013.idle(u), is_none(vms.listed[u]))),
    shows(seen.user_keeps, lambda u, f: files.kept[u, f]),
    shows(seen.entry_group, group_of_entry),
    shows(seen.entry_table, lambda u: spapr.linked_table[u]),
    shows(seen.user_registered, group_of_entry),
    shows(seen.user_group, lambda u: external_users.seen_group[u]),
    shows(seen.user_container, lambda u: external_users.seen_container[u]),
    shows(seen.user_table, lambda u: spapr.linked_table[u]),
    shows(seen.device_kvm, lambda d: kvm_devices.device_kvm[d]),
)


def _with_lists(containers_calls: tuple[Call, ...], changed: tuple[Call, ...]) -> tuple[Call, ...]:
    """The calls of containers, those changed where open devices know of VMs; their drivers stay where they are."""
    by_name = {c.name: c for c in changed}
    containers_calls = _sparing_linked_tables(vms.for_processes(containers_calls))
    of_drivers = {c.name for c in (*containers.QUESTIONS, *iommu_drivers.CALLS, *vfio_drivers.CALLS)}
    return modules.where_none_goes(tuple(by_name.get(c.name, c) for c in containers_calls if c.name not in of_drivers))


def _of_files(  # what differs between versions
    variant: str,
    title: str,
    source: str,
    calls: tuple[Call, ...],
    told: tuple[Definition, ...],
    claims: tuple[Claim, ...],
) -> System:
    return System(
        name="kvm-file",
        variant=variant,
        title=title,
        source=source,
        calls=calls,
        definitions=(*LISTS, *told),
        claims=(*claims, file_claims.of_kinds(calls)),
        halted=harm.STOPPED,
        initially=containers_2022.INITIALLY,
    )


TODAY = _of_files(
    "",
    "files of groups and devices, kept as long as the KVM VFIO device has an fd; an open device counts for its VM",
    "virt/kvm/vfio.c, 6.6-7.2; drivers/vfio/group.c and vfio_main.c, 7.2",
    (
        *_with_lists(containers_2022.CALLS, kvm_devices.CALLS),
        *spapr_files.with_links(kvm_files.CALLS, spapr_files.set_spapr_tce),
    ),
    (shows(seen.device_counts, lambda d: device_files.counted_in[d]), ASKED_TODAY),
    (*kvm_file_claims.CLAIMS, *kvm_closing_claims.LEMMAS),
)

GROUP_ONLY = _of_files(
    "group-only",
    "files of groups alone, kept until the VM is destroyed, and told of it under the group's lock, 5.19 to 6.1",
    "virt/kvm/vfio.c, 5.19-6.1; drivers/vfio/vfio_main.c, 6.1",
    (
        *_with_lists(containers_2022.CONTAINERS_6_1.calls, kvm_devices.CALLS_6_1),
        *spapr_files.with_links(kvm_files.CALLS_6_1, spapr_files.group_set_spapr_tce.named("set_spapr_tce")),
    ),
    (
        shows(seen.file_counts, lambda f: containers.counts[f]),
        asked(lambda u: coherency.group_is_coherent_6_1(kvm_files.entry_file[u])),
    ),
    (*kvm_file_claims.CLAIMS_6_1, *kvm_closing_claims.LEMMAS_6_1),
)

SYSTEMS = (TODAY, GROUP_ONLY, GET_PUT, GET_PUT_NOTIFIERS, DEL_BY_GET)
