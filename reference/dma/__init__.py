"""The DMA range core: inclusive ranges, the arithmetic over them, and what keeps track of mappings."""

from tenure.reference.dma.bounds import Bounds, usable
from tenure.reference.dma.effects import Effects, Failed
from tenure.reference.dma.mappings import (
    Access,
    AddressSpace,
    Cut,
    Mapping,
    Refusal,
    Removal,
    part,
    translated,
)
from tenure.reference.dma.page_table import PageTable
from tenure.reference.dma.pages import (
    Shift,
    bytes_of,
    first_byte,
    is_aligned,
    is_page_aligned,
    last_byte,
    page_count,
    page_of,
    pages,
)
from tenure.reference.dma.ranges import (
    Range,
    across,
    covers,
    intersection,
    is_adjacent,
    join,
    overlap,
    size,
    split,
    without,
)
from tenure.reference.dma.removal import covering, exact, splitting
from tenure.reference.dma.tracker import Tracker
from tenure.reference.dma.widths import Malformed, Width, from_size, narrowed, top

__all__ = [
    "Access",
    "AddressSpace",
    "Bounds",
    "Cut",
    "Effects",
    "Failed",
    "Malformed",
    "Mapping",
    "PageTable",
    "Range",
    "Refusal",
    "Removal",
    "Shift",
    "Tracker",
    "Width",
    "across",
    "bytes_of",
    "covering",
    "covers",
    "exact",
    "first_byte",
    "from_size",
    "intersection",
    "is_adjacent",
    "is_aligned",
    "is_page_aligned",
    "join",
    "last_byte",
    "narrowed",
    "overlap",
    "page_count",
    "page_of",
    "pages",
    "part",
    "size",
    "split",
    "splitting",
    "top",
    "translated",
    "usable",
    "without",
]
