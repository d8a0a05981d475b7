"""Pages that are written while somebody copies them: each property has a mutant, and a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.search.test_ioas_mutants import fallen_in
from tests.search.test_mutants import Fault, forgetful, on_case, on_step

from tenure.commands.recording import recorded
from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.models.dma_type1 import available
from tenure.models.dma_type1_dirty import dirty, pins_first, told, tracks_dirty
from tenure.prover.induction import prove
from tenure.prover.theory import claims_of
from tenure.reference.dirty_spaces import DirtySpace
from tenure.reference.dma import type1_dirty
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_memory import Memory
from tenure.reference.dma.type1_state import Container
from tenure.search.range_scopes import dirty_scope
from tenure.vocabulary.calls import Case, Refuse
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import ADDRESS, TABLE
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term, rewrite, variable

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2:dirty")
SIZES = {"process": 1, "thread": 1, "table": 1, "group": 1, "address": 2, "mapping": 1}
PINNING = dirty_scope({**SIZES, "address": 1})
"""One group, whose devices write what is pinned alone."""
WRITING = dirty_scope({**SIZES, "address": 1}, pinning=0)
"""One group, whose devices write wherever they can."""
TWO = dirty_scope({**SIZES, "mapping": 2})
POOR = dirty_scope({**SIZES, "mapping": 2}, most=1, bitmaps=0, pinning=0)
"""There is no memory to keep dirty bits."""
PAIR = dirty_scope({**SIZES, "thread": 2, "address": 1})

ASKED = variable("table", TABLE)
CLEARED = each(ADDRESS, lambda a: dirty[ASKED, a].becomes(value=False))
UNTOLD = each(ADDRESS, lambda a: told[ASKED, a].becomes(value=False))
STARTED = tracks_dirty[ASKED].becomes(value=True)


def cases_of(step: str) -> tuple[Case, ...]:
    """The cases of a step."""
    call, _, name = step.partition(".")
    return next(s.cases for s in SYSTEM.call(call).steps if s.name == name)


def before_refusing(step: str, why: str, effect: Assign) -> Fault:
    """What is refused so has this effect all the same."""
    number = next(n for n, one in enumerate(cases_of(step)) if why in one.why)
    return on_case(step, number, lambda old: replace(old, effects=(*old.effects, effect)))


def otherwise(step: str, field: Field, change: Callable[[Assign], Assign]) -> Fault:
    """The step changes a field otherwise."""

    def changed(one: Case) -> Case:
        return replace(one, effects=tuple(change(e) if e.field is field else e for e in one.effects))

    return on_step(step, lambda old: replace(old, cases=tuple(map(changed, old.cases))))


def telling_bits_alone(step: str) -> Fault:
    """Who may have written unseen is forgotten: just pages whose bit is set are told."""
    bit = dirty[ASKED, variable(f"each {ADDRESS.letter}", ADDRESS)]
    return otherwise(step, told, lambda effect: replace(effect, value=bit))


def with_the_bits_as_they_were(number: int) -> Fault:
    """One case of DIRTY_PAGES starts or stops, and changes no bit."""
    return on_case(
        "dirty_pages.act", number, lambda c: replace(c, effects=tuple(e for e in c.effects if e.field is not dirty))
    )


START, STOP = (n for n, one in enumerate(cases_of("dirty_pages.act")) if one.effects)
"""The cases in which dirty pages come to be tracked, and are so no more."""


def pinning_what_they_like(system: System) -> System:
    """Drivers pin pages for devices that write elsewhere, too."""

    def any_group(term: Term) -> Term | None:
        return TRUE if term.data is pins_first else None

    old = system.call("pin_page")
    pins = replace(old, requires=rewrite(old.requires, any_group))
    return replace(system, calls=tuple(pins if one is old else one for one in system.calls))


MUTANTS: tuple[tuple[str, Fault, Scope], ...] = (
    ("DMA-27", forgetful("pin_page.pin", "dirty"), PINNING),
    ("DMA-27", forgetful("driver_writes.write", "dirty"), dirty_scope({**SIZES, "address": 2})),
    ("DMA-27", with_the_bits_as_they_were(START), PINNING),
    ("DMA-27", otherwise("get_bitmap.tell", dirty, lambda e: replace(e, where=TRUE)), PINNING),
    ("DMA-27", telling_bits_alone("get_bitmap.tell"), WRITING),
    ("DMA-27", telling_bits_alone("unmap_dirty.remove"), WRITING),
    ("DMA-27", forgetful("unmap_dirty.remove", "told dirty"), WRITING),
    ("DMA-28", before_refusing("dirty_pages.act", "no memory", STARTED), POOR),
    ("DMA-28", before_refusing("get_bitmap.tell", "missing", CLEARED), PINNING),
    ("DMA-28", before_refusing("unmap_dirty.find", "not those", UNTOLD), WRITING),
    ("DMA-29", with_the_bits_as_they_were(STOP), PINNING),
    ("DMA-29", forgetful("unmap_dma.remove", "dirty"), PINNING),
    ("DMA-29", forgetful("unmap_all.remove", "dirty"), PINNING),
    ("DMA-29", forgetful("unmap_dirty.remove", "dirty"), PINNING),
    ("DMA-29", forgetful("detach_group.remove", "dirty"), PINNING),
    ("ACT-2", before_refusing("map_dma.map", "no memory", available[ASKED].becomes(0)), POOR),
)


@pytest.mark.parametrize(("property_", "fault", "scope"), MUTANTS, ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_fault_of_dirty_pages_breaks_its_property(property_: str, fault: Fault, scope: Scope) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen_in(fault(SYSTEM), scope, property_)


@pytest.mark.parametrize("scope", [PINNING, WRITING, POOR])
def test_without_a_fault_nothing_falls(scope: Scope) -> None:
    """Whether devices write what is pinned alone, or wherever they can."""
    assert fallen_in(SYSTEM, scope) == set()


def test_every_property_of_dirty_pages_alone_has_a_mutant() -> None:
    """One that is proved here and of no other system of type1."""

    def proved(variant: str) -> set[str]:
        held = recorded().items()
        return {k[3] for k, (verdict, _) in held if k[:3] == ("dma-type1-v2", variant, "whole") and verdict == "proved"}

    assert proved("dirty") - proved("groups") == {"DMA-27", "DMA-28", "DMA-29"} <= {one for one, _, _ in MUTANTS}


def test_a_driver_pins_for_devices_that_write_nothing_else() -> None:
    """What is assumed of drivers is needed: the first page that one pins says where its devices write, and wrote."""
    assert "DMA-27" in fallen_in(pinning_what_they_like(SYSTEM), dirty_scope(SIZES, pinning=0), "DMA-27")


def test_what_was_written_is_not_proved_to_be_told_where_its_bit_is_not_set() -> None:
    """The bit goes with the write."""
    rules = rules_of(forgetful("driver_writes.write", "dirty")(SYSTEM), Granularity.WHOLE)

    assert "what_was_written_will_be_told" in prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped


def test_what_was_written_is_proved_to_be_told() -> None:
    """Together with everything that it needs."""
    rules = rules_of(SYSTEM, Granularity.WHOLE)

    assert prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped == {}


def whole(scope: Scope = TWO) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, scope, most=1)


def pairs() -> Conformance:
    """Two calls in flight, until a first difference."""
    return conform_pairs(SYSTEM, PAIR, most=1)


@pytest.mark.parametrize("compare", [whole, pairs])
def test_the_two_tellings_agree(compare: Callable[[], Conformance]) -> None:
    """In every state of the scope."""
    found = compare()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def test_every_refusal_of_the_calls_for_dirty_pages_is_reached() -> None:
    """In both tellings."""
    calls = ("dirty_pages", "get_bitmap", "unmap_dirty", "pin_page", "driver_writes")
    refusals = sum(isinstance(c.follow, Refuse) for name in calls for s in SYSTEM.call(name).steps for c in s.cases)

    found = whole().refusals | whole(POOR).refusals

    assert len({one for one in found if one.partition(".")[0] in calls}) == refusals


def a_container_that_forgets_who_writes_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just bits are told."""
    monkeypatch.setattr(Container, "has_unconfined", lambda _: False)


