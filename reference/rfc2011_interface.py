"""The calls of the RFC of November 2011 by number and structure: as written, and so that a 32-bit program is understood."""

from dataclasses import replace

from tenure.reference.layouts import Direction, Kind, Request, Structure

WRITE, READ = Direction.WRITE, Direction.READ
BOTH = WRITE | READ

DMA_MAP = Structure(
    "vfio_dma_map",
    (("len", Kind.U64), ("vaddr", Kind.U64), ("dmaaddr", Kind.U64), ("size", Kind.U64), ("flags", Kind.U64)),
)
REGION_INFO = Structure(
    "vfio_region_info",
    (
        *(("len", Kind.U32), ("index", Kind.U32)),
        *(("size", Kind.U64), ("offset", Kind.U64), ("flags", Kind.U64), ("phys", Kind.U64)),
    ),
)
IRQ_INFO = Structure(
    "vfio_irq_info", (("len", Kind.U32), ("index", Kind.U32), ("count", Kind.U32), ("flags", Kind.U64))
)
DTPATH = Structure("vfio_dtpath", (("len", Kind.U32), ("index", Kind.U32), ("flags", Kind.U64), ("path", Kind.POINTER)))
DTINDEX = Structure(
    "vfio_dtindex",
    (("len", Kind.U32), ("index", Kind.U32), ("prop_type", Kind.U32), ("prop_index", Kind.U32), ("flags", Kind.U64)),
)

AS_WRITTEN: tuple[Request, ...] = (
    Request("VFIO_GROUP_GET_FLAGS", ";", 100, READ, Kind.U64),
    Request("VFIO_GROUP_MERGE", ";", 101, WRITE, Kind.INT),
    Request("VFIO_GROUP_UNMERGE", ";", 102, WRITE, Kind.INT),
    Request("VFIO_GROUP_GET_IOMMU_FD", ";", 103),
    Request("VFIO_GROUP_GET_DEVICE_FD", ";", 104, WRITE, Kind.POINTER),
    Request("VFIO_IOMMU_GET_FLAGS", ";", 105, READ, Kind.U64),
    Request("VFIO_IOMMU_MAP_DMA", ";", 106, BOTH, DMA_MAP),
    Request("VFIO_IOMMU_UNMAP_DMA", ";", 107, BOTH, DMA_MAP),
    Request("VFIO_DEVICE_GET_FLAGS", ";", 108, READ, Kind.U64),
    Request("VFIO_DEVICE_GET_NUM_REGIONS", ";", 109, READ, Kind.INT),
    Request("VFIO_DEVICE_GET_REGION_INFO", ";", 110, BOTH, REGION_INFO),
    Request("VFIO_DEVICE_GET_NUM_IRQS", ";", 111, READ, Kind.INT),
    Request("VFIO_DEVICE_GET_IRQ_INFO", ";", 112, BOTH, IRQ_INFO),
    Request("VFIO_DEVICE_SET_IRQ_EVENTFDS", ";", 113, WRITE, Kind.INT),
    Request("VFIO_DEVICE_UNMASK_IRQ", ";", 114, WRITE, Kind.INT),
    Request("VFIO_DEVICE_SET_UNMASK_IRQ_EVENTFD", ";", 115, WRITE, Kind.INT),
    Request("VFIO_DEVICE_RESET", ";", 116),
    Request("VFIO_DEVICE_GET_DTPATH", ";", 117, BOTH, DTPATH),
    Request("VFIO_DEVICE_GET_DTINDEX", ";", 118, BOTH, DTINDEX),
)
"""D-G1-18: three of them are others to a 32-bit program."""


def _neutral(structure: Structure) -> Structure:
    """The structure with every field where each machine puts it: 64 bits begin at a multiple of 8, and a pointer is a number."""
    fields: list[tuple[str, Kind]] = []
    at = 0
    for name, kind in structure.fields:
        wide = kind in {Kind.U64, Kind.POINTER}
        if wide and at % 8:
            fields.append((f"reserved{at}", Kind.U32))
            at += 4
        fields.append((name, Kind.U64 if wide else kind))
        at += 8 if wide else 4
    if at % 8:
        fields.append((f"reserved{at}", Kind.U32))
    return Structure(structure.name, tuple(fields))


def _as_meant(request: Request) -> Request:
    if isinstance(request.argument, Structure):
        return replace(request, argument=_neutral(request.argument))
    if request.argument is Kind.POINTER:
        return replace(request, direction=Direction.NONE, argument=None)
    return request


AS_MEANT: tuple[Request, ...] = tuple(map(_as_meant, AS_WRITTEN))
"""The same calls, one number for all: what the review was told of them. The merged interface of 2012 did it so."""
