"""Each property has a mutant: one broken call, after which a search finds a run that breaks the property.

A proof that no mutant can break proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS, groups
from tenure.models.containers import references
from tenure.models.files import file_container, kept
from tenure.models.kvm_files import entry_file
from tenure.models.vms import file_vm, vm_references
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore, transitions_of
from tenure.search.scopes import HOST, OF_IOMMU, has_vms, scope, sleepers
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Case, Next, Step, refuse, without_case
from tenure.vocabulary.effects import each
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.objects import DEVICE, FILE, USER
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Granularity, System, shows
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, either, every, implies, variable

GET_PUT = "external-get-put"
V1 = "external-v1"
VALIDATE = "external-validate"
OWNED = "containers-2022"
KVM = "kvm-file"
KVM_GET_PUT = "kvm-file:get-put"
DEL_BY_GET = "kvm-file:del-by-get"
GROUP_ONLY = "kvm-file:group-only"
NOTIFY = "external-notify"

ALONE = "containers-2013"
EARLIEST = "containers-2012"
OWNED_6_1 = "containers-2022:6.1"

OLD = (GET_PUT, V1, VALIDATE, KVM_GET_PUT, NOTIFY, ALONE)
"""Where the containers are those of 2013."""

SCANNED = (*OLD, EARLIEST)
"""Where a scan looks at drivers: those, and the containers of 3.6."""

CLAIMED = (OWNED, KVM, OWNED_6_1, GROUP_ONLY)
"""Where a group is claimed by its owner."""

ALL = (*SCANNED, *CLAIMED)

NO_LISTS = (GET_PUT, V1, VALIDATE, OWNED, ALONE, EARLIEST, OWNED_6_1)
"""Where no user waits for a handler, and none is an entry of a VM's list."""

RELEASED = variable("file", FILE)
"""The file that a release releases, as its steps read it."""

Fault = Callable[[System], System]
"""What breaks one call of a system."""


def on_step(name: str, change: Callable[[Step], Step]) -> Fault:
    """One step is made otherwise."""

    def fault(system: System) -> System:
        call_name, _, step_name = name.partition(".")
        old = next(s for s in system.call(call_name).steps if s.name == step_name)
        new = change(old)
        assert new is not old
        calls = (
            replace(c, steps=tuple(new if s is old else s for s in c.steps)) if c.name == call_name else c
            for c in system.calls
        )
        return replace(system, calls=tuple(calls))

    return fault


def unguarded(step: str, number: int) -> Fault:
    """The step lost this case: it no longer refuses."""

    def fault(system: System) -> System:
        call_name, _, step_name = step.partition(".")
        assert len(next(s for s in system.call(call_name).steps if s.name == step_name).cases) > number + 1
        return replace(system, calls=without_case(system.calls, {step: number}))

    return fault


def sleeping(step: str, until: Term = FALSE) -> Fault:
    """The step sleeps until something that nobody brings about."""
    return on_step(
        step,
        lambda old: replace(old, waits=True, cases=tuple(replace(c, when=both(c.when, until)) for c in old.cases)),
    )


def keeping_what_is_released(step: str) -> Fault:
    """Whoever releases a file in this step gives every external user a reference to it."""
    given = each(USER, lambda u: kept[u, RELEASED].becomes(value=True))
    return on_case(step, 0, lambda old: replace(old, effects=(*old.effects, given)))


def forgetful(step: str, field: str) -> Fault:
    """The step no longer changes this field."""

    def forget(one: Case) -> Case:
        return replace(one, effects=tuple(e for e in one.effects if e.field is None or e.field.name != field))

    def change(old: Step) -> Step:
        new = replace(old, cases=tuple(forget(c) for c in old.cases))
        assert sum(len(c.effects) for c in new.cases) < sum(len(c.effects) for c in old.cases)
        return new

    return on_step(step, change)


def on_case(step: str, number: int, change: Callable[[Case], Case]) -> Fault:
    """One case of the step is made otherwise."""
    return on_step(
        step, lambda old: replace(old, cases=tuple(change(c) if i == number else c for i, c in enumerate(old.cases)))
    )


def in_passing(step: str) -> Fault:
    """Whoever drops a use detaches the group, whether or not others still use it."""

    def drop(old: Step) -> Step:
        last, _, nobody = old.cases
        return replace(old, cases=(replace(last, when=either(last.when, old.cases[1].when)), nobody))

    return on_step(step, drop)


