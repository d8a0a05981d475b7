"""What is true of files in every system: each is of a kind that some call makes."""

from collections.abc import Iterable

from tenure.models.files import kind
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import FILE
from tenure.vocabulary.observables import FILE_KIND
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Op, Term


def of_kinds(calls: Iterable[Call]) -> Claim:
    """The claim that there are files of the kinds that these calls make, and no others."""
    effects = (e for c in calls for s in c.steps for case in s.cases for e in case.effects)
    given = [e.value for e in effects if e.field is kind]
    assert all(v.op is Op.CONSTANT for v in given)  # noqa: S101  # a file's kind is told by the call that makes it
    names = {FILE_KIND.values[0], *(FILE_KIND.values[int(v.data)] for v in given)}  # type: ignore[arg-type]  # a choice is its number

    @claim(file=FILE)
    def a_file_is_of_a_kind_that_some_call_makes(file: Term) -> Term:
        """No file is of a kind that none of the calls makes."""
        return choice_is(kind[file], *(n for n in FILE_KIND.values if n in names))

    return a_file_is_of_a_kind_that_some_call_makes
