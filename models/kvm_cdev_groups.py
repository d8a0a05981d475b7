"""KVM beside groups and device files that are opened by themselves: a first open takes a reference to a VM on either path.

Linux 7.2. A list keeps files of groups and of devices; a group tells its devices of the VM, and a device file that is opened by
itself tells its own.
"""

from dataclasses import replace

from tenure.models import kvm_cdevs, kvm_devices, vms
from tenure.models.cdev_fields import bound_to
from tenure.models.cdev_groups import is_cdev
from tenure.models.device_files import counted_in
from tenure.models.files import file_device
from tenure.models.iommufd_groups import bound_through_group
from tenure.models.kvm_cdevs import file_kvm
from tenure.models.kvm_devices import drops, more
from tenure.models.locks_kvm_2022 import VM_REFERENCE
from tenure.vocabulary.calls import Call, Case, Step


def _closes(case: Case) -> bool:
    """The case closes the device: it ends a binding, or the use of the group."""
    return any(one.field in (bound_to, bound_through_group, counted_in) for one in case.effects)


def _release_device(call: Call) -> Call:
    """The last close of a device drops its reference to a VM, which may be the last; what its file was told goes with the file."""
    file = call.parameter("file")

    def close(old: Step) -> Step:
        cases = (more(c, *drops(file_device[file])) if _closes(c) else c for c in old.cases)
        return replace(old, cases=tuple(cases), drops=(*old.drops, VM_REFERENCE))

    def put(old: Step) -> Step:
        return replace(old, cases=tuple(more(c, file_kvm[file].becomes(None)) for c in old.cases))

    return call.otherwise("close", close).otherwise("put", put)


def _knowing_vms(call: Call) -> Call:
    """The call of groups or devices, where these know VMs."""
    match call.name:
        case "bind":
            return kvm_cdevs.takes_vm(call, VM_REFERENCE)
        case "get_device_fd":
            return kvm_devices.takes_vm(call)
        case "release_device":
            return _release_device(call)
        case "unbind_driver":
            return kvm_devices.forgets_group(call)
        case _:
            return call


def with_vms(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The calls of groups and devices where there are VMs, and those of VMs."""
    return (*map(_knowing_vms, vms.for_processes(calls)), *kvm_cdevs.calls(is_cdev))
