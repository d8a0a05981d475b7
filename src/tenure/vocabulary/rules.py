"""Rules: a system at one granularity, as guarded transitions that both readings share.

Frames of calls in flight become ordinary fields here: ``at thread`` says before which step a thread stands, registers
keep its arguments and locals. After this, nothing knows about calls any more: there are only conditions and effects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tenure.vocabulary.calls import Call, Case, Crash, Finish, Next, Parameter, Pick, Refuse, Step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.symbols import Field, Observable, Role
from tenure.vocabulary.systems import Claim, Granularity, System
from tenure.vocabulary.terms import (
    FALSE,
    TRUE,
    Op,
    Term,
    both,
    constant,
    either,
    free_variables,
    is_none,
    no,
    parts,
    rewrite,
    some,
    substitute,
    variable,
)
from tenure.vocabulary.types import NONE, Choice, Sort, Type, default, sort_of

IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Paused:
    """The call stands before the step named."""

    step: str


Outcome = Paused | Finish | Refuse | Crash


@dataclass(frozen=True, slots=True)
class End:
    """What a rule ends with: a pause before another step, values, an errno, or a crash."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Branch:
    """One case of a step inside a rule; its name says which: ``unset_container.check#1``."""

    name: str
    why: str
    when: Term
    pick: Pick | None
    effects: tuple[Assign, ...]
    then: Node | End


@dataclass(frozen=True, slots=True)
class Node:
    """An ordered choice of branches: the first whose condition holds is taken."""

    step: str
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One indivisible transition: for some objects, where `when` holds, do what `root` says."""

    name: str
    call: Call
    begins: bool
    actor: Term | None
    variables: tuple[Parameter, ...]
    when: Term
    root: Node
    arguments: tuple[tuple[str, Term], ...]
    """The call's parameters as this rule can still read them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A system at one granularity."""

    system: System
    granularity: Granularity
    rules: tuple[Rule, ...]
    fields: tuple[Field, ...]
    claims: tuple[Claim, ...]
    initially: Term
    registers: Registers

    def lower(self, term: Term) -> Term:
        """A term over observables and frames as a term over fields alone."""
        return self.registers.settle(self.registers.expand(self.system.inline(term)))


def rules_of(system: System, granularity: Granularity) -> Rules:
    """The rules of a system whose calls interleave at this granularity."""
    registers = Registers({c.name: _blocks(c, system, granularity) for c in system.calls}, system.calls)
    drafts = tuple(rule for c in system.calls for rule in _rules_of_call(c, registers, system))
    assigned = {e.field.name for r in drafts for e in _effects(r.root) if e.field is not None}
    registers.assigned = frozenset(assigned)
    rules = tuple(_map_rule(r, registers) for r in drafts)
    claims = tuple(replace(c, body=registers.settle(registers.expand(c.body))) for c in system.claims)
    lowered = [registers.settle(registers.expand(d.body)) for d in system.definitions]
    initially = registers.settle(system.initially)
    fields = _all_fields(rules, [*(c.body for c in claims), *lowered, initially])
    return Rules(system, granularity, rules, fields, claims, initially, registers)


