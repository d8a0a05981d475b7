"""The second solver: a proof counts when Z3 and cvc5 both say `unsat` to the same exported SMT-LIB.

One goal is one text. Z3 parses it again like any other solver, so that neither reads what the other did not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import cvc5
import z3

from tenure.prover.cache import Proofs
from tenure.prover.expressions import Expr
from tenure.prover.induction import alone, choices, following, inductive, sufficient, words_of
from tenure.prover.theory import Goal, Invariant, Obligation, Premise, Theory, tallied_in
from tenure.vocabulary.rules import Rules

Z3_RLIMIT = 10_000_000
CVC5_RLIMIT = 2_000_000
"""Each solver's own unit of work, for one text: the same on every machine, unlike seconds."""

Options = tuple[tuple[str, str], ...]

Needed = Mapping[str, Mapping[str, tuple[str, ...]]]
"""For each obligation and goal, claims from which it is known to follow: they are tried first, and need not suffice."""


@dataclass(frozen=True)
class Known:
    """What is known before anything is asked: claims that suffice, and what both solvers refuted."""

    needed: Needed = field(default_factory=dict)
    proofs: Proofs | None = None


PLAIN: Options = ()
ENUMERATED: Options = (("enum-inst", "true"),)
"""Where matching finds no instances, try the terms at hand in turn."""


@dataclass(frozen=True)
class Crossed:
    """What both solvers say to one goal of an obligation, on the text that counts."""

    obligation: str
    goal: str
    premises: str
    """Which claims were assumed: by which choice, those that a few objects need, or all."""
    z3: str
    cvc5: str
    seconds: float
    text: str = field(repr=False)
    """The text that both were given; empty where they were given the same words before."""

    @property
    def remembered(self) -> bool:
        """Both solvers were given the same words before."""
        return not self.text

    @property
    def proved(self) -> bool:
        """Both solvers say `unsat` to the same text."""
        return self.z3 == self.cvc5 == "unsat"


def smtlib(theory: Theory, known: Iterable[Premise], obligation: Obligation, contrary: Expr) -> str:
    """SMT-LIB 2 text: unsatisfiable iff the premises and the obligation's own conditions exclude the goal's contrary."""
    solver = z3.Solver(ctx=theory.domain.context)
    solver.add(*(p.formula for p in known), *obligation.assume, contrary)
    head, *rest = solver.to_smt2().splitlines()
    return "\n".join([f"; {obligation.name}", "(set-logic ALL)", *([] if head.startswith(";") else [head]), *rest, ""])


def z3_verdict(text: str, rlimit: int = Z3_RLIMIT, *, matching: bool = False, context: z3.Context | None = None) -> str:
    """What Z3 says to a text: by every means that it has, or quickly, by `matching` alone.

    Texts of one theory declare the same, so several of them may be read in one `context`, each by a solver of its own.
    """
    context = z3.Context() if context is None else context
    solver = z3.SimpleSolver(ctx=context) if matching else z3.Solver(ctx=context)
    if matching:
        solver.set("auto_config", False)  # noqa: FBT003  # Z3's own interface
        solver.set("mbqi", False)  # noqa: FBT003  # as above
    solver.set("rlimit", rlimit)
    solver.from_string(text)
    return str(solver.check())


def cvc5_verdict(text: str, rlimit: int = CVC5_RLIMIT, options: Options = PLAIN) -> str:
    """What cvc5 says to a text; RuntimeError where it does not understand it."""
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("rlimit", str(rlimit))
    for name, value in options:
        solver.setOption(name, value)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    said = []
    while not (command := parser.nextCommand()).isNull():
        said += command.invoke(solver, parser.getSymbolManager()).split("\n")
    verdict: str
    (verdict,) = (line.partition(" ")[0] for line in said if line)
    if verdict not in {"sat", "unsat", "unknown"}:
        raise RuntimeError(f"cvc5 answers {' '.join(said)}")
    return verdict


def cross_check(
    rules: Rules,
    claims: tuple[Invariant, ...],
    properties: tuple[Invariant, ...] = (),
    *,
    known: Known = Known(),
    limits: tuple[int, int] = (Z3_RLIMIT, CVC5_RLIMIT),
    told: Callable[[Crossed], None] | None = None,
) -> tuple[Crossed, ...]:
    """Every goal that makes the claims inductive and the properties follow, put to both solvers, unless they refuted the same words before."""
    found = []
    for theory, obligation in _obligations(rules, claims, properties):
        # To make a context takes longer than most proofs. One serves the texts of an obligation: no declaration meets
        # another of its name, and what Z3 says depends on nothing but the obligation, whatever was checked before.
        context = None
        needed = known.needed.get(obligation.name, {})
        for goal in obligation.goals:
            asked = _Asked(theory, obligation, goal, needed.get(goal.name))
            crossed = _remembered(asked, known.proofs)
            if crossed is None:
                context = z3.Context() if context is None else context
                crossed = _crossed(asked, known.proofs, limits, context)
            found.append(crossed)
            if told is not None:
                told(crossed)
    return tuple(found)


