"""What holds the objects of an iommufd together where devices are physical or emulated: helper invariants.

Much of it is what holds where all devices are emulated. What is more are HWPTs, which an attach or a user makes, and which
a device that leaves has to give up.
"""

from tenure.models.cdev_fields import bound_to
from tenure.models.files import file_device, releasable
from tenure.models.iommufd import auto, context, devices, hwpt_ioas, hwpts, listed, type_, users, wait_cnt
from tenure.models.iommufd_access_claims import (
    file_of,
    is_there,
    same,
    user_of,
    waiter_of,
)
from tenure.models.iommufd_devices import attached, bound, going, set_locked
from tenure.vocabulary.objects import DEVICE, FILE, OBJECT, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim, lemma
from tenure.vocabulary.terms import (
    TRUE,
    Term,
    both,
    busy,
    either,
    every,
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
ATTACHES = ("attach.attach", "attach.put_user", "attach.undo_user")
NAMES_BOTH = ("hwpt_alloc.make", "hwpt_alloc.put_user", "hwpt_alloc.wrong_user")
ALLOCATES = (*NAMES_BOTH, "hwpt_alloc.put_wait", "hwpt_alloc.wrong_wait")
NAMES_A_DEVICE = (*ALLOCATES, "hwpt_alloc.put_device_user", "hwpt_alloc.fail_user")
LEAVES = ("detach.put_hwpt",)
USES = (*LOOKS, *ATTACHES, *NAMES_A_DEVICE)
HOLDS = (
    *USES,
    "iova_ranges.put_wait",
    "attach.put_wait",
    "attach.undo_wait",
    "hwpt_alloc.put_device_wait",
    "hwpt_alloc.fail_wait",
)
IN_ATTACH = (*ATTACHES, "attach.put_wait", "attach.undo_wait", "attach.put_hwpt", "attach.free_hwpt")
OF_A_DEVICE = (*IN_ATTACH, *LEAVES, "detach.free_hwpt")
FREES = ("destroy.destroy", "detach.free_hwpt")
ATTACH_FREES = "attach.free_hwpt"
RELEASE_FREES = "release_device.free_hwpt"
RELEASES = ("release_device.put_hwpt", "release_device.free_hwpt", "release_device.begin", "release_device.remove")


def second_of(thread: Term) -> Term:
    """The other object on which a call relies: the one for which a HWPT is made, or the HWPT that a device leaves."""
    return frame(thread, "attach", "*old", OBJECT)


def second_waiter_of(thread: Term) -> Term:
    """The other object that a call has in hand: the one for which a HWPT is made."""
    return frame(thread, "hwpt_alloc", "*waiter", OBJECT)


def left_by(file: Term) -> Term:
    """The HWPT that the device leaves whose file is released."""
    return frame(file, "release_device", "*old", OBJECT)


def freed_by(file: Term) -> Term:
    """The HWPT that the release of a file frees, while it waits for that."""
    return frame(file, "release_device", "doomed", OBJECT)


def made_by(thread: Term) -> Term:
    """The name that a caller chose for what the call makes."""
    return frame(thread, "attach", "made", OBJECT)


def doomed_by(thread: Term) -> Term:
    """What a thread waits to free, but for one that attaches."""
    return frame(thread, "destroy", "doomed", OBJECT)


def doomed_by_attach(thread: Term) -> Term:
    """What a thread that attaches waits to free."""
    return frame(thread, "attach", "doomed", OBJECT)


def dooms(thread: Term, obj: Term) -> Term:
    """The thread waits to free the object."""
    attaches = both(stands(thread, ATTACH_FREES), doomed_by_attach(thread) == obj)
    return either(both(stands(thread, *FREES), doomed_by(thread) == obj), attaches)


def release_dooms(file: Term, obj: Term) -> Term:
    """The release of the file waits to free the object."""
    return both(stands(file, RELEASE_FREES), freed_by(file) == obj)


def is_of_its_iommufd(thread: Term, obj: Term) -> Term:
    """The object is of the iommufd on whose objects the call works."""
    file = file_of(thread)
    on_device = stands(thread, *OF_A_DEVICE)
    bound_there = both(no(is_none(bound_to[file])), context[obj] == bound_to[file])
    return both(implies(on_device, bound_there), implies(no(on_device), both(no(is_none(file)), context[obj] == file)))


def is_of_a_device(obj: Term) -> Term:
    """A driver has the object."""
    return choice_is(type_[obj], "device", "access")


@claim(obj=OBJECT)
def a_hwpt_has_an_ioas(obj: Term) -> Term:
    """And nothing else has one, or was made for one."""
    hwpt = type_[obj] == "hwpt"
    return both(same(hwpt, no(is_none(hwpt_ioas[obj]))), implies(auto[obj], hwpt))


@claim(obj=OBJECT)
def the_ioas_of_a_hwpt_is_in_its_table(obj: Term) -> Term:
    """Both are of one iommufd."""
    ioas = hwpt_ioas[obj]
    there = both(type_[ioas] == "ioas", no(is_none(listed[ioas])), listed[ioas] == context[obj])
    return implies(no(is_none(ioas)), there)


@claim(obj=OBJECT)
def the_object_of_a_device_is_in_its_table(obj: Term) -> Term:
    """Until it is freed."""
    return implies(is_of_a_device(obj), no(is_none(listed[obj])))


@claim(obj=OBJECT)
def devices_count_who_is_attached(obj: Term) -> Term:
    """HWPTs count their devices, IO address spaces their accesses."""
    return devices[obj] == number_of(OBJECT, lambda o: attached[o] == obj)


@claim(obj=OBJECT)
def a_hwpt_made_for_an_ioas_has_a_device(obj: Term) -> Term:
    """As long as it is in its table: true where calls are whole, and false in steps, as OBJ-6 is."""
    return implies(both(auto[obj], no(is_none(listed[obj]))), devices[obj] > 0)


@claim(obj=OBJECT)
def an_ioas_counts_its_hwpts(obj: Term) -> Term:
    """Those in its list."""
    return hwpts[obj] == number_of(OBJECT, lambda o: hwpt_ioas[o] == obj)


@claim(obj=OBJECT)
def only_what_is_in_a_table_is_attached_to(obj: Term) -> Term:
    """A HWPT or an IO address space."""
    return implies(devices[obj] > 0, both(choice_is(type_[obj], "ioas", "hwpt"), no(is_none(listed[obj]))))


@claim(obj=OBJECT)
def only_an_ioas_in_a_table_has_hwpts(obj: Term) -> Term:
    """It relies on nothing itself."""
    return implies(hwpts[obj] > 0, both(type_[obj] == "ioas", no(is_none(listed[obj]))))


@claim(obj=OBJECT)
def users_count_all_that_relies_on_the_object(obj: Term) -> Term:
    """One for the table, the driver, a device's being attached, each HWPT, each that is attached, each call that relies on it."""
    table, driver = when(is_none(listed[obj]), 0, 1), when(is_of_a_device(obj), 1, 0)
    attachment = when(both(type_[obj] == "device", no(is_none(attached[obj]))), 1, 0)
    calls = (
        number_of(THREAD, lambda t: user_of(t) == obj)
        + number_of(THREAD, lambda t: second_of(t) == obj)
        + number_of(FILE, lambda f: left_by(f) == obj)
    )
    return users[obj] == table + driver + attachment + hwpts[obj] + devices[obj] + calls


@claim(obj=OBJECT)
def waits_count_the_table_and_calls(obj: Term) -> Term:
    """One for the table, until the driver gives it back; one for each call that has the object in hand."""
    table = when(either(is_none(listed[obj]), going[obj]), 0, 1)
    calls = number_of(THREAD, lambda t: waiter_of(t) == obj) + number_of(THREAD, lambda t: second_waiter_of(t) == obj)
    return wait_cnt[obj] == table + calls


@claim(obj=OBJECT)
def what_is_in_no_table_has_no_user(obj: Term) -> Term:
    """It was taken out with the last one."""
    return implies(is_none(listed[obj]), users[obj] == 0)


@claim(thread=THREAD)
def a_call_relies_on_an_object_where_it_stands(thread: Term) -> Term:
    """And nowhere else."""
    return same(no(is_none(user_of(thread))), stands(thread, *USES, *LEAVES))


@claim(thread=THREAD)
def a_call_relies_on_a_second_object_where_it_stands(thread: Term) -> Term:
    """The call that makes a HWPT always; one that attaches where the device leaves another."""
    some_, always = no(is_none(second_of(thread))), stands(thread, *NAMES_BOTH, "attach.put_hwpt")
    return both(
        implies(always, some_),
        implies(some_, either(always, stands(thread, "attach.put_user", "attach.put_wait"))),
    )


@claim(thread=THREAD)
def a_call_has_an_object_in_hand_where_it_stands(thread: Term) -> Term:
    """And nowhere else."""
    return same(no(is_none(waiter_of(thread))), stands(thread, *HOLDS))


@claim(thread=THREAD)
def a_call_has_a_second_object_in_hand_where_it_stands(thread: Term) -> Term:
    """And nowhere else."""
    return same(no(is_none(second_waiter_of(thread))), stands(thread, *ALLOCATES))


@claim(thread=THREAD)
def a_call_has_in_hand_what_it_relies_on(thread: Term) -> Term:
    """It counts in `wait_cnt` as long as it counts in `users`."""
    return both(
        implies(stands(thread, *USES), user_of(thread) == waiter_of(thread)),
        implies(stands(thread, *NAMES_BOTH), second_of(thread) == second_waiter_of(thread)),
    )


@claim(thread=THREAD)
def what_a_call_relies_on_is_in_a_table(thread: Term) -> Term:
    """It counts in `users`, so nobody takes it out."""
    return implies(no(is_none(user_of(thread))), no(is_none(listed[user_of(thread)])))


@claim(thread=THREAD)
def what_else_a_call_relies_on_is_in_a_table(thread: Term) -> Term:
    """For the same reason."""
    return implies(no(is_none(second_of(thread))), no(is_none(listed[second_of(thread)])))


def _relies(obj: Term, *, but_thread: Term | None = None, but_file: Term | None = None) -> Term:
    """Some call relies on the object, but for one that may."""

    def other(one: Term, left: Term | None) -> Term:
        return TRUE if left is None else no(one == left)

    calls = some(THREAD, lambda t: both(either(user_of(t) == obj, second_of(t) == obj), other(t, but_thread)))
    return either(calls, some(FILE, lambda f: both(left_by(f) == obj, other(f, but_file))))


def _is_last(obj: Term) -> Term:
    """No object relies on the object."""
    return both(devices[obj] == 0, hwpts[obj] == 0)


@lemma(users_count_all_that_relies_on_the_object, devices_count_who_is_attached, an_ioas_counts_its_hwpts)
@claim(obj=OBJECT)
def what_has_one_user_is_in_a_table_alone(obj: Term) -> Term:
    """No object, driver or call relies on it."""
    alone = both(users[obj] == 1, no(is_none(listed[obj])))
    return implies(alone, both(_is_last(obj), no(is_of_a_device(obj)), no(_relies(obj))))


@lemma(users_count_all_that_relies_on_the_object, devices_count_who_is_attached, an_ioas_counts_its_hwpts)
@claim(thread=THREAD)
def a_call_that_leaves_last_is_the_only_user(thread: Term) -> Term:
    """Beside the table."""

    def leaves(obj: Term) -> Term:
        two = both(no(is_none(obj)), users[obj] == 2, no(is_none(listed[obj])))
        return implies(two, both(_is_last(obj), no(_relies(obj, but_thread=thread))))

    return both(leaves(user_of(thread)), leaves(second_of(thread)))


@lemma(users_count_all_that_relies_on_the_object, devices_count_who_is_attached, an_ioas_counts_its_hwpts)
@claim(file=FILE)
def a_release_that_leaves_last_is_the_only_user(file: Term) -> Term:
    """Beside the table."""
    obj = left_by(file)
    two = both(no(is_none(obj)), users[obj] == 2, no(is_none(listed[obj])))
    return implies(two, both(_is_last(obj), no(_relies(obj, but_file=file))))


@lemma(users_count_all_that_relies_on_the_object, devices_count_who_is_attached, an_ioas_counts_its_hwpts)
@claim(obj=OBJECT)
def the_only_device_of_a_hwpt_leaves_it_alone(obj: Term) -> Term:
    """Where nobody else uses what the device is attached to, beside the table, no other device is attached."""
    to = attached[obj]
    two = both(no(is_none(to)), users[to] == 2, no(is_none(listed[to])))
    alone = every(OBJECT, lambda o: implies(attached[o] == to, o == obj))
    return implies(two, both(hwpts[to] == 0, devices[to] == 1, no(_relies(to)), alone))


@lemma(users_count_all_that_relies_on_the_object, devices_count_who_is_attached, an_ioas_counts_its_hwpts)
@claim(obj=OBJECT)
def the_object_of_a_device_with_two_users_is_alone(obj: Term) -> Term:
    """No call and no object relies on it."""
    two = both(is_of_a_device(obj), no(is_none(listed[obj])), users[obj] == 2)
    return implies(two, both(_is_last(obj), no(_relies(obj))))


@lemma(waits_count_the_table_and_calls)
@claim(obj=OBJECT)
def what_nobody_waits_for_no_call_has_in_hand(obj: Term) -> Term:
    """Its `wait_cnt` is zero."""
    calls = some(THREAD, lambda t: either(waiter_of(t) == obj, second_waiter_of(t) == obj))
    return implies(wait_cnt[obj] == 0, no(calls))


@lemma(devices_count_who_is_attached)
@claim(obj=OBJECT)
def what_a_device_is_attached_to_counts_it(obj: Term) -> Term:
    """Among its devices."""
    return implies(no(is_none(attached[obj])), devices[attached[obj]] > 0)


@lemma(an_ioas_counts_its_hwpts)
@claim(obj=OBJECT)
def the_ioas_of_a_hwpt_counts_it(obj: Term) -> Term:
    """Among its HWPTs."""
    return implies(no(is_none(hwpt_ioas[obj])), hwpts[hwpt_ioas[obj]] > 0)


@claim(thread=THREAD)
def what_a_call_has_in_hand_is_there(thread: Term) -> Term:
    """It counts in `wait_cnt`, so nobody frees it; and it is of the iommufd of the call."""
    one, other = waiter_of(thread), second_waiter_of(thread)
    return both(
        implies(no(is_none(one)), is_of_its_iommufd(thread, one)),
        implies(no(is_none(other)), is_of_its_iommufd(thread, other)),
    )


@lemma(what_a_call_has_in_hand_is_there)
@claim(obj=OBJECT)
def what_is_not_there_no_call_has_in_hand(obj: Term) -> Term:
    """So what is made begins with the table's part of `wait_cnt`."""
    one = number_of(THREAD, lambda t: waiter_of(t) == obj)
    other = number_of(THREAD, lambda t: second_waiter_of(t) == obj)
    return implies(is_none(context[obj]), both(one == 0, other == 0))


@claim(thread=THREAD)
def what_a_device_leaves_is_a_hwpt(thread: Term) -> Term:
    """It is of the iommufd to which the device is bound."""
    one, other, iommufd = user_of(thread), second_of(thread), bound_to[file_of(thread)]
    attaches = both(no(is_none(other)), stands(thread, *IN_ATTACH))
    return both(
        implies(stands(thread, *LEAVES), both(type_[one] == "hwpt", context[one] == iommufd)),
        implies(attaches, both(type_[other] == "hwpt", context[other] == iommufd)),
    )


@claim(file=FILE)
def what_a_released_device_leaves_is_a_hwpt(file: Term) -> Term:
    """It is in the table of the iommufd to which the device is bound."""
    old = left_by(file)
    return both(
        same(no(is_none(old)), stands(file, "release_device.put_hwpt")),
        implies(no(is_none(old)), both(type_[old] == "hwpt", listed[old] == bound_to[file])),
    )


@claim(thread=THREAD)
def an_access_is_going_to_be_attached_to_an_ioas(thread: Term) -> Term:
    """The look-up refused all else."""
    access = type_[bound[file_of(thread)]] == "access"
    return implies(both(stands(thread, "attach.attach"), access), type_[user_of(thread)] == "ioas")


@claim(thread=THREAD)
def what_a_call_will_make_is_not_there(thread: Term) -> Term:
    """The name that the caller chose is unused."""
    made = made_by(thread)
    return implies(stands(thread, "attach.attach", "hwpt_alloc.make"), both(no(is_none(made)), is_none(context[made])))


@claim(thread=THREAD, other=THREAD)
def calls_make_different_objects(thread: Term, other: Term) -> Term:
    """Two that are going to make one object are the same."""

    def makes(one: Term) -> Term:
        return stands(one, "attach.attach", "hwpt_alloc.make")

    return implies(both(makes(thread), makes(other), made_by(thread) == made_by(other)), thread == other)


@claim(obj=OBJECT)
def what_is_in_no_table_is_being_destroyed(obj: Term) -> Term:
    """An object that is there and in no table has somebody who waits to free it."""
    waits = either(some(THREAD, lambda t: dooms(t, obj)), some(FILE, lambda f: release_dooms(f, obj)))
    return implies(both(is_there(obj), is_none(listed[obj])), waits)


@claim(thread=THREAD)
def who_destroys_has_taken_it_out(thread: Term) -> Term:
    """Who waits to free an object has taken it out of its table; it is there, of the call's iommufd."""
    obj, file = doomed_by(thread), file_of(thread)
    destroys, detaches = (stands(thread, one) for one in FREES)
    out = both(is_none(listed[obj]), no(is_none(context[obj])))
    return both(
        implies(either(destroys, detaches), out),
        implies(destroys, both(choice_is(type_[obj], "ioas", "hwpt"), context[obj] == file)),
        implies(detaches, both(type_[obj] == "hwpt", context[obj] == bound_to[file])),
    )


@claim(thread=THREAD)
def who_attaches_has_taken_out_what_the_device_left(thread: Term) -> Term:
    """The same of a call that attaches."""
    obj, iommufd = doomed_by_attach(thread), bound_to[file_of(thread)]
    left = both(type_[obj] == "hwpt", is_none(listed[obj]), no(is_none(iommufd)), context[obj] == iommufd)
    return implies(stands(thread, ATTACH_FREES), left)


@claim(file=FILE)
def a_release_has_taken_out_what_it_destroys(file: Term) -> Term:
    """The same of the release of a device file."""
    obj = freed_by(file)
    left = both(type_[obj] == "hwpt", is_none(listed[obj]), context[obj] == bound_to[file])
    return implies(stands(file, RELEASE_FREES), left)


@claim(thread=THREAD, other=THREAD)
def nobody_destroys_twice(thread: Term, other: Term) -> Term:
    """Two who wait to free one object are the same."""
    one, two = stands(thread, *FREES), stands(other, *FREES)
    return implies(both(one, two, doomed_by(thread) == doomed_by(other)), thread == other)


@claim(thread=THREAD, other=THREAD)
def no_two_that_attach_destroy_one_object(thread: Term, other: Term) -> Term:
    """Nor do calls that attach."""
    one, two = stands(thread, ATTACH_FREES), stands(other, ATTACH_FREES)
    return implies(both(one, two, doomed_by_attach(thread) == doomed_by_attach(other)), thread == other)


@claim(thread=THREAD, other=THREAD)
def nobody_destroys_what_one_that_attaches_does(thread: Term, other: Term) -> Term:
    """Nor one of these and another call."""
    waits = both(stands(thread, *FREES), stands(other, ATTACH_FREES))
    return implies(waits, no(doomed_by(thread) == doomed_by_attach(other)))


@claim(file=FILE, other=FILE)
def no_two_releases_destroy_one_object(file: Term, other: Term) -> Term:
    """Nor do releases."""
    one, two = stands(file, RELEASE_FREES), stands(other, RELEASE_FREES)
    return implies(both(one, two, freed_by(file) == freed_by(other)), file == other)


@claim(thread=THREAD, file=FILE)
def no_release_destroys_what_a_call_does(thread: Term, file: Term) -> Term:
    """Nor a release and a call."""
    obj = freed_by(file)
    by_call = implies(stands(thread, *FREES), no(doomed_by(thread) == obj))
    by_attach = implies(stands(thread, ATTACH_FREES), no(doomed_by_attach(thread) == obj))
    return implies(stands(file, RELEASE_FREES), both(by_call, by_attach))


@claim(thread=THREAD)
def a_call_under_way_has_a_file(thread: Term) -> Term:
    """Which it keeps open."""
    return implies(busy(thread), no(is_none(file_of(thread))))


@claim(file=FILE)
def a_bound_file_has_the_object_of_a_device(file: Term) -> Term:
    """The object of a bound device file is in the table of the iommufd that the file keeps open."""
    obj = bound[file]
    return implies(no(is_none(obj)), both(is_of_a_device(obj), listed[obj] == bound_to[file]))


@claim(obj=OBJECT)
def the_object_of_a_device_has_a_file(obj: Term) -> Term:
    """Some device file is bound for it."""
    return implies(is_of_a_device(obj), some(FILE, lambda f: bound[f] == obj))


@claim(obj=OBJECT)
def a_device_is_attached_to_a_hwpt_and_an_access_to_an_ioas(obj: Term) -> Term:
    """Nothing else is attached to anything."""
    to = attached[obj]
    physical, emulated = (
        both(type_[obj] == one, type_[to] == other) for one, other in (("device", "hwpt"), ("access", "ioas"))
    )
    return implies(no(is_none(to)), either(physical, emulated))


@claim(obj=OBJECT)
def what_a_device_is_attached_to_is_in_its_table(obj: Term) -> Term:
    """Both are of one iommufd."""
    to = attached[obj]
    return implies(no(is_none(to)), both(no(is_none(listed[to])), listed[to] == context[obj]))


@claim(thread=THREAD)
def a_call_on_a_device_has_a_bound_file(thread: Term) -> Term:
    """A device file is unbound only by its release, for which the call would have to be over."""
    return implies(stands(thread, *OF_A_DEVICE), no(is_none(bound[file_of(thread)])))


@claim(file=FILE)
def a_release_waits_for_a_device_attached_to_nothing(file: Term) -> Term:
    """The file is bound as long as its release runs, and nobody attaches the device meanwhile."""
    dev = bound[file]
    return implies(stands(file, *RELEASES), both(no(is_none(dev)), is_none(attached[dev])))


@claim(file=FILE)
def a_released_file_is_referred_to_by_nobody(file: Term) -> Term:
    """While the release of a file runs, no fd and no call refers to it."""
    return both(implies(busy(file), stands(file, *RELEASES)), implies(stands(file, *RELEASES), releasable(file)))


@claim(file=FILE)
def an_object_that_goes_is_being_released(file: Term) -> Term:
    """The driver gives its part of `wait_cnt` back exactly where the release of the file waits."""
    return implies(no(is_none(bound[file])), same(going[bound[file]], stands(file, "release_device.remove")))


@claim(obj=OBJECT)
def only_objects_of_devices_go(obj: Term) -> Term:
    """Only these are waited for by a driver."""
    return implies(going[obj], is_of_a_device(obj))


@claim(device=DEVICE)
def who_has_the_lock_of_a_device_is_in_a_call_on_it(device: Term) -> Term:
    """The lock is had by a call that attaches or detaches a file of the device, or by the release of one."""
    calls = some(THREAD, lambda t: both(stands(t, *OF_A_DEVICE), file_device[file_of(t)] == device))
    releases = some(FILE, lambda f: both(stands(f, *RELEASES), file_device[f] == device))
    return implies(set_locked[device], either(calls, releases))


@lemma(
    users_count_all_that_relies_on_the_object,
    devices_count_who_is_attached,
    an_ioas_counts_its_hwpts,
    the_object_of_a_device_is_in_its_table,
)
@claim(obj=OBJECT)
def what_only_a_driver_relies_on_has_two_users(obj: Term) -> Term:
    """Its table and the driver."""
    alone = both(is_of_a_device(obj), is_none(attached[obj]), _is_last(obj), no(_relies(obj)))
    return implies(alone, users[obj] == 2)


@lemma(
    what_only_a_driver_relies_on_has_two_users,
    devices_count_who_is_attached,
    an_ioas_counts_its_hwpts,
    what_nobody_waits_for_no_call_has_in_hand,
    only_what_is_in_a_table_is_attached_to,
    only_an_ioas_in_a_table_has_hwpts,
    a_call_relies_on_an_object_where_it_stands,
    a_call_relies_on_a_second_object_where_it_stands,
    a_call_has_in_hand_what_it_relies_on,
    what_a_device_leaves_is_a_hwpt,
    what_a_released_device_leaves_is_a_hwpt,
    a_bound_file_has_the_object_of_a_device,
    a_release_waits_for_a_device_attached_to_nothing,
    serves=("is dead",),
)
@claim(file=FILE)
def nobody_relies_on_what_a_driver_destroys(file: Term) -> Term:
    """Once no call has it in hand: the kernel warns of nothing."""
    dev = bound[file]
    waited = both(stands(file, "release_device.remove"), wait_cnt[dev] == 0)
    return implies(waited, users[dev] == 2)
