"""iommufds as device files meet them: files that have IO address spaces, to which devices are attached.

An IO address space stands here for itself and for the hardware page table that is made for it: one table. What else there is
in an iommufd's object table is not told.
"""

from tenure.models.cdev_fields import attached_to, iommufd_of
from tenure.models.files import closed, is_open, kind, releasable
from tenure.models.iommufd import open_iommufd
from tenure.models.locks_iommufd import IOAS_MUTEX, OBJECT_TABLE
from tenure.vocabulary.calls import Steps, call, done, new, number, refuse, requires, step
from tenure.vocabulary.effects import each
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, TABLE, THREAD
from tenure.vocabulary.terms import Term, is_none, no, some


@call("IOMMU_IOAS_ALLOC", actor=THREAD, source="iommufd_ioas_alloc_ioctl", process=PROCESS, file=FILE, made=new(TABLE))
def ioas_alloc(process: Term, file: Term, made: Term) -> Steps:
    """Make an IO address space."""
    yield requires(is_open(process, file, "iommufd"), is_none(iommufd_of[made]))
    yield step("make", done(iommufd_of[made].becomes(file)), locks=(OBJECT_TABLE,))


@call(
    "IOMMU_DESTROY",
    actor=THREAD,
    source="iommufd_destroy, iommufd_objremove",
    process=PROCESS,
    file=FILE,
    obj=number(TABLE),
)
def destroy(process: Term, file: Term, obj: Term) -> Steps:
    """Destroy an IO address space to which no device is attached."""
    yield requires(is_open(process, file, "iommufd"))
    yield step(
        "remove",
        refuse(no(iommufd_of[obj] == file), "ENOENT", "the iommufd has no such IO address space"),
        refuse(some(DEVICE, lambda d: attached_to[d] == obj), "EBUSY", "a device is attached to it"),
        done(iommufd_of[obj].becomes(None)),
        locks=(OBJECT_TABLE,),
    )


@call("release of an iommufd", actor="file", internal=True, source="iommufd_fops_release", file=FILE)
def release_iommufd(file: Term) -> Steps:
    """The iommufd goes with its IO address spaces; no device is bound to it, for each keeps it open."""
    yield requires(kind[file] == "iommufd", releasable(file))
    gone = each(TABLE, lambda t: iommufd_of[t].becomes(None), where=lambda t: iommufd_of[t] == file)
    yield step("free", done(gone, *closed(file)), locks=(IOAS_MUTEX,))


CALLS = (open_iommufd, ioas_alloc, destroy, release_iommufd)
