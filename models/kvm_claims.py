"""What holds VMs and the lists of their KVM VFIO devices together: helper invariants on top of those of the containers."""

from tenure.models.coherency import noncoherent, noncoherent_dma
from tenure.models.container_claims import same
from tenure.models.external_claims import what_a_user_saw_is_all_or_nothing, what_a_user_saw_is_still_so
from tenure.models.external_users import seen_group, seen_table
from tenure.models.files import file_group, kept, kind
from tenure.models.groups import counted, no_iommu, reference, viable
from tenure.models.harm import STOPPED
from tenure.models.spapr import linked_table
from tenure.models.vms import file_vm, group_kvm, has_device, listed, vm_exists, vm_references
from tenure.vocabulary.objects import FILE, GROUP, THREAD, USER, VM
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import (
    Term,
    both,
    busy,
    either,
    frame,
    implies,
    in_flight,
    is_none,
    no,
    number_of,
    some,
    stands,
)

AFTER_THE_LIST = ("file_add.tell", "file_add.update")
"""Where file_add has put its entry into the list, and another call may have taken it out again."""
LEAVES_BY_DEL = tuple(f"file_del.{s}" for s in ("dissolve", "detach", "put"))
LEAVES_WITH_ITS_VM = tuple(f"destroy_entry.{s}" for s in ("dissolve", "detach", "put"))


@claim(file=FILE)
def a_file_of_a_vm_says_which(file: Term) -> Term:
    """VM files and the files of KVM VFIO devices have a VM, other files have none."""
    return same(choice_is(kind[file], "vm", "kvm_vfio"), no(is_none(file_vm[file])))


@claim(vm=VM)
def references_of_a_vm_count_its_files(vm: Term) -> Term:
    """A VM's references are its files."""
    return vm_references[vm] == number_of(FILE, lambda f: file_vm[f] == vm)


@claim(file=FILE)
def a_vm_outlives_its_files(file: Term) -> Term:
    """The VM of a file is there, and so is the device of a KVM VFIO device's file."""
    vm = file_vm[file]
    there = implies(no(is_none(vm)), vm_exists[vm])
    return both(there, implies(kind[file] == "kvm_vfio", has_device[vm]))


@claim(user=USER)
def an_entry_is_in_the_list_of_a_device(user: Term) -> Term:
    """The VM of an entry is there, and has a KVM VFIO device."""
    vm = listed[user]
    return implies(no(is_none(vm)), both(vm_exists[vm], has_device[vm]))


@claim(vm=VM)
def a_device_is_of_a_vm(vm: Term) -> Term:
    """Only a VM that is there has a KVM VFIO device."""
    return implies(has_device[vm], vm_exists[vm])


@claim(vm=VM)
def a_vm_is_told_once_of_what_its_device_knows(vm: Term) -> Term:
    """Noncoherent DMA is registered once where a KVM VFIO device knows of some, and else never."""
    knows, times = noncoherent[vm], noncoherent_dma[vm]
    return both(implies(knows, both(has_device[vm], times == 1)), implies(no(knows), times == 0))


@claim(user=USER)
def an_entry_has_its_group(user: Term) -> Term:
    """An entry in a list holds a reference to a group."""
    return implies(no(is_none(listed[user])), no(is_none(reference[user])))


@claim(user=USER)
def an_unused_entry_holds_nothing(user: Term) -> Term:
    """An entry that is in no list, and that no call works on, holds nothing."""
    left = either(no(busy(user)), stands(user, *AFTER_THE_LIST))
    nothing = both(is_none(reference[user]), is_none(counted[user]), is_none(seen_group[user]))
    return implies(both(is_none(listed[user]), left, no(in_flight(user))), either(nothing, STOPPED))


@claim(user=USER)
def an_entry_counts_for_what_it_saw(user: Term) -> Term:
    """Counting, holding a reference and having seen the group go together."""
    return both(counted[user] == reference[user], seen_group[user] == reference[user])


