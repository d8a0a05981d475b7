"""Notifiers for a VFIO group, 4.10 to 5.18: a driver of a device is told of the VM that the group knows, and when it knows none.

A notifier stands in the list of the group itself, whatever container that is in; but each call about it needs a use of the group,
as one for IOMMU events does.
"""

from dataclasses import replace

from tenure.models.locks import GROUP_REFERENCE
from tenure.models.locks_kvm import TELL
from tenure.models.notifier_steps import finds, gives_back, holds_no_group, registers_for, uses
from tenure.models.vms import group_kvm, is_unlisted
from tenure.vocabulary.calls import Call, Case, Step, Steps, call, done, go, local, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import DEVICE, GROUP, USER, VM
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, is_none, no
from tenure.vocabulary.types import FLAG

listens_to = state(
    "listens to", USER, GROUP.maybe, meaning="the group in whose list of notifiers the driver's notifier stands"
)
told_of = state(
    "told of", USER, VM.maybe, meaning="the VM of which the driver was told last, while its notifier stands there"
)


@call(
    "vfio_register_notifier",
    actor="user",
    source="vfio_register_notifier, vfio_register_group_notifier, 4.10-5.18",
    user=USER,
    device=number(DEVICE),
    events=FLAG,
)
def register_group_notifier(user: Term, device: Term, events: Term) -> Steps:
    """Put a notifier into the list of the device's group; of a VM that this knows already the driver is told at once."""
    group = local("group", GROUP.maybe)
    unused = is_none(registers_for[user]), is_none(listens_to[user])
    yield requires(holds_no_group(user), is_unlisted(user), *unused)
    yield finds(group, device, refuse(no(events), "EINVAL", "the driver asks for no event"))
    yield from uses(user, group)
    joined = listens_to[user].becomes(group), registers_for[user].becomes(device)
    yield step("list", go(*joined, told_of[user].becomes(group_kvm[group])), locks=(TELL,))
    yield from gives_back(user, group)
    yield step("put", done(), drops=(GROUP_REFERENCE,))


@call(
    "vfio_unregister_notifier",
    actor="user",
    source="vfio_unregister_notifier, vfio_unregister_group_notifier, 4.10-5.18",
    user=USER,
    device=number(DEVICE),
)
def unregister_group_notifier(user: Term, device: Term) -> Steps:
    """Take the notifier out of that list, and free it; where that is refused, it stays where it is, and is told of VMs as ever."""
    group = local("group", GROUP.maybe)
    yield requires(holds_no_group(user), is_unlisted(user), registers_for[user] == device)
    yield finds(group, device)
    yield from uses(user, group)
    yield step("unlist", go(listens_to[user].becomes(None), told_of[user].becomes(None)), locks=(TELL,))
    yield from gives_back(user, group)
    yield step("put", done(registers_for[user].becomes(None)), drops=(GROUP_REFERENCE,))


def telling(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls, where whoever tells a group of a VM, or that there is none, tells each notifier in its list (set_kvm)."""
    return tuple(replace(c, steps=tuple(map(_tells_on, c.steps))) for c in calls)


def _tells_on(one: Step) -> Step:
    return replace(one, cases=tuple(_with_listeners(c) for c in one.cases))


def _with_listeners(one: Case) -> Case:
    told = tuple(_hears(e) for e in one.effects if e.field is group_kvm)
    return replace(one, effects=(*one.effects, *told)) if told else one


def _hears(tells: Assign) -> Assign:
    (group,) = tells.target.args

    def listens(user: Term) -> Term:
        return both(no(is_none(listens_to[user])), listens_to[user] == group)

    return each(USER, lambda u: told_of[u].becomes(tells.value), where=listens)


CALLS: tuple[Call, ...] = (register_group_notifier, unregister_group_notifier)
