"""What a device file of November 2011 tells of its device, and RESET: regions and interrupts with holes, the path in a device tree.

Nothing of it changes anything that is kept here. A region, or an interrupt index, that is of another device stands for a number
beyond those of the file's device.
"""

from tenure.models.files import file_device, is_open
from tenure.models.groups import driver
from tenure.models.harm import uses_after_free
from tenure.models.interrupts import index_count, index_device, level, resets
from tenure.vocabulary.calls import Case, Steps, call, done, number, refuse, requires, step
from tenure.vocabulary.objects import DEVICE, FILE, INDEX, PROCESS, REGION, THREAD
from tenure.vocabulary.observables import ROOM
from tenure.vocabulary.symbols import fixed
from tenure.vocabulary.terms import Term, no
from tenure.vocabulary.types import COUNT, FLAG

SOURCE = "RFC of November 2011, device file"

in_tree = fixed("in a device tree", DEVICE, FLAG, meaning="the device's flag DT: it has a path in a device tree")
regions = fixed("regions", DEVICE, COUNT, meaning="how many regions the device has, holes among them")
indexes = fixed(
    "indexes", DEVICE, COUNT, meaning="how many interrupt indexes the device has, unimplemented ones among them"
)
region_device = fixed("region device", REGION, DEVICE, meaning="the device whose region it is")
region_size = fixed("region size", REGION, COUNT, meaning="the bytes of the region; 0: a hole")
mappable = fixed("mappable", REGION, FLAG, meaning="the region's flag MMAP")
read_only = fixed("read only", REGION, FLAG, meaning="the region's flag RO")


def _reached(device: Term) -> Case:
    """The device's driver answers, so it has to be there."""
    return uses_after_free(no(driver[device] == "vfio"))


def _no_room(room: Term) -> Case:
    return refuse(room == "too little", "EINVAL", "the caller has no room for what every version tells")


@call("VFIO_DEVICE_GET_FLAGS", actor=THREAD, source=SOURCE, process=PROCESS, file=FILE)
def get_device_flags(process: Term, file: Term) -> Steps:
    """Say whether the device can be reset, and whether it is in a device tree."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step("look", _reached(device), done(resets=resets[device], in_tree=in_tree[device]))


@call("VFIO_DEVICE_GET_NUM_REGIONS", actor=THREAD, source=SOURCE, process=PROCESS, file=FILE)
def get_num_regions(process: Term, file: Term) -> Steps:
    """Say how many regions there are, holes among them."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step("look", _reached(device), done(count=regions[device]))


@call(
    "VFIO_DEVICE_GET_REGION_INFO",
    actor=THREAD,
    source=SOURCE,
    process=PROCESS,
    file=FILE,
    region=number(REGION),
    room=ROOM,
)
def get_region_info(process: Term, file: Term, region: Term, room: Term) -> Steps:
    """Tell of one region; who has more room than this version fills keeps the rest as it was."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "look",
        _reached(device),
        _no_room(room),
        refuse(no(region_device[region] == device), "EINVAL", "the device has no such region"),
        done(size=region_size[region], mappable=mappable[region], read_only=read_only[region]),
    )


@call("VFIO_DEVICE_GET_NUM_IRQS", actor=THREAD, source=SOURCE, process=PROCESS, file=FILE)
def get_num_irqs(process: Term, file: Term) -> Steps:
    """Say how many interrupt indexes there are, unimplemented ones among them."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step("look", _reached(device), done(count=indexes[device]))


@call(
    "VFIO_DEVICE_GET_IRQ_INFO",
    actor=THREAD,
    source=SOURCE,
    process=PROCESS,
    file=FILE,
    index=number(INDEX),
    room=ROOM,
)
def get_irq_info(process: Term, file: Term, index: Term, room: Term) -> Steps:
    """Tell of one interrupt index; a count of 0 says that it is not implemented."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "look",
        _reached(device),
        _no_room(room),
        refuse(no(index_device[index] == device), "EINVAL", "the device has no such index"),
        done(count=index_count[index], level=level[index]),
    )


@call(
    "VFIO_DEVICE_GET_DTPATH",
    actor=THREAD,
    source=SOURCE,
    process=PROCESS,
    file=FILE,
    room=ROOM,
)
def get_dtpath(process: Term, file: Term, room: Term) -> Steps:
    """Tell the device's path in a device tree, whole or not at all."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "look",
        _reached(device),
        refuse(no(in_tree[device]), "ENODEV", "the device is in no device tree"),
        _no_room(room),
        done(),
    )


@call("VFIO_DEVICE_RESET", actor=THREAD, source=SOURCE, process=PROCESS, file=FILE)
def reset_device(process: Term, file: Term) -> Steps:
    """Reset the device; what that does to its interrupts is told in `interrupts`."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "reset",
        _reached(device),
        refuse(no(resets[device]), "EINVAL", "the device cannot be reset"),
        done(),
    )


CALLS = (
    get_device_flags,
    get_num_regions,
    get_region_info,
    get_num_irqs,
    get_irq_info,
    get_dtpath,
    reset_device,
)