def without_detach(step: str, on: str) -> Fault:
    """Whoever drops the last use goes on without detaching the group."""
    return on_case(step, 0, lambda old: replace(old, follow=Next(on)))


def refusing(step: str) -> Fault:
    """The step refuses, whatever there is."""
    return on_step(step, lambda old: replace(old, cases=(refuse(TRUE, "EINVAL", "the fault that is planted"),)))


def forgetting_users(step: str) -> Fault:
    """Whoever takes this step makes every external user forget that it counts."""
    forgotten = each(USER, lambda u: groups.counted[u].becomes(None))
    return on_case(step, 0, lambda old: replace(old, effects=(*old.effects, forgotten)))


def forgetting_entries(step: str) -> Fault:
    """Whoever takes this step makes every entry of a list forget its file."""
    forgotten = each(USER, lambda u: entry_file[u].becomes(None))
    return on_step(
        step,
        lambda old: replace(old, cases=tuple(replace(c, effects=(*c.effects, forgotten)) for c in old.cases)),
    )


def for_every_case(step: str) -> Fault:
    """The step does what its first case says, whether or not that one's condition holds."""
    return on_step(step, lambda old: replace(old, cases=(replace(old.cases[0], when=TRUE),)))


def blind_to_leaving(system: System) -> System:
    """A device on the unbound list spoils the viability of its group."""

    def acceptable(device: Term) -> Term:
        harmless = choice_is(groups.driver[device], "none", "stub")
        return either(harmless, groups.registered[device], groups.bridge[device])

    def viable(group: Term) -> Term:
        return every(DEVICE, lambda d: implies(groups.group_of[d] == group, acceptable(d)))

    scan = shows(seen.group_viable, viable)
    definitions = (scan if d.observable is seen.group_viable else d for d in system.definitions)
    return replace(system, definitions=tuple(definitions))


@dataclass(frozen=True)
class Mutant:
    """A property, and the fault that breaks it in these systems."""

    property: str
    fault: Fault
    systems: tuple[str, ...] = OLD
    mixed: bool = False
    """It needs a group without IOMMU beside one with."""
    vms: bool = True
    """It shows sooner with a VM, where there are VMs."""


