"""Induction: what holds at the start and is preserved by every step holds always, for any number of objects.

The claims of a model are proved together; a proof assumes only claims of the same set, and what falls or stays unknown
leaves the set before the rest is proved again. A property is then proved from the claims that are left: a sentence about
states follows from them in one step, a sentence about steps is shown of each step from a state that satisfies them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import z3

from tenure.prover.logic import Domain, Expr, SymbolicState, any_state, tallied_field, well_typed
from tenure.prover.paths import Path, paths_of
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import Sentence, at_step, quantified
from tenure.vocabulary.symbols import Field, Role
from tenure.vocabulary.terms import TRUE, Op, Term, implies, parts
from tenure.vocabulary.types import COUNT, sort_of

RLIMIT = 10_000_000
"""Z3's resource limit for one obligation: the same on every machine, unlike seconds."""


@dataclass(frozen=True)
class Invariant:
    """A sentence to be proved: a property, or a claim that only helps; `about_steps` where it speaks of before."""

    name: str
    variables: tuple[Term, ...]
    body: Term
    about_steps: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it reads."""
        return frozenset(p.data.name for p in parts(self.body) if isinstance(p.data, Field))


@dataclass(frozen=True)
class Obligation:
    """Something that must be unsatisfiable, as a value: `assume` and `refute` together admit no state."""

    name: str
    goals: tuple[str, ...]
    assume: tuple[Expr, ...]
    refute: tuple[tuple[str, Expr], ...]
    concerns: frozenset[str] | None = None
    """The fields that the path reads or assigns; None where everything may matter."""


@dataclass(frozen=True)
class Result:
    """What became of an obligation: `unsat` is a proof; anything else names the goals that are left open."""

    name: str
    goals: tuple[str, ...]
    verdict: str
    open_goals: tuple[str, ...]
    seconds: float
    solver: str


@dataclass
class Proof:
    """The end of an induction: what is proved, and what left the set."""

    proved: tuple[str, ...]
    dropped: dict[str, str]
    results: tuple[Result, ...]
    framed: int
    """Pairs of path and invariant that share no field: preserved because nothing unassigned changes."""
    rounds: int = 1
    seconds: float = field(default=0.0)


def claims_of(rules: Rules) -> tuple[Invariant, ...]:
    """The helper claims of a system."""
    return tuple(Invariant(c.name, c.variables, c.body) for c in rules.claims)


def stated(sentences: Iterable[Sentence]) -> tuple[Invariant, ...]:
    """Properties as sentences to be proved."""
    return tuple(Invariant(s.about.id, s.about.variables, s.open_body, s.is_about_steps) for s in sentences)


def tallied_fields(invariants: Iterable[Invariant]) -> tuple[Field, ...]:
    """The fields through which somebody is counted."""
    found = {}
    for one in invariants:
        for part in parts(one.body):
            if part.op is Op.NUMBER:
                counted, _ = tallied_field(part)
                found[counted.name] = counted
    return tuple(found.values())


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
        self.tallied = tallied_fields((*claims, *properties)) if sizes is None else ()
        self.before = any_state(self.domain, rules.fields, self.tallied, "")
        self._typed = tuple(well_typed(self.before, rules.fields))
        self._claimed = tuple((c.fields, self.everywhere(c, self.before)) for c in claims)
        self._counted = tuple(
            (one.name, (*self._bijection(one, self.before), self._nobody_below_zero(one, self.before)))
            for one in self.tallied
        )

    @property
    def assumptions(self) -> tuple[Expr, ...]:
        """Everything that the claims say about the state before."""
        return (*self._typed, *(e for _, e in self._claimed), *(e for _, several in self._counted for e in several))

    def relevant(self, fields: frozenset[str], slack: int) -> tuple[Expr, ...]:
        """What those claims say that read at most `slack` fields besides these."""
        chosen = [(read, e) for read, e in self._claimed if len(read - fields) <= slack]
        known = fields.union(*(read for read, _ in chosen))
        counted = (e for name, several in self._counted if name in known for e in several)
        return (*self._typed, *(e for _, e in chosen), *counted)

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
        """Some choice of the invariant's variables makes it false."""
        env = {str(v.data): self.domain.fresh(str(v.data), v.type) for v in one.variables}
        real = [self.domain.is_object(v.type, env[str(v.data)]) for v in one.variables]
        known = {**(path.env if path else {}), **env}
        return z3.And(*real, z3.Not(state.value(body, known, path.before if path else None)))

    def _bijection(self, one: Field, state: SymbolicState) -> list[Expr]:
        """The tally's slots and holders are inverse to each other below its size."""
        tally = state.tallies[one.name]
        held_sort = sort_of(one.value)
        assert held_sort is not None  # noqa: S101  # tallied fields point at something
        who, target = self.domain.fresh("x", one.domain[0]), self.domain.fresh("g", held_sort)
        number = self.domain.fresh("i", COUNT)
        nobody, nothing = self.domain.none(one.domain[0]), self.domain.none(held_sort)
        points = state.reads[one.name](who)
        slot = tally.slot(who)
        inside = z3.And(target != nothing, number >= 0, number < tally.size(target))
        holder = tally.holder(target, number)
        return [
            z3.ForAll(
                [who],
                z3.Implies(
                    z3.And(who != nobody, points != nothing),
                    z3.And(slot >= 0, slot < tally.size(points), tally.holder(points, slot) == who),
                ),
            ),
            z3.ForAll(
                [target, number],
                z3.Implies(
                    inside,
                    z3.And(holder != nobody, state.reads[one.name](holder) == target, tally.slot(holder) == number),
                ),
                patterns=[holder] if z3.is_app(holder) and holder.decl().kind() == z3.Z3_OP_UNINTERPRETED else [],
            ),
            z3.ForAll([target], tally.size(target) >= 0),
        ]

    def _nobody_below_zero(self, one: Field, state: SymbolicState) -> Expr:
        """A consequence of the bijection, spelled out for the solver: where somebody is counted, somebody is first."""
        tally = state.tallies[one.name]
        held_sort = sort_of(one.value)
        assert held_sort is not None  # noqa: S101  # tallied fields point at something
        target = self.domain.fresh("g", held_sort)
        first = tally.holder(target, z3.IntVal(0, self.domain.context))
        nobody, nothing = self.domain.none(one.domain[0]), self.domain.none(held_sort)
        somebody = z3.And(first != nobody, state.reads[one.name](first) == target)
        return z3.ForAll([target], z3.Implies(z3.And(target != nothing, tally.size(target) > 0), somebody))

    def start(self) -> Obligation:
        """Unsatisfiable iff every initial state satisfies every invariant about states."""
        state = self.before
        known = [*well_typed(state, self.rules.fields), state.value(self.rules.initially, {})]
        for one in self.rules.fields:
            if one.initial is not None and one.role is not Role.FIXED:
                bound = [self.domain.fresh("x", s) for s in one.domain]
                value = self.domain.value(one.value, one.initial)
                equation = state.reads[one.name](*bound) == value
                known.append(z3.ForAll(bound, equation) if bound else equation)
        for one in self.tallied:
            target_sort = sort_of(one.value)
            assert target_sort is not None  # noqa: S101  # tallied fields point at something
            target = self.domain.fresh("g", target_sort)
            known.append(z3.ForAll([target], state.tallies[one.name].size(target) == 0))
        goals = [(i.name, self.somewhere_false(i, i.body, state, None)) for i in self.claims]
        goals += [(f"tally {f.name}", z3.Not(e)) for f in self.tallied for e in self._bijection(f, state)]
        return Obligation("initially", _names(goals), tuple(known), tuple(goals))

    def paths(self) -> Iterable[Path]:
        """Every way through every rule, from any state."""
        for rule in self.rules.rules:
            yield from paths_of(rule, self.before)

    def preservation(self, path: Path) -> tuple[Obligation | None, int]:
        """Unsatisfiable iff the path preserves every claim; with it, how many it preserves because it assigns nothing they read."""
        touched = [c for c in self.claims if c.fields & path.assigned]
        goals = [(c.name, self.somewhere_false(c, c.body, path.after, path)) for c in touched]
        for counted in self.tallied:
            if counted.name in path.assigned:
                goals += [(f"tally {counted.name}", z3.Not(e)) for e in self._bijection(counted, path.after)]
        framed = len(self.claims) - len(touched)
        if not goals:
            return None, framed
        return Obligation(
            f"{path.name} preserves", _names(goals), tuple(path.conditions), tuple(goals), path.concerns
        ), framed

    def consequences(self) -> Iterable[Obligation]:
        """Unsatisfiable iff the claims imply the property: one for each property about states."""
        for one in self.properties:
            if not one.about_steps:
                goals = tuple(
                    (one.name, self.somewhere_false(one, b, self.before, None)) for b in conclusions(one.body)
                )
                yield Obligation(f"claims imply {one.name}", (one.name,), (), goals, one.fields)

    def step_consequences(self, path: Path) -> Obligation | None:
        """Unsatisfiable iff the properties about steps are true of this one; None where it cannot concern them."""
        bodies = ((p, at_step(p.body, path.rule, path.outcome)) for p in self.properties if p.about_steps)
        pieces = ((p, b) for p, body in bodies if body.key != TRUE.key for b in conclusions(body))
        goals = [(p.name, self.somewhere_false(p, b, path.after, path)) for p, b in pieces]
        known = (*path.conditions, *self._afterwards(path))
        return Obligation(f"{path.name} obeys", _names(goals), known, tuple(goals), path.concerns) if goals else None

    def _afterwards(self, path: Path) -> Iterator[Expr]:
        """What the claims say about the state after a step, as far as it concerns what the properties read.

        The claims are proved to be preserved before anything is proved about steps, so they hold there too.
        """
        read = frozenset().union(*(p.fields for p in self.properties if p.about_steps))
        for one in self.claims:
            if one.fields & path.assigned and one.fields <= read:
                yield self.everywhere(one, path.after)


