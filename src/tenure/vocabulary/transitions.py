"""Transitions: the form of a rule, a tree of cases that one indivisible step of a system may take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenure.vocabulary.calls import Call, Crash, Finish, Parameter, Pick, Refuse
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.terms import Term


@dataclass(frozen=True, slots=True)
class Paused:
    """The call stands before the step named."""

    step: str


Outcome = Paused | Finish | Refuse | Crash


@dataclass(frozen=True, slots=True)
class End:
    """What a rule ends with: a pause before another step, values, an errno, or a crash."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Branch:
    """One case of a step inside a rule; its name says which: ``unset_container.check#1``."""

    name: str
    why: str
    when: Term
    pick: Pick | None
    effects: tuple[Assign, ...]
    then: Node | End


@dataclass(frozen=True, slots=True)
class Node:
    """An ordered choice of branches: the first whose condition holds is taken."""

    step: str
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One indivisible transition: for some objects, where `when` holds, do what `root` says."""

    name: str
    call: Call
    begins: bool
    actor: Term | None
    variables: tuple[Parameter, ...]
    when: Term
    root: Node
    arguments: tuple[tuple[str, Term], ...]
    """The call's parameters as this rule can still read them."""
    kept: tuple[tuple[str, Term], ...] = ()
    """What the call has kept besides, as a rule by which it goes on reads it."""


def leaves(node: Node, path: tuple[Branch, ...] = ()) -> Iterator[tuple[Branch, ...]]:
    """Every way through a rule, as the branches taken in order."""
    for branch in node.branches:
        if isinstance(branch.then, Node):
            yield from leaves(branch.then, (*path, branch))
        else:
            yield (*path, branch)


def effects_of(node: Node) -> Iterator[Assign]:
    """Every effect of every way through a rule."""
    for branch in node.branches:
        yield from branch.effects
        if isinstance(branch.then, Node):
            yield from effects_of(branch.then)
