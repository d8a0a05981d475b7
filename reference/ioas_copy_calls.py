"""IOAS_MAP of memory that others may share, and IOAS_COPY, which shares it."""

from __future__ import annotations

from tenure.reference import ioas_calls
from tenure.reference.calls import EEXIST, EINVAL, ENOENT, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.dma.ranges import covers, overlap, size
from tenure.reference.ioas_calls import ENOSPC, EOPNOTSUPP, EOVERFLOW
from tenure.reference.ioas_memory import Share
from tenure.reference.ioas_spaces import IoasSpace
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import ADDRESS, IOPT_PAGES
from tenure.vocabulary.observables import AUTO_COPY_REQUEST, COPY_REQUEST

EPERM = Refused("EPERM")
WRITES = (2, 3)
"""The values of what is asked for that let devices write."""


def _is_free(machine: Machine, made: int) -> bool:
    """Nothing has the name, nor is anything about to."""
    return made not in machine.ioases[0].memory.promised and all(made not in space.named() for space in machine.ioases)


def _names_pages(machine: Machine, pages: int) -> bool:
    known = machine.configuration.number(IOPT_PAGES)
    return 0 <= pages < known and pages not in machine.ioases[0].memory.there


def may_ioas_map_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, request: int, low: int, high: int, to: int, made: int, pages: int
) -> bool:
    """The range has two ends in order, and nothing has the name of the new area or of its pages object."""
    named = _is_free(machine, made) and _names_pages(machine, pages)
    return named and ioas_calls.may_ioas_map_fixed(machine, table, request, low, high, to, made)


def ioas_map_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, to: int, made: int, pages: int
) -> Answer:
    """IOAS_MAP where the caller says; its memory is a new pages object (iommufd_ioas_map, iopt_alloc_user_pages)."""
    answer = ioas_calls.ioas_map_fixed(machine, me, table, request, low, high, to, made)
    return _led(machine.ioases[table], answer, made, pages, to)


def may_ioas_map(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, request: int, length: int, to: int, made: int, pages: int
) -> bool:
    """Nothing has the name of the new area or of its pages object."""
    named = _is_free(machine, made) and _names_pages(machine, pages)
    return named and ioas_calls.may_ioas_map(machine, table, request, length, to, made)


def ioas_map(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, request: int, length: int, to: int, made: int, pages: int
) -> Answer:
    """IOAS_MAP in the first hole, of a new pages object as well."""
    answer = ioas_calls.ioas_map(machine, me, table, request, length, to, made)
    return _led(machine.ioases[table], answer, made, pages, to)


def _led(space: IoasSpace, answer: Answer, made: int, pages: int, to: int) -> Answer:
    """Where there is an area now, it leads to all of its memory."""
    if isinstance(answer, Done):
        much = size(space.named()[made].range)
        space.lead(made, Share(space.memory.get(pages, writable=to in WRITES), Range(0, much - 1)))
    return answer


def may_ioas_copy_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, source_table: int, request: int, low: int, length: int, begin: int, to: int, made: int
) -> bool:
    """Both ranges have as many addresses as there are up to `length`, and no two areas have the source's between them."""
    asked, number = COPY_REQUEST.values[request], machine.configuration.number(ADDRESS)
    fits = 0 <= begin < number - length if asked == "range" else begin == low
    return fits and _may_copy(machine, (table, source_table), asked, (low, length), to, made)


def ioas_copy_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine,
    me: Task,
    table: int,
    source_table: int,
    request: int,
    low: int,
    length: int,
    begin: int,
    to: int,
    made: int,
) -> Steps | Answer:
    """IOAS_COPY to where the caller says; EOPNOTSUPP, EOVERFLOW, EINVAL, ENOENT, EEXIST, EPERM (iommufd_ioas_copy, 7.2)."""
    del me
    asked = COPY_REQUEST.values[request]
    found = _source(machine.ioases[source_table], asked, Range(low, low + length), to)
    if isinstance(found, Refused):
        return found
    return _copied_to(machine.ioases[table], found, asked, begin, to, made)