@claim(user=USER)
def a_listed_entry_counts_for_its_group(user: Term) -> Term:
    """As long as it is in the list, an entry counts for the group to which it holds a reference."""
    return implies(
        no(is_none(listed[user])), both(counted[user] == reference[user], seen_group[user] == reference[user])
    )


@claim(user=USER)
def an_entry_is_of_a_group_with_an_iommu(user: Term) -> Term:
    """A group without IOMMU is neither counted in nor held."""
    return both(*(implies(no(is_none(one)), no(no_iommu[one])) for one in (counted[user], reference[user])))


@claim(user=USER)
def a_linked_table_is_the_one_that_was_seen(user: Term) -> Term:
    """A bus number is linked to the table that was there when the entry's group was validated, while it is in the list."""
    linked = linked_table[user]
    return implies(no(is_none(linked)), both(no(is_none(listed[user])), seen_table[user] == linked))


@claim(user=USER, other=USER)
def two_entries_of_a_list_are_of_two_groups(user: Term, other: Term) -> Term:
    """No list has a group twice."""
    together = both(no(is_none(listed[user])), listed[user] == listed[other], reference[user] == reference[other])
    return implies(together, user == other)


@claim(group=GROUP)
def a_group_knows_a_vm_that_lists_it(group: Term) -> Term:
    """The VM that a group was told of has an entry for the group."""
    vm = group_kvm[group]
    return implies(no(is_none(vm)), some(USER, lambda u: both(listed[u] == vm, reference[u] == group)))


@claim(user=USER, file=FILE)
def no_entry_keeps_a_file(user: Term, file: Term) -> Term:
    """What an entry holds is a group, and no file."""
    return no(kept[user, file])


def _is_given_up(entry: Term, dissolved: Term) -> Term:
    """The entry is in no list any more, and the call that put it there has nothing more to do with it."""
    forgotten = both(is_none(counted[entry]), is_none(seen_group[entry]))
    left = either(no(busy(entry)), stands(entry, *AFTER_THE_LIST))
    return both(is_none(listed[entry]), left, implies(dissolved, forgotten))


@claim(thread=THREAD)
def file_del_gives_up_what_it_took_out(thread: Term) -> Term:
    """The entry that file_del works on is in no list any more."""
    entry, inside = frame(thread, "file_del", "entry", USER), stands(thread, *LEAVES_BY_DEL)
    after = stands(thread, *LEAVES_BY_DEL[1:])
    return both(
        implies(inside, no(is_none(entry))), implies(no(is_none(entry)), both(inside, _is_given_up(entry, after)))
    )


@claim(vm=VM)
def a_dying_vm_gives_up_what_it_took_out(vm: Term) -> Term:
    """The entry that a VM's destruction works on is in no list any more."""
    entry, inside = frame(vm, "destroy_entry", "entry", USER), stands(vm, *LEAVES_WITH_ITS_VM)
    after = stands(vm, *LEAVES_WITH_ITS_VM[1:])
    return both(
        implies(inside, no(is_none(entry))), implies(no(is_none(entry)), both(inside, _is_given_up(entry, after)))
    )


def _adding(entry: Term, *steps: str) -> Term:
    return stands(entry, *(f"file_add.{s}" for s in steps))


def _keeps_the_file_of_its_device(*gets_first: str) -> Claim:
    @claim(thread=THREAD)
    def file_del_keeps_the_file_of_its_device(thread: Term) -> Term:
        """As long as file_del runs, the KVM VFIO device has its file."""
        file = frame(thread, "file_del", "file", FILE)
        own = (f"file_del.{one}" for one in gets_first)
        inside = stands(thread, "file_del.remove", *LEAVES_BY_DEL, "file_del.update", *own)
        return implies(inside, both(no(is_none(file)), kind[file] == "kvm_vfio"))

    return file_del_keeps_the_file_of_its_device


