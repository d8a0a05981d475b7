"""What holds open devices and the modules of their drivers together: helper invariants for the proofs."""

from tenure.models.files import fd, file_device, kind
from tenure.models.harm import STOPPED
from tenure.models.modules import keeps, module_goes, open_references
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, busy, implies, is_none, no, number_of


@claim(device=DEVICE)
def a_module_with_a_reference_does_not_go(device: Term) -> Term:
    """No module of a driver is removed while somebody refers to it."""
    return implies(module_goes[device], open_references[device] == 0)


@claim(device=DEVICE)
def each_device_file_keeps_the_module(device: Term) -> Term:
    """Up to 6.1 the module of a device's driver is referenced once for each file that has a reference."""
    return open_references[device] == number_of(FILE, lambda f: keeps[f] == device)


@claim(file=FILE)
def a_device_file_keeps_the_module_until_its_release(file: Term) -> Term:
    """Up to 5.18 a device file, and no other, has its reference from the step that makes it until its release begins."""
    is_open = both(kind[file] == "device", no(busy(file)))
    return both(
        implies(no(is_none(keeps[file])), both(is_open, keeps[file] == file_device[file])),
        implies(both(is_open, no(STOPPED)), keeps[file] == file_device[file]),
    )


@claim(process=PROCESS, file=FILE)
def an_fd_keeps_the_module(process: Term, file: Term) -> Term:
    """A device file that somebody has an fd of has its reference, even where the kernel stopped in the release of another."""
    return implies(both(fd[process, file], kind[file] == "device"), keeps[file] == file_device[file])


CLAIMS = (
    a_module_with_a_reference_does_not_go,
    each_device_file_keeps_the_module,
    a_device_file_keeps_the_module_until_its_release,
    an_fd_keeps_the_module,
)
CLAIMS_6_1 = (a_module_with_a_reference_does_not_go, each_device_file_keeps_the_module)
