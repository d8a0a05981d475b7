"""The system `iommufd-objects`: the objects of iommufds, who relies on them, and how they go."""

from tenure.models import (
    cdev_fields,
    file_claims,
    files,
    harm,
    iommufd,
    iommufd_accesses,
    iommufd_devices,
    iommufd_hwpts,
)
from tenure.models.iommufd_access_claims import WITH_ACCESSES
from tenure.models.iommufd_access_closing_claims import LEMMAS as LEMMAS_OF_ACCESSES
from tenure.models.iommufd_claims import WITHOUT_DEVICES
from tenure.models.iommufd_object_closing_claims import LEMMAS
from tenure.models.iommufd_object_keeping import WITH_DEVICES
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import TRUE, busy, either, is_none, no

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.has_fd, lambda p, f: files.fd[p, f]),
    shows(seen.file_kind, lambda f: files.kind[f]),
    shows(seen.release_pending, lambda f: either(files.releasable(f), busy(f))),
    shows(seen.file_at_rest, iommufd_devices.rests),
    shows(seen.object_type, lambda o: iommufd.type_[o]),
    shows(seen.object_context, lambda o: iommufd.context[o]),
    shows(seen.object_listed, lambda o: no(is_none(iommufd.listed[o]))),
    shows(seen.object_users, lambda o: iommufd.users[o]),
    shows(seen.object_waits, lambda o: iommufd.wait_cnt[o]),
    shows(seen.object_ioas, lambda o: iommufd.hwpt_ioas[o]),
    shows(seen.object_auto, lambda o: iommufd.auto[o]),
    shows(seen.object_attached, lambda o: iommufd_devices.attached[o]),
    shows(seen.object_at_rest, iommufd_devices.is_at_rest),
    shows(seen.file_device, lambda f: files.file_device[f]),
    shows(seen.file_bound, lambda f: iommufd_devices.bound[f]),
    shows(seen.file_iommufd, lambda f: cdev_fields.bound_to[f]),
    shows(seen.device_emulated, lambda d: cdev_fields.emulated[d]),
    shows(seen.harm, lambda: harm.harm.now),
)


def _without(*observables: Observable) -> tuple[Definition, ...]:
    """The definitions of all but these."""
    return tuple(d for d in DEFINITIONS if all(d.observable is not one for one in observables))


def _system(
    variant: str,
    title: str,
    calls: tuple[Call, ...],
    claims: tuple[Claim, ...],
    definitions: tuple[Definition, ...] = DEFINITIONS,
    lemmas: tuple[Claim, ...] = (),
) -> System:
    return System(
        name="iommufd-objects",
        variant=variant,
        title=title,
        source="drivers/iommu/iommufd/main.c, ioas.c, device.c, hw_pagetable.c, 6.12-7.2",
        calls=(*files.CALLS, *calls),
        definitions=definitions,
        claims=(*claims, file_claims.of_kinds(calls), *lemmas),
        halted=harm.STOPPED,
    )


IOMMUFD_OBJECTS = _system(
    "",
    "objects of iommufds: IO address spaces, HWPTs, devices and accesses; calls in flight on them, DESTROY, unbind, close",
    (*iommufd.CALLS, *iommufd_devices.CALLS, *iommufd_hwpts.CALLS),
    WITH_DEVICES,
    lemmas=LEMMAS,
)
ACCESSES = _system(
    "accesses",
    "the same with emulated devices alone: accesses, which are attached to IO address spaces; unbind",
    (*iommufd.CALLS, *iommufd_accesses.CALLS),
    WITH_ACCESSES,
    (*_without(seen.device_emulated, seen.object_auto), shows(seen.device_emulated, lambda _: TRUE)),
    LEMMAS_OF_ACCESSES,
)
NO_DEVICES = _system(
    "no-devices",
    "the same without devices: IO address spaces, calls in flight on them, DESTROY, close",
    iommufd.CALLS,
    WITHOUT_DEVICES,
    _without(seen.file_bound, seen.file_iommufd, seen.object_auto),
)

SYSTEMS = (IOMMUFD_OBJECTS, ACCESSES, NO_DEVICES)
