"""What any process does with any fd: close it, hand it on, fork, be killed."""

from __future__ import annotations

from tenure.reference.calls import OK, Task
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.types import NONE


def may_close(machine: Machine, process: int, file: int) -> bool:
    """The process has the fd."""
    return machine.processes[process].has(file)


def close(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Drop an fd; the release of the file is due once no reference is left, whoever held the last (filp_close)."""
    machine.processes[process].drop(file)
    return OK


def may_pass_file(machine: Machine, process: int, file: int, to: int) -> bool:
    """The process has the fd; that the other has it already does no harm."""
    return machine.processes[process].has(file) and 0 <= to < len(machine.processes)


def pass_file(machine: Machine, _: Task, process: int, file: int, to: int) -> Answer:
    """Give another process an fd of the same file (SCM_RIGHTS)."""
    machine.processes[to].install(machine.processes[process].file(file))
    return OK


def may_fork(machine: Machine, process: int, child: int) -> bool:
    """The parent has fds, the child is new: it has none, and no VM is for its memory."""
    parent, new = machine.processes[process], machine.processes[child]
    unused = all(file is None for file in new.fds) and all(vm.mm != child for vm in machine.vms)
    return any(file is not None for file in parent.fds) and unused


def fork(machine: Machine, _: Task, process: int, child: int) -> Answer:
    """Make a process whose fds share the files of its parent (dup_fd)."""
    for file in machine.processes[process].fds:
        if file is not None:
            machine.processes[child].install(file)
    return OK


def may_exit_process(machine: Machine, process: int) -> bool:
    """Any process can be killed; that its calls end first is the scheduler's part."""
    return 0 <= process < len(machine.processes)


def exit_process(machine: Machine, _: Task, process: int) -> Answer:
    """Be killed: every fd is dropped at once, and nobody is left whom its external users serve (do_exit)."""
    leaving = machine.processes[process]
    for file in leaving.fds:
        if file is not None:
            leaving.drop(file.index)
    for user in machine.users:
        if user.process == process:
            user.process = NONE
    for vm in machine.vms:
        if vm.mm == process:
            vm.mm = NONE
    return OK