@dataclass
class Registers:
    """Where the frames of calls in flight live: one field per actor sort and kind of value."""

    blocks: dict[str, tuple[int, ...]]
    calls: tuple[Call, ...]
    saved: dict[str, dict[str, Field]] = field(default_factory=dict)
    held: list[Field] = field(default_factory=list)
    at: dict[str, Field] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        by_sort: dict[Sort, list[Call]] = {}
        for one in self.calls:
            if len(self.blocks[one.name]) > 1:
                by_sort.setdefault(actor_sort(one), []).append(one)
        made: dict[str, Field] = {}
        for sort, calls in by_sort.items():
            pauses = tuple(c.qualified(c.steps[i].name) for c in calls for i in self.blocks[c.name][1:])
            kind = Choice(f"step of a {sort.name}", (IDLE, *pauses))
            meaning = f"the step before which the {sort.name}'s call stands"
            self.at[sort.name] = Field(f"at {sort.name}", (sort,), kind, meaning, Role.REAL, 0)
            for one in calls:
                self.saved[one.name] = self._allocate(one, sort, made)

    def _allocate(self, call: Call, sort: Sort, made: dict[str, Field]) -> dict[str, Field]:
        """Registers for what later blocks read, and for what the call keeps a reference to."""
        used: dict[str, int] = {}
        result = {}
        held = {p.name: p.held for p in call.parameters}
        for name, kind in _frame(call, self.blocks[call.name]).items():
            if name == call.actor:
                continue
            keeps = held.get(name, not name.startswith("*")) and sort_of(kind) is not None
            pointer = sort_of(kind)
            family = f"{sort.name} {'keeps' if keeps else 'has'} {pointer.name if pointer else kind}"
            used[family] = used.get(family, -1) + 1
            label = f"{family} {used[family]}"
            if label not in made:
                stored = pointer.maybe if pointer else kind
                meaning = "an argument or local of a call in flight"
                made[label] = Field(label, (sort,), stored, meaning, Role.REAL, default(stored))
                if keeps:
                    self.held.append(made[label])
            result[name] = made[label]
        return result

    def expand(self, term: Term) -> Term:
        """`term` with "in flight" and "busy" spelled out over registers."""

        def change(part: Term) -> Term | None:
            if part.op is Op.BUSY:
                at = self.at.get(_sort(part.args[0]).name)
                return no(at[rewrite(part.args[0], change)] == IDLE) if at else FALSE
            if part.op is Op.STANDS:
                at = self.at.get(_sort(part.args[0]).name)
                known = at is not None and isinstance(at.value, Choice) and part.data in at.value.values
                return at[rewrite(part.args[0], change)] == str(part.data) if at and known else FALSE
            if part.op is Op.FRAME:
                call, _, name = str(part.data).partition("/")
                register = self.saved.get(call, {}).get(name)
                return register[rewrite(part.args[0], change)] if register else constant(NONE, part.type)
            if part.op is Op.IN_FLIGHT:
                thing = rewrite(part.args[0], change)
                sort = _sort(thing)
                holding = [self._holds(r, thing) for r in self.held if sort_of(r.value) == sort]
                return both(no(is_none(thing)), either(*holding))
            return None

        return rewrite(term, change)

    def _holds(self, register: Field, thing: Term) -> Term:
        return some(register.domain[0], lambda actor: register[actor] == thing)

    def settle(self, term: Term) -> Term:
        """`term` with each field that starts at a constant and is never assigned replaced by that constant."""

        def change(part: Term) -> Term | None:
            one = part.data
            if part.op is not Op.READ or not isinstance(one, Field) or one.initial is None or one.name in self.assigned:
                return None
            return constant(one.initial, one.value)

        return rewrite(term, change)


def actor_sort(call: Call) -> Sort:
    """The sort of those who make the call."""
    if isinstance(call.actor, Sort):
        return call.actor
    found = next(p for p in call.parameters if p.name == call.actor)
    return _sort(found.term)


def leaves(node: Node, path: tuple[Branch, ...] = ()) -> Iterator[tuple[Branch, ...]]:
    """Every way through a rule, as the branches taken in order."""
    for branch in node.branches:
        if isinstance(branch.then, Node):
            yield from leaves(branch.then, (*path, branch))
        else:
            yield (*path, branch)


def _blocks(call: Call, system: System, granularity: Granularity) -> tuple[int, ...]:
    """The indexes of the steps before which the call may stand while others run."""
    divisible = granularity is Granularity.STEPS and call.name not in system.indivisible
    return tuple(i for i, s in enumerate(call.steps) if i == 0 or divisible or s.waits)


def _sort(term: Term) -> Sort:
    sort = sort_of(term.type)
    if sort is None:
        message = f"{term.type} is no object"
        raise TypeError(message)
    return sort


def _frame(call: Call, blocks: tuple[int, ...]) -> dict[str, Type]:
    """The variables that outlive a block: references held, and whatever a later block reads."""
    kinds: dict[str, Type] = {p.name: p.type for p in call.parameters}
    reads: list[set[str]] = []
    for number, start in enumerate(blocks):
        stop = blocks[number + 1] if number + 1 < len(blocks) else len(call.steps)
        names: set[str] = set()
        for step in call.steps[start:stop]:
            for term in _terms(step):
                names |= free_variables(term)
                kinds.update({str(t.data): t.type for t in parts(term) if t.op is Op.VARIABLE})
        reads.append(names)
    later = set().union(*reads[1:])
    keep = {p.name for p in call.parameters if p.held} | later
    assigned = {str(e.target.data) for s in call.steps for c in s.cases for e in c.effects if e.field is None}
    known = {p.name for p in call.parameters} | assigned
    return {name: kinds[name] for name in kinds if name in keep and name in known}


