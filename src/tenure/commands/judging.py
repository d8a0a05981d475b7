"""Judging a system at one granularity: what searches refute, what induction proves, and what neither settles."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tenure.commands.locking import locks_row
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.search.falsify import Falsification, falsify, race_trace
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import Rules, leaves, rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.verdicts import Row, Verdict

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


def find_system(system_id: str) -> System:
    """The system of this identifier; raises KeyError where there is none."""
    for system in SYSTEMS:
        if system.id == system_id:
            return system
    raise KeyError(system_id)


def judge(system_id: str, granularity: str) -> Judgement:
    """Search first, so that nobody tries to prove what is false; then prove; then account for every case of every step."""
    from tenure.prover import induction  # a solver is loaded only where something is proved

    system = find_system(system_id)
    rules = rules_of(system, Granularity(granularity))
    concerned = [p for p in PROPERTIES if applies(system, p)]
    started = time.perf_counter()
    found = _searched(rules, concerned)
    searched = time.perf_counter()
    claims = tuple(c for c in induction.claims_of(rules) if c.name not in found.false_claims)
    wanted = [sentence(rules, p) for p in concerned if p.id not in found.traces and p.id in found.witnessed]
    effort = induction.RLIMIT // 10 if found.false_claims else induction.RLIMIT
    proof = induction.prove(rules, claims, induction.stated(wanted), rlimit=effort)
    kept = tuple(c for c in claims if c.name in proof.proved)
    rows = [_row(rules, p, found, proof) for p in PROPERTIES]
    cases, dead = _cases(rules, found, induction.Theory(rules, kept))
    rows.append(cases)
    if rules.granularity is Granularity.STEPS:
        rows.append(locks_row(system))
    finished = time.perf_counter()
    obligations = [ObligationRow(r.name, r.goals, r.verdict, r.seconds, r.solver) for r in proof.results]
    return Judgement(
        rows, obligations, proof.framed, finished - searched, searched - started, dead, tuple(c.name for c in kept)
    )


def _searched(rules: Rules, properties: list[Property]) -> Falsification:
    """Searches by area, then by the calls of each race of the system whose property has not fallen yet."""
    found = falsify(rules, properties)
    calls = {c.name for c in rules.system.calls}
    concerned = {p.id: p for p in properties}
    for race in RACES:
        here = race.granularity == rules.granularity.value and race.property in concerned and set(race.calls) <= calls
        if here and not race.harmless and race.property not in found.traces:
            trace = race_trace(rules, race, concerned[race.property])
            if trace is not None:
                found.traces[race.property] = trace
                found.scopes[race.property] = f"the calls of race {race.id}"
    return found


def _row(rules: Rules, one: Property, found: Falsification, proof: object) -> Row:
    from tenure.prover.induction import Proof  # as above

    assert isinstance(proof, Proof)  # noqa: S101  # typed so that the solver loads late

    def row(verdict: Verdict, reason: str) -> Row:
        system = rules.system
        trace = found.traces.get(one.id) if verdict is Verdict.REFUTED else None
        length = len(trace) if trace else None
        return Row(system.name, system.variant, rules.granularity.value, one.id, verdict, reason, length, 0.0, trace)

    if not applies(rules.system, one):
        return row(Verdict.NOT_APPLICABLE, "the system shows nothing of what it speaks of")
    if one.id in found.traces:
        return row(Verdict.REFUTED, f"no trace is shorter with {found.scopes[one.id]}")
    if one.id not in found.witnessed:
        return row(Verdict.NOT_APPLICABLE, f"no run meets its premise: searched {found.searched}")
    if one.id in proof.proved:
        return row(Verdict.PROVED, "for any number of objects, by induction")
    if found.false_claims:
        return row(Verdict.SEARCHED, f"{found.searched}; the claims that would prove it are false here")
    return row(Verdict.UNKNOWN, proof.dropped.get(one.id, "not proved"))


def _cases(rules: Rules, found: Falsification, theory: object) -> tuple[Row, tuple[str, ...]]:
    """Every case of every step is taken by some run, or no state that satisfies the claims can take it."""
    from tenure.prover import induction as prover
    from tenure.prover.counterexamples import populated

    assert isinstance(theory, prover.Theory)  # noqa: S101  # as above
    names = {b.name for rule in rules.rules for path in leaves(rule.root) for b in path}
    missing = frozenset(names - found.reached)
    words = prover.dead(theory, missing) if missing else {}
    left = sorted(n for n, word in words.items() if word != "unsat")
    proved_dead = tuple(sorted(n for n, word in words.items() if word == "unsat"))
    system = rules.system
    base = (system.name, system.variant, rules.granularity.value, CASES)
    if populated(rules, theory.claims) is None:
        return Row(*base, Verdict.UNKNOWN, "no state with two objects of every sort satisfies the claims"), proved_dead
    reached, dead = len(names) - len(missing), len(missing) - len(left)
    said = f"{reached} cases reached, {dead} proved dead"
    if not left:
        return Row(*base, Verdict.PROVED, said), proved_dead
    undecided = f"{said}, {len(left)} neither: {', '.join(left)}"
    return Row(*base, Verdict.SEARCHED if found.false_claims else Verdict.UNKNOWN, undecided), proved_dead
