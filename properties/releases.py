"""FREE, the other half: what is to be released can be, step by step, and each release leaves less to release.

The steps of a call go forward, and only loops go back. So where no call begins any more, what is due or under way takes one
step after the other until nothing is left: each sentence is about one state or one step, and none about what comes in the end.
"""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE, PROCESS, USER, VM
from tenure.vocabulary.properties import always, argument, called, each_step, ended
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, implies, is_none, no, some

OF_A_FILE = (
    "release_container",
    "release_group",
    "release_device",
    "release_vm",
    "release_kvm_vfio",
    "release_iommufd",
    "release_iommu",
)
"""The calls by which the kernel releases a file whose last reference is gone."""

OF_A_USER = ("release_user",)
OF_AN_ENTRY = ("release_entry", "destroy_entry")
OF_A_VM = ("destroy_vm",)
OF_SOMETHING_ELSE = ("destroy_left", "give_back")
RELEASES = (*OF_A_FILE, *OF_A_USER, *OF_AN_ENTRY, *OF_A_VM, *OF_SOMETHING_ELSE)
"""Every release: what the kernel does by itself once nobody asks for it any more."""


def _any_of(calls: tuple[str, ...]) -> Term:
    return either(*map(called, calls))


@always("FREE-3", "fput, vfio_group_fops_release, kvm_vfio_release", file=FILE)
def what_is_to_be_released_can_be(file: Term) -> Term:
    """A file's release that is due or under way has a step that can be taken, or sleeps while some call under way has one."""
    return implies(seen.release_pending[file], seen.release_goes_on[file])


@each_step("FREE-4", "fput, vfio_group_fops_release, kvm_vfio_release", file=FILE)
def a_release_opens_no_file_and_ends_with_its_own_gone(file: Term) -> Term:
    """No step of a release opens a file or gives anybody an fd, and where the release of a file ends, the file is gone."""
    gone = seen.file_kind[file] == "closed"
    given = some(PROCESS, lambda p: both(seen.has_fd[p, file], no(before(seen.has_fd[p, file]))))
    return both(
        implies(both(_any_of(OF_A_FILE), ended(), argument("file", FILE) == file), gone),
        implies(both(_any_of(RELEASES), before(gone)), gone),
        implies(_any_of(RELEASES), no(given)),
    )


@always("FREE-5", "kvm_vfio_destroy", user=USER)
def what_an_external_user_leaves_behind_can_be_taken_back(user: Term) -> Term:
    """What an external user without process holds can be taken back by a step, or that sleeps while some call under way has one."""
    left = both(is_none(seen.user_process[user]), no(seen.user_idle[user]))
    return implies(left, seen.user_goes_on[user])


@each_step("FREE-6", "kvm_vfio_destroy", user=USER)
def a_release_makes_no_external_user_hold_anything(user: Term) -> Term:
    """No step of a release makes an external user hold anything, and where the release of a user ends, it holds nothing."""
    idle = seen.user_idle[user]
    of_this = both(_any_of(OF_A_USER), argument("user", USER) == user)
    return implies(either(both(of_this, ended()), both(_any_of(RELEASES), before(idle))), idle)


@always("FREE-7", "kvm_destroy_vm", vm=VM)
def a_vm_without_references_can_be_destroyed(vm: Term) -> Term:
    """The end of a VM whose last reference is gone has a step that can be taken."""
    return implies(both(seen.vm_exists[vm], seen.vm_references[vm] == 0), seen.vm_goes_on[vm])


@each_step("FREE-8", "kvm_vfio_destroy, kvm_destroy_vm", vm=VM, entry=USER)
def a_release_makes_no_vm_and_lists_nothing(vm: Term, entry: Term) -> Term:
    """No step of a release makes a VM or lists an entry, and where the end of either is over, it is gone or in no list."""
    gone, unlisted = no(seen.vm_exists[vm]), is_none(seen.entry_vm[entry])
    return both(
        implies(both(_any_of(OF_A_VM), ended(), argument("vm", VM) == vm), gone),
        implies(both(_any_of(OF_AN_ENTRY), ended(), argument("entry", USER) == entry), unlisted),
        implies(both(_any_of(RELEASES), before(gone)), gone),
        implies(both(_any_of(RELEASES), before(unlisted)), unlisted),
    )


PROPERTIES = (
    what_is_to_be_released_can_be,
    a_release_opens_no_file_and_ends_with_its_own_gone,
    what_an_external_user_leaves_behind_can_be_taken_back,
    a_release_makes_no_external_user_hold_anything,
    a_vm_without_references_can_be_destroyed,
    a_release_makes_no_vm_and_lists_nothing,
)
