"""What is kept of device files that are opened by themselves, and of the iommufds to which they are bound."""

from tenure.vocabulary.objects import DEVICE, FILE, GROUP, TABLE
from tenure.vocabulary.symbols import client, fixed, state
from tenure.vocabulary.types import COUNT, FLAG

emulated = fixed(
    "emulated", DEVICE, FLAG, meaning="the device is emulated: its driver pins pages, and no IOMMU translates"
)
coherent = fixed("coherent", DEVICE, FLAG, meaning="the device's DMA can be coherent with caches")
isolated = fixed(
    "isolated", DEVICE, FLAG, meaning="the device's MSIs are isolated, or iommufd.allow_unsafe_interrupts is set"
)

bound_to = state(
    "bound to", FILE, FILE.maybe, meaning="the iommufd to which a device file is bound, and which it keeps open"
)
access_granted = state(
    "access granted", FILE, FLAG, meaning="the device file's `access_granted`: its ioctls reach the driver"
)
attached_to = state("attached to", DEVICE, TABLE.maybe, meaning="the IO address space to which the device is attached")
iommufd_of = state(
    "iommufd of", TABLE, FILE.maybe, meaning="the iommufd of an IO address space; none: its id is unused"
)
owner_iommufd = state("owner iommufd", GROUP, FILE.maybe, meaning="the iommufd that owns the group's DMA")
claimed = client("claimed", DEVICE, GROUP.maybe, meaning="the group in whose `owner_cnt` the device's binding counts")
cdev_opened = state("cdev opened", DEVICE, FLAG, meaning="a file of the device that was opened by itself is bound")
cdev_open_cnt = state(
    "cdev open count",
    GROUP,
    COUNT,
    meaning="`cdev_device_open_cnt`: devices of the group that are bound, or about to be",
)
blocks = client("blocks", FILE, GROUP.maybe, meaning="the group whose file a bound device file keeps away")
