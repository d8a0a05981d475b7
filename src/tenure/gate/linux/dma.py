"""Real DMA: a device is made to read and write at addresses of a container, and the memory behind it is looked at."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from tenure.gate.linux import vfio
from tenure.gate.linux.batch import At, Batch, Line, Number
from tenure.gate.linux.edges import FEW, PAGE
from tenure.gate.linux.edu import NARROW, OWN, WORD, Edu
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import Arrived, Hit, Hits, TargetFailed

ITSELF = "a page mapped for the device alone"

_AT = PAGE // 2
"""Where in a page the words are that move."""

_NO_ROOM = -28
_BOTH = 3


WRITTEN_ONLY = "a mapping to be written only, with VT-d"


def arrival_marks(one: Arrived) -> frozenset[str]:
    """What recorded faults of VT-d may be about, where a device also read what it was only to write."""
    read = frozenset(Hit("read", hit.process, hit.page) for hit in one.wanted)
    return frozenset({WRITTEN_ONLY} if one.found - one.wanted == read and one.wanted < one.found else ())


@dataclass
class Memory:
    """The memory that processes map: a word of each page says which it is."""

    guest: Guest
    start: int
    workers: Mapping[str, str]
    """The worker that is each process."""
    _serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def mark(self) -> dict[int, tuple[str, int]]:
        """Write another word to each page; whose page each word is on, and which."""
        words: dict[int, tuple[str, int]] = {}
        batches = []
        for process, worker in self.workers.items():
            batch = Batch(worker)
            file = batch.open("/proc/self/mem")
            for page in range(FEW):
                word = self.word()
                words[word] = (process, page)
                batch.call(Number.PWRITE64, file, batch.put(struct.pack("<Q", word)), WORD, self._place(page))
            batch.call(Number.CLOSE, file)
            batches.append(batch)
        self._ask(batches)
        return words

    def word(self) -> int:
        """A word that never was in memory before."""
        return 0x7E << 56 | next(self._serial)

    def changed(self, words: Mapping[int, tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """The pages on which another word is than was written there."""
        read: list[tuple[tuple[str, int], Batch, Line]] = []
        batches = []
        for process, worker in self.workers.items():
            batch = Batch(worker)
            file = batch.open("/proc/self/mem")
            for page in range(FEW):
                room = batch.put(bytes(WORD))
                batch.call(Number.PREAD64, file, room, WORD, self._place(page))
                read.append(((process, page), batch, batch.take(room, WORD)))
            batch.call(Number.CLOSE, file)
            batches.append(batch)
        self._ask(batches)
        is_on = {place: word for word, place in words.items()}
        return frozenset(place for place, batch, line in read if batch.fields(line, "<Q") != (is_on[place],))

    def _place(self, page: int) -> int:
        return self.start + page * PAGE + _AT

    def _ask(self, batches: list[Batch]) -> None:
        self.guest.ask(*batches)
        if any(number < 0 for batch in batches for number in batch.numbers):
            raise TargetFailed("the memory of a guest's processes cannot be looked at", "the console says why")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a device moves bytes: who has its container and its group, by which files, and an address that nobody else maps."""

    worker: str
    container: int
    group: int
    device: str
    own: int


class Dma:
    """One time that a device is asked."""

    def __init__(self, guest: Guest, memory: Memory, site: Site) -> None:
        self._guest = guest
        self._memory = memory
        self._site = site

    def ask(self, wanted: Mapping[str, Hits], pages: Mapping[str, int]) -> list[Arrived]:
        """Read and write at the pages of these names; empty where the container has no room for a mapping of our own."""
        mapped = self._map()
        if mapped == _NO_ROOM:
            return []
        edu = Edu(self._guest, self._site.worker, self._site.group, self._site.device)
        asked = {name: pages[name] * PAGE + _AT for name in wanted if edu.wide or pages[name] * PAGE < NARROW}
        arrives = mapped >= 0 and self._itself(edu)
        found = [Arrived(ITSELF, _ITSELF, _ITSELF if arrives else frozenset())]
        if arrives:  # else nothing that does not arrive says anything
            written = {name: self._written(edu, address) for name, address in asked.items()}
            found += [Arrived(name, wanted[name], written[name] | self._read(edu, asked[name])) for name in asked]
        edu.shut()
        self._unmap()
        return found

    def _itself(self, edu: Edu) -> bool:
        """The device reads a word at a page that is mapped, and writes it there again; it has this word then."""
        word = self._memory.word()
        self._own(word)
        return self._fetched(edu, self._site.own * PAGE + _AT) == word

    def _written(self, edu: Edu, address: int) -> Hits:
        """Where the word of the device arrives that it writes to this address."""
        words = self._memory.mark()
        edu.store(address)
        return frozenset(Hit("write", *place) for place in self._memory.changed(words))

    def _read(self, edu: Edu, address: int) -> Hits:
        """Whose word the device gets that reads at this address. Each time the words are new: an old one is no answer."""
        words = self._memory.mark()
        word = self._fetched(edu, address)
        return frozenset({Hit("read", *words[word])} if word in words else ())

    def _fetched(self, edu: Edu, address: int) -> int:
        """What the device has after it has read there: it is made to write that to the page of its own."""
        edu.fetch(address)
        self._own(0)
        edu.store(self._site.own * PAGE + _AT)
        batch = Batch(self._site.worker)
        line = batch.take(At(OWN.offset + _AT), WORD)
        self._guest.ask(batch)
        (word,) = batch.fields(line, "<Q")
        return word

    def _own(self, word: int) -> None:
        """Write this word to the page of the device's own."""
        batch = Batch(self._site.worker)
        batch.put_last(struct.pack("<Q", word), _AT)
        self._guest.ask(batch)

    def _map(self) -> int:
        """Map the page of the device's own; what MAP_DMA returned."""
        batch = Batch(self._site.worker)
        batch.put_last(bytes(WORD), _AT)
        request = vfio.map_dma(_BOTH, 0, self._site.own * PAGE, PAGE)
        done = batch.ioctl(
            self._site.container, Ioctl.IOMMU_MAP_DMA, batch.put_with_address(request, vfio.MAPPED_MEMORY, OWN)
        )
        self._guest.ask(batch)
        return batch.number(done)

    def _unmap(self) -> None:
        batch = Batch(self._site.worker)
        batch.ioctl(self._site.container, Ioctl.IOMMU_UNMAP_DMA, vfio.unmap_dma(0, self._site.own * PAGE, PAGE))
        self._guest.ask(batch)


_ITSELF: Hits = frozenset({Hit("read", "itself", 0), Hit("write", "itself", 0)})
