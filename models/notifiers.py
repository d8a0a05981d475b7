"""Notifiers for IOMMU events, 4.10 to 5.18: a driver of a device asks VFIO for callbacks from the IOMMU driver of its group's container.

A notifier stands in the list of the container's IOMMU data, and goes with it. It counts for nothing there: what keeps the group
in its container is a use that each call takes for itself and gives back.
"""

from dataclasses import replace

from tenure.models.containers import table
from tenure.models.groups import container
from tenure.models.harm import dereferences_null
from tenure.models.locks import GROUP_REFERENCE, NOTIFIERS
from tenure.models.notifier_steps import finds, gives_back, holds_no_group, registers_for, uses
from tenure.vocabulary.calls import (
    Call,
    Case,
    Refuse,
    Step,
    Steps,
    call,
    done,
    go,
    local,
    number,
    pointer,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import each
from tenure.vocabulary.objects import DEVICE, GROUP, TABLE, USER
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, is_none, no
from tenure.vocabulary.types import FLAG

told_by = state(
    "told by", USER, TABLE.maybe, meaning="the table in whose list of callbacks the driver's notifier stands"
)


@call(
    "vfio_register_notifier",
    actor="user",
    source="vfio_register_notifier, vfio_register_iommu_notifier, 4.10-5.18",
    user=USER,
    device=number(DEVICE),
    events=FLAG,
)
def register_notifier(user: Term, device: Term, events: Term) -> Steps:
    """Put a notifier into the list of the IOMMU data of the container in which the device's group is."""
    group, joined = local("group", GROUP.maybe), pointer("joined", TABLE.maybe)
    unused = is_none(registers_for[user]), is_none(told_by[user])
    yield requires(holds_no_group(user), *unused)
    yield finds(group, device, refuse(no(events), "EINVAL", "the driver asks for no event"))
    yield from uses(user, group)
    here = table[container[group]]
    yield step(
        "list",
        dereferences_null(is_none(container[group])),
        go(joined.becomes(None), when=is_none(here)),
        go(joined.becomes(here), told_by[user].becomes(here), registers_for[user].becomes(device)),
        locks=(NOTIFIERS,),
    )
    yield from gives_back(user, group)
    why = "the container had no IOMMU driver any more"
    yield step("put", refuse(is_none(joined), "ENOTTY", why), done(), drops=(GROUP_REFERENCE,))


@call(
    "vfio_unregister_notifier",
    actor="user",
    source="vfio_unregister_notifier, vfio_unregister_iommu_notifier, 4.10-5.18",
    user=USER,
    device=number(DEVICE),
)
def unregister_notifier(user: Term, device: Term) -> Steps:
    """Take the notifier out of that list, and free it; where that is refused, it stays where it is, and is kept."""
    group, asked, left = local("group", GROUP.maybe), pointer("asked", TABLE.maybe), pointer("left", TABLE.maybe)
    yield requires(holds_no_group(user), registers_for[user] == device)
    yield finds(group, device)
    yield from uses(user, group)
    here = table[container[group]]
    listed = both(no(is_none(here)), told_by[user] == here)
    yield step(
        "unlist",
        dereferences_null(is_none(container[group])),
        go(asked.becomes(here), left.becomes(here), told_by[user].becomes(None), when=listed),
        go(asked.becomes(here), left.becomes(None)),
        locks=(NOTIFIERS,),
    )
    yield from gives_back(user, group)
    yield step(
        "put",
        refuse(is_none(asked), "ENOTTY", "the container had no IOMMU driver any more"),
        refuse(is_none(left), "ENOENT", "the notifier is not in the list"),
        done(registers_for[user].becomes(None)),
        drops=(GROUP_REFERENCE,),
    )


def _frees(one: Case, user: Term) -> Case:
    """The driver does not ask what it was answered: its notifier is freed memory from here on."""
    if not isinstance(one.follow, Refuse):
        return one
    return replace(one, effects=(*one.effects, registers_for[user].becomes(None)))


def careless(call_: Call) -> Call:
    """The same call by a driver that frees its notifier, whatever it is answered."""
    user = call_.parameter("user")
    steps = (replace(s, cases=tuple(_frees(c, user) for c in s.cases)) for s in call_.steps)
    return replace(call_, steps=tuple(steps))


def with_lists(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls, where the list of callbacks goes with the table whose it is."""
    return tuple(c.otherwise("detach", _ends_the_list) for c in calls)


def _ends_the_list(detach: Step) -> Step:
    *before, leaves = detach.cases
    (kept,) = (e for e in leaves.effects if e.field is table)
    gone = both(no(is_none(kept.target)), is_none(kept.value))
    ended = each(USER, lambda u: told_by[u].becomes(None), where=lambda u: both(gone, told_by[u] == kept.target))
    return replace(detach, cases=(*before, replace(leaves, effects=(*leaves.effects, ended))))


CALLS: tuple[Call, ...] = (register_notifier, unregister_notifier)
CARELESS: tuple[Call, ...] = (register_notifier, careless(unregister_notifier))
