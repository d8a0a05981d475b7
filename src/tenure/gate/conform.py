"""`conform`: the model and the reference, two tellings of one protocol, side by side, and what is found where they part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from tenure.gate.memory import REMEMBERED, Memory
from tenure.gate.profiles import modelled
from tenure.reference.descriptions import Descriptions
from tenure.reference.kernel import SHOWN, Configuration, Died, Kernel, Paused, Waiting
from tenure.reference.saving import Snapshot
from tenure.reference.wiring import Wiring
from tenure.search.interrupt_scopes import WIRED
from tenure.search.metagroup_scopes import DESCRIBED
from tenure.search.symmetry import orbit
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.calls import Step, refuse
from tenure.vocabulary.emission import Emission
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, both, constant
from tenure.vocabulary.transitions import leaves
from tenure.vocabulary.types import default, written
from tenure.vocabulary.verdicts import Verdict

View = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """Where the two tellings part: the calls that led there, and what each said."""

    calls: tuple[str, ...]
    model: str
    reference: str


@dataclass
class Conformance:
    """What a comparison covered, and what it found."""

    system: str
    scope: str
    kind: str
    states: int = 0
    transitions: int = 0
    complete: bool = False
    seconds: float = 0.0
    refusals: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Conforms only where nothing differs in a scope that was seen whole."""
        if self.differences:
            return Verdict.DIFFERS
        return Verdict.CONFORMS if self.complete else Verdict.UNKNOWN


_WAITS = "(waits)"
"""Stands where an errno stands, for a call that waits before it does anything."""


def telling_who_waits(system: System) -> System:
    """The same calls; one whose first step cannot go on yet says so, instead of not being there to be made."""

    def told(first: Step) -> Step:
        return replace(first, cases=(*first.cases, refuse(TRUE, _WAITS, "the step waits"))) if first.waits else first

    return replace(system, calls=tuple(replace(c, steps=(told(c.steps[0]), *c.steps[1:])) for c in system.calls))


class _End(NamedTuple):
    """How a transition ended, whatever the state: in words, and the name of the refusal that it is, if it is one."""

    words: str
    waits: bool = False
    refusal: str | None = None


