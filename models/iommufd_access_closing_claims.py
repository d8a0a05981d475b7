"""From claims to what OBJ-4 and FREE-3 say of iommufds with emulated devices alone: stage by stage.

An iommufd to which nobody refers has only IO address spaces, and nothing relies on these but its table. And what sleeps waits for
a call that has an object in hand, which does not sleep.
"""

from tenure.models import iommufd_access_claims as claims
from tenure.models.files import releasable
from tenure.models.iommufd import context, devices, listed, type_, users, wait_cnt
from tenure.models.iommufd_access_claims import HOLDS, doomed_by, is_there, user_of
from tenure.models.iommufd_devices import bound, going, set_locked
from tenure.models.iommufd_object_closing_claims import (
    is_let_go,
    nothing_is_bound_to_what_is_let_go,
    what_is_let_go_is_an_iommufd_or_of_a_device,
)
from tenure.vocabulary.objects import DEVICE, FILE, OBJECT, THREAD
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, is_none, no, some, stands


@lemma(
    claims.what_has_a_type_has_memory,
    claims.every_object_is_an_ioas_or_an_access,
    claims.a_table_has_only_what_is_there,
    claims.an_access_is_in_its_table,
    claims.a_bound_file_has_an_access,
    claims.an_access_has_a_file,
    nothing_is_bound_to_what_is_let_go,
)
@claim(obj=OBJECT)
def what_is_let_go_is_an_ioas(obj: Term) -> Term:
    """A file that is bound for an access would refer to the iommufd."""
    return implies(is_let_go(obj), type_[obj] == "ioas")


@lemma(
    claims.a_call_has_in_hand_what_it_relies_on,
    claims.what_a_call_has_in_hand_is_there,
    nothing_is_bound_to_what_is_let_go,
)
@claim(thread=THREAD)
def no_call_relies_on_what_is_let_go(thread: Term) -> Term:
    """A call works on the iommufd of the object, or on a device that is bound to it."""
    obj = user_of(thread)
    return implies(no(is_none(obj)), no(is_let_go(obj)))


@lemma(
    what_is_let_go_is_an_ioas,
    claims.what_has_a_type_has_memory,
    claims.an_access_is_attached_to_an_ioas,
    claims.what_an_access_is_attached_to_is_in_its_table,
    claims.a_table_has_only_what_is_there,
    claims.an_ioas_counts_its_accesses,
)
@claim(obj=OBJECT)
def nothing_is_attached_to_what_is_let_go(obj: Term) -> Term:
    """What is attached is an access, and in the same iommufd."""
    return implies(is_let_go(obj), devices[obj] == 0)


@lemma(
    claims.what_is_in_no_table_is_being_destroyed,
    claims.who_destroys_has_taken_it_out,
    claims.a_table_has_only_what_is_there,
)
@claim(obj=OBJECT)
def what_is_let_go_is_in_its_table(obj: Term) -> Term:
    """Nobody waits to free it: the call would refer to the iommufd."""
    return implies(is_let_go(obj), listed[obj] == context[obj])


@lemma(
    claims.users_count_all_that_relies_on_the_object,
    what_is_let_go_is_an_ioas,
    what_is_let_go_is_in_its_table,
    no_call_relies_on_what_is_let_go,
    nothing_is_attached_to_what_is_let_go,
)
@claim(obj=OBJECT)
def nothing_relies_on_what_is_let_go(obj: Term) -> Term:
    """But its table."""
    return implies(is_let_go(obj), users[obj] == 1)


@lemma(
    claims.an_object_is_of_an_open_iommufd,
    claims.a_released_file_is_referred_to_by_nobody,
    claims.a_release_waits_for_an_access_attached_to_nothing,
    claims.what_is_bound_is_a_device_file,
    nothing_relies_on_what_is_let_go,
    what_is_let_go_is_in_its_table,
    serves=("OBJ-4",),
)
@claim(obj=OBJECT)
def where_something_is_left_it_can_go(obj: Term) -> Term:
    """An iommufd whose release is due or under way has its objects in its table, with no user but that."""
    due = either(releasable(context[obj]), busy(context[obj]))
    return implies(both(is_there(obj), due), both(listed[obj] == context[obj], users[obj] == 1))


