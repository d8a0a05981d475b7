"""What holds external users together: helper invariants on top of those of the containers."""

from tenure.models.add_del import added_first, passed
from tenure.models.container_claims import ASKS, OPENS
from tenure.models.containers import counts, linked, table
from tenure.models.external_users import seen_container, seen_group, seen_table
from tenure.models.files import file_group, kept, kind, owner
from tenure.models.groups import container, counted, placed, reference, users
from tenure.models.harm import STOPPED
from tenure.vocabulary.objects import CONTAINER, FILE, GROUP, TABLE, THREAD, USER
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, busy, either, frame, implies, is_none, no, number_of, stands, when

GET = "get_external_user"
FROM_DEV = "get_external_user_from_dev"
TELL = "iommu_id_from_file"


def _present(user: Term) -> Term:
    """Group, container and table are as the user saw them."""
    group, into = seen_group[user], seen_container[user]
    return both(
        no(is_none(into)),
        container[group] == into,
        linked[into, group],
        no(is_none(seen_table[user])),
        table[into] == seen_table[user],
    )


@claim(user=USER)
def what_a_user_saw_is_all_or_nothing(user: Term) -> Term:
    """A user that saw no group saw no container and no table either."""
    return implies(is_none(seen_group[user]), both(is_none(seen_container[user]), is_none(seen_table[user])))


@claim(user=USER)
def what_a_user_saw_is_still_so(user: Term) -> Term:
    """A user that saw a group counts for it, and the group is where it was."""
    return implies(no(is_none(seen_group[user])), both(counted[user] == seen_group[user], _present(user)))


@claim(user=USER)
def a_user_that_counts_saw_its_group_or_is_about_to(user: Term) -> Term:
    """Between counting and validating lies one step of get."""
    waiting = either(stands(user, f"{GET}.validate"), STOPPED)
    return implies(no(is_none(counted[user])), either(no(is_none(seen_group[user])), waiting))


@claim(user=USER)
def a_user_that_counts_has_its_reference_or_is_about_to(user: Term) -> Term:
    """A user counts for the group to which it holds a reference; between the two lie the steps of get."""
    waiting = either(stands(user, f"{GET}.validate", f"{GET}.reference"), STOPPED)
    held = implies(no(is_none(reference[user])), counted[user] == reference[user])
    return both(held, implies(no(is_none(counted[user])), either(reference[user] == counted[user], waiting)))


@claim(user=USER)
def get_works_on_the_group_that_it_counted(user: Term) -> Term:
    """In the middle of get the file that it was given still stands for the group that it counted."""
    file = frame(user, GET, "file", FILE)
    inside = stands(user, f"{GET}.validate", f"{GET}.reference")
    stands_for = both(no(is_none(file)), kind[file] == "group", file_group[file] == counted[user])
    working = both(stands_for, no(is_none(counted[user])), is_none(reference[user]))
    return both(implies(inside, working), implies(no(is_none(file)), inside))


@claim(user=USER)
def get_sees_a_group_only_when_it_validates(user: Term) -> Term:
    """Before it validates, get has seen nothing; after it, it has."""
    early, late = stands(user, f"{GET}.validate"), stands(user, f"{GET}.reference")
    return both(implies(early, is_none(seen_group[user])), implies(late, no(is_none(seen_group[user]))))


@claim(user=USER)
def a_user_keeps_the_file_that_it_passes(user: Term) -> Term:
    """The struct file that a user passes is one to which it keeps a reference."""
    return implies(no(is_none(passed[user])), kept[user, passed[user]])


@claim(user=USER, file=FILE)
def a_user_passes_the_file_that_it_keeps(user: Term, file: Term) -> Term:
    """A user keeps no reference to any other file."""
    return implies(kept[user, file], passed[user] == file)