def _copied_to(space: IoasSpace, share: Share, asked: str, begin: int, to: int, made: int) -> Steps:  # as above
    space.memory.promised.add(made)
    yield "ioas_copy_fixed.map"
    space.memory.promised.discard(made)
    r = Range(begin, begin + size(share.span) - 1)
    refused = _uncopyable(space, share, asked, r, to)
    if refused is not None:
        space.memory.put(share.pages)
        return refused
    space.map(made, r, to)
    space.lead(made, share)
    return OK


def _uncopyable(space: IoasSpace, share: Share, asked: str, r: Range, to: int) -> Refused | None:
    """What is wrong with where the copy is to be, in the order of the tests."""
    if not space.is_there:
        return ENOENT
    if asked == "wraps":
        return EOVERFLOW
    if any(overlap(area.range, r) for area in space.areas):
        return EEXIST
    return EPERM if to in WRITES and not share.pages.writable else None


def may_ioas_copy(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, source_table: int, request: int, low: int, length: int, to: int, made: int
) -> bool:
    """The source has as many addresses as there are up to `length`, and no two areas have them between them."""
    return _may_copy(machine, (table, source_table), AUTO_COPY_REQUEST.values[request], (low, length), to, made)


def ioas_copy(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, source_table: int, request: int, low: int, length: int, to: int, made: int
) -> Steps | Answer:
    """IOAS_COPY to the first hole; EOPNOTSUPP, EOVERFLOW, EINVAL, ENOENT, ENOSPC, EPERM (iommufd_ioas_copy, 7.2)."""
    del me
    found = _source(machine.ioases[source_table], AUTO_COPY_REQUEST.values[request], Range(low, low + length), to)
    if isinstance(found, Refused):
        return found
    return _copied_anywhere(machine.ioases[table], found, to, made)


def _copied_anywhere(space: IoasSpace, share: Share, to: int, made: int) -> Steps:
    space.memory.promised.add(made)
    yield "ioas_copy.map"
    space.memory.promised.discard(made)
    begin = space.room(size(share.span)) if space.is_there else None
    if begin is None or (to in WRITES and not share.pages.writable):
        space.memory.put(share.pages)
        return (ENOSPC if begin is None else EPERM) if space.is_there else ENOENT
    space.map(made, Range(begin, begin + size(share.span) - 1), to)
    space.lead(made, share)
    return Done((("iova", ADDRESS.element(begin)),))


def _may_copy(  # as above
    machine: Machine, tables: tuple[int, int], asked: str, where: tuple[int, int], to: int, made: int
) -> bool:
    (low, length), number = where, machine.configuration.number(ADDRESS)
    known = all(0 <= table < len(machine.ioases) for table in tables) and 0 <= to <= 3 and 0 <= low < number
    if not known or not 0 <= length < number or not _is_free(machine, made):
        return False
    if asked not in ("range", "wraps"):
        return low == length
    source, r = machine.ioases[tables[1]], Range(low, low + length)
    return r.last < number and (_covering(source, r) is not None or _has_gap(source, r))


def _has_gap(source: IoasSpace, r: Range) -> bool:
    return any(source.areas.at(address) is None for address in range(r.first, r.last + 1))


def _covering(source: IoasSpace, r: Range) -> Share | None:
    """The part of a pages object to which a range leads, where one area has all of it; nobody refers to it yet."""
    for area in source.areas:
        if covers(area.range, r):
            share = source.shares[area.owner]
            first = share.span.first + (r.first - area.range.first)
            return Share(share.pages, Range(first, first + size(r) - 1))
    return None


def _source(source: IoasSpace, asked: str, r: Range, to: int) -> Share | Refused:
    """What a copy is of, with a reference to its pages object; or what is wrong (iommufd_ioas_copy, iopt_get_pages)."""
    malformed = {"unknown": EOPNOTSUPP, "too large": EOVERFLOW}
    if asked in malformed:
        return malformed[asked]
    if to == 0:
        return EINVAL
    if not source.is_there:
        return ENOENT
    wrong = {"empty": EINVAL, "source wraps": EOVERFLOW}
    found = None if asked in wrong else _covering(source, r)
    if found is None:
        return wrong.get(asked, ENOENT)
    source.memory.get(found.pages.name, writable=found.pages.writable)
    return found