@lemma(nothing_relies_on_what_is_let_go, claims.a_table_has_only_what_is_there, serves=("FREE-3",))
@claim(file=FILE)
def an_iommufd_that_is_let_go_is_empty_or_can_be_emptied(file: Term) -> Term:
    """Its table has nothing, or something that has no user but it."""
    empty = every(OBJECT, lambda o: no(listed[o] == file))
    leaf = some(OBJECT, lambda o: both(listed[o] == file, users[o] == 1))
    return implies(releasable(file), either(empty, leaf))


def _has_something_in_hand() -> Term:
    """Some call has an object in hand: it does not sleep."""
    return some(THREAD, lambda t: stands(t, *HOLDS))


@lemma(claims.waits_count_the_table_and_calls, claims.a_call_has_an_object_in_hand_where_it_stands)
@claim(obj=OBJECT)
def what_is_waited_for_a_call_has_in_hand(obj: Term) -> Term:
    """What the table no longer counts."""
    out = either(is_none(listed[obj]), going[obj])
    return implies(both(out, no(wait_cnt[obj] == 0)), _has_something_in_hand())


def _sleeps(thread: Term) -> Term:
    """The call waits to free something that a call has in hand."""
    return both(stands(thread, "destroy.destroy"), no(wait_cnt[doomed_by(thread)] == 0))


def _release_sleeps(file: Term) -> Term:
    """The release of the file waits for a call that has its access in hand."""
    return both(stands(file, "release_device.remove"), no(wait_cnt[bound[file]] == 0))


@lemma(
    what_is_waited_for_a_call_has_in_hand,
    claims.who_destroys_has_taken_it_out,
    claims.who_destroys_waits,
    serves=("FREE-3",),
)
@claim(thread=THREAD)
def where_a_call_sleeps_another_goes_on(thread: Term) -> Term:
    """The one that has in hand what it waits for."""
    return implies(_sleeps(thread), _has_something_in_hand())


@lemma(
    what_is_waited_for_a_call_has_in_hand,
    claims.an_access_that_goes_is_being_released,
    claims.a_release_waits_for_an_access_attached_to_nothing,
    serves=("FREE-3",),
)
@claim(file=FILE)
def where_a_release_sleeps_a_call_goes_on(file: Term) -> Term:
    """The one that has in hand what it waits for."""
    return implies(_release_sleeps(file), _has_something_in_hand())


@lemma(
    claims.who_has_the_lock_of_a_device_is_in_a_call_on_it,
    where_a_call_sleeps_another_goes_on,
    where_a_release_sleeps_a_call_goes_on,
    serves=("FREE-3",),
)
@claim(device=DEVICE)
def where_a_device_is_locked_somebody_goes_on(device: Term) -> Term:
    """Who has the lock, or the one for which that waits."""
    goes_on = either(
        some(THREAD, lambda t: both(busy(t), no(_sleeps(t)))),
        some(FILE, lambda f: both(busy(f), no(_release_sleeps(f)))),
    )
    return implies(set_locked[device], goes_on)


LEMMAS: tuple[Claim, ...] = (
    nothing_is_bound_to_what_is_let_go,
    what_is_let_go_is_an_ioas,
    no_call_relies_on_what_is_let_go,
    nothing_is_attached_to_what_is_let_go,
    what_is_let_go_is_in_its_table,
    nothing_relies_on_what_is_let_go,
    where_something_is_left_it_can_go,
    an_iommufd_that_is_let_go_is_empty_or_can_be_emptied,
    what_is_let_go_is_an_iommufd_or_of_a_device,
    what_is_waited_for_a_call_has_in_hand,
    where_a_call_sleeps_another_goes_on,
    where_a_release_sleeps_a_call_goes_on,
    where_a_device_is_locked_somebody_goes_on,
)
"""The stages, each after those on which it rests."""
