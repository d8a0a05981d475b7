"""The system `iommufd-objects`: the objects of iommufds, who relies on them, and how they go."""

from tenure.models import files, harm, iommufd, iommufd_devices, iommufd_hwpts
from tenure.models.iommufd_claims import CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, in_flight, is_none, no


def _rests(file: Term) -> Term:
    """No call on the file is in flight."""
    return both(no(in_flight(file)), no(busy(file)))


def _is_at_rest(obj: Term) -> Term:
    """No call on the object's iommufd, and none on a device file that is bound to it, is in flight."""
    iommufd_ = iommufd.context[obj]
    return both(_rests(iommufd_), every(FILE, lambda f: implies(iommufd_devices.bound_to[f] == iommufd_, _rests(f))))


DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.has_fd, lambda p, f: files.fd[p, f]),
    shows(seen.file_kind, lambda f: files.kind[f]),
    shows(seen.release_pending, lambda f: either(files.releasable(f), busy(f))),
    shows(seen.file_at_rest, _rests),
    shows(seen.object_type, lambda o: iommufd.type_[o]),
    shows(seen.object_context, lambda o: iommufd.context[o]),
    shows(seen.object_listed, lambda o: no(is_none(iommufd.listed[o]))),
    shows(seen.object_users, lambda o: iommufd.users[o]),
    shows(seen.object_waits, lambda o: iommufd.wait_cnt[o]),
    shows(seen.object_ioas, lambda o: iommufd.hwpt_ioas[o]),
    shows(seen.object_auto, lambda o: iommufd.auto[o]),
    shows(seen.object_attached, lambda o: iommufd_devices.attached[o]),
    shows(seen.object_at_rest, _is_at_rest),
    shows(seen.file_device, lambda f: files.file_device[f]),
    shows(seen.file_bound, lambda f: iommufd_devices.bound[f]),
    shows(seen.device_emulated, lambda d: iommufd_devices.emulated[d]),
    shows(seen.harm, lambda: harm.harm.now),
)

IOMMUFD_OBJECTS = System(
    name="iommufd-objects",
    variant="",
    title="objects of an iommufd: who relies on them, calls in flight on them, DESTROY, close",
    source="drivers/iommu/iommufd/main.c, ioas.c, 6.12-7.2",
    calls=(*files.CALLS, *iommufd.CALLS, *iommufd_devices.CALLS, *iommufd_hwpts.CALLS),
    definitions=DEFINITIONS,
    claims=CLAIMS,
    halted=harm.STOPPED,
)

SYSTEMS = (IOMMUFD_OBJECTS,)
