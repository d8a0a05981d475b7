"""The lock graph of a system: what its calls take while they hold something, and what those who wake a sleeper need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from tenure.vocabulary.calls import Call, Next, Step
from tenure.vocabulary.locks import Lock, Queue, Reference, Taken
from tenure.vocabulary.systems import System

Node = Lock | Queue
"""What a thread can wait for."""


class Does(Enum):
    """What a thread does with a lock or a queue."""

    TAKES = "takes"
    LETS_GO = "lets go of"
    SLEEPS = "sleeps on"
    WAKES = "wakes"


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that a step does with a lock or a queue, by itself or in the release of what it drops."""

    does: Does
    on: Node
    why: str = ""

    def __str__(self) -> str:
        return f"{self.does.value} {self.on}{self.why}"


@dataclass(frozen=True, slots=True)
class Edge:
    """Whoever holds the first, or is to wake it, can wait for the second; `step` is where."""

    first: Node
    then: Node
    call: str
    step: str
    why: str = ""

    def __str__(self) -> str:
        waits = f"{'sleeps on' if isinstance(self.then, Queue) else 'waits for'} {self.then}{self.why}"
        does = "is to wake" if isinstance(self.first, Queue) else "holds"
        return f"{self.step} {does} {self.first} and {waits}"


def moves(call: Call, step: Step) -> tuple[Move, ...]:
    """What the step does, in order: it sleeps, takes, drops, wakes. What it then still holds it keeps or lets go.

    A step that names no queue and takes locks sleeps on these.
    """
    queue = step.waits if isinstance(step.waits, Queue) else Queue(call.qualified(step.name))
    sleeps = (Move(Does.SLEEPS, queue),) if isinstance(step.waits, Queue) or (step.waits and not step.locks) else ()
    wakes = (Move(Does.WAKES, q) for q in step.wakes)
    return (*sleeps, *_taking(step.locks, step.drops, ""), *wakes)


def after(held: tuple[Lock, ...], move: Move) -> tuple[Lock, ...]:
    """What a thread holds after the move."""
    if move.does is Does.TAKES and isinstance(move.on, Lock):
        return (*held, move.on)
    if move.does is Does.LETS_GO:
        last = len(held) - 1 - held[::-1].index(move.on)
        return held[:last] + held[last + 1 :]
    return held


def following(call: Call, index: int) -> tuple[int | None, ...]:
    """The steps that may follow this one; None where the call may end."""
    position = {s.name: i for i, s in enumerate(call.steps)}
    follows = [case.follow for case in call.steps[index].cases]
    goes = (position.get(f.to or "", index + 1) if isinstance(f, Next) else None for f in follows)
    return tuple(dict.fromkeys(goes))


def kept(step: Step, held: Iterable[Lock]) -> tuple[Lock, ...]:
    """What the call still holds when it goes on after the step: what the step keeps of what it holds."""
    return tuple(one for one in held if one in step.keeps)


def entered(call: Call) -> Iterator[tuple[int, tuple[Lock, ...]]]:
    """Each step with what the call may hold when it comes there; a TypeError where a step keeps what it never holds."""
    pending: list[tuple[int, tuple[Lock, ...]]] = [(0, ())]
    seen = set(pending)
    never: dict[int, set[Lock]] = {}
    while pending:
        index, held = pending.pop()
        yield index, held
        step = call.steps[index]
        for move in moves(call, step):
            held = after(held, move)
        never[index] = never.get(index, set(step.keeps)) - set(held)
        new = {(i, kept(step, held)) for i in following(call, index) if i is not None} - seen
        seen |= new
        pending += sorted(new, key=lambda at: at[0])
    for index, locks in never.items():
        if locks:
            name, which = call.qualified(call.steps[index].name), ", ".join(sorted(map(str, locks)))
            raise TypeError(
                f"{name} keeps {which}, which it never holds: take it there, or keep it from the step before"
            )


def leading_to(call: Call, last: int) -> tuple[int, ...]:
    """The steps from which the call may come to this one, and itself; a loop may lead back to it from later ones."""
    found, larger = set[int](), {last}
    while found != larger:
        found = larger
        larger = found | {i for i in range(len(call.steps)) if found & set(following(call, i))}
    return tuple(sorted(found))


