"""What holds device files, iommufds and the ownership of DMA together: helper invariants for the proofs."""

from tenure.models import container_claims as of_2013
from tenure.models import container_claims_2022 as of_2022
from tenure.models.cdev_fields import (
    access_granted,
    attached_to,
    bound_to,
    claimed,
    emulated,
    iommufd_of,
    owner_iommufd,
)
from tenure.models.cdevs import is_bound
from tenure.models.container_claims import same
from tenure.models.device_files import opened_by, opens
from tenure.models.files import file_device, gets, kind
from tenure.models.groups import attached, driver, group_of, leaving, no_iommu, registered
from tenure.models.ownership import blocking, owner, owner_cnt, uses_default
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, TABLE
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim, kept_with
from tenure.vocabulary.terms import Term, both, busy, either, implies, is_none, no, number_of, some, stands, when


@claim(file=FILE)
def a_device_file_has_a_device(file: Term) -> Term:
    """Exactly device files stand for a device; others are iommufds, or of VMs and their KVM VFIO devices."""
    return both(
        same(kind[file] == "device", no(is_none(file_device[file]))),
        choice_is(kind[file], "closed", "device", "iommufd", "vm", "kvm_vfio"),
    )


@claim(file=FILE)
def a_bound_file_is_a_device_file_of_an_iommufd(file: Term) -> Term:
    """What is bound is a device file whose close is not over, and what it is bound to is an iommufd."""
    bound = both(kind[file] == "device", kind[bound_to[file]] == "iommufd", no(stands(file, "release_device.put")))
    return implies(is_bound(file), bound)


@claim(file=FILE)
def exactly_bound_files_give_access(file: Term) -> Term:
    """A file gives access to its device while it is bound, and counts for the device then."""
    counted = when(is_bound(file), file_device[file], opened_by.nothing)
    return both(same(access_granted[file], is_bound(file)), opened_by[file] == counted)


@claim(file=FILE)
def the_kernel_keeps_an_iommufd_for_each_binding(file: Term) -> Term:
    """The kernel's references to a file are the device files that are bound to it."""
    return gets[file] == number_of(FILE, lambda f: bound_to[f] == file)


@claim(device=DEVICE)
def opens_count_the_bound_files(device: Term) -> Term:
    """`open_count` is the number of the device's files that are bound."""
    return opens[device] == number_of(FILE, lambda f: opened_by[f] == device)


@claim(file=FILE)
def a_bound_device_has_one_open(file: Term) -> Term:
    """The `open_count` of a bound device is 1."""
    return implies(is_bound(file), opens[file_device[file]] == 1)


@claim(file=FILE, other=FILE)
def a_device_is_bound_once(file: Term, other: Term) -> Term:
    """Two bound files are of different devices."""
    return implies(both(is_bound(file), is_bound(other), file_device[file] == file_device[other]), file == other)


@claim(device=DEVICE)
def an_open_device_is_bound(device: Term) -> Term:
    """A device that is open has a file that is bound."""
    return implies(no(opens[device] == 0), some(FILE, lambda f: opened_by[f] == device))


@claim(device=DEVICE)
def a_physical_device_claims_its_group_while_it_is_open(device: Term) -> Term:
    """An open device that an IOMMU translates for counts in the `owner_cnt` of its group, and no other device does."""
    claims = both(no(emulated[device]), no(opens[device] == 0))
    return claimed[device] == when(claims, group_of[device], claimed.nothing)


@claim(group=GROUP)
def a_group_counts_its_claims_or_its_drivers(group: Term) -> Term:
    """`owner_cnt` is the number of claims for the iommufd that owns the group, or that of drivers that do DMA for the kernel."""
    drivers = number_of(DEVICE, lambda d: uses_default[d] == group)
    claims = number_of(DEVICE, lambda d: claimed[d] == group)
    owned = no(owner[group] == "none")
    return both(
        implies(owned, both(owner_cnt[group] == claims, drivers == 0, claims > 0)),
        implies(no(owned), both(owner_cnt[group] == drivers, claims == 0)),
    )


@claim(group=GROUP)
def an_owner_is_an_iommufd(group: Term) -> Term:
    """A group that is owned is owned by an iommufd that is known, and is out of its default domain."""
    owned = owner[group] == "iommufd"
    return both(
        no(owner[group] == "group"),
        same(owned, no(is_none(owner_iommufd[group]))),
        same(owned, blocking[group]),
    )


@claim(file=FILE)
def a_bound_device_is_its_iommufds(file: Term) -> Term:
    """The group of a physical device is owned by the iommufd to which the device is bound."""
    device = file_device[file]
    mine = owner_iommufd[group_of[device]] == bound_to[file]
    return implies(both(is_bound(file), no(emulated[device])), mine)


