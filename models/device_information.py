"""What a device file of November 2011 tells of its device, and RESET: regions and interrupts with holes, the path in a device tree.

Nothing of it changes anything that is kept here. An answer into a structure says that what lies behind the part that this version
fills is `kept` as the caller had it. A region, or an interrupt index, that is of another device stands for a number
beyond those of the file's device.
"""

from dataclasses import replace

from tenure.models.files import file_device, is_open
from tenure.models.groups import driver, group_of
from tenure.models.harm import uses_after_free
from tenure.models.interrupts import index_count, index_device, level, resets
from tenure.models.metagroup_calls import foreign
from tenure.models.metagroups import metagroup
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Steps, call, done, number, refuse, requires, step
from tenure.vocabulary.objects import DEVICE, FILE, INDEX, PROCESS, REGION, THREAD
from tenure.vocabulary.observables import ROOM, TREE_PROPERTY
from tenure.vocabulary.symbols import fixed
from tenure.vocabulary.terms import TRUE, Term, both, either, is_none, literal, no, when
from tenure.vocabulary.types import COUNT, FLAG

SOURCE = "RFC of November 2011, device file"

in_tree = fixed("in a device tree", DEVICE, FLAG, meaning="the device's flag DT: it has a path in a device tree")
regions = fixed("regions", DEVICE, COUNT, meaning="how many regions the device has, holes among them")
indexes = fixed(
    "indexes", DEVICE, COUNT, meaning="how many interrupt indexes the device has, unimplemented ones among them"
)
region_device = fixed("region device", REGION, DEVICE, meaning="the device whose region it is")
region_size = fixed("region size", REGION, COUNT, meaning="the bytes of the region; 0: a hole")
region_offset = fixed("region offset", REGION, COUNT, meaning="where in the device's file the region begins")
mappable = fixed("mappable", REGION, FLAG, meaning="the region's flag MMAP")
read_only = fixed("read only", REGION, FLAG, meaning="the region's flag RO")
phys_valid = fixed("phys valid", REGION, FLAG, meaning="the region's flag PHYS_VALID")
phys = fixed("phys", REGION, COUNT, meaning="the physical address of the region; told where the flag says so, else 0")
region_property = fixed(
    "region property", REGION, TREE_PROPERTY, meaning="the property of the device's node that the region comes of"
)
region_entry = fixed("region entry", REGION, COUNT, meaning="which entry of that property the region is")
index_entry = fixed("index entry", INDEX, COUNT, meaning="which entry of the node's `interrupts` the index is")


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
    """Tell of one region."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "look",
        _reached(device),
        _no_room(room),
        refuse(no(region_device[region] == device), "EINVAL", "the device has no such region"),
        done(
            size=region_size[region],
            offset=region_offset[region],
            mappable=mappable[region],
            read_only=read_only[region],
            phys_valid=phys_valid[region],
            phys=when(phys_valid[region], phys[region], 0),
            kept=TRUE,
        ),
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
        done(count=index_count[index], level=level[index], kept=TRUE),
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
        done(kept=TRUE),
    )


@call(
    "VFIO_DEVICE_GET_DTINDEX",
    actor=THREAD,
    source=SOURCE,
    process=PROCESS,
    file=FILE,
    region=number(REGION.maybe),
    index=number(INDEX.maybe),
    room=ROOM,
)
def get_dtindex(process: Term, file: Term, region: Term, index: Term, room: Term) -> Steps:
    """Tell which property of a device tree a region, or an interrupt index, comes of, and which entry of it."""
    device = file_device[file]
    no_region = either(no(region_device[region] == device), region_size[region] == 0)
    no_index = either(no(index_device[index] == device), index_count[index] == 0)
    yield requires(is_open(process, file, "device"))
    yield step(
        "look",
        _reached(device),
        refuse(no(in_tree[device]), "ENODEV", "the device is in no device tree"),
        _no_room(room),
        refuse(is_none(region) == is_none(index), "EINVAL", "the flags say neither region nor interrupt, or both"),
        refuse(both(no(is_none(region)), no_region), "EINVAL", "the device has no such region, or it is a hole"),
        done(
            property=region_property[region],
            property_index=region_entry[region],
            kept=TRUE,
            when=no(is_none(region)),
        ),
        refuse(no_index, "EINVAL", "the device has no such index, or it is not implemented"),
        done(property=literal("interrupts", TREE_PROPERTY), property_index=index_entry[index], kept=TRUE),
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


_CALLS = (
    get_device_flags,
    get_num_regions,
    get_region_info,
    get_num_irqs,
    get_irq_info,
    get_dtpath,
    get_dtindex,
    reset_device,
)


def calls_in(ways: Ways) -> tuple[Call, ...]:
    """The calls, made by the process to whose memory the device leads; as the code has it, by whoever has the file."""
    return tuple(map(_of_its_owner, _CALLS)) if ways.tests_mm_of_devices else _CALLS


def _of_its_owner(old: Call) -> Call:
    (only,) = old.steps
    reached, *rest = only.cases
    owned = foreign(metagroup[group_of[file_device[old.parameter("file")]]], old.parameter("process"))
    return replace(old, steps=(replace(only, cases=(reached, owned, *rest)),))
