"""`tenure gate`: a target, the oracle, a campaign, and its findings as people and machines read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenure.commands.naming import system_named
from tenure.commands.output import BadInput, DiskTrouble
from tenure.commands.recording import recorded
from tenure.commands.replaying import Replayed, scope_of
from tenure.commands.tracing import run_of_trace
from tenure.gate.campaign import Campaign
from tenure.gate.devices import DEVICE
from tenure.gate.findings import CampaignReport, Finding, worded
from tenure.gate.oracle import Made, Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, plan_scope, setup_of
from tenure.gate.subject import NotRun, Sited, Subject, TargetFailed
from tenure.gate.targets import kind_of, open_target
from tenure.report.documents import row_result
from tenure.report.itf import to_itf
from tenure.search.explorer import trace_along
from tenure.vocabulary.machine import State, Transition
from tenure.vocabulary.systems import System
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Row, Verdict

_LOG = 25
"""How many lines of a console are told; all of them are written with --out."""


@dataclass
class GateResult:
    """A campaign's report with what is needed to tell it."""

    target: str
    system: System
    oracle: Oracle
    report: CampaignReport

    def told(self, one: Finding) -> str:
        """A finding as text: the calls, then two lines that say what is wrong and why."""
        lines = [f"{self.target} {one.kind}: after {len(one.calls)} calls"]
        lines += [f"  {call:<64} -> {answer}" for call, answer in zip(one.calls, one.answers, strict=True)]
        if one.kind == "differs":
            verb = "answered" if one.given == one.answers[-1] else "shows"
            lines.append(f"  ! {verb} {one.given}, and the rules permit only {one.permitted}")
            lines.append(
                f"  ! because {one.reason}" if one.reason else f"  ! rules: {self.system.id}, {self.system.source}"
            )
        elif one.fell():
            lines.append(f"  ! the kernel did not stay up: {one.reason}")
            lines += [f"  | {line}" for line in one.log.splitlines()[-_LOG:]]
        elif one.of_device():
            lines.append(f"  ! {one.given}")
            lines.append(f"  ! {one.reason}")
        else:
            lines.append(f"  ! shows a state that breaks {one.property}")
            lines.append(f"  ! {one.reason}")
        if one.is_sensitive():
            lines.append("  ! it may be a danger to others: tell the kernel's maintainers first (security@kernel.org)")
        if one.known:
            lines.append(f"  ! known of this kernel: {one.known}")
        return "\n".join(lines)

    @property
    def extent(self) -> str:
        """How much of the plan was done."""
        return f"{self.report.followed:,} of {self.report.planned:,} planned runs done"

    def trace(self, one: Finding) -> Trace:
        """The run of a finding as the rules see it, up to the wrong answer."""
        subject = one.property or "answer"
        reason = f"{one.kind}: {self.target} answered {one.given}, permitted: {one.permitted or 'anything that keeps the property'}"
        return trace_along(self.oracle.machine, self.oracle.start(), _way(self.oracle, one.run), subject, reason)

    def itf(self, one: Finding) -> str:
        """The finding as an ITF document."""
        return to_itf(self.trace(one))

    def program(self, one: Finding) -> str:
        """The finding as a program in C, with what is wrong as a comment above it."""
        told = "\n".join(f" * {line.strip()}".replace("*/", "* /") for line in self.told(one).splitlines())
        return f"/*\n{told}\n */\n{one.program}"

    @property
    def held(self) -> Verdict | None:
        """What is said of all in which nothing was found wrong; None where the campaign did all that was planned."""
        if not self.report.calls:
            return Verdict.NOT_RUN
        return None if self.report.complete else Verdict.UNKNOWN

    @property
    def verdict(self) -> Verdict:
        """What the campaign says of the answers: they conform only where some were given, and all that was planned was done."""
        if self.report.missing:
            return Verdict.NOT_RUN
        if self.report.failure:
            return Verdict.TARGET_FAILED
        if any(f.kind == "differs" for f in self.report.findings):
            return Verdict.DIFFERS
        return self.held or Verdict.CONFORMS

    def rows(self) -> list[tuple[Row, bool]]:
        """The campaign as rows: one for the answers, one for each property checked or not run."""
        base = (self.system.name, self.system.variant, "whole")
        differs = [f for f in self.report.findings if f.kind == "differs"]
        broken = {f.property for f in self.report.findings if f.kind == "violates"}
        first = self.verdict
        without = f"; not run: {', '.join(self.report.lacking)}" if self.report.lacking else ""
        told = self.report.failure or self.report.missing or f"{len(differs)} differences; {self.extent}{without}"
        rows = [(Row(*base, "answers", first, told), first is Verdict.CONFORMS)]
        once = {f.property for f in self.report.once}
        for name in self.report.checked:
            unbroken = Verdict.UNKNOWN if name in once else self.held or Verdict.TESTED
            verdict = Verdict.VIOLATES if name in broken else unbroken
            rows.append((Row(*base, name, verdict, self.extent), verdict is Verdict.TESTED))
        rows += [
            (Row(*base, name, Verdict.NOT_RUN, "the target does not show what it speaks of"), True)
            for name in self.report.not_run
        ]
        if (devices := self.report.devices) is not None and not devices.tries:
            rows.append(
                (
                    Row(*base, DEVICE, Verdict.NOT_RUN, "no unmap took anything away that a device could be asked for"),
                    True,
                )
            )
        rows += [
            (Row(*base, name, Verdict.NOT_APPLICABLE, "the rules themselves break it"), True)
            for name in self.report.waived
        ]
        return rows

    def results(self) -> list[dict[str, object]]:
        """The campaign as results of the JSON document."""
        found = [{**row_result(row), "target": self.target, "calls": self.report.calls} for row, _ in self.rows()]
        found += [
            {
                "system": self.system.name,
                "target": self.target,
                "verdict": one.kind,
                "property": one.property or "answers",
                "steps": len(one.run),
                "seconds": round(self.report.seconds, 2),
                "calls": list(one.calls),
                "answers": list(one.answers),
                "given": one.given,
                "permitted": one.permitted,
                "reason": one.reason,
                **({"known": one.known} if one.known else {}),
                **({"sensitive": True} if one.is_sensitive() else {}),
            }
            for one in self.report.findings
        ]
        return found


