"""KEEP-3, EXT-4 to EXT-7, EXT-9, EXT-10 and EXT-12: what a VM and VFIO keep of each other through the KVM VFIO device."""

from collections.abc import Callable

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, USER, VM
from tenure.vocabulary.properties import always, answered, argument, called, each_step, ended, refused
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, number_of, some


def _named(user: Term) -> Term:
    """What a DEL was given, or has looked up, is the file of the entry's group, and the list was the entry's; no step of it changes files."""
    group, vm = before(seen.entry_group[user]), before(seen.entry_vm[user])
    files = argument("other", FILE.maybe), argument("target", FILE.maybe)
    asked = either(*(both(is_none(seen.file_device[f]), seen.file_group[f] == group) for f in files))
    return both(no(is_none(vm)), seen.file_vm[argument("file", FILE.maybe)] == vm, no(is_none(group)), asked)


@each_step("KEEP-3", "kvm_vfio_set_group, KVM_DEV_VFIO_GROUP_DEL; vfio_external_group_match_file, 4.12", user=USER)
def no_group_in_a_list_is_refused_to_who_takes_it_out(user: Term) -> Term:
    """No DEL of a group that is in the list ends with an errno, but for want of the VM or of the fd (EIO, EBADF)."""
    fails = both(ended(), no(either(answered(), refused("EIO"), refused("EBADF"))))
    return implies(both(called("file_del"), _named(user)), no(fails))


@always("EXT-4", "kvm_vfio_file_add, kvm_vfio_file_free, vfio_file_set_kvm", group=GROUP, file=FILE)
def only_a_vm_that_lists_it_was_told_of(group: Term, file: Term) -> Term:
    """The VM to which a group or a device file points, without counting, lists it in its KVM VFIO device."""

    def lists(vm: Term, is_of: Callable[[Term], Term]) -> Term:
        entry = some(USER, lambda u: both(seen.entry_vm[u] == vm, is_of(u)))
        return implies(no(is_none(vm)), both(seen.vm_exists[vm], entry))

    return both(
        lists(seen.group_kvm[group], lambda u: seen.entry_group[u] == group),
        lists(seen.file_kvm[file], lambda u: seen.entry_cdev[u] == file),
    )


@always("EXT-5", "vfio_device_get_kvm_safe, vfio_device_put_kvm", vm=VM)
def a_vm_counts_its_files_and_the_open_devices_that_know_it(vm: Term) -> Term:
    """A VM's references are one for each of its files, and one for each open device that points to it."""
    files = number_of(FILE, lambda f: seen.file_vm[f] == vm)
    devices = number_of(DEVICE, lambda d: seen.device_kvm[d] == vm)
    return seen.vm_references[vm] == files + devices


@always("EXT-6", "kvm_vfio_release", vm=VM)
def closing_every_fd_frees_vms_entries_and_files(vm: Term) -> Term:
    """With no fd, no release pending and no call in flight, no VM, no entry of a KVM VFIO device and no file is left."""
    closed = both(
        every(FILE, lambda f: both(every(PROCESS, lambda p: no(seen.has_fd[p, f])), no(seen.release_pending[f]))),
        every(FILE, lambda f: either(seen.file_kind[f] == "closed", seen.file_at_rest[f])),
        every(VM, lambda v: implies(seen.vm_exists[v], no(seen.vm_references[v] == 0))),
    )
    files = every(FILE, lambda f: seen.file_kind[f] == "closed")
    entries = every(USER, lambda u: is_none(seen.entry_vm[u]))
    return implies(closed, both(no(seen.vm_exists[vm]), no(seen.vm_device[vm]), files, entries))


@always("EXT-7", "kvm_vfio_file_add EEXIST", user=USER, other=USER)
def nothing_is_twice_in_the_list_of_a_kvm_vfio_device(user: Term, other: Term) -> Term:
    """Two entries of one KVM VFIO device are of different files, and where they count, of different groups."""
    together = both(no(is_none(seen.entry_vm[user])), seen.entry_vm[user] == seen.entry_vm[other])
    same_group = both(no(is_none(seen.user_counts[user])), seen.user_counts[user] == seen.user_counts[other])
    same_file = some(FILE, lambda f: both(seen.user_keeps[user, f], seen.user_keeps[other, f]))
    return implies(no(user == other), no(both(together, either(same_group, same_file))))


@always("EXT-9", "kvm_vfio_update_coherency, kvm_arch_register_noncoherent_dma", vm=VM)
def noncoherent_dma_is_registered_once_by_a_device_that_knows_of_some(vm: Term) -> Term:
    """Noncoherent DMA is registered once with a VM whose KVM VFIO device knows of an entry that is not coherent, else never."""
    knows, times = seen.vm_noncoherent[vm], seen.vm_noncoherent_dma[vm]
    once = both(implies(knows, both(times == 1, seen.vm_device[vm])), implies(no(knows), times == 0))
    return implies(seen.vm_exists[vm], once)


def _rests(vm: Term) -> Term:
    """The VM has references, and each file of it has an fd and no call in flight: neither it nor its KVM VFIO device is going."""

    def is_held(file: Term) -> Term:
        return both(seen.file_at_rest[file], some(PROCESS, lambda p: seen.has_fd[p, file]))

    files = every(FILE, lambda f: implies(seen.file_vm[f] == vm, is_held(f)))
    return both(files, no(seen.vm_references[vm] == 0))


@always("EXT-10", "kvm_vfio_update_coherency, vfio_file_enforced_coherent", vm=VM)
def a_kvm_vfio_device_knows_whether_an_entry_is_not_coherent(vm: Term) -> Term:
    """At rest, a KVM VFIO device knows of an entry that is not coherent exactly if there is one."""
    noncoherent = some(USER, lambda u: both(seen.entry_vm[u] == vm, seen.entry_noncoherent[u]))
    knows = seen.vm_noncoherent[vm]
    right = both(implies(knows, noncoherent), implies(noncoherent, knows))
    return implies(both(seen.vm_device[vm], _rests(vm)), right)


@always("EXT-12", "vfio_group_set_kvm, vfio_register_group_notifier, VFIO_GROUP_NOTIFY_SET_KVM", user=USER)
def a_driver_that_was_told_of_a_vm_knows_one_that_is_there(user: Term) -> Term:
    """A driver that was told of a VM through its group's notifiers, and of nothing since, knows one that is there."""
    told = seen.notifier_vm[user]
    return implies(no(is_none(told)), seen.vm_exists[told])


PROPERTIES = (
    no_group_in_a_list_is_refused_to_who_takes_it_out,
    only_a_vm_that_lists_it_was_told_of,
    a_vm_counts_its_files_and_the_open_devices_that_know_it,
    closing_every_fd_frees_vms_entries_and_files,
    nothing_is_twice_in_the_list_of_a_kvm_vfio_device,
    noncoherent_dma_is_registered_once_by_a_device_that_knows_of_some,
    a_kvm_vfio_device_knows_whether_an_entry_is_not_coherent,
    a_driver_that_was_told_of_a_vm_knows_one_that_is_there,
)
