"""The files of November 2011 as they are shared and released: in any order; the last ones close and dissolve the metagroup."""

from collections.abc import Callable

from tenure.models import files
from tenure.models.files import fd, file_device, file_group, kind
from tenure.models.groups import driver, group_of
from tenure.models.harm import uses_after_free
from tenure.models.locks_2011 import DGATE, RELEASE_Q, VFIO_LOCK
from tenure.models.metagroups import (
    asked,
    closed,
    dissolved,
    file_metagroup,
    in_use,
    is_kept,
    metagroup,
    mm,
    releasable,
    touches,
)
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Step, Steps, call, done, go, local, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, METAGROUP, PROCESS, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, every, in_flight, no, some
from tenure.vocabulary.types import FLAG

exited = state("exited", PROCESS, FLAG, meaning="the process is gone, and no other gets its name")


def _gone(file: Term) -> tuple[Assign, ...]:
    """The file object is gone, and its name unused again."""
    return (
        kind[file].becomes("closed"),
        file_group[file].becomes(None),
        file_device[file].becomes(None),
        file_metagroup[file].becomes(None),
    )


def _drop(ways: Ways, one: Term, file: Term, ending: Callable[..., Case]) -> Step:
    """vfio_try_dissolve: with its last iommu and device file the metagroup is closed, with its last file it is dissolved."""
    closes = (*_gone(file), *closed(one))
    stays = ending(*closes) if ways.from_outside else ending(*closes, when=is_kept(one, file))
    goes = () if ways.from_outside else (ending(*closes, *dissolved(one)),)
    return step(
        "drop",
        touches(one),
        ending(*_gone(file), asked[one].becomes(value=False), when=in_use(one, file)),
        stays,
        *goes,
        locks=(VFIO_LOCK, briefly(DGATE)),
        wakes=(RELEASE_Q,),
    )


def _dropped(ways: Ways, one: Term, file: Term, ending: Callable[..., Case]) -> Steps:
    """The same, of the metagroup in which the group is; the code looked it up before it took the lock."""
    if not ways.reads_metagroup_under_lock:
        sampled = local("iommu", METAGROUP.maybe)
        yield step("sample", go(sampled.becomes(one)))
        one = sampled
    yield _drop(ways, one, file, ending)


def release_group_in(ways: Ways) -> Call:
    """The release of a group file, done in these ways."""

    @call("release of a group file", actor="file", internal=True, source="vfio_group_release", file=FILE)
    def release_group(file: Term) -> Steps:
        """One file of the group less."""
        yield requires(kind[file] == "group", releasable(file))
        yield from _dropped(ways, metagroup[file_group[file]], file, done)

    return release_group


def release_iommu_in(ways: Ways) -> Call:
    """The release of an iommu file, done in these ways."""

    @call("release of an iommu file", actor="file", internal=True, source="vfio_iommu_release", file=FILE)
    def release_iommu(file: Term) -> Steps:
        """One file of the metagroup less."""
        yield requires(kind[file] == "iommu", releasable(file))
        yield _drop(ways, file_metagroup[file], file, done)

    return release_iommu


def release_device_in(ways: Ways) -> Call:
    """The release of a device file, done in these ways."""

    @call("release of a device file", actor="file", internal=True, source="vfio_device_release", file=FILE)
    def release_device(file: Term) -> Steps:
        """The device's driver is told, and one file of the device is less."""
        yield requires(kind[file] == "device", releasable(file))
        one = metagroup[group_of[file_device[file]]]
        if ways.puts_device_first:
            yield _told(file_device[file], go)
            yield from _dropped(ways, one, file, done)
            return
        device = local("device", DEVICE.maybe)
        yield step("look", go(device.becomes(file_device[file])))
        yield from _dropped(ways, one, file, go)
        yield _told(device, done)

    return release_device


def _told(device: Term, ending: Callable[..., Case]) -> Step:
    """The driver's put callback."""
    return step("put", uses_after_free(no(driver[device] == "vfio")), ending())


PASS_FILE = files.pass_file.requiring(no(exited[files.pass_file.parameter("to")]))
"""Nobody hands a file to a process that is gone."""

_CHILD = files.fork.parameter("child")
FORK = files.fork.requiring(both(no(exited[_CHILD]), every(METAGROUP, lambda one: no(mm[one] == _CHILD))))
"""A new process has memory of its own."""


@call("exit", actor=THREAD, source="do_exit, exit_files", process=PROCESS)
def exit_process(process: Term) -> Steps:
    """Be killed: its calls finish, then every fd is dropped at once; what metagroups know of its memory stays known."""
    yield requires(some(FILE, lambda f: fd[process, f]), no(in_flight(process)))
    yield step(
        "drop_all",
        done(each(FILE, lambda f: fd[process, f].becomes(value=False)), exited[process].becomes(value=True)),
    )


CALLS = (files.close, PASS_FILE, FORK, exit_process)
"""Those that every design has as they are."""
