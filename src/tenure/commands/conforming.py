"""`tenure conform`: the reference as a subject, exhaustively in small scopes, then at random."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tenure.commands.proving import judged
from tenure.gate.conform import Conformance, conform_pairs, conform_whole
from tenure.gate.profiles import pair_fields, whole_fields
from tenure.gate.walks import random_walks
from tenure.vocabulary.calls import Refuse
from tenure.vocabulary.rules import leaves, rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.verdicts import Verdict

Told = Callable[[str, int, int], None]


@dataclass
class Comparison:
    """Everything that was compared of one system."""

    system: System
    parts: list[Conformance] = field(default_factory=list)
    walks: int = 0
    walked: str = ""
    missing: tuple[str, ...] = ()
    """Refusals of the whole calls that no comparison reached and no proof shows dead."""
    dead: int = 0

    @property
    def differences(self) -> int:
        """How many differences were found."""
        return sum(len(p.differences) for p in self.parts) + bool(self.walked)

    @property
    def verdict(self) -> Verdict:
        """Conforms only where nothing differs and every refusal is accounted for."""
        if self.differences:
            return Verdict.DIFFERS
        return Verdict.UNKNOWN if self.missing else Verdict.CONFORMS


def compare(system: System, budget: float | None, seed: int, told: Told) -> Comparison:
    """Whole calls and pairs in flight, scope by scope; each later scope has what is left of the budget."""
    result = Comparison(system)
    deadline = None if budget is None else time.monotonic() + budget

    def left(share: float) -> float | None:
        return None if deadline is None else max(0.5, (deadline - time.monotonic()) * share)

    for one in whole_fields(system):
        report = conform_whole(
            system,
            one.scope,
            within=one.within,
            budget=left(0.5),
            told=lambda s, t, n=one.name: told(n, s, t),  # type: ignore[misc]  # defaults bind the loop's values
        )
        result.parts.append(report)
    for one in pair_fields(system):
        report = conform_pairs(
            system,
            one.scope,
            within=one.within,
            budget=left(0.6),
            told=lambda s, t, n=one.name: told(n, s, t),  # type: ignore[misc]  # as above
        )
        result.parts.append(report)
    result.walks, result.walked = random_walks(system, seed, seconds=left(0.9) or 20.0)
    _account(result)
    return result


def _account(result: Comparison) -> None:
    """Every refusal that the model has was met in some comparison, or is proved unreachable."""
    rules = rules_of(result.system, Granularity.WHOLE)
    wanted = {
        f"{b.name} {b.then.outcome.errno}"
        for rule in rules.rules
        for path in leaves(rule.root)
        for b in path[-1:]
        if hasattr(b.then, "outcome") and isinstance(b.then.outcome, Refuse)
    }
    met = set().union(*(p.refusals for p in result.parts))
    open_ = wanted - met
    if open_:
        ((_, judgement),) = judged([(result.system.id, "whole")], 1, lambda *_: None)
        dead = {name for name in open_ if name.split()[0] in judgement.dead}
        result.dead = len(dead)
        open_ -= dead
    result.missing = tuple(sorted(open_))
