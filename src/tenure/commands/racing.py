"""`tenure gate --races`: two calls at once in a kernel, over and over, and every outcome beside those that the rules allow."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tenure.commands.output import DiskTrouble
from tenure.gate.checks import Showing
from tenure.gate.findings import STAYS_UP, worded
from tenure.gate.interleavings import Asked, Interleavings
from tenure.gate.linux.racing import Said, Words
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.profiles import setup_of
from tenure.gate.races import Outcome, Race, in_words, races
from tenure.gate.subject import Fell, NotRun, TargetFailed
from tenure.gate.targets import open_kernel
from tenure.report.documents import row_result
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import State
from tenure.vocabulary.systems import System
from tenure.vocabulary.verdicts import Row, Verdict

RACES = "races"
"""What a row is called that says whether each outcome of a race is one that the rules allow."""

ROUND = 40
"""How often a race is run before the next one's turn."""

AGAIN = 3
"""How often a race in which the kernel fell is run again on a fresh boot, by the same delays, to see whether it does so again."""

_DOUBLINGS = 22
"""One of two threads turns round for up to two to the power of this before its call: from less than the time of a system
call to some milliseconds, for which a processor of QEMU may have to wait on a busy machine."""

_TWO = 2


@dataclass
class Tally:
    """One race: how often each outcome came."""

    race: Race
    words: tuple[tuple[str, ...], tuple[str, str], tuple[str, ...]]
    """The calls before it, the two, and those that look, as people read them."""
    counts: Counter[Outcome] = field(default_factory=Counter)
    fell: str = ""
    """What the kernel complained of when it fell in it, and again on a fresh boot."""
    program: str = ""
    """The race as a program in C, where something came of it that may not."""
    once: str = ""
    """What it complained of when it fell in it, and not again."""

    @property
    def forbidden(self) -> list[Outcome]:
        """What came and is not allowed."""
        return sorted(self.counts.keys() - self.race.allowed)

    @property
    def wrong(self) -> bool:
        """Something came of it that may not."""
        return bool(self.forbidden or self.fell)

    @property
    def never(self) -> list[Outcome]:
        """What is allowed, and never came."""
        return sorted(self.race.allowed - self.counts.keys())


@dataclass
class RaceReport:
    """What races were run on a target, and what came of each."""

    target: str
    system: System
    seed: int
    tallies: list[Tally] = field(default_factory=list)
    seconds: float = 0.0
    missing: str = ""
    failure: str = ""
    interrupted: bool = False

    @property
    def made(self) -> int:
        """How many races were run, each as often as it was."""
        return sum(sum(one.counts.values()) for one in self.tallies)

    @property
    def untried(self) -> int:
        """How many races were never run."""
        return sum(not one.counts and not one.fell and not one.once for one in self.tallies)

    @property
    def verdict(self) -> Verdict:
        """What is said of all of them."""
        return self._judged(wrong=any(one.wrong for one in self.tallies))

    def _judged(self, *, wrong: bool) -> Verdict:
        """What is said where so much is wrong; a race that was not run, or in which the kernel fell, leaves it open."""
        if wrong:
            return Verdict.VIOLATES
        if self.failure:
            return Verdict.TARGET_FAILED
        if self.interrupted or self.untried or any(one.fell or one.once for one in self.tallies):
            return Verdict.UNKNOWN
        return Verdict.TESTED if self.tallies and not self.missing else Verdict.NOT_RUN

    def rows(self) -> list[tuple[Row, bool]]:
        """One row for the outcomes, and one that says whether the kernel stayed up."""
        said = self.failure or self.missing or f"{self.made:,} races of {len(self.tallies):,} kinds"
        judged = {
            RACES: self._judged(wrong=any(one.forbidden for one in self.tallies)),
            STAYS_UP: self._judged(wrong=any(one.fell for one in self.tallies)),
        }
        base = (self.system.name, self.system.variant, "steps")
        return [(Row(*base, name, one, said), one is Verdict.TESTED) for name, one in judged.items()]

    def results(self) -> list[dict[str, object]]:
        """All of it as results of the JSON document."""
        rows = [{**row_result(row), "target": self.target} for row, _ in self.rows()]
        return rows + [
            {
                "system": self.system.name,
                "target": self.target,
                "verdict": (Verdict.VIOLATES if one.wrong else Verdict.TESTED if one.counts else Verdict.NOT_RUN).value,
                "property": RACES,
                "before": list(one.words[0]),
                "race": list(one.words[1]),
                "looks": list(one.words[2]),
                "outcomes": [
                    {"outcome": list(outcome), "times": one.counts[outcome], "allowed": outcome in one.race.allowed}
                    for outcome in sorted(one.race.allowed | one.counts.keys())
                ],
                **({"fell": one.fell} if one.fell else {}),
            }
            for one in self.tallies
        ]


def told(one: Tally) -> Iterator[str]:
    """A race with its histogram as lines of text."""
    before, pair, looks = one.words
    yield f"race: {pair[0]}  ||  {pair[1]}"
    yield f"  after: {'; '.join(before) or 'nothing'}"
    if looks:
        yield f"  then: {'; '.join(looks)}"
    for outcome in sorted(one.race.allowed | one.counts.keys(), key=lambda o: (-one.counts[o], o)):
        said = " | ".join(part for part in outcome if part)
        yield f"  {one.counts[outcome]:>8,}  {said}{'' if outcome in one.race.allowed else '   ! no order of their steps allows this'}"
    if one.fell:
        yield f"  ! the kernel did not stay up: {one.fell}"
        yield "  ! it may be a danger to others: tell the kernel's maintainers first (security@kernel.org)"


