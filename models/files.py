"""Files: fd tables, sharing between processes, and release at the last reference."""

from tenure.vocabulary.calls import Steps, call, done, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, PROCESS, THREAD, USER
from tenure.vocabulary.observables import FILE_KIND
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import Term, both, either, every, in_flight, no, some
from tenure.vocabulary.types import COUNT, FLAG

fd = state("fd", PROCESS, FILE, FLAG, meaning="the process has the file in its fd table")
kind = state("kind", FILE, FILE_KIND, meaning="what the file is; closed: the name is unused")
file_container = state("file container", FILE, CONTAINER.maybe, meaning="the container that the file stands for")
file_group = state("file group", FILE, GROUP.maybe, meaning="the group of a group or device file")
file_device = state("file device", FILE, DEVICE.maybe, meaning="the device of a device file")
kept = state("kept", USER, FILE, FLAG, meaning="the external user keeps a reference to the file (fget)")
gets = state("gets", FILE, COUNT, meaning="references that the kernel itself took to an open file (get_file)")
owner = state("owner", USER, PROCESS.maybe, meaning="the process whose KVM the external user is; none once it is gone")
rawio = fixed("rawio", PROCESS, FLAG, meaning="the process has CAP_SYS_RAWIO")


def referenced(file: Term) -> Term:
    """Some fd table, some call in flight, some external user or the kernel itself refers to the file."""
    return no(_unheld(file))


def releasable(file: Term) -> Term:
    """The last reference to an open file is gone, so its release may run."""
    return both(no(kind[file] == "closed"), _unheld(file))


def is_free(file: Term) -> Term:
    """The name is unused."""
    return both(kind[file] == "closed", _unheld(file))


def is_open(process: Term, file: Term, what: str) -> Term:
    """The process has an fd for a file of this kind."""
    return both(fd[process, file], kind[file] == what)


def closed(file: Term) -> tuple[Assign, ...]:
    """The file object is gone and its name unused again."""
    return (
        kind[file].becomes("closed"),
        file_container[file].becomes(None),
        file_group[file].becomes(None),
        file_device[file].becomes(None),
    )


def _unheld(file: Term) -> Term:
    return both(
        every(PROCESS, lambda p: no(fd[p, file])),
        no(in_flight(file)),
        every(USER, lambda u: no(kept[u, file])),
        gets[file] == 0,
    )


@call("close", actor=THREAD, source="close(2), fput", process=PROCESS, file=FILE)
def close(process: Term, file: Term) -> Steps:
    """Drop one fd; the file's release runs when the last reference is gone, whoever held it."""
    yield requires(fd[process, file])
    yield step("drop", done(fd[process, file].becomes(value=False)))


@call("SCM_RIGHTS", actor=THREAD, source="unix(7), SCM_RIGHTS", process=PROCESS, file=FILE, to=PROCESS)
def pass_file(process: Term, file: Term, to: Term) -> Steps:
    """Hand the same file object to another process."""
    yield requires(fd[process, file], no(fd[to, file]))
    yield step("pass", done(fd[to, file].becomes(value=True)))


@call("fork", actor=THREAD, source="fork(2), dup_fd", process=PROCESS, child=PROCESS)
def fork(process: Term, child: Term) -> Steps:
    """Make a process that shares every open file of its parent."""
    yield requires(some(FILE, lambda f: fd[process, f]), every(FILE, lambda f: no(fd[child, f])), no(in_flight(child)))
    yield step("copy", done(each(FILE, lambda f: fd[child, f].becomes(fd[process, f]))))


@call("exit", actor=THREAD, source="do_exit, exit_files", process=PROCESS)
def exit_process(process: Term) -> Steps:
    """Be killed: its calls finish, then every fd is dropped at once; its external users are released by the kernel."""
    has_something = either(some(FILE, lambda f: fd[process, f]), some(USER, lambda u: owner[u] == process))
    yield requires(has_something, no(in_flight(process)))
    yield step(
        "drop_all",
        done(
            each(FILE, lambda f: fd[process, f].becomes(value=False)),
            each(USER, lambda u: owner[u].becomes(None), where=lambda u: owner[u] == process),
        ),
    )


CALLS = (close, pass_file, fork, exit_process)
