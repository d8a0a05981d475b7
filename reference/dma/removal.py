"""What an unmap does to a mapping that it overlaps: three rules, of which each system has its own."""

from __future__ import annotations

from tenure.reference.dma.mappings import Cut, Refusal
from tenure.reference.dma.ranges import Range, covers, without


def exact(mapping: Range, request: Range) -> Cut | Refusal:
    """Only a mapping of just this range goes."""
    return Cut(mapping, ()) if mapping == request else Refusal.BISECTED


def covering(mapping: Range, request: Range) -> Cut | Refusal:
    """Mappings within the range go; one that reaches out of it is not cut, and none goes."""
    return Cut(mapping, ()) if covers(request, mapping) else Refusal.BISECTED


def splitting(mapping: Range, request: Range) -> Cut:
    """Just the bytes of the range go; what is left of a mapping stays, in one part or two."""
    removed = Range(max(mapping.first, request.first), min(mapping.last, request.last))
    return Cut(removed, without(mapping, request))
