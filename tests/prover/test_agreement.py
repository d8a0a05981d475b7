"""Python makes exactly the transitions that Z3 allows; and where either reading is wrong, that is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from functools import cache

import pytest

from tenure.models import SYSTEMS
from tenure.prover.agreement import Place, Reading, disagreements, placed, places_before_leaves
from tenure.prover.expressions import Expr
from tenure.prover.logic import Read, SymbolicState
from tenure.prover.paths import Path, paths_of
from tenure.search.both_group_scopes import GROUPS_OF_BOTH
from tenure.search.cdev_group_scopes import CDEVS_AND_GROUPS
from tenure.search.cdev_scopes import CDEVS, cdev_scope
from tenure.search.cdev_vm_scopes import CDEVS_GROUPS_AND_VMS
from tenure.search.explorer import explore
from tenure.search.families import family_of
from tenure.search.interrupt_scopes import INTERRUPTS, interrupt_scope
from tenure.search.ioas_scopes import ACCESSES, COPIES
from tenure.search.iommufd_group_scopes import GROUPS_OF_IOMMUFDS
from tenure.search.metagroup_scopes import METAGROUPS, metagroup_scope
from tenure.search.paged_scopes import RFC2011
from tenure.search.range_scopes import GROUPS, VADDRS, group_scope
from tenure.search.scopes import has_users, has_vms, scope, sleepers
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import (
    Call,
    Refuse,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    new,
    number,
    refuse,
    requires,
    step,
    without_case,
)
from tenure.vocabulary.effects import Assign, each, each_pair, provided
from tenure.vocabulary.emission import Emission
from tenure.vocabulary.machine import Machine, Scope, State
from tenure.vocabulary.rules import Branch, End, Node, Rule, Rules, rules_of
from tenure.vocabulary.symbols import Field, fixed, state
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term, both, either, is_none, no, number_of, when
from tenure.vocabulary.types import COUNT, FLAG, NONE, Choice, Count, Flag, Maybe, Sort, Type

LAMP = Sort("lamp", "l")
ROOM = Sort("room", "r")
ACTOR = Sort("actor", "a")
COLOUR = Choice("colour", ("red", "green"))

lit = state("lit", LAMP, FLAG, meaning="the lamp is on")
hangs_in = state("hangs in", LAMP, ROOM.maybe, meaning="the room in which the lamp hangs")
shade = state("shade", LAMP, COLOUR, meaning="what colour it has")
bill = state("bill", ROOM, COUNT, meaning="how often a lamp was switched")
shines = state("shines", LAMP, ROOM, FLAG, meaning="the lamp was on when the room was darkened last")
wired = fixed("wired", LAMP, ROOM, FLAG, meaning="the lamp can hang in the room")


@call("hang", actor=ACTOR, source="synthetic", lamp=new(LAMP), room=ROOM)
def hang(lamp: Term, room: Term) -> Steps:
    """Hang a lamp, if wires and colour allow; two steps with a local between them."""
    seen = local("seen", COUNT)
    yield requires(is_none(hangs_in[lamp]))
    yield step(
        "look",
        refuse(no(wired[lamp, room]), "EPERM", "no wire"),
        refuse(lit[lamp], "EBUSY", "it is on"),
        go(seen.becomes(bill[room])),
    )
    yield step(
        "act",
        refuse(seen < bill[room], "EAGAIN", "somebody switched", bill[room].becomes(0)),
        done(hangs_in[lamp].becomes(room), bill[room].becomes(bill[room] + 1), number=seen, where=hangs_in[lamp]),
    )


@call("switch", actor=ACTOR, source="synthetic", room=ROOM, colour=number(COLOUR))
def switch(room: Term, colour: Term) -> Steps:
    """Switch on some lamp of the room, whichever, and then some other of the same colour."""
    yield step(
        "one",
        choosing(
            LAMP,
            lambda lamp: both(hangs_in[lamp] == room, no(lit[lamp])),
            lambda lamp: go(lit[lamp].becomes(value=True), shade[lamp].becomes(colour), when=bill[room] > 0),
        ),
        refuse(TRUE, "ENOENT", "none is off"),
    )
    yield step(
        "two",
        choosing(LAMP, lambda lamp: lit[lamp], lambda lamp: done(shade[lamp].becomes("green"), chosen=hangs_in[lamp])),
        done(),
    )


@call("darken", actor=ACTOR, source="synthetic", room=number(ROOM.maybe), everywhere=number(FLAG))
def darken(room: Term, everywhere: Term) -> Steps:
    """Switch off every lamp of a room, or of every room."""
    yield step(
        "off",
        done(
            each(LAMP, lambda lamp: lit[lamp].becomes(value=False), where=lambda lamp: hangs_in[lamp] == room),
            provided(no(is_none(room)), bill[room].becomes(bill[room] + number_of(LAMP, lambda lamp: lit[lamp]))),
            each_pair(
                LAMP,
                ROOM,
                lambda lamp, other: shines[lamp, other].becomes(lit[lamp]),
                lambda lamp, other: both(hangs_in[lamp] == other, either(everywhere, other == room)),
            ),
            each(
                LAMP,
                lambda lamp: hangs_in[lamp].becomes(when(shade[lamp] == "red", hangs_in[lamp], hangs_in.nothing)),
                where=lambda _: everywhere,
            ),
            left=number_of(LAMP, lambda lamp: lit[lamp]),
        ),
    )


HOUSE = System("house", "", "synthetic", "none", (hang, switch, darken), ())
HOUSES = Scope({"lamp": 3, "room": 2, "actor": 1}, {"wired": (True, True, True, False, True, True)})


def cdevs(*, wide: bool, steps: bool, groups: bool, vms: bool = False) -> Scope:
    """Device files; `wide`, one of each kind of device, and where there are groups one without IOMMU."""
    one = 2 if wide else 1
    sizes = {"process": one, "thread": int(steps), "file": 3, "group": one, "device": 4 if wide else 1, "user": one}
    sizes |= {"container": one, "table": 2, "page": 1, "iommu_driver": one} if groups else {"table": one}
    sizes |= {} if groups and not vms else {"vm": 1}
    kinds: dict[str, tuple[bool, ...]] = {"is noiommu": (False, True)[: one if groups else 0]}
    if wide:
        kinds |= {"emulated": (False, False, True, False), "coherent": (True, False, True, True)}
        kinds |= {"isolated": (True, True, True, False), "no iommu": (False, groups)}
    return cdev_scope(sizes, kinds)


def groups_of_both(*, wide: bool, steps: bool) -> Scope:
    """The same with containers and VMs, where every group has an IOMMU."""
    if not wide:
        return cdevs(wide=False, steps=steps, groups=True, vms=True)
    made = groups_of_iommufds(wide=True, steps=steps)
    sizes = {**made.sizes, "container": 1, "iommu_driver": 1, "user": 2, "vm": 1}
    kinds = {name: tuple(map(bool, made.fixed[name])) for name in ("coherent", "isolated", "emulated")}
    return replace(beside := cdev_scope(sizes, kinds), fixed={**beside.fixed, "group of": made.fixed["group of"]})


def groups_of_iommufds(*, wide: bool, steps: bool) -> Scope:
    """Device files, and groups that bind devices; `wide`, one of each kind of device, those that are unfit in a group with an IOMMU."""
    if not wide:
        return cdevs(wide=False, steps=steps, groups=True)
    sizes = {"process": 2, "thread": int(steps), "file": 3, "group": 2, "device": 5, "table": 2, "page": 0}
    unfit = {"coherent": (True, True, True, False, True), "isolated": (True, True, True, True, False)}
    made = cdev_scope(sizes, {**unfit, "emulated": (False, False, True, False, False), "no iommu": (False, True)})
    return replace(made, fixed={**made.fixed, "group of": (0, 1, 0, 0, 0)})


def machine_of(rules: Rules, *, wide: bool = False) -> Machine:
    """A machine of a tiny scope: two of what can be confused; `wide`, two of almost everything."""
    if rules.system is HOUSE:
        return Machine(rules, HOUSES)
    if (family := family_of(rules.system)) is INTERRUPTS:
        sizes = {**family.main, "file": 2 if wide else 1, "device": 2 if wide else 1, "array": 3 if wide else 2}
        return Machine(rules, interrupt_scope(sizes, devices=(0, 1) if wide else (0,), lines=(1, 1) if wide else (1,)))
    if family is METAGROUPS:
        sizes = {**family.main, "thread": 1, "device": 2 if wide else 1, "process": 2 if wide else 1}
        told: tuple[tuple[int, int], ...] = (
            ((0, 1), (0, 0), (1, 2)) if wide else ()
        )  # a hole between two that are there
        return Machine(rules, metagroup_scope(sizes, odd_iommu=wide, regions=told, indexes=told))
    steps = rules.granularity is Granularity.STEPS
    if family is GROUPS_OF_BOTH:
        return Machine(rules, groups_of_both(wide=wide, steps=steps))
    if family is GROUPS_OF_IOMMUFDS:
        return Machine(rules, groups_of_iommufds(wide=wide, steps=steps))
    if family in (CDEVS, CDEVS_AND_GROUPS, CDEVS_GROUPS_AND_VMS):
        of_vms = family is CDEVS_GROUPS_AND_VMS
        return Machine(rules, cdevs(wide=wide, steps=steps, groups=family is not CDEVS, vms=of_vms))
    if family is not None:
        tables = (
            2 if wide and family in (ACCESSES, COPIES) else 1
        )  # to copy from one that is there to one that is not, or move
        sizes = {**family.main, "table": tables, "address": 4 if wide and family is RFC2011 else 3, "mapping": 2}
        if wide and family in (GROUPS, VADDRS):  # a group that leaves nothing valid
            return Machine(rules, group_scope({**sizes, "process": 2}, reserved=(0, 1)))
        return Machine(rules, family.scope({**sizes, "process": 2 if wide and "page" not in sizes else 1}))
    threads = 1 if rules.granularity is Granularity.STEPS else sleepers(rules.system)
    one, vm = (2 if wide else 1), (1 if has_vms(rules.system) else 0)
    user = one if vm else 1 if has_users(rules.system) else 0
    beside = wide and rules.system.defines(seen.dma_owner)  # another device of its group is left when one goes
    sizes = {
        "process": one,
        "thread": threads,
        "file": 2,
        "group": one,
        "container": 2,
        "device": one + beside,
        "table": 2,
        "page": 1,
        "user": user,
        "vm": vm,
    }
    return Machine(rules, scope(sizes, no_iommu=(False, True) if wide else (), vfio_devices=one))


def before_each_leaf(machine: Machine, limit: int, explored: Machine | None = None) -> list[Place]:
    """For every way through a rule that a search of `limit` states finds, by these rules or by more, a reachable state before it.

    The rule is compared there, and no other: each has states of its own.
    """
    found: dict[tuple[int, int], State] = {}
    for one in explore(explored or machine, limit=limit).parents:
        for made in machine.successors(one):
            found.setdefault((made.rule, made.leaf), one)
    return placed((state, rule) for (rule, _), state in found.items())


def random_places(machine: Machine, seed: int, count: int) -> Iterator[Place]:
    """States of any values, most of them unreachable, where every rule is compared; often a default, or hardly any call could be made."""
    chance = random.Random(seed)  # noqa: S311  # a test must repeat itself
    for _ in range(count):
        dull = chance.choice((0.2, 0.5, 0.8))
        state = tuple(
            value
            for one in machine.layout.fields
            for _ in range(machine.layout.size(one))
            for value in [_default(one) if chance.random() < dull else chance.randrange(*_bounds(machine, one.value))]
        )
        yield state, range(len(machine.leaves))


def _default(one: Field) -> int:
    return int(one.initial or 0)


def _bounds(machine: Machine, kind: Type) -> tuple[int, int]:
    match kind:
        case Flag():
            return 0, 2
        case Count():
            return 0, 4
        case Choice():
            return 0, len(kind.values)
        case Sort():
            return 0, machine.scope.sizes[kind.name]
        case Maybe():
            return NONE, machine.scope.sizes[kind.sort.name]


def leaves_from(machine: Machine, places: Iterable[Place]) -> set[str]:
    """The ways through rules that Python takes from these states."""
    return {machine.leaves[n][made.leaf].name for s, numbers in places for n in numbers for made in machine.exact(s, n)}


def every_leaf(machine: Machine) -> set[str]:
    """Every way through every rule."""
    return {leaf.name for several in machine.leaves for leaf in several}


ADDED = "file_add.look_up#2+file_add.count#3+file_add.validate#3+file_add.reference#0+"

LINKED = "set_spapr_tce.look_up#2+set_spapr_tce.count#3+set_spapr_tce.validate#3+set_spapr_tce.link#"
"""The cases of its last step are told in the other order than those of the search."""


def of_notifiers(call: str, looked: int, lists: str, told: dict[int, int]) -> set[str]:
    """The ways of a call about a notifier past its validation, but those by which a case of its list is answered as `told` says."""
    begun = f"{call}.look_up#{looked}+{call}.count#2+{call}.validate#3+{call}.{lists}#"
    puts = range(max(told.values()) + 1)
    left_last = [f"detach#{n}" for n in range(2)] + [f"detach#2+{call}.put#{put}" for put in puts]
    ways = {f"{begun}{n}+{call}.dissolve#0+{call}.{rest}" for n in (1, 2) for rest in left_last}
    others = {(n, put) for n in (1, 2) for put in puts if told.get(n) != put}
    ways |= {f"{begun}{n}+{call}.dissolve#{used}+{call}.put#{put}" for n, put in others for used in (1, 2)}
    return ways | {f"{begun}0"}


def of_group_notifiers(call: str, looked: int, lists: str) -> set[str]:
    """The same of a call about a notifier for a group, whose list is there, but the way by which it is one of several users."""
    begun = f"{call}.look_up#{looked}+{call}.count#2+{call}.validate#3+{call}.{lists}#0+{call}.dissolve#"
    left_last = {f"{begun}0+{call}.detach#{rest}" for rest in ("0", "1", f"2+{call}.put#0")}
    return left_last | {f"{begun}2+{call}.put#0"}


def of_del_by_get() -> set[str]:
    """The ways of a DEL that has got its group, but those where one more use was counted before its own, and the answer is what it found."""
    begun = "file_del.look_up#2+file_del.count#3+file_del.validate#3+file_del.remove#"
    found, missing = ("put_own#1+file_del.update#0", "put_own#1+file_del.update#1"), "put_own#0"
    fails = {f"dissolve_own#0+file_del.detach_own#{n}" for n in range(2)}
    goes = ("dissolve_own#0+file_del.detach_own#2", "dissolve_own#1", "dissolve_own#2")
    puts = fails | {f"{own}+file_del.{end}" for own in goes for end in (*found, missing)}
    entries = ("dissolve#0+file_del.detach#2", "dissolve#1", "dissolve#2")
    ways = {f"{begun}0+file_del.dissolve#0+file_del.detach#{n}" for n in range(2)}
    ways |= {f"{begun}0+file_del.{entry}+file_del.put#0+file_del.{own}" for entry in entries for own in puts}
    ways |= {f"{begun}1+file_del.{own}" for own in puts}
    told = {f"1+file_del.put#0+file_del.{own}+file_del.{end}" for own in goes[:2] for end in found}
    told |= {"1+file_del.put#0+file_del.dissolve_own#0+file_del.detach_own#1"}
    told |= {f"2+file_del.put#0+file_del.dissolve_own#2+file_del.{end}" for end in found}
    possible = {f"{begun}0+file_del.dissolve#{way}" for way in told}
    return ways - possible - {f"{begun}1+file_del.{own}+file_del.{missing}" for own in goes[1:]}


IMPOSSIBLE = {
    *of_del_by_get(),
    *of_group_notifiers("register_group_notifier", 2, "list"),
    *of_group_notifiers("unregister_group_notifier", 1, "unlist"),
    *of_notifiers("register_notifier", 2, "list", {2: 1}),
    *of_notifiers("unregister_notifier", 1, "unlist", {1: 2, 2: 1}),
    "get_external_user_from_dev.look_up#1+get_external_user_from_dev.count#2+get_external_user_from_dev.validate#2",
    "validate_and_use.check#5+validate_and_use.count#0",
    f"{ADDED}file_add.list#1+file_add.tell#0",
    *(
        f"{used}+{call}.{rest}"
        for used, call in (
            ("iova_ranges.look_up#1+iova_ranges.use#1", "iova_ranges"),
            ("attach.look_up#2+attach.attach#1", "attach"),
            ("attach.look_up#2+attach.attach#2", "attach"),
        )
        for rest in ("put_user#0", f"put_user#1+{call}.put_wait#0")
    ),
    *(
        f"{ADDED}file_add.list#0+file_add.dissolve#0+file_add.{rest}"
        for rest in ("detach#0", "detach#1", "detach#2+file_add.put#0")
    ),
    *(
        f"{LINKED}{found}+set_spapr_tce.dissolve#0+set_spapr_tce.detach#{rest}"
        for found in range(3)
        for rest in ("0", "1", *(f"2+set_spapr_tce.put#{put}" for put in range(3)))
    ),
    *(
        f"{LINKED}{found}+set_spapr_tce.dissolve#{used}+set_spapr_tce.put#{put}"
        for found in range(3)
        for used in (1, 2)
        for put in range(3)
        if put != 2 - found
    ),
    *(
        f"{step.partition('.')[0]}.mm#2+{step}#0"
        for step in ("get_iommu_fd.get", "get_device_fd.get", "merge.merge", "unmerge.unmerge")
    ),
}
"""Where the call is indivisible, nothing can undo between two of its looks what the first saw or did."""

OPENED = {
    "get_device_fd.look_up#1+get_device_fd.open#1",
    "get_device_fd.look_up#1+get_device_fd.assign#1",
    "get_device_fd.open#1",
    "get_device_fd.assign#1",
}

FAILS_WITH = (0, 0, 1, 2, 0, 0, 3, 3, 4, 5)
"""With which of its errnos a bind ends, by the case that failed."""

FAILED = {
    f"bind.block#6+bind.bind#{case}+bind.unblock#{errno}"
    for case, right in enumerate(FAILS_WITH)
    for errno in range(6)
    if errno != right
}
"""Where calls are whole a bind ends with the errno of the case that failed, and with no other."""

ATTACHES = "attach.look_up#3+attach.attach#"
MAKES_NONE = "hwpt_alloc.look_up#3+hwpt_alloc.make#1+hwpt_alloc.wrong_user#"
MAKES_ONE = "hwpt_alloc.look_up#3+hwpt_alloc.make#2+hwpt_alloc.put_user#"

LOOKED_UP = {
    *(f"{ATTACHES}{to}+attach.put_user#{rest}" for to in (1, 3, 4, 5) for rest in ("0", "1+attach.put_wait#0")),
    *(f"{ATTACHES}2+attach.undo_user#{rest}" for rest in ("0", "1+attach.undo_wait#0")),
    *(f"{ATTACHES}1+attach.put_user#1+attach.put_wait#2+attach.put_hwpt#{left}" for left in range(3)),
    f"{MAKES_NONE}0",
    f"{MAKES_NONE}1+hwpt_alloc.wrong_wait#0",
    f"{MAKES_NONE}1+hwpt_alloc.wrong_wait#1+hwpt_alloc.fail_user#0",
    f"{MAKES_NONE}1+hwpt_alloc.wrong_wait#1+hwpt_alloc.fail_user#1+hwpt_alloc.fail_wait#0",
    f"{MAKES_ONE}0",
    f"{MAKES_ONE}1+hwpt_alloc.put_wait#0",
    f"{MAKES_ONE}1+hwpt_alloc.put_wait#1+hwpt_alloc.put_device_user#0",
    f"{MAKES_ONE}1+hwpt_alloc.put_wait#1+hwpt_alloc.put_device_user#1+hwpt_alloc.put_device_wait#0",
}
"""Where calls are whole nobody frees what the call looked up; and an access leaves no page table."""

GUARDED = {
    "cdev": OPENED | FAILED,
    "cdev-no-container": FAILED,
    "containers-2022": OPENED,
    "kvm-file": OPENED,
    "iommufd-objects": LOOKED_UP,
    "external-notify": {"unregister.unlist#1", "release_user.unlist#1"},
}
"""The step that follows a NULL pointer, or one to what is freed, has looked itself whether it is one: only without that guard it would."""

PASSED_BY = {
    **{f"dma-rfc2011:D-G1-{defect}": {"map_dma.join#1"} for defect in ("02", "07", "08", "28")},
    "rfc2011:D-G1-14": {
        f"map_dma.charge#{charge}+map_dma.map#{rest}"
        for charge, others in ((2, (2, 3)), (3, (0, 1)))
        for rest in others
    },
}
"""The walk that ends before what reaches the top joins with nothing there: that is the defect. And a map is contended throughout, or not at all."""

OF_EACH_KIND = {"cdev-no-group", "containers-2013", "dma-type1-v1", "interrupts", "iommufd-objects"}
"""One system of each family that differs in kind; `make test-ci` compares the others, and `make test-wide` their variants."""

EVERY_SYSTEM = [
    pytest.param(
        s,
        g,
        id=f"{s.id} {g.value}",
        marks=[pytest.mark.wide] if s.variant else [] if s.id in OF_EACH_KIND else [pytest.mark.ci],
    )
    for s in SYSTEMS
    for g in Granularity
]


def in_full(one: object) -> Hashable:
    """Everything that a rule says, or a field: equal for two that both readings cannot tell apart."""
    if isinstance(one, Term):
        return one.key
    if isinstance(one, tuple):
        return tuple(in_full(part) for part in one)
    if isinstance(one, Call):
        return one.name
    if is_dataclass(one):
        return (type(one).__name__, *(in_full(getattr(one, part.name)) for part in dataclass_fields(one)))
    assert isinstance(one, Hashable)
    return one


@cache
def rules_of_base(name: str) -> dict[Hashable, frozenset[Hashable]]:
    """The rules of a system's base variant in full, at each granularity, by the fields that they are over."""
    made = [rules_of(s, g) for s in SYSTEMS if s.id == name for g in Granularity]
    return {frozenset(map(in_full, one.fields)): frozenset(map(in_full, one.rules)) for one in made}


