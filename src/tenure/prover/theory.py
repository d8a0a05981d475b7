"""Theories: a system and its claims as formulas, and what they owe, as values that somebody else solves.

A formula goes with its spelling and is built only when it is asked for: what was proved before is known by its spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, takewhile

import z3

from tenure.prover import spelling
from tenure.prover.evaluation import truth
from tenure.prover.expressions import Expr
from tenure.prover.logic import Domain, SymbolicState, any_state, well_typed
from tenure.prover.paths import Path, paths_of
from tenure.prover.tallies import Counted, bijection, counted, somebody_is_first
from tenure.prover.totals import Added, added
from tenure.vocabulary.objects import SORTS
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import Sentence, at_step, quantified
from tenure.vocabulary.symbols import Role
from tenure.vocabulary.terms import TRUE, Op, Term, implies, parts


@dataclass(frozen=True)
class Invariant:
    """A sentence to be proved: a property, or a claim that only helps; `about_steps` where it speaks of before."""

    name: str
    variables: tuple[Term, ...]
    body: Term
    about_steps: bool = False
    rests_on: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    kept_with: tuple[str, ...] = ()

    @property
    def is_lemma(self) -> bool:
        """It follows from what it rests on, and is not shown by induction."""
        return bool(self.rests_on)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that it reads."""
        return spelling.fields_of(self.body)

    @cached_property
    def spelled(self) -> str:
        """Its spelling."""
        return " ".join(map(spelling.term, (*self.variables, self.body)))


@dataclass(frozen=True)
class Premise:
    """Something that a proof may assume, with the fields that it speaks of."""

    spelled: str
    fields: frozenset[str]
    formula: Expr = field(compare=False, repr=False)


@dataclass(frozen=True)
class Goal:
    """Something to prove, as its contrary: what has to be excluded."""

    name: str
    spelled: str
    fields: frozenset[str]
    contrary: Callable[[], Expr] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Obligation:
    """Something that must be unsatisfiable, as a value: `assume` admits no state in which a goal's contrary holds."""

    name: str
    goals: tuple[Goal, ...]
    spelled: str
    assume: tuple[Expr, ...] = field(repr=False)
    concerns: frozenset[str] | None = None
    """The fields that the path reads or assigns; None where everything may matter."""
    with_claims: bool = True
    """Whether the claims may be assumed; not where they are to be shown in the first place."""
    step: str = ""
    """The rule of which this is one way; empty where nothing is done."""

    @property
    def names(self) -> tuple[str, ...]:
        """The goals, each once."""
        return tuple(dict.fromkeys(g.name for g in self.goals))


def claims_of(rules: Rules) -> tuple[Invariant, ...]:
    """The helper claims of a system."""
    return tuple(
        Invariant(c.name, c.variables, c.body, rests_on=c.rests_on, serves=c.serves, kept_with=c.kept_with)
        for c in rules.claims
    )


def stated(sentences: Iterable[Sentence]) -> tuple[Invariant, ...]:
    """Properties as sentences to be proved."""
    return tuple(Invariant(s.about.id, s.about.variables, s.open_body, s.is_about_steps) for s in sentences)


def tallied_in(invariants: Iterable[Invariant]) -> tuple[Counted, ...]:
    """What the invariants count."""
    numbers = (part for one in invariants for part in parts(one.body) if part.op is Op.NUMBER)
    return tuple({one.name: one for one, _ in map(counted, numbers)}.values())


def totalled_in(invariants: Iterable[Invariant]) -> tuple[Added, ...]:
    """What the invariants add up."""
    totals = (part for one in invariants for part in parts(one.body) if part.op is Op.TOTAL)
    return tuple({one.name: one for one, _ in map(added, totals)}.values())


