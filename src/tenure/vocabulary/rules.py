"""Rules: a system at one granularity, as guarded transitions that both readings share.

Calls in flight become ordinary fields here. After this, nothing knows about calls any more: there are only conditions
and effects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tenure.vocabulary.calls import Call, Finish, Pick
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.registers import Registers
from tenure.vocabulary.symbols import Field, Observable
from tenure.vocabulary.systems import Claim, Granularity, System
from tenure.vocabulary.terms import Op, Term, parts
from tenure.vocabulary.transitions import Branch, End, Node, Outcome, Paused, Rule, effects_of, leaves
from tenure.vocabulary.unfolding import rules_of_call


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
    drafts = tuple(rule for c in system.calls for rule in rules_of_call(c, registers, system))
    assigned = {e.field.name for r in drafts for e in effects_of(r.root) if e.field is not None}
    registers.assigned = frozenset(assigned)
    rules = tuple(_map_rule(r, registers) for r in drafts)
    claims = tuple(replace(c, body=registers.settle(registers.expand(c.body))) for c in system.claims)
    lowered = [registers.settle(registers.expand(d.body)) for d in system.definitions]
    initially = registers.settle(system.initially)
    fields = _all_fields(rules, [*(c.body for c in claims), *lowered, initially])
    return Rules(system, granularity, rules, fields, claims, initially, registers)


def _blocks(call: Call, system: System, granularity: Granularity) -> tuple[int, ...]:
    """The indexes of the steps before which the call may stand while others run."""
    divisible = granularity is Granularity.STEPS and call.name not in system.indivisible
    return tuple(i for i, s in enumerate(call.steps) if i == 0 or divisible or s.waits or s.repeats)


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
    for term in (*(t for rule in rules for t in _terms_of_rule(rule)), *more):
        for part in parts(term):
            if part.op is Op.READ and isinstance(part.data, Field):
                found.setdefault(part.data.name, part.data)
    return tuple(f for f in found.values() if not isinstance(f, Observable))


def _terms_of_rule(rule: Rule) -> Iterator[Term]:
    yield rule.when
    for path in leaves(rule.root):
        for branch in path:
            yield branch.when
            if branch.pick is not None:
                yield branch.pick.where
            for effect in branch.effects:
                yield from (effect.target, effect.value, effect.where)
            if isinstance(branch.then, End) and isinstance(branch.then.outcome, Finish):
                yield from (shown for _, shown in branch.then.outcome.values)


__all__ = ["Branch", "End", "Node", "Outcome", "Paused", "Rule", "Rules", "leaves", "rules_of"]
