"""Mediated sample devices of a guest: serial ports that nothing is behind, and no IOMMU; accesses stand for them."""

from __future__ import annotations

from tenure.gate.linux.batch import Batch
from tenure.gate.linux.facts import KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.sysfs import folder
from tenure.gate.subject import NotRun, TargetFailed

PARENTS = "/sys/class/mdev_bus"
PARENT = "mtty"
DEVICES = "/sys/bus/mdev/devices"

_CREATE = f"{PARENTS}/{PARENT}/mdev_supported_types/{PARENT}-1/create"


def mediated(guest: Guest, facts: Facts, many: int) -> list[str]:
    """Make so many of them on a guest that has just booted: where each is in sysfs."""
    if PARENT not in folder(guest, KEEPER, PARENTS):
        raise NotRun(
            f"Linux {facts.release} has no mediated sample device",
            "it needs CONFIG_VFIO_MDEV and CONFIG_SAMPLE_VFIO_MDEV_MTTY; a kernel of linux:source: has them",
        )
    names = [f"7e6e7572-0000-4000-8000-{number:012}" for number in range(many)]
    batch = Batch(KEEPER)
    made = [batch.write(_CREATE, name) for name in names]
    guest.ask(batch)
    if (worst := min(map(batch.number, made), default=0)) < 0:
        raise TargetFailed(f"{PARENT} makes no device: errno {-worst}", "the console says why")
    return [f"{DEVICES}/{name}" for name in names]
