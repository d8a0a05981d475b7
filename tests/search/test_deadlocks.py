"""Two ways to the same answer: where locks have ranks no schedule blocks, and who wakes a sleeper is declared to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.models import SYSTEMS
from tenure.prover.ranks import ranks
from tenure.search.deadlocks import deadlock
from tenure.search.explorer import explore
from tenure.search.scopes import scope
from tenure.vocabulary.calls import Call, Step, done, go, step
from tenure.vocabulary.lock_order import edges, leading_to, nodes, owing, shortest_cycle
from tenure.vocabulary.locks import Lock, Queue, Reference, Taken, briefly
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import DEVICE, THREAD
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, some, stands

LOCKS = tuple(Lock(name) for name in "abc")
QUEUES = tuple(Queue(name) for name in "qr")

taken: st.SearchStrategy[tuple[Taken, ...]] = st.lists(
    st.one_of(st.sampled_from(LOCKS), st.sampled_from(LOCKS).map(briefly)), max_size=2
).map(tuple)
dropped = st.lists(taken.map(lambda locks: Reference("thing", locks)), max_size=1).map(tuple)
queues = st.one_of(st.just(()), st.sampled_from(QUEUES).map(lambda q: (q,)))


@st.composite
def calls(draw: st.DrawFn, name: str) -> Call:
    """A call of one to three steps that lock, keep, drop, sleep and wake, and that may end or skip a step."""
    count = draw(st.integers(1, 4))
    steps: list[Step] = []
    coming: dict[int, set[Lock]] = {0: set()}
    for i in range(count):
        locks, here = draw(taken), coming.get(i)
        held = set() if here is None else here | {one for one in locks if isinstance(one, Lock)}
        keeps = tuple(one for one in LOCKS if one in held and draw(st.booleans()))
        waits = draw(st.one_of(st.just(value=False), st.sampled_from(QUEUES)))
        to = draw(st.integers(i + 1, count)) if here is not None else count
        cases = (go(to=f"s{to}"), done()) if to < count else (done(),)
        woken, owed = draw(queues), draw(queues)
        one = step(f"s{i}", *cases, locks=locks, drops=draw(dropped), waits=waits, keeps=keeps, wakes=woken, owes=owed)
        steps.append(one)
        if to < count:
            coming[to] = coming.get(to, set()) | set(keeps)
    return Call(name, "", "", "", THREAD, (), TRUE, tuple(steps))


systems = st.tuples(calls("one"), calls("two")).map(lambda both: System("any", "", "", "", both, ()))


@given(systems)
@settings(max_examples=60)
def test_where_there_are_ranks_no_schedule_blocks_for_ever(system: System) -> None:
    """The graph and the search know nothing of each other but what each step does; three threads take any two calls."""
    found = ranks(nodes(system), edges(system))

    assert (found is None) == bool(shortest_cycle(edges(system)))
    if found is not None:
        assert deadlock(system, ["one", "two"], 3) is None


@given(systems)
@settings(max_examples=150)
def test_a_schedule_ends_in_waits_for_what_others_hold(system: System) -> None:
    """At the end of a schedule each thread that waits for a lock waits for one that has a holder."""
    trace = deadlock(system, ["one", "two"], 2)

    if trace is not None:
        last = trace.steps[-1].after
        wanted = [what for what in last["waits for"].values() if what != "nothing"]
        assert wanted
        assert all(last["holder of"].get(str(what), "asleep") != "none" for what in wanted)


DIVIDED = {"unbind_driver", "get_device_fd", "get_external_user"}
LEFT_OUT = {"fork", "pass_file", "exit_process", "bind_driver", "get_status", "iommu_id", "use"}


def test_what_a_round_comes_to_may_come_before_where_it_began() -> None:
    """The steps of a loop lead to each other, and what one of them owes may be owed in any of the next round."""
    queue = QUEUES[0]
    steps = (
        step("look", go(), repeats=True),
        step("take", go(), owes=(queue,)),
        step("give", go(to="look"), done(), wakes=(queue,)),
    )
    loop = Call("loop", "", "", "", THREAD, (), TRUE, steps)
    way = replace(loop, steps=(*steps[:2], step("give", done(), wakes=(queue,))))

    assert leading_to(loop, 0) == (0, 1, 2)
    assert leading_to(way, 0) == (0,)
    assert owing(loop, queue, 2) == (0, 1, 2)
    assert owing(way, queue, 2) == (2,)


def waking(system: System) -> Iterator[tuple[str, frozenset[str]]]:
    """Each waiting step, with the steps of each transition after which it can go on where it could not before."""
    names = {c.name for c in system.calls}
    rules = rules_of(replace(system, indivisible=frozenset(names - DIVIDED)), Granularity.STEPS)
    sizes = {"process": 1, "thread": 1, "file": 3, "group": 1, "container": 1, "device": 1, "table": 1, "page": 0}
    machine = Machine(rules, scope({**sizes, "user": 1 if "get_external_user" in names else 0}))
    waits = {machine.continuing(c.qualified(s.name)) for c in system.calls for s in c.steps if s.waits}
    others = [i for i, r in enumerate(rules.rules) if r.call.name not in LEFT_OUT and r.call.name != "unbind_driver"]
    sleeping = [i for i, r in enumerate(rules.rules) if r.call.name == "unbind_driver"]
    found = explore(machine, calls=frozenset(names - LEFT_OUT))
    assert found.complete
    at = machine.function(rules.lower(some(DEVICE, lambda d: stands(d, *(rules.rules[w].name for w in waits)))))
    for state in found.parents:
        if not at(state) or any(machine.canonical(state, i) for i in sleeping):
            continue
        for made in (t for i in others for t in machine.canonical(state, i)):
            steps = frozenset(b.name.partition("#")[0] for b in machine.leaves[made.rule][made.leaf].path)
            yield from ((rules.rules[w].name, steps) for w in waits if machine.canonical(made.state, w))


@pytest.mark.parametrize(
    "name", ["containers-2012", "containers-2013", "containers-2022", "containers-2022:6.1", "external-get-put"]
)
def test_who_wakes_a_sleeper_is_declared_to(name: str) -> None:
    """In every state of a small scope: a sleeper that could not go on can only after a step that wakes its queue."""
    system = next(s for s in SYSTEMS if s.id == name)
    declared = {c.qualified(s.name): s for c in system.calls for s in c.steps}

    found = set(waking(system))

    assert {wait for wait, _ in found} == {n for n, one in declared.items() if one.waits}
    for wait, steps in found:
        assert any(declared[wait].waits in declared[s].wakes for s in steps), (wait, steps)
