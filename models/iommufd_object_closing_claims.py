"""From claims to what OBJ-1, OBJ-2, OBJ-4 and FREE-3 say of iommufds with physical devices: stage by stage.

An iommufd on which no call works has only objects that rely on one another; one that nobody refers to has no devices either, so
something in its table has no user but that. And what sleeps waits for a call that has an object in hand, which does not sleep.
"""

from tenure.models import iommufd, iommufd_devices
from tenure.models import iommufd_access_claims as of_accesses
from tenure.models import iommufd_object_claims as claims
from tenure.models.cdev_fields import bound_to
from tenure.models.file_claims import of_kinds
from tenure.models.files import kind, releasable
from tenure.models.iommufd import context, devices, hwpt_ioas, hwpts, listed, type_, users, wait_cnt
from tenure.models.iommufd_access_claims import is_there, user_of, waiter_of
from tenure.models.iommufd_devices import attached, bound, going, is_at_rest, set_locked
from tenure.models.iommufd_object_claims import (
    ATTACH_FREES,
    FREES,
    HOLDS,
    RELEASE_FREES,
    doomed_by,
    doomed_by_attach,
    freed_by,
    is_of_a_device,
    left_by,
    second_of,
    second_waiter_of,
)
from tenure.vocabulary.objects import DEVICE, FILE, OBJECT, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, is_none, no, number_of, some, stands, when

AWAKE = (*HOLDS, "attach.put_hwpt", "detach.put_hwpt")
"""Where a call stands that does not sleep."""


def is_let_go(obj: Term) -> Term:
    """Nobody refers to the object's iommufd."""
    return both(is_there(obj), releasable(context[obj]))


@lemma(of_accesses.an_iommufd_counts_what_is_bound_to_it)
@claim(file=FILE)
def nothing_is_bound_to_what_is_let_go(file: Term) -> Term:
    """The kernel has no reference to it."""
    return implies(releasable(file), every(FILE, lambda f: no(bound_to[f] == file)))


@lemma(
    of_accesses.an_object_is_of_an_open_iommufd,
    claims.a_released_file_is_referred_to_by_nobody,
    claims.a_release_waits_for_a_device_attached_to_nothing,
    of_accesses.what_is_bound_is_a_device_file,
    serves=("OBJ-4",),
)
@claim(obj=OBJECT)
def an_iommufd_with_objects_is_not_being_released(obj: Term) -> Term:
    """Its release begins when none is left."""
    return implies(is_there(obj), no(busy(context[obj])))


@lemma(nothing_is_bound_to_what_is_let_go, an_iommufd_with_objects_is_not_being_released)
@claim(obj=OBJECT)
def what_is_let_go_rests(obj: Term) -> Term:
    """No call works on an iommufd to which nobody refers, nor on a device that is bound to it."""
    return implies(is_let_go(obj), is_at_rest(obj))


@lemma(claims.what_a_call_has_in_hand_is_there, claims.a_call_under_way_has_a_file)
@claim(thread=THREAD)
def no_call_has_in_hand_what_rests(thread: Term) -> Term:
    """A call works on the iommufd of the object, or on a device that is bound to it."""
    hands = (waiter_of(thread), second_waiter_of(thread))
    return both(*(implies(no(is_none(one)), no(is_at_rest(one))) for one in hands))


@lemma(
    no_call_has_in_hand_what_rests,
    claims.a_call_relies_on_an_object_where_it_stands,
    claims.a_call_relies_on_a_second_object_where_it_stands,
    claims.a_call_has_in_hand_what_it_relies_on,
    claims.what_a_device_leaves_is_a_hwpt,
    of_accesses.what_has_a_type_has_memory,
    claims.a_call_under_way_has_a_file,
)
@claim(thread=THREAD)
def no_call_relies_on_what_rests(thread: Term) -> Term:
    """It has it in hand, or its device leaves it."""
    relied_on = (user_of(thread), second_of(thread))
    return both(*(implies(no(is_none(one)), no(is_at_rest(one))) for one in relied_on))


@lemma(
    claims.what_a_released_device_leaves_is_a_hwpt,
    claims.a_release_waits_for_a_device_attached_to_nothing,
    of_accesses.what_is_bound_is_a_device_file,
    of_accesses.a_table_has_only_what_is_there,
)
@claim(file=FILE)
def no_release_relies_on_what_rests(file: Term) -> Term:
    """The device that leaves it is bound to its iommufd."""
    old = left_by(file)
    return implies(no(is_none(old)), no(is_at_rest(old)))