MUTANTS = (
    Mutant("ISO", forgetful("unset_container.detach", "attached"), SCANNED),
    Mutant("USE", in_passing("release_group.dissolve"), (GET_PUT, KVM_GET_PUT)),
    Mutant("USE", forgetful("validate_and_use.validate", "container users"), (VALIDATE,)),
    Mutant("USE", forgetful("unset_container.call_back", "called back"), (NOTIFY,)),  # nobody is told
    Mutant("STABLE", in_passing("release_device.dissolve"), (GET_PUT, VALIDATE)),
    Mutant("STABLE", forgetful("release_group.call_back", "called back"), (NOTIFY,)),
    Mutant("STABLE", in_passing("release_group.dissolve"), (KVM_GET_PUT,)),
    Mutant("FREE", unguarded("release_group.dissolve", 0), SCANNED),
    Mutant("FREE-3", sleeping("release_container.put", references[file_container[RELEASED]] == 0), NO_LISTS),  # its own
    Mutant("FREE-3", forgetful("use.touch", "inside"), (NOTIFY,)),  # the callback waits for who never leaves
    Mutant(
        "FREE-3",
        sleeping("release_kvm_vfio.put", vm_references[file_vm[RELEASED]] == 0),
        (KVM, KVM_GET_PUT, GROUP_ONLY),
    ),
    Mutant("FREE-4", forgetful("release_container.put", "kind"), ALL),  # it is released for ever
    Mutant(
        "FREE-5", forgetful("get_external_user.reference", "reference"), (GET_PUT,)
    ),  # nobody knows what it counts in
    Mutant("FREE-5", sleeping("release_user.dissolve"), (V1, VALIDATE)),
    Mutant("FREE-5", sleeping("release_user.unlist"), (NOTIFY,)),
    Mutant("FREE-6", forgetful("release_user.put", "reference"), (GET_PUT,)),
    Mutant("FREE-6", forgetful("release_user.put", "passed"), (V1,)),
    Mutant("FREE-6", forgetful("release_user.dissolve", "counted"), (VALIDATE,)),
    Mutant("FREE-6", forgetful("release_user.unlist", "ticket"), (NOTIFY,)),
    Mutant("FREE-6", keeping_what_is_released("release_container.put"), (KVM, KVM_GET_PUT, GROUP_ONLY)),
    Mutant("FREE-7", forgetful("create_kvm_vfio.create", "vm references"), (KVM,)),  # it goes before its list
    Mutant("FREE-7", sleeping("destroy_entry.remove"), (KVM_GET_PUT, GROUP_ONLY)),
    Mutant("FREE-8", forgetful("release_entry.remove", "listed"), (KVM,)),  # the loop leaves in the list what it took
    Mutant("FREE-8", forgetful("destroy_entry.remove", "listed"), (KVM_GET_PUT, GROUP_ONLY)),
    Mutant("PROMPT", forgetful("release_device.dissolve", "container users"), (NOTIFY,)),
    Mutant("PROMPT-2", without_detach("release_group.dissolve", "put"), (NOTIFY,)),
    Mutant("KEEP-2", refusing("put_external_user.dissolve"), (GET_PUT,)),
    Mutant("KEEP-2", refusing("del_external_user.dissolve"), (V1,)),
    Mutant("KEEP-2", refusing("release.dissolve"), (VALIDATE,)),
    Mutant("KEEP-2", refusing("unregister.unlist"), (NOTIFY,)),
    Mutant("KEEP-3", refusing("file_del.remove"), (KVM_GET_PUT, KVM, GROUP_ONLY)),
    Mutant(
        "KEEP-3", unguarded("bind_driver.bound", 0), (DEL_BY_GET,)
    ),  # the machine goes on with a driver that spoils a group
    Mutant("KEEP", forgetting_users("release_group.put"), (GET_PUT, KVM_GET_PUT)),
    Mutant("KEEP", forgetting_users("release_device.put"), (V1, VALIDATE)),
    Mutant("KEEP", forgetting_entries("unset_container.leave"), (KVM, GROUP_ONLY)),
    Mutant("PROMPT", forgetful("release_device.unassign", "container users"), (GROUP_ONLY,)),
    Mutant("CON-1", forgetful("unset_container.detach", "container"), SCANNED),
    Mutant("CON-2", forgetful("get_device_fd.count", "container users")),
    Mutant("CON-3", forgetful("release_group.detach", "table"), SCANNED),
    Mutant("CON-4", unguarded("set_container.attach", 0), mixed=True, vms=False),
    Mutant("CON-5", forgetful("set_container.attach", "container references"), SCANNED),
    Mutant("CON-7", forgetful("set_iommu.set", "module references"), ALL),
    Mutant("GRP-1", unguarded("open_group.claim", 1)),
    Mutant("VIA-2", unguarded("get_device_fd.check_viable", 0), vms=False),
    Mutant("VIA-3", blind_to_leaving),
    Mutant("EXT-1", unguarded("set_container.check", 1), (GET_PUT, VALIDATE)),
    Mutant("EXT-1", in_passing("release_group.dissolve"), (KVM_GET_PUT,)),
    Mutant("EXT-1", forgetful("release_device.call_back", "called back"), (NOTIFY,)),
    Mutant("EXT-2", forgetful("get_external_user.count", "container users"), (GET_PUT,)),
    Mutant("EXT-2", forgetful("add_external_user.add", "container users"), (V1,)),
    Mutant("EXT-2", forgetful("validate_and_use.validate", "container users"), (VALIDATE,)),
    Mutant("EXT-2", forgetful("file_add.count", "container users"), (KVM_GET_PUT,)),
    Mutant("EXT-2", forgetful("get_device_fd.count", "container users"), (NOTIFY, ALONE)),
    Mutant("EXT-3", without_detach("put_external_user.dissolve", "put"), (GET_PUT,)),
    Mutant("EXT-3", without_detach("release_group.dissolve", "reopen"), (V1, VALIDATE, KVM_GET_PUT, ALONE)),
    Mutant("EXT-3", without_detach("release_group.dissolve", "put"), (NOTIFY, EARLIEST)),
    Mutant("EXT-4", forgetful("file_del.remove", "group kvm"), (KVM_GET_PUT, KVM, GROUP_ONLY)),
    Mutant("EXT-5", forgetful("create_kvm_vfio.create", "vm references"), (KVM_GET_PUT,)),
    Mutant("EXT-5", forgetful("release_device.close", "vm references"), (KVM, GROUP_ONLY)),
    Mutant("EXT-6", forgetful("release_kvm_vfio.put", "vm references"), (KVM_GET_PUT, KVM, GROUP_ONLY)),
    Mutant("EXT-7", unguarded("file_add.list", 0), (KVM_GET_PUT, KVM, GROUP_ONLY)),
    Mutant("EXT-8", forgetful("add_external_user.add", "container users"), (V1,)),
    Mutant("EXT-9", forgetful("file_add.list", "noncoherent dma count"), (KVM,)),
    Mutant("EXT-9", forgetful("file_add.update", "noncoherent dma count"), (KVM_GET_PUT, GROUP_ONLY)),
    Mutant("HARM-1", unguarded("get_device_fd.check_users", 0), SCANNED),
    Mutant("HARM-2", unguarded("unset_container.check", 1), (GET_PUT, VALIDATE)),
    Mutant("HARM-2", forgetful("file_del.remove", "linked table"), (KVM_GET_PUT,)),  # the guest goes on mapping
    Mutant("HARM-2", forgetful("unset_container.call_back", "called back"), (NOTIFY,)),
    Mutant("HARM-2", unguarded("unregister_iommu_driver.unregister", 0), (ALONE, EARLIEST)),
    Mutant("HARM-3", forgetful("unset_container.detach", "linked"), SCANNED),
    Mutant("ISO", forgetful("unset_container.leave", "attached"), CLAIMED, vms=False),
    Mutant("FREE", unguarded("release_group.release", 2), CLAIMED, vms=False),
    Mutant("CON-1", forgetful("unset_container.leave", "container"), CLAIMED, vms=False),
    Mutant("CON-3", forgetful("release_group.release", "table"), CLAIMED, vms=False),
    Mutant("CON-4", unguarded("set_container.attach", 4), CLAIMED, mixed=True, vms=False),
    Mutant("CON-5", forgetful("set_container.attach", "container references"), CLAIMED, vms=False),
    Mutant("CON-6", forgetful("get_device_fd.open", "container users"), (OWNED, KVM), vms=False),
    Mutant("CON-2", forgetful("get_device_fd.assign", "container users"), (OWNED_6_1, GROUP_ONLY), vms=False),
    Mutant("EXT-2", forgetful("get_device_fd.assign", "container users"), (OWNED_6_1, GROUP_ONLY), vms=False),
    Mutant("GRP-1", unguarded("open_group.open", 2), CLAIMED, vms=False),  # a group is opened twice
    Mutant(
        "GRP-2", forgetful("get_device_fd.open", "gets"), (OWNED, KVM), vms=False
    ),  # the group closes beside an open device
    Mutant("GRP-2", forgetful("get_device_fd.assign", "gets"), (OWNED_6_1, GROUP_ONLY), vms=False),
    Mutant("OWN-1", forgetful("unbind_driver.cleanup", "owner count"), CLAIMED, vms=False),
    Mutant("OWN-2", unguarded("set_container.attach", 5), CLAIMED, vms=False),
    Mutant("OWN-3", unguarded("bind_driver.configure", 0), CLAIMED, vms=False),  # viability is looked at on open alone
    Mutant(
        "OWN-4", forgetful("set_container.attach", "blocking"), CLAIMED, vms=False
    ),  # a claim leaves the old domain attached
    Mutant("OWN-5", forgetful("unset_container.leave", "dma owner"), CLAIMED, vms=False),
    Mutant("EXT-3", forgetful("unset_container.leave", "linked"), CLAIMED, vms=False),
    Mutant("HARM-1", unguarded("get_device_fd.open", 0), (OWNED, KVM), vms=False),
    Mutant("HARM-1", unguarded("get_device_fd.assign", 0), (OWNED_6_1, GROUP_ONLY), vms=False),
    Mutant(
        "HARM-2", for_every_case("unbind_driver.remove_group"), (OWNED, KVM, OWNED_6_1), vms=False
    ),  # the IOMMU group goes before its user
    Mutant("HARM-3", forgetful("unset_container.leave", "linked"), CLAIMED, vms=False),
)

