"""Spelling: what decides a formula, as one text: equal texts make equal formulas, whatever system they come from."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.prover.paths import Path
from tenure.vocabulary.calls import Pick
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.rules import Branch, Node
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import Op, Term, parts
from tenure.vocabulary.types import Choice, Type


def term(one: Term) -> str:
    """A term with the types of everything in it."""
    if one.op is Op.VARIABLE:
        return f"{one.data}:{kind(one.type)}"
    inner = " ".join(term(a) for a in one.args)
    data = getattr(one.data, "name", one.data)
    return f"({one.op.name} {data} {kind(one.type)} {inner})" if inner else f"({one.op.name} {data} {kind(one.type)})"


def kind(one: Type) -> str:
    """A type; a choice with its alternatives, since two systems may have a choice of the same name."""
    return f"{one.name}{{{','.join(one.values)}}}" if isinstance(one, Choice) else str(one)


def signature(one: Field) -> str:
    """A field with what it is about and what it holds: another system may have another field of the same name."""
    return f"{one.name} of {', '.join(map(str, one.domain))}: {kind(one.value)}"


def path(one: Path) -> str:
    """A path: what the rule asks for, the conditions passed over and met on the way, and the effects."""
    variables = (f"{p.name}:{kind(p.type)}" for p in one.rule.variables)
    return "\n".join((*variables, term(one.rule.when), *_branches(one.rule.root, one.branches)))


def fields_of(*terms: Term) -> frozenset[str]:
    """The names of the fields that the terms read."""
    return frozenset(p.data.name for t in terms for p in parts(t) if isinstance(p.data, Field))


def _branches(root: Node, taken: tuple[Branch, ...]) -> Iterator[str]:
    node = root
    for chosen in taken:
        for branch in node.branches:
            yield f"{'case' if branch is chosen else 'else'} {term(branch.when)} {_pick(branch.pick)}"
            if branch is chosen:
                break
        yield from (_effect(e) for e in chosen.effects)
        if isinstance(chosen.then, Node):
            node = chosen.then


def _pick(one: Pick | None) -> str:
    return "" if one is None else f"some {term(one.variable)} {term(one.where)}"


def _effect(one: Assign) -> str:
    bound = " ".join(term(b) for b in one.bound)
    return f"{term(one.target)} := {term(one.value)} each [{bound}] where {term(one.where)}"
