"""Judging a system at one granularity: what searches refute, what induction proves, and what neither settles."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenure.commands.locking import locks_row
from tenure.commands.recording import rows_recorded
from tenure.commands.sticking import Stuck, where_stuck
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.search.falsify import Falsification, falsify, race_trace
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import Rules, leaves, rules_of
from tenure.vocabulary.sentences import applies, can_say, concerns, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Row, Verdict

if TYPE_CHECKING:
    from tenure.prover.cache import Proofs  # a solver is loaded only where something is proved
    from tenure.prover.induction import Proof
    from tenure.prover.theory import Invariant

CASES = "CASES"
"""The row that says whether every case of every step is reached by some run or proved dead."""


@dataclass(frozen=True)
class ObligationRow:
    """One proof obligation as a report shows it."""

    name: str
    goals: tuple[str, ...]
    verdict: str
    seconds: float
    solver: str
    remembered: int = 0
    """How many of its goals were proved before, in the same words."""


@dataclass
class Judgement:
    """All rows of one system at one granularity, and the obligations behind those that say proved."""

    rows: list[Row]
    obligations: list[ObligationRow] = field(default_factory=list)
    framed: int = 0
    prove_seconds: float = 0.0
    search_seconds: float = 0.0
    dead: tuple[str, ...] = ()
    """The cases of steps that no state satisfying the claims can take."""
    claims: tuple[str, ...] = ()
    """The helper claims that were proved, and from which the rest follows."""
    needed: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """For each obligation and goal that took a search for them, the claims from which it was proved."""


def find_system(system_id: str) -> System:
    """The system of this identifier; raises KeyError where there is none."""
    for system in SYSTEMS:
        if system.id == system_id:
            return system
    raise KeyError(system_id)


def judge(system_id: str, granularity: str, *, fresh: bool = False) -> Judgement:
    """Search and prove; then account for every case of every step, and for the order of locks."""
    from tenure.prover.cache import Proofs
    from tenure.prover.counterexamples import populated

    started = time.perf_counter()
    system = find_system(system_id)
    rules = rules_of(system, Granularity(granularity))
    concerned = [p for p in PROPERTIES if applies(system, p)]
    end = _settled(rules, concerned, None if fresh else Proofs())
    found, proof = end.found, end.proof
    stuck = {} if found.false_claims else where_stuck(rules, end.tried, end.wanted, proof)
    rows = [_row(rules, p, found, proof, stuck.get(p.id)) for p in PROPERTIES if concerns(system, p)]
    cases, dead = _cases(rules, found, end.dead, populated=populated(rules, end.claims) is not None)
    rows.append(cases)
    if rules.granularity is Granularity.STEPS:
        rows.append(locks_row(system))
    proving = time.perf_counter() - started - end.searching
    obligations = [ObligationRow(r.name, r.goals, r.verdict, r.seconds, r.solver, r.remembered) for r in proof.results]
    claims = tuple(c.name for c in end.claims)
    needed = {r.name: r.needed for r in proof.results if r.needed}
    return Judgement(rows, obligations, proof.framed, proving, end.searching, dead, claims, needed)


@dataclass(frozen=True)
class _Settled:
    """What a search found, what was proved of the rest, and how long was searched."""

    found: Falsification
    proof: Proof
    tried: tuple[Invariant, ...]
    """The claims that no search refuted."""
    wanted: tuple[Invariant, ...]
    """The properties that no search refuted."""
    dead: dict[str, str]
    """For each case that no run was seen to take, what the solver says to its being taken."""
    searching: float

    @property
    def claims(self) -> tuple[Invariant, ...]:
        """The claims that were proved."""
        return tuple(c for c in self.tried if c.name in self.proof.proved)

    @property
    def everything(self) -> bool:
        """Each claim and property has fallen or is proved, and each case is reached or dead."""
        return not self.proof.dropped and all(word == "unsat" for word in self.dead.values())


def _settled(rules: Rules, concerned: list[Property], proofs: Proofs | None) -> _Settled:
    """A brief search, and no other where all that it leaves is proved; else a whole one, so that nobody tries to prove what is false.

    What is recorded of the system saves an attempt that was in vain before. It decides nothing else: no verdict comes from it.
    """
    searching = 0.0
    known = _recorded(rules)
    if Verdict.SEARCHED.value not in known.values():
        started = time.perf_counter()
        brief = falsify(rules, concerned, brief=True)
        searching = time.perf_counter() - started
        if _may_be_all(brief, concerned, known):
            settled = _proved(rules, concerned, brief, proofs, searching, whole=True)
            if settled.everything:
                return settled
    started = time.perf_counter()
    found = _searched(rules, concerned)
    searching += time.perf_counter() - started
    return _proved(rules, concerned, found, proofs, searching)


def _recorded(rules: Rules) -> dict[str, str]:
    """The verdict that is recorded for each property of this system at this granularity; none for a new system."""
    here = (rules.system.name, rules.system.variant, rules.granularity.value)
    return {key[3]: row["verdict"] for key, row in rows_recorded([here[0]]) if key[:3] == here}


def _may_be_all(brief: Falsification, concerned: list[Property], known: dict[str, str]) -> bool:
    """No claim fell, and nothing is left that says nothing, or of which a trace is recorded that this search did not find."""
    if brief.false_claims:
        return False
    left = [p.id for p in concerned if p.id not in brief.traces]
    return all(brief.is_met(name) and known.get(name) != Verdict.REFUTED.value for name in left)


def _proved(
    rules: Rules,
    concerned: list[Property],
    found: Falsification,
    proofs: Proofs | None,
    searching: float,
    *,
    whole: bool = False,
) -> _Settled:
    """Prove what a search left; where only the `whole` of it is of use, no more is tried once something is left open."""
    from tenure.prover import induction, theory  # as above

    claims = tuple(c for c in theory.claims_of(rules) if c.name not in found.false_claims)
    left = [p for p in concerned if p.id not in found.traces and found.is_met(p.id)]
    wanted = theory.stated(
        [*(sentence(rules, p) for p in left), *(premise for p in left for premise in found.unmet(p.id))]
    )
    proof = induction.prove(rules, claims, wanted, proofs=proofs, whole=whole)
    if whole and proof.dropped:
        return _Settled(found, proof, claims, wanted, {}, searching)
    kept = tuple(c for c in claims if c.name in proof.proved)
    dead = induction.dead(theory.Theory(rules, kept), _branches(rules) - found.reached, proofs=proofs)
    return _Settled(found, proof, claims, wanted, dead, searching)


def _searched(rules: Rules, properties: list[Property]) -> Falsification:
    """Searches by area, then by the calls of each race of the system whose property has not fallen yet."""
    found = falsify(rules, properties)
    calls = {c.name for c in rules.system.calls}
    concerned = {p.id: p for p in properties}
    for race in RACES:
        here = race.granularity == rules.granularity.value and race.property in concerned and set(race.calls) <= calls
        if here and can_say(rules.system, race.moment) and not race.harmless and race.property not in found.traces:
            trace = race_trace(rules, race, concerned[race.property])
            if trace is not None:
                found.traces[race.property] = trace
                found.scopes[race.property] = f"the calls of race {race.id}"
    return found


def _row(rules: Rules, one: Property, found: Falsification, proof: Proof, stuck: Stuck | None) -> Row:
    def row(verdict: Verdict, reason: str, trace: Trace | None = None) -> Row:
        system = rules.system
        length = len(trace) if trace and verdict is Verdict.REFUTED else None
        return Row(system.name, system.variant, rules.granularity.value, one.id, verdict, reason, length, 0.0, trace)

    if not applies(rules.system, one):
        return row(Verdict.NOT_APPLICABLE, "the system shows nothing of what it speaks of")
    if one.id in found.traces:
        return row(Verdict.REFUTED, f"no trace is shorter with {found.scopes[one.id]}", found.traces[one.id])
    if not found.is_met(one.id):
        return row(Verdict.NOT_APPLICABLE, f"no run meets its premise: searched {found.searched}")
    never = [premise.about.id for premise in found.unmet(one.id)]
    open_ = [name for name in (one.id, *never) if name not in proof.proved]
    if not open_:
        said = f"; proved never to be met: {', '.join(never)}" if never else ""
        return row(Verdict.PROVED, f"for any number of objects, by induction{said}")
    if found.false_claims:
        return row(Verdict.SEARCHED, f"{found.searched}; the claims that would prove it are false here")
    if stuck is not None:
        return row(Verdict.NOT_INDUCTIVE, stuck.reason, stuck.trace)
    if one.id in open_:
        return row(Verdict.UNKNOWN, str(proof.dropped.get(one.id, "not proved")))
    return row(Verdict.UNKNOWN, f"neither met by a run nor proved never to be met: {', '.join(open_)}")


def _branches(rules: Rules) -> frozenset[str]:
    return frozenset(b.name for rule in rules.rules for path in leaves(rule.root) for b in path)


def _cases(
    rules: Rules, found: Falsification, words: dict[str, str], *, populated: bool
) -> tuple[Row, tuple[str, ...]]:
    """Every case of every step is taken by some run, or no state that satisfies the claims can take it."""
    left = sorted(n for n, word in words.items() if word != "unsat")
    dead = tuple(sorted(n for n, word in words.items() if word == "unsat"))
    system = rules.system
    base = (system.name, system.variant, rules.granularity.value, CASES)
    if not populated:
        return Row(*base, Verdict.UNKNOWN, "no state with two objects of every sort satisfies the claims"), dead
    said = f"{len(_branches(rules)) - len(words)} cases reached, {len(dead)} proved dead"
    if not left:
        return Row(*base, Verdict.PROVED, said), dead
    undecided = f"{said}, {len(left)} neither: {', '.join(left)}"
    return Row(*base, Verdict.SEARCHED if found.false_claims else Verdict.UNKNOWN, undecided), dead
