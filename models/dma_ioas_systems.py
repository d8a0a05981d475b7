"""The systems of IO address spaces of an iommufd: by calls of its own, `dma-ioas`, and by VFIO's, `dma-ioas-compat`."""

from tenure.models import (
    cdev_fields,
    dma_ioas,
    dma_ioas_accesses,
    dma_ioas_building,
    dma_ioas_compat,
    dma_ioas_copies,
    dma_ioas_devices,
    dma_type1,
    dma_type1_pins,
)
from tenure.models.dma_ioas_building_claims import BUILDING_CLAIMS
from tenure.models.dma_ioas_claims import ACCESS_CLAIMS, CLAIMS, COMPAT_CLAIMS, COPY_CLAIMS, DEVICE_CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.systems import Definition, System, shows

AREAS: tuple[Definition, ...] = (
    shows(seen.address_position, lambda a: dma_type1.position[a]),
    shows(seen.mapping_listed, lambda m: dma_type1.listed[m]),
    shows(seen.mapping_first, lambda m: dma_type1.first[m]),
    shows(seen.mapping_last, lambda m: dma_type1.last[m]),
    shows(seen.mapping_access, lambda m: dma_type1.access[m]),
    shows(seen.space_exists, lambda t: dma_ioas.is_there[t]),
    shows(seen.unmap_counted, lambda t: dma_ioas.unmapped[t]),
)
"""What any of them shows of its areas."""

DEFINITIONS = (
    *AREAS,
    shows(seen.address_choosable, lambda a: dma_ioas.may_be_chosen[a]),
    shows(seen.address_allowed, lambda t, a: dma_ioas.allowed[t, a]),
)

OF_DEVICES = (
    *DEFINITIONS,
    shows(seen.device_ioas, lambda d: cdev_fields.attached_to[d]),
    shows(seen.device_reserves, lambda d, a: dma_ioas_devices.reserves[d, a]),
    shows(seen.address_reserved, dma_ioas_devices.is_reserved),
    shows(seen.space_attached, dma_ioas_devices.has_devices),
    shows(seen.address_begins_page, lambda a: dma_ioas_devices.begins_page[a]),
    shows(seen.address_ends_page, lambda a: dma_ioas_devices.ends_page[a]),
)

OF_COPIES = (
    *DEFINITIONS,
    shows(seen.device_ioas, lambda d: cdev_fields.attached_to[d]),
    shows(seen.space_attached, dma_ioas_devices.has_devices),
    shows(seen.mapping_pages_object, lambda m: dma_ioas_copies.shares[m]),
    shows(seen.mapping_offset, lambda m: dma_ioas_copies.offset[m]),
    shows(seen.memory_there, dma_ioas_copies.is_referred_to),
    shows(seen.memory_used, dma_ioas_copies.is_used),
    shows(seen.memory_pinned, lambda p, a: dma_ioas_copies.pinned[p, a]),
    shows(seen.memory_charged, lambda p, a: dma_ioas_copies.charges[p, a]),
)

OF_BUILDING = (
    *DEFINITIONS,
    shows(seen.device_ioas, lambda d: cdev_fields.attached_to[d]),
    shows(seen.space_attached, dma_ioas_devices.has_devices),
    shows(seen.address_translated, lambda t, a: dma_type1.translation[t, a]),
    shows(seen.mapping_stage, lambda m: dma_ioas_building.stage[m]),
    shows(seen.mapping_workers, lambda m: dma_ioas_building.workers[m]),
    shows(seen.mapping_missing, lambda m: dma_ioas_building.missing[m]),
)

OF_ACCESSES = (
    *DEFINITIONS,
    shows(seen.device_ioas, lambda d: cdev_fields.attached_to[d]),
    shows(seen.space_attached, dma_ioas_devices.has_devices),
    shows(seen.device_told, lambda d: dma_ioas_accesses.unpins_in[d]),
    shows(seen.device_lets_go, lambda d: dma_type1_pins.lets_go[d]),
    shows(seen.tries_most, lambda t: dma_ioas_accesses.most_tries[t]),
    shows(seen.page_pinned, lambda d, a: dma_type1_pins.pinned[d, a]),
    shows(seen.area_closed, lambda m: dma_ioas_accesses.prevents[m]),
    shows(seen.area_told, dma_ioas_accesses.is_told),
    shows(seen.area_pinned, dma_ioas_accesses.is_held_by),
    shows(seen.area_at_rest, dma_ioas_accesses.rests),
)

SYSTEMS = (
    System(
        name="dma-ioas",
        variant="",
        title="IO address spaces of an iommufd: areas that are mapped where the caller says or the kernel chooses, and unmapped whole",
        source="drivers/iommu/iommufd/ioas.c, io_pagetable.c, 7.2",
        calls=dma_ioas.CALLS,
        definitions=DEFINITIONS,
        claims=CLAIMS,
    ),
    System(
        name="dma-ioas",
        variant="devices",
        title="the same with devices that are attached: their reserved addresses, and areas of whole pages",
        source="drivers/iommu/iommufd/ioas.c, io_pagetable.c, device.c, 7.2",
        calls=dma_ioas_devices.CALLS,
        definitions=OF_DEVICES,
        claims=DEVICE_CLAIMS,
    ),
    System(
        name="dma-ioas",
        variant="copies",
        title="the same with IOAS_COPY: areas share memory, which is pinned and charged once while a device is attached to any of them",
        source="drivers/iommu/iommufd/ioas.c, io_pagetable.c, pages.c, device.c, 7.2",
        calls=dma_ioas_copies.CALLS,
        definitions=OF_COPIES,
        claims=COPY_CLAIMS,
    ),
    System(
        name="dma-ioas",
        variant="building",
        title="the same, areas being made and taken step by step while devices and their page table come and go",
        source="drivers/iommu/iommufd/ioas.c, io_pagetable.c, pages.c, device.c, 7.2",
        calls=dma_ioas_building.CALLS,
        definitions=OF_BUILDING,
        claims=BUILDING_CLAIMS,
    ),
    System(
        name="dma-ioas",
        variant="accesses",
        title="the same with accesses of emulated devices: their drivers pin pages, which an unmap has them unpin first",
        source="drivers/iommu/iommufd/ioas.c, io_pagetable.c, device.c, 7.2",
        calls=dma_ioas_accesses.CALLS,
        definitions=OF_ACCESSES,
        claims=ACCESS_CLAIMS,
    ),
    System(
        name="dma-ioas-compat",
        variant="",
        title="VFIO's MAP_DMA and UNMAP_DMA over an IO address space of an iommufd, by either version of type1",
        source="drivers/iommu/iommufd/vfio_compat.c, io_pagetable.c, 7.2",
        calls=dma_ioas_compat.CALLS,
        definitions=(*AREAS, shows(seen.space_cuts, lambda t: dma_ioas_compat.cuts[t])),
        claims=COMPAT_CLAIMS,
    ),
)
