"""What holds the notification model together: a break stands between the last use and the detach, and nobody is inside."""

from tenure.models import closing_claims, container_claims, notify
from tenure.models.containers import counts, linked, table
from tenure.models.external_claims import what_a_user_saw_is_all_or_nothing
from tenure.models.external_users import listens, seen_container, seen_group, seen_table
from tenure.models.files import fd, file_container, file_group, kept, kind, releasable
from tenure.models.groups import attached, container, placed, users
from tenure.models.harm import STOPPED
from tenure.models.notify import called_back, inside, ticket
from tenure.vocabulary.objects import FILE, GROUP, PROCESS, TABLE, THREAD, USER
from tenure.vocabulary.systems import Claim, claim, lemma
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
    some,
    stands,
    when,
)

CALLED = ("look", "drain", notify.NESTED, "return")
BREAK = ("call_back", *CALLED, "detach")
"""The steps between the decision to leave and the detach."""

EARLIER = tuple(f"{s}{notify.EARLY}" for s in ("call_back", *CALLED))
LATER = tuple(f"{s}{notify.LATE}" for s in CALLED)
RELEASES = ("release_device", "release_group")


def _thread_at(thread: Term, *steps: str) -> Term:
    return stands(thread, *(f"unset_container.{s}" for s in steps))


def _file_at(file: Term, *steps: str) -> Term:
    return stands(file, *(f"{r}.{s}" for r in RELEASES for s in steps))


def _leaves(thread: Term) -> Term:
    """The group that the thread takes out of its container."""
    return file_group[frame(thread, "unset_container", "file", FILE)]


def _is_told_of_its_close(file: Term) -> Term:
    """The release of a group's file runs the callbacks, and has given up nothing."""
    return stands(file, *(f"release_group.{s}" for s in (*EARLIER, "dissolve")))


def _gives_up_its_group(file: Term) -> Term:
    """The release of a group's file is past the end of SET_CONTAINER's use."""
    return stands(file, *(f"release_group.{s}" for s in (*BREAK, *LATER, "put")))


def _is_leaving(group: Term) -> Term:
    """Nobody uses the group any more, and it is not out of its container."""
    return both(no(is_none(group)), users[group] == 0, no(is_none(container[group])))


def _listener_of(user: Term, group: Term) -> Term:
    return both(no(is_none(listens[user])), listens[user] == group)


@claim(thread=THREAD)
def who_unsets_has_given_up_the_use(thread: Term) -> Term:
    """Past its check, UNSET_CONTAINER works on a group file; until it has detached, nobody uses the group, which is still contained."""
    file = frame(thread, "unset_container", "file", FILE)
    past = _thread_at(thread, *BREAK, *LATER)
    return both(
        implies(past, both(no(is_none(file)), kind[file] == "group")),
        implies(_thread_at(thread, *BREAK), _is_leaving(_leaves(thread))),
        implies(no(is_none(file)), past),
    )


@claim(file=FILE)
def a_release_that_breaks_has_given_up_the_use(file: Term) -> Term:
    """A release past the last use works on a file of its kind; until it has detached, the group is still contained."""
    device = stands(file, *(f"release_device.{s}" for s in (*BREAK, *LATER, "put")))
    return both(
        implies(device, kind[file] == "device"),
        implies(either(_is_told_of_its_close(file), _gives_up_its_group(file)), kind[file] == "group"),
        implies(_file_at(file, *BREAK), _is_leaving(file_group[file])),
    )


@claim(thread=THREAD, other=THREAD)
def two_threads_break_two_groups(thread: Term, other: Term) -> Term:
    """Two threads past the check of UNSET_CONTAINER are about different groups."""
    past = both(_thread_at(thread, *BREAK), _thread_at(other, *BREAK), _leaves(thread) == _leaves(other))
    return implies(past, thread == other)


@claim(thread=THREAD, file=FILE)
def a_thread_and_a_release_break_two_groups(thread: Term, file: Term) -> Term:
    """No thread is past the check of UNSET_CONTAINER on a group that a release is about to detach."""
    return no(both(_thread_at(thread, *BREAK), _file_at(file, *BREAK), _leaves(thread) == file_group[file]))


@claim(file=FILE, other=FILE)
def two_releases_break_two_groups(file: Term, other: Term) -> Term:
    """Two releases that are about to detach are about different groups."""
    past = both(_file_at(file, *BREAK), _file_at(other, *BREAK), file_group[file] == file_group[other])
    return implies(past, file == other)


@claim(group=GROUP)
def a_used_group_is_contained(group: Term) -> Term:
    """A group that somebody uses points to a container, and nobody's use is counted below zero."""
    return both(users[group] >= 0, implies(no(users[group] == 0), no(is_none(container[group]))))


