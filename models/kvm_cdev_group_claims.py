"""What holds VMs, their lists, groups and device files together: helper invariants on top of those of `cdev`."""

from tenure.models import cdev_group_claims as of_groups
from tenure.models import kvm_cdev_claims, kvm_file_claims
from tenure.models.cdev_groups import is_cdev
from tenure.models.files import file_group, kind
from tenure.models.groups_2022 import opened_as, opened_file
from tenure.models.kvm_cdevs import file_kvm
from tenure.models.kvm_files import is_of_vfio
from tenure.vocabulary.objects import FILE, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no


@claim(thread=THREAD)
def who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists(thread: Term) -> Term:
    """A call that keeps a file keeps one that was opened as a group's, one of a device, or that of a KVM VFIO device beside one of VFIO's."""
    file, target = frame(thread, "set_container", "file", FILE), frame(thread, "set_container", "target", FILE)
    was = opened_as[file]  # the other calls keep their files in the same places
    known = both(no(is_none(was)), either(opened_file[was] == file, is_none(file_group[file])))
    of_device = both(is_cdev(file), is_none(target))
    on_a_list = both(kind[file] == "kvm_vfio", either(is_none(target), is_of_vfio(target)))
    held = either(no(is_none(file)), no(is_none(target)))
    return implies(held, either(known, of_device, on_a_list))


@claim(file=FILE)
def only_a_cdev_is_told_of_a_vm(file: Term) -> Term:
    """A file that points to a VM is a device's, and was opened by itself."""
    return implies(no(is_none(file_kvm[file])), is_cdev(file))


CLAIMS: tuple[Claim, ...] = (
    *(
        who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists
        if one is of_groups.who_keeps_a_file_keeps_a_groups_or_a_devices
        else one
        for one in of_groups.CLAIMS
    ),
    *kvm_file_claims.LISTS,
    kvm_file_claims.a_device_has_its_file,
    kvm_file_claims.a_device_has_one_file,
    kvm_cdev_claims.a_file_knows_a_vm_that_lists_it,
    only_a_cdev_is_told_of_a_vm,
)
