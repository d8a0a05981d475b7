"""VFIO's calls on an iommufd: MAP_DMA and UNMAP_DMA over the IO address space that stands for a container."""

from __future__ import annotations

from tenure.reference.calls import EEXIST, EINVAL, ENODEV, ENOENT, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.dma.widths import top
from tenure.reference.ioas_calls import EOVERFLOW, take
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.observables import TYPE1_VERSION, VFIO_MAP_REQUEST, VFIO_UNMAP_REQUEST


def may_set_iommu(machine: Machine, table: int, version: int) -> bool:
    """There is such an IO address space by name, if not in fact."""
    return 0 <= table < len(machine.ioases) and 0 <= version < len(TYPE1_VERSION.values)


def set_iommu(machine: Machine, me: Task, table: int, version: int) -> Answer:
    """Ask for a version; EINVAL, ENODEV (iommufd_vfio_set_iommu)."""
    del me
    space, asked = machine.ioases[table], TYPE1_VERSION.values[version]
    if asked == "other":
        return EINVAL
    if not space.is_there:
        return ENODEV
    space.cuts = space.cuts or asked == "v1"
    return OK


def may_map_dma(machine: Machine, table: int, request: int, low: int, high: int, to: int, made: int) -> bool:  # noqa: PLR0913  # what the caller passes
    """The range has two ends in order, and nothing has the new area's name."""
    asked = VFIO_MAP_REQUEST.values[request]
    return 0 <= to <= 3 and _is_free(machine, made) and _is_asked(machine, asked, table, low, high)


def map_dma(machine: Machine, me: Task, table: int, request: int, low: int, high: int, to: int, made: int) -> Answer:  # noqa: PLR0913  # as above
    """Make an area; EINVAL, ENODEV, EOVERFLOW, EEXIST (iommufd_vfio_map_dma)."""
    del me
    space, asked = machine.ioases[table], VFIO_MAP_REQUEST.values[request]
    if asked == "unknown":
        return EINVAL
    if not space.is_there:
        return ENODEV
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW
    return EEXIST if space.map(made, Range(low, high), to) is not None else OK


def may_unmap_dma(machine: Machine, table: int, request: int, low: int, high: int, behind: int, inside: int) -> bool:  # noqa: PLR0913  # as above
    """The range has two ends in order, and nothing has the names of what cuts may make."""
    free = behind != inside and _is_free(machine, behind) and _is_free(machine, inside)
    return free and _is_asked(machine, VFIO_UNMAP_REQUEST.values[request], table, low, high)


def unmap_dma(  # noqa: PLR0913  # as above
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, behind: int, inside: int
) -> Steps | Answer:
    """Take the areas of a range, cut out before where areas can be; EINVAL, ENODEV, EOVERFLOW, ENOENT (iommufd_vfio_unmap_dma)."""
    del me
    space, asked = machine.ioases[table], VFIO_UNMAP_REQUEST.values[request]
    if asked == "unknown":
        return EINVAL
    if not space.is_there:
        return ENODEV
    if space.cuts and asked == "range":
        space.cut(high, behind)
    if space.cuts and low:
        space.cut(low - 1, inside)
    if asked == "range":
        return take(space, Range(low, high), "unmap_dma.remove", _told)
    return _refused(machine, table, EINVAL if asked == "empty" else EOVERFLOW)


def _refused(machine: Machine, table: int, answer: Answer) -> Steps:
    """What is wrong with a range is looked at only after the cuts."""
    machine.ioases[table].users += 1
    yield "unmap_dma.remove"
    machine.ioases[table].users -= 1
    return answer


def unmap_all(machine: Machine, me: Task, table: int) -> Steps | Answer:
    """Take every area; ENODEV (iommufd_vfio_unmap_dma, ALL)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENODEV
    return take(space, Range(0, top(space.areas.bounds.width)), "unmap_all.remove", _told)


def _told(removed: int, *, in_the_way: bool) -> Answer:
    """How much went, be it nothing."""
    return ENOENT if in_the_way else Done((("size", removed),))


def _is_free(machine: Machine, name: int) -> bool:
    return 0 <= name < machine.mappings and all(name not in space.named() for space in machine.ioases)


def _is_asked(machine: Machine, request: str, table: int, low: int, high: int) -> bool:
    known = 0 <= table < len(machine.ioases) and 0 <= low <= high < machine.configuration.number(ADDRESS)
    return known and (request == "range" or low == high)
