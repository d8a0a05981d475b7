"""An address space of the RFC of November 2011 as callers meet it: what is mapped by name, and what the IOMMU leads where.

Behind it is `dma.rfc2011`, which is as meant, or the list of its code in the ways of one defect. The addresses are all that there
are: where words are to wrap, a page is so large that 64 bits have no more of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Tracker, Width
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.processes import RAM, READ_WRITE, RESERVED, Process
from tenure.reference.dma.rfc2011 import LENGTH, Flags, Rfc2011
from tenure.reference.dma.rfc2011_as_written import AsWritten, Entry
from tenure.reference.dma.rfc2011_memory import UNPIN, Memory
from tenure.reference.dma.rfc2011_ways import DEFECTS
from tenure.reference.dma.steps import Round, Rounds, told
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import ADDRESS, PAGE

T = TypeVar("T")

PagedState = tuple[tuple[tuple[int, int, int, int, int], ...], tuple[int, ...]]
"""Each mapping as its name, first and last address, memory and access; and for each address the number of the page it leads to."""

NARROW = frozenset({"D-G1-03"})
"""Where pages have two bytes: what counts bytes as pages is seen at no page of more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A mapping: its ends, the number of the page behind the first of them, and what it permits."""

    first: int
    last: int
    memory: int
    access: int


class CallersMemory(Memory):
    """Memory behind the tracker, of which a call may be told that there is none, or that its arguments cannot be written."""

    lacks = ""

    def allocate(self, records: int) -> None:
        """There is none for an entry, where the call is to fail so."""
        if records > 0 and self.lacks == "no memory":
            raise FailedWith(Errno.ENOMEM)

    def copy_out(self, answer: object) -> None:
        """The arguments cannot be written back, where the call is to fail so."""
        del answer
        if self.lacks == "unwritable":
            raise FailedWith(Errno.EFAULT)


class PagedSpace:
    """The mappings of one metagroup by name, for its one process."""

    def __init__(self, configuration: Configuration, table: int, defect: str) -> None:
        self.count = configuration.number(ADDRESS)
        bits = (self.count - 1).bit_length()
        self.shift = Shift(1 if defect in NARROW else 64 - bits)
        bounds = Bounds(Width(bits + self.shift), Width(bits + self.shift + 8), self.shift)
        self.process = _process(configuration, table, bounds)
        self.subject = _subject(self.process, bounds, defect)
        self.lock = Lock()
        self.names: dict[int, Place] = {}

    def map_steps(
        self, request: str, low: int, high: int, to: int, *, writes: bool, made: int
    ) -> Rounds[Errno | int | None]:
        """MAP_DMA in bytes, round by round; what is there that was not is the new one, or what became one with it."""
        flags = Flags.WRITE if writes else Flags.NONE
        arguments = *self._bytes(request, low, high), to << self.shift
        unknown = Flags.UNKNOWN if request == "unknown" else Flags.NONE

        def named() -> None:
            kept = {place: name for name, place in self.names.items()}
            self.names = {kept.get(place, made): place for place in self._places()}

        self._begins(request)
        return (yield from _after_each(self.subject.map_steps(*arguments, flags | unknown), named))

    def unmap_steps(self, request: str, low: int, high: int, rest: int) -> Rounds[Errno | int | None]:
        """UNMAP_DMA in bytes, round by round; of a mapping in two parts the lower one keeps its name."""

        def named() -> None:
            before, self.names = self.names, {}
            for place in self._places():
                name = next((n for n, p in before.items() if p.first <= place.first <= place.last <= p.last), rest)
                self.names[rest if name in self.names else name] = place

        self._begins(request)
        length = LENGTH - 1 if request == "unknown" else LENGTH
        first, size = self._bytes(request, low, high)
        rounds = _after_each(self.subject.unmap_steps(first, size, length), named)
        addresses = [(low + offset) % self.count for offset in range(size >> self.shift)]
        return (yield from self._at_each([*addresses, None], rounds))

    def release_steps(self) -> Rounds[None]:
        """The domain goes, and every mapping with it."""
        self.names = {}
        yield from self._at_each([*range(self.count)], self.subject.release_steps())

    def _at_each(self, addresses: list[int | None], rounds: Rounds[T]) -> Rounds[T]:
        """The same with a round for each of the addresses, in order, where the loop has one for what leads somewhere alone."""
        try:
            while (upcoming := next(rounds)).step != UNPIN.step:
                yield upcoming
            for address in addresses:
                yield UNPIN
                if upcoming.at == (None if address is None else address << self.shift):
                    upcoming = next(rounds)
            while True:
                next(rounds)
        except StopIteration as stop:
            answer: T = stop.value
            return answer

    def translated(self) -> tuple[int, ...]:
        """For each address the number of the page to which it leads, from 1 on; 0 for none."""
        return tuple(self._number(address) for address in range(self.count))

    def state(self) -> PagedState:
        """What can be seen of it, as numbers."""
        told = ((name, p.first, p.last, p.memory, p.access) for name, p in sorted(self.names.items()))
        return tuple(told), self.translated()

    def become(self, state: PagedState) -> None:
        """Go back to a state in which no call is in flight; a list is in order then, the lowest first."""
        told, translated = state
        self.names = {name: Place(*place) for name, *place in told}
        self._memory.table = _empty(self.subject.bounds)
        for address, number in enumerate(translated):
            if number:
                page = self.process.memory.at((number - 1) << self.shift)
                assert page is not None  # noqa: S101  # what was led to is there
                here = self._range(address, address)
                self._memory.install(Mapping(here, page.target, READ_WRITE, page.owner))
        self.process.locked = self._memory.due(self._memory.table, self.subject.bounds)
        self._list(sorted(self.names.values(), key=lambda place: place.first))

    @property
    def _memory(self) -> CallersMemory:
        assert isinstance(self.subject.memory, CallersMemory)  # noqa: S101  # `_subject` gave it
        return self.subject.memory

    def _bytes(self, request: str, low: int, high: int) -> tuple[int, int]:
        """Address and size of what is asked for."""
        pages = (high - low) % self.count + 1
        size = 0 if request == "empty" else pages << self.shift
        return (low << self.shift) + (1 if request == "misaligned" else 0), size

    def _range(self, low: int, high: int) -> Range:
        return Range(low << self.shift, ((high + 1) << self.shift) - 1)

    def _number(self, address: int) -> int:
        found = self._memory.table.at(address << self.shift)
        if found is None:
            return 0
        frame = found.target + ((address << self.shift) - found.range.first)
        page = next(one for one in self.process.memory if one.target == frame)
        return (page.range.first >> self.shift) + 1

    def _places(self) -> list[Place]:
        """The mappings, the lowest first; where the last address of one is, as words count."""
        if isinstance(self.subject, Rfc2011):
            found = [(one.range.first, one.target, len_of(one, self.shift), one.access) for one in self.subject.space]
        else:
            found = [(one.iova, one.vaddr, one.pages, one.access) for one in self.subject.list]
        places = [
            Place(
                first >> self.shift,
                ((first >> self.shift) + pages - 1) % self.count,
                (vaddr >> self.shift) + 1,
                access.value,
            )
            for first, vaddr, pages, access in found
        ]
        return sorted(places, key=lambda place: (place.first, place.last))

    def _begins(self, request: str) -> None:
        """A call finds the list in order, the lowest first, whether it was made so or brought back."""
        self._memory.lacks = request
        if isinstance(self.subject, AsWritten):
            self._list(sorted(self.names.values(), key=lambda place: place.first))

    def _list(self, places: list[Place]) -> None:
        if isinstance(self.subject, Rfc2011):
            self.subject.space = Tracker(self.subject.bounds)
            for p in places:
                mapping = Mapping(
                    self._range(p.first, p.last), (p.memory - 1) << self.shift, Access(p.access), self.process.name
                )
                self.subject.space.map(mapping)
            return
        self.subject.list = [
            Entry(
                p.first << self.shift,
                (p.memory - 1) << self.shift,
                (p.last - p.first) % self.count + 1,
                Access(p.access),
            )
            for p in places
        ]


def _after_each(rounds: Rounds[T], act: Callable[[], None]) -> Rounds[T]:
    """The same call; after each of its rounds something is done."""

    def acted(upcoming: Round) -> Round:
        act()
        return upcoming

    answer = yield from told(rounds, acted)
    act()
    return answer


def len_of(mapping: Mapping, shift: Shift) -> int:
    """The pages of a mapping."""
    return (mapping.range.last - mapping.range.first + 1) >> shift


def _process(configuration: Configuration, table: int, bounds: Bounds) -> Process:
    """The process of an address space, each page of whose memory lies by itself; a device's last one has frame 0."""
    limit, unlimited = configuration.page_limit[table], configuration.may_exceed[table]
    wide = Bounds(bounds.target_width, Width(bounds.target_width + 8), bounds.shift)
    process = Process(f"p{table}", limit, may_lock=unlimited, bounds=wide)
    for page in range(configuration.number(PAGE)):
        first = page << bounds.shift
        reserved = configuration.reserved[page]
        frame = 0 if configuration.frame_0[page] else 2 * (page + 1) << bounds.shift
        process.has(Range(first, first + (1 << bounds.shift) - 1), frame, kind=RESERVED if reserved else RAM)
    return process


def _subject(process: Process, bounds: Bounds, defect: str) -> Rfc2011 | AsWritten:
    """As meant, or with one defect."""
    subject = AsWritten(process, DEFECTS[defect], bounds) if defect else Rfc2011(process, bounds)
    ways = DEFECTS.get(defect)
    due = {} if ways is None else {"due": ways.due, "for_write": ways.for_write}
    subject.memory = CallersMemory(process, bounds, **due)  # type: ignore[arg-type]  # two fields of two types
    subject.memory.table = _empty(bounds)
    return subject


def _empty(bounds: Bounds) -> Tracker:
    """A domain that translates nothing; the frames behind it need a few bits more than its addresses."""
    return Tracker(Bounds(bounds.width, Width(bounds.target_width + 8), bounds.shift))


def paged_spaces_of(configuration: Configuration, defect: str | None) -> list[PagedSpace]:
    """One for each table, where a system has mappings of 2011."""
    if defect is None or not configuration.number(ADDRESS):
        return []
    return [PagedSpace(configuration, table, defect) for table in range(configuration.sizes.get("table", 0))]
