"""What holds together drivers whose notifiers stand in the list of their group: on top of what lists of a KVM VFIO device need."""

from tenure.models import notifier_claims
from tenure.models.external_users import seen_group
from tenure.models.group_notifiers import listens_to, told_of
from tenure.models.groups import group_of
from tenure.models.notifier_steps import registers_for
from tenure.models.vms import group_kvm, listed
from tenure.vocabulary.objects import USER
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, implies, is_none, no, stands

REGISTER, UNREGISTER = "register_group_notifier", "unregister_group_notifier"

_PAUSES = ("count", "validate", "list", "unlist", "dissolve", "detach", "put")
_ADDS = tuple(
    f"file_add.{one}"
    for one in ("count", "validate", "reference", "list", "tell", "update", "dissolve", "detach", "put")
)


@claim(user=USER)
def a_notifier_in_the_list_of_a_group_is_for_a_device_of_it(user: Term) -> Term:
    """Who stands in the list of a group has a notifier, for a device of that group, and has not freed it."""
    device, group = registers_for[user], listens_to[user]
    return implies(no(is_none(group)), both(no(is_none(device)), group == group_of[device]))


@claim(user=USER)
def who_is_in_no_list_knows_no_vm(user: Term) -> Term:
    """Nobody tells a driver that stands in no list."""
    return implies(is_none(listens_to[user]), is_none(told_of[user]))


@claim(user=USER)
def a_driver_knows_the_vm_that_its_group_knows(user: Term) -> Term:
    """Whoever tells the group tells the driver in the same step."""
    group = listens_to[user]
    return implies(no(is_none(group)), told_of[user] == group_kvm[group])


@claim(user=USER)
def who_gets_a_group_is_no_driver(user: Term) -> Term:
    """An entry in a list, or on its way there, has no notifier."""
    return implies(no(both(is_none(listed[user]), no(stands(user, *_ADDS)))), is_none(registers_for[user]))


@claim(user=USER)
def who_asks_to_be_told_of_a_vm_is_no_entry(user: Term) -> Term:
    """A driver that makes a call about its notifier is in no list of a KVM VFIO device, and was shown no group."""
    inside = stands(user, *(f"{call}.{one}" for call in (REGISTER, UNREGISTER) for one in _PAUSES))
    return implies(inside, both(is_none(listed[user]), is_none(seen_group[user])))


CLAIMS: tuple[Claim, ...] = (
    notifier_claims.a_driver_has_a_notifier_for_a_device_with_an_iommu,
    notifier_claims.a_driver_with_a_notifier_is_no_other_user,
    *notifier_claims.of_calls(REGISTER, UNREGISTER),
    a_notifier_in_the_list_of_a_group_is_for_a_device_of_it,
    who_is_in_no_list_knows_no_vm,
    a_driver_knows_the_vm_that_its_group_knows,
    who_gets_a_group_is_no_driver,
    who_asks_to_be_told_of_a_vm_is_no_entry,
)