@claim(file=FILE)
def a_file_in_release_is_open_still(file: Term) -> Term:
    """A file is in no release once it is closed, and the group of a group file in release is placed no more."""
    return both(
        implies(busy(file), no(kind[file] == "closed")),
        implies(_gives_up_its_group(file), no(placed[file_group[file]])),
    )


@claim(group=GROUP)
def an_unused_group_is_contained_only_while_it_is_broken(group: Term) -> Term:
    """A group without users is contained only between the decision and the detach."""
    thread = some(THREAD, lambda t: both(_thread_at(t, *BREAK), _leaves(t) == group))
    file = some(FILE, lambda f: both(_file_at(f, *BREAK), file_group[f] == group))
    return implies(_is_leaving(group), either(thread, file))


@claim(group=GROUP)
def a_leaving_group_is_not_at_rest(group: Term) -> Term:
    """A group without users is contained only while UNSET_CONTAINER, or a release, works on a file of it."""
    works = some(FILE, lambda f: both(file_group[f] == group, either(in_flight(f), _file_at(f, *BREAK))))
    return implies(_is_leaving(group), works)


@claim(group=GROUP)
def an_attached_group_is_contained(group: Term) -> Term:
    """A group outside every container is attached to no table."""
    return implies(no(is_none(attached[group])), no(is_none(container[group])))


@claim(file=FILE)
def who_has_a_container_is_a_container_file(file: Term) -> Term:
    """Only container files stand for a container."""
    return implies(no(is_none(file_container[file])), kind[file] == "container")


@claim(thread=THREAD)
def a_leave_keeps_a_group_file(thread: Term) -> Term:
    """The file that a thread in UNSET_CONTAINER works on is a group file."""
    file = frame(thread, "unset_container", "file", FILE)
    return implies(no(is_none(file)), kind[file] == "group")


@claim(file=FILE)
def a_group_file_is_the_base_of_a_used_group(file: Term) -> Term:
    """While a group that is used has a file whose release has not given it up, SET_CONTAINER's use is there."""
    held = both(kind[file] == "group", no(_gives_up_its_group(file)))
    return implies(both(held, users[file_group[file]] > 0), placed[file_group[file]])


@claim(file=FILE)
def device_files_count_until_their_release(file: Term) -> Term:
    """A device file counts in its own group until its release begins, other files in none."""
    return counts[file] == when(both(kind[file] == "device", no(busy(file))), file_group[file], counts.nothing)


@lemma(
    container_claims.users_count_those_entitled,
    container_claims.an_opened_group_knows_its_file,
    container_claims.a_placed_group_is_open,
    container_claims.a_file_stands_for_what_its_kind_says,
    device_files_count_until_their_release,
    a_leaving_group_is_not_at_rest,
    a_used_group_is_contained,
    a_file_in_release_is_open_still,
    serves=("FREE",),
)
@claim(group=GROUP)
def a_contained_group_has_a_file(group: Term) -> Term:
    """A group that is in a container, used or on its way out, has an open file."""
    file = some(FILE, lambda f: both(no(kind[f] == "closed"), file_group[f] == group))
    return implies(no(is_none(container[group])), file)


@claim(user=USER)
def a_register_keeps_a_group_file(user: Term) -> Term:
    """Between its check and the list, a register has found that its file is a group's."""
    file, within = frame(user, "register", "file", FILE), stands(user, "register.list")
    return both(implies(no(is_none(file)), both(within, kind[file] == "group")), implies(within, no(is_none(file))))


@claim(user=USER, file=FILE)
def no_user_keeps_a_file(user: Term, file: Term) -> Term:
    """Who is told of a leave needs no file."""
    return no(kept[user, file])


@lemma(
    a_contained_group_has_a_file,
    no_user_keeps_a_file,
    serves=("PROMPT-2",),
)
@claim(group=GROUP)
def a_contained_group_has_a_file_that_somebody_uses(group: Term) -> Term:
    """A file of a group that is in a container has an fd, or a call or a release works on it, or its release is due."""

    def is_used(file: Term) -> Term:
        by_fd = some(PROCESS, lambda p: fd[p, file])
        return either(by_fd, in_flight(file), busy(file), releasable(file))

    return implies(no(is_none(container[group])), some(FILE, lambda f: both(file_group[f] == group, is_used(f))))


@lemma(a_leave_keeps_a_group_file, a_register_keeps_a_group_file, serves=("FREE",))
@claim(file=FILE)
def no_call_lasts_on_a_containers_file(file: Term) -> Term:
    """The calls that other calls may interrupt work on files of groups."""
    return implies(kind[file] == "container", no(in_flight(file)))


