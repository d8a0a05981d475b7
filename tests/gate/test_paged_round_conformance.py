"""The mappings of 2011, round by round: each round of each loop of the reference is a step of the model.

The faults are in one round and made good by the next: whole calls show nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import pair_fields, whole_fields
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.models.dma_rfc2011_ways import DEFECTS
from tenure.reference import systems
from tenure.reference.calls import OK, Steps, Task
from tenure.reference.dma import Mapping, Range, Refusal, Tracker
from tenure.reference.dma import rfc2011 as meant
from tenure.reference.dma.coalescing import JOIN, coalesce
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.removal import exact
from tenure.reference.dma.rfc2011 import CUT, LENGTH, Rfc2011
from tenure.reference.dma.rfc2011_memory import UNDO, UNPIN, Memory
from tenure.reference.dma.steps import Round, Rounds, told
from tenure.reference.machine import Machine
from tenure.vocabulary.systems import System

pytestmark = pytest.mark.ci

NAME = "dma-rfc2011"
Plant = Callable[[pytest.MonkeyPatch], None]


def system(variant: str = "") -> System:
    """The system as meant, or with a defect."""
    return next(s for s in SYSTEMS if s.name == NAME and s.variant == variant)


def rounds(place: str, variant: str = "") -> Conformance:
    """Round by round, until a first difference."""
    field = next(f for f in pair_fields(system(variant)) if f.name == place)
    return conform_pairs(system(variant), field.scope, within=field.within, most=1)


def whole_calls_differ() -> bool:
    """The same calls from beginning to end, in the scope of `one call`."""
    field = next(f for f in whole_fields(system()) if f.name == "one address space")
    return bool(conform_whole(system(), field.scope, within=field.within, most=1).differences)


@pytest.mark.parametrize("variant", ["", *DEFECTS])
def test_every_round_is_a_step_of_the_model(variant: str) -> None:
    """As meant and with each defect, as far as one page of memory goes; `tenure conform` goes further."""
    found = rounds("one call, and a limit of one page", variant)

    assert found.complete
    assert found.differences == []
    assert found.transitions > 400


def the_highest_page_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was cut, the last page is unpinned before the first."""
    sound = Memory.unpins

    def unpins(self: Memory, ranges: list[Range], *more: object) -> Rounds[None]:
        pages = [one.range for r in ranges for one in self.table.overlapping(r)]
        return sound(self, reversed(pages), *more)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(Memory, "unpins", unpins)


def two_pages_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round unpins the next page too, whose own round finds nothing left."""

    def unpins(self: Memory, ranges: list[Range], *_: object) -> Rounds[None]:
        for r in ranges:
            pages = self.table.overlapping(r)
            for number, one in enumerate(pages):
                yield Round(UNPIN.step, one.range.first)
                for page in pages[number : number + 2]:
                    self.uninstall(page)
        yield UNPIN

    monkeypatch.setattr(Memory, "unpins", unpins)


def a_cut_that_forgets_the_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays above the range is in the list again in the next round only."""
    sound = Rfc2011.unmap_steps

    def unmap_steps(self: Rfc2011, iova: int, size: int, length: int = LENGTH) -> Rounds[Errno | None]:
        forgotten: list[Mapping] = []
        above, whole = iova + size, self.space.at(iova)

        def late(upcoming: Round) -> Round:
            while forgotten:
                self.space.map(forgotten.pop())
            tail = self.space.at(above) if upcoming == CUT else None
            if tail is not None and tail.range.first == above:
                self.space.unmap(tail.range, exact)
                forgotten.append(tail)
            return upcoming

        splits = whole is not None and whole.range.first < iova and above in whole.range
        rounds = sound(self, iova, size, length)
        return told(rounds, late) if splits else rounds

    monkeypatch.setattr(Rfc2011, "unmap_steps", unmap_steps)


def an_undo_from_the_first_page_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map that fails gives back its first page first."""

    def undoes(self: Memory, led: list[Mapping]) -> Rounds[None]:
        yield UNDO
        for one in led:
            self.uninstall(one)
            yield UNDO

    monkeypatch.setattr(Memory, "undoes", undoes)


def a_join_in_the_last_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map becomes one with its neighbours in the round that ends the call."""

    def coalesce_steps(space: Tracker, mapping: Mapping) -> Rounds[Mapping]:
        yield JOIN
        return coalesce(space, mapping)

    monkeypatch.setattr(meant, "coalesce_steps", coalesce_steps)


def an_entry_before_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mapping is in the list while its pages are being pinned."""
    sound = Rfc2011._make  # the fault is planted inside

    def make(self: Rfc2011, mapping: Mapping) -> Rounds[Errno | None]:
        self.space.map(mapping)

        def out(upcoming: Round) -> Round:
            if upcoming.step in {"record", "undo"} and mapping in self.space:
                assert not isinstance(self.space.unmap(mapping.range, exact), Refusal)
            return upcoming

        return told(sound(self, mapping), out)

    monkeypatch.setattr(Rfc2011, "_make", make)


@pytest.mark.parametrize(
    "plant",
    [
        the_highest_page_first,
        two_pages_in_one_round,
        a_cut_that_forgets_the_tail,
        an_undo_from_the_first_page_on,
        a_join_in_the_last_round,
        an_entry_before_its_pages,
    ],
)
def test_a_fault_in_one_round_is_found_by_rounds_alone(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the whole call there is nothing to see of it."""
    plant(monkeypatch)

    assert not whole_calls_differ()
    assert rounds("one call").differences


def test_a_lock_that_is_let_go_between_two_rounds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another call goes on, where it would have to wait."""
    form = systems.SYSTEMS[NAME].forms["release_iommu"]

    def release_iommu(machine: Machine, me: Task, table: int) -> Steps:
        del me
        yield from told(machine.paged[table].release_steps(), lambda upcoming: f"release_iommu.{upcoming.step}")
        return OK

    monkeypatch.setitem(systems.SYSTEMS[NAME].forms, "release_iommu", replace(form, run=release_iommu))

    assert rounds("two calls").differences
