"""The address spaces that a trace shows after one of its steps, as ranges of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from tenure.commands.output import BadInput
from tenure.commands.replaying import scope_of
from tenure.reference.dma.bounds import PAGE_SHIFT
from tenure.reference.dma.pages import bytes_of
from tenure.reference.dma.ranges import Range
from tenure.report.address_space import Kind, Region
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.objects import ADDRESS, MAPPING, PROCESS, TABLE
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import constant
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.types import NONE, BadValue, parsed

NEEDED = (seen.address_position, seen.mapping_listed, seen.mapping_first, seen.mapping_last)
"""What a system must show for its mappings to have a place."""

ACCESS = {"none": "", "read": "r", "write": "w", "both": "rw"}

Read = Callable[..., int]


def draws(system: System) -> bool:
    """Traces of this system have address spaces in them."""
    return all(system.defines(one) for one in NEEDED)


def spaces_after(trace: Trace, system: System, steps: int) -> dict[str, tuple[Region, ...]]:
    """Each address space in which something is mapped after so many steps, by name, with the valid ranges.

    An address of a trace is a page of 4 KiB. Raises BadInput where the trace does not fit the system, or has mappings that overlap.
    """
    machine = Machine(rules_of(system, Granularity(trace.granularity)), scope_of(trace))
    read = _reading(machine, system, _state(machine, trace, steps))
    valid = tuple(_valid(read, machine)) if system.defines(seen.address_valid) else ()
    spaces = {}
    for table in range(machine.scope.sizes.get(TABLE.name, 0)):
        mapped = tuple(_mapped(read, machine, system, table))
        if mapped:
            _check_apart(TABLE.element(table), mapped)
            spaces[TABLE.element(table)] = (*valid, *mapped)
    return spaces


def _state(machine: Machine, trace: Trace, steps: int) -> State:
    shown = trace.initial if steps == 0 else trace.steps[steps - 1].after
    cells: list[int] = []
    for one in machine.layout.fields:
        places = shown.get(one.name, {})
        try:
            cells += [int(parsed(one.value, value)) for value in places.values()]
        except BadValue as trouble:
            raise BadInput(f"state {steps}, {one.name}: {trouble}") from trouble
    if len(cells) != machine.layout.width:
        raise BadInput(f"state {steps} is not one of {machine.rules.system.id}; write the trace again")
    return tuple(cells)


def _reading(machine: Machine, system: System, state: State) -> Read:
    """What an observable says of these objects; nothing, where the system does not show it."""

    def read(one: Observable, *objects: int) -> int:
        if not system.defines(one):
            return NONE
        args = tuple(constant(i, sort) for i, sort in zip(objects, one.domain, strict=True))
        return int(machine.evaluate(machine.rules.lower(one.read(args)), state, {}))

    return read


def _valid(read: Read, machine: Machine) -> Iterator[Region]:
    """The valid ranges, each as far as there are addresses of it."""
    pages: dict[int, list[int]] = {}
    for address in range(machine.scope.sizes.get(ADDRESS.name, 0)):
        pages.setdefault(read(seen.address_valid, address), []).append(read(seen.address_position, address))
    for number, found in sorted(pages.items()):
        if number > 0:
            yield Region(*bytes_of(Range(min(found), max(found)), PAGE_SHIFT), Kind.VALID)


def _mapped(read: Read, machine: Machine, system: System, table: int) -> Iterator[Region]:
    for mapping in range(machine.scope.sizes.get(MAPPING.name, 0)):
        if read(seen.mapping_listed, mapping) != table:
            continue
        first, last = read(seen.mapping_first, mapping), read(seen.mapping_last, mapping)
        if NONE in (first, last):
            continue
        pages = Range(read(seen.address_position, first), read(seen.address_position, last))
        payer = read(seen.mapping_payer, mapping)
        owner = MAPPING.element(mapping) + (f" of {PROCESS.element(payer)}" if payer != NONE else "")
        shown = read(seen.mapping_access, mapping) if system.defines(seen.mapping_access) else 0
        yield Region(*bytes_of(pages, PAGE_SHIFT), Kind.MAPPED, owner, ACCESS[seen.ACCESS.values[shown]])


def _check_apart(name: str, mapped: Sequence[Region]) -> None:
    for a, b in pairwise(sorted(mapped, key=lambda r: r.first)):
        if b.first <= a.last:
            raise BadInput(
                f"{a.owner} and {b.owner} overlap in {name} at {b.first:#x}; bars cannot show that: draw an earlier --step"
            )
