"""The headline theorems, over one abstract view that all systems share, so that designs can be compared."""

from tenure.properties.external import relies
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import CONTAINER, FILE, GROUP, PROCESS, USER
from tenure.vocabulary.properties import always, answered, argument, called, each_step, ended, refused
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


@always("ISO", "group, container and IOMMU table", group=GROUP)
def a_device_reaches_only_the_table_of_its_present_owner(group: Term) -> Term:
    """Devices translate through no table but that of their group's container, or of the iommufd that owns the group; the host maps nothing there."""
    reached = seen.table_reached[group]
    owner = seen.container_of[group]
    of_container = both(no(is_none(owner)), seen.container_table[owner] == reached)
    of_owner = either(of_container, seen.owner_has_table[group, reached])
    return implies(no(is_none(reached)), both(of_owner, no(seen.group_used_by_host[group])))


@always("USE", "KVM maps and unmaps in the table by itself", user=USER)
def no_external_user_uses_a_table_whose_group_has_left(user: Term) -> Term:
    """The table into which an external user maps is the one of the container in which its group is."""
    used = seen.user_table[user]
    return implies(
        both(relies(user), no(is_none(used))), seen.container_table[seen.container_of[seen.user_group[user]]] == used
    )


@each_step("STABLE", "what validation showed: file, group, IOMMU", user=USER)
def what_was_validated_does_not_change_while_held(user: Term) -> Term:
    """While a user relies on a group, no step changes the group's container, that container's table or the attachment."""
    group, container = seen.user_group[user], seen.user_container[user]
    facts = (seen.container_of[group], seen.container_table[container], seen.table_reached[group])
    return implies(both(relies(user), before(relies(user))), both(*(before(f) == f for f in facts)))


@always("FREE", "release at the last reference")
def when_everything_is_closed_nothing_is_alive() -> Term:
    """With no fd, no external user, no release pending and no call in flight, no container and no use of a group is left."""
    closed = both(
        every(FILE, lambda f: both(every(PROCESS, lambda p: no(seen.has_fd[p, f])), no(seen.release_pending[f]))),
        every(USER, lambda u: seen.user_idle[u]),
        every(GROUP, lambda g: seen.group_at_rest[g]),
    )
    gone = both(
        every(CONTAINER, lambda c: seen.container_references[c] == 0),
        every(GROUP, lambda g: both(seen.container_users[g] == 0, is_none(seen.container_of[g]))),
        every(GROUP, lambda g: is_none(seen.table_reached[g])),
        every(CONTAINER, lambda c: is_none(seen.container_table[c])),
    )
    return implies(closed, gone)


@each_step("PROMPT", "vfio_group_unset_container EBUSY", file=FILE)
def no_leave_is_refused_because_of_an_external_user(file: Term) -> Term:
    """Where external users rely on a group, UNSET_CONTAINER is refused with EBUSY only if a device file of it is open."""
    leave = both(called("unset_container"), refused("EBUSY"), argument("file", FILE) == file)
    group = seen.file_group[file]
    relied_on = some(
        USER,
        lambda u: both(no(is_none(group)), either(seen.user_counts[u] == group, seen.user_registered[u] == group)),
    )
    open_device = some(FILE, lambda f: both(no(is_none(group)), seen.file_counts[f] == group))
    return implies(both(leave, relied_on), open_device)


@always("PROMPT-2", "refcount model of B. Herrenschmidt's mail: release never called", group=GROUP)
def no_external_user_keeps_a_group_that_all_have_closed(group: Term) -> Term:
    """A group on which an external user relies in a container has a file with an fd, or a release is due or something under way."""

    def is_open(file: Term) -> Term:
        return either(some(PROCESS, lambda p: seen.has_fd[p, file]), seen.release_pending[file])

    relied_on = some(USER, lambda u: either(seen.user_counts[u] == group, seen.user_registered[u] == group))
    owned = some(FILE, lambda f: both(seen.file_group[f] == group, is_open(f)))
    kept = both(relied_on, no(is_none(seen.container_of[group])))
    return implies(kept, either(owned, no(seen.group_at_rest[group])))


@each_step("KEEP", "B. Herrenschmidt's two models: a release that is waited for, or a callback that is not", user=USER)
def no_leave_takes_from_an_external_user_what_it_relies_on(user: Term) -> Term:
    """No UNSET_CONTAINER, and no release of a group's or a device's file, ends the relation on which an external user relies."""
    leave = either(called("unset_container"), called("release_group"), called("release_device"))
    return implies(both(leave, before(relies(user))), relies(user))


@each_step(
    "KEEP-2",
    "B. Herrenschmidt's refcount model: a release that needs what may be gone; vfio_external_group_match_file, 4.12",
    user=USER,
)
def no_external_user_that_lets_go_is_refused(user: Term) -> Term:
    """No put, del, release or unregister of an external user ends with an errno while the user relies on its group."""
    names = ("put_external_user", "del_external_user", "release", "unregister", "release_user")
    lets_go = both(either(*(called(name) for name in names)), argument("user", USER) == user)
    return implies(both(lets_go, before(relies(user))), either(no(ended()), answered()))


PROPERTIES = (
    a_device_reaches_only_the_table_of_its_present_owner,
    no_external_user_uses_a_table_whose_group_has_left,
    what_was_validated_does_not_change_while_held,
    when_everything_is_closed_nothing_is_alive,
    no_leave_is_refused_because_of_an_external_user,
    no_external_user_keeps_a_group_that_all_have_closed,
    no_leave_takes_from_an_external_user_what_it_relies_on,
    no_external_user_that_lets_go_is_refused,
)