class _Runs:
    """The races of one kernel, run in turn."""

    def __init__(self, subject: LinuxSubject, system: System) -> None:
        self._subject = subject
        racing = subject.racing()
        self._rules = Interleavings(system, racing.scope(system))
        known = {d.observable.name: d.observable for d in system.definitions}
        self._showing = Showing({n: o for n, o in known.items() if n in racing.shown_after}, self._rules)
        self._every = list(range(len(self._showing.cells({}))))
        self._look = self._showing.look(self._rules)
        self._setup = setup_of(system, self._rules.machine)
        subject.reset(self._setup)

    def tallies(self) -> list[Tally]:
        """What is to be run."""
        racing = self._subject.racing()
        found = races(self._rules, lambda one: racing.able(one.call, self._rules.written(one)), self._seen)
        return [Tally(one, self._in_words(one)) for one in found]

    def _seen(self, state: State) -> str:
        return self._showing.words(self._look(state), self._every)

    def _in_words(self, one: Race) -> tuple[tuple[str, ...], tuple[str, str], tuple[str, ...]]:
        def words(calls: tuple[Asked, ...]) -> tuple[str, ...]:
            return tuple(in_words(self._rules, call) for call in calls)

        first, second = words(one.pair)
        return words(one.before), (first, second), words(one.looks)

    def run(self, one: Tally, turns: list[int]) -> None:
        """Run a race with these delays; where the kernel falls in it, start it anew."""
        try:
            said = self._subject.racing().run(*self._asked(one.race), turns)
        except Fell as fell:
            self._subject.reset(self._setup)
            if one.once:
                one.fell, one.once = str(fell), ""
                return
            one.once = str(fell)
            for _ in range(AGAIN):
                if not one.fell:
                    self.run(one, turns)
            return
        one.counts.update(self._outcome(one.race, each) for each in said)
        if one.wrong and not one.program:
            one.program = self._subject.race_program(self._subject.racing().lines(*self._asked(one.race)))

    def _asked(self, race: Race) -> tuple[list[Words], tuple[Words, Words], list[Words]]:
        """The calls of a race as the guest is asked for them."""
        before, pair, looks = (
            [(call.call, self._rules.written(call)) for call in calls] for calls in (race.before, race.pair, race.looks)
        )
        return before, (pair[0], pair[1]), looks

    def _outcome(self, race: Race, said: Said) -> Outcome:
        """What came of it in words, each answer as the one of the rules that it stands for."""
        before, answers, shown = said
        if not all(isinstance(answer, Done) for answer in before):
            return (f"the calls before: {', '.join(map(worded, before))}",)
        state = self._showing.words(self._showing.cells(shown), self._every)
        outcome = (*map(worded, answers), state)
        if outcome in race.allowed:
            return outcome
        calls = (*race.pair, *race.looks)
        meant = (self._stands_for(call, answer) for call, answer in zip(calls, answers, strict=True))
        excused = (*map(worded, meant), state)
        return excused if excused in race.allowed else outcome

    def _stands_for(self, call: Asked, answer: Answer | None) -> Answer | None:
        return self._subject.stands_for(call.call, answer) or answer


def run_races(  # noqa: PLR0913  # what a user may ask for
    target: str,
    system: System,
    seconds: float | None,
    times: int | None,
    seed: int,
    progress: Callable[[str, int, int], None],
    iommu: str | None = None,
) -> RaceReport:
    """Boot the kernel with two processors, find races in the rules, and run them in turn until the budget ends."""
    report = RaceReport(target, system, seed)
    subject: LinuxSubject | None = None
    try:
        subject = open_kernel(target, system.id, iommu, lambda said: progress(said, 0, 0), processors=_TWO)
        runs = _Runs(subject, system)
        report.tallies = runs.tallies()
        _turn_by_turn(runs, report, seconds, times, progress)
    except TargetFailed as failure:
        report.failure = str(failure)
    except NotRun as missing:
        report.missing = str(missing)
    except KeyboardInterrupt:
        report.interrupted = True
    except OSError as trouble:
        said = f"{target}: {trouble.strerror or trouble}; free some space, or keep kernels elsewhere (TENURE_CACHE)"
        raise DiskTrouble(said) from trouble
    finally:
        if subject is not None:
            subject.close()
    return report


def _turn_by_turn(
    runs: _Runs,
    report: RaceReport,
    seconds: float | None,
    times: int | None,
    progress: Callable[[str, int, int], None],
) -> None:
    """Each race a round, again and again; one in which the kernel fell is not run again."""
    chance = random.Random(report.seed)  # noqa: S311  # it must repeat, not surprise
    started = time.monotonic()
    try:
        while any(not one.fell for one in report.tallies):
            for one in report.tallies:
                if (seconds is not None and time.monotonic() - started > seconds) or (
                    times is not None and report.made >= times
                ):
                    return
                turns = [chance.choice((-1, 1)) * (1 << chance.randrange(_DOUBLINGS)) for _ in range(ROUND)]
                if not one.fell:
                    runs.run(one, turns)
                wrong = sum(tally.wrong for tally in report.tallies)
                progress(f"{report.made:,} races, {wrong} findings", 0, 0)
    finally:
        report.seconds = time.monotonic() - started
