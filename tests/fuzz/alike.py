"""A program is run on the tracker and on the page table: they answer alike, and both hold what plain bytes say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.fuzz.programs import Call, FailSoon, Map, Overlapping, SetValid, Unmap, UnmapAll, program

from tenure.reference.dma import Access, AddressSpace, Bounds, Failed, Mapping, PageTable, Range, Refusal, Tracker

Bytes = dict[int, tuple[int, Access, str]]
"""Where each byte leads, what may be done there, and whose it is."""


class Differs(Exception):  # noqa: N818  # named for what it is
    """Two that should say the same do not; after which call, and what each says."""


class Machine:
    """What is behind an address space, byte by byte; it fails after so many steps, when it is told to."""

    def __init__(self) -> None:
        self.records = 0
        self.pinned: Counter[tuple[str, int]] = Counter()
        self.installed: Bytes = {}
        self.fails_in: int | None = None

    def allocate(self, records: int) -> None:
        self._step()
        self.records += records

    def pin(self, piece: Mapping) -> None:
        self._step()
        self.pinned.update(_pins(piece))

    def install(self, piece: Mapping) -> None:
        self._step()
        self.installed |= _bytes([piece])

    def copy_out(self, answer: object) -> None:
        del answer
        self._step()

    def pieces(self, mapping: Mapping) -> Iterable[Mapping]:
        """Two where it can be cut, so that the second may fail when the first is done."""
        first, last = mapping.range
        middle = (first + last) // 2
        low, high = Range(first, middle), Range(middle + 1, last)
        whole = [mapping._replace(range=r, target=mapping.target + r.first - first) for r in (low, high)]
        return [piece for piece in whole if piece.range.first <= piece.range.last]

    def free(self, records: int) -> None:
        self.records -= records

    def unpin(self, piece: Mapping) -> None:
        self.pinned.subtract(_pins(piece))

    def uninstall(self, piece: Mapping) -> None:
        for byte in _bytes([piece]):
            del self.installed[byte]

    def _step(self) -> None:
        if self.fails_in == 0:
            self.fails_in = None
            raise Failed
        if self.fails_in is not None:
            self.fails_in -= 1


def run(data: bytes) -> None:
    """Run the program that these bytes are; raises Differs after the first call that shows a difference."""
    bounds, calls = program(data)
    machines = Machine(), Machine()
    spaces: tuple[AddressSpace, AddressSpace] = Tracker(bounds, machines[0]), PageTable(bounds, machines[1])
    mapped: Bytes = {}
    for number, call in enumerate(calls):
        where = f"after call {number}, {call!r}"
        answers = [_answer(*each, call) for each in zip(spaces, machines, strict=True)]
        _alike(f"{where}: what tracker and page table answer", *answers)
        if _is_done(answers[0]):
            mapped = _after(mapped, call)
        for space, machine in zip(spaces, machines, strict=True):
            _held_to(f"{where}: {type(space).__name__}", bounds, space, machine, mapped)


def _answer(space: AddressSpace, machine: Machine, call: Call) -> object:
    """What the call answers, or how it fails."""
    try:
        match call:
            case Map(mapping):
                return space.map(mapping)
            case Unmap(request, removal):
                return space.unmap(request, removal)
            case UnmapAll():
                return space.unmap_all()
            case SetValid(valid):
                return space.set_valid(valid)
            case Overlapping(asked):
                return space.overlapping(asked), [space.at(byte) for byte in range(asked.first, asked.last + 1)]
            case FailSoon(steps):
                machine.fails_in = steps
                return None
    except (Failed, ValueError) as failed:
        return repr(failed)


def _is_done(answer: object) -> bool:
    """Neither refused nor failed."""
    return not isinstance(answer, Refusal | str)


def _after(mapped: Bytes, call: Call) -> Bytes:
    """What is mapped after a call that was done: whatever the rule of removal, just the bytes asked for went."""
    match call:
        case Map(mapping):
            return mapped | _bytes([mapping])
        case Unmap(request, _):
            return {byte: leads for byte, leads in mapped.items() if byte not in request}
        case UnmapAll():
            return {}
    return mapped


def _held_to(whose: str, bounds: Bounds, space: AddressSpace, machine: Machine, mapped: Bytes) -> None:
    """Hold what a space and the machine behind it show to the bytes that should be mapped."""
    held = Counter(owner for _, _, owner in mapped.values())
    pins = Counter((owner, byte) for byte, (_, _, owner) in mapped.items())
    _alike(f"{whose}: what is mapped", _bytes(space), mapped)
    _alike(f"{whose}: its length, and how many there are", len(space), len(list(space)))
    for owner in ("p0", "p1"):
        _alike(f"{whose}: pages of {owner}", space.pages_held(owner) << bounds.shift, held[owner])
    _alike(f"{whose}: what is translated", machine.installed, mapped)
    _alike(f"{whose}: what is pinned", +machine.pinned, pins)
    _alike(f"{whose}: records", machine.records, len(space))


def _bytes(mappings: Iterable[Mapping]) -> Bytes:
    """Where each byte of these leads."""
    return {
        byte: (one.target + byte - one.range.first, one.access, one.owner)
        for one in mappings
        for byte in range(one.range.first, one.range.last + 1)
    }


def _pins(piece: Mapping) -> list[tuple[str, int]]:
    return [(piece.owner, byte) for byte in range(piece.range.first, piece.range.last + 1)]


def _alike(what: str, one: object, other: object) -> None:
    if one != other:
        raise Differs(f"{what}: {one!r}, and not {other!r}")
