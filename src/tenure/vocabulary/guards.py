"""Guards: what rules test before they act, and the same rules with some of it taken out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from tenure.vocabulary.calls import Crash, Finish, Refuse
from tenure.vocabulary.rules import Branch, End, Node, Paused, Rules
from tenure.vocabulary.terms import TRUE


@dataclass(frozen=True, slots=True)
class Guard:
    """A case that keeps later cases of its step from being taken, or the sleep of a step until its last case holds."""

    name: str
    """The case as rules name it, ``unset_container.check#1``; of a sleep, the step."""
    does: str
    """What it does instead: the errno, ``BUG()``, ``waits``, ``ends``, or the step to which it goes."""
    why: str

    @property
    def call(self) -> str:
        """The call to which it belongs."""
        return self.name.partition(".")[0]

    @property
    def step(self) -> str:
        """The step to which it belongs, with its call."""
        return self.name.partition("#")[0]

    def gives_way_to(self, branch: Branch) -> bool:
        """The branch may be taken in place of the guard where the guard is gone."""
        step, _, number = branch.name.partition("#")
        mine = self.name.partition("#")[2]
        return step == self.step and (not mine or int(number) > int(mine))


def guards_of(rules: Rules) -> tuple[Guard, ...]:
    """Every guard of the rules, in the order of calls and cases.

    The last case of a step is no guard. A crash is one only where the kernel tests for it and stops itself: that it
    follows a NULL pointer is what happens to a kernel, and no test of its own.
    """
    found: dict[str, Guard] = {}
    for rule in rules.rules:
        for node in _nodes(rule.root):
            found.update((g.name, g) for g in _guards_of_node(node))
    order = {c.name: i for i, c in enumerate(rules.system.calls)}
    return tuple(sorted(found.values(), key=lambda g: order[g.call]))


def weakened(rules: Rules, names: Collection[str]) -> Rules:
    """The same rules without the guards of these names; fields, claims and the names of other cases stay as they are."""
    return replace(rules, rules=tuple(replace(r, root=_stripped(r.root, names)) for r in rules.rules))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for branch in node.branches:
        if isinstance(branch.then, Node):
            yield from _nodes(branch.then)


def _guards_of_node(node: Node) -> Iterator[Guard]:
    for branch in node.branches[:-1]:
        ending = branch.then.outcome if isinstance(branch.then, End) else None
        if not isinstance(ending, Crash) or ending.raised:
            yield Guard(branch.name, _does(branch), branch.why)
    if _sleeps(node):
        yield Guard(node.step, "waits", "it sleeps until it may go on")


def _sleeps(node: Node) -> bool:
    """No case may hold, and then it waits until one does."""
    return node.branches[-1].when.key != TRUE.key


def _does(branch: Branch) -> str:
    if isinstance(branch.then, Node):
        return f"to {branch.then.step.partition('.')[2]}"
    match branch.then.outcome:
        case Refuse(errno):
            return errno
        case Crash():
            return branch.why
        case Finish():
            return "ends"
        case Paused(step):
            return f"to {step.partition('.')[2]}"


def _stripped(node: Node, names: Collection[str]) -> Node:
    kept = [b for b in node.branches if b.name not in names]
    if node.step in names:
        kept[-1] = replace(kept[-1], when=TRUE)
    return Node(node.step, tuple(_followed(b, names) for b in kept))


def _followed(branch: Branch, names: Collection[str]) -> Branch:
    return replace(branch, then=_stripped(branch.then, names)) if isinstance(branch.then, Node) else branch
