"""What a guest says of itself: its version, its devices and groups, and the address space that its IOMMU gives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from tenure.gate.linux import vfio
from tenure.gate.linux.batch import Batch
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.sysfs import PCI, bind, folder, links, unbind
from tenure.gate.linux.vfio import Info, Ioctl
from tenure.gate.subject import NotRun, TargetFailed

KEEPER = "15"
"""The worker that has the drivers; it is never ended."""

LIMIT = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"

CARD = "1af4:1041"
OWNED = ("1234:11e8", CARD)
"""The devices that guests own, by vendor and device: QEMU's edu, and virtio's network card."""


class Needs(IntEnum):
    """What a profile needs of a guest, each besides what comes before it."""

    NOTHING = 0
    DEVICES = 1
    """Devices that an IOMMU isolates, and vfio-pci."""
    TYPE1 = 2
    """Containers with the IOMMU driver type1."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A kernel and its machine, as they are after boot."""

    release: str
    groups: dict[str, str]
    """The group of each device that a guest owns, by its address on the bus, in the order of addresses."""
    cards: dict[str, bool]
    """Of each of them, whether it is a network card of virtio, which several drivers take."""
    drivers: frozenset[str]
    """The drivers of devices that there are."""
    space: Info = field(default=Info(0, (), -1))
    """The address space of a container with one group."""

    @property
    def version(self) -> tuple[int, int]:
        """The version of the kernel, as far as rules may depend on it."""
        major, minor = self.release.split("-")[0].split("+")[0].split(".")[:2]
        return int(major), int("".join(c for c in minor if c.isdigit()))

    def alone(self) -> list[str]:
        """The devices that are the only one that guests own in their group."""
        every = list(self.groups.values())
        return [device for device, group in self.groups.items() if every.count(group) == 1]


def facts_of(guest: Guest, needs: Needs = Needs.TYPE1) -> Facts:
    """Ask a guest that has just booted; where devices are needed they are VFIO's afterwards.

    Raises NotRun where it has not what is needed.
    """
    hub = Batch("hub")
    hub.order(f"spawn {KEEPER}")
    batch = Batch(KEEPER)
    release = batch.file("/proc/sys/kernel/osrelease")
    guest.ask(hub, batch)
    name = batch.content(release).decode().strip()
    if needs is Needs.NOTHING:
        return Facts(name, {}, {}, frozenset())
    if needs is Needs.DEVICES:
        return _with_devices(guest, name)
    if "vfio" not in folder(guest, KEEPER, "/dev/vfio"):
        raise NotRun(f"Linux {name} has no VFIO", guest.image.lacking("vfio"))
    if "vfio_iommu_type1" not in folder(guest, KEEPER, "/sys/module"):
        raise NotRun(f"Linux {name} has no type1 IOMMU driver of VFIO", guest.image.lacking("vfio_iommu_type1"))
    facts = _with_devices(guest, name)
    return replace(facts, space=_space(guest, facts))


def _with_devices(guest: Guest, name: str) -> Facts:
    """The devices that guests own, given to vfio-pci."""
    owned = _owned(guest)
    places = [f"{PCI}/{one}/iommu_group" for one in owned]
    groups = dict(zip(owned, links(guest, KEEPER, places), strict=True))
    cards = {device: kind == CARD for device, kind in owned.items()}
    if not any(groups.values()):
        raise NotRun(
            f"Linux {name} sees no IOMMU in this machine",
            "it needs CONFIG_INTEL_IOMMU, or --iommu amd and CONFIG_AMD_IOMMU",
        )
    drivers = frozenset(folder(guest, KEEPER, "/sys/bus/pci/drivers"))
    if "vfio-pci" not in drivers:
        raise NotRun(f"Linux {name} has no vfio-pci", guest.image.lacking("vfio-pci"))
    _own(guest, list(groups))
    return Facts(name, groups, cards, drivers)


def _owned(guest: Guest) -> dict[str, str]:
    """The devices that guests own, and what they are."""
    devices = folder(guest, KEEPER, PCI)
    batch = Batch(KEEPER)
    read = [(batch.file(f"{PCI}/{one}/vendor"), batch.file(f"{PCI}/{one}/device")) for one in devices]
    guest.ask(batch)
    names = [":".join(batch.content(part).decode().strip().removeprefix("0x") for part in pair) for pair in read]
    return {device: name for device, name in zip(devices, names, strict=True) if name in OWNED}


def _own(guest: Guest, devices: list[str]) -> None:
    """Give these devices to vfio-pci."""
    batch = Batch(KEEPER)
    for device in devices:
        unbind(batch, device)
    done = [bind(batch, device, "vfio-pci") for device in devices]
    guest.ask(batch)
    for device, line in zip(devices, done, strict=True):
        if (got := batch.number(line)) < 0:
            raise TargetFailed(f"vfio-pci does not take {device}: errno {-got}", "the console says why")


def _space(guest: Guest, facts: Facts) -> Info:
    """The address space that a container has with one group in it."""
    batch = Batch(KEEPER)
    container, group = batch.open("/dev/vfio/vfio"), batch.open(f"/dev/vfio/{facts.groups[facts.alone()[0]]}")
    # the container's number is not known before the batch is made, but it is the first file of a fresh worker
    batch.ioctl(group, Ioctl.GROUP_SET_CONTAINER, vfio.number(FIRST_FILE))
    chosen = batch.ioctl(container, Ioctl.SET_IOMMU, vfio.TYPE1_V2)
    got, answer = batch.ioctl_back(container, Ioctl.IOMMU_GET_INFO, vfio.info_request())
    guest.ask(batch)
    if batch.number(container) != FIRST_FILE or batch.number(chosen) < 0 or batch.number(got) < 0:
        said = [batch.number(line) for line in (container, group, chosen, got)]
        raise TargetFailed(f"a container with one group gives no address space: {said}", "the console says why")
    fresh = Batch("hub")
    fresh.order(f"kill {KEEPER}")
    fresh.order(f"spawn {KEEPER}")
    guest.ask(fresh)
    return vfio.info(batch.content(answer))


FIRST_FILE = 4
"""The number that the first file of a fresh worker gets: three are standard, one leads to the hub."""
