"""What holds the objects of an iommufd together where there are no devices: helper invariants."""

from tenure.models.files import kind
from tenure.models.harm import harm
from tenure.models.iommufd import auto, context, hwpt_ioas, listed, type_, users, wait_cnt
from tenure.vocabulary.objects import FILE, OBJECT, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    frame,
    implies,
    is_none,
    no,
    number_of,
    some,
    stands,
    when,
)

USES = ("iova_ranges.use", "iova_ranges.put_user")
HOLDS = (*USES, "iova_ranges.put_wait")


def _user(thread: Term) -> Term:
    return frame(thread, "iova_ranges", "*user", OBJECT)


def _waiter(thread: Term) -> Term:
    return frame(thread, "iova_ranges", "*waiter", OBJECT)


@claim(obj=OBJECT)
def an_object_is_of_an_iommufd(obj: Term) -> Term:
    """What has a type has memory, and the iommufd that it is of is open."""
    there = no(is_none(context[obj]))
    same = both(implies(there, no(type_[obj] == "none")), implies(no(there), type_[obj] == "none"))
    return both(same, implies(there, kind[context[obj]] == "iommufd"))


@claim(obj=OBJECT)
def every_object_is_an_ioas(obj: Term) -> Term:
    """Without devices there are no hardware page tables."""
    none = both(is_none(hwpt_ioas[obj]), no(auto[obj]), number_of(OBJECT, lambda o: hwpt_ioas[o] == obj) == 0)
    return both(choice_is(type_[obj], "none", "ioas"), none)


@claim(obj=OBJECT)
def a_table_has_only_what_is_there(obj: Term) -> Term:
    """An object in a table is of that iommufd."""
    return implies(no(is_none(listed[obj])), listed[obj] == context[obj])


@claim(obj=OBJECT)
def users_count_the_table_and_calls(obj: Term) -> Term:
    """One for the table, one for each call in flight."""
    table = when(is_none(listed[obj]), 0, 1)
    return users[obj] == table + number_of(THREAD, lambda t: _user(t) == obj)


@claim(obj=OBJECT)
def waits_count_the_table_and_calls(obj: Term) -> Term:
    """One for the table, one for each call in flight that has not put the object."""
    table = when(is_none(listed[obj]), 0, 1)
    return wait_cnt[obj] == table + number_of(THREAD, lambda t: _waiter(t) == obj)


@claim(thread=THREAD)
def a_user_waits_too(thread: Term) -> Term:
    """A call counts in `wait_cnt` as long as it counts in `users`, and one that is over counts nowhere."""
    user, waiter = _user(thread), _waiter(thread)
    return both(
        implies(no(is_none(user)), both(stands(thread, *USES), user == waiter)),
        implies(stands(thread, *USES), no(is_none(user))),
        implies(stands(thread, *HOLDS), no(is_none(waiter))),
        implies(no(is_none(waiter)), stands(thread, *HOLDS)),
    )


def _doomed(thread: Term) -> Term:
    return frame(thread, "destroy", "doomed", OBJECT)


@claim(obj=OBJECT)
def what_is_in_no_table_is_being_destroyed(obj: Term) -> Term:
    """An object that is there and in no table has somebody who waits to free it."""
    left = both(no(is_none(context[obj])), is_none(listed[obj]))
    return implies(left, some(THREAD, lambda t: both(stands(t, "destroy.destroy"), _doomed(t) == obj)))


@claim(thread=THREAD)
def who_destroys_has_taken_it_out(thread: Term) -> Term:
    """Who waits to free an object has taken it out of its table; it is there, and nobody relies on it."""
    obj, waits = _doomed(thread), stands(thread, "destroy.destroy")
    left = both(no(is_none(context[obj])), is_none(listed[obj]))
    return both(implies(waits, no(is_none(obj))), implies(no(is_none(obj)), both(waits, left)))


@claim(thread=THREAD, other=THREAD)
def nobody_destroys_twice(thread: Term, other: Term) -> Term:
    """Two who wait to free one object are the same."""
    return implies(both(no(is_none(_doomed(thread))), _doomed(thread) == _doomed(other)), thread == other)


@claim(thread=THREAD)
def a_call_keeps_its_iommufd(thread: Term) -> Term:
    """A call in flight refers to its file, and what it works on is of that iommufd."""

    def keeps(call: str, obj: Term) -> Term:
        file = frame(thread, call, "file", FILE)
        return both(no(is_none(file)), context[obj] == file)

    works = implies(stands(thread, *HOLDS), keeps("iova_ranges", _waiter(thread)))
    return both(works, implies(stands(thread, "destroy.destroy"), keeps("destroy", _doomed(thread))))


@claim()
def nothing_went_wrong() -> Term:
    """The kernel runs."""
    return harm.now == "none"


WITHOUT_DEVICES = (
    an_object_is_of_an_iommufd,
    every_object_is_an_ioas,
    a_table_has_only_what_is_there,
    users_count_the_table_and_calls,
    waits_count_the_table_and_calls,
    a_user_waits_too,
    what_is_in_no_table_is_being_destroyed,
    who_destroys_has_taken_it_out,
    nobody_destroys_twice,
    a_call_keeps_its_iommufd,
    nothing_went_wrong,
)