PLANTED = [(m, system) for m in MUTANTS for system in m.systems]

LIMIT = 60_000
"""States after which a search for a mutant's run is given up."""


def system_named(system_id: str) -> System:
    """The system of this name, unbroken."""
    (found,) = (s for s in SYSTEMS if s.id == system_id)
    return found


def where(mutant: Mutant, system: System) -> Scope:
    """A small scope in which the fault can show."""
    sizes = {
        "process": 1,
        "thread": sleepers(system),
        "file": 3,
        "group": 1,
        "container": 2,
        "device": 2,
        "table": 1,
        "page": 1,
        "user": 1,
        "vm": 0,
    }
    if has_vms(system) and mutant.vms:
        sizes |= {
            "file": 4 + (mutant.property == "EXT-5"),
            "container": 1,
            "device": 1,
            "user": 1 + (mutant.property == "EXT-7"),
            "vm": 1,
        }
    if mutant.mixed:
        return scope({**sizes, "group": 2, "container": 1, "page": 0}, no_iommu=(False, True), vfio_devices=2)
    if mutant.property == "EXT-9":
        return scope(sizes, coherent=(False,))
    return scope(sizes)


def broken(machine: Machine, mutant: Mutant, limit: int) -> tuple[int | None, int]:
    """The length of a shortest run that breaks the mutant's property, if one was found; and the states that were seen."""
    (stated,) = (p for p in PROPERTIES if p.id == mutant.property)
    found = explore(machine, [sentence(machine.rules, stated)], limit=limit)
    way = found.violations.get(mutant.property)
    return (None if way is None else len(transitions_of(machine, way))), found.states


