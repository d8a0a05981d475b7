"""What a machine is before anything happens: how many of each, which hardware, which privileges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.reference.descriptions import UNTOLD, Descriptions
from tenure.reference.wiring import NOTHING, Wiring
from tenure.vocabulary.objects import ADDRESS, DEVICE, GROUP, IOMMU_DRIVER, PAGE, PROCESS, TABLE
from tenure.vocabulary.types import Sort


@dataclass(frozen=True, slots=True)
class Configuration:
    """The sizes by sort name, and what never changes: the groups of devices, bridges, isolation, CAP_SYS_RAWIO.

    `driver` is where each device starts: an index into the values of the observable driver. Where there are addresses, and
    they are no iommufd's, `valid_range` numbers the valid range of each (0: none), `entry_limit` is how many mappings each table takes, and
    `page_limit` how many pages each process may lock that has no CAP_IPC_LOCK (`may_exceed`). Of each page of memory, `reserved`
    says that it is a device's and `frame_0` that its frame is the first there is. `wiring` is what there is of interrupts; where there are
    iommufds, `emulated` says it of each device.
    """

    sizes: Mapping[str, int]
    device_group: tuple[int, ...]
    bridge: tuple[bool, ...]
    no_iommu: tuple[bool, ...]
    rawio: tuple[bool, ...]
    driver: tuple[int, ...]
    valid_range: tuple[int, ...] = ()
    entry_limit: tuple[int, ...] = ()
    page_limit: tuple[int, ...] = ()
    may_exceed: tuple[bool, ...] = ()
    wiring: Wiring = NOTHING
    descriptions: Descriptions = UNTOLD
    """What devices tell of themselves."""
    noiommu_driver: tuple[bool, ...] = ()
    """Which IOMMU drivers are for groups without IOMMU; the others are type1."""
    may_be_chosen: tuple[bool, ...] = ()
    """Where address spaces are an iommufd's: which addresses the kernel may choose."""
    group_reserves: tuple[bool, ...] = ()
    """Where groups come to type1 and go: which addresses each reserves, those of the first group before the next one's."""
    lets_go: tuple[bool, ...] = ()
    """Where drivers of emulated IOMMU devices pin pages: which of them unpin what they are told of before they return."""
    most_repeats: tuple[int, ...] = ()
    """The same: how often each table tells drivers again of one mapping, before the kernel stops itself."""
    bitmap_limit: tuple[int, ...] = ()
    """Where dirty pages are tracked: for how many mappings of each table there is memory to keep dirty bits."""
    pins_first: tuple[bool, ...] = ()
    """The same: of which groups the devices write nothing by themselves but pages that their driver has pinned."""
    most_tries: tuple[int, ...] = ()
    """In an iommufd: how often an IOAS_UNMAP on each table has drivers told, and goes on."""
    begins_page: tuple[bool, ...] = ()
    """The same: where a page begins; at every address, if nothing is said."""
    reserves: tuple[bool, ...] = ()
    """The same: which addresses each device reserves where it is attached, those of the first device before the next one's."""
    reserved: tuple[bool, ...] = ()
    frame_0: tuple[bool, ...] = ()
    emulated: tuple[bool, ...] = ()
    """Which devices are emulated; where iommufds are not spoken of, nobody says."""
    isolated: tuple[bool, ...] = ()
    """Of which devices interrupts are isolated, or need not be."""
    bus: tuple[int, ...] = ()
    """In 2011: the number of the bus that each group is on."""
    coherent: tuple[bool, ...] = ()
    """The IOMMU keeps caches coherent: for each group in 2011, for each device that is bound to iommufds."""
    enforced_coherent: tuple[bool, ...] = ()
    """Where there are VMs: for which devices the IOMMU enforces cache coherency."""

    def __post_init__(self) -> None:
        for name, sort, given in (
            ("device_group", DEVICE, self.device_group),
            ("bridge", DEVICE, self.bridge),
            ("driver", DEVICE, self.driver),
            ("no_iommu", GROUP, self.no_iommu),
            ("rawio", PROCESS, self.rawio),
            ("noiommu_driver", IOMMU_DRIVER, self.noiommu_driver),
            *(self._of_ranges() if self.number(ADDRESS) else ()),
        ):
            if len(given) != self.number(sort):
                raise ValueError(f"{name} speaks of {len(given)}, but there are {self.number(sort)} of {sort}")

    def _of_ranges(self) -> tuple[tuple[str, Sort, tuple[int, ...]], ...]:
        of_memory = (("reserved", PAGE, self.reserved), ("frame_0", PAGE, self.frame_0))
        of_type1 = (("valid_range", ADDRESS, self.valid_range), ("entry_limit", TABLE, self.entry_limit))
        of_payers = (("page_limit", PROCESS, self.page_limit), ("may_exceed", PROCESS, self.may_exceed))
        if self.reserved:
            return *of_memory, *of_payers
        return (*of_type1, *of_payers) if self.valid_range else ()

    def number(self, sort: Sort) -> int:
        """How many objects of a sort have a name; none where the sizes say nothing."""
        return self.sizes.get(sort.name, 0)
