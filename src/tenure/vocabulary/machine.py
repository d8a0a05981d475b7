"""The Python reading: rules compiled, for a scope of so many objects, into functions over tuples of integers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.calls import Finish, Parameter, Refuse
from tenure.vocabulary.emission import Emission, Layout
from tenure.vocabulary.rules import Branch, End, Node, Outcome, Paused, Rule, Rules, leaves
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import TRUE, Op, Term, both, free_variables
from tenure.vocabulary.types import Value, sort_of, written

State = tuple[int, ...]


@dataclass(frozen=True)
class Scope:
    """How many objects of each sort there are, what never changes, and what may be so at the start."""

    sizes: Mapping[str, int]
    fixed: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    initial: Mapping[str, tuple[tuple[Value, ...], ...]] = field(default_factory=dict)
    """For a field with any initial value: the initial values to try, each a tuple over its arguments in order."""

    def __str__(self) -> str:
        return ", ".join(f"{n} {_plural(name, n)}" for name, n in self.sizes.items() if n)


class Transition(NamedTuple):
    """One step that the Python reading makes."""

    rule: int
    args: tuple[int, ...]
    leaf: int
    values: tuple[int, ...]
    state: State


@dataclass(frozen=True)
class Leaf:
    """One way through a rule: the branches taken and what it ends with."""

    path: tuple[Branch, ...]
    outcome: Outcome

    @property
    def name(self) -> str:
        """The branches taken, joined: where two calls end alike this tells them apart."""
        return "+".join(b.name for b in self.path)


@dataclass(frozen=True)
class Event:
    """What a transition was, in words: rule, actor, arguments by name, and how it ended (None: it paused)."""

    rule: str
    call: str
    step: str
    actor: str
    arguments: tuple[tuple[str, str | int | bool], ...]
    answer: Answer | None


class Machine:
    """A system's rules, ready to run on states of one scope."""

    def __init__(self, rules: Rules, scope: Scope) -> None:
        self.rules = rules
        self.scope = scope
        self.layout = Layout(rules.fields, scope.sizes, scope.fixed)
        self.leaves = [[_leaf(path) for path in leaves(rule.root)] for rule in rules.rules]
        self._number = {rule.name: i for i, rule in enumerate(rules.rules)}
        self._beginning = {rule.call.name: i for i, rule in enumerate(rules.rules) if rule.begins}
        self._canonical: list[Any] = []
        self._exact: list[Any] = []
        self._arguments: list[Any] = []
        self._bodies: list[Any] = []
        for number, rule in enumerate(rules.rules):
            names = self.layout.compile(_rule_source(number, rule, self.layout))
            self._bodies.append(names["body"])
            self._canonical.append(names["canonical"])
            self._exact.append(names["exact"])
            self._arguments.append(names["arguments"] if _always_ends(rule.root) else None)

    def initial(self) -> Iterator[State]:
        """Every initial state of the scope."""
        choices = [self._initial_values(f) for f in self.layout.fields]
        allowed = self.function(self.rules.initially)
        for chosen in itertools.product(*choices):
            state = tuple(int(v) for values in chosen for v in values)
            if allowed(state):
                yield state

    def _initial_values(self, one: Field) -> tuple[tuple[Value, ...], ...]:
        size = self.layout.size(one)
        if one.initial is not None:
            return ((one.initial,) * size,)
        return self.scope.initial[one.name]

    def successors(self, state: State) -> list[Transition]:
        """Every transition from `state`; new objects take the lowest free name."""
        out: list[Transition] = []
        for run in self._canonical:
            run(state, out)
        return out

    def exact(self, state: State, rule: int) -> list[Transition]:
        """Every transition of one rule from `state`, with every name for new objects."""
        out: list[Transition] = []
        self._exact[rule](state, out)
        return out

    def canonical(self, state: State, rule: int) -> list[Transition]:
        """Every transition of one rule from `state`; new objects take the lowest free name."""
        out: list[Transition] = []
        self._canonical[rule](state, out)
        return out

    def arguments(self, state: State, rule: int) -> list[tuple[int, ...]]:
        """The arguments of every transition of one rule from `state`, each once; new objects take the lowest free name.

        A rule that always comes to an end is not made for that.
        """
        if self._arguments[rule] is None:
            return list(dict.fromkeys([one.args for one in self.canonical(state, rule)]))
        out: list[tuple[int, ...]] = []
        self._arguments[rule](state, out)
        return out

    def transitions(self, rules: Iterable[int]) -> Callable[[State], list[Transition]]:
        """A function that gives every transition of these rules from a state; new objects take the lowest free name."""
        runs = [self._canonical[number] for number in rules]

        def from_state(state: State) -> list[Transition]:
            out: list[Transition] = []
            for run in runs:
                run(state, out)
            return out

        return from_state

    def begin(self, state: State, call: str, arguments: Mapping[str, int]) -> list[Transition]:
        """What the rule that begins `call` does with these arguments; empty where the call cannot be made now."""
        number = self.beginning(call)
        rule = self.rules.rules[number]
        free = [arguments[p.name] for p in rule.variables if p.name != "actor"]
        out: list[Transition] = []
        actors = (
            range(self._size(rule.variables[0])) if rule.variables and rule.variables[0].name == "actor" else (None,)
        )
        for actor in actors:
            self._bodies[number](state, out, *(free if actor is None else (actor, *free)))
            if out:
                break
        return out

    def proceed(self, state: State, rule: int, actor: int) -> list[Transition]:
        """What the rule that continues a call does for this actor."""
        out: list[Transition] = []
        self._bodies[rule](state, out, actor)
        return out

    def beginning(self, call: str) -> int:
        """The number of the rule that begins this call; raises KeyError where there is no such call."""
        return self._beginning[call]

    def continuing(self, step: str) -> int:
        """The number of the rule that begins at this pause."""
        return self._number[step]

    def _size(self, parameter: Parameter) -> int:
        sort = sort_of(parameter.type)
        return self.scope.sizes.get(sort.name, 0) if sort else 0

    def answer(self, transition: Transition) -> Answer | None:
        """What the call answered; None where it paused."""
        outcome = self.leaves[transition.rule][transition.leaf].outcome
        if isinstance(outcome, Refuse):
            return Refused(outcome.errno)
        if isinstance(outcome, Finish):
            shown = zip(outcome.values, transition.values, strict=True)
            return Done(tuple((name, written(term.type, value)) for (name, term), value in shown))
        return None

    def pauses(self, transition: Transition) -> bool:
        """The call goes on after this transition."""
        return isinstance(self.leaves[transition.rule][transition.leaf].outcome, Paused)

    def actor(self, transition: Transition) -> int:
        """Who made the transition: the index of the thread, file, device or user."""
        rule = self.rules.rules[transition.rule]
        assert rule.actor is not None  # noqa: S101  # asked only of calls that have one
        names = [p.name for p in rule.variables]
        return transition.args[names.index(str(rule.actor.data))]

    def event(self, before: State, transition: Transition) -> Event:
        """The transition in words."""
        rule = self.rules.rules[transition.rule]
        by_name = {p.name: (p.type, v) for p, v in zip(rule.variables, transition.args, strict=True)}
        actor = ""
        if rule.actor is not None:
            kind, value = by_name[str(rule.actor.data)]
            actor = str(written(kind, value))
        env = {name: value for name, (_, value) in by_name.items()}
        arguments = tuple((n, written(t.type, self.evaluate(t, before, env))) for n, t in rule.arguments)
        step = rule.name if "." in rule.name else rule.root.step
        return Event(rule.name, rule.call.name, step, actor, arguments, self.answer(transition))

    def evaluate(self, term: Term, state: State, env: Mapping[str, Value]) -> Value:
        """The value of a lowered term in a state."""
        names = tuple(sorted(free_variables(term)))
        result: Value = self.function(term, names)(state, *(env[n] for n in names))
        return result

    def function(self, term: Term, names: tuple[str, ...] = ()) -> Callable[..., Any]:
        """A lowered term as a Python function of a state and of the variables named."""
        return self.layout.function(term, names)

    def render(self, state: State) -> dict[str, dict[str, str | int | bool]]:
        """A state as people read it: each field, each place, each value."""
        return self.layout.render(state)


