"""The ioctls of a device file of 2011 that tell of the device, in the bytes of their structures; and RESET."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from tenure.reference.calls import EINVAL, EPERM, OK, Task
from tenure.reference.device_info import DeviceInfo, RegionFlags, TreeFlags, TreeProperty
from tenure.reference.files import DEVICE_FILE
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.layouts import X86_64, Structure
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Device2011
from tenure.reference.rfc2011_interface import DTINDEX, IRQ_INFO, REGION_INFO
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import NONE

_ENOUGH, _TOO_LITTLE, _MORE = range(3)
_BEHIND = b"\xee" * 8
"""What a caller has behind all that this version fills: of a structure it may know a later version."""


def _of_its_owner(asked: Callable[..., Answer]) -> Callable[..., Answer]:
    """EPERM for any process but the one to whose memory the device leads; as the code has it, nobody is refused (D-G1-13)."""

    @wraps(asked)
    def owned(machine: Machine, me: Task, process: int, file: int, **what: int) -> Answer:
        owner = _device(machine, process, file).group.metagroup().mm
        if owner != process and not machine.metagroups.is_as_written("D-G1-13"):
            return EPERM
        return asked(machine, me, process, file, **what)

    return owned


def may_ask(machine: Machine, process: int, file: int, **what: int) -> bool:
    """The process has a device file; the rest are numbers of any size."""
    return machine.processes[process].has(file, DEVICE_FILE) and min(what.values(), default=0) >= 0


def may_ask_of_tree(machine: Machine, process: int, file: int, region: int, index: int, room: int) -> bool:
    """The same; of a region and of an index there may be none."""
    return min(region, index) >= NONE and may_ask(machine, process, file, room=room)


@_of_its_owner
def get_device_flags(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """RESET and DT (VFIO_DEVICE_GET_FLAGS)."""
    info = _device(machine, process, file).info
    return Done((("resets", info.can_reset), ("in_tree", info.path is not None)))


@_of_its_owner
def get_num_regions(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Holes count (VFIO_DEVICE_GET_NUM_REGIONS)."""
    return Done((("count", len(_device(machine, process, file).info.regions)),))


@_of_its_owner
def get_num_irqs(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Indexes that are not implemented count (VFIO_DEVICE_GET_NUM_IRQS)."""
    return Done((("count", len(_device(machine, process, file).info.interrupts)),))


@_of_its_owner
def get_region_info(machine: Machine, _: Task, process: int, file: int, region: int, room: int) -> Answer:
    """What a region is, and where; EINVAL (VFIO_DEVICE_GET_REGION_INFO)."""
    device = _device(machine, process, file)
    told = machine.configuration.descriptions
    index = _number(told.of(told.region_device, device.index), region)
    answer = device.info.region_info(X86_64, _asked(REGION_INFO, index, room))
    if isinstance(answer, Refused):
        return answer
    found = _read(REGION_INFO, answer)
    flags = RegionFlags(found["flags"])
    return Done(
        (
            ("size", found["size"]),
            ("offset", found["offset"]),
            ("mappable", RegionFlags.MMAP in flags),
            ("read_only", RegionFlags.READ_ONLY in flags),
            ("phys_valid", RegionFlags.PHYS_VALID in flags),
            ("phys", found["phys"]),
            ("kept", _is_kept(answer)),
        )
    )


@_of_its_owner
def get_irq_info(machine: Machine, _: Task, process: int, file: int, index: int, room: int) -> Answer:
    """Count and kind of an interrupt index; EINVAL (VFIO_DEVICE_GET_IRQ_INFO)."""
    device = _device(machine, process, file)
    told = machine.configuration.descriptions
    number = _number(told.of(told.index_device, device.index), index)
    answer = device.info.irq_info(X86_64, _asked(IRQ_INFO, number, room))
    if isinstance(answer, Refused):
        return answer
    found = _read(IRQ_INFO, answer)
    return Done((("count", found["count"]), ("level", bool(found["flags"])), ("kept", _is_kept(answer))))


@_of_its_owner
def get_dtpath(machine: Machine, _: Task, process: int, file: int, room: int) -> Answer:
    """The path, whole or not at all; ENODEV, EINVAL (VFIO_DEVICE_GET_DTPATH)."""
    info = _device(machine, process, file).info
    answer = info.dtpath(_space(info, room), bytes(_space(info, _ENOUGH)) + _BEHIND)
    return answer if isinstance(answer, Refused) else Done((("kept", _is_kept(answer)),))


@_of_its_owner
def get_dtindex(machine: Machine, _: Task, process: int, file: int, region: int, index: int, room: int) -> Answer:
    """The property that a region or an index comes of, and which entry; ENODEV, EINVAL (VFIO_DEVICE_GET_DTINDEX)."""
    device = _device(machine, process, file)
    told = machine.configuration.descriptions
    flags, number = TreeFlags.NONE, 0
    if index != NONE:
        flags, number = TreeFlags.IRQ, _number(told.of(told.index_device, device.index), index)
    if region != NONE:
        flags, number = flags | TreeFlags.REGION, _number(told.of(told.region_device, device.index), region)
    answer = device.info.dtindex(X86_64, _asked(DTINDEX, number, room, flags))
    if isinstance(answer, Refused):
        return answer
    found = _read(DTINDEX, answer)
    property_ = TreeProperty(found["prop_type"]).name.lower()
    return Done((("property", property_), ("property_index", found["prop_index"]), ("kept", _is_kept(answer))))


@_of_its_owner
def reset_device(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Nothing that is kept here changes; EINVAL (VFIO_DEVICE_RESET)."""
    return OK if _device(machine, process, file).info.can_reset else EINVAL


def _device(machine: Machine, process: int, file: int) -> Device2011:
    """The file's device, whose driver is asked."""
    device = machine.processes[process].file(file).device_2011
    if device is None:
        raise LookupError(f"f{file} is no device's")
    if not device.has_data():
        raise Oops(USE_AFTER_FREE)
    return device


def _number(own: list[int], name: int) -> int:
    """Which of the device's own it is; beyond the last, where it is another's."""
    return own.index(name) if name in own else len(own)


def _asked(structure: Structure, index: int, room: int, flags: int = 0) -> bytes:
    """What the caller passes: a structure with the length that it has for it, and more behind it."""
    known = structure.size(X86_64)
    length = {_ENOUGH: known, _TOO_LITTLE: known - 1, _MORE: known + len(_BEHIND)}[room]
    return structure.packed(X86_64, {"len": length, "index": index, "flags": flags}) + _BEHIND


def _read(structure: Structure, answer: bytes) -> dict[str, int]:
    """The answer's fields."""
    return structure.unpacked(X86_64, answer[: structure.size(X86_64)])


def _is_kept(answer: bytes) -> bool:
    """What the caller has behind all that is filled is as it was."""
    return answer.endswith(_BEHIND)


def _space(info: DeviceInfo, room: int) -> int:
    """How many bytes the caller says that it has for the path, with its NUL."""
    whole = len(info.path or "") + 1
    return {_ENOUGH: whole, _TOO_LITTLE: whole - 1, _MORE: whole + len(_BEHIND)}[room]
