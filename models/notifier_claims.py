"""What holds drivers with notifiers together, of either kind: helper invariants on top of those of external users."""

from tenure.models.groups import counted, group_of, no_iommu, reference
from tenure.models.notifier_steps import registers_for
from tenure.models.notifiers import told_by
from tenure.vocabulary.objects import DEVICE, GROUP, TABLE, USER
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, frame, implies, is_none, no, stands

REGISTER, UNREGISTER = "register_notifier", "unregister_notifier"
"""The calls about IOMMU events."""

_LATE = ("dissolve", "detach", "put")
"""The steps by which either call ends."""


@claim(user=USER)
def a_notifier_in_a_list_is_kept(user: Term) -> Term:
    """Who stands in a list of callbacks has a notifier that it has not freed."""
    return implies(no(is_none(told_by[user])), no(is_none(registers_for[user])))


@claim(user=USER)
def a_driver_has_a_notifier_for_a_device_with_an_iommu(user: Term) -> Term:
    """Who asks for a device that no IOMMU isolates is refused before its notifier is in any list."""
    device = registers_for[user]
    return implies(no(is_none(device)), no(no_iommu[group_of[device]]))


@claim(user=USER)
def a_driver_with_a_notifier_is_no_other_user(user: Term) -> Term:
    """Who has a notifier holds no reference to a group."""
    return implies(no(is_none(registers_for[user])), is_none(reference[user]))


def of_calls(register: str, unregister: str) -> tuple[Claim, ...]:
    """What the two calls about a notifier have to go by, whatever its kind."""

    def in_both(user: Term, *steps: str) -> Term:
        return stands(user, *(f"{call}.{one}" for call in (register, unregister) for one in steps))

    @claim(user=USER)
    def register_works_on_the_group_of_its_device(user: Term) -> Term:
        """What register has looked up is the group of the device; once it counts, that is isolated by an IOMMU."""
        group, device = frame(user, register, "group", GROUP), frame(user, register, "device", DEVICE)
        early, late = stands(user, f"{register}.count"), stands(user, f"{register}.validate", f"{register}.list")
        found = both(no(is_none(device)), group == group_of[device])
        return both(
            implies(early, both(found, is_none(counted[user]))),
            implies(late, both(found, no(no_iommu[group]))),
        )

    @claim(user=USER)
    def unregister_works_on_the_group_of_its_device(user: Term) -> Term:
        """What unregister has looked up is the group of the device for which its driver has the notifier."""
        group = frame(user, unregister, "group", GROUP)
        inside = stands(user, *(f"{unregister}.{one}" for one in ("count", "validate", "unlist", *_LATE)))
        device = registers_for[user]
        return implies(inside, both(no(is_none(device)), group == group_of[device]))

    @claim(user=USER)
    def who_asks_for_callbacks_counts_only_meanwhile(user: Term) -> Term:
        """A call about a notifier begins and ends without a use of the group, and holds no reference but its own."""
        free = in_both(user, "count", "detach", "put")
        middle = in_both(user, "validate", "list", "unlist", "dissolve")
        return both(
            implies(free, both(is_none(counted[user]), is_none(reference[user]))),
            implies(middle, is_none(reference[user])),
        )

    return (
        register_works_on_the_group_of_its_device,
        unregister_works_on_the_group_of_its_device,
        who_asks_for_callbacks_counts_only_meanwhile,
    )


@claim(user=USER)
def who_has_left_a_list_stands_in_none(user: Term) -> Term:
    """Once unregister has taken the notifier out of a list, it is in none."""
    left = frame(user, UNREGISTER, "*left", TABLE)
    late = stands(user, *(f"{UNREGISTER}.{one}" for one in _LATE))
    return implies(both(late, no(is_none(left))), is_none(told_by[user]))


CLAIMS: tuple[Claim, ...] = (
    a_notifier_in_a_list_is_kept,
    a_driver_has_a_notifier_for_a_device_with_an_iommu,
    a_driver_with_a_notifier_is_no_other_user,
    *of_calls(REGISTER, UNREGISTER),
    who_has_left_a_list_stands_in_none,
)
