"""What a kernel was asked for since it was booted, as far as the present run rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tenure.gate.linux.batch import Batch, Round

Exchange = tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a batch, and the number of the first."""

    target: str
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """One call in words, and what was asked for it; without words: what comes before the calls."""

    words: str
    parts: tuple[Part, ...]


@dataclass
class Recording:
    """Exchanges in the order in which they were made: those that last as long as the machine or a process, and a run's own."""

    site: list[Exchange] = field(default_factory=list)
    lives: list[Exchange] = field(default_factory=list)
    """Exchanges that made processes; one goes when all that it made were made anew."""
    start: list[Exchange] = field(default_factory=list)
    calls: list[Act] = field(default_factory=list)
    processes: dict[int, str] = field(default_factory=dict)
    """Who has had which process id."""

    def begin(self, exchanges: Sequence[Exchange]) -> None:
        """A run begins: these were made for it."""
        self.calls.clear()
        self.start = [one for one in exchanges if not _born(one)]
        for one in exchanges:
            if born := _born(one):
                self.lives = [life for life in self.lives if not set(_born(life)) <= set(born)]
                self.lives.append(one)

    def hear(self, exchanges: Sequence[Exchange]) -> None:
        """Remember whose the process ids in these replies are."""
        for batch in (batch for one in exchanges for batch in one):
            for line, reply in zip(batch.lines, batch.replies, strict=False):  # a fall leaves fewer replies
                if line.startswith("spawn ") and reply.isdigit():
                    self.processes[int(reply)] = line.split()[1]

    def add(self, exchanges: Sequence[Exchange]) -> None:
        """These were made besides, after the last call."""
        if not self.calls:
            return
        last = self.calls[-1]
        besides = tuple(Part(batch.target, 0, tuple(batch.lines)) for one in exchanges for batch in one)
        self.calls[-1] = replace(last, parts=(*last.parts, *besides))

    def acts(self, calls: int) -> tuple[Act, ...]:
        """All that the first so many calls of the run rest on, and these calls."""
        before = [*self.site, *self.lives, *self.start]
        first = (Act("", tuple(Part(batch.target, 0, tuple(batch.lines)) for batch in one)) for one in before)
        return (*first, *self.calls[:calls])


class Marks:
    """How long the batches of a round are, before something more is put into it."""

    def __init__(self, using: Round) -> None:
        self._using = using
        self._long = {id(batch): len(batch.lines) for batch in using.batches}

    def since(self) -> tuple[Part, ...]:
        """What was put into the round since."""
        found = []
        for batch in self._using.batches:
            first = self._long.get(id(batch), 0)
            if len(batch.lines) > first:
                found.append(Part(batch.target, first, tuple(batch.lines[first:])))
        return tuple(found)


def _born(exchange: Exchange) -> tuple[str, ...]:
    """The processes that an exchange makes."""
    return tuple(line.split()[1] for batch in exchange for line in batch.lines if line.startswith("spawn "))