class Theory:
    """A system and a set of invariants, ready to write obligations: for any number of objects, or for so many."""

    def __init__(
        self,
        rules: Rules,
        claims: tuple[Invariant, ...],
        properties: tuple[Invariant, ...] = (),
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self.rules = rules
        self.claims = claims
        self.properties = properties
        self.domain = Domain(sizes)
        self.tallied = tallied_in((*claims, *properties)) if sizes is None else ()
        self.totalled = totalled_in((*claims, *properties)) if sizes is None else ()
        self.before = any_state(self.domain, rules.fields, self.tallied, "", self.totalled)
        self._typed = tuple(self._typing())
        self._claimed = tuple(Premise(c.spelled, c.fields, self.everywhere(c, self.before)) for c in claims)
        self._counted = tuple(self._counting())
        self._small: dict[int, Small] = {}
        self._learned: dict[str, tuple[str, ...]] = {}
        self._learned_at: dict[str, tuple[str, ...]] = {}

    @property
    def premises(self) -> tuple[Premise, ...]:
        """Everything that may be assumed of the state before; lemmas are left to those that name them."""
        return (*self._typed, *(p for _, p in self.claimed), *self._counted)

    @property
    def assumptions(self) -> tuple[Expr, ...]:
        """The same as formulas."""
        return tuple(p.formula for p in self.premises)

    @cached_property
    def claimed(self) -> tuple[tuple[Invariant, Premise], ...]:
        """The claims, lemmas apart, as premises."""
        return tuple((c, p) for c, p in self._named() if not c.is_lemma)

    @property
    def known_anyway(self) -> tuple[Expr, ...]:
        """What may be assumed without any claim."""
        return tuple(p.formula for p in (*self._typed, *self._counted))

    def everything(self, goal: str) -> tuple[Premise, ...]:
        """The same, with the lemmas with which the claim of this name is known to be kept."""
        companions = self.companions(goal)
        return (*self.premises, *(p for c, p in self._named() if c.is_lemma and c.name in companions))

    def served(self, goal: str) -> tuple[Premise, ...]:
        """The lemmas that serve the property of this name."""
        return self._with_counts([p for c, p in self._named() if goal in c.serves])

    def named(self, names: tuple[str, ...], fields: frozenset[str]) -> tuple[Premise, ...]:
        """The claims of these names, and what goes with the fields that they read, and with these."""
        return self._with_counts([p for c, p in self._named() if c.name in names], fields)

    def claims_among(self, known: tuple[Premise, ...]) -> tuple[tuple[str, Premise], ...]:
        """The claims among these premises, each with its name."""
        return tuple((c.name, p) for c, p in self._named() if p in known)

    def names_of(self, known: tuple[Premise, ...]) -> tuple[str, ...]:
        """The names of the claims among these premises."""
        return tuple(name for name, _ in self.claims_among(known))

    def companions(self, goal: str) -> tuple[str, ...]:
        """The claims with which the one of this name is known to be kept."""
        return next((c.kept_with for c in self.claims if c.name == goal), ())

    def learned(self, goal: str) -> tuple[str, ...]:
        """The names of the claims from which goals of this name were proved so far, at whatever step."""
        return self._learned.get(goal, ())

    def learned_at(self, step: str) -> tuple[str, ...]:
        """The names of the claims, lemmas apart, from which other goals were proved so far at this step, whichever way it went."""
        return self._learned_at.get(step, ())

    def learn(self, goal: str, names: tuple[str, ...], step: str = "") -> None:
        """These claims were of use to a goal of this name, and are likely to be at the next step; and to others at this one."""
        self._learned[goal] = tuple(dict.fromkeys((*self.learned(goal), *names)))
        if step:
            others = (c.name for c, _ in self.claimed if c.name in names and c.name != goal)
            self._learned_at[step] = tuple(dict.fromkeys((*self.learned_at(step), *others)))

    def support(self, lemma: Invariant) -> tuple[Premise, ...]:
        """What a lemma follows from: of the claims that stand before it, those that it names. It may assume no other."""
        earlier = takewhile(lambda named: named[0] is not lemma, self._named())
        return self._with_counts([p for c, p in earlier if c.name in lemma.rests_on], lemma.fields)

    def about(self, names: tuple[str, ...], fields: frozenset[str], slack: int) -> tuple[str, ...]:
        """Those of these claims that read at most `slack` fields besides these."""
        return tuple(c.name for c in self.claims if c.name in names and len(c.fields - fields) <= slack)

    def relevant(self, fields: frozenset[str], slack: int) -> tuple[Premise, ...]:
        """Those claims that read at most `slack` fields besides these, and what goes with the fields they read."""
        return self._with_counts([p for _, p in self.claimed if len(p.fields - fields) <= slack], fields)

    def _named(self) -> Iterator[tuple[Invariant, Premise]]:
        return zip(self.claims, self._claimed, strict=True)

    def _with_counts(self, chosen: list[Premise], fields: frozenset[str] = frozenset()) -> tuple[Premise, ...]:
        known = fields.union(*(p.fields for p in chosen))
        return (
            *(p for p in self._typed if p.fields <= known),
            *chosen,
            *(p for p in self._counted if p.fields <= known),
        )

    def _typing(self) -> Iterator[Premise]:
        for one in self.rules.fields:
            for number, formula in enumerate(well_typed(self.before, (one,))):
                yield Premise(f"{spelling.signature(one)} is typed {number}", frozenset({one.name}), formula)

    def _counting(self) -> Iterator[Premise]:
        for one in self.tallied:
            formulas = (*bijection(one, self.before), somebody_is_first(one, self.before))
            for number, formula in enumerate(formulas):
                spelled = f"{one.name}, {spelling.signature(one.field)} is tallied {number}"
                yield Premise(spelled, frozenset({one.field.name}), formula)

    def small(self, each: int) -> Small:
        """The same over so many objects of every sort, where what is false falls soon."""
        if each not in self._small:
            self._small[each] = Small(
                Theory(self.rules, self.claims, self.properties, {sort.name: each for sort in SORTS})
            )
        return self._small[each]

    def everywhere(self, one: Invariant, state: SymbolicState) -> Expr:
        """The invariant for every choice of its variables."""
        if not one.variables:
            return state.value(one.body, {})
        if self.domain.sizes is not None:
            return state.value(quantified(one.body, one.variables), {})
        env = {str(v.data): self.domain.fresh(str(v.data), v.type) for v in one.variables}
        real = [self.domain.is_object(v.type, env[str(v.data)]) for v in one.variables]
        return z3.ForAll(list(env.values()), z3.Implies(z3.And(*real), state.value(one.body, env)))

    def somewhere_false(self, one: Invariant, body: Term, state: SymbolicState, path: Path | None) -> Expr:
        """Some choice of the invariant's variables makes it false; about a step it speaks of the rule's arguments."""
        env = {str(v.data): self.domain.fresh(str(v.data), v.type) for v in one.variables}
        real = [self.domain.is_object(v.type, env[str(v.data)]) for v in one.variables]
        known = {**(path.arguments if path else {}), **env}
        return z3.And(*real, z3.Not(state.value(body, known, path.before if path else None)))

    def _goal(self, one: Invariant, body: Term, state: SymbolicState, path: Path | None = None) -> Goal:
        variables = " ".join(map(spelling.term, one.variables))
        spelled = f"{variables} {spelling.term(body)}"
        return Goal(one.name, spelled, one.fields, lambda: self.somewhere_false(one, body, state, path))

    def _tally_goals(self, one: Counted, state: SymbolicState) -> Iterator[Goal]:
        fields = frozenset({one.field.name})
        for number, formula in enumerate(bijection(one, state)):
            spelled = f"{one.name}, {spelling.signature(one.field)} is tallied {number}"
            yield Goal(f"tally {one.name}", spelled, fields, lambda formula=formula: z3.Not(formula))  # type: ignore[misc]  # the default binds the loop's value

    def start(self) -> Obligation:
        """Unsatisfiable iff every initial state satisfies every invariant about states."""
        state = self.before
        known = [p.formula for p in self._typed] + [state.value(self.rules.initially, {})]
        spelled = [*(p.spelled for p in self._typed), spelling.term(self.rules.initially)]
        for one in self.rules.fields:
            if one.initial is not None and one.role is not Role.FIXED:
                bound = [self.domain.fresh("x", s) for s in one.domain]
                value = self.domain.value(one.value, one.initial)
                equation = state.reads[one.name](*bound) == value
                known.append(z3.ForAll(bound, equation) if bound else equation)
                spelled.append(f"{spelling.signature(one)} starts at {one.initial}")
        for tallied in self.tallied:
            target = self.domain.fresh("g", tallied.target)
            known.append(z3.ForAll([target], state.tallies[tallied.name].size(target) == 0))
            spelled.append(f"{tallied.name} starts with a tally of zero")
        for total in self.totalled:
            target = self.domain.fresh("g", total.target)
            known.append(z3.ForAll([target], state.totals[total.name][1](target) == 0))
            spelled.append(f"{total.name} starts with a total of zero")
        goals = [self._goal(i, i.body, state) for i, _ in self.claimed]
        goals += [g for f in self.tallied for g in self._tally_goals(f, state)]
        return Obligation("initially", tuple(goals), "\n".join(spelled), tuple(known), with_claims=False)

    def paths(self) -> Iterator[Path]:
        """Every way through every rule, from any state."""
        for rule in self.rules.rules:
            yield from paths_of(rule, self.before)

    def preservation(self, path: Path) -> tuple[Obligation | None, int]:
        """Unsatisfiable iff the path preserves every claim; with it, how many it preserves because it assigns nothing they read."""
        inductive = [c for c, _ in self.claimed]
        touched = [c for c in inductive if c.fields & path.assigned]
        goals = [self._goal(c, c.body, path.after) for c in touched]
        for one in self.tallied:
            if one.field.name in path.assigned:
                goals += self._tally_goals(one, path.after)
        framed = len(inductive) - len(touched)
        if not goals:
            return None, framed
        conditions = tuple(path.conditions)
        return Obligation(
            f"{path.name} preserves",
            tuple(goals),
            spelling.path(path),
            conditions,
            path.concerns,
            step=path.rule.name,
        ), framed

    def lemmas(self) -> Iterator[Obligation]:
        """Unsatisfiable iff the claims imply the lemma: one for each."""
        yield from (self._consequence(c) for c in self.claims if c.is_lemma)

    def consequences(self) -> Iterator[Obligation]:
        """Unsatisfiable iff the claims imply the property: one for each property about states."""
        yield from (self._consequence(p) for p in self.properties if not p.about_steps)

    def _consequence(self, one: Invariant) -> Obligation:
        goals = tuple(self._goal(one, b, self.before) for b in conclusions(one.body))
        return Obligation(f"claims imply {one.name}", goals, "", (), one.fields)

    def step_consequences(self, path: Path) -> Obligation | None:
        """Unsatisfiable iff the properties about steps are true of this one; None where it cannot concern them."""
        bodies = ((p, at_step(p.body, path.rule, path.outcome)) for p in self.properties if p.about_steps)
        pieces = [(p, b) for p, body in bodies if body.key != TRUE.key for b in conclusions(body)]
        if not pieces:
            return None
        afterwards = tuple(self._afterwards(path))
        goals = tuple(self._goal(p, b, path.after, path) for p, b in pieces)
        spelled = "\n".join((spelling.path(path), *(f"afterwards {c.spelled}" for c in afterwards)))
        known = (*path.conditions, *(self.everywhere(c, path.after) for c in afterwards))
        return Obligation(f"{path.name} obeys", goals, spelled, known, path.concerns, step=path.rule.name)

    def impossibility(self, path: Path) -> Obligation:
        """Unsatisfiable iff no state that satisfies the claims takes the path."""
        anyway = Goal("is dead", "true", frozenset(), lambda: z3.BoolVal(val=True, ctx=self.domain.context))
        conditions = tuple(path.conditions)
        return Obligation(f"{path.name} is dead", (anyway,), spelling.path(path), conditions, path.concerns)

    def _afterwards(self, path: Path) -> Iterator[Invariant]:
        """The claims that tell of the state after a step what the properties read.

        They are proved to be preserved before anything is proved about steps, so they hold there too.
        """
        read = frozenset().union(*(p.fields for p in self.properties if p.about_steps))
        yield from (c for c, _ in self.claimed if c.fields & path.assigned and c.fields <= read)


class Small:
    """A theory over a few objects of every sort: what is false falls here, and what is true shows which claims it needs."""

    def __init__(self, theory: Theory, rlimit: int = 3_000_000) -> None:
        self._theory = theory
        self._solver = z3.Solver(ctx=theory.domain.context)
        self._solver.set("rlimit", rlimit)
        self._solver.add(*theory.known_anyway)
        self._named = {c.name: z3.Bool(f"claim {c.name}", theory.domain.context) for c in theory.claims}
        for one, premise in theory.claimed:
            self._solver.add(z3.Implies(self._named[one.name], premise.formula))

    @cached_property
    def _obligations(self) -> dict[str, Obligation]:
        theory = self._theory
        ways = (theory.impossibility, lambda p: theory.preservation(p)[0], theory.step_consequences)
        steps = (way(path) for path in theory.paths() for way in ways)
        return {o.name: o for o in (*steps, *theory.consequences()) if o is not None}

    def needed(self, obligation: str, goal: Goal) -> tuple[str, ...] | None:
        """Claims that leave no way here to break the goal, chosen by what excludes the ways found so far; None: not even all do.

        Where all leave a way, the goal is false: some state of a few objects satisfies all claims, and a step leads out.
        """
        owed = self._obligations.get(obligation)
        mine = next((g for g in owed.goals if g == goal), None) if owed else None
        if owed is None or mine is None:
            return ()
        self._solver.push()
        self._solver.add(*owed.assume, mine.contrary())
        found = self._chosen(owed.concerns or frozenset())
        self._solver.pop()
        return found

    def takes(self, obligation: str, names: tuple[str, ...]) -> bool:
        """Whether some state here that satisfies these claims takes the step of the obligation: if none does, little is learned here."""
        owed = self._obligations.get(obligation)
        self._solver.push()
        self._solver.add(*(owed.assume if owed else ()))
        found = self._solver.check(*(self._named[name] for name in names))
        self._solver.pop()
        return bool(found != z3.unsat)

    def _chosen(self, concerns: frozenset[str]) -> tuple[str, ...] | None:
        """A few claims more for each way found, until none is left; then those that the last answer rests on."""
        chosen: dict[str, Expr] = {}
        nearest = sorted(
            self._theory.claimed, key=lambda known: (len(known[0].fields - concerns), len(known[0].fields))
        )
        while (word := self._solver.check(*chosen.values())) == z3.sat:
            model = self._solver.model()
            broken = (c.name for c, p in nearest if c.name not in chosen and not truth(model, p.formula))
            more = {name: self._named[name] for name in islice(broken, 3)}
            if not more:
                return None
            chosen |= more
        core = {str(e) for e in self._solver.unsat_core()} if word == z3.unsat else {str(e) for e in chosen.values()}
        return tuple(name for name, literal in chosen.items() if str(literal) in core)


def conclusions(body: Term) -> tuple[Term, ...]:
    """A sentence as several, one for each of its conclusions, so that each is a question of its own."""
    if body.op is Op.IMPLIES and body.args[1].op is Op.AND:
        return tuple(implies(body.args[0], part) for part in body.args[1].args)
    return body.args if body.op is Op.AND else (body,)
