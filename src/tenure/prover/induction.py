"""Induction: what holds at the start and is preserved by every step holds always, for any number of objects.

The claims of a model are proved together; a proof assumes only claims of the same set, and what falls or stays unknown
leaves the set before the rest is proved again. A property is then proved from the claims that are left: a sentence about
states follows from them in one step, a sentence about steps is shown of each step from a state that satisfies them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import z3

from tenure.prover.cache import Proofs
from tenure.prover.expressions import Expr
from tenure.prover.theory import Goal, Invariant, Obligation, Premise, Theory, tallied_in
from tenure.vocabulary.rules import Rules

RLIMIT = 10_000_000
"""Z3's resource limit for one obligation: the same on every machine, unlike seconds."""

PHASES = (1, 3)
"""What Z3 takes for granted of what is open: that it is true; and where that leads nowhere, what it was when last looked at.

The second way a refutation that needs ten instances is often buried under ten thousand; the first way it is, now and then.
"""

FEW = (2, 3)
"""So many objects of every sort are taken where a goal is looked at over few of them."""


@dataclass(frozen=True)
class Result:
    """What became of an obligation: `unsat` is a proof; anything else names the goals that are left open."""

    name: str
    goals: tuple[str, ...]
    verdict: str
    open_goals: tuple[str, ...]
    seconds: float
    solver: str
    remembered: int = 0
    """How many goals were proved before, in the same words."""
    needed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each goal that took a search for them, the claims from which it was proved."""


@dataclass
class Proof:
    """The end of an induction: what is proved, and what left the set."""

    proved: tuple[str, ...]
    dropped: dict[str, Open]
    results: tuple[Result, ...]
    framed: int
    """Pairs of path and invariant that share no field: preserved because nothing unassigned changes."""
    rounds: int = 1
    seconds: float = field(default=0.0)


@dataclass(frozen=True)
class Open:
    """Where a claim or property was left open: by which word of the solver, at which obligation."""

    verdict: str
    obligation: str

    def __str__(self) -> str:
        return f"{self.verdict} at {self.obligation}"


def prove(
    rules: Rules,
    claims: tuple[Invariant, ...],
    properties: tuple[Invariant, ...],
    *,
    rlimit: int = RLIMIT,
    proofs: Proofs | None = None,
    whole: bool = False,
) -> Proof:
    """The largest part of the claims that induction proves, and the properties that follow from it.

    Where only the `whole` of it is of use, the first goal that is left open is the end, and nothing counts as proved.
    """
    started = time.perf_counter()
    dropped: dict[str, Open] = {}
    rounds = 0
    while True:
        rounds += 1
        theory = Theory(rules, claims)
        owed, framed = inductive(theory)
        results = list(_solved_in_turn(theory, owed, rlimit, proofs, whole=whole))
        fallen = _left_open(results)
        dropped = {**fallen, **dropped}
        if whole or not fallen:
            break
        claims = _without(claims, set(fallen))
    countable = _countable(properties, theory)
    theory = Theory(rules, claims, countable)
    if not (whole and dropped):
        results += _solved_in_turn(theory, following(theory), rlimit, proofs, whole=whole)
    dropped = {**_left_open(results), **dropped}
    given_up = whole and bool(dropped)
    proved = () if given_up else tuple(i.name for i in (*claims, *countable) if i.name not in dropped)
    for one in properties:
        if one.name not in proved:
            dropped.setdefault(one.name, Open("unknown", "no proved claim counts exactly what it counts"))
    return Proof(proved, dropped, tuple(results), framed, rounds, time.perf_counter() - started)


def _solved_in_turn(
    theory: Theory, owed: Iterable[Obligation], rlimit: int, proofs: Proofs | None, *, whole: bool
) -> Iterator[Result]:
    """One result for each obligation; where the whole is asked for, up to the first that is left open."""
    for obligation in owed:
        result = solve(theory, obligation, rlimit, proofs, whole=whole)
        yield result
        if whole and result.open_goals:
            return


def solve(
    theory: Theory, obligation: Obligation, rlimit: int, proofs: Proofs | None = None, *, whole: bool = False
) -> Result:
    """Goal by goal: as it was proved before, else by Z3; where the `whole` is asked for, up to the first that is left open."""
    started = time.perf_counter()
    left: dict[str, str] = {}
    needed: dict[str, tuple[str, ...]] = {}
    remembered = 0
    shared = Shared(theory, obligation, max(1, rlimit // 30))
    for goal in obligation.goals:
        few = tuple(choices(theory, obligation, goal))
        spelled = (words_of(known, obligation, goal) for known in few)
        if proofs is not None and (words := next(filter(proofs.has, spelled), None)) is not None:
            remembered += 1
            sought = proofs.needed(words)
        else:
            found, known = _solved(theory, obligation, goal, rlimit, shared)
            if found != "unsat":
                left[goal.name] = found
                if whole:
                    break
                continue
            sought = () if known in few else theory.names_of(known)
            if proofs is not None:  # what follows from few premises follows from more
                proofs.keep(words_of(next(f for f in few if set(known) <= set(f)), obligation, goal), sought)
        if sought:
            theory.learn(goal.name, sought, obligation.step)
            needed[goal.name] = tuple(dict.fromkeys((*needed.get(goal.name, ()), *sought)))
    verdict = "unsat" if not left else "sat" if "sat" in left.values() else "unknown"
    seconds = time.perf_counter() - started
    solver = f"z3 {z3.get_version_string()}"
    return Result(obligation.name, obligation.names, verdict, tuple(left), seconds, solver, remembered, needed)


class Shared:
    """Two solvers for all goals of an obligation, with a little effort for each: what the goals have in common is read once."""

    def __init__(self, theory: Theory, obligation: Obligation, rlimit: int) -> None:
        self.theory = theory
        self.obligation = obligation
        self.rlimit = rlimit

    @cached_property
    def _common(self) -> dict[Premise, None]:
        return dict.fromkeys(self.theory.relevant(self.obligation.concerns or frozenset(), 0))

    @cached_property
    def _without(self) -> z3.Solver:
        return self._knowing(())

    @cached_property
    def _with(self) -> z3.Solver:
        return self._knowing(self._common)

    def _knowing(self, known: Iterable[Premise]) -> z3.Solver:
        solver = _matching(self.theory)
        solver.set("rlimit", self.rlimit)
        solver.add(*(p.formula for p in known), *self.obligation.assume)
        return solver

    def follows(self, known: tuple[Premise, ...], contrary: Expr) -> bool:
        """Whether matching alone refutes the contrary of a goal, from these premises and no other."""
        has_common = self._common.keys() <= set(known)
        solver = self._with if has_common else self._without
        solver.push()
        solver.add(*(p.formula for p in known if not (has_common and p in self._common)), contrary)
        found = solver.check()
        solver.pop()
        return bool(found == z3.unsat)

    def needed(self, goal: Goal, known: tuple[Premise, ...], contrary: Expr) -> tuple[Premise, ...] | None:
        """Those of these premises from which matching alone refutes the contrary of a goal; None where it does not from all."""
        theory, solver = self.theory, self._without
        claims = {p: z3.Bool(f"known {name}", theory.domain.context) for name, p in theory.claims_among(known)}
        solver.push()
        solver.add(*(z3.Implies(claims[p], p.formula) if p in claims else p.formula for p in known), contrary)
        found = solver.check(*claims.values())
        core = {str(one) for one in solver.unsat_core()} if found == z3.unsat else set()
        solver.pop()
        if found != z3.unsat:
            return None
        names = (name for name, p in theory.claims_among(known) if str(claims[p]) in core)
        fewer = theory.named((goal.name, *names), goal.fields)
        return fewer if self.follows(fewer, contrary) else known


def _solved(
    theory: Theory, obligation: Obligation, goal: Goal, rlimit: int, shared: Shared
) -> tuple[str, tuple[Premise, ...]]:
    """From few premises to all: a proof from fewer is a proof, and found sooner. What no quick one proves may fall over a few objects."""
    contrary = goal.contrary()
    *few, everything = choices(theory, obligation, goal)
    for quick in (*familiar(theory, obligation, goal), few[0]) if few else ():
        if shared.follows(quick, contrary):
            return "unsat", quick
    if few and theory.learned_at(obligation.step):
        fewer = shared.needed(goal, nearby(theory, obligation, goal), contrary)
        if fewer is not None:
            return "unsat", fewer
    found = "unknown"
    for known, solver, limit in _attempts(theory, obligation, goal, rlimit):
        if known is None:
            return "sat", everything
        found = _checked(solver, (*(p.formula for p in known), *obligation.assume), contrary, limit)
        if found == "unsat":
            chosen = known in (*few, everything)
            return found, known if chosen else shared.needed(goal, known, contrary) or known
    return found, everything


Attempt = tuple[tuple[Premise, ...] | None, z3.Solver, int]


def _attempts(theory: Theory, obligation: Obligation, goal: Goal, rlimit: int) -> Iterator[Attempt]:
    """A little effort for each choice of premises, then all of it, at last for all premises by every means; None: the goal is false.

    What lemmas serve mostly follows from these, and nothing else is tried before. Nothing here depends on what was proved before, or in which order.
    """
    for known, limit in _efforts(theory, obligation, goal, rlimit):
        yield from ((known, _matching(theory, phase), limit) for phase in PHASES)
    *_, everything = choices(theory, obligation, goal)
    yield everything, z3.Solver(ctx=theory.domain.context), rlimit


def _efforts(
    theory: Theory, obligation: Obligation, goal: Goal, rlimit: int
) -> Iterator[tuple[tuple[Premise, ...] | None, int]]:
    """Which premises are tried in turn, and with what effort."""
    *few, everything = choices(theory, obligation, goal)
    tenth = max(1, rlimit // 10)
    if served := theory.served(goal.name):
        yield served, rlimit
    if few:
        yield alone(theory, goal), tenth
        yield from ((needed, tenth) for needed in sufficient(theory, obligation, goal))
    yield from ((known, tenth) for known in (*few[1:], everything))
    yield from ((known, rlimit) for known in (*few, everything))


def alone(theory: Theory, goal: Goal) -> tuple[Premise, ...]:
    """The claim itself before the step, which may need no other but those with which it is known to be kept."""
    return theory.named((goal.name, *theory.companions(goal.name)), goal.fields)


def familiar(theory: Theory, obligation: Obligation, goal: Goal) -> tuple[tuple[Premise, ...], ...]:
    """The same, or, where nobody said with which it is kept, with what served goals of this name at other steps.

    At first only those of them that the step is about, then those that read one field besides: what is about others only costs.
    """
    names = (goal.name, *(theory.companions(goal.name) or theory.learned(goal.name)))
    concerned = (obligation.concerns or frozenset()) | goal.fields
    near = (theory.about(names, concerned, slack) for slack in (0, 1))
    return tuple(dict.fromkeys((*(theory.named(few, goal.fields) for few in near), theory.named(names, goal.fields))))


def nearby(theory: Theory, obligation: Obligation, goal: Goal) -> tuple[Premise, ...]:
    """With what is familiar, and with what served other goals at the same step: most of them rest on what the step knows."""
    names = (*(theory.companions(goal.name) or theory.learned(goal.name)), *theory.learned_at(obligation.step))
    return theory.named((goal.name, *names), goal.fields)


def sufficient(theory: Theory, obligation: Obligation, goal: Goal) -> Iterator[tuple[Premise, ...] | None]:
    """The claims that suffice over two objects of every sort, or three, which may do for any number; None where not even all suffice.

    Where the step cannot be taken over two objects, they say nothing of more.
    """
    for each in FEW:
        small = theory.small(each)
        names = small.needed(obligation.name, goal)
        if names is None:
            yield None
        elif each == max(FEW) or small.takes(obligation.name, names):
            yield theory.named((goal.name, *names), goal.fields)


def choices(theory: Theory, obligation: Obligation, goal: Goal) -> Iterator[tuple[Premise, ...]]:
    """What a proof may start from: the claims about the fields concerned, with more and more slack, and at last all.

    What lemmas serve follows from these alone, if it can; a lemma from what it names, and from nothing else.
    """
    lemma = next((c for c in theory.claims if c.is_lemma and c.name == goal.name), None)
    if lemma is not None:
        yield theory.support(lemma)
        return
    if obligation.with_claims and obligation.concerns is not None:
        fields = obligation.concerns | goal.fields
        yield from filter(None, (theory.served(goal.name),))
        yield from (theory.relevant(fields, slack) for slack in (0, 1, 2))
    yield theory.everything(goal.name) if obligation.with_claims else ()


def words_of(known: tuple[Premise, ...], obligation: Obligation, goal: Goal) -> str:
    """The whole formula in words: that these premises do not suffice for the goal."""
    return "\n".join(("known", *sorted(p.spelled for p in known), "where", obligation.spelled, "owed", goal.spelled))


def _checked(solver: z3.Solver, known: tuple[Expr, ...], contrary: Expr, rlimit: int) -> str:
    solver.set("rlimit", rlimit)
    solver.add(*known, contrary)
    return str(solver.check())


def _matching(theory: Theory, phase: int = PHASES[0]) -> z3.Solver:
    """Quantifiers are instantiated by matching alone: quick where it succeeds, and quick to say unknown."""
    solver = z3.SimpleSolver(ctx=theory.domain.context)
    solver.set("auto_config", False)  # noqa: FBT003  # Z3's own interface
    solver.set("mbqi", False)  # noqa: FBT003  # as above
    solver.set("phase_selection", phase)
    return solver


def inductive(theory: Theory) -> tuple[list[Obligation], int]:
    """What makes the claims inductive, and how many of them need no proof because a path assigns nothing they read."""
    owed, framed = [theory.start(), *theory.lemmas()], 0
    for path in theory.paths():
        obligation, kept = theory.preservation(path)
        framed += kept
        if obligation is not None:
            owed.append(obligation)
    return owed, framed


def following(theory: Theory) -> Iterator[Obligation]:
    """What makes the properties follow."""
    yield from theory.consequences()
    if any(p.about_steps for p in theory.properties):
        yield from (o for path in theory.paths() if (o := theory.step_consequences(path)) is not None)


def _countable(properties: tuple[Invariant, ...], theory: Theory) -> tuple[Invariant, ...]:
    """The properties that count only what the claims have shown to be tallied exactly."""
    exact = {f.name for f in theory.tallied}
    return tuple(p for p in properties if {f.name for f in tallied_in([p])} <= exact)


def _left_open(results: list[Result]) -> dict[str, Open]:
    """For each goal left open, where that was first."""
    found: dict[str, Open] = {}
    for result in results:
        for name in result.open_goals:
            found.setdefault(name, Open(result.verdict, result.name))
    return found


def _without(invariants: tuple[Invariant, ...], fallen: set[str]) -> tuple[Invariant, ...]:
    """The set without what fell; a fallen tally takes everything with it that counts by it."""
    lost = {name.removeprefix("tally ") for name in fallen if name.startswith("tally ")}
    return tuple(i for i in invariants if i.name not in fallen and not ({f.name for f in tallied_in([i])} & lost))


def dead(
    theory: Theory, branches: frozenset[str], *, rlimit: int = RLIMIT, proofs: Proofs | None = None
) -> dict[str, str]:
    """For each of these cases: `unsat` where no state that satisfies the invariants can take it, else Z3's word."""
    found: dict[str, str] = {}
    for path in theory.paths():
        for branch in path.branches:
            if branch.name in branches and found.get(branch.name, "unsat") == "unsat":
                found[branch.name] = solve(theory, theory.impossibility(path), rlimit, proofs).verdict
    return found