def a_pin_that_marks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is dirty because somebody pins it or writes it."""
    monkeypatch.setattr(type1_dirty, "marked", lambda *_: None)


def a_bitmap_after_which_pins_are_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a GET_BITMAP nothing is dirty."""
    get = type1_dirty.get

    def forgets(container: Container, iova: int, length: int, bitmap: Bitmap) -> Errno | None:
        answer = get(container, iova, length, bitmap)
        for dma in container.every():
            dma.dirty.clear()
        return answer

    monkeypatch.setattr(type1_dirty, "get", forgets)


def a_bitmap_of_a_part_of_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """GET_BITMAP is answered where it bisects a mapping."""
    monkeypatch.setattr(type1_dirty, "covers", lambda *_: True)


def a_start_that_is_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no memory for the bits of every mapping, dirty pages are tracked all the same."""
    start = type1_dirty.start

    def begins(container: Container, memory: Memory) -> Errno | None:
        try:
            return start(container, memory)
        finally:
            container.tracks_dirty = True

    monkeypatch.setattr(type1_dirty, "start", begins)


def a_stop_that_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits stay."""

    def stops(container: Container) -> None:
        container.tracks_dirty = False

    monkeypatch.setattr(type1_dirty, "stop", stops)


def an_unmap_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits of what UNMAP_DMA takes are lost."""
    monkeypatch.setattr(DirtySpace, "report", lambda *_: None)


def a_group_that_is_confined_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group whose driver is told of unmaps counts as if it had pinned."""
    attached = DirtySpace.attach

    def attach(self: DirtySpace, group: int) -> bool:
        joined = attached(self, group)
        if joined:
            self.container.confined.add(self.of_type1[group])
        return joined

    monkeypatch.setattr(DirtySpace, "attach", attach)


PLANTED: tuple[tuple[Plant, Scope], ...] = (
    (a_container_that_forgets_who_writes_unseen, TWO),
    (a_pin_that_marks_nothing, TWO),
    (a_bitmap_after_which_pins_are_clean, TWO),
    (a_bitmap_of_a_part_of_a_mapping, TWO),
    (a_start_that_is_half, POOR),
    (a_stop_that_forgets_nothing, TWO),
    (an_unmap_that_tells_nothing, TWO),
    (a_group_that_is_confined_at_once, TWO),
)


@pytest.mark.parametrize(("plant", "scope"), PLANTED)
def test_a_fault_in_the_reference_is_found(plant: Plant, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert whole(scope).differences


def gate() -> Campaign:
    """Random runs of the reference as a subject."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())
    campaign.play((), seconds=None, calls=4000)
    return campaign


def test_the_gate_finds_nothing_in_the_reference() -> None:
    """Which shows what is dirty, what was told, and what is not yet."""
    assert gate().report.findings == []


def test_the_gate_finds_a_subject_that_loses_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it tells."""
    a_container_that_forgets_who_writes_unseen(monkeypatch)

    assert gate().report.findings
