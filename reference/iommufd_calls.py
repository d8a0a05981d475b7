"""The calls of an iommufd: objects made, looked up, used and destroyed, and what its release destroys."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.reference.calls import EBUSY, ENOENT, OK, Part, Steps, Task
from tenure.reference.files import CLOSED, IOMMUFD_FILE, File
from tenure.reference.iommufd import IOAS, IommuObject
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_open_iommufd(machine: Machine, process: int, file: int) -> bool:
    """The name is free."""
    return 0 <= process < len(machine.processes) and machine.files[file].kind == CLOSED


def open_iommufd(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Get an iommufd with an empty table (iommufd_fops_open)."""
    opened = machine.files[file] = File(file, IOMMUFD_FILE)
    machine.processes[process].install(opened)
    return OK


def may_ioas_alloc(machine: Machine, process: int, file: int, made: int) -> bool:
    """The process has the iommufd, and the id is free."""
    return may_use_iommufd(machine, process, file) and machine.objects[made].context is None


def ioas_alloc(machine: Machine, _: Task, process: int, file: int, made: int) -> Answer:
    """Make an IO address space that only the table counts (iommufd_ioas_alloc_ioctl)."""
    machine.objects[made] = IommuObject(made, IOAS, machine.processes[process].file(file), users=1)
    return OK


def may_use_iommufd(machine: Machine, process: int, file: int, obj: int = 0) -> bool:
    """The process has the iommufd; an id may be any."""
    return machine.processes[process].has(file, IOMMUFD_FILE) and 0 <= obj < len(machine.objects)


def iova_ranges(machine: Machine, me: Task, process: int, file: int, obj: int) -> Steps:
    """Look an IO address space up, work on it, put it; ENOENT (iommufd_ioas_iova_ranges)."""
    context = me.hold(machine.processes[process].file(file))
    found = look_up(machine, context, obj)
    if found is None or found.type != IOAS or not found.lock():
        return ENOENT

    yield "iova_ranges.use"
    found.touch()
    yield from put(found, "iova_ranges.put")
    return OK


def destroy(machine: Machine, me: Task, process: int, file: int, obj: int) -> Steps:
    """Destroy an object that only the table counts; ENOENT, EBUSY (iommufd_destroy)."""
    context = me.hold(machine.processes[process].file(file))
    found = look_up(machine, context, obj)
    if found is None:
        return ENOENT
    if found.users != 1:
        return EBUSY
    found.erase()
    found.drop_wait()

    yield "destroy.destroy"
    yield from wait_for(found)
    found.free()
    return OK


def may_destroy_left(machine: Machine, file: int, obj: int) -> bool:
    """The last reference to the iommufd is gone, and nobody but the table counts the object."""
    left = machine.objects[obj]
    return _is_closing(machine, file) and left.context is machine.files[file] and left.users == 1


def destroy_left(machine: Machine, _: Task, file: int, obj: int) -> Answer:
    """Take an object out of the table and free it (iommufd_fops_release)."""
    del file
    left = machine.objects[obj]
    left.erase()
    left.drop_wait()
    left.free()
    return OK


def may_release_iommufd(machine: Machine, file: int) -> bool:
    """The last reference is gone, and the table is empty."""
    return _is_closing(machine, file) and not any(o.context is machine.files[file] for o in machine.objects)


def release_iommufd(machine: Machine, _: Task, file: int) -> Answer:
    """The iommufd goes with its file (iommufd_fops_release)."""
    machine.files[file].gone()
    return OK


def due_objects(machine: Machine) -> Iterator[tuple[str, dict[str, int]]]:
    """What the release of iommufds has to do: object by object, then the rest."""
    for file in machine.files:
        if may_release_iommufd(machine, file.index):
            yield "release_iommufd", {"file": file.index}
        for obj in machine.objects:
            if may_destroy_left(machine, file.index, obj.index):
                yield "destroy_left", {"file": file.index, "obj": obj.index}


def look_up(machine: Machine, context: File, obj: int) -> IommuObject | None:
    """What the table of an iommufd has under an id."""
    found = machine.objects[obj]
    return found if found.listed and found.context is context else None


def put(obj: IommuObject, steps: str) -> Part:
    """A call puts an object: it relies on it no longer, then has it in hand no longer (iommufd_put_object)."""
    yield f"{steps}_user"
    obj.drop_user()

    yield f"{steps}_wait"
    obj.drop_wait()


def wait_for(obj: IommuObject) -> Part:
    """Sleep until no call has the object in hand."""
    while obj.wait_cnt > 0:
        yield BLOCKED


def _is_closing(machine: Machine, file: int) -> bool:
    return machine.files[file].kind == IOMMUFD_FILE and machine.files[file].is_due()