def owing(call: Call, queue: Queue, waker: int) -> tuple[int, ...]:
    """The steps on the way to this one in which others may wait for the call to wake the queue: behind those that make it owe that."""
    way = leading_to(call, waker)
    since = [i for i in way if queue in call.steps[i].owes]
    return tuple(i for i in way if any(i > s and s in leading_to(call, i) for s in since)) if since else way


def edges(system: System) -> tuple[Edge, ...]:
    """Every pair of which one may be waited for while the other is held or is to be woken, with each step that does so."""
    found = [e for c in system.calls for e in (*_under_locks(c), *_before_waking(c))]
    return tuple(dict.fromkeys(found))


def nodes(system: System) -> tuple[Node, ...]:
    """Every lock and queue that some step names, by name."""
    found = {m.on for c in system.calls for s in c.steps for m in moves(c, s)}
    return tuple(sorted(found, key=str))


def never_woken(system: System) -> tuple[Edge, ...]:
    """Where a thread sleeps under a lock on what no step of the system is declared to wake."""
    woken = {m.on for c in system.calls for s in c.steps for m in moves(c, s) if m.does is Does.WAKES}
    return tuple(e for e in edges(system) if isinstance(e.then, Queue) and e.then not in woken)


def shortest_cycle(graph: Sequence[Edge]) -> tuple[Edge, ...]:
    """The fewest edges that lead back to where they begin; nothing where the graph has no cycle."""
    starts = sorted({e.first for e in graph}, key=str)
    found = [c for c in (_way(graph, start, start) for start in starts) if c]
    return min(found, key=len, default=())


def entangled(graph: Sequence[Edge]) -> tuple[str, ...]:
    """The calls that take part in some cycle."""
    return tuple(dict.fromkeys(e.call for e in graph if e.first == e.then or _way(graph, e.then, e.first)))


def _way(graph: Sequence[Edge], start: Node, goal: Node) -> tuple[Edge, ...]:
    """The fewest edges from one node to another, at least one."""
    ways: dict[Node, tuple[Edge, ...]] = {}
    level: list[tuple[Node, tuple[Edge, ...]]] = [(start, ())]
    while level:
        further = []
        for node, way in level:
            for edge in graph:
                if edge.first == node and edge.then not in ways:
                    ways[edge.then] = (*way, edge)
                    further.append((edge.then, ways[edge.then]))
        if goal in ways:
            return ways[goal]
        level = further
    return ()


def _taking(locks: Iterable[Taken], drops: Iterable[Reference], why: str) -> Iterator[Move]:
    for one in locks:
        if isinstance(one, Lock):
            yield Move(Does.TAKES, one, why)
        else:
            yield from _for_a_time(one.locks, one.drops, why)
    for reference in drops:
        yield from _for_a_time(reference.locks, reference.drops, f" to release the {reference}")


def _for_a_time(locks: tuple[Taken, ...], drops: tuple[Reference, ...], why: str) -> Iterator[Move]:
    """The same, and then everything is let go."""
    yield from _taking(locks, drops, why)
    yield from (Move(Does.LETS_GO, one) for one in reversed(locks) if isinstance(one, Lock))


def _under_locks(call: Call) -> Iterator[Edge]:
    """Each lock that a step takes, and each queue that it sleeps on, under each lock that it holds then."""
    for index, entry in entered(call):
        held, step = entry, call.steps[index]
        for move in moves(call, step):
            if move.does in (Does.TAKES, Does.SLEEPS):
                yield from (Edge(h, move.on, call.name, call.qualified(step.name), move.why) for h in held)
            held = after(held, move)


def _before_waking(call: Call) -> Iterator[Edge]:
    """Each lock and each queue that a call may wait for while others sleep on a queue until it wakes them."""
    reached = [i for i, _ in entered(call)]
    for last, step in enumerate(call.steps):
        for queue in step.wakes if last in reached else ():
            for index in owing(call, queue, last):
                here = call.steps[index]
                for move in moves(call, here):
                    if move.does in (Does.TAKES, Does.SLEEPS):
                        yield Edge(queue, move.on, call.name, call.qualified(here.name), move.why)