def _obligations(
    rules: Rules, claims: tuple[Invariant, ...], properties: tuple[Invariant, ...]
) -> Iterator[tuple[Theory, Obligation]]:
    theory = Theory(rules, claims)
    exact = {one.name for one in theory.tallied}
    foreign = [p.name for p in properties if not {f.name for f in tallied_in([p])} <= exact]
    if foreign:
        raise ValueError(f"no claim counts exactly what these properties count: {', '.join(foreign)}")
    yield from ((theory, o) for o in inductive(theory)[0])
    theory = Theory(rules, claims, properties)
    yield from ((theory, o) for o in following(theory))


@dataclass(frozen=True)
class _Asked:
    """A goal, and claims from which it is known to follow, if any are known."""

    theory: Theory
    obligation: Obligation
    goal: Goal
    needed: tuple[str, ...] | None

    @property
    def at_hand(self) -> tuple[tuple[Premise, ...], ...]:
        """The premises from which a proof may start, as far as nobody has to look for them."""
        return (*self.known, *choices(self.theory, self.obligation, self.goal))

    @property
    def known(self) -> tuple[tuple[Premise, ...], ...]:
        """Those from which it is known to follow."""
        return () if self.needed is None else (self.theory.named((self.goal.name, *self.needed), self.goal.fields),)

    def words(self, premises: tuple[Premise, ...]) -> str:
        """The formula that both solvers have to refute, in words."""
        return words_of(premises, self.obligation, self.goal)


def _remembered(asked: _Asked, proofs: Proofs | None) -> Crossed | None:
    """Both solvers refuted the same words before, in this system or another."""
    if proofs is None or not any(proofs.has(asked.words(premises)) for premises in asked.at_hand):
        return None
    return Crossed(asked.obligation.name, asked.goal.name, "remembered", "unsat", "unsat", 0.0, "")


def _crossed(asked: _Asked, proofs: Proofs | None, limits: tuple[int, int], context: z3.Context) -> Crossed:
    """From few premises to all, until both solvers agree on one text; else what they say with all premises."""
    started = time.perf_counter()
    obligation, goal = asked.obligation, asked.goal
    contrary = goal.contrary()
    for premises, known, share in _plan(asked):
        text = smtlib(asked.theory, known, obligation, contrary)
        quick = z3_verdict(text, max(1, limits[0] // share), matching=True, context=context)
        if quick == "unsat" and _cvc5(text, max(1, limits[1] // share)) == "unsat":
            if proofs is not None:  # what follows from few premises follows from more
                proofs.keep(asked.words(known if known in asked.at_hand else asked.at_hand[-1]))
            return Crossed(obligation.name, goal.name, premises, quick, quick, time.perf_counter() - started, text)
    known = asked.at_hand[-1]
    text = smtlib(asked.theory, known, obligation, contrary)
    ours = z3_verdict(text, limits[0], matching=True, context=context)
    ours = ours if ours == "unsat" else z3_verdict(text, limits[0], context=context)
    theirs = _cvc5(text, limits[1])
    if proofs is not None and ours == theirs == "unsat":
        proofs.keep(asked.words(known))
    return Crossed(obligation.name, goal.name, "all", ours, theirs, time.perf_counter() - started, text)


def _plan(asked: _Asked) -> Iterator[tuple[str, tuple[Premise, ...], int]]:
    """Which premises are tried, in words, and with what part of the effort."""
    theory, obligation, goal = asked.theory, asked.obligation, asked.goal
    yield from (("known", known, 10) for known in asked.known)
    *few, _ = choices(theory, obligation, goal)
    if few:
        yield "first", few[0], 10
        yield "alone", alone(theory, goal), 10
        yield from (("needed", known, 1) for known in sufficient(theory, obligation, goal) if known is not None)
    for share in (10, 1):
        yield from ((f"choice {number}", known, share) for number, known in enumerate(few))


def _cvc5(text: str, rlimit: int) -> str:
    """What cvc5 says as it comes, or, where it gives up, by trying the terms at hand."""
    plain = cvc5_verdict(text, rlimit)
    return cvc5_verdict(text, rlimit, ENUMERATED) if plain == "unknown" else plain