def _way(oracle: Oracle, run: tuple[Made, ...]) -> list[tuple[State, Transition]]:
    """A run as the rules see it: a permitted answer at each call, and the releases that follow."""
    machine = oracle.machine
    state = oracle.start()
    taken: list[tuple[State, Transition]] = []
    for made in run:
        rule = machine.rules.rules[oracle.beginning(made.call)]
        arguments = {p.name: v for p, v in zip(rule.variables, made.args, strict=True)}
        ahead = machine.begin(state, made.call, arguments)
        while ahead:
            taken.append((state, ahead[0]))
            state = ahead[0].state
            ahead = [
                t
                for n, r in enumerate(machine.rules.rules)
                if not r.begins or n in oracle.internal
                for t in machine.canonical(state, n)
            ]
    return taken


def profile_of(target: str, profile: str | None) -> System:
    """The rules to hold a target to: those named, or those that the target's own name says."""
    kind, rest = kind_of(target)
    if profile or kind == "reference":
        return system_named(profile or rest)
    message = f"{target!r} does not say by which rules it goes; add --profile SYSTEM (tenure list systems)"
    raise BadInput(message)


def refuted_by_design(system: System) -> frozenset[str]:
    """The properties that these rules break even where calls are whole: the record says so."""
    return frozenset(
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[:3] == (system.name, system.variant, "whole") and verdict == Verdict.REFUTED.value
    )


def run_gate(  # noqa: PLR0913  # what a user may ask for
    target: str,
    profile: str | None,
    seconds: float | None,
    calls: int | None,
    seed: int,
    told: Callable[[str, int, int], None],
    iommu: str | None = None,
) -> GateResult:
    """Open the target, plan, lead it through a campaign, and close it whatever happens; planning takes nothing of the budget."""
    system = profile_of(target, profile)
    where, start = gate_scope(system), plan_scope(system)
    oracle = Oracle(system, where)
    report = CampaignReport(seed=seed)
    subject: Subject | None = None
    try:
        subject = open_target(target, system.id, iommu, lambda said: told(said, 0, 0))
        if isinstance(subject, Sited):
            where, start = subject.scopes(system)
            oracle = Oracle(system, where)
        campaign = Campaign(subject, oracle, setup_of(system, oracle.machine), seed, refuted_by_design(system))
        report = campaign.report
        plan = planned(
            system, oracle.rules, start, lambda s, t: told(f"planning: {s:,} states, {t:,} transitions", 0, 0)
        )
        campaign.play(
            plan,
            seconds=seconds,
            calls=calls,
            told=lambda r: told(f"{r.calls:,} calls, {len(r.findings)} findings", r.followed, r.planned),
        )
    except TargetFailed as failure:
        report.failure = str(failure)
    except NotRun as missing:
        report.missing = str(missing)
    except OSError as trouble:
        said = f"{target}: {trouble.strerror or trouble}; free some space, or keep kernels elsewhere (TENURE_CACHE)"
        raise DiskTrouble(said) from trouble
    finally:
        if subject is not None:
            subject.close()
    return GateResult(target, system, oracle, report)


def replay_calls(trace: Trace, system: System, target: str) -> Replayed:
    """The calls of a trace on a target that takes whole calls, each answer beside what the rules permit."""
    if trace.granularity != "whole":
        message = "the trace interleaves steps; only the reference can be led through it (target reference:SYSTEM)"
        raise BadInput(message)
    oracle = Oracle(system, scope_of(trace))
    subject = open_target(target, system.id)
    told: list[tuple[str, str, str]] = []
    try:
        subject.reset(setup_of(system, oracle.machine))
        states = frozenset({oracle.start()})
        for made in run_of_trace(trace, system):
            permitted = {a: s for state in states for a, s in oracle.outcomes(state, made).items()}
            reply = subject.do(made.call, oracle.arguments(made), show=False)
            expected = " or ".join(sorted(worded(a) for a in permitted)) or "no such call here"
            given = worded(reply.answer)
            words = " ".join([made.call, *(f"{k}={v}" for k, v in oracle.arguments(made).items())])
            following = permitted.get(reply.answer)
            told.append((words, expected, given))
            if following is None:
                return Replayed(tuple(told), len(told) - 1, "none")
            states = following
    finally:
        subject.close()
    return Replayed(tuple(told), None, "none")
