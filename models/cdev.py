"""The system `cdev`: device files and iommufds beside groups and containers, as both interfaces are in Linux 7.2."""

from tenure.models import (
    cdev_fields,
    cdev_group_claims,
    cdev_group_closing_claims,
    cdev_groups,
    cdev_no_group,
    containers,
    containers_2022,
    device_files,
    file_claims,
    files,
    groups,
    harm,
    iommu_drivers,
    iommufd_tables,
    kvm_cdev_group_claims,
    kvm_cdev_group_closing_claims,
    kvm_cdev_groups,
    kvm_cdevs,
    kvm_devices,
    kvm_file,
    kvm_files,
    modules,
    vfio_drivers,
    vms,
)
from tenure.models.cdev_group_keeping import kept
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import FILE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import FALSE, Term, both, every, implies, is_none, literal, no, when
from tenure.vocabulary.types import COUNT


def _beside_iommufds(old: Call) -> Call:
    """The call as `cdev` has it: a table's name is unused where neither a container nor an iommufd has it."""
    if old.name == "set_iommu":
        return old.requiring(is_none(cdev_fields.iommufd_of[old.parameter("made")]))
    if old.name == "ioas_alloc":
        return old.requiring(containers.is_fresh(old.parameter("made")))
    if old.name == "bind_driver":
        return cdev_no_group.of_devices(old)
    return old


_OTHERWISE = {c.name: c for c in cdev_groups.CHANGED}
_OF_DRIVERS = {c.name for c in (*containers.QUESTIONS, *iommu_drivers.CALLS, *vfio_drivers.CALLS)}

CALLS: tuple[Call, ...] = modules.where_none_goes(
    (
        *(_OTHERWISE.get(c.name, _beside_iommufds(c)) for c in containers_2022.CALLS if c.name not in _OF_DRIVERS),
        *map(_beside_iommufds, iommufd_tables.CALLS),
        *cdev_groups.CALLS,
    )
)

_KNOWN = {d.observable.name: d for d in containers_2022.DEFINITIONS}


def _at_rest() -> Definition:
    """As of containers; and no call on a file of a device of the group is in flight."""
    old = _KNOWN[seen.group_at_rest.name]
    (group,) = old.variables

    def of_group(file: Term) -> Term:
        device = files.file_device[file]
        return both(no(is_none(device)), groups.group_of[device] == group)

    device_files_rest = every(FILE, lambda f: implies(of_group(f), cdev_no_group.rests(f)))
    return Definition(old.observable, old.variables, both(old.body, device_files_rest))


OTHERWISE = (seen.group_at_rest, seen.owner_has_table, seen.module_goes)
"""What is told otherwise beside iommufds; and that a module goes: none does here."""

DEFINITIONS: tuple[Definition, ...] = (
    *(one for one in _KNOWN.values() if all(one.observable is not other for other in OTHERWISE)),
    _at_rest(),
    *cdev_no_group.OF_DEVICE_FILES,
    shows(seen.device_counts, lambda d: device_files.counted_in[d]),
    shows(seen.group_cdevs, lambda g: cdev_fields.cdev_open_cnt[g]),
    shows(seen.device_iommufd, lambda _: seen.device_iommufd.nothing),  # a group binds nothing to an iommufd
    shows(seen.vm_exists, lambda _: FALSE),  # no VM is told of
    shows(seen.vm_references, lambda _: literal(0, COUNT)),
)


def _cdev_of_entry(user: Term) -> Term:
    """The device file of an entry, where that was opened by itself."""
    file = kvm_files.entry_file[user]
    return when(cdev_groups.is_cdev(file), file, kvm_files.entry_file.nothing)


OF_VMS: tuple[Definition, ...] = (
    *kvm_file.OF_VMS,
    kvm_file.ASKED_TODAY,
    shows(seen.group_kvm, lambda g: vms.group_kvm[g]),
    shows(seen.file_kvm, lambda f: kvm_cdevs.file_kvm[f]),
    shows(seen.device_kvm, lambda d: kvm_devices.device_kvm[d]),
    shows(seen.entry_group, kvm_file.group_of_entry),
    shows(seen.entry_cdev, _cdev_of_entry),
    shows(seen.user_registered, kvm_file.group_of_entry),
    shows(seen.user_keeps, lambda u, f: files.kept[u, f]),
    shows(seen.user_idle, lambda u: is_none(vms.listed[u])),
)
"""VMs and their lists, and what is told otherwise beside them."""

CDEV = System(
    name="cdev",
    variant="",
    title="device files and iommufds beside groups and containers, Linux 7.2, as built: each keeps the other away",
    source="drivers/vfio/group.c, device_cdev.c, iommufd.c and vfio_main.c, drivers/iommu/iommufd/device.c, 7.2",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=(*kept(cdev_group_claims.CLAIMS), *cdev_group_closing_claims.LEMMAS, file_claims.of_kinds(CALLS)),
    halted=harm.STOPPED,
    initially=containers_2022.INITIALLY,
)

VMS = System(
    name="cdev",
    variant="vms",
    title="the same with VMs that keep files of groups and devices, and to which devices refer that are opened on either path",
    source="virt/kvm/vfio.c and the sources of `cdev`, 7.2",
    calls=kvm_cdev_groups.with_vms(CALLS),
    definitions=(*(one for one in DEFINITIONS if all(one.observable is not d.observable for d in OF_VMS)), *OF_VMS),
    claims=(
        *kept(kvm_cdev_group_claims.CLAIMS),
        *kvm_cdev_group_closing_claims.LEMMAS,
        file_claims.of_kinds(kvm_cdev_groups.with_vms(CALLS)),
    ),
    halted=harm.STOPPED,
    initially=containers_2022.INITIALLY,
)

SYSTEMS = (CDEV, VMS)
