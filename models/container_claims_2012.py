"""What holds the containers of 2012 together: the claims of 2013 that need no limit on opens, and what stands for the rest."""

from tenure.models.container_claims import CLAIMS as CLAIMS_2013
from tenure.models.container_claims import OPENED_ONCE, UNBOUND_LISTED, same
from tenure.models.containers import counts
from tenure.models.files import file_group, kind
from tenure.models.groups import counted, driver, no_iommu, placed, registered, users
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, USER
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, either, implies, no, number_of, some, stands, when


@claim(group=GROUP)
def every_group_has_an_iommu(group: Term) -> Term:
    """No group was made up for a device that no IOMMU isolates."""
    return no(no_iommu[group])


@claim(group=GROUP)
def nobody_uses_a_group_for_nothing(group: Term) -> Term:
    """`container_users` is at most the base, the open device files and the external users: closing takes too many."""
    files = number_of(FILE, lambda f: counts[f] == group)
    outside = number_of(USER, lambda u: counted[u] == group)
    return users[group] <= when(placed[group], 1, 0) + files + outside


@claim(group=GROUP)
def no_group_has_less_than_no_users(group: Term) -> Term:
    """Too many who give a use back take `container_users` to zero and no further."""
    return users[group] >= 0


@claim(group=GROUP)
def a_placed_group_has_a_file(group: Term) -> Term:
    """SET_CONTAINER's use goes with the group's last file."""
    return implies(placed[group], some(FILE, lambda f: both(kind[f] == "group", file_group[f] == group)))


@claim(device=DEVICE)
def a_vfio_device_is_registered_until_it_is_unbound(device: Term) -> Term:
    """A device is registered while a VFIO driver is bound to it, except between its release and the end of the unbind."""
    gone = stands(device, "unbind_driver.unbound")
    return both(
        same(driver[device] == "vfio", either(registered[device], both(gone, driver[device] == "vfio"))),
        implies(gone, no(registered[device])),
        implies(stands(device, "unbind_driver.wait_device"), driver[device] == "vfio"),
    )


CLAIMS = (
    *(c for c in CLAIMS_2013 if c.name not in {d.name for d in (*OPENED_ONCE, *UNBOUND_LISTED)}),
    every_group_has_an_iommu,
    nobody_uses_a_group_for_nothing,
    no_group_has_less_than_no_users,
    a_placed_group_has_a_file,
    a_vfio_device_is_registered_until_it_is_unbound,
)