def conclusions(body: Term) -> tuple[Term, ...]:
    """A sentence as several, one for each of its conclusions, so that each is a question of its own."""
    if body.op is Op.IMPLIES and body.args[1].op is Op.AND:
        return tuple(implies(body.args[0], part) for part in body.args[1].args)
    return body.args if body.op is Op.AND else (body,)


def _names(goals: Iterable[tuple[str, Expr]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in goals))


def solve(theory: Theory, obligation: Obligation, rlimit: int, *, with_claims: bool = True) -> Result:
    """Goal by goal: from the claims about the fields concerned, then from all claims, then by every means that Z3 has."""
    started = time.perf_counter()
    left: dict[str, str] = {}
    by_name = {c.name: c.fields for c in (*theory.claims, *theory.properties)}
    for name, goal in obligation.refute:
        found = "unknown"
        for known, solver, limit in _attempts(theory, obligation, by_name.get(name, frozenset()), rlimit, with_claims):
            found = _checked(solver, (*known, *obligation.assume), goal, limit)
            if found == "unsat":
                break
        if found != "unsat":
            left[name] = found
    verdict = "unsat" if not left else "sat" if "sat" in left.values() else "unknown"
    seconds = time.perf_counter() - started
    return Result(obligation.name, obligation.goals, verdict, tuple(left), seconds, f"z3 {z3.get_version_string()}")