def _terms(step: Step) -> Iterator[Term]:
    for case in step.cases:
        yield case.when
        for effect in case.effects:
            yield from (effect.target, effect.value, effect.where)
        if isinstance(case.follow, Finish):
            yield from (t for _, t in case.follow.values)


def _rules_of_call(call: Call, registers: Registers, system: System) -> Iterator[Rule]:
    blocks = registers.blocks[call.name]
    sort = actor_sort(call)
    at = registers.at.get(sort.name)
    pauses = len(blocks) > 1
    own = isinstance(call.actor, str)
    actor = variable(call.actor, sort) if isinstance(call.actor, str) else variable("actor", sort) if pauses else None
    idle = at[actor] == IDLE if at is not None and actor is not None else TRUE
    running = no(system.halted)
    for start in blocks:
        name = call.name if not pauses else call.qualified(call.steps[start].name)
        if start == 0:
            extra = () if own or actor is None else (Parameter("actor", sort, held=True, new=True),)
            when = both(running, idle, call.requires)
            variables = (*extra, *call.parameters)
            root = _node(call, 0, registers, actor, pauses=pauses, begins=True)
            arguments = tuple((p.name, p.term) for p in call.parameters)
            yield Rule(name, call, True, actor, variables, when, root, arguments)  # noqa: FBT003  # a field's value
        else:
            assert at is not None and actor is not None  # noqa: S101, PT018  # it paused, so it has a place to stand
            when = both(running, at[actor] == call.qualified(call.steps[start].name))
            root = _node(call, start, registers, actor, pauses=True, begins=False)
            frame = {name: register[actor] for name, register in registers.saved[call.name].items()}
            if own:
                frame[str(call.actor)] = actor
            shown = tuple((p.name, frame[p.name]) for p in call.parameters if p.name in frame)
            rule = Rule(name, call, False, actor, (Parameter(str(actor.data), sort),), when, root, shown)  # noqa: FBT003  # a field's value
            yield rule


def _node(call: Call, index: int, registers: Registers, actor: Term | None, *, pauses: bool, begins: bool) -> Node:
    """The tree of what may happen from this step to the next pause or the end of the call."""
    given = {p.name for p in call.parameters} if begins else set()
    saved = registers.saved.get(call.name, {})
    frame = {name: register[_known(actor)] for name, register in saved.items() if name not in given}
    step = call.steps[index]
    branches = tuple(
        _branch(call, index, number, case, registers, actor, frame, pauses=pauses, begins=begins)
        for number, case in enumerate(step.cases)
    )
    return Node(call.qualified(step.name), branches)


def _branch(  # noqa: PLR0913  # one recursive walk; a class would only rename its arguments
    call: Call,
    index: int,
    number: int,
    case: Case,
    registers: Registers,
    actor: Term | None,
    frame: dict[str, Term],
    *,
    pauses: bool,
    begins: bool,
) -> Branch:
    name = f"{call.qualified(call.steps[index].name)}#{number}"
    effects = tuple(e.substituted(frame) for e in case.effects)
    pick = case.pick and Pick(case.pick.variable, substitute(case.pick.where, frame))
    condition = substitute(case.when, frame)
    then: Node | End
    if isinstance(case.follow, Next):
        target = _index(call, case.follow.to) if case.follow.to else index + 1
        if target in registers.blocks[call.name]:
            then = End(Paused(call.qualified(call.steps[target].name)))
            effects = (*effects, *_pause(call, target, registers, _known(actor), begins=begins))
        else:
            if target <= index:
                message = f"{name}: a call can only go back to a step before which it may pause"
                raise TypeError(message)
            then = _node(call, target, registers, actor, pauses=pauses, begins=begins)
    else:
        follow = case.follow
        if isinstance(follow, Finish):
            kept, follow = _kept(case.effects, follow, frame)
            effects = (*effects, *kept)
        then = End(follow)
        if pauses:
            effects = (*effects, *_clear(call, registers, _known(actor), begins=begins))
    return Branch(name, case.why, condition, pick, effects, then)


