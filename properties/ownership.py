"""OWN: a group's DMA belongs to one user or to the kernel's drivers, and never to both."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP
from tenure.vocabulary.properties import always, at_rest, each_step
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, implies, is_none, no, number_of, some


def is_owned(group: Term) -> Term:
    """A user owns the group's DMA."""
    return no(seen.dma_owner[group] == "none")


def has_kernel_driver(group: Term) -> Term:
    """A device of the group has a driver that does DMA for the kernel."""
    return some(DEVICE, lambda d: both(seen.device_group[d] == group, seen.device_driver[d] == "kernel"))


def is_iommufds(group: Term) -> Term:
    """An iommufd owns the group's DMA."""
    return seen.dma_owner[group] == "iommufd"


def is_bound_by(device: Term, file: Term) -> Term:
    """The file of the device is bound to an iommufd."""
    return both(seen.file_device[file] == device, no(is_none(seen.file_iommufd[file])))


def is_bound_by_its_group(device: Term) -> Term:
    """The device was opened through its group, which bound it to an iommufd."""
    return no(is_none(seen.device_iommufd[device]))


@at_rest(
    "OWN-1",
    seen.group_at_rest,
    "iommu_device_use_default_domain, iommu_device_unuse_default_domain",
    group=GROUP,
)
def a_group_that_no_user_owns_counts_its_kernel_drivers(group: Term) -> Term:
    """A group that an IOMMU isolates has an `owner_cnt` above zero and no owner exactly while it has a kernel driver."""
    counted = both(seen.owner_count[group] > 0, no(is_owned(group)))
    driven = both(has_kernel_driver(group), no(seen.group_no_iommu[group]))
    return both(implies(counted, driven), implies(driven, counted))


@each_step(
    "OWN-2",
    "iommu_group_claim_dma_owner, __iommu_release_dma_ownership",
    group=GROUP,
)
def an_owner_comes_and_goes_where_nobody_counts(group: Term) -> Term:
    """A step gives a group an owner only where `owner_cnt` was zero, takes it away only to zero, and never changes it."""
    was, now = before(is_owned(group)), is_owned(group)
    return both(
        implies(both(no(was), now), before(seen.owner_count[group]) == 0),
        implies(both(was, no(now)), seen.owner_count[group] == 0),
        implies(both(was, now), before(seen.dma_owner[group]) == seen.dma_owner[group]),
    )


@always("OWN-3", "iommu_device_use_default_domain, EBUSY", device=DEVICE)
def no_kernel_driver_is_bound_beside_a_user(device: Term) -> Term:
    """No device of a group that a user owns has a driver that does DMA for the kernel."""
    return implies(is_owned(seen.device_group[device]), no(seen.device_driver[device] == "kernel"))


@always("OWN-4", "__iommu_take_dma_ownership, the blocking domain", group=GROUP)
def a_group_claimed_and_not_attached_translates_nothing(group: Term) -> Term:
    """A group that a user owns is in its blocking domain while it is attached to no table."""
    return implies(both(is_owned(group), is_none(seen.table_reached[group])), seen.dma_blocked[group])


@always("OWN-5", "vfio_container_attach_group, vfio_group_detach_container", group=GROUP)
def a_real_group_in_a_container_is_owned_once_by_its_group(group: Term) -> Term:
    """A group that an IOMMU isolates is owned by its VFIO group, with an `owner_cnt` of 1, exactly while it is contained."""
    contained = both(no(is_none(seen.container_of[group])), no(seen.group_no_iommu[group]))
    owned = seen.dma_owner[group] == "group"
    return both(implies(contained, both(owned, seen.owner_count[group] == 1)), implies(owned, contained))


@always("OWN-6", "iommufd_device_bind, iommu_device_claim_dma_owner", group=GROUP, device=DEVICE, file=FILE)
def an_iommufd_owns_a_group_once_for_each_of_its_devices(group: Term, device: Term, file: Term) -> Term:
    """The `owner_cnt` of a group that an iommufd owns is the number of its physical devices that are bound, all of them to it."""
    owned = no(is_none(seen.dma_owner_iommufd[group]))
    known = both(implies(owned, is_iommufds(group)), implies(is_iommufds(group), owned))
    claims = number_of(DEVICE, lambda d: seen.device_claims[d] == group)
    counted = both(implies(owned, seen.owner_count[group] == claims), implies(no(owned), claims == 0))
    home, physical = seen.device_group[device], no(seen.device_emulated[device])

    def claims_for(iommufd: Term) -> Term:
        return both(seen.device_claims[device] == home, iommufd == seen.dma_owner_iommufd[home])

    by_a_file = implies(both(is_bound_by(device, file), physical), claims_for(seen.file_iommufd[file]))
    by_its_group = implies(both(is_bound_by_its_group(device), physical), claims_for(seen.device_iommufd[device]))
    bound = either(some(FILE, lambda f: is_bound_by(device, f)), is_bound_by_its_group(device))
    return both(known, counted, by_a_file, by_its_group, implies(no(is_none(seen.device_claims[device])), bound))


@each_step("OWN-7", "iommu_device_claim_dma_owner, EPERM", group=GROUP)
def an_iommufd_that_owns_a_group_gives_way_to_no_other(group: Term) -> Term:
    """A step takes a group from the iommufd that owns it only to nobody, and `owner_cnt` is zero then."""
    was, now = before(seen.dma_owner_iommufd[group]), seen.dma_owner_iommufd[group]
    goes = both(is_none(now), seen.owner_count[group] == 0)
    return implies(both(no(is_none(was)), no(was == now)), goes)


PROPERTIES = (
    a_group_that_no_user_owns_counts_its_kernel_drivers,
    an_owner_comes_and_goes_where_nobody_counts,
    no_kernel_driver_is_bound_beside_a_user,
    a_group_claimed_and_not_attached_translates_nothing,
    a_real_group_in_a_container_is_owned_once_by_its_group,
    an_iommufd_owns_a_group_once_for_each_of_its_devices,
    an_iommufd_that_owns_a_group_gives_way_to_no_other,
)
