"""What holds the objects of an iommufd together where there are devices: helper invariants, searched and not yet proved."""

from tenure.models.files import fd, file_device, gets, kind, releasable
from tenure.models.harm import harm
from tenure.models.iommufd import auto, context, devices, hwpt_ioas, hwpts, listed, type_, users, wait_cnt
from tenure.models.iommufd_devices import attached, bound, bound_to, going
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim, lemma
from tenure.vocabulary.terms import (
    Term,
    both,
    busy,
    either,
    frame,
    implies,
    in_flight,
    is_none,
    no,
    number_of,
    some,
    stands,
    when,
)


def _steps(call: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{call}.{name}" for name in names)


LOOKS = _steps("iova_ranges", "use", "put_user")
ATTACHES = _steps("attach", "attach", "put_user", "undo_user")
ALLOCATES = _steps("hwpt_alloc", "make", "put_user", "wrong_user")
ALLOCATES_WAIT = (*ALLOCATES, *_steps("hwpt_alloc", "put_wait", "wrong_wait"))
ALLOCATES_DEVICE = (*ALLOCATES_WAIT, *_steps("hwpt_alloc", "put_device_user", "fail_user"))
FIRST_WAIT = (
    *LOOKS,
    "iova_ranges.put_wait",
    *ATTACHES,
    *_steps("attach", "put_wait", "undo_wait"),
    *ALLOCATES_DEVICE,
    *_steps("hwpt_alloc", "put_device_wait", "fail_wait"),
)
FIRST_USER = (*LOOKS, *ATTACHES, *ALLOCATES_DEVICE)
OLD = _steps("attach", "put_user", "put_wait", "put_hwpt")
NAMES = ("attach.attach", "hwpt_alloc.make")
ON_DEVICES = (
    *_steps("attach", "attach", "put_user", "put_wait", "undo_user", "undo_wait", "put_hwpt", "free_hwpt"),
    *_steps("detach", "put_hwpt", "free_hwpt"),
)
RELEASES = _steps("release_device", "put_hwpt", "free_hwpt", "begin", "remove")


def first_user(thread: Term) -> Term:
    """The first object on which a call relies; of a detach what it gives up."""
    return frame(thread, "hwpt_alloc", "*device user", OBJECT)


def first_waiter(thread: Term) -> Term:
    """The first object that a call has in hand."""
    return frame(thread, "hwpt_alloc", "*device waiter", OBJECT)


def second_user(thread: Term) -> Term:
    """The second object on which a call relies; of an attach what it gives up."""
    return frame(thread, "hwpt_alloc", "*user", OBJECT)


def second_waiter(thread: Term) -> Term:
    """The second object that a call has in hand."""
    return frame(thread, "hwpt_alloc", "*waiter", OBJECT)


def given_up(file: Term) -> Term:
    """What the release of a device file gives up."""
    return frame(file, "release_device", "*old", OBJECT)


BY_ONE = ("destroy.destroy", "detach.free_hwpt")
BY_ATTACH = ("attach.free_hwpt",)
"""Where a thread waits to free an object, by what keeps that."""


def doomed(thread: Term, by: tuple[str, ...]) -> Term:
    """What the thread waits to free."""
    return frame(thread, "destroy" if by is BY_ONE else "attach", "doomed", OBJECT)


def doomed_at_release(file: Term) -> Term:
    """What the release of a device file waits to free."""
    return frame(file, "release_device", "doomed", OBJECT)


def _is_doomed(obj: Term) -> Term:
    """Somebody waits to free the object."""

    def by_thread(by: tuple[str, ...]) -> Term:
        return some(THREAD, lambda t: both(stands(t, *by), doomed(t, by) == obj))

    files = some(FILE, lambda f: both(stands(f, "release_device.free_hwpt"), doomed_at_release(f) == obj))
    return either(by_thread(BY_ONE), by_thread(BY_ATTACH), files)


def same(left: Term, right: Term) -> Term:
    """Both hold, or neither."""
    return both(implies(left, right), implies(right, left))


def is_there(obj: Term) -> Term:
    """The object's memory is not freed."""
    return no(is_none(context[obj]))


def is_in_table(obj: Term) -> Term:
    """The object is in the table of some iommufd."""
    return no(is_none(listed[obj]))


@claim(obj=OBJECT)
def an_object_is_of_an_iommufd(obj: Term) -> Term:
    """What has a type has memory, and the iommufd that it is of is open."""
    typed = same(is_there(obj), no(type_[obj] == "none"))
    return both(typed, implies(is_there(obj), kind[context[obj]] == "iommufd"))


@claim(obj=OBJECT)
def a_table_has_only_what_is_there(obj: Term) -> Term:
    """An object in a table is of that iommufd."""
    return implies(is_in_table(obj), listed[obj] == context[obj])


@claim(obj=OBJECT)
def an_ioas_counts_its_hwpts(obj: Term) -> Term:
    """The HWPTs in the list of an IO address space are those that have it."""
    return hwpts[obj] == number_of(OBJECT, lambda o: hwpt_ioas[o] == obj)


@claim(obj=OBJECT)
def an_object_counts_what_is_attached(obj: Term) -> Term:
    """The devices of a HWPT, or the accesses of an IO address space, are those that are attached to it."""
    return devices[obj] == number_of(OBJECT, lambda o: attached[o] == obj)


@claim(obj=OBJECT)
def what_is_pointed_at_counts_it(obj: Term) -> Term:
    """The IO address space of a HWPT counts a HWPT, what a device is attached to counts a device."""
    has = implies(no(is_none(hwpt_ioas[obj])), hwpts[hwpt_ioas[obj]] > 0)
    return both(has, implies(no(is_none(attached[obj])), devices[attached[obj]] > 0))


@claim(obj=OBJECT)
def users_count_all_that_relies_on_the_object(obj: Term) -> Term:
    """One for the table, one for each HWPT, attachment, driver and call; one for an attachment of its own."""
    table = when(is_in_table(obj), 1, 0)
    driver = when(choice_is(type_[obj], "device", "access"), 1, 0)
    own = when(both(type_[obj] == "device", no(is_none(attached[obj]))), 1, 0)
    releases = number_of(FILE, lambda f: given_up(f) == obj)
    calls = number_of(THREAD, lambda t: first_user(t) == obj) + number_of(THREAD, lambda t: second_user(t) == obj)
    return users[obj] == table + driver + own + hwpts[obj] + devices[obj] + releases + calls


@claim(obj=OBJECT)
def wait_cnt_counts_the_table_and_calls(obj: Term) -> Term:
    """One for the table, until the driver gives it back; one for each call that has the object in hand."""
    table = when(both(is_in_table(obj), no(going[obj])), 1, 0)
    calls = number_of(THREAD, lambda t: first_waiter(t) == obj) + number_of(THREAD, lambda t: second_waiter(t) == obj)
    return wait_cnt[obj] == table + calls


@claim(obj=OBJECT)
def a_device_has_one_file(obj: Term) -> Term:
    """One device file is bound for each object of a device, and none for another."""
    return number_of(FILE, lambda f: bound[f] == obj) == when(choice_is(type_[obj], "device", "access"), 1, 0)


@claim(file=FILE)
def an_iommufd_counts_its_devices(file: Term) -> Term:
    """The kernel's references to a file are the device files that are bound to it."""
    return gets[file] == number_of(FILE, lambda f: bound_to[f] == file)


@claim(file=FILE)
def what_a_device_is_bound_to_is_kept_open(file: Term) -> Term:
    """The iommufd of a bound device file is open, and the kernel has a reference to it."""
    iommufd = bound_to[file]
    return implies(no(is_none(iommufd)), both(kind[iommufd] == "iommufd", gets[iommufd] > 0))


@claim(file=FILE)
def a_bound_file_has_an_object(file: Term) -> Term:
    """The object of a bound device file is that of a device, in the table of the iommufd that the file keeps open."""
    obj = bound[file]
    bound_ = both(kind[file] == "device", choice_is(type_[obj], "device", "access"), listed[obj] == bound_to[file])
    return both(same(no(is_none(obj)), no(is_none(bound_to[file]))), implies(no(is_none(obj)), bound_))


@claim(obj=OBJECT)
def a_hwpt_has_an_ioas(obj: Term) -> Term:
    """A HWPT, and nothing else, has an IO address space, which is in the table of its iommufd."""
    ioas = hwpt_ioas[obj]
    has = both(type_[ioas] == "ioas", listed[ioas] == context[obj])
    kinds = same(no(is_none(ioas)), type_[obj] == "hwpt")
    return both(kinds, implies(no(is_none(ioas)), has), implies(auto[obj], type_[obj] == "hwpt"))


@claim(obj=OBJECT)
def a_device_is_attached_to_what_it_needs(obj: Term) -> Term:
    """A physical device is attached to a HWPT, an emulated one to an IO address space."""
    target = attached[obj]
    physical = both(type_[obj] == "device", type_[target] == "hwpt")
    emulated_ = both(type_[obj] == "access", type_[target] == "ioas")
    return implies(no(is_none(target)), either(physical, emulated_))


@claim(obj=OBJECT)
def an_attached_device_and_its_target_are_in_a_table(obj: Term) -> Term:
    """Both are in the table of one iommufd."""
    return implies(no(is_none(attached[obj])), both(is_in_table(obj), listed[attached[obj]] == context[obj]))


@claim(thread=THREAD)
def a_call_has_objects_in_hand_where_it_stands(thread: Term) -> Term:
    """What a call relies on it has in hand too; one that is over has nothing."""
    one, other = first_user(thread), second_user(thread)
    wait, second = first_waiter(thread), second_waiter(thread)
    gives_up = stands(thread, "detach.put_hwpt")
    return both(
        same(no(is_none(one)), either(stands(thread, *FIRST_USER), gives_up)),
        same(no(is_none(wait)), stands(thread, *FIRST_WAIT)),
        implies(stands(thread, *FIRST_USER), one == wait),
        implies(no(is_none(other)), stands(thread, *ALLOCATES, *OLD)),
        implies(stands(thread, *ALLOCATES, "attach.put_hwpt"), no(is_none(other))),
        same(no(is_none(second)), stands(thread, *ALLOCATES_WAIT)),
        implies(stands(thread, *ALLOCATES), other == second),
    )


@claim(thread=THREAD)
def a_call_works_on_its_iommufd(thread: Term) -> Term:
    """What a call has in hand is of the iommufd of its file, or of that to which its device file is bound."""

    def of(call: str) -> Term:
        return frame(thread, call, "file", FILE)

    bound_for = bound_to[of("attach")]
    wait, second = context[first_waiter(thread)], context[second_waiter(thread)]
    looks = stands(thread, *LOOKS, "iova_ranges.put_wait")
    attaches = stands(thread, *ATTACHES, "attach.put_wait", "attach.undo_wait")
    allocates = stands(thread, *ALLOCATES_DEVICE, "hwpt_alloc.put_device_wait", "hwpt_alloc.fail_wait")
    return both(
        implies(looks, both(no(is_none(of("iova_ranges"))), wait == of("iova_ranges"))),
        implies(attaches, both(no(is_none(bound_for)), wait == bound_for)),
        implies(allocates, both(no(is_none(of("hwpt_alloc"))), wait == of("hwpt_alloc"))),
        implies(stands(thread, *ALLOCATES_WAIT), second == of("hwpt_alloc")),
    )


@claim(thread=THREAD)
def a_call_relies_on_what_is_in_a_table(thread: Term) -> Term:
    """As long as a call counts in `users` the object stays in its table."""
    return both(
        implies(no(is_none(first_user(thread))), is_in_table(first_user(thread))),
        implies(no(is_none(second_user(thread))), is_in_table(second_user(thread))),
    )


@claim(thread=THREAD)
def a_call_on_a_device_keeps_it_bound(thread: Term) -> Term:
    """While a call attaches or detaches a device its file is bound; what it gives up is a HWPT of that iommufd."""
    file = frame(thread, "attach", "file", FILE)
    here = stands(thread, *ON_DEVICES)
    given = both(stands(thread, *OLD), no(is_none(second_user(thread))))

    def is_hwpt(obj: Term) -> Term:
        return both(type_[obj] == "hwpt", context[obj] == bound_to[file])

    return both(
        implies(here, both(no(is_none(file)), no(is_none(bound[file])))),
        implies(given, is_hwpt(second_user(thread))),
        implies(stands(thread, "detach.put_hwpt"), is_hwpt(first_user(thread))),
    )


@claim(file=FILE)
def a_release_of_a_device_keeps_it_bound(file: Term) -> Term:
    """While the release of a bound device file runs it is bound, and attached to nothing; what it gives up is a HWPT in a table."""
    dev, old = bound[file], given_up(file)
    here = implies(stands(file, *RELEASES), both(no(is_none(dev)), is_none(attached[dev])))
    hwpt = both(type_[old] == "hwpt", is_in_table(old), context[old] == bound_to[file])
    return both(
        here,
        same(no(is_none(old)), stands(file, "release_device.put_hwpt")),
        implies(no(is_none(old)), hwpt),
        implies(busy(file), stands(file, *RELEASES)),
    )


@claim(file=FILE, other=FILE)
def an_object_is_bound_by_one_file(file: Term, other: Term) -> Term:
    """Two files that are bound have two objects."""
    return implies(both(no(is_none(bound[file])), bound[file] == bound[other]), file == other)


@claim(file=FILE)
def a_released_file_is_referred_to_by_nobody(file: Term) -> Term:
    """While the release of a file runs, no fd and no call refers to it."""
    return implies(stands(file, *RELEASES), releasable(file))


@claim(file=FILE)
def a_device_that_goes_is_being_released(file: Term) -> Term:
    """The object of a bound file gives its part of `wait_cnt` back exactly when the release of the file waits."""
    return implies(no(is_none(bound[file])), same(going[bound[file]], stands(file, "release_device.remove")))


@claim(obj=OBJECT)
def only_devices_go(obj: Term) -> Term:
    """Only an object of a device is waited for by its driver."""
    return implies(going[obj], choice_is(type_[obj], "device", "access"))


@claim(obj=OBJECT)
def what_is_in_no_table_is_being_destroyed(obj: Term) -> Term:
    """An object that is there and in no table has somebody who waits to free it."""
    return implies(both(is_there(obj), no(is_in_table(obj))), _is_doomed(obj))


@claim(obj=OBJECT)
def nobody_relies_on_what_is_in_no_table(obj: Term) -> Term:
    """What is in no table has no users, and what is gone is in nobody's hand."""
    counts = hwpts[obj] >= 0, devices[obj] >= 0
    return both(implies(no(is_in_table(obj)), users[obj] == 0), implies(no(is_there(obj)), wait_cnt[obj] == 0), *counts)


@claim(thread=THREAD)
def who_destroys_has_taken_it_out(thread: Term) -> Term:
    """What a thread waits to free is there, in no table, and of its iommufd; a call on a device waits for a HWPT."""
    file = frame(thread, "destroy", "file", FILE)

    def left(by: tuple[str, ...]) -> Term:
        obj = doomed(thread, by)
        return both(no(is_none(obj)), no(is_none(file)), is_there(obj), no(is_in_table(obj)))

    by_id, one, other = stands(thread, "destroy.destroy"), doomed(thread, BY_ONE), doomed(thread, BY_ATTACH)
    return both(
        *(implies(stands(thread, *by), left(by)) for by in (BY_ONE, BY_ATTACH)),
        implies(by_id, context[one] == file),
        implies(stands(thread, "detach.free_hwpt"), both(type_[one] == "hwpt", context[one] == bound_to[file])),
        implies(stands(thread, *BY_ATTACH), both(type_[other] == "hwpt", context[other] == bound_to[file])),
    )


@claim(file=FILE)
def a_release_has_taken_out_what_it_destroys(file: Term) -> Term:
    """What the release of a device file waits to free is a HWPT that is there, in no table, and of its iommufd."""
    obj = doomed_at_release(file)
    left = both(no(is_none(obj)), is_there(obj), no(is_in_table(obj)), type_[obj] == "hwpt")
    return implies(stands(file, "release_device.free_hwpt"), both(left, context[obj] == bound_to[file]))


@claim(thread=THREAD, other=THREAD)
def no_two_threads_destroy_one_object(thread: Term, other: Term) -> Term:
    """Two threads that wait to free one object are the same."""
    pairs = [
        implies(both(stands(thread, *a), stands(other, *b), doomed(thread, a) == doomed(other, b)), thread == other)
        for a in (BY_ONE, BY_ATTACH)
        for b in (BY_ONE, BY_ATTACH)
    ]
    return both(*pairs)


@claim(file=FILE, other=FILE)
def no_two_releases_destroy_one_object(file: Term, other: Term) -> Term:
    """Two releases that wait to free one object are the same."""
    at = "release_device.free_hwpt"
    return implies(
        both(stands(file, at), stands(other, at), doomed_at_release(file) == doomed_at_release(other)), file == other
    )


@claim(file=FILE, thread=THREAD)
def no_release_destroys_what_a_thread_does(file: Term, thread: Term) -> Term:
    """The release of a device file waits to free nothing that a thread waits to free."""
    here = stands(file, "release_device.free_hwpt")
    alike = (both(stands(thread, *by), doomed(thread, by) == doomed_at_release(file)) for by in (BY_ONE, BY_ATTACH))
    return implies(here, no(either(*alike)))


@claim(thread=THREAD)
def a_promised_id_is_unused(thread: Term) -> Term:
    """The id that a call is going to give is not given meanwhile."""
    made = frame(thread, "attach", "made", OBJECT)
    return implies(stands(thread, *NAMES), both(no(is_none(made)), is_none(context[made])))


@claim(thread=THREAD, other=THREAD)
def an_id_is_promised_once(thread: Term, other: Term) -> Term:
    """Two calls are going to give two ids."""
    made, its = frame(thread, "attach", "made", OBJECT), frame(other, "attach", "made", OBJECT)
    return implies(both(stands(thread, *NAMES), stands(other, *NAMES), made == its), thread == other)


@claim(file=FILE, other=FILE)
def a_device_is_bound_once(file: Term, other: Term) -> Term:
    """Two bound files are of two devices."""
    bound_ = both(no(is_none(bound[file])), no(is_none(bound[other])))
    return implies(both(bound_, file_device[file] == file_device[other]), file == other)


@claim(obj=OBJECT)
def a_hwpt_of_an_ioas_has_a_device(obj: Term) -> Term:
    """A HWPT that was made for an IO address space has a device, or somebody is giving it up."""
    relied = both(auto[obj], is_in_table(obj))
    return implies(relied, some(OBJECT, lambda o: attached[o] == obj))


@claim()
def nothing_went_wrong() -> Term:
    """The kernel runs."""
    return harm.now == "none"


def _is_in_use(file: Term) -> Term:
    """Somebody has an fd for the file, some call refers to it, or its release is due."""
    return either(some(PROCESS, lambda p: fd[p, file]), in_flight(file), busy(file), releasable(file))


@lemma(an_object_is_of_an_iommufd, serves=("OBJ-3",))
@claim(file=FILE)
def an_open_file_is_in_use(file: Term) -> Term:
    """Somebody refers to an open file, or its release is due, or a bound device file keeps it."""
    return implies(no(kind[file] == "closed"), either(_is_in_use(file), gets[file] > 0))


CLAIMS = (
    an_object_is_of_an_iommufd,
    a_table_has_only_what_is_there,
    an_ioas_counts_its_hwpts,
    an_object_counts_what_is_attached,
    what_is_pointed_at_counts_it,
    users_count_all_that_relies_on_the_object,
    wait_cnt_counts_the_table_and_calls,
    a_device_has_one_file,
    an_iommufd_counts_its_devices,
    what_a_device_is_bound_to_is_kept_open,
    a_bound_file_has_an_object,
    a_hwpt_has_an_ioas,
    a_device_is_attached_to_what_it_needs,
    an_attached_device_and_its_target_are_in_a_table,
    a_call_has_objects_in_hand_where_it_stands,
    a_call_works_on_its_iommufd,
    a_call_relies_on_what_is_in_a_table,
    a_call_on_a_device_keeps_it_bound,
    a_release_of_a_device_keeps_it_bound,
    an_object_is_bound_by_one_file,
    a_released_file_is_referred_to_by_nobody,
    a_device_that_goes_is_being_released,
    only_devices_go,
    what_is_in_no_table_is_being_destroyed,
    nobody_relies_on_what_is_in_no_table,
    who_destroys_has_taken_it_out,
    a_release_has_taken_out_what_it_destroys,
    no_two_threads_destroy_one_object,
    no_two_releases_destroy_one_object,
    no_release_destroys_what_a_thread_does,
    a_promised_id_is_unused,
    an_id_is_promised_once,
    a_device_is_bound_once,
    a_hwpt_of_an_ioas_has_a_device,
    nothing_went_wrong,
)
