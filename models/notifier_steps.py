"""What a driver does in VFIO for any kind of notifier: it finds the group of its device, and uses it for as long as a call takes."""

from collections.abc import Mapping

from tenure.models.containers import dissolve
from tenure.models.get_put import looked_at
from tenure.models.groups import counted, exists, group_of, no_iommu, reference, users
from tenure.models.locks import GROUP_REFERENCE, VFIO_GROUP_LOCK
from tenure.vocabulary.calls import Call, Case, Step, Steps, go, refuse, step
from tenure.vocabulary.objects import DEVICE, USER
from tenure.vocabulary.symbols import client
from tenure.vocabulary.terms import Term, both, is_none, no

registers_for = client(
    "registers for", USER, DEVICE.maybe, meaning="the device for which the driver has a notifier that it has not freed"
)


def holds_no_group(user: Term) -> Term:
    """The driver neither counts for a group nor has a reference to one."""
    return both(is_none(counted[user]), is_none(reference[user]))


def finds(group: Term, device: Term, *before: Case) -> Step:
    """vfio_group_get_from_dev: the group of a device, with a reference for as long as the call takes."""
    return step(
        "look_up",
        *before,
        refuse(no(exists(group_of[device])), "ENODEV", "the device has no VFIO group"),
        go(group.becomes(group_of[device])),
        locks=(VFIO_GROUP_LOCK,),
    )


def uses(user: Term, group: Term) -> Steps:
    """vfio_group_add_container_user; whatever it answers, who asked for callbacks is answered EINVAL."""
    yield step(
        "count",
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EINVAL", "a no-IOMMU group cannot be used from outside"),
        go(users[group].becomes(users[group] + 1), counted[user].becomes(group)),
        drops=(GROUP_REFERENCE,),
    )
    yield looked_at(group, (counted[user].becomes(None),), (), GROUP_REFERENCE)


def gives_back(user: Term, group: Term) -> Steps:
    """vfio_group_try_dissolve_container: the use ends with the call, and who is the last to leave detaches the group."""
    yield from dissolve(group, "put", counted[user].becomes(None))


GETS: Mapping[str, str] = {"get_external_user": "user", "file_add": "entry"}
"""How a user comes to hold a group, and what the call names it."""


def apart(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls, where an external user that gets a group is no driver with a notifier."""

    def one(call_: Call) -> Call:
        named = GETS.get(call_.name)
        return call_ if named is None else call_.requiring(is_none(registers_for[call_.parameter(named)]))

    return tuple(map(one, calls))