@claim(user=USER)
def a_user_counts_for_the_group_of_its_file(user: Term) -> Term:
    """What a user counts for and what it saw is the group behind the file that it passes."""
    file = passed[user]
    stands_for = both(no(is_none(file)), kind[file] == "group")
    return both(
        implies(no(is_none(counted[user])), both(stands_for, file_group[file] == counted[user])),
        implies(no(is_none(seen_group[user])), both(stands_for, file_group[file] == seen_group[user])),
    )


@claim(user=USER)
def the_id_is_told_of_the_group_of_the_file(user: Term) -> Term:
    """While a user asks for the IOMMU id, the group that was looked up is the one behind the file that it passes."""
    pointers = {"*group": GROUP, "*container": CONTAINER, "*table": TABLE}
    group, into, found = (frame(user, TELL, name, sort) for name, sort in pointers.items())
    looked, saw = stands(user, f"{TELL}.check_iommu", f"{TELL}.check_viable"), stands(user, f"{TELL}.check_viable")
    file = passed[user]
    behind = both(no(is_none(file)), kind[file] == "group", no(is_none(group)), file_group[file] == group)
    return either(both(implies(looked, behind), implies(saw, both(no(is_none(into)), no(is_none(found))))), STOPPED)


@claim(user=USER)
def a_user_counts_for_the_group_that_its_file_had(user: Term) -> Term:
    """A user counts for the group behind the file that it passes, as long as that file is open."""
    file = passed[user]
    behind = both(kind[file] == "group", file_group[file] == counted[user])
    return implies(no(is_none(counted[user])), both(no(is_none(file)), either(kind[file] == "closed", behind)))


@claim(user=USER, thread=THREAD)
def no_user_passes_a_file_that_is_being_made(user: Term, thread: Term) -> Term:
    """A file has no fd before it is made, so that nobody was given it."""
    group_file, device_file = frame(thread, "open_group", "file", FILE), frame(thread, "get_device_fd", "made", FILE)
    return both(
        implies(stands(thread, *OPENS), no(passed[user] == group_file)),
        implies(stands(thread, *ASKS), no(passed[user] == device_file)),
    )


@claim(user=USER)
def a_user_that_added_first_sees_what_stays(user: Term) -> Term:
    """A user that counted before it validated counts still, and the group is where it was."""
    return implies(
        added_first[user], both(no(is_none(counted[user])), counted[user] == seen_group[user], _present(user))
    )


@claim(user=USER)
def a_user_counts_for_what_it_validated(user: Term) -> Term:
    """A user that counts does so for the group that it was shown."""
    return implies(no(is_none(counted[user])), counted[user] == seen_group[user])


@claim(user=USER)
def a_user_that_passes_a_file_counts_or_is_about_to(user: Term) -> Term:
    """A user that keeps a file counts, but in the middle of a call."""
    return implies(no(is_none(passed[user])), either(no(is_none(counted[user])), busy(user), STOPPED))


@claim(user=USER)
def a_release_works_on_the_file_that_its_user_passes(user: Term) -> Term:
    """The file that a release was given is the one that its user passes, until it drops it; by then it relies on nothing."""
    file, inside = frame(user, "release", "file", FILE), stands(user, "release.detach", "release.put")
    by_kernel = stands(user, "release_user.detach", "release_user.put")
    forgot = both(is_none(counted[user]), is_none(seen_group[user]))
    return both(
        implies(inside, both(no(is_none(file)), passed[user] == file)),
        implies(no(is_none(file)), inside),
        implies(either(inside, by_kernel), forgot),
    )


@claim(user=USER)
def who_is_about_to_count_has_validated_its_file(user: Term) -> Term:
    """Between check and count a user passes the file that it was given, and has seen the group behind it."""
    file, inside = frame(user, "validate_and_use", "file", FILE), stands(user, "validate_and_use.count")
    seen = both(passed[user] == file, no(is_none(seen_group[user])), is_none(counted[user]))
    return both(implies(inside, both(no(is_none(file)), seen)), implies(no(is_none(file)), inside))