@claim(user=USER)
def a_registered_user_saw_what_is_still_so(user: Term) -> Term:
    """A user is registered with the group that it saw, and the group is where it was."""
    group, into = seen_group[user], seen_container[user]
    present = both(
        no(is_none(into)),
        container[group] == into,
        linked[into, group],
        no(is_none(seen_table[user])),
        table[into] == seen_table[user],
    )
    return both(listens[user] == group, implies(no(is_none(group)), both(ticket[user], present)))


@claim(user=USER)
def who_is_inside_is_registered(user: Term) -> Term:
    """A handler that has entered and not touched is inside the table that its user saw, and the user is registered."""
    within = stands(user, "use.touch")
    table_ = frame(user, "use", "*table", TABLE)
    return both(
        implies(inside[user], within),
        implies(within, both(inside[user], no(is_none(listens[user])), table_ == seen_table[user])),
    )


@claim(user=USER)
def a_callback_runs_for_a_registered_user(user: Term) -> Term:
    """A callback runs for a user of a group that is leaving."""
    return implies(called_back[user], both(no(is_none(listens[user])), _is_leaving(listens[user])))


@claim(thread=THREAD, user=USER)
def unset_calls_back_before_it_detaches(thread: Term, user: Term) -> Term:
    """UNSET_CONTAINER has every user called back, then nobody inside, then no user."""
    mine = _listener_of(user, _leaves(thread))
    return both(
        implies(both(_thread_at(thread, *CALLED), mine), called_back[user]),
        implies(both(_thread_at(thread, "return"), mine), no(inside[user])),
        implies(_thread_at(thread, "detach"), no(mine)),
        implies(both(_thread_at(thread, "call_back"), mine), no(called_back[user])),
    )


@claim(file=FILE, user=USER)
def a_release_calls_back_before_it_detaches(file: Term, user: Term) -> Term:
    """A release that breaks has every user called back, then nobody inside, then no user."""
    mine = _listener_of(user, file_group[file])
    return both(
        implies(both(_file_at(file, *CALLED), mine), called_back[user]),
        implies(both(_file_at(file, "return"), mine), no(inside[user])),
        implies(_file_at(file, "detach"), no(mine)),
        implies(both(_file_at(file, "call_back"), mine), no(called_back[user])),
    )


@claim(user=USER)
def an_unregister_that_waited_finds_the_end(user: Term) -> Term:
    """Who waits for a callback is no longer registered once it has returned."""
    waits = stands(user, "unregister.wait", "release_user.wait")
    return implies(both(waits, no(called_back[user])), is_none(listens[user]))


@claim(thread=THREAD)
def no_leave_sleeps_where_calls_are_whole(thread: Term) -> Term:
    """No UNSET_CONTAINER sleeps for a handler. False where calls are made in steps."""
    return no(_thread_at(thread, "drain", f"drain{notify.LATE}"))


@claim(file=FILE)
def no_release_sleeps_where_calls_are_whole(file: Term) -> Term:
    """No release sleeps for a handler. False where calls are made in steps."""
    return no(_file_at(file, "drain", f"drain{notify.EARLY}", f"drain{notify.LATE}"))


@claim(user=USER)
def no_callback_lasts_where_calls_are_whole(user: Term) -> Term:
    """While the kernel runs, no handler stays inside, no callback lasts, no unregister waits. False where calls are made in steps."""
    waits = stands(user, "unregister.wait", "release_user.wait")
    return either(STOPPED, both(no(waits), no(inside[user]), no(called_back[user])))


@claim(user=USER)
def who_is_inside_is_about_to_touch(user: Term) -> Term:
    """While the kernel runs, a handler that is inside has its touch before it, whatever became of the table."""
    return either(STOPPED, no(inside[user]), stands(user, "use.touch"))


@claim(user=USER)
def who_is_registered_has_its_ticket(user: Term) -> Term:
    """A callback runs for a user that is registered, and who is has not unregistered: it does not register again meanwhile."""
    registered, registers = no(is_none(listens[user])), stands(user, "register.list")
    known = both(implies(registered, ticket[user]), implies(called_back[user], registered))
    return both(known, implies(registers, no(ticket[user])))


