"""EXT: external users, who rely on a group from outside VFIO."""

from tenure.properties.containers import uses_of
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import CONTAINER, GROUP, USER
from tenure.vocabulary.properties import always, at_rest
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no


def relies(user: Term) -> Term:
    """The user counts for the group that it had validated, or is registered with it: the relation is in force."""
    counts, registered, group = seen.user_counts[user], seen.user_registered[user], seen.user_group[user]
    return either(both(no(is_none(counts)), counts == group), both(no(is_none(registered)), registered == group))


def as_validated(user: Term) -> Term:
    """Container, IOMMU driver and attachment of the user's group are those that it was shown."""
    group, container, used = seen.user_group[user], seen.user_container[user], seen.user_table[user]
    return both(
        no(is_none(container)),
        seen.container_of[group] == container,
        seen.container_lists[container, group],
        no(is_none(seen.container_table[container])),
        either(is_none(used), seen.container_table[container] == used),  # none: no table is linked for an entry yet
    )


@always("EXT-1", "vfio_group_get_external_user, vfio_group_unset_container EBUSY", user=USER)
def a_held_reference_keeps_container_driver_and_attachment(user: Term) -> Term:
    """Between a successful get and the matching put, the group stays in its container with its IOMMU driver."""
    return implies(relies(user), as_validated(user))


@always("EXT-2", "vfio_group_try_dissolve_container", group=GROUP)
def nobody_gives_back_the_use_of_another(group: Term) -> Term:
    """`container_users` is never below the uses that SET_CONTAINER, device files and external users are entitled to."""
    return uses_of(group) <= seen.container_users[group]


@at_rest("EXT-3", seen.group_at_rest, "vfio_group_try_dissolve_container, 1 to 0", group=GROUP)
def the_last_user_to_leave_detaches_the_group(group: Term) -> Term:
    """A group at rest that nobody uses is in no container's list and its devices translate through no table but its iommufd's."""
    listed_nowhere = every(CONTAINER, lambda c: no(seen.container_lists[c, group]))
    reached = seen.table_reached[group]
    reaches_none = either(is_none(reached), seen.owner_has_table[group, reached])
    return implies(seen.container_users[group] == 0, both(listed_nowhere, reaches_none))


@always("EXT-8", "review of the June 2013 patch: add before iommu_id", user=USER)
def a_user_that_counts_before_it_validates_keeps_what_it_saw(user: Term) -> Term:
    """With add first and iommu_id second, the container that was seen stays: no use can slip between check and act."""
    return implies(both(relies(user), seen.user_added_first[user]), as_validated(user))


@always("EXT-11", "vfio_register_notifier, vfio_unregister_notifier", user=USER)
def a_list_of_callbacks_has_no_notifier_that_was_freed(user: Term) -> Term:
    """A notifier that stands in the list of callbacks of a container's IOMMU data has not been freed by its driver."""
    return implies(no(is_none(seen.notifier_table[user])), seen.notifier_lives[user])


PROPERTIES = (
    a_held_reference_keeps_container_driver_and_attachment,
    nobody_gives_back_the_use_of_another,
    the_last_user_to_leave_detaches_the_group,
    a_user_that_counts_before_it_validates_keeps_what_it_saw,
    a_list_of_callbacks_has_no_notifier_that_was_freed,
)
