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
    kvm_cdev_claims,
    kvm_cdevs,
    kvm_devices,
    kvm_file,
    kvm_files,
    modules,
    ownership,
    vms,
)
from tenure.models.locks import DEVICE_LOCK, VFIO_GROUP_LOCK
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call, Step
from tenure.vocabulary.locks import Reference, briefly
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.systems import Claim, Definition, System, shows
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


def _calls(of_vms: tuple[Call, ...], reference: Reference) -> tuple[Call, ...]:
    """The calls, where VMs come and go as said, and the last `reference` to one takes with it what that says."""
    return (
        *vms.for_processes(files.CALLS),
        *iommufd_tables.CALLS,
        *kvm_cdevs.knows_vms(cdevs.CALLS, reference),
        _with_no_group(of_devices(groups_2022.bind_driver)),
        _with_no_group(_unbinding(groups_2022.unbind_driver)),
        *map(_with_no_group, of_vms),
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
    shows(seen.device_iommufd, lambda _: seen.device_iommufd.nothing),  # a device is bound by its file alone
    *kvm_file.OF_VMS,
    kvm_file.ASKED_TODAY,
    shows(seen.group_kvm, lambda _: seen.group_kvm.nothing),  # what is told is files alone
    shows(seen.entry_group, lambda _: seen.entry_group.nothing),
    shows(seen.file_kvm, lambda f: kvm_cdevs.file_kvm[f]),
    shows(seen.entry_cdev, lambda u: kvm_files.entry_file[u]),
    shows(seen.device_kvm, lambda d: kvm_devices.device_kvm[d]),
    shows(seen.user_keeps, lambda u, f: files.kept[u, f]),
    shows(seen.user_idle, lambda u: is_none(vms.listed[u])),
    shows(seen.user_counts, lambda _: seen.user_counts.nothing),  # an entry keeps a file, and counts nowhere
    shows(seen.harm, lambda: harm.harm.now),
)


def _system(variant: str, title: str, source: str, of_vms: tuple[Call, ...], claims: tuple[Claim, ...]) -> System:
    return System(
        name="cdev-no-group",
        variant=variant,
        title=title,
        source=source,
        calls=_calls(of_vms, kvm_cdevs.REFERENCES[variant]),
        definitions=DEFINITIONS,
        claims=claims,
        halted=harm.STOPPED,
        initially=containers_2022.INITIALLY,
    )


CDEV_NO_GROUP = _system(
    "",
    "device files and iommufds where the group interface is compiled out, Linux 7.2, as built; VMs that keep device files, as meant",
    "drivers/vfio/device_cdev.c, iommufd.c and vfio_main.c, drivers/iommu/iommufd/device.c, drivers/iommu/iommu.c, "
    "virt/kvm/vfio.c, 7.2",
    kvm_cdevs.CALLS,
    (*cdev_claims.CLAIMS, *kvm_cdev_claims.CLAIMS, *cdev_closing_claims.LEMMAS),
)

BEFORE_CYCLE_FIX = _system(
    "before-cycle-fix",
    "the same where a list goes with its VM, and not with the fd of its KVM VFIO device: VM, list and device file in a circle",
    "the series of January 2023, without the first of its changes: virt/kvm/vfio.c, kvm_vfio_destroy",
    kvm_cdevs.CALLS_BEFORE_CYCLE_FIX,
    (*cdev_claims.CLAIMS, *kvm_cdev_claims.BEFORE_CYCLE_FIX),
)

SYSTEMS = (CDEV_NO_GROUP, BEFORE_CYCLE_FIX)