def _plural(name: str, number: int) -> str:
    return name if number == 1 else f"{name}es" if name.endswith(("s", "x")) else f"{name}s"


def _leaf(path: tuple[Branch, ...]) -> Leaf:
    assert isinstance(path[-1].then, End)  # noqa: S101  # leaves end
    return Leaf(path, path[-1].then.outcome)


def _always_ends(node: Node) -> bool:
    """Whatever the state: some branch is taken, and leads to an end."""
    last = node.branches[-1]
    nodes = [one.then for one in node.branches if isinstance(one.then, Node)]
    return last.when.key == TRUE.key and last.pick is None and all(map(_always_ends, nodes))


def _rule_source(number: int, rule: Rule, layout: Layout) -> str:
    """Python text of a rule: its body for given arguments, and three loops over all arguments."""
    emission = Emission(layout)
    names = [f"a{i}" for i in range(len(rule.variables))]
    env = dict(zip((p.name for p in rule.variables), names, strict=True))
    head = ", ".join(["s", "out", *names])
    lines = [f"def body({head}):"]
    condition = emission.flag(rule.when, "s", env)
    lines.append(f"    if not {condition}: return")
    counter = itertools.count()
    args = "(" + "".join(f"{n}," for n in names) + ")"
    _node_source(number, rule.root, emission, "s", env, args, 1, lines, counter)
    made = f"body({', '.join(['s', 'out', *names])})"
    for name, does, canonical in (
        ("canonical", made, True),
        ("exact", made, False),
        ("arguments", f"out.append({args})", True),
    ):
        lines += _loop_source(name, does, rule, emission, layout, env, canonical=canonical)
    return "\n".join(lines)