class Comparison:
    """One system's model and reference at one granularity, side by side."""

    def __init__(self, system: System, granularity: Granularity, scope: Scope) -> None:
        self.system = system
        self.rules: Rules = rules_of(telling_who_waits(system), granularity)
        self.machine = Machine(self.rules, scope)
        self.kernel = Kernel(system.id, configuration(scope))
        self.view = lru_cache(REMEMBERED)(view_function(self.machine))
        self.orbit = orbit(self.machine)
        self.modelled = self.machine.function(self.rules.lower(both(*(cap.term for cap in modelled(system)))))
        self.begins = [i for i, r in enumerate(self.rules.rules) if r.begins]
        self._open = {
            i for i in self.begins for way in leaves(self.rules.rules[i].root) if any(b.pick is not None for b in way)
        }
        self._parameters = [[p.name for p in r.variables] for r in self.rules.rules]
        self._ends = Memory(self._end)

    def start(self) -> tuple[State, Snapshot]:
        """The initial state, in both tellings."""
        (state,) = self.machine.initial()
        return state, self.kernel.snapshot()

    def arguments(self, made: Transition) -> dict[str, int]:
        """A beginning's arguments by name."""
        named = dict(zip(self._parameters[made.rule], made.args, strict=True))
        named.pop("actor", None)
        return named

    def words(self, made: Transition) -> str:
        """A beginning as a report writes it."""
        rule = self.rules.rules[made.rule]
        shown = (f"{p.name}={written(p.type, v)}" for p, v in zip(rule.variables, made.args, strict=True))
        return f"{rule.call.name} {' '.join(shown)}"

    def waits(self, made: Transition) -> bool:
        """The call cannot begin yet: its first step waits."""
        return self._ends[made.rule, made.leaf, made.values].waits

    def outcome(self, made: Transition) -> str:
        """What the model says the rule ended with: a pause, an answer, or death; or that it waits."""
        return self._ends[made.rule, made.leaf, made.values].words

    def refusal(self, made: Transition) -> str | None:
        """The name of the refusal that the transition is, if it is one."""
        return self._ends[made.rule, made.leaf, made.values].refusal

    def _end(self, of: tuple[int, int, tuple[int, ...]]) -> _End:
        """The end of a way through a rule, with the values that it gave."""
        rule, leaf, values = of
        path, outcome = self.machine.leaves[rule][leaf].path, self.machine.leaves[rule][leaf].outcome
        made = Transition(rule, (), leaf, values, ())
        if self.machine.pauses(made):
            return _End(f"paused {getattr(outcome, 'step', '')}")
        answer = self.machine.answer(made)
        if answer == Refused(_WAITS):
            return _End("waiting", waits=True)
        return _End(said(answer), refusal=f"{path[-1].name} {answer.errno}" if isinstance(answer, Refused) else None)

    def alike(self, state: State, made: Transition) -> list[Transition]:
        """Every way in which the call that begins so may go from this state, where the rules leave something open."""
        if made.rule not in self._open:
            return [made]
        return [one for one in self.machine.canonical(state, made.rule) if one.args == made.args]

    def run_on(self, made: Transition) -> Transition | None:
        """The end of a call once begun, if it comes to one while nothing else happens."""
        machine = self.machine
        if self.waits(made):
            return None
        while machine.pauses(made):
            step = getattr(machine.leaves[made.rule][made.leaf].outcome, "step", "")
            after = machine.proceed(made.state, machine.continuing(step), machine.actor(made))
            if not after:
                return None
            made = after[0]  # the rounds of a loop may come in any order, and come to one end
        return made


def said(answer: Answer | None) -> str:
    """An answer in words; None is a call that never returned."""
    match answer:
        case None:
            return "died"
        case Done(values):
            return f"done {dict(sorted(values))}"
        case Refused(errno):
            return errno


def reference_said(outcome: object) -> str:
    """What the reference did, in the same words."""
    match outcome:
        case Paused():
            return f"paused {outcome.step}"
        case Waiting():
            return "waiting"
        case Died():
            return "died"
        case Done() | Refused():
            return said(outcome)
    return repr(outcome)


def configuration(scope: Scope) -> Configuration:
    """The reference's machine for a scope of the model."""
    sizes = {name: scope.sizes.get(name, 0) for name in scope.sizes}
    groups, devices = sizes.get("group", 0), sizes.get("device", 0)
    fixed = scope.fixed
    if tuple(fixed.get("position", ())) != tuple(range(sizes.get("address", 0))):
        raise ValueError("the reference numbers addresses from 0 on, in order")
    return Configuration(
        sizes=sizes,
        device_group=tuple(int(v) for v in fixed.get("group of", (0,) * devices)),
        bridge=tuple(bool(v) for v in fixed.get("bridge", (False,) * devices)),
        no_iommu=tuple(bool(v) for v in fixed.get("no iommu", (False,) * groups)),
        rawio=tuple(bool(v) for v in fixed.get("rawio", (False,) * sizes.get("process", 0))),
        noiommu_driver=tuple(bool(v) for v in fixed.get("is noiommu", ())),
        driver=tuple(int(v) for v in scope.initial.get("driver", ((0,) * devices,))[0]),
        valid_range=tuple(int(v) for v in fixed.get("valid range", ())),
        entry_limit=tuple(int(v) for v in fixed.get("entry limit", ())),
        page_limit=tuple(int(v) for v in fixed.get("page limit", ())),
        may_exceed=tuple(bool(v) for v in fixed.get("may exceed", ())),
        wiring=Wiring(**{name: tuple(map(int, fixed[field])) for name, field in WIRED.items() if field in fixed}),
        descriptions=Descriptions(
            **{name: tuple(map(int, fixed[field])) for name, field in DESCRIBED.items() if field in fixed}
        ),
        bus=tuple(int(v) for v in fixed.get("bus", ())),
        coherent=tuple(bool(v) for v in fixed.get("coherent", ())),
        enforced_coherent=tuple(bool(v) for v in fixed.get("enforced coherent", ())),
        may_be_chosen=tuple(bool(v) for v in fixed.get("may be chosen", ())),
        group_reserves=tuple(bool(v) for v in fixed.get("group reserves", ())),
        lets_go=tuple(bool(v) for v in fixed.get("lets go", ())),
        most_repeats=tuple(int(v) for v in fixed.get("most repeats", ())),
        bitmap_limit=tuple(int(v) for v in fixed.get("bitmap limit", ())),
        pins_first=tuple(bool(v) for v in fixed.get("pins first", ())),
        most_tries=tuple(int(v) for v in fixed.get("most tries", ())),
        begins_page=tuple(bool(v) for v in fixed.get("begins page", ())),
        reserves=tuple(bool(v) for v in fixed.get("reserves", ())),
        reserved=tuple(bool(v) for v in fixed.get("reserved", ())),
        frame_0=tuple(bool(v) for v in fixed.get("frame 0", ())),
        emulated=tuple(bool(v) for v in fixed.get("emulated", ())),
        isolated=tuple(bool(v) for v in fixed.get("isolated", ())),
    )


