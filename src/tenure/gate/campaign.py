"""Campaigns: a subject is led through solver-made and random runs, and held to the oracle after every call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from tenure.gate.checks import Checks
from tenure.gate.devices import DEVICE, NOT_MADE, Devices, Unmapping, sort_of, told_of
from tenure.gate.findings import STAYS_UP, CampaignReport, Finding, Run, worded
from tenure.gate.oracle import Made, Oracle
from tenure.gate.shrinking import shorter_runs
from tenure.gate.subject import Arrived, Fell, Moving, Reply, Setup, Sited, Subject, TargetFailed, Written
from tenure.search.scopes import MODULES
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.machine import State

KEPT = 0.6
"""The part of the calls that a random run uses."""

KEPT_OF_DRIVERS = 0.1
"""The same of calls by which drivers come and go: one can nearly always be made, and without the driver little else can."""

SHRINKING = 600
"""How many shorter runs are tried before a finding is told as it is."""

SHRINKING_FALLS = 24
"""The same where the subject fell, and is started anew for each try."""

SHRINKING_DEVICES = 24
"""The same where a device is asked at each unmap, which takes seconds."""

SHRINKING_KNOWN = 4
"""The same where what the device does is a recorded fault."""

CHOICES = 20
"""How often a call that the machine cannot make is replaced by another choice."""

Told = Callable[[CampaignReport], None]


class Campaign:
    """One subject against one oracle."""

    def __init__(
        self, subject: Subject, oracle: Oracle, setup: Setup, seed: int, waived: frozenset[str] = frozenset()
    ) -> None:
        self.subject = subject
        self.oracle = oracle
        self.setup = setup
        self.random = random.Random(seed)  # noqa: S311  # a campaign must repeat, not surprise
        self.report = CampaignReport(seed=seed)
        names = [self.oracle.rules.rules[n].call.name for n in oracle.offered]
        self._rules = [n for n, name in zip(oracle.offered, names, strict=True) if name in subject.calls]
        self.report.lacking = tuple(dict.fromkeys(name for name in names if name not in subject.calls))
        self._swarm = list(self._rules)
        self._kept = {n: KEPT_OF_DRIVERS if oracle.rules.rules[n].call.name in MODULES else KEPT for n in self._rules}
        self.checks = Checks(oracle, subject.shows, waived)
        self._site = subject if isinstance(subject, Sited) else None
        self.report.not_run, self.report.checked = self.checks.not_run, self.checks.checked
        if self._site is not None:
            self.report.checked = (*self.report.checked, STAYS_UP)
            self.report.unvisited = dict(setup.fixed.get("address_position", {}))
        self._aside = 0.0
        """Seconds in which devices were asked at every unmap: no part of the budget."""
        self._devices = Devices(subject, oracle, self.random) if isinstance(subject, Moving) and subject.moves else None
        self.report.devices = self._devices
        self.report.waived = tuple(sorted(waived))

    def play(
        self, plan: Sequence[Run], *, seconds: float | None, calls: int | None, told: Told = lambda _: None
    ) -> None:
        """Given runs first, then random ones, until the budget ends; a finding is shrunk, checked again and told once."""
        self.report.planned, self.report.planned_calls = len(plan), sum(map(len, plan))
        started = time.monotonic()
        try:
            for run in plan:
                if self._spent(started, seconds, calls):
                    break
                self._note(self.follow(run))
                self.report.followed += 1
                told(self.report)
            while self._can_begin() and not self._spent(started, seconds, calls):
                self._note(self.wander(60))
                told(self.report)
        except TargetFailed as failure:
            self.report.failure = str(failure)
        except KeyboardInterrupt:
            self.report.interrupted = True
        self.report.seconds = time.monotonic() - started
        if self._devices is not None and self._devices.tries:
            self.report.checked = (*self.report.checked, DEVICE)

    def _can_begin(self) -> bool:
        """Some call of the subject can be made at the start; where none can, a random run calls nothing, for ever."""
        offers = self.oracle.offers(self.oracle.start())
        return any(offers[number] for number in self._rules)

    def _spent(self, started: float, seconds: float | None, calls: int | None) -> bool:
        self.report.seconds = time.monotonic() - started - self._aside
        return (seconds is not None and self.report.seconds > seconds) or (
            calls is not None and self.report.calls >= calls
        )

    def _note(self, finding: Finding | None) -> None:
        if finding is None or finding.signature() in {f.signature() for f in self.report.findings}:
            return
        try:
            with self._at_every_unmap() if finding.of_device() else nullcontext():
                again: Finding | None = finding
                if finding.fell() or finding.of_device():
                    again = self._made_again(finding)
                if again is None:
                    self.report.once.append(finding)
                    return
                short = self.shrink(again)
        except (TargetFailed, KeyboardInterrupt):
            self.report.findings.append(finding)
            raise
        self._keep(short)
        if not short.fell() and not short.of_device():
            with self._at_every_unmap():
                besides = self.follow(short.run)
            if besides is not None and besides.of_device():
                self._note(besides)

    def _keep(self, finding: Finding) -> None:
        """Tell it, if nothing like it was told."""
        if finding.signature() not in {f.signature() for f in self.report.findings}:
            self.report.findings.append(finding)

    @contextmanager
    def _at_every_unmap(self) -> Iterator[None]:
        """Devices, where there are any, are asked at every unmap meanwhile, which takes nothing of the budget."""
        if self._devices is None:
            yield
            return
        started = time.monotonic()
        self._devices.always = True
        try:
            yield
        finally:
            self._devices.always = False
            self._aside += time.monotonic() - started

    def _made_again(self, finding: Finding) -> Finding | None:
        """What the same run, on a fresh start, ends with; None where that is not the same."""
        again = self.follow(finding.run)
        return again if again is not None and finding.comes_again_as(again) else None

    def wander(self, length: int) -> Finding | None:
        """A random run of this length from the start, by a random part of the calls: so that rare calls meet long lives."""
        self._swarm = [n for n in self._rules if self.random.random() < self._kept[n]] or list(self._rules)
        return self._drive(None, length)

    def follow(self, run: Run) -> Finding | None:
        """A given run from the start, as far as its calls can be made."""
        return self._drive(run, len(run))

    def _drive(self, run: Run | None, length: int) -> Finding | None:
        if self._site is None:
            self.subject.reset(self.setup)
            return self._lead(run, length, [], [])
        found = self._stand(self._site, run, length)
        return replace(found, program=self._site.program(len(found.run))) if found is not None else None

    def _stand(self, site: Sited, run: Run | None, length: int) -> Finding | None:
        """Make a run of which the beginning is foreseen; where the subject falls, the run is made again call by call."""
        made: list[Made] = []
        said: list[Answer | None] = []
        ahead: Run = ()
        try:
            self.subject.reset(self.setup)
            foreseen = self._foreseen(run, length)
            ahead = foreseen[: self._devices.before_the_next(foreseen)] if self._devices is not None else foreseen
            site.prepare([(one.call, self.oracle.arguments(one)) for one in ahead])
            return self._led(site, foreseen if run is None else run, length, made, said)
        except Fell as fell:
            again = self._singly(site, ahead) if ahead and not made else None
            return again or self._falls(tuple(made) or ahead, tuple(map(worded, said)), fell)

    def _singly(self, site: Sited, run: Run) -> Finding | None:
        """Make a run call by call, to see in which of them the subject falls."""
        made: list[Made] = []
        said: list[Answer | None] = []
        try:
            self.subject.reset(self.setup)
            return self._led(site, run, len(run), made, said)
        except Fell as fell:
            return self._falls(tuple(made), tuple(map(worded, said)), fell)

    def _led(self, site: Sited, run: Run, length: int, made: list[Made], said: list[Answer | None]) -> Finding | None:
        """Make a run of this length, which goes on at random where it is not given so far, and end what it began."""
        found = self._lead(run, length, made, said)
        if found is not None or not (left := site.settle()):
            return found
        answers, known = tuple(map(worded, said)), site.known("", {})
        return Finding(
            "differs", tuple(made), self._words(tuple(made)), answers, left, "nothing", known=known, left=left
        )

    def _foreseen(self, run: Run | None, length: int) -> Run:
        """The beginning of a run in which the rules leave no choice of what comes of a call; a random one is made up so."""
        states = frozenset({self.oracle.start()})
        found: list[Made] = []
        for position in range(length):
            one = self._choose(states) if run is None else run[position]
            permitted = self._permitted(states, one)
            if one is None or len(permitted) != 1:
                break
            found.append(one)
            (states,) = permitted.values()
            if len(states) != 1 or None in permitted:
                break
        return tuple(found)

    def _lead(self, run: Run | None, length: int, made: list[Made], said: list[Answer | None]) -> Finding | None:
        """Make a run call by call, noting each, until something is wrong."""
        self.report.runs += 1
        states = frozenset({self.oracle.start()})
        before = None
        for position in range(length):
            one = self._choose(states) if run is None or position >= len(run) else run[position]
            permitted = self._permitted(states, one)
            if one is None or not permitted:
                self._note_left_out(one)
                return None
            unmapping = self._to_try(states, permitted)
            if found := self._asked_before((*made, one), said, unmapping):
                return found
            made.append(one)
            self.report.calls += 1
            arguments = self.oracle.arguments(one)
            reply = self.subject.do(one.call, arguments, show=True)
            if self.report.unvisited:
                self._visit(arguments)
            said.append(reply.answer)
            if isinstance(reply.answer, Refused):
                self.report.refusals.add(f"{one.call} {reply.answer.errno}")
            meant = self._meant(one, reply.answer, permitted)
            following = permitted.get(meant)
            if following is None:
                return self._differs(tuple(made), tuple(map(worded, said)), permitted)
            now = self.checks.cells(reply.shown)
            broken = self.checks.broken(one, meant, now, before)
            if broken is not None:
                return self._violates(tuple(made), tuple(map(worded, said)), reply, broken)
            earlier, states = states, self.checks.agreeing(following, now)
            if not states and now is not None:
                shown, expected = self.checks.unlike(following, now)
                return self._shows(tuple(made), tuple(map(worded, said)), shown, expected)
            if reply.answer is None:
                return None
            if found := self._asked_after(tuple(made), said, unmapping, earlier, states):
                return found
            before = now
        return None

    def _visit(self, arguments: Mapping[str, Written]) -> None:
        """These edges were visited."""
        for name in arguments.values():
            self.report.unvisited.pop(str(name), None)

    def _to_try(
        self, states: frozenset[State], permitted: Mapping[Answer | None, frozenset[State]]
    ) -> Unmapping | None:
        """What the next call takes away, if devices are to try that; None where it takes nothing, or its answer is open."""
        if self._devices is None or not self._devices.due or len(permitted) != 1:
            return None
        return self._devices.unmapping(states, *permitted.values())

    def _asked_before(self, made: Run, said: Sequence[Answer | None], one: Unmapping | None) -> Finding | None:
        """Ask devices for what the last of these calls, which is not made yet, will take away."""
        amiss = self._devices.ask_before(one) if self._devices is not None and one is not None else None
        return self._arrived(made, (*map(worded, said), NOT_MADE), one, amiss)

    def _asked_after(
        self,
        made: Run,
        said: Sequence[Answer | None],
        one: Unmapping | None,
        before: frozenset[State],
        after: frozenset[State],
    ) -> Finding | None:
        """Count what the last of these calls took away, and ask devices for it where they were asked before."""
        if self._devices is None:
            return None
        self._devices.heard(before, after)
        amiss = self._devices.ask_after(one) if one is not None else None
        return self._arrived(made, tuple(map(worded, said)), one, amiss)

    def _arrived(
        self, made: Run, said: tuple[str, ...], one: Unmapping | None, amiss: Arrived | None
    ) -> Finding | None:
        """What arrived otherwise than it should, as a finding."""
        if one is None or amiss is None:
            return None
        sort, known = sort_of(amiss), amiss.known or self._known(made)
        return Finding(
            "violates", made, self._words(made), said, sort, "", DEVICE, told_of(one.table, amiss), known=known
        )

    def _choose(self, states: frozenset[State]) -> Made | None:
        """Some call that can be made now: first which call, then which way, so that calls with few ways are not rare."""
        offers = self.oracle.offers(next(iter(states)))
        for number in self.random.sample(self._swarm, len(self._swarm)):
            for _ in range(CHOICES if offers[number] else 0):
                made = self.random.choice(offers[number])
                if self._able(made):
                    return made
                self._note_left_out(made)
        return None

    def _able(self, made: Made) -> bool:
        """The subject's machine can make this call."""
        return self._site is None or self._site.able(made.call, self.oracle.arguments(made))

    def _note_left_out(self, made: Made | None) -> None:
        """Count a call that is not made because the subject's machine cannot."""
        if made is not None and not self._able(made):
            self.report.left_out[made.call] += 1

    def _meant(self, made: Made, given: Answer | None, permitted: Mapping[Answer | None, object]) -> Answer | None:
        """The answer of the rules that this one stands for."""
        if self._site is None or given in permitted:
            return given
        meant = self._site.stands_for(made.call, given)
        if meant not in permitted:
            return given
        self.report.intended[f"{made.call}: {worded(given)} for {worded(meant)}"] += 1
        return meant

    def _permitted(self, states: frozenset[State], made: Made | None) -> dict[Answer | None, frozenset[State]]:
        """The union of what the rules permit in each state that the subject may be in."""
        if made is None or made.call not in self.subject.calls or not self._able(made):
            return {}
        if len(states) == 1:
            (state,) = states
            return self.oracle.outcomes(state, made)
        found: dict[Answer | None, frozenset[State]] = {}
        for state in states:
            for answer, following in self.oracle.outcomes(state, made).items():
                found[answer] = found.get(answer, frozenset()) | following
        return found

    def _differs(self, made: Run, said: tuple[str, ...], permitted: dict[Answer | None, frozenset[State]]) -> Finding:
        allowed = " or ".join(sorted(worded(a) for a in permitted))
        why, known = self._why(made, permitted), self._known(made)
        return Finding("differs", made, self._words(made), said, said[-1], allowed, reason=why, known=known)

    def _shows(self, made: Run, said: tuple[str, ...], shown: str, expected: str) -> Finding:
        why, known = "the state that it shows", self._known(made)
        return Finding("differs", made, self._words(made), said, shown, expected, reason=why, known=known)

    def _known(self, made: Run) -> str:
        """The recorded fault that the last call meets."""
        return self._site.known(made[-1].call, self.oracle.arguments(made[-1])) if self._site is not None else ""

    def _violates(self, made: Run, said: tuple[str, ...], reply: Reply, broken: tuple[str, str]) -> Finding:
        name, sentence = broken
        return Finding("violates", made, self._words(made), said, said[-1], "", name, sentence, reply.shown)

    def _falls(self, made: Run, said: tuple[str, ...], fell: Fell) -> Finding:
        """The subject fell in the last call, or, where all of them were answered, when what they left was ended."""
        ended = "then everything was closed" if len(said) == len(made) else ""
        answers = (*said, *["never returned"] * (len(made) - len(said)))
        reason = "; ".join(part for part in (str(fell), ended) if part)
        return Finding("violates", made, self._words(made), answers, fell.sort, "", STAYS_UP, reason, log=fell.log)

    def _words(self, made: Run) -> tuple[str, ...]:
        return tuple(" ".join([m.call, *(f"{k}={v}" for k, v in self.oracle.arguments(m).items())]) for m in made)

    def _why(self, made: Run, permitted: dict[Answer | None, frozenset[State]]) -> str:
        """The reason that the rules give for the permitted answer, in the words of the case that was taken."""
        states = self._after(made[:-1])
        reasons = {self.oracle.reason(s, made[-1], a) for s in states for a in permitted}
        return "; ".join(sorted(r for r in reasons if r))

    def _after(self, made: Run) -> frozenset[State]:
        states = frozenset({self.oracle.start()})
        for one in made:
            found = self._permitted(states, one)
            states = frozenset().union(*found.values())
        return states

    def shrink(self, finding: Finding) -> Finding:
        """The same fault by fewer calls: each candidate is run again on the live subject, and must fail in the same way."""
        best = finding
        tries = 0
        of_device = SHRINKING_KNOWN if finding.known else SHRINKING_DEVICES
        most = SHRINKING_FALLS if finding.fell() else of_device if finding.of_device() else SHRINKING
        shorter = True
        while shorter and tries < most:
            shorter = False
            arguments = tuple(map(self.oracle.arguments, best.run))
            for candidate in shorter_runs(best.run, arguments, whole=best.fell() or bool(best.left)):
                tries += 1
                again = self.follow(candidate)
                if again is not None and again.signature() == finding.signature() and len(again.run) < len(best.run):
                    best, shorter = again, True
                    break
                if tries >= most:
                    break
        return best