def _loop_source(  # noqa: PLR0913  # the pieces of one loop nest
    name: str, does: str, rule: Rule, emission: Emission, layout: Layout, env: dict[str, str], *, canonical: bool
) -> list[str]:
    """Loops over the arguments, each condition tested as soon as its variables are known."""
    conjuncts = list(rule.when.args) if rule.when.op is Op.AND else [rule.when]
    known: set[str] = set()
    lines = [f"def {name}(s, out):"]
    ready = [c for c in conjuncts if not free_variables(c)]
    lines.append(f"    if not {emission.flag(both(*ready), 's', env)}: return")
    depth = 1
    for parameter in rule.variables:
        pad = "    " * depth
        lines.append(f"{pad}for {env[parameter.name]} in {layout.values(parameter.type)}:")
        known.add(parameter.name)
        now = [
            c
            for c in conjuncts
            if free_variables(c) and free_variables(c) <= known and parameter.name in free_variables(c)
        ]
        lines.append(f"{pad}    if not {emission.flag(both(*now), 's', env)}: continue")
        depth += 1
    pad = "    " * depth
    lines.append(f"{pad}{does}")
    if canonical:
        levels = range(len(rule.variables), 0, -1)
        lines += ["    " * (level + 1) + "break" for level in levels if rule.variables[level - 1].new]
    return lines


def _node_source(  # noqa: PLR0913  # one recursive walk over the tree
    number: int,
    node: Node,
    emission: Emission,
    state: str,
    env: dict[str, str],
    args: str,
    depth: int,
    lines: list[str],
    counter: Iterator[int],
) -> None:
    pad = "    " * depth
    for position, branch in enumerate(node.branches):
        inner = dict(env)
        condition = emission.flag(branch.when, state, inner)
        if branch.pick is not None:
            condition = f"({condition} and {emission.some_picked(branch.pick, state, inner)})"
        lines.append(f"{pad}{'if' if position == 0 else 'elif'} {condition}:")
        deeper = depth + 1
        if branch.pick is not None:
            lines += emission.pick_loop(branch.pick, state, inner, deeper)
            deeper += 1
        after = f"{state}_{position}"
        lines += emission.effects(branch.effects, state, after, inner, deeper)
        if isinstance(branch.then, Node):
            _node_source(number, branch.then, emission, after, inner, args, deeper, lines, counter)
        else:
            values: tuple[str, ...] = ()
            if isinstance(branch.then.outcome, Finish):
                values = tuple(emission.value(t, after, inner) for _, t in branch.then.outcome.values)
            shown = "(" + "".join(f"int({v})," for v in values) + ")"
            lines.append(f"{'    ' * deeper}out.append(T({number}, {args}, {next(counter)}, {shown}, tuple({after})))")


__all__ = ["Event", "Leaf", "Machine", "Scope", "State", "Transition"]
