"""The DMA range core: inclusive ranges, the arithmetic over them, and what keeps track of mappings."""

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
    covers,
    intersection,
    is_adjacent,
    join,
    overlap,
    size,
    split,
    without,
)
from tenure.reference.dma.widths import Malformed, Width, from_size, narrowed, top

__all__ = [
    "Malformed",
    "Range",
    "Shift",
    "Width",
    "bytes_of",
    "covers",
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
    "size",
    "split",
    "top",
    "without",
]
