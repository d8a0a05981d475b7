"""Harm: what goes wrong in the kernel itself when a rule is broken."""

from tenure.vocabulary.calls import Case, crash
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.observables import HARM
from tenure.vocabulary.symbols import choice_is, state
from tenure.vocabulary.terms import Term

harm = state("harm", HARM, meaning="the worst that has happened to the kernel so far")

STOPPED = choice_is(harm.now, "null_dereference", "use_after_free", "bug")
"""The kernel runs no further: an oops, or a BUG that it raised itself."""


def corrupts_list(condition: Term) -> Assign:
    """A list node is linked twice, or taken out of a list in which it is not; the kernel goes on."""
    return provided(condition, harm.now.becomes("list_corruption"))


def dereferences_null(condition: Term) -> Case:
    """The kernel follows a NULL pointer here."""
    return crash(condition, harm.now.becomes("null_dereference"), why="NULL dereference")


def uses_after_free(condition: Term) -> Case:
    """The kernel touches an object that is gone."""
    return crash(condition, harm.now.becomes("use_after_free"), why="use after free")


def raises_bug(condition: Term) -> Case:
    """The kernel stops itself with BUG()."""
    return crash(condition, harm.now.becomes("bug"), why="BUG()", raised=True)
