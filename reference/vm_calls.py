"""VMs: made, given a KVM VFIO device, and gone with their last reference."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, EIO, OK, Task
from tenure.reference.coherency import tell
from tenure.reference.files import CLOSED, KVM_VFIO_FILE, VM_FILE, File
from tenure.reference.machine import Machine
from tenure.reference.vms import KvmVfio, Vm
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.types import NONE


def may_create_vm(machine: Machine, process: int, file: int, made: int) -> bool:
    """Both names are free, and no group and no file points to the last VM of the name."""
    told = (*(group.vfio.kvm for group in machine.groups), *(one.kvm for one in machine.files))
    return (
        0 <= process < len(machine.processes)
        and machine.files[file].kind == CLOSED
        and not machine.vms[made].alive
        and all(vm is None or vm.index != made for vm in told)
    )


def create_vm(machine: Machine, _: Task, process: int, file: int, made: int) -> Answer:
    """Make a VM, referenced by its file (kvm_dev_ioctl_create_vm)."""
    vm = machine.vms[made] = Vm(made, users=1, mm=process, alive=True)
    opened = machine.files[file] = File(file, VM_FILE)
    opened.vm = vm
    machine.processes[process].install(opened)
    return OK


def may_create_kvm_vfio(machine: Machine, process: int, file: int, made: int) -> bool:
    """The process has the VM's fd, and the name of the new file is free."""
    return machine.processes[process].has(file, VM_FILE) and machine.files[made].kind == CLOSED


def create_kvm_vfio(machine: Machine, _: Task, process: int, file: int, made: int) -> Answer:
    """Make the VM's KVM VFIO device, whose file references the VM; EIO, EBUSY (kvm_ioctl_create_device, kvm_vfio_create)."""
    caller = machine.processes[process]
    vm = vm_of(caller.file(file))
    if vm.mm != process:
        return EIO
    if vm.device is not None:
        return EBUSY
    vm.device = KvmVfio(vm)
    opened = machine.files[made] = File(made, KVM_VFIO_FILE)
    opened.vm = vm
    vm.users += 1
    caller.install(opened)
    return OK


def may_release_vm(machine: Machine, file: int) -> bool:
    """The last reference to the VM's file is gone."""
    return machine.files[file].kind == VM_FILE and machine.files[file].is_due()


def may_release_kvm_vfio(machine: Machine, file: int) -> bool:
    """The last reference to the device's file is gone."""
    return machine.files[file].kind == KVM_VFIO_FILE and machine.files[file].is_due()


def put_vm(machine: Machine, _: Task, file: int) -> Answer:
    """Drop the file's reference to its VM (kvm_put_kvm in kvm_vm_release and kvm_device_release)."""
    closing = machine.files[file]
    vm_of(closing).users -= 1
    closing.gone()
    return OK


def may_destroy_vm(machine: Machine, vm: int) -> bool:
    """The last reference is gone, and no entry is left."""
    dying = machine.vms[vm]
    return dying.is_dying() and (dying.device is None or not dying.device.entries)


def destroy_vm(machine: Machine, _: Task, vm: int) -> Answer:
    """Free the VM, its devices and its hold on its maker's memory with it (kvm_destroy_vm)."""
    gone = machine.vms[vm]
    if gone.device is not None:
        tell(gone.device, noncoherent=False)  # the end of its list, where that goes with the VM (kvm_vfio_destroy)
    gone.alive = False
    gone.device = None
    gone.mm = NONE
    return OK


def vm_of(file: File) -> Vm:
    """The VM that a file stands for."""
    if file.vm is None:
        raise LookupError(f"f{file.index} is of no VM")
    return file.vm


def device_of(file: File) -> KvmVfio:
    """The KVM VFIO device behind its file."""
    device = vm_of(file).device
    if device is None:
        raise LookupError(f"the VM of f{file.index} has no KVM VFIO device")
    return device