def view_function(machine: Machine) -> Callable[[State], View]:
    """A function that shows a model's state as the reference shows its own: the same observables in the same order."""
    emission = Emission(machine.layout)
    known = {d.observable.name: d for d in machine.rules.system.definitions}

    def cells(one: Observable) -> Iterator[str]:
        for place in machine.layout.places_of(one):
            if one.name not in known:
                yield str(int(default(one.value)))
                continue
            args = tuple(constant(i, sort) for i, sort in zip(place, one.domain, strict=True))
            term = machine.rules.lower(one.read(args))
            yield f"int({emission.value(term, 's', {})})"

    shown = ", ".join("(" + "".join(f"{c}," for c in cells(one)) + ")" for one in SHOWN)
    run: Callable[[State], View] = machine.layout.compile(f"def view(s):\n    return ({shown},)")["view"]
    return run


def unlike(wanted: View, shown: View) -> tuple[str, str]:
    """The observables in which two views differ, in words."""
    parts = [(o.name, w, s) for o, w, s in zip(SHOWN, wanted, shown, strict=True) if w != s]
    return "; ".join(f"{n} {w}" for n, w, _ in parts), "; ".join(f"{n} {s}" for n, _, s in parts)


def parting(
    both: Comparison, report: Conformance, made: Transition | None, given: str, *, stands: bool = False
) -> tuple[str, str] | None:
    """What model and reference say or show differently after a call, if anything; `made` is None of one that blocks for ever.

    They show the same where both stand as they did before the call, in a state in which they were compared.
    """
    expected = "blocks" if made is None else both.outcome(made)
    if given != expected:
        return expected, given
    if made is None or both.waits(made):
        return None
    refusal = both.refusal(made)
    if refusal is not None:
        report.refusals.add(refusal)
    if not stands and (shown := both.kernel.observe()) != (wanted := both.view(made.state)):
        return unlike(wanted, shown)
    return None


def followed(both: Comparison, ways: Sequence[Transition | None], given: str) -> Transition | None:
    """Of the ways that the rules leave open, the one that the reference went; the first if it went none."""
    return next((one for one in ways if was_gone(both, one, given)), ways[0]) if len(ways) > 1 else ways[0]


def was_gone(both: Comparison, way: Transition | None, given: str) -> bool:
    """The reference went this way, by what it said and shows."""
    return way is not None and both.outcome(way) == given and both.kernel.observe() == both.view(way.state)