def of_its_own(rules: Rules) -> Rules:
    """The rules of a variant but for those that its base has word for word, over the same fields; of a base, all."""
    if not rules.system.variant:
        return rules
    known = rules_of_base(rules.system.name).get(frozenset(map(in_full, rules.fields)), frozenset())
    return replace(rules, rules=tuple(rule for rule in rules.rules if in_full(rule) not in known))


def rules_to_compare(rules: Rules) -> Rules:
    """Those of its own; a variant that has none is not compared twice, and that is said."""
    if (own := of_its_own(rules)).rules:
        return own
    pytest.skip(f"every rule of {rules.system.id} is compared where {rules.system.name} is")


@pytest.mark.parametrize(("system", "granularity"), EVERY_SYSTEM)
def test_both_readings_of_every_system_make_the_same_transitions(system: System, granularity: Granularity) -> None:
    """Before each leaf that a search reaches, and in states of any values; a variant's rules where they are its own."""
    every = rules_of(system, granularity)
    rules = rules_to_compare(every)
    machine = machine_of(rules)
    places = [*before_each_leaf(machine, 4_000, explored=machine_of(every)), *random_places(machine, 7, 50)]
    reading = Reading(rules, machine)

    assert not list(disagreements(reading, places))


@pytest.mark.parametrize(("system", "granularity"), EVERY_SYSTEM)
def test_both_readings_agree_before_every_leaf_of_every_system(system: System, granularity: Granularity) -> None:
    """Every way through every rule is taken, by both readings, from some state that need not be reachable; of variants as above."""
    rules = rules_to_compare(rules_of(system, granularity))
    machine = machine_of(rules, wide=True)
    reading = Reading(rules, machine)
    places = places_before_leaves(reading)

    assert not list(disagreements(reading, places))
    excluded = IMPOSSIBLE | GUARDED.get(system.name, set()) | PASSED_BY.get(system.id, set())
    assert every_leaf(machine) - leaves_from(machine, places) <= excluded