@claim(group=GROUP)
def users_are_never_more_than_those_entitled(group: Term) -> Term:
    """Where uses are stolen, `container_users` is below what its users are entitled to, and never above."""
    files = number_of(FILE, lambda f: counts[f] == group)
    outside = number_of(USER, lambda u: counted[u] == group)
    return both(users[group] >= 0, users[group] <= when(placed[group], 1, 0) + files + outside)


@claim(user=USER)
def who_has_no_reference_counts_nowhere(user: Term) -> Term:
    """While the kernel runs, a user in no call that has no reference to a group counts in none: else nobody could give it back."""
    return either(STOPPED, busy(user), no(is_none(reference[user])), is_none(counted[user]))


@claim(user=USER)
def get_from_a_device_counts_once_it_has_a_group(user: Term) -> Term:
    """Before it counts it counts nowhere, and from its look-up on it has a group."""
    early, late = (
        stands(user, f"{FROM_DEV}.count"),
        stands(user, *(f"{FROM_DEV}.{s}" for s in ("validate", "reference"))),
    )
    free = both(is_none(counted[user]), is_none(reference[user]))
    found = no(is_none(frame(user, FROM_DEV, "group", GROUP)))
    return both(implies(early, both(free, found)), implies(late, found))


@claim(user=USER)
def who_passes_no_file_counts_nowhere(user: Term) -> Term:
    """A user that has dropped its file has given its use back before."""
    return implies(is_none(passed[user]), is_none(counted[user]))


@claim(user=USER)
def who_gave_its_use_back_counts_no_more(user: Term) -> Term:
    """A put that has given the use of the group back forgets it in the same step, whatever it still does."""
    after = (f"{c}.{s}" for c in ("put_external_user", "release_user") for s in ("detach", "put", "end"))
    return implies(stands(user, *after), is_none(counted[user]))


@claim(user=USER)
def who_gave_its_reference_back_has_none(user: Term) -> Term:
    """In the order of 3.11 a put has no reference any more when it gives the use back."""
    after = (f"release_user.{s}" for s in ("dissolve", "detach", "end"))
    return implies(stands(user, *after), both(is_none(reference[user]), is_none(owner[user])))


GET_PUT: tuple[Claim, ...] = (
    what_a_user_saw_is_all_or_nothing,
    what_a_user_saw_is_still_so,
    a_user_that_counts_saw_its_group_or_is_about_to,
    a_user_that_counts_has_its_reference_or_is_about_to,
    get_works_on_the_group_that_it_counted,
    get_sees_a_group_only_when_it_validates,
    get_from_a_device_counts_once_it_has_a_group,
    who_has_no_reference_counts_nowhere,
    who_gave_its_use_back_counts_no_more,
)

ADD_DEL: tuple[Claim, ...] = (
    what_a_user_saw_is_all_or_nothing,
    a_user_keeps_the_file_that_it_passes,
    a_user_passes_the_file_that_it_keeps,
    a_user_counts_for_the_group_of_its_file,
    a_user_counts_for_the_group_that_its_file_had,
    a_user_that_added_first_sees_what_stays,
    the_id_is_told_of_the_group_of_the_file,
    no_user_passes_a_file_that_is_being_made,
    users_are_never_more_than_those_entitled,
    who_passes_no_file_counts_nowhere,
    who_gave_its_use_back_counts_no_more,
)

VALIDATE: tuple[Claim, ...] = (
    what_a_user_saw_is_all_or_nothing,
    what_a_user_saw_is_still_so,
    a_user_counts_for_what_it_validated,
    a_user_keeps_the_file_that_it_passes,
    a_user_passes_the_file_that_it_keeps,
    a_user_counts_for_the_group_of_its_file,
    a_user_that_passes_a_file_counts_or_is_about_to,
    who_is_about_to_count_has_validated_its_file,
    a_release_works_on_the_file_that_its_user_passes,
    users_are_never_more_than_those_entitled,
    who_passes_no_file_counts_nowhere,
    who_gave_its_use_back_counts_no_more,
)
