"""What stands for a container in an iommufd: one of its IO address spaces, or that it is for groups without IOMMU.

Linux 6.2 to 7.2, drivers/iommu/iommufd/vfio_compat.c. VFIO_IOAS reads and changes which IO address space it is.
"""

from tenure.models import iommufd_tables
from tenure.models.cdev_fields import iommufd_of
from tenure.models.files import is_open
from tenure.models.iommufd import open_iommufd
from tenure.models.locks_iommufd import OBJECT_TABLE
from tenure.vocabulary.calls import Call, Steps, call, done, number, refuse, requires, step
from tenure.vocabulary.effects import provided
from tenure.vocabulary.objects import FILE, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, in_flight, is_none, no
from tenure.vocabulary.types import FLAG

compat_ioas = state(
    "compat ioas", FILE, TABLE.maybe, meaning="`vfio_ioas`: the iommufd's IO address space that stands for a container"
)
no_iommu_mode = state(
    "no-IOMMU mode", FILE, FLAG, meaning="`no_iommu_mode`: a group without IOMMU has used the iommufd"
)


def is_unmade(one: Term) -> Term:
    """The IO address space's name is unused, and no call is going to use it."""
    return both(is_none(iommufd_of[one]), no(in_flight(one)))


@call("IOMMU_VFIO_IOAS, GET", actor=THREAD, source="iommufd_vfio_ioas, 6.2-7.2", process=PROCESS, file=FILE)
def get_vfio_ioas(process: Term, file: Term) -> Steps:
    """Say which IO address space stands for a container."""
    yield requires(is_open(process, file, "iommufd"))
    yield step(
        "get",
        refuse(is_none(compat_ioas[file]), "ENODEV", "none stands for a container"),
        done(ioas=compat_ioas[file]),
        locks=(OBJECT_TABLE,),
    )


@call(
    "IOMMU_VFIO_IOAS, SET",
    actor=THREAD,
    source="iommufd_vfio_ioas, 6.2-7.2",
    process=PROCESS,
    file=FILE,
    obj=number(TABLE),
)
def set_vfio_ioas(process: Term, file: Term, obj: Term) -> Steps:
    """Have an IO address space stand for a container."""
    yield requires(is_open(process, file, "iommufd"))
    yield step(
        "set",
        refuse(no(iommufd_of[obj] == file), "ENOENT", "the iommufd has no such IO address space"),
        done(compat_ioas[file].becomes(obj)),
        locks=(OBJECT_TABLE,),
    )


@call("IOMMU_VFIO_IOAS, CLEAR", actor=THREAD, source="iommufd_vfio_ioas, 6.2-7.2", process=PROCESS, file=FILE)
def clear_vfio_ioas(process: Term, file: Term) -> Steps:
    """Have none stand for a container; those that were attached to it stay so."""
    yield requires(is_open(process, file, "iommufd"))
    yield step("clear", done(compat_ioas[file].becomes(None)), locks=(OBJECT_TABLE,))


def _destroy() -> Call:
    """DESTROY: what is destroyed stands for no container any more."""
    old = iommufd_tables.destroy
    file, obj = old.parameter("file"), old.parameter("obj")
    return old.with_effects(provided(compat_ioas[file] == obj, compat_ioas[file].becomes(None)))


def _release() -> Call:
    """The release of an iommufd: the name may be used again, for one that knows neither."""
    file = iommufd_tables.release_iommufd.parameter("file")
    gone = compat_ioas[file].becomes(None), no_iommu_mode[file].becomes(value=False)
    return iommufd_tables.release_iommufd.with_effects(*gone)


def _ioas_alloc() -> Call:
    """IOAS_ALLOC, beside calls that are about to make an IO address space."""
    old = iommufd_tables.ioas_alloc
    return old.requiring(is_unmade(old.parameter("made")))


CALLS: tuple[Call, ...] = (
    open_iommufd,
    _ioas_alloc(),
    _destroy(),
    _release(),
    get_vfio_ioas,
    set_vfio_ioas,
    clear_vfio_ioas,
)