@claim(device=DEVICE)
def only_open_devices_are_attached(device: Term) -> Term:
    """A device that is attached is open, and where an IOMMU translates for it its group is attached to the same."""
    group = group_of[device]
    open_ = no(opens[device] == 0)
    with_it = either(emulated[device], attached[group] == attached_to[device])
    return implies(no(is_none(attached_to[device])), both(open_, with_it))


@claim(group=GROUP)
def an_attached_group_has_an_attached_device(group: Term) -> Term:
    """A group translates through an IO address space only while a physical device of it is attached to that."""
    here = attached[group]
    by = some(DEVICE, lambda d: both(group_of[d] == group, no(emulated[d]), attached_to[d] == here))
    return implies(no(is_none(here)), by)


@claim(group=GROUP)
def a_group_is_attached_to_what_is_its_owners(group: Term) -> Term:
    """What a group translates through is an IO address space of the iommufd that owns the group."""
    here = attached[group]
    mine = both(no(is_none(owner_iommufd[group])), iommufd_of[here] == owner_iommufd[group])
    return implies(no(is_none(here)), mine)


@claim(file=FILE)
def a_bound_device_is_attached_to_what_is_its_iommufds(file: Term) -> Term:
    """What a bound device is attached to is an IO address space of its iommufd."""
    here = attached_to[file_device[file]]
    return implies(both(is_bound(file), no(is_none(here))), iommufd_of[here] == bound_to[file])


@claim(table=TABLE)
def an_address_space_has_an_open_iommufd(table: Term) -> Term:
    """An IO address space goes with its iommufd."""
    return implies(no(is_none(iommufd_of[table])), kind[iommufd_of[table]] == "iommufd")


@claim(file=FILE)
def a_device_file_has_a_real_device(file: Term) -> Term:
    """No device of a group without IOMMU has device files."""
    return implies(kind[file] == "device", no(no_iommu[group_of[file_device[file]]]))


@claim(device=DEVICE)
def a_vfio_device_is_registered_or_leaving(device: Term) -> Term:
    """A device is registered or on its way out only while a VFIO driver is bound to it, and never both."""
    waits = stands(device, "unbind_driver.wait_device")
    gone = stands(device, "unbind_driver.unbound")
    return both(
        same(driver[device] == "vfio", either(registered[device], leaving[device], gone)),
        same(leaving[device], waits),
        implies(either(leaving[device], gone), no(registered[device])),
    )


@claim(file=FILE)
def a_device_with_a_file_is_there(file: Term) -> Term:
    """The device of a device file is registered, or on its way out and waited for."""
    device = file_device[file]
    there = either(registered[device], stands(device, "unbind_driver.wait_device"))
    return implies(kind[file] == "device", there)


@claim(device=DEVICE)
def an_emulated_device_has_no_kernel_driver(device: Term) -> Term:
    """A driver that does DMA for the kernel is not bound to an emulated device, nor about to be."""
    between = stands(device, "bind_driver.probe", "unbind_driver.cleanup")
    return implies(emulated[device], both(no(driver[device] == "kernel"), no(between)))


@claim(file=FILE)
def a_file_in_release_is_a_device_file(file: Term) -> Term:
    """A release of several steps is that of a device file."""
    return implies(busy(file), kind[file] == "device")


CLAIMS = (
    of_2013.an_fd_refers_to_an_open_file,
    of_2013.a_file_in_release_has_no_fd,
    of_2013.no_call_uses_a_file_in_release,
    of_2013.no_null_pointer_was_followed,
    of_2013.nothing_was_used_after_it_was_freed,
    of_2013.no_list_was_corrupted,
    of_2022.exactly_kernel_drivers_use_the_default_domain,
    a_device_file_has_a_device,
    a_bound_file_is_a_device_file_of_an_iommufd,
    exactly_bound_files_give_access,
    the_kernel_keeps_an_iommufd_for_each_binding,
    opens_count_the_bound_files,
    a_bound_device_has_one_open,
    a_device_is_bound_once,
    an_open_device_is_bound,
    a_physical_device_claims_its_group_while_it_is_open,
    a_group_counts_its_claims_or_its_drivers,
    an_owner_is_an_iommufd,
    a_bound_device_is_its_iommufds,
    only_open_devices_are_attached,
    an_attached_group_has_an_attached_device,
    a_group_is_attached_to_what_is_its_owners,
    kept_with(
        a_bound_file_is_a_device_file_of_an_iommufd,
        exactly_bound_files_give_access,
        a_device_is_bound_once,
        a_bound_device_is_its_iommufds,
        only_open_devices_are_attached,
    )(a_bound_device_is_attached_to_what_is_its_iommufds),
    an_address_space_has_an_open_iommufd,
    a_device_file_has_a_real_device,
    a_vfio_device_is_registered_or_leaving,
    a_device_with_a_file_is_there,
    an_emulated_device_has_no_kernel_driver,
    a_file_in_release_is_a_device_file,
)