@pytest.mark.parametrize("granularity", list(Granularity), ids=lambda g: g.value)
def test_both_readings_agree_about_picks_locals_and_effects_on_many_objects(granularity: Granularity) -> None:
    """A synthetic system has every form of effect, whatever the models happen to use."""
    rules = rules_of(HOUSE, granularity)
    machine = machine_of(rules)
    places = [*before_each_leaf(machine, 2_000), *random_places(machine, 7, 150)]
    reading = Reading(rules, machine)

    assert not list(disagreements(reading, places))


def test_every_way_through_the_synthetic_system_is_taken() -> None:
    """Or the agreement about it would say little."""
    machine = machine_of(rules_of(HOUSE, Granularity.STEPS))

    assert leaves_from(machine, random_places(machine, 7, 150)) == every_leaf(machine)


def test_a_variants_own_rules_are_those_in_which_it_differs() -> None:
    """A guard that is lost is seen; what a base has word for word is compared there."""
    base = next(s for s in SYSTEMS if s.id == "containers-2013")
    lost = replace(base, variant="lost", calls=without_case(base.calls, {"open_group.claim": 1}))
    other = replace(base, variant="other", calls=without_case(base.calls, {}))

    assert [r.call.name for r in of_its_own(rules_of(lost, Granularity.WHOLE)).rules] == ["open_group"]
    assert of_its_own(rules_of(other, Granularity.WHOLE)).rules == ()
    assert of_its_own(meant := rules_of(base, Granularity.WHOLE)) is meant