file_del_keeps_the_file_of_its_device = _keeps_the_file_of_its_device()
del_by_get_keeps_the_file_of_its_device = _keeps_the_file_of_its_device(
    "count", "validate", "dissolve_own", "detach_own", "put_own"
)
"""The same where file_del gets the group first, and puts it last."""


@claim(user=USER)
def a_held_group_is_viable(user: Term) -> Term:
    """A driver that spoils the group of an entry stops the machine: where calls are whole, before anybody looks again."""
    return implies(no(is_none(reference[user])), either(viable(reference[user]), STOPPED))


def with_del_by_get(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same claims, where file_del has the steps of its own use of the group, and what says that it may have one."""
    by_get = {file_del_keeps_the_file_of_its_device: del_by_get_keeps_the_file_of_its_device}
    return (*(by_get.get(one, one) for one in claims), a_held_group_is_viable)


@claim(user=USER)
def file_add_keeps_the_file_of_its_device(user: Term) -> Term:
    """As long as file_add runs, the KVM VFIO device has its file."""
    file = frame(user, "file_add", "file", FILE)
    early, late = ("count", "validate", "reference", "list", "tell"), ("update", "dissolve", "detach", "put")
    return implies(_adding(user, *early, *late), both(no(is_none(file)), kind[file] == "kvm_vfio"))


@claim(user=USER)
def file_add_works_on_the_group_that_it_counted(user: Term) -> Term:
    """Until it has its reference, file_add holds the file that it was given; that file stands for the group it counts in."""
    file = frame(user, "file_add", "target", FILE)
    held = both(no(is_none(file)), no(kind[file] == "closed"))
    counts = both(kind[file] == "group", no(is_none(counted[user])), file_group[file] == counted[user])
    early = _adding(user, "validate", "reference")
    return both(
        implies(_adding(user, "count"), both(held, is_none(counted[user]))),
        implies(early, both(held, counts)),
        implies(_adding(user, "count", "validate"), is_none(seen_group[user])),
        implies(either(early, _adding(user, "count")), is_none(reference[user])),
    )


@claim(user=USER)
def file_add_lists_what_it_holds(user: Term) -> Term:
    """file_add comes to the list with an entry that is in none, counts for its group, and has seen it."""
    early, undo = _adding(user, "count", "validate", "reference", "list"), _adding(user, "dissolve", "detach", "put")
    ready = both(no(is_none(reference[user])), counted[user] == reference[user])
    return both(
        implies(either(early, undo), is_none(listed[user])),
        implies(_adding(user, "list"), both(ready, seen_group[user] == reference[user])),
        implies(_adding(user, "reference"), seen_group[user] == counted[user]),
        implies(_adding(user, "detach", "put"), both(is_none(counted[user]), is_none(seen_group[user]))),
    )


GET_PUT: tuple[Claim, ...] = (
    what_a_user_saw_is_all_or_nothing,
    what_a_user_saw_is_still_so,
    a_file_of_a_vm_says_which,
    references_of_a_vm_count_its_files,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
    a_device_is_of_a_vm,
    a_vm_is_told_once_of_what_its_device_knows,
    an_entry_has_its_group,
    an_unused_entry_holds_nothing,
    an_entry_counts_for_what_it_saw,
    a_listed_entry_counts_for_its_group,
    an_entry_is_of_a_group_with_an_iommu,
    a_linked_table_is_the_one_that_was_seen,
    two_entries_of_a_list_are_of_two_groups,
    a_group_knows_a_vm_that_lists_it,
    no_entry_keeps_a_file,
    file_del_gives_up_what_it_took_out,
    a_dying_vm_gives_up_what_it_took_out,
    file_del_keeps_the_file_of_its_device,
    file_add_keeps_the_file_of_its_device,
    file_add_works_on_the_group_that_it_counted,
    file_add_lists_what_it_holds,
)
