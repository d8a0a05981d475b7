"""The system `kvm-file`: the KVM VFIO device, by which a VM holds the groups that it relies on."""

from tenure.models import (
    container_claims,
    containers_2013,
    external_systems,
    files,
    harm,
    kvm_claims,
    kvm_get_put,
    spapr,
    vms,
)
from tenure.models.groups import counted, reference
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE, USER
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, in_flight, is_none, no, when

CONTAINER_CALLS = tuple(
    c.requiring(spapr.nobody_links(c.parameter("made"))) if c.name == "set_iommu" else c
    for c in external_systems.CONTAINER_CALLS
)

OWN: tuple[Definition, ...] = (
    shows(seen.file_vm, lambda f: vms.file_vm[f]),
    shows(seen.file_at_rest, lambda f: both(no(in_flight(f)), no(busy(f)))),
    shows(seen.vm_references, lambda v: vms.vm_references[v]),
    shows(seen.vm_exists, lambda v: vms.vm_exists[v]),
    shows(seen.vm_device, lambda v: vms.has_device[v]),
    shows(seen.entry_vm, lambda u: vms.listed[u]),
    shows(seen.group_kvm, lambda g: vms.group_kvm[g]),
)
"""What a VM shows of itself and of its KVM VFIO device."""


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


GET_PUT = System(
    name="kvm-file",
    variant="get-put",
    title="groups, held by get and put until the VM is destroyed, 3.13 to 5.18",
    source="virt/kvm/vfio.c, 3.13-5.18; drivers/vfio/vfio.c",
    calls=(*CONTAINER_CALLS, *kvm_get_put.CALLS, *spapr.CALLS),
    definitions=(
        *_more(external_systems.DEFINITIONS),
        *OWN,
        shows(seen.device_kvm, lambda _: seen.device_kvm.nothing),  # from 5.19 on, open devices refer to VMs themselves
        shows(seen.entry_table, lambda u: spapr.linked_table[u]),
        shows(seen.entry_group, lambda u: when(is_none(vms.listed[u]), reference.nothing, reference[u])),
    ),
    claims=(*container_claims.CLAIMS, *kvm_claims.GET_PUT),
    halted=harm.STOPPED,
    initially=containers_2013.INITIALLY,
)

SYSTEMS = (GET_PUT,)