def _plant_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """The symbolic reading changes the count of every room where one changes."""

    def wrong(self: SymbolicState, effect: Assign, old: Read, env: dict[str, Expr]) -> Read:
        read = right(self, effect, old, env)
        return read if effect.field is not bill else lambda *_: self.value(effect.value, env)

    right = SymbolicState._assigned  # noqa: SLF001  # the fault is planted inside
    monkeypatch.setattr(SymbolicState, "_assigned", wrong)


def _plant_other_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """The symbolic reading switches a lamp on where it is hung."""

    def wrong(
        self: SymbolicState, effects: tuple[Assign, ...], env: dict[str, Expr]
    ) -> tuple[SymbolicState, dict[str, Expr]]:
        after, named = right(self, effects, env)
        hung = next((e for e in effects if e.field is hangs_in and not e.bound), None)
        if hung is not None:
            more = replace(hung, target=lit[hung.target.args], value=TRUE)
            after.reads["lit"] = self._assigned(more, self.reads["lit"], env)
        return after, named

    right = SymbolicState.after
    monkeypatch.setattr(SymbolicState, "after", wrong)


def _plant_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python reading means the shade of the first lamp, whichever is said."""

    def wrong(self: Emission, one: Field, args: list[str]) -> str:
        return right(self, one, ["0"]) if one is shade else right(self, one, args)

    right = Emission.place
    monkeypatch.setattr(Emission, "place", wrong)


def _plant_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python reading ignores for which objects a simultaneous effect is meant."""

    def wrong(self: Emission, effect: Assign, *rest: object) -> list[str]:
        return right(self, replace(effect, where=TRUE), *rest)  # type: ignore[arg-type]  # passed on

    right = Emission._assignment  # noqa: SLF001  # as above
    monkeypatch.setattr(Emission, "_assignment", wrong)


