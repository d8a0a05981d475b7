"""Which address spaces type1 has in a system: with an IOMMU or none, and such that track dirty pages."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.dirty_spaces import dirty_spaces_of
from tenure.reference.pinned_spaces import PinnedSpace
from tenure.reference.spaces import Space
from tenure.vocabulary.objects import ADDRESS, TABLE


def spaces_of(configuration: Configuration) -> list[Space]:
    """One for each table, where there are addresses."""
    tables = range(configuration.number(TABLE) if configuration.number(ADDRESS) else 0)
    if configuration.bitmap_limit:
        return dirty_spaces_of(configuration, tables)
    made = PinnedSpace if configuration.most_repeats else Space
    return [made(configuration, table) for table in tables]
