"""Unfolding: a call as rules, one from its beginning and one from each step before which it may pause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenure.vocabulary.calls import Call, Case, Finish, Next, Parameter, Pick, caller
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.registers import IDLE, Registers, actor_sort
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import TRUE, Term, both, constant, free_variables, no, substitute, variable
from tenure.vocabulary.transitions import Branch, End, Node, Paused, Rule
from tenure.vocabulary.types import default


def rules_of_call(call: Call, registers: Registers, system: System) -> Iterator[Rule]:
    """The rules of one call, in the order of its steps."""
    running = no(system.halted)
    for start in registers.blocks[call.name]:
        block = _block(call, start, registers)
        yield _going_on(block, running) if start else _beginning(block, running)


@dataclass(frozen=True, slots=True)
class _Block:
    """A call from its beginning, or from where it paused, to wherever it next pauses or ends."""

    call: Call
    start: int
    registers: Registers
    actor: Term | None
    """Who makes the call; None where the call has no such parameter, and keeps no frame either."""
    frame: dict[str, Term]
    """Locals, and arguments unless it is the caller who gives them here, as they are read from registers."""

    @property
    def pauses(self) -> bool:
        """The call may stand somewhere while others run."""
        return len(self.registers.blocks[self.call.name]) > 1

    @property
    def place(self) -> Term:
        """Where the actor stands; only for a call that pauses."""
        return self.registers.at[actor_sort(self.call).name][_known(self.actor)]

    def step(self, index: int) -> str:
        """The name of a step of the call."""
        return self.call.qualified(self.call.steps[index].name)


def _block(call: Call, start: int, registers: Registers) -> _Block:
    pauses = len(registers.blocks[call.name]) > 1
    sort = actor_sort(call)
    actor = variable(call.actor, sort) if isinstance(call.actor, str) else caller(sort) if pauses else None
    given = set() if start else {p.name for p in call.parameters}
    saved = registers.saved.get(call.name, {})
    return _Block(call, start, registers, actor, {n: r[_known(actor)] for n, r in saved.items() if n not in given})


def _beginning(block: _Block, running: Term) -> Rule:
    """The rule by which a caller begins: nobody who stands before a step of another call may."""
    call, actor, sort = block.call, block.actor, actor_sort(block.call)
    at = block.registers.at.get(sort.name)
    idle = TRUE if at is None or actor is None else at[actor] == IDLE
    extra = () if isinstance(call.actor, str) or actor is None else (Parameter("actor", sort, held=True, new=True),)
    return Rule(
        block.step(0) if block.pauses else call.name,
        call,
        begins=True,
        actor=actor,
        variables=(*extra, *call.parameters),
        when=both(running, idle, call.requires),
        root=_node(block, 0),
        arguments=tuple((p.name, p.term) for p in call.parameters),
    )


def _going_on(block: _Block, running: Term) -> Rule:
    """The rule by which a call goes on from where it paused."""
    call, actor = block.call, _known(block.actor)
    readable = {**block.frame, call.actor: actor} if isinstance(call.actor, str) else block.frame
    return Rule(
        block.step(block.start),
        call,
        begins=False,
        actor=actor,
        variables=(Parameter(str(actor.data), actor_sort(call)),),
        when=both(running, block.place == block.step(block.start)),
        root=_node(block, block.start),
        arguments=tuple((p.name, readable[p.name]) for p in call.parameters if p.name in readable),
        kept=tuple((name, term) for name, term in block.frame.items() if all(p.name != name for p in call.parameters)),
    )


def _node(block: _Block, index: int) -> Node:
    """The tree of what may happen from this step to the next pause or the end of the call."""
    cases = block.call.steps[index].cases
    return Node(block.step(index), tuple(_branch(block, index, number, case) for number, case in enumerate(cases)))


def _branch(block: _Block, index: int, number: int, case: Case) -> Branch:
    frame = block.frame
    name = f"{block.step(index)}#{number}"
    effects = tuple(e.substituted(frame) for e in case.effects)
    pick = case.pick and Pick(case.pick.variable, substitute(case.pick.where, frame))
    condition = substitute(case.when, frame)
    more, then = _after(block, index, case, name)
    return Branch(name, case.why, condition, pick, (*effects, *more), then)


def _after(block: _Block, index: int, case: Case, name: str) -> tuple[tuple[Assign, ...], Node | End]:
    """What comes after a case, and what is done to the frame for it."""
    follow = case.follow
    if isinstance(follow, Next):
        target = _index(block.call, follow.to) if follow.to else index + 1
        if target in block.registers.blocks[block.call.name]:
            return tuple(_pause(block, target)), End(Paused(block.step(target)))
        if target <= index:
            message = f"{name}: a call can only go back to a step before which it may pause"
            raise TypeError(message)
        return (), _node(block, target)
    kept: tuple[Assign, ...] = ()
    if isinstance(follow, Finish):
        kept, follow = _kept(case.effects, follow, block.frame)
    return (*kept, *_clear(block)), End(follow)


def _kept(effects: tuple[Assign, ...], follow: Finish, frame: dict[str, Term]) -> tuple[tuple[Assign, ...], Finish]:
    """Locals for what the values say of the frame, which is cleared by the time they are read; and the values by these."""
    assigned = {str(e.target.data): e.value for e in effects if e.field is None}
    named = frozenset().union(*(free_variables(v) for _, v in follow.values))
    by = {name: variable(f"kept {name}", frame[name].type) for name in frame if name in named}
    kept = tuple(Assign(one, substitute(assigned.get(name, frame[name]), frame)) for name, one in by.items())
    return kept, Finish(tuple((name, substitute(value, by)) for name, value in follow.values))


def _pause(block: _Block, target: int) -> Iterator[Assign]:
    """Save what the caller gave, and stand before the target."""
    yield block.place.becomes(block.step(target))
    if block.start == 0:
        given = {p.name: p.term for p in block.call.parameters}
        for name, register in block.registers.saved[block.call.name].items():
            if name in given:
                yield Assign(register[_known(block.actor)], given[name])


def _clear(block: _Block) -> Iterator[Assign]:
    """Leave nothing of the frame behind; a call that ends in its first block has only saved locals."""
    if block.start:
        yield block.place.becomes(IDLE)
    for register in block.frame.values():
        yield Assign(register, constant(default(register.type), register.type))


def _known(actor: Term | None) -> Term:
    assert actor is not None  # noqa: S101  # only calls that pause come here, and they have an actor
    return actor


def _index(call: Call, step: str) -> int:
    return next(i for i, s in enumerate(call.steps) if s.name == step)
