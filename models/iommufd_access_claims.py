"""What holds the objects of an iommufd together where all devices are emulated: helper invariants."""

from tenure.models.cdev_fields import bound_to
from tenure.models.files import file_device, gets, kind, releasable
from tenure.models.harm import harm
from tenure.models.iommufd import auto, context, devices, hwpt_ioas, listed, type_, users, wait_cnt
from tenure.models.iommufd_devices import attached, bound, going, set_locked
from tenure.vocabulary.objects import DEVICE, FILE, OBJECT, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    busy,
    either,
    frame,
    implies,
    is_none,
    no,
    number_of,
    some,
    stands,
    when,
)

LOOKS = ("iova_ranges.use", "iova_ranges.put_user")
ATTACHES = ("attach.attach", "attach.put_user")
USES = (*LOOKS, *ATTACHES)
HOLDS = (*USES, "iova_ranges.put_wait", "attach.put_wait")
RELEASES = ("release_device.begin", "release_device.remove")


def user_of(thread: Term) -> Term:
    """The object on which a call relies."""
    return frame(thread, "iova_ranges", "*user", OBJECT)


def waiter_of(thread: Term) -> Term:
    """The object that a call has in hand."""
    return frame(thread, "iova_ranges", "*waiter", OBJECT)


def doomed_by(thread: Term) -> Term:
    """What a thread waits to free."""
    return frame(thread, "destroy", "doomed", OBJECT)


def file_of(thread: Term) -> Term:
    """The file of a call."""
    return frame(thread, "destroy", "file", FILE)


def is_there(obj: Term) -> Term:
    """The object's memory is not freed."""
    return no(is_none(context[obj]))


def same(left: Term, right: Term) -> Term:
    """Both hold, or neither."""
    return both(implies(left, right), implies(right, left))


@claim(obj=OBJECT)
def what_has_a_type_has_memory(obj: Term) -> Term:
    """And nothing else."""
    return same(is_there(obj), no(type_[obj] == "none"))


@claim(obj=OBJECT)
def an_object_is_of_an_open_iommufd(obj: Term) -> Term:
    """Where an object is, its iommufd is."""
    return implies(is_there(obj), kind[context[obj]] == "iommufd")


@claim(obj=OBJECT)
def every_object_is_an_ioas_or_an_access(obj: Term) -> Term:
    """Without physical devices there are no hardware page tables."""
    none = both(is_none(hwpt_ioas[obj]), no(auto[obj]), number_of(OBJECT, lambda o: hwpt_ioas[o] == obj) == 0)
    return both(choice_is(type_[obj], "none", "ioas", "access"), none)


@claim(obj=OBJECT)
def a_table_has_only_what_is_there(obj: Term) -> Term:
    """An object in a table is of that iommufd."""
    return implies(no(is_none(listed[obj])), listed[obj] == context[obj])


@claim(obj=OBJECT)
def an_access_is_in_its_table(obj: Term) -> Term:
    """Until it is freed."""
    return implies(type_[obj] == "access", no(is_none(listed[obj])))


@claim(obj=OBJECT)
def an_ioas_counts_its_accesses(obj: Term) -> Term:
    """Those that are attached to it."""
    return devices[obj] == number_of(OBJECT, lambda o: attached[o] == obj)


@claim(obj=OBJECT)
def users_count_all_that_relies_on_the_object(obj: Term) -> Term:
    """One for the table, one for the driver of an access, one for each access that is attached and for each call in flight."""
    table, driver = when(is_none(listed[obj]), 0, 1), when(type_[obj] == "access", 1, 0)
    return users[obj] == table + driver + devices[obj] + number_of(THREAD, lambda t: user_of(t) == obj)


@claim(obj=OBJECT)
def waits_count_the_table_and_calls(obj: Term) -> Term:
    """One for the table, until the driver gives it back; one for each call that has the object in hand."""
    table = when(either(is_none(listed[obj]), going[obj]), 0, 1)
    return wait_cnt[obj] == table + number_of(THREAD, lambda t: waiter_of(t) == obj)


@claim(thread=THREAD)
def a_call_relies_on_an_object_where_it_stands(thread: Term) -> Term:
    """And nowhere else."""
    return same(no(is_none(user_of(thread))), stands(thread, *USES))