@lemma(
    claims.what_is_in_no_table_is_being_destroyed,
    claims.who_destroys_has_taken_it_out,
    claims.who_attaches_has_taken_out_what_the_device_left,
    claims.a_release_has_taken_out_what_it_destroys,
    claims.a_call_under_way_has_a_file,
    of_accesses.a_table_has_only_what_is_there,
)
@claim(obj=OBJECT)
def what_rests_is_in_its_table(obj: Term) -> Term:
    """Nobody waits to free it."""
    return implies(both(is_there(obj), is_at_rest(obj)), listed[obj] == context[obj])


@lemma(
    claims.users_count_all_that_relies_on_the_object,
    no_call_relies_on_what_rests,
    no_release_relies_on_what_rests,
    what_rests_is_in_its_table,
)
@claim(obj=OBJECT)
def users_of_what_rests_are_no_calls(obj: Term) -> Term:
    """They are its table, its driver, and objects; whether a device is attached."""
    driver = when(is_of_a_device(obj), 1, 0)
    attachment = when(both(type_[obj] == "device", no(is_none(attached[obj]))), 1, 0)
    objects = driver + attachment + hwpts[obj] + devices[obj]
    return implies(both(is_there(obj), is_at_rest(obj)), users[obj] == objects + 1)


@lemma(
    users_of_what_rests_are_no_calls,
    claims.devices_count_who_is_attached,
    claims.an_ioas_counts_its_hwpts,
    of_accesses.what_has_a_type_has_memory,
    serves=("OBJ-2",),
)
@claim(obj=OBJECT)
def users_of_an_ioas_that_rests_are_hwpts_and_accesses(obj: Term) -> Term:
    """And its table."""
    relying = number_of(OBJECT, lambda o: hwpt_ioas[o] == obj) + number_of(OBJECT, lambda o: attached[o] == obj)
    return implies(both(type_[obj] == "ioas", is_at_rest(obj)), users[obj] == relying + 1)


@lemma(
    claims.the_object_of_a_device_has_a_file,
    claims.a_bound_file_has_the_object_of_a_device,
    of_accesses.a_table_has_only_what_is_there,
    claims.the_object_of_a_device_is_in_its_table,
    nothing_is_bound_to_what_is_let_go,
)
@claim(obj=OBJECT)
def what_is_let_go_is_of_no_device(obj: Term) -> Term:
    """A file that is bound for it would refer to the iommufd."""
    return implies(is_let_go(obj), no(is_of_a_device(obj)))


@lemma(
    what_is_let_go_is_of_no_device,
    claims.devices_count_who_is_attached,
    claims.what_a_device_is_attached_to_is_in_its_table,
    claims.a_device_is_attached_to_a_hwpt_and_an_access_to_an_ioas,
    of_accesses.a_table_has_only_what_is_there,
    of_accesses.what_has_a_type_has_memory,
)
@claim(obj=OBJECT)
def nothing_is_attached_to_what_is_let_go(obj: Term) -> Term:
    """What is attached is of a device, and in the same iommufd."""
    return implies(is_let_go(obj), devices[obj] == 0)


@lemma(
    what_is_let_go_rests,
    what_is_let_go_is_of_no_device,
    nothing_is_attached_to_what_is_let_go,
    users_of_what_rests_are_no_calls,
    what_rests_is_in_its_table,
)
@claim(obj=OBJECT)
def users_of_what_is_let_go_are_hwpts(obj: Term) -> Term:
    """And its table, in which it is."""
    return implies(is_let_go(obj), both(listed[obj] == context[obj], users[obj] == hwpts[obj] + 1))


@lemma(
    users_of_what_is_let_go_are_hwpts,
    claims.an_ioas_counts_its_hwpts,
    claims.the_ioas_of_a_hwpt_is_in_its_table,
    claims.a_hwpt_has_an_ioas,
    claims.only_an_ioas_in_a_table_has_hwpts,
    of_accesses.a_table_has_only_what_is_there,
    of_accesses.what_has_a_type_has_memory,
    serves=("OBJ-4",),
)
@claim(obj=OBJECT)
def where_something_is_let_go_something_can_go(obj: Term) -> Term:
    """A HWPT has no user but its table; an IO address space has none, or a HWPT."""
    iommufd_ = context[obj]
    leaf = some(OBJECT, lambda o: both(context[o] == iommufd_, listed[o] == iommufd_, users[o] == 1))
    return implies(is_let_go(obj), leaf)


