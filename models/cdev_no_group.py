"""The system `cdev-no-group`: device files and iommufds where the group interface is compiled out (CONFIG_VFIO_GROUP=n)."""

from dataclasses import replace

from tenure.models import (
    cdev_claims,
    cdev_closing_claims,
    cdev_fields,
    cdevs,
    containers_2022,
    device_files,
    files,
    groups,
    groups_2022,
    harm,
    iommufd_tables,
    modules,
    ownership,
)
from tenure.models.locks import DEVICE_LOCK, VFIO_GROUP_LOCK
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call, Step
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, in_flight, is_none, no

OF_GROUPS = (VFIO_GROUP_LOCK, DEVICE_LOCK)
"""The locks of groups, which are not there."""


def _without_groups(one: Step) -> Step:
    """The same step, which takes no lock of groups."""
    kept = (lock for lock in one.locks if all(lock != briefly(gone) for gone in OF_GROUPS))
    return replace(one, locks=tuple(kept))


def _unbinding(call: Call) -> Call:
    """The same call, in which the device leaves no group: it has left once nobody uses it."""
    left = groups.leaving[call.parameter("device")].becomes(value=False)

    def change(old: Step) -> Step:
        (waited,) = old.cases
        return replace(old, cases=(replace(waited, effects=(*waited.effects, left)),))

    kept = (s for s in call.steps if s.name != "remove_group")
    return replace(call, steps=tuple(change(s) if s.name == "wait_device" else s for s in kept))


def _with_no_group(call: Call) -> Call:
    """The same call, which takes no lock of groups."""
    return replace(call, steps=tuple(map(_without_groups, call.steps)))


def of_devices(call: Call) -> Call:
    """The same call, where an emulated device has no driver that does DMA for the kernel."""
    device, to = call.parameter("device"), call.parameter("to")
    return call.requiring(no(both(cdev_fields.emulated[device], to == "kernel")))


CALLS = (
    *files.CALLS,
    *iommufd_tables.CALLS,
    *cdevs.CALLS,
    _with_no_group(of_devices(groups_2022.bind_driver)),
    _with_no_group(_unbinding(groups_2022.unbind_driver)),
)


def rests(file: Term) -> Term:
    """No call on the file is in flight."""
    return no(either(busy(file), in_flight(file)))


def _at_rest(group: Term) -> Term:
    """Nothing that could change the group's ownership is half done."""

    def of_group(device: Term) -> Term:
        return groups.group_of[device] == group

    return both(
        every(DEVICE, lambda d: implies(of_group(d), no(busy(d)))),
        every(FILE, lambda f: implies(of_group(files.file_device[f]), rests(f))),
    )


OF_DEVICE_FILES: tuple[Definition, ...] = (
    shows(seen.file_iommufd, lambda f: cdev_fields.bound_to[f]),
    shows(seen.file_granted, lambda f: cdev_fields.access_granted[f]),
    shows(seen.file_at_rest, rests),
    shows(seen.dma_owner_iommufd, lambda g: cdev_fields.owner_iommufd[g]),
    shows(seen.device_ioas, lambda d: cdev_fields.attached_to[d]),
    shows(seen.device_claims, lambda d: cdev_fields.claimed[d]),
    shows(seen.device_emulated, lambda d: cdev_fields.emulated[d]),
    shows(seen.device_coherent, lambda d: cdev_fields.coherent[d]),
    shows(seen.device_isolated, lambda d: cdev_fields.isolated[d]),
    shows(
        seen.owner_has_table,
        lambda g, t: both(
            no(is_none(cdev_fields.owner_iommufd[g])), cdev_fields.iommufd_of[t] == cdev_fields.owner_iommufd[g]
        ),
    ),
    shows(seen.table_iommufd, lambda t: cdev_fields.iommufd_of[t]),
)
"""What device files and iommufds bring, with groups and without."""

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.has_fd, lambda p, f: files.fd[p, f]),
    shows(seen.file_kind, lambda f: files.kind[f]),
    shows(seen.file_device, lambda f: files.file_device[f]),
    shows(seen.release_pending, lambda f: either(files.releasable(f), busy(f))),
    shows(seen.group_no_iommu, lambda g: groups.no_iommu[g]),
    shows(seen.group_at_rest, _at_rest),
    shows(seen.table_reached, lambda g: groups.attached[g]),
    shows(seen.dma_owner, lambda g: ownership.owner[g]),
    shows(seen.owner_count, lambda g: ownership.owner_cnt[g]),
    shows(seen.dma_blocked, lambda g: both(ownership.blocking[g], is_none(groups.attached[g]))),
    shows(seen.device_group, lambda d: groups.group_of[d]),
    shows(seen.device_driver, lambda d: groups.driver[d]),
    shows(seen.device_registered, lambda d: groups.registered[d]),
    shows(seen.device_leaving, lambda d: groups.leaving[d]),
    shows(seen.device_opens, lambda d: device_files.opens[d]),
    shows(seen.module_references, lambda d: modules.open_references[d]),
    *OF_DEVICE_FILES,
    shows(seen.harm, lambda: harm.harm.now),
)

CDEV_NO_GROUP = System(
    name="cdev-no-group",
    variant="",
    title="device files and iommufds where the group interface is compiled out, Linux 7.2, as built",
    source="drivers/vfio/device_cdev.c, iommufd.c and vfio_main.c, drivers/iommu/iommufd/device.c, drivers/iommu/iommu.c, 7.2",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=(*cdev_claims.CLAIMS, *cdev_closing_claims.LEMMAS),
    halted=harm.STOPPED,
    initially=containers_2022.INITIALLY,
)

SYSTEMS = (CDEV_NO_GROUP,)
