"""An open device refers to the VM of which its group was told: taken at the first open, dropped at the last close."""

from dataclasses import replace

from tenure.models import device_files, device_files_6_1, groups_6_1, groups_2022
from tenure.models.device_files import opens
from tenure.models.files import file_device, file_group
from tenure.models.groups import group_of
from tenure.models.harm import uses_after_free
from tenure.models.locks_kvm_2022 import VM_REFERENCE, VM_REFERENCE_6_1
from tenure.models.vms import forgets_vm, group_kvm, vm_exists, vm_references
from tenure.vocabulary.calls import Call, Case, Step, local
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Reference
from tenure.vocabulary.objects import DEVICE, VM
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, is_none, no

device_kvm = state("device kvm", DEVICE, VM.maybe, meaning="the VM to which the open device holds a reference")

Cases = tuple[Case, ...]


def more(case: Case, *effects: Assign) -> Case:
    """The case with these effects besides."""
    return replace(case, effects=(*case.effects, *effects))


def takes(device: Term, vm: Term) -> tuple[Assign, ...]:
    """The open device counts for the VM: vfio_device_get_kvm_safe."""
    return device_kvm[device].becomes(vm), vm_references[vm].becomes(vm_references[vm] + 1)


def drops(device: Term) -> tuple[Assign, ...]:
    """The device that is closed counts for its VM no longer, if it had one: vfio_device_put_kvm."""
    vm = device_kvm[device]
    return vm_references[vm].becomes(vm_references[vm] - 1), device_kvm[device].becomes(None)


def _told(call: Call) -> tuple[Term, Term, Term]:
    """The device that GET_DEVICE_FD opens, the VM that its group was told of, and whether this is a first open with a VM."""
    device, group = local("found", DEVICE.maybe), file_group[call.parameter("file")]
    vm = group_kvm[group]
    return device, vm, both(opens[device] == 0, no(is_none(vm)))


def takes_vm(call: Call) -> Call:
    """GET_DEVICE_FD: the first open takes a reference to the VM, if that has one left (vfio_device_get_kvm_safe)."""
    device, vm, told = _told(call)

    def change(old: Step) -> Step:
        *refusals, opening, again = old.cases
        follows = uses_after_free(both(told, no(vm_exists[vm])))
        known = replace(more(opening, *takes(device, vm)), when=both(told, vm_references[vm] > 0))
        return replace(old, cases=(*refusals, follows, known, opening, again))

    return call.otherwise("open", change)


def takes_vm_unasked(call: Call) -> Call:
    """The same in 6.1: the driver takes its reference without asking whether the VM has one left (kvm_get_kvm)."""
    device, vm, told = _told(call)

    def change(old: Step) -> Step:
        (opening,) = old.cases
        revives = uses_after_free(both(told, vm_references[vm] == 0))
        known = replace(more(opening, *takes(device, vm)), when=told)
        return replace(old, cases=(revives, known, opening))

    return call.otherwise("open", change)


def drops_vm(call: Call, reference: Reference) -> Call:
    """The release of a device's file: the last close drops the reference to the VM, which may be the last."""
    device = file_device[call.parameter("file")]

    def change(old: Step) -> Step:
        closing, *again = old.cases
        last = replace(more(closing, *drops(device)), when=opens[device] == 1)
        return replace(old, cases=(last, *(again or (closing,))), drops=(*old.drops, reference))

    return call.otherwise("close", change)


def forgets_group(call: Call) -> Call:
    """The unbind of a group's last device: the group goes, and with it its pointer to a VM; another will know of none."""
    group = group_of[call.parameter("device")]

    def change(old: Step) -> Step:
        others, *last = old.cases
        return replace(old, cases=(others, *(more(one, forgets_vm(group)) for one in last)))

    return call.otherwise("remove_group", change)


CALLS = (
    takes_vm(device_files.get_device_fd),
    drops_vm(device_files.release_device, VM_REFERENCE),
    forgets_group(groups_2022.unbind_driver),
)
"""The calls of 7.2 where devices know VMs."""

CALLS_6_1 = (
    takes_vm_unasked(device_files_6_1.get_device_fd),
    drops_vm(device_files_6_1.release_device, VM_REFERENCE_6_1),
    forgets_group(groups_6_1.unbind_driver),
)
"""The same of 6.1."""
