"""Deadlocks: the shortest schedule after which threads, each in one call, wait for one another for ever.

The search is over classes: every lock of a kind is one lock. It looks at what steps do with locks and at no condition,
so a schedule may be a false alarm: the objects may differ, or no state may lead two calls there at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from tenure.vocabulary.calls import Call
from tenure.vocabulary.lock_order import Does, Move, after, following, kept, moves, owing
from tenure.vocabulary.locks import Lock, Queue
from tenure.vocabulary.machine import Event
from tenure.vocabulary.systems import System
from tenure.vocabulary.traces import Shown, Trace, TraceStep

MOST_THREADS = 4
"""No schedule of more threads is looked for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A thread before a move of a step, and what it holds."""

    call: Call
    index: int
    number: int
    held: tuple[Lock, ...] = ()

    @property
    def move(self) -> Move:
        """What it does next."""
        return moves(self.call, self.call.steps[self.index])[self.number]


Threads = tuple[Standing | None, ...]
"""None: the thread's call has ended."""


@dataclass(frozen=True, slots=True)
class State:
    """Where every thread stands, and which queues have been woken."""

    threads: Threads
    woken: frozenset[Queue] = frozenset()


Schedule = tuple[tuple[int, State], ...]
"""Which thread moves, and the state that it moves from."""


def deadlock(system: System, names: Sequence[str], threads: int) -> Trace | None:
    """The shortest schedule of at most so many threads, in calls of these names, in which some block for ever."""
    calls = [c for c in system.calls if c.name in names]
    for count in range(1, min(threads, MOST_THREADS) + 1):
        found = [s for chosen in combinations_with_replacement(calls, count) if (s := _search(chosen)) is not None]
        if found:
            return _told(system, *min(found, key=lambda one: len(one[0])))
    return None


def _search(calls: Sequence[Call]) -> tuple[Schedule, State, frozenset[int]] | None:
    """Every interleaving of the calls, breadth first, to the first state in which some of them are stuck."""
    level: list[tuple[Schedule, State]] = [((), State(threads)) for threads in _beginnings(calls)]
    seen = {state for _, state in level}
    while level:
        further = []
        for way, state in level:
            if stuck := _stuck(state):
                return way, state, stuck
            for number, after_it in _steps(state):
                if after_it not in seen:
                    seen.add(after_it)
                    further.append(((*way, (number, state)), after_it))
        level = further
    return None


def _beginnings(calls: Sequence[Call]) -> Iterator[Threads]:
    if not calls:
        yield ()
        return
    for first in _settled(Standing(calls[0], 0, 0)):
        yield from ((first, *rest) for rest in _beginnings(calls[1:]))


def _settled(thread: Standing) -> Iterator[Standing | None]:
    """The thread before its next move, in whichever step that is; steps without any are passed, each once where they go round."""
    pending: list[Standing | None] = [thread]
    seen = set(pending)
    while pending:
        one = pending.pop(0)
        if one is None or one.number < len(moves(one.call, one.call.steps[one.index])):
            yield one
            continue
        held = kept(one.call.steps[one.index], one.held)
        further = [None if i is None else Standing(one.call, i, 0, held) for i in following(one.call, one.index)]
        pending += [each for each in dict.fromkeys(further) if each not in seen]
        seen |= set(further)


def _steps(state: State) -> Iterator[tuple[int, State]]:
    for number, thread in enumerate(state.threads):
        if thread is None or _is_blocked(state, thread):
            continue
        move = thread.move
        woken = state.woken | {move.on} if move.does is Does.WAKES and isinstance(move.on, Queue) else state.woken
        moved = Standing(thread.call, thread.index, thread.number + 1, after(thread.held, move))
        for further in _settled(moved):
            yield number, State((*state.threads[:number], further, *state.threads[number + 1 :]), woken)


def _is_blocked(state: State, thread: Standing) -> bool:
    move = thread.move
    if move.does is Does.TAKES:
        return any(move.on in other.held for other in state.threads if other is not None)
    return move.does is Does.SLEEPS and move.on not in state.woken


def _stuck(state: State) -> frozenset[int]:
    """The threads of which each waits for what only others of them, or itself, could give."""
    found = {i: t for i, t in enumerate(state.threads) if t is not None and _is_blocked(state, t)}
    while True:
        left = {i: t for i, t in found.items() if any(_could_give(other, t.move) for other in found.values())}
        if left == found:
            return frozenset(found)
        found = left


def _could_give(thread: Standing, wanted: Move) -> bool:
    if wanted.does is Does.TAKES:
        return wanted.on in thread.held
    queue = wanted.on
    if not isinstance(queue, Queue):
        return False
    wakers = (i for i, step in enumerate(thread.call.steps) if queue in step.wakes)
    return any(thread.index in owing(thread.call, queue, waker) for waker in wakers)


def _told(system: System, way: Schedule, last: State, stuck: frozenset[int]) -> Trace:
    """The schedule as a trace, whose last steps are the waits that never end."""
    acted = [(number, state, f"{_move(state, number)}") for number, state in way]
    waiting = [(number, last, f"waits for {_standing(last, number).move.on}") for number in sorted(stuck)]
    states = [*(state for _, state, _ in acted[1:]), *([last] * (len(waiting) + (1 if acted else 0)))]
    shown: list[Shown] = []
    for position, state in enumerate(states):
        waits = {n: str(_standing(last, n).move.on) for n, _, _ in waiting[: max(0, position + 1 - len(acted))]}
        shown.append(_shown(system, state, waits))
    steps = tuple(
        TraceStep(_event(number, state, text), after_it)
        for (number, state, text), after_it in zip([*acted, *waiting], shown, strict=True)
    )
    first = way[0][1] if way else last
    return Trace(
        system=system.id,
        granularity="steps",
        subject="LOCKS",
        reason=f"{len(last.threads)} threads, each in one call; searched over classes of locks, conditions not looked at",
        scope=(("thread", len(last.threads)),),
        fixed={},
        initial=_shown(system, first, {}),
        steps=steps,
    )


def _standing(state: State, number: int) -> Standing:
    thread = state.threads[number]
    assert thread is not None  # noqa: S101  # a thread whose call has ended neither moves nor waits
    return thread


def _move(state: State, number: int) -> Move:
    return _standing(state, number).move


def _event(number: int, state: State, text: str) -> Event:
    thread = _standing(state, number)
    step = thread.call.qualified(thread.call.steps[thread.index].name)
    return Event(f"{step} {text}", thread.call.name, step, f"th{number}", (), None)


def _shown(system: System, state: State, waits: dict[int, str]) -> Shown:
    locks = {m.on for c in system.calls for s in c.steps for m in moves(c, s) if isinstance(m.on, Lock)}
    holder = {lock: f"th{i}" for i, t in enumerate(state.threads) if t is not None for lock in t.held}
    return {
        "holder of": {str(lock): holder.get(lock, "none") for lock in sorted(locks, key=str)},
        "waits for": {f"th{i}": waits.get(i, "nothing") for i in range(len(state.threads))},
    }