SOUND: dict[tuple[str, str], Machine] = {}
"""Machines of unbroken systems, by system and scope: many mutants are held beside one of them."""


def unbroken(system: System, scope: Scope) -> Machine:
    """The machine of a system without a fault."""
    known = (system.id, repr(scope))
    if known not in SOUND:
        SOUND[known] = Machine(rules_of(system, Granularity.WHOLE), scope)
    return SOUND[known]


@pytest.mark.parametrize(
    ("mutant", "system"), PLANTED, ids=[f"{mutant.property} in {system}" for mutant, system in PLANTED]
)
def test_a_planted_fault_breaks_its_property(mutant: Mutant, system: str) -> None:
    """With the fault there is a run to where the property is false; without it there is none among as many states."""
    sound = system_named(system)

    place = where(mutant, sound)

    faulty = Machine(rules_of(mutant.fault(sound), Granularity.WHOLE), place)
    length, states = broken(faulty, mutant, LIMIT)

    assert length is not None
    assert broken(unbroken(sound, place), mutant, states)[0] is None


CARELESS = {
    "a module in use is removed": unguarded("unregister_iommu_driver.unregister", 0),
    "SET_IOMMU takes no reference": forgetful("set_iommu.set", "module references"),
    "who leaves last gives back a reference that others need": forgetful("unset_container.leave", "iommu driver"),
}
"""What breaks the module reference by which a container keeps its IOMMU driver."""


@pytest.mark.parametrize("fault", CARELESS.values(), ids=list(CARELESS))
@pytest.mark.parametrize("granularity", Granularity, ids=lambda g: g.value)
def test_without_its_module_reference_a_driver_is_called_after_it_is_gone(
    fault: Fault, granularity: Granularity
) -> None:
    """HARM-2 falls where the driver is removed under a container; with the reference no run of the scope breaks it."""
    (harm,) = (p for p in PROPERTIES if p.id == "HARM-2")
    sizes = {"process": 1, "thread": 1, "file": 2, "group": 1, "container": 1, "device": 1, "table": 1}
    sound = system_named(OWNED)

    def falls(system: System) -> bool:
        rules = rules_of(system, granularity)
        return "HARM-2" in explore(Machine(rules, scope(sizes)), [sentence(rules, harm)]).violations

    assert falls(fault(sound))
    assert not falls(sound)


TAKES = {
    "the host maps into a table that is marked": unguarded("host_map.allocate", 0),
    "SET_IOMMU takes a table from the host": unguarded("set_iommu.set", 4),
    "SET_CONTAINER takes a table from the host": unguarded("set_container.attach", 3),
}
"""What lets the host and VFIO have one table."""