@pytest.mark.parametrize("plant", [_plant_frame, _plant_other_field, _plant_cell, _plant_where])
def test_a_wrong_effect_in_one_reading_is_a_disagreement(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Each side's transition is shown with what it changes."""
    plant(monkeypatch)
    rules = rules_of(HOUSE, Granularity.STEPS)
    machine = machine_of(rules)

    found = list(disagreements(Reading(rules, machine), random_places(machine, 7, 40)))

    assert {one.made_by for one in found} == {"python", "z3"}


Change = Callable[[Node], Node]


def _swapped(node: Node) -> Node:
    """The first two cases in the other order."""
    first, second, *rest = node.branches
    return replace(node, branches=(second, first, *rest))


def _other_errno(node: Node) -> Node:
    """The first case refuses with another errno."""
    return replace(node, branches=(replace(node.branches[0], then=End(Refuse("ENOTTY"))), *node.branches[1:]))


def _unguarded(node: Node) -> Node:
    """The first case is lost."""
    return replace(node, branches=node.branches[1:])


def changed(rule: Rule, step_: str, change: Change) -> Rule:
    """The rule with the node of one step changed, wherever it stands."""

    def node(one: Node) -> Node:
        inner = replace(one, branches=tuple(branch(b) for b in one.branches))
        return change(inner) if one.step == step_ else inner

    def branch(one: Branch) -> Branch:
        return replace(one, then=node(one.then)) if isinstance(one.then, Node) else one

    return replace(rule, root=node(rule.root))


@pytest.mark.parametrize("change", [_swapped, _other_errno, _unguarded])
@pytest.mark.parametrize("granularity", list(Granularity), ids=lambda g: g.value)
def test_a_wrong_refusal_in_the_symbolic_reading_is_a_disagreement(granularity: Granularity, change: Change) -> None:
    """UNSET_CONTAINER tests `container_users` in another order, says another errno, or does not test."""
    rules = rules_of(next(s for s in SYSTEMS if s.id == "containers-2013"), granularity)
    machine = machine_of(rules)

    def wrong(rule: Rule, before: SymbolicState) -> Iterator[Path]:
        return paths_of(changed(rule, "unset_container.check", change), before)

    found = list(disagreements(Reading(rules, machine, wrong), before_each_leaf(machine, 2_000)))

    assert found
    assert all(one.move.rule.startswith("unset_container") for one in found)


def test_a_lost_condition_of_a_rule_is_a_disagreement() -> None:
    """The symbolic reading lets a call begin while its actor is in another."""
    rules = rules_of(HOUSE, Granularity.STEPS)
    machine = machine_of(rules)

    def wrong(rule: Rule, before: SymbolicState) -> Iterator[Path]:
        return paths_of(replace(rule, when=TRUE) if rule.begins else rule, before)

    found = list(disagreements(Reading(rules, machine, wrong), random_places(machine, 7, 40)))

    assert {one.made_by for one in found} == {"z3"}


def test_a_guard_that_python_alone_lost_is_a_disagreement() -> None:
    """The machine runs other rules than those that are proved about."""
    rules = rules_of(next(s for s in SYSTEMS if s.id == "containers-2013"), Granularity.WHOLE)
    careless = replace(rules, rules=tuple(changed(r, "unset_container.check", _unguarded) for r in rules.rules))
    machine = machine_of(careless)

    reading = Reading(rules, machine)
    found = list(disagreements(reading, places_before_leaves(reading)))

    assert {one.move.rule for one in found} == {"unset_container"}
    assert {one.made_by for one in found} == {"python", "z3"}
