"""The machine: every object that has a name, the locks of the whole module, and the harm done so far."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.containers import Container
from tenure.reference.files import File, Process
from tenure.reference.groups import KERNEL, VFIO, Device, IommuGroup, VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE
from tenure.reference.interrupts import Interrupts
from tenure.reference.ioas_spaces import IoasSpace, ioas_spaces_of
from tenure.reference.iommu_drivers import IommuDriver
from tenure.reference.iommufd import IommuObject
from tenure.reference.locks import Lock
from tenure.reference.metagroups import Metagroups
from tenure.reference.paged_spaces import PagedSpace, paged_spaces_of
from tenure.reference.spaces import Payer, Space, payers_of
from tenure.reference.tables import IommuTable
from tenure.reference.type1_spaces import spaces_of
from tenure.reference.users import ExternalUser
from tenure.reference.vms import Vm
from tenure.vocabulary.objects import (
    CONTAINER,
    FILE,
    GROUP,
    IOMMU_DRIVER,
    MAPPING,
    OBJECT,
    PAGE,
    PROCESS,
    TABLE,
    USER,
    VM,
)


class Machine:
    """Memory is handed out by name: whoever makes an object says where, and a freed place may be used again.

    A pointer to what was freed stays a pointer to that; it never becomes one to the next object of the name.
    """

    def __init__(  # noqa: PLR0913  # what there is to say of a system; most say little
        self,
        configuration: Configuration,
        *,
        spares_bridges: bool = True,
        claims_ownership: bool = False,
        paged: str | None = None,
        metagroups: str | None = None,
        has_groups: bool = True,
        has_ioases: bool = False,
        links_tables: bool = False,
        asks_containers: bool = False,
    ) -> None:
        self.asks_containers = asks_containers
        """Up to 6.1: whether the file of a group is coherent is what the group's container says."""
        self.links_tables = links_tables
        """Users are entries of VMs, whose guests map into a table that was linked (SET_SPAPR_TCE), if any, and into none that they were shown."""
        self.has_groups = has_groups
        """The group interface is compiled in (CONFIG_VFIO_GROUP)."""
        self.claims_ownership = claims_ownership
        """From 5.19 on: owners of DMA are claimed, where earlier versions look at every device's driver."""
        sizes = configuration.number
        self.pages = sizes(PAGE)
        self.processes = [
            Process(index, sizes(FILE), rawio=configuration.rawio[index]) for index in range(sizes(PROCESS))
        ]
        self.files = [File(index) for index in range(sizes(FILE))]
        self.groups = [IommuGroup(index, no_iommu=configuration.no_iommu[index]) for index in range(sizes(GROUP))]
        self.containers = [Container(index) for index in range(sizes(CONTAINER))]
        self.tables = [IommuTable(index, self.pages, alive=False) for index in range(sizes(TABLE))]
        self.users = [ExternalUser(index) for index in range(sizes(USER))]
        self.paged: list[PagedSpace] = paged_spaces_of(configuration, paged)
        """The address spaces of 2011, by table; none where a system has none of them."""
        self.configuration = configuration
        self.ioases: list[IoasSpace] = ioas_spaces_of(configuration) if has_ioases else []
        """The IO address spaces of an iommufd, by table, where the address spaces are such."""
        self.spaces: list[Space] = [] if self.paged or self.ioases else spaces_of(configuration)
        """The address spaces of the tables, where a system speaks of addresses at all."""
        self.payers: list[Payer] = [] if self.paged else payers_of(configuration)
        self.valid_range = configuration.valid_range
        self.mappings = sizes(MAPPING)
        self.interrupts = Interrupts(configuration)
        self.vms = [Vm(index) for index in range(sizes(VM))]
        self.objects = [IommuObject(index) for index in range(sizes(OBJECT))]
        self.devices: list[Device] = []
        self.group_lock = Lock()
        """vfio.group_lock: the list of all VFIO groups, and the end of each."""
        self.iommu_drivers_lock = Lock()
        """vfio.iommu_drivers_lock: the list of IOMMU drivers."""
        self.iommu_drivers = [
            IommuDriver(index, is_noiommu=configuration.noiommu_driver[index]) for index in range(sizes(IOMMU_DRIVER))
        ]
        self.iommu_drivers_list = list(self.iommu_drivers)
        """vfio.iommu_drivers_list: those that are registered, in this order; at the start all are."""
        self.harm = 0
        """The worst so far, an index into the values of the observable harm."""
        for index, group in enumerate(configuration.device_group):
            driver, bridge = configuration.driver[index], configuration.bridge[index]
            spared = bridge and spares_bridges
            home = self.groups[group] if self.groups else IommuGroup(group, no_iommu=False)
            device = Device(index, home, driver, bridge=bridge, spared=spared)
            self._equip(device)
            self._plug(device, registers=metagroups is None)
        self.metagroups = Metagroups(configuration, metagroups, self.devices)
        """Groups as 2011 had them, where a system speaks of metagroups."""

    def _equip(self, device: Device) -> None:
        """What hardware the device is, as far as the system speaks of it."""
        said, index = self.configuration, device.index
        if said.emulated:
            device.emulated = said.emulated[index]
        if said.isolated:
            device.coherent, device.isolated = said.coherent[index], said.isolated[index]
        if said.enforced_coherent:
            device.enforced_coherent = said.enforced_coherent[index]

    def _plug(self, device: Device, *, registers: bool) -> None:
        """A device is there from the start; a VFIO driver has registered it, where VFIO has such groups."""
        self.devices.append(device)
        device.group.devices.append(device)
        if not registers:
            return
        if device.driver == VFIO and self.has_groups:
            register(device)
        elif device.driver == VFIO:
            device.group.vfio.device_list.append(device)
        elif device.driver == KERNEL and self.claims_ownership and not device.group.no_iommu:
            device.group.owner_cnt += 1

    def note(self, harm: int) -> None:
        """Remember a harm, unless a worse one was done before."""
        self.harm = max(self.harm, harm)

    def has_stopped(self) -> bool:
        return self.harm >= NULL_DEREFERENCE

    def locks(self) -> list[Lock]:
        """Every lock there is."""
        of_groups = [lock for group in self.groups for lock in group.locks()]
        of_containers = [container.group_lock for container in self.containers]
        of_spaces = [*(lock for space in self.spaces for lock in space.locks()), *(space.lock for space in self.paged)]
        of_devices = [device.igate for device in self.interrupts.devices]
        of_cdevs = [] if self.groups else [device.group.dev_set_lock for device in self.devices]
        of_users = [user.lock for user in self.users]
        of_vms = [vm.device.lock for vm in self.vms if vm.device is not None]
        named = [*of_groups, *of_containers, *of_spaces, *of_devices, *of_cdevs, *of_users, *of_vms]
        return [self.group_lock, self.iommu_drivers_lock, *named]


def register(device: Device) -> None:
    """A VFIO driver has probed the device: its group object is made if there is none, and referenced."""
    group = device.group
    if group.vfio.kref == 0:
        group.vfio = VfioGroup(group)
    group.vfio.kref += 1
    group.vfio.device_list.append(device)
