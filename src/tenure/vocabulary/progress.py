"""Progress: whether what is under way, or is due, has a step that can be taken."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.vocabulary.calls import Call, Step
from tenure.vocabulary.registers import actor_sort
from tenure.vocabulary.terms import TRUE, Op, Term, both, busy, either, frame, no, parts, some, stands, substitute
from tenure.vocabulary.types import Sort, sort_of


def goes_on(calls: tuple[Call, ...], actor: Term) -> Term:
    """The actor's call has a step that can be taken, or a release of it can begin; or it sleeps, and some other call goes on.

    Steps go forward (loops are in address ranges alone), so calls under way come to an end: where nobody else is under way, who
    sleeps wakes by itself or never.
    """
    sort = sort_of(actor.type)
    releases = [c for c in calls if c.internal and actor_sort(c) == sort]
    begins = either(*(_due(c, actor, _moves(c.steps[0])) for c in releases))
    waits = either(*(_due(c, actor, TRUE) for c in releases if c.steps[0].waits))
    asleep = _asleep(calls, actor)
    sorts = dict.fromkeys(actor_sort(c) for c in calls if len(c.steps) > 1)
    others = either(*(some(s, lambda y: both(busy(y), no(_asleep(calls, y)))) for s in sorts))
    idle = no(busy(actor))
    return either(both(busy(actor), no(asleep)), both(idle, begins), both(either(asleep, both(idle, waits)), others))


def _due(call: Call, actor: Term, moves: Term) -> Term:
    """Whoever runs the releases may make this call for the actor, with some arguments with which its first step `moves`."""
    due = both(call.requires, moves)
    given = {p.name: p for p in call.parameters}
    if isinstance(call.actor, str):
        due = substitute(due, {call.actor: actor})
        del given[call.actor]
    for one in given.values():
        sort = sort_of(one.type)
        if sort is not None:
            due = some(sort, lambda x, due=due, name=one.name: substitute(due, {name: x}))  # type: ignore[misc]  # defaults bind the loop's values
    return due


def _asleep(calls: Iterable[Call], actor: Term) -> Term:
    """The actor's call stands before a step that sleeps, and none of its cases holds."""
    sort = sort_of(actor.type)
    sleeping = ((c, s) for c in calls if actor_sort(c) == sort for s in c.steps[1:] if s.waits)
    return either(*(both(stands(actor, c.qualified(s.name)), no(_in_frame(_moves(s), c, actor))) for c, s in sleeping))


def _moves(step: Step) -> Term:
    """Some case of the step holds; of one that does not wait the last always does."""
    if not step.waits:
        return TRUE
    return either(*(_taken(c.when, c.pick.variable, c.pick.where) if c.pick else c.when for c in step.cases))


def _taken(when: Term, picked: Term, where: Term) -> Term:
    sort = sort_of(picked.type)
    assert isinstance(sort, Sort)  # noqa: S101  # picks are objects
    return some(sort, lambda x: substitute(both(when, where), {str(picked.data): x}))


def _in_frame(condition: Term, call: Call, actor: Term) -> Term:
    """The condition as the actor's frame keeps what it speaks of."""
    free = {str(p.data): p.type for p in parts(condition) if p.op is Op.VARIABLE and str(p.data) in condition.free}
    return substitute(
        condition, {n: actor if n == call.actor else frame(actor, call.name, n, t) for n, t in free.items()}
    )
