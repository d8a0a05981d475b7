"""Races on a guest: the same calls over and over in one exchange, two of them at once by two threads of a process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from tenure.gate.linux.adapter import Adapter
from tenure.gate.linux.batch import Batch, Round
from tenure.gate.linux.guest import Guest
from tenure.gate.subject import Shown, TargetFailed, Written
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

RACER = "0"
"""The worker whose threads race."""

AT_ONCE = 40
"""How many races are made in an exchange; all of them must be over before a guest is taken for hanging."""

_LINES = 4000

Words = tuple[str, Mapping[str, Written]]
"""A call with its arguments in written form."""

Said = tuple[tuple[Answer | None, ...], tuple[Answer | None, ...], Shown]
"""What came of one race: what the calls before it were answered; the two, and those that look; what was shown."""


@runtime_checkable
class Races(Protocol):
    """An adapter whose calls two threads of one process can make at once."""

    shown_after: frozenset[str]
    """What is shown after a race."""

    def race_scope(self, system: System) -> Scope:
        """A small scope with one process and two threads."""

    def again(self, batch: Batch) -> None:
        """Lines by which the process closes everything and makes what a race starts from."""


class _Piece:
    """The lines of one call, put together apart and then laid among others, and how to read what it answered."""

    def __init__(self, used: int, make: Callable[[Round], Callable[[], object]]) -> None:
        self.batch = Batch(RACER, [], [], used)
        using = Round(self.batch)
        self.read = make(using)
        self.alone = using.batches == (self.batch,)
        """Nobody but the racing process makes it."""
        self._laid: dict[int, int] = {}

    @property
    def main(self) -> int:
        """The line that is the call itself: its first system call."""
        return next(n for n, line in enumerate(self.batch.lines) if line.startswith("s "))

    @property
    def of_one_call(self) -> bool:
        """It is one system call: what follows gives a new file its number, or reads what was written."""
        return self.alone and any(line.startswith("s ") for line in self.batch.lines)

    def lay(self, onto: Batch, lines: Iterable[int]) -> None:
        """Put some of the lines there; what they refer to is found again."""
        for number in lines:
            line = re.sub(r"\$(\d+)", lambda found: f"${self._laid[int(found[1])]}", self.batch.lines[number])
            self._laid[number] = onto.order(line).number

    def lay_all(self, onto: Batch) -> None:
        self.lay(onto, range(len(self.batch.lines)))

    def take(self, replies: Sequence[str]) -> None:
        """The replies are there."""
        self.batch.replies = [replies[self._laid[n]] for n in range(len(self.batch.lines))]


class Racing:
    """One kernel, called by two threads of a process."""

    def __init__(self, guest: Guest, adapter: Adapter, races: Races) -> None:
        self._guest = guest
        self._adapter = adapter
        self._races = races
        self.shown_after = races.shown_after
        """What is shown after a race."""

    def scope(self, system: System) -> Scope:
        """Where races are looked for."""
        return self._races.race_scope(system)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """A thread makes this call by one system call."""
        if call not in self._adapter.calls or not self._adapter.able(call, args):
            return False
        return self._asked((call, args), 0).of_one_call

    def run(
        self, before: Sequence[Words], pair: tuple[Words, Words], looks: Sequence[Words], turns: Sequence[int]
    ) -> list[Said]:
        """Make a race once for each of these turns that one thread or the other takes before its call."""
        made: list[Callable[[], Said]] = []
        said: list[Said] = []
        batch = Batch(RACER)
        for wait in turns:
            made.append(self._once(batch, before, pair, looks, wait))
            if len(made) == AT_ONCE or len(batch.lines) > _LINES * 3 // 4:
                said += self._exchanged(batch, made)
                batch, made = Batch(RACER), []
        return said + self._exchanged(batch, made)

    def lines(self, before: Sequence[Words], pair: tuple[Words, Words], looks: Sequence[Words]) -> tuple[str, ...]:
        """What the process is asked for one race."""
        batch = Batch(RACER)
        self._once(batch, before, pair, looks, 1)
        return tuple(batch.lines)

    def _exchanged(self, batch: Batch, made: Sequence[Callable[[], Said]]) -> list[Said]:
        if batch.lines:
            self._guest.ask(batch)
        return [read() for read in made]

    def _once(
        self, batch: Batch, before: Sequence[Words], pair: tuple[Words, Words], looks: Sequence[Words], turns: int
    ) -> Callable[[], Said]:
        """Lines for one race; how to read what came of it."""
        fresh = _Piece(0, self._again)
        fresh.lay_all(batch)
        alone = self._laid(batch, before)
        first = self._asked(pair[0], 0)
        second = self._asked(pair[1], _used(first))
        for one in (first, second):
            one.lay(batch, range(one.main))
        threads = batch.order(f"b {turns}")
        for one in (first, second):
            one.lay(batch, [one.main])
        for one in (first, second):
            one.lay(batch, range(one.main + 1, len(one.batch.lines)))
        after = self._laid(batch, looks)
        shown = _Piece(0, self._adapter.look) if self.shown_after else None
        if shown is not None:
            shown.lay_all(batch)
        pieces = [*alone, first, second, *after, *([shown] if shown is not None else [])]

        def read() -> Said:
            if batch.number(threads) < 0:
                raise TargetFailed("the agent has no second thread", "give the guest more memory")
            for piece in pieces:
                piece.take(batch.replies)
            answers = tuple(_answer(piece) for piece in (first, second, *after))
            state = shown.read() if shown is not None else {}
            return tuple(map(_answer, alone)), answers, state if isinstance(state, dict) else {}

        return read

    def _again(self, using: Round) -> Callable[[], None]:
        self._races.again(using.of(RACER))
        return lambda: None

    def _laid(self, batch: Batch, calls: Sequence[Words]) -> list[_Piece]:
        """Calls that are made one after the other."""
        pieces = []
        for call in calls:
            piece = self._asked(call, 0)
            piece.lay_all(batch)
            pieces.append(piece)
        return pieces

    def _asked(self, call: Words, used: int) -> _Piece:
        return _Piece(used, lambda using: self._adapter.ask(*call, using))


def _answer(piece: _Piece) -> Answer | None:
    found: Answer | None = piece.read()  # type: ignore[assignment]  # it was made of a call
    return found


def _used(piece: _Piece) -> int:
    """From where on the memory that calls point to is free behind a call."""
    return piece.batch.used
