"""The systems of DMA ranges: address spaces and what may be done to them."""

from tenure.models import dma_type1
from tenure.models.dma_claims import CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import TABLE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import every

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.address_position, lambda a: dma_type1.position[a]),
    shows(seen.address_valid, lambda a: dma_type1.valid_range[a]),
    shows(seen.mapping_listed, lambda m: dma_type1.listed[m]),
    shows(seen.mapping_first, lambda m: dma_type1.first[m]),
    shows(seen.mapping_last, lambda m: dma_type1.last[m]),
    shows(seen.mapping_access, lambda m: dma_type1.access[m]),
    shows(seen.address_translated, lambda t, a: dma_type1.translation[t, a]),
    shows(seen.mappings_left, lambda t: dma_type1.available[t]),
    shows(seen.mappings_most, lambda t: dma_type1.entry_limit[t]),
)

INITIALLY = every(TABLE, lambda t: dma_type1.available[t] == dma_type1.entry_limit[t])

TYPE1_V2 = System(
    name="dma-type1-v2",
    variant="",
    title="type1 v2: an unmap that would cut a mapping is refused",
    source="drivers/vfio/vfio_iommu_type1.c, 7.2",
    calls=dma_type1.CALLS,
    definitions=DEFINITIONS,
    claims=CLAIMS,
    initially=INITIALLY,
)

SYSTEMS = (TYPE1_V2,)
