"""Devices: what arrives of the bytes that they are made to move is what the rules say is mapped, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from tenure.gate.checks import Showing
from tenure.gate.memory import REMEMBERED
from tenure.gate.oracle import Made, Oracle
from tenure.gate.subject import Arrived, Hit, Hits, Moving
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import State

DEVICE = "device"
"""What a row is called that says whether devices reached what is mapped, and nothing else."""

EVERY = 50
"""Of so many unmaps that take something away one is tried by a device: a transfer takes a tenth of a second."""

FEW = 2
"""How many addresses a device is asked for at a time, at most, where every unmap is tried; else one of each sort."""

STRAY = "a device reaches memory where nothing is mapped, or in a way that the mapping does not permit"
LOST = "a device does not reach what is mapped"
ASTRAY = "a device reaches other memory than what is mapped"

NOT_MADE = "not made: a device was asked before it"

_READ_OF = (seen.address_position, seen.address_translated, seen.mapping_access, seen.mapping_first, seen.mapping_payer)
_WAYS = {"none": (), "read": ("read",), "write": ("write",), "both": ("read", "write")}

Reached = Mapping[str, Mapping[str, Hits]]
"""What devices reach, by address space and address; where nothing is mapped, nothing."""


@dataclass(frozen=True, slots=True)
class Unmapping:
    """A call that takes something away: in which address space, and what devices reach of it before and after."""

    table: str
    before: Mapping[str, Hits]
    after: Mapping[str, Hits]

    @property
    def gone(self) -> tuple[str, ...]:
        """The addresses that are mapped no more."""
        return tuple(address for address, hits in self.before.items() if hits and not self.after[address])

    @property
    def kept(self) -> tuple[str, ...]:
        """The addresses that are mapped still."""
        return tuple(address for address, hits in self.after.items() if hits)


class Devices:
    """The devices of one subject, asked at one unmap of many."""

    def __init__(self, site: Moving, oracle: Oracle, random: Random) -> None:
        self._site = site
        self._oracle = oracle
        self._random = random
        self._showing = Showing({one.name: one for one in _READ_OF}, oracle)
        self._look = self._showing.look(oracle)
        self._reached = lru_cache(REMEMBERED)(self._reached_in)
        self._unmapping = lru_cache(REMEMBERED)(self._unmapping_between)
        self.every = EVERY
        self.always = False
        """Every unmap is tried, and at more addresses."""
        self.unmaps = 0
        """How many took something away."""
        self.tries = 0
        """How many were tried: a device was told an address that was about to go, or did not even reach its own page."""
        self.addresses = 0
        self.left_out = 0
        """Addresses that a device could not be told."""
        self._chosen: Sequence[str] = ()

    @property
    def due(self) -> bool:
        """The next unmap that takes something away is to be tried."""
        return self._due_after(0)

    def _due_after(self, unmaps: int) -> bool:
        """The same when so many more have taken something away, and none of them was tried."""
        return self.always or self.unmaps + unmaps >= self.every * self.tries

    def heard(self, before: frozenset[State], after: frozenset[State]) -> None:
        """A call was made and answered."""
        self.unmaps += self.unmapping(before, after) is not None

    def before_the_next(self, run: Sequence[Made]) -> int:
        """How many calls of a run may be made at once, since no device is to be asked among them."""
        if not self._due_after(len(run)):
            return len(run)
        states = frozenset({self._oracle.start()})
        unmaps = 0
        for position, one in enumerate(run):
            following = self._following(states, one)
            if self.unmapping(states, following) is not None:
                if self._due_after(unmaps):
                    return position
                unmaps += 1
            states = following
        return len(run)

    def _following(self, states: frozenset[State], one: Made) -> frozenset[State]:
        return frozenset().union(*(s for state in states for s in self._oracle.outcomes(state, one).values()))

    def unmapping(self, before: frozenset[State], after: frozenset[State]) -> Unmapping | None:
        """What a call takes away; None where that is nothing, or where the rules leave open what it is."""
        if len(before) != 1 or len(after) != 1 or before == after:
            return None
        return self._unmapping(*before, *after)

    def _unmapping_between(self, before: State, after: State) -> Unmapping | None:
        old, new = self._reached(before), self._reached(after)
        for table, hits in old.items():
            one = Unmapping(table, hits, new[table])
            if one.gone:
                return one
        return None

    def _reached_in(self, state: State) -> Reached:
        shown = self._showing.shown(self._look(state))
        found: dict[str, dict[str, Hits]] = {}
        for place, mapping in shown[seen.address_translated.name].items():
            table, address = place.split(",")
            hits = self._hits(shown, str(mapping), address) if mapping != "none" else ()
            found.setdefault(table, {})[address] = frozenset(hits)
        return found

    def _hits(self, shown: Mapping[str, Mapping[str, object]], mapping: str, address: str) -> Iterator[Hit]:
        """What arrives at an address of a mapping: its pages follow one another in memory."""
        positions = shown[seen.address_position.name]
        first = positions[str(shown[seen.mapping_first.name][mapping])]
        page = int(str(positions[address])) - int(str(first))
        for way in _WAYS[str(shown[seen.mapping_access.name][mapping])]:
            yield Hit(way, str(shown[seen.mapping_payer.name][mapping]), page)

    def ask_before(self, one: Unmapping) -> Arrived | None:
        """Ask for what is about to go, so that the IOMMU has just translated it; what arrives otherwise than it should."""
        chosen = self._some(one.gone)
        self._chosen, amiss = self._ask(one.table, {address: one.before[address] for address in chosen})
        self.tries += bool(self._chosen) or amiss is not None
        return amiss

    def ask_after(self, one: Unmapping) -> Arrived | None:
        """Ask for what has gone, if it could be asked for before, and for what stays."""
        if not self._chosen:
            return None
        addresses = (*self._chosen, *self._some(one.kept))
        _, amiss = self._ask(one.table, {address: one.after[address] for address in addresses})
        return amiss

    def _some(self, addresses: Sequence[str]) -> Sequence[str]:
        return self._random.sample(addresses, min(len(addresses), FEW if self.always else 1))

    def _ask(self, table: str, wanted: Mapping[str, Hits]) -> tuple[Sequence[str], Arrived | None]:
        """Which addresses a device was told, and what arrived otherwise than it should."""
        said = self._site.move(table, wanted)
        asked = [one.place for one in said if one.place in wanted]
        self.addresses += len(asked)
        self.left_out += len(wanted) - len(asked)
        return asked, next((one for one in said if one.found != one.wanted), None)


def sort_of(one: Arrived) -> str:
    """What is wrong where other bytes arrived than should have."""
    if one.found > one.wanted:
        return STRAY
    return LOST if one.found < one.wanted else ASTRAY


def told_of(table: str, one: Arrived) -> str:
    """What arrived and what should have, in words."""
    found, wanted = (", ".join(map(str, sorted(hits))) or "reaches nothing" for hits in (one.found, one.wanted))
    return f"at {one.place} of {table} the device {found}; by the rules it {wanted}"