@claim(thread=THREAD)
def a_call_has_an_object_in_hand_where_it_stands(thread: Term) -> Term:
    """And nowhere else."""
    return same(no(is_none(waiter_of(thread))), stands(thread, *HOLDS))


@claim(thread=THREAD)
def a_call_has_in_hand_what_it_relies_on(thread: Term) -> Term:
    """It counts in `wait_cnt` as long as it counts in `users`."""
    return implies(no(is_none(user_of(thread))), user_of(thread) == waiter_of(thread))


@claim(thread=THREAD)
def what_a_call_relies_on_is_an_ioas_in_a_table(thread: Term) -> Term:
    """It counts in `users`, so nobody takes it out."""
    obj = user_of(thread)
    return implies(no(is_none(obj)), both(type_[obj] == "ioas", no(is_none(listed[obj]))))


@claim(thread=THREAD)
def what_a_call_has_in_hand_is_there(thread: Term) -> Term:
    """It counts in `wait_cnt`, so nobody frees it; and it is of the iommufd of the call."""
    obj, file = waiter_of(thread), file_of(thread)
    attaches = stands(thread, *ATTACHES, "attach.put_wait")
    iommufd = when(attaches, bound_to[file], file)
    return implies(no(is_none(obj)), both(no(is_none(file)), no(is_none(iommufd)), context[obj] == iommufd))


@claim(obj=OBJECT)
def what_is_in_no_table_is_being_destroyed(obj: Term) -> Term:
    """An object that is there and in no table has somebody who waits to free it."""
    left = both(is_there(obj), is_none(listed[obj]))
    return implies(left, some(THREAD, lambda t: doomed_by(t) == obj))


@claim(thread=THREAD)
def who_destroys_has_taken_it_out(thread: Term) -> Term:
    """Who waits to free an object has taken it out of its table; it is there, an IO address space of the call's iommufd."""
    obj, file = doomed_by(thread), file_of(thread)
    left = both(type_[obj] == "ioas", is_none(listed[obj]), no(is_none(file)), context[obj] == file)
    return implies(no(is_none(obj)), left)


@claim(thread=THREAD)
def who_destroys_waits(thread: Term) -> Term:
    """A call that has taken an object out waits to free it."""
    return same(no(is_none(doomed_by(thread))), stands(thread, "destroy.destroy"))


@claim(thread=THREAD, other=THREAD)
def nobody_destroys_twice(thread: Term, other: Term) -> Term:
    """Two who wait to free one object are the same."""
    return implies(both(no(is_none(doomed_by(thread))), doomed_by(thread) == doomed_by(other)), thread == other)


@claim(file=FILE)
def an_iommufd_counts_what_is_bound_to_it(file: Term) -> Term:
    """The kernel's references to a file are the device files that are bound to it."""
    return gets[file] == number_of(FILE, lambda f: bound_to[f] == file)


@claim(file=FILE)
def what_a_device_is_bound_to_is_kept_open(file: Term) -> Term:
    """The iommufd of a bound device file is open, and the kernel has a reference to it."""
    iommufd = bound_to[file]
    return implies(no(is_none(iommufd)), both(kind[iommufd] == "iommufd", gets[iommufd] > 0))


@claim(file=FILE)
def a_bound_file_has_an_access(file: Term) -> Term:
    """The object of a bound device file is an access, in the table of the iommufd that the file keeps open."""
    obj = bound[file]
    return implies(no(is_none(obj)), both(type_[obj] == "access", listed[obj] == bound_to[file]))


@claim(file=FILE)
def what_is_bound_is_a_device_file(file: Term) -> Term:
    """It has an object as long as it has an iommufd."""
    obj = bound[file]
    return both(same(no(is_none(obj)), no(is_none(bound_to[file]))), implies(no(is_none(obj)), kind[file] == "device"))


@claim(file=FILE, other=FILE)
def an_access_is_bound_by_one_file(file: Term, other: Term) -> Term:
    """Two files that are bound have two accesses."""
    return implies(both(no(is_none(bound[file])), bound[file] == bound[other]), file == other)


@claim(obj=OBJECT)
def an_access_has_a_file(obj: Term) -> Term:
    """Some device file is bound for it."""
    return implies(type_[obj] == "access", some(FILE, lambda f: bound[f] == obj))