@lemma(
    claims.waits_count_the_table_and_calls,
    what_is_let_go_rests,
    no_call_has_in_hand_what_rests,
    what_is_let_go_is_of_no_device,
    claims.only_objects_of_devices_go,
    of_accesses.a_table_has_only_what_is_there,
    serves=("OBJ-1",),
)
@claim(obj=OBJECT)
def nobody_waits_for_what_is_let_go(obj: Term) -> Term:
    """Only its table counts in `wait_cnt`."""
    here = both(no(is_none(listed[obj])), releasable(listed[obj]))
    return implies(here, wait_cnt[obj] == 1)


@lemma(
    where_something_is_let_go_something_can_go,
    of_accesses.a_table_has_only_what_is_there,
    serves=("FREE-3",),
)
@claim(file=FILE)
def an_iommufd_that_is_let_go_is_empty_or_can_be_emptied(file: Term) -> Term:
    """Its table has nothing, or something that has no user but it."""
    empty = every(OBJECT, lambda o: no(listed[o] == file))
    leaf = some(OBJECT, lambda o: both(listed[o] == file, users[o] == 1))
    return implies(releasable(file), either(empty, leaf))


@lemma(of_kinds((*iommufd.CALLS, *iommufd_devices.CALLS)), serves=("FREE-3",))
@claim(file=FILE)
def what_is_let_go_is_an_iommufd_or_of_a_device(file: Term) -> Term:
    """No other file is released."""
    return implies(releasable(file), choice_is(kind[file], "iommufd", "device"))


def _has_something_in_hand() -> Term:
    """Some call has an object in hand: it does not sleep."""
    return some(THREAD, lambda t: stands(t, *HOLDS))


@lemma(
    claims.waits_count_the_table_and_calls,
    claims.a_call_has_an_object_in_hand_where_it_stands,
    claims.a_call_has_a_second_object_in_hand_where_it_stands,
)
@claim(obj=OBJECT)
def what_is_waited_for_a_call_has_in_hand(obj: Term) -> Term:
    """What the table no longer counts."""
    out = either(is_none(listed[obj]), going[obj])
    return implies(both(out, no(wait_cnt[obj] == 0)), _has_something_in_hand())


def _sleeps(thread: Term) -> Term:
    """The call waits to free something that a call has in hand."""
    frees = both(stands(thread, *FREES), no(wait_cnt[doomed_by(thread)] == 0))
    attaches = both(stands(thread, ATTACH_FREES), no(wait_cnt[doomed_by_attach(thread)] == 0))
    return either(frees, attaches)


def _release_sleeps(file: Term) -> Term:
    """The release of the file does."""
    frees = both(stands(file, RELEASE_FREES), no(wait_cnt[freed_by(file)] == 0))
    removes = both(stands(file, "release_device.remove"), no(wait_cnt[bound[file]] == 0))
    return either(frees, removes)


@lemma(
    what_is_waited_for_a_call_has_in_hand,
    claims.who_destroys_has_taken_it_out,
    claims.who_attaches_has_taken_out_what_the_device_left,
    serves=("FREE-3",),
)
@claim(thread=THREAD)
def where_a_call_sleeps_another_goes_on(thread: Term) -> Term:
    """The one that has in hand what it waits for."""
    return implies(_sleeps(thread), _has_something_in_hand())


@lemma(
    what_is_waited_for_a_call_has_in_hand,
    claims.a_release_has_taken_out_what_it_destroys,
    claims.an_object_that_goes_is_being_released,
    claims.a_release_waits_for_a_device_attached_to_nothing,
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
    an_iommufd_with_objects_is_not_being_released,
    what_is_let_go_rests,
    no_call_has_in_hand_what_rests,
    no_call_relies_on_what_rests,
    no_release_relies_on_what_rests,
    what_rests_is_in_its_table,
    users_of_what_rests_are_no_calls,
    users_of_an_ioas_that_rests_are_hwpts_and_accesses,
    what_is_let_go_is_of_no_device,
    nothing_is_attached_to_what_is_let_go,
    users_of_what_is_let_go_are_hwpts,
    where_something_is_let_go_something_can_go,
    nobody_waits_for_what_is_let_go,
    an_iommufd_that_is_let_go_is_empty_or_can_be_emptied,
    what_is_let_go_is_an_iommufd_or_of_a_device,
    what_is_waited_for_a_call_has_in_hand,
    where_a_call_sleeps_another_goes_on,
    where_a_release_sleeps_a_call_goes_on,
    where_a_device_is_locked_somebody_goes_on,
)
"""The stages, each after those on which it rests."""