@pytest.mark.parametrize("fault", TAKES.values(), ids=list(TAKES))
@pytest.mark.parametrize("granularity", Granularity, ids=lambda g: g.value)
def test_without_its_mark_a_table_is_vfios_and_the_hosts(fault: Fault, granularity: Granularity) -> None:
    """ISO falls where a driver of the host maps into what VFIO has; with the mark no run of the scope breaks it."""
    (alone,) = (p for p in PROPERTIES if p.id == "ISO")
    sizes = {"process": 1, "thread": 1, "file": 3, "group": 2, "container": 1, "device": 3, "table": 1}
    sound = system_named(KVM_GET_PUT)
    few = frozenset({"open_group", "open_container", "set_container", "set_iommu", "bind_driver"}) | HOST
    sound = replace(sound, calls=tuple(c for c in sound.calls if c.name in few))

    def falls(system: System) -> bool:
        rules = rules_of(system, granularity)
        return "ISO" in explore(Machine(rules, scope(sizes, vfio_devices=2)), [sentence(rules, alone)]).violations

    assert falls(fault(sound))
    assert not falls(sound)


@pytest.mark.parametrize(
    "fault",
    [forgetful("set_spapr_tce.count", "container users"), in_passing("set_spapr_tce.dissolve")],
    ids=["it takes nothing", "it gives back all"],
)
def test_what_set_spapr_tce_takes_it_gives_back(fault: Fault) -> None:
    """EXT-2 falls where it gives back what it did not take, or more; by itself it takes nothing from anybody."""
    (stolen,) = (p for p in PROPERTIES if p.id == "EXT-2")
    sizes = {"process": 1, "thread": 1, "file": 4, "group": 1, "container": 1, "device": 1, "table": 1, "vm": 1}
    few = {
        "open_group",
        "open_container",
        "set_container",
        "set_iommu",
        "create_vm",
        "create_kvm_vfio",
        "set_spapr_tce",
    }
    sound = system_named(KVM_GET_PUT)
    sound = replace(sound, calls=tuple(c for c in sound.calls if c.name in few))

    def falls(system: System) -> bool:
        rules = rules_of(system, Granularity.WHOLE)
        return "EXT-2" in explore(Machine(rules, scope(sizes)), [sentence(rules, stolen)]).violations

    assert falls(fault(sound))
    assert not falls(sound)


OPENS = {
    "containers-2012": ("get_device_fd.open", "release_device.dissolve"),
    "containers-2013": ("get_device_fd.open", "release_device.dissolve"),
    "containers-2022": ("get_device_fd.open", "release_device.close"),
    "containers-2022:6.1": ("get_device_fd.assign", "release_device.close"),
}
"""The steps by which an open device has the module of its VFIO driver, and has it no longer."""


@pytest.mark.parametrize("granularity", Granularity, ids=lambda g: g.value)
@pytest.mark.parametrize("system", OPENS)
def test_the_module_of_a_vfio_driver_stays_while_a_device_is_open_and_no_longer(
    system: str, granularity: Granularity
) -> None:
    """CON-7 falls where no reference is taken, where none is given back, and where nobody asks for one; else it holds."""
    (kept,) = (p for p in PROPERTIES if p.id == "CON-7")
    sizes = {"process": 1, "thread": 1, "file": 3, "group": 1, "container": 1, "device": 1, "table": 1}
    sound = replace(system_named(system), calls=tuple(c for c in system_named(system).calls if c.name not in OF_IOMMU))
    opens, closes = OPENS[system]

    def falls(one: System) -> bool:
        rules = rules_of(one, granularity)
        found = explore(Machine(rules, scope(sizes)), [sentence(rules, kept)], limit=LIMIT)
        return "CON-7" in found.violations

    assert falls(forgetful(opens, "open references")(sound))
    assert falls(forgetful(closes, "open references")(sound))
    assert falls(unguarded("unregister_vfio_driver.unregister", 0)(sound))
    assert not falls(sound)


def test_every_property_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it, in each system in which it holds."""
    held = {
        (property_, named)
        for (name, variant, granularity, property_), (verdict, _) in recorded().items()
        if (named := f"{name}:{variant}" if variant else name) in ALL
        and (granularity, verdict) == ("whole", "proved")
        and property_ != "CASES"
    }

    assert {(mutant.property, system) for mutant, system in PLANTED if system in ALL} == held