@claim(obj=OBJECT)
def an_access_is_attached_to_an_ioas(obj: Term) -> Term:
    """Only an access is attached, and to an IO address space that counts it."""
    ioas = attached[obj]
    counted = both(type_[ioas] == "ioas", devices[ioas] > 0)
    return implies(no(is_none(ioas)), both(type_[obj] == "access", counted))


@claim(obj=OBJECT)
def what_an_access_is_attached_to_is_in_its_table(obj: Term) -> Term:
    """Both are of one iommufd."""
    ioas = attached[obj]
    return implies(no(is_none(ioas)), both(no(is_none(listed[ioas])), listed[ioas] == context[obj]))


@claim(thread=THREAD)
def a_call_that_attaches_has_a_bound_file(thread: Term) -> Term:
    """A device file is unbound only by its release, for which the call would have to be over."""
    file = file_of(thread)
    return implies(stands(thread, *ATTACHES, "attach.put_wait"), both(no(is_none(file)), no(is_none(bound[file]))))


@claim(file=FILE)
def a_release_waits_for_an_access_attached_to_nothing(file: Term) -> Term:
    """The file is bound as long as its release runs, and nobody attaches the access meanwhile."""
    dev = bound[file]
    return implies(stands(file, *RELEASES), both(no(is_none(dev)), is_none(attached[dev])))


@claim(file=FILE)
def a_released_file_is_referred_to_by_nobody(file: Term) -> Term:
    """While the release of a file runs, no fd and no call refers to it."""
    return both(implies(busy(file), stands(file, *RELEASES)), implies(stands(file, *RELEASES), releasable(file)))


@claim(file=FILE)
def an_access_that_goes_is_being_released(file: Term) -> Term:
    """The driver gives its part of `wait_cnt` back exactly where the release of the file waits."""
    return implies(no(is_none(bound[file])), same(going[bound[file]], stands(file, "release_device.remove")))


@claim(device=DEVICE)
def who_has_the_lock_of_a_device_is_in_a_call_on_it(device: Term) -> Term:
    """The lock is had by a call that attaches a file of the device, or by the release of one."""
    attaches = some(THREAD, lambda t: both(stands(t, *ATTACHES, "attach.put_wait"), file_device[file_of(t)] == device))
    releases = some(FILE, lambda f: both(stands(f, *RELEASES), file_device[f] == device))
    return implies(set_locked[device], either(attaches, releases))


@claim(obj=OBJECT)
def only_accesses_go(obj: Term) -> Term:
    """Only an access is waited for by its driver."""
    return implies(going[obj], type_[obj] == "access")


@claim()
def nothing_went_wrong() -> Term:
    """The kernel runs."""
    return harm.now == "none"


WITH_ACCESSES = (
    what_has_a_type_has_memory,
    an_object_is_of_an_open_iommufd,
    every_object_is_an_ioas_or_an_access,
    a_table_has_only_what_is_there,
    an_access_is_in_its_table,
    an_ioas_counts_its_accesses,
    users_count_all_that_relies_on_the_object,
    waits_count_the_table_and_calls,
    a_call_relies_on_an_object_where_it_stands,
    a_call_has_an_object_in_hand_where_it_stands,
    a_call_has_in_hand_what_it_relies_on,
    what_a_call_relies_on_is_an_ioas_in_a_table,
    what_a_call_has_in_hand_is_there,
    what_is_in_no_table_is_being_destroyed,
    who_destroys_has_taken_it_out,
    who_destroys_waits,
    nobody_destroys_twice,
    an_iommufd_counts_what_is_bound_to_it,
    what_a_device_is_bound_to_is_kept_open,
    a_bound_file_has_an_access,
    what_is_bound_is_a_device_file,
    an_access_is_bound_by_one_file,
    an_access_has_a_file,
    an_access_is_attached_to_an_ioas,
    what_an_access_is_attached_to_is_in_its_table,
    a_call_that_attaches_has_a_bound_file,
    a_release_waits_for_an_access_attached_to_nothing,
    a_released_file_is_referred_to_by_nobody,
    an_access_that_goes_is_being_released,
    who_has_the_lock_of_a_device_is_in_a_call_on_it,
    only_accesses_go,
    nothing_went_wrong,
)
