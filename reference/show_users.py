"""What a machine shows of external users, and of VMs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.coherency import is_noncoherent
from tenure.reference.columns import Columns, columns
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.machine import Machine
    from tenure.reference.users import ExternalUser
    from tenure.reference.vms import Vm

OF_USERS = (
    seen.user_process,
    seen.user_counts,
    seen.user_registered,
    seen.user_group,
    seen.user_container,
    seen.user_table,
    seen.user_added_first,
    seen.entry_vm,
    seen.entry_group,
    seen.entry_table,
    seen.notifier_table,
    seen.notifier_lives,
    seen.notifier_group,
    seen.notifier_vm,
    seen.entry_noncoherent,
    seen.user_keeps,
)
OF_VMS = (seen.vm_references, seen.vm_exists, seen.vm_device, seen.vm_noncoherent, seen.vm_noncoherent_dma)


def observe_users(machine: Machine) -> Columns:
    """The observables of OF_USERS, in this order."""
    users, files = machine.users, machine.files
    keeps = tuple([1 if user.keeps and user.file is file else 0 for user in users for file in files])
    return *columns([_user(machine, user) for user in users], len(OF_USERS) - 1), keeps


def observe_vms(machine: Machine) -> Columns:
    """The observables of OF_VMS, in this order."""
    return columns([_vm(vm) for vm in machine.vms], len(OF_VMS))


def observe_coherency(machine: Machine) -> Columns:
    """For which devices the IOMMU enforces cache coherency, which never changes."""
    return (tuple([int(device.enforced_coherent) for device in machine.devices]),)


def _user(machine: Machine, user: ExternalUser) -> tuple[int, ...]:
    table = user.linked if machine.links_tables else user.told_table
    vm = next((vm.index for vm in machine.vms if vm.lists(user)), NONE)
    return (
        user.process,
        user.counts,
        _registered(user, listed=vm != NONE),
        user.told_group,
        user.told_container,
        NONE if table is None else table.index,
        int(user.added_first),
        vm,
        NONE if vm == NONE else _group_of_entry(user),
        NONE if user.linked is None else user.linked.index,
        _list_of_notifier(machine, user),
        int(user.notifier is not None and not user.notifier.freed),
        *_listens(machine, user),
        int(vm != NONE and is_noncoherent(machine, user)),
    )


def _registered(user: ExternalUser, *, listed: bool) -> int:
    """The group of whose end VFIO tells the user, or that whose file the list keeps."""
    if listed and user.file is not None:
        return _group_of_entry(user)
    registration = user.registration
    return registration.group.index if registration is not None and registration.is_listed() else NONE


def _list_of_notifier(machine: Machine, user: ExternalUser) -> int:
    """The table in whose list of callbacks the notifier of the driver stands."""
    if user.notifier is None:
        return NONE
    return next((table.index for table in machine.tables if user.notifier in table.notifiers), NONE)


def _listens(machine: Machine, user: ExternalUser) -> tuple[int, int]:
    """The group in whose list the driver's notifier stands, and the VM of which it was told there."""
    for group in machine.groups if user.notifier is not None else ():
        if user.notifier in group.listeners:
            return group.index, NONE if user.notifier.vm is None else user.notifier.vm.index
    return NONE, NONE


def _group_of_entry(user: ExternalUser) -> int:
    """What an entry holds is a group, or the file of one that has devices."""
    group = user.group if user.file is None else user.file.group
    return NONE if group is None or group.orphaned else group.iommu.index


def _vm(vm: Vm) -> tuple[int, ...]:
    device = vm.device
    knows = device is not None and device.noncoherent
    return vm.users, int(vm.alive), int(device is not None), int(knows), vm.noncoherent_dma_count