def _kept(effects: tuple[Assign, ...], follow: Finish, frame: dict[str, Term]) -> tuple[tuple[Assign, ...], Finish]:
    """Locals for what the values say of the frame, which is cleared by the time they are read; and the values by these."""
    assigned = {str(e.target.data): e.value for e in effects if e.field is None}
    named = frozenset().union(*(free_variables(v) for _, v in follow.values))
    by = {name: variable(f"kept {name}", frame[name].type) for name in frame if name in named}
    kept = tuple(Assign(one, substitute(assigned.get(name, frame[name]), frame)) for name, one in by.items())
    return kept, Finish(tuple((name, substitute(value, by)) for name, value in follow.values))


def _pause(call: Call, target: int, registers: Registers, actor: Term, *, begins: bool) -> Iterator[Assign]:
    """Save the frame, and stand before the target."""
    at = registers.at[actor_sort(call).name]
    yield at[actor].becomes(call.qualified(call.steps[target].name))
    if begins:
        for name, register in registers.saved[call.name].items():
            parameter = next((p for p in call.parameters if p.name == name), None)
            if parameter is not None:
                yield Assign(register[actor], parameter.term)


def _clear(call: Call, registers: Registers, actor: Term, *, begins: bool) -> Iterator[Assign]:
    """Leave nothing of the frame behind; a call that ends in its first block has only saved locals."""
    if not begins:
        yield registers.at[actor_sort(call).name][actor].becomes(IDLE)
    given = {p.name for p in call.parameters} if begins else set()
    for name, register in registers.saved[call.name].items():
        if name in given:
            continue
        yield Assign(register[actor], constant(default(register.value), register.value))


def _known(actor: Term | None) -> Term:
    assert actor is not None  # noqa: S101  # only calls that pause come here, and they have an actor
    return actor


def _index(call: Call, step: str) -> int:
    return next(i for i, s in enumerate(call.steps) if s.name == step)


def _effects(node: Node) -> Iterator[Assign]:
    for branch in node.branches:
        yield from branch.effects
        if isinstance(branch.then, Node):
            yield from _effects(branch.then)


def _map_rule(rule: Rule, registers: Registers) -> Rule:
    def lower(term: Term) -> Term:
        return registers.settle(registers.expand(term))

    def node(old: Node) -> Node:
        return Node(old.step, tuple(branch(b) for b in old.branches))

    def branch(old: Branch) -> Branch:
        then = node(old.then) if isinstance(old.then, Node) else old.then
        if isinstance(then, End) and isinstance(then.outcome, Finish):
            then = End(Finish(tuple((n, lower(v)) for n, v in then.outcome.values)))
        pick = old.pick and Pick(old.pick.variable, lower(old.pick.where))
        effects = tuple(Assign(e.target, lower(e.value), e.bound, lower(e.where)) for e in old.effects)
        return replace(old, when=lower(old.when), effects=effects, pick=pick, then=then)

    return replace(rule, when=lower(rule.when), root=node(rule.root))


def _all_fields(rules: tuple[Rule, ...], more: list[Term]) -> tuple[Field, ...]:
    """Every field that some rule, claim or view mentions, in the order of first mention."""
    found: dict[str, Field] = {}

    def note(term: Term) -> None:
        for part in parts(term):
            if part.op is Op.READ and isinstance(part.data, Field):
                found.setdefault(part.data.name, part.data)

    for rule in rules:
        note(rule.when)
        for path in leaves(rule.root):
            for branch in path:
                note(branch.when)
                for effect in branch.effects:
                    note(effect.target)
                    note(effect.value)
                    note(effect.where)
                if isinstance(branch.then, End) and isinstance(branch.then.outcome, Finish):
                    for _, shown in branch.then.outcome.values:
                        note(shown)
    for term in more:
        note(term)
    return tuple(f for f in found.values() if not isinstance(f, Observable))


__all__ = ["Branch", "End", "Node", "Outcome", "Paused", "Rule", "Rules", "actor_sort", "leaves", "rules_of"]
