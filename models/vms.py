"""VMs and their KVM VFIO device: files that refer to a VM, one VFIO device for each VM, a list of entries in it.

An entry is an external user: one group or file on which the VM relies.
"""

from tenure.models import files
from tenure.models.files import closed, fd, is_free, is_open, kind
from tenure.models.locks_kvm import KVM_LOCK
from tenure.vocabulary.calls import Call, Case, Steps, call, done, new, refuse, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import FILE, GROUP, PROCESS, THREAD, USER, VM
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, busy, every, in_flight, is_none, no
from tenure.vocabulary.types import COUNT, FLAG

file_vm = state("file vm", FILE, VM.maybe, meaning="the VM of a VM file or of the file of a KVM VFIO device")
vm_references = state("vm references", VM, COUNT, meaning="the VM's reference count: `users_count`")
vm_exists = state("vm exists", VM, FLAG, meaning="the VM's memory is not freed")
vm_mm = state("vm mm", VM, PROCESS.maybe, meaning="the process for whose memory the VM is: `mm`; none: it is gone")
has_device = state("has device", VM, FLAG, meaning="a KVM VFIO device is in the VM's list of devices")
listed = state("listed", USER, VM.maybe, meaning="the VM in the list of whose KVM VFIO device the entry is")
group_kvm = state("group kvm", GROUP, VM.maybe, meaning="the group's uncounted pointer to a VM: `kvm`")


def is_unmade(vm: Term) -> Term:
    """The VM's name is unused: no memory, no file and no group knows it."""
    known = every(FILE, lambda f: no(file_vm[f] == vm)), every(GROUP, lambda g: no(group_kvm[g] == vm))
    return both(no(vm_exists[vm]), *known)


def is_unlisted(entry: Term) -> Term:
    """The entry's name is unused: it is in no list, and no call works on it."""
    return both(is_none(listed[entry]), no(in_flight(entry)), no(busy(entry)))


def is_dying(vm: Term) -> Term:
    """The VM's last reference is gone, so its destruction may run."""
    return both(vm_exists[vm], vm_references[vm] == 0)


def is_empty(vm: Term) -> Term:
    """No entry is in the list of the VM's KVM VFIO device."""
    return every(USER, lambda u: no(listed[u] == vm))


def forgets_vm(group: Term) -> Assign:
    """The group is told that there is no VM (set_kvm with NULL)."""
    return group_kvm[group].becomes(None)


def foreign(vm: Term, process: Term) -> Case:
    """The VM is for the memory of another process: kvm_vm_ioctl, and from 5.1 on kvm_device_ioctl."""
    return refuse(no(vm_mm[vm] == process), "EIO", "the VM is of another process")


def drops_vm(file: Term) -> Case:
    """The file's reference to its VM goes with it."""
    vm = file_vm[file]
    return done(vm_references[vm].becomes(vm_references[vm] - 1), file_vm[file].becomes(None), *closed(file))


@call("KVM_CREATE_VM", actor=THREAD, source="kvm_dev_ioctl_create_vm", process=PROCESS, file=new(FILE), made=new(VM))
def create_vm(process: Term, file: Term, made: Term) -> Steps:
    """Make a VM, referenced by its file."""
    yield requires(is_free(file), is_unmade(made))
    yield step(
        "create",
        done(
            kind[file].becomes("vm"),
            file_vm[file].becomes(made),
            fd[process, file].becomes(value=True),
            vm_exists[made].becomes(value=True),
            vm_references[made].becomes(1),
            vm_mm[made].becomes(process),
        ),
    )


@call(
    "KVM_CREATE_DEVICE",
    actor=THREAD,
    source="kvm_ioctl_create_device, kvm_vfio_create",
    process=PROCESS,
    file=FILE,
    made=new(FILE),
)
def create_kvm_vfio(process: Term, file: Term, made: Term) -> Steps:
    """Make the VM's KVM VFIO device; its file refers to the VM too."""
    vm = file_vm[file]
    yield requires(is_open(process, file, "vm"), is_free(made))
    yield step(
        "create",
        foreign(vm, process),
        refuse(has_device[vm], "EBUSY", "the VM has a KVM VFIO device already"),
        done(
            has_device[vm].becomes(value=True),
            kind[made].becomes("kvm_vfio"),
            file_vm[made].becomes(vm),
            fd[process, made].becomes(value=True),
            vm_references[vm].becomes(vm_references[vm] + 1),
        ),
        locks=(KVM_LOCK,),
    )


@call("end of a VM", actor="vm", internal=True, source="kvm_destroy_vm", vm=VM)
def destroy_vm(vm: Term) -> Steps:
    """With its last reference, and after the entries of its KVM VFIO device, the VM is gone."""
    yield requires(is_dying(vm), is_empty(vm))
    forgotten = has_device[vm].becomes(value=False), vm_mm[vm].becomes(None)
    yield step("free", done(vm_exists[vm].becomes(value=False), *forgotten))


_CHILD, _GONE = files.fork.parameter("child"), files.exit_process.parameter("process")
FORK = files.fork.requiring(every(VM, lambda vm: no(vm_mm[vm] == _CHILD)))
"""A new process has memory of its own, for which no VM is."""

EXIT = files.exit_process.with_effects(each(VM, lambda vm: vm_mm[vm].becomes(None), lambda vm: vm_mm[vm] == _GONE))
"""A process that is gone leaves VMs that nobody may call any more; who gets its name has other memory."""


def for_processes(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls, where VMs are for the memory of processes."""
    changed = {c.name: c for c in (FORK, EXIT)}
    return tuple(changed.get(c.name, c) for c in calls)