def a_callback_is_ended_by_whoever_began_it(*steps: str) -> Claim:
    """The claim that whoever had a user called back stands before one of these steps, or one of those that wait and end callbacks."""
    waits = tuple(f"{s}{m}" for m in ("", notify.EARLY, notify.LATE) for s in CALLED)

    @claim(user=USER)
    def a_callback_that_runs_has_somebody_who_ends_it(user: Term) -> Term:
        """While the kernel runs, a call on a file of the group for which a callback runs has yet to end it."""
        group = listens[user]
        leaves = some(THREAD, lambda t: both(_thread_at(t, *waits, *steps), _leaves(t) == group))
        releases = some(FILE, lambda f: both(_file_at(f, *waits, *steps), file_group[f] == group))
        return either(STOPPED, no(called_back[user]), leaves, releases)

    return a_callback_that_runs_has_somebody_who_ends_it


@claim(thread=THREAD, user=USER)
def unset_returns_from_no_callback(thread: Term, user: Term) -> Term:
    """Where callbacks wait for themselves, UNSET_CONTAINER comes past them only where no user is registered."""
    return implies(_thread_at(thread, "return"), no(_listener_of(user, _leaves(thread))))


@claim(file=FILE, user=USER)
def a_release_returns_from_no_callback(file: Term, user: Term) -> Term:
    """Where callbacks wait for themselves, a release comes past them only where no user is registered."""
    return implies(_file_at(file, "return"), no(_listener_of(user, file_group[file])))


@claim(user=USER)
def no_registration_is_ended_by_a_callback(user: Term) -> Term:
    """Where callbacks wait for themselves, who has registered and not unregistered is registered, while the kernel runs."""
    return either(STOPPED, no(ticket[user]), no(is_none(listens[user])))


@claim(user=USER)
def who_waits_for_a_callback_waits_for_ever(user: Term) -> Term:
    """Where callbacks wait for themselves, who waits in unregister for a callback does so while it runs."""
    return implies(stands(user, "unregister.wait", "release_user.wait"), called_back[user])


@claim(user=USER)
def no_handler_stays_inside_where_calls_are_whole(user: Term) -> Term:
    """While the kernel runs, no handler stays inside. False where calls are made in steps."""
    return either(STOPPED, no(inside[user]))


COMING_BACK = (
    unset_returns_from_no_callback,
    a_release_returns_from_no_callback,
    no_registration_is_ended_by_a_callback,
    who_waits_for_a_callback_waits_for_ever,
    no_handler_stays_inside_where_calls_are_whole,
)
"""What is true only where each callback waits for itself; there, callbacks last where calls are whole, too."""

REPLACED = frozenset(
    {
        "used_means_contained",
        "a_group_file_is_the_base_of_a_contained_group",
        "exactly_device_files_count",
        "a_file_in_release_is_of_its_kind",
        "an_ioctl_on_a_group_keeps_its_file",
    }
)
"""Claims of the containers that are false while a break lasts; those below say what is true then."""


def of_containers(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The claims of the containers that hold here too."""
    return tuple(c for c in claims if c.name not in REPLACED)


CLAIMS: tuple[Claim, ...] = (
    who_unsets_has_given_up_the_use,
    a_leave_keeps_a_group_file,
    a_register_keeps_a_group_file,
    a_release_that_breaks_has_given_up_the_use,
    two_threads_break_two_groups,
    a_thread_and_a_release_break_two_groups,
    two_releases_break_two_groups,
    a_used_group_is_contained,
    a_file_in_release_is_open_still,
    an_unused_group_is_contained_only_while_it_is_broken,
    a_leaving_group_is_not_at_rest,
    an_attached_group_is_contained,
    who_has_a_container_is_a_container_file,
    a_group_file_is_the_base_of_a_used_group,
    device_files_count_until_their_release,
    what_a_user_saw_is_all_or_nothing,
    a_registered_user_saw_what_is_still_so,
    who_is_inside_is_registered,
    a_callback_runs_for_a_registered_user,
    unset_calls_back_before_it_detaches,
    a_release_calls_back_before_it_detaches,
    an_unregister_that_waited_finds_the_end,
    who_is_inside_is_about_to_touch,
    who_is_registered_has_its_ticket,
    no_leave_sleeps_where_calls_are_whole,
    no_release_sleeps_where_calls_are_whole,
    no_callback_lasts_where_calls_are_whole,
    a_contained_group_has_a_file,
    no_user_keeps_a_file,
    a_contained_group_has_a_file_that_somebody_uses,
    no_call_lasts_on_a_containers_file,
    lemma(
        a_used_group_is_contained,
        an_attached_group_is_contained,
        who_has_a_container_is_a_container_file,
        container_claims.references_count_file_and_groups,
        container_claims.a_table_needs_a_group,
        serves=("FREE",),
    )(closing_claims.without_groups_and_files_no_container_is_alive),
)
