"""KVM and device files that are opened by themselves: a file is told of a VM, and its bind takes a reference to that VM.

From Linux 6.6 on, as in 7.2: a list goes with the fd of its KVM VFIO device. Before that cure it went with its VM.
"""

from collections.abc import Callable
from dataclasses import replace

from tenure.models import kvm_files, kvm_get_put, vms
from tenure.models.cdev_fields import bound_to
from tenure.models.files import file_device, kind
from tenure.models.harm import uses_after_free
from tenure.models.kvm_devices import drops, more, takes
from tenure.models.kvm_files import entry_file
from tenure.models.locks_kvm_2022 import TELL, VM_REFERENCE, VM_REFERENCE_DESTROYS
from tenure.models.vms import file_vm, vm_exists, vm_references
from tenure.vocabulary.calls import Call, Case, Step, local
from tenure.vocabulary.effects import provided
from tenure.vocabulary.locks import Reference
from tenure.vocabulary.objects import FILE, VM
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, every, is_none, no

file_kvm = state("file kvm", FILE, VM.maybe, meaning="the device file's uncounted pointer to a VM: `kvm`")


Files = Callable[[Term], Term]
"""Which files are device files that are opened by themselves."""


def is_of_device(file: Term) -> Term:
    """The file is a device's, where each of them is opened by itself."""
    return kind[file] == "device"


def _tells(call: Call, by_itself: Files) -> Call:
    """FILE_ADD: a device's file is told of the VM, too, whoever it was told of before (vfio_device_file_set_kvm)."""
    target, vm = local("target", FILE.maybe), file_vm[call.parameter("file")]

    def change(old: Step) -> Step:
        *refusals, listing = old.cases
        told = provided(by_itself(target), file_kvm[target].becomes(vm))
        return replace(old, cases=(*refusals, more(listing, told)))

    return call.otherwise("list", change)


def _forgets(case: Case, entry: Term, by_itself: Files) -> Case:
    """The entry is given up: a device's file is told that there is no VM."""
    file = entry_file[entry]
    return more(case, provided(by_itself(file), file_kvm[file].becomes(None)))


def _forgets_found(call: Call, by_itself: Files) -> Call:
    """FILE_DEL: the same of the entry that is found."""

    def change(old: Step) -> Step:
        found, *refusals = old.cases
        assert found.pick is not None  # noqa: S101  # it picks an entry of the list
        return replace(old, cases=(_forgets(found, found.pick.variable, by_itself), *refusals))

    return call.otherwise("remove", change)


def _forgets_each(call: Call, by_itself: Files) -> Call:
    """The end of a list: the same of each entry."""
    entry = call.parameter("entry")

    def change(old: Step) -> Step:
        return replace(old, cases=tuple(_forgets(c, entry, by_itself) for c in old.cases))

    return call.otherwise("remove", change)


def _changes_binding(case: Case) -> bool:
    """The case binds a device file, or undoes that."""
    return any(one.field is bound_to for one in case.effects)


def takes_vm(call: Call, reference: Reference) -> Call:
    """BIND: the device refers to the VM that its file was told of, and takes a reference to it, if there is one left to take.

    A bind that is refused leaves every reference as it was.
    """
    file = call.parameter("file")
    device, vm = file_device[file], file_kvm[file]
    told = no(is_none(vm))

    def change(old: Step) -> Step:
        *refusals, last = old.cases
        assert _changes_binding(last)  # noqa: S101  # a bind that nothing is in the way of comes last
        follows = uses_after_free(both(told, no(vm_exists[vm])))
        known = replace(more(last, *takes(device, vm)), when=both(told, vm_references[vm] > 0))
        return replace(old, cases=(*refusals, follows, known, last), drops=(*old.drops, reference))

    return call.otherwise("bind", change)


def drops_vm(call: Call, reference: Reference) -> Call:
    """The release of a bound file drops the device's reference to its VM, which may be the last; the file's pointer goes with it."""
    file = call.parameter("file")

    def close(old: Step) -> Step:
        cases = (more(c, *drops(file_device[file])) if _changes_binding(c) else c for c in old.cases)
        return replace(old, cases=tuple(cases), drops=(*old.drops, reference))

    def put(old: Step) -> Step:
        return replace(old, cases=tuple(more(c, file_kvm[file].becomes(None)) for c in old.cases))

    return call.otherwise("close", close).otherwise("put", put)


def knows_vms(calls: tuple[Call, ...], reference: Reference) -> tuple[Call, ...]:
    """The calls of device files, where these know VMs."""
    changed = {"bind": takes_vm, "release_device": drops_vm}
    return tuple(changed[c.name](c, reference) if c.name in changed else c for c in calls)


def _unknown(call: Call) -> Call:
    """KVM_CREATE_VM: no device file knows the name either."""
    return call.requiring(every(FILE, lambda f: no(file_kvm[f] == call.parameter("made"))))


def _drops_under(call: Call, reference: Reference) -> Call:
    """The same call, whose last step may drop the last reference to a VM."""
    return replace(call, steps=tuple(replace(s, drops=(reference,)) for s in call.steps))


def _lists(by_itself: Files) -> tuple[Call, ...]:
    """VMs and their lists, whenever these go."""
    return (
        _unknown(vms.create_vm),
        vms.create_kvm_vfio,
        _tells(kvm_files.file_add, by_itself),
        _forgets_found(kvm_files.file_del, by_itself),
    )


def calls(by_itself: Files) -> tuple[Call, ...]:
    """Today: what a KVM VFIO device keeps goes with its fd."""
    return (
        *_lists(by_itself),
        vms.destroy_vm,
        kvm_files.release_vm,
        _forgets_each(kvm_files.release_entry, by_itself),
        kvm_files.release_kvm_vfio,
    )


CALLS: tuple[Call, ...] = calls(is_of_device)
"""The same where no device file is opened through a group."""

CALLS_BEFORE_CYCLE_FIX: tuple[Call, ...] = (
    *_lists(is_of_device),
    kvm_get_put.destroy_vm,
    _drops_under(kvm_get_put.release_vm, VM_REFERENCE_DESTROYS),
    _drops_under(kvm_get_put.release_kvm_vfio, VM_REFERENCE_DESTROYS),
    _forgets_each(
        replace(kvm_files.destroy_entry, steps=tuple(replace(s, locks=TELL) for s in kvm_files.destroy_entry.steps)),
        is_of_device,
    ),
)
"""Before the cure: it goes with its VM, to which each device that is bound after it was told counts."""

REFERENCES = {"": VM_REFERENCE, "before-cycle-fix": VM_REFERENCE_DESTROYS}
"""What the last reference to a VM takes with it, by variant."""