def _attempts(
    theory: Theory,
    obligation: Obligation,
    fields: frozenset[str],
    rlimit: int,
    with_claims: bool,  # noqa: FBT001  # passed on
) -> Iterator[tuple[tuple[Expr, ...], z3.Solver, int]]:
    """From few premises to all: a proof from fewer is a proof, and found sooner."""
    if with_claims and obligation.concerns is not None:
        premises = [theory.relevant(obligation.concerns | fields, slack) for slack in (0, 1, 2)]
        for share in (10, 1):
            yield from ((few, _matching(theory), max(1, rlimit // share)) for few in premises)
    known = theory.assumptions if with_claims else ()
    yield known, _matching(theory), rlimit
    yield known, z3.Solver(ctx=theory.domain.context), rlimit


def _checked(solver: z3.Solver, known: tuple[Expr, ...], goal: Expr, rlimit: int) -> str:
    solver.set("rlimit", rlimit)
    solver.add(*known, goal)
    return str(solver.check())


def _matching(theory: Theory) -> z3.Solver:
    """Quantifiers are instantiated by matching alone: quick where it succeeds, and quick to say unknown."""
    solver = z3.SimpleSolver(ctx=theory.domain.context)
    solver.set("auto_config", False)  # noqa: FBT003  # Z3's own interface
    solver.set("mbqi", False)  # noqa: FBT003  # as above
    return solver


Told = Callable[[Result], None]


def prove(
    rules: Rules,
    claims: tuple[Invariant, ...],
    properties: tuple[Invariant, ...],
    *,
    rlimit: int = RLIMIT,
    told: Told | None = None,
) -> Proof:
    """The largest part of the claims that induction proves, and the properties that follow from it."""
    started = time.perf_counter()
    dropped: dict[str, str] = {}
    rounds = 0
    while True:
        rounds += 1
        theory = Theory(rules, claims)
        results, framed = _round(theory, rlimit, told)
        fallen = {g: r for r in results for g in r.open_goals}
        for name, result in fallen.items():
            dropped.setdefault(name, f"{result.verdict} at {result.name.removesuffix(' preserves')}")
        if not fallen:
            break
        claims = _without(claims, set(fallen))
    results += _properties(Theory(rules, claims, _countable(properties, theory)), rlimit, told)
    for result in results:
        for name in result.open_goals:
            dropped.setdefault(name, f"{result.verdict} at {result.name.removesuffix(' obeys')}")
    proved = tuple(i.name for i in (*claims, *_countable(properties, theory)) if i.name not in dropped)
    for one in properties:
        if one.name not in proved:
            dropped.setdefault(one.name, "unknown: what it counts is not counted exactly by any proved claim")
    return Proof(proved, dropped, tuple(results), framed, rounds, time.perf_counter() - started)


def _countable(properties: tuple[Invariant, ...], theory: Theory) -> tuple[Invariant, ...]:
    """The properties that count only through fields whose tallies the claims have shown exact."""
    exact = {f.name for f in theory.tallied}
    return tuple(p for p in properties if {f.name for f in tallied_fields([p])} <= exact)


def _properties(theory: Theory, rlimit: int, told: Told | None) -> list[Result]:
    obligations = list(theory.consequences())
    if any(p.about_steps for p in theory.properties):
        obligations += [o for path in theory.paths() if (o := theory.step_consequences(path)) is not None]
    return [_told(solve(theory, o, rlimit), told) for o in obligations]


def _told(result: Result, told: Told | None) -> Result:
    if told is not None:
        told(result)
    return result


def _without(invariants: tuple[Invariant, ...], fallen: set[str]) -> tuple[Invariant, ...]:
    """The set without what fell; a fallen tally takes everything with it that counts through its field."""
    lost = {name.removeprefix("tally ") for name in fallen if name.startswith("tally ")}
    return tuple(i for i in invariants if i.name not in fallen and not ({f.name for f in tallied_fields([i])} & lost))


def _round(theory: Theory, rlimit: int, told: Told | None) -> tuple[list[Result], int]:
    results = [_told(solve(theory, theory.start(), rlimit, with_claims=False), told)]
    framed = 0
    for path in theory.paths():
        obligation, kept = theory.preservation(path)
        framed += kept
        if obligation is not None:
            results.append(_told(solve(theory, obligation, rlimit), told))
    return results, framed


def dead(theory: Theory, branches: frozenset[str], *, rlimit: int = RLIMIT) -> dict[str, str]:
    """For each of these cases: `unsat` where no state that satisfies the invariants can take it, else Z3's word."""
    solver = z3.Solver(ctx=theory.domain.context)
    solver.set("rlimit", rlimit)
    solver.add(*theory.assumptions)
    found: dict[str, str] = {}
    for path in theory.paths():
        for branch in path.branches:
            if branch.name in branches and found.get(branch.name, "unsat") == "unsat":
                solver.push()
                solver.add(*path.conditions)
                found[branch.name] = str(solver.check())
                solver.pop()
    return found
