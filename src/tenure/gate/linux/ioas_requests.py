"""What is asked of an IO address space, in bytes: at which addresses, what is wrong with it, and what a guest is not asked.

Where the kernel chooses an address, it takes the first hole. What is asked leaves such holes only where pages are named, and so
the oracle knows all the addresses that may come.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.edges import PAGE
from tenure.gate.subject import Written
from tenure.search.ioas_scopes import ioas_scope
from tenure.vocabulary.machine import Scope

LARGEST = (1 << 64) - 1
"""ULONG_MAX: as an address and as a length it is too large, though the byte is there."""

LONGEST = {"ioas_map": LARGEST - PAGE, "ioas_map_fixed": LARGEST - PAGE, "ioas_unmap": LARGEST - 1}
"""The longest range that a call takes: behind what is mapped a page must fit."""

MEMORY = 0x200000001
"""The memory that is mapped: nothing is there, for without a device nobody looks; and it begins in the middle of a page."""

ODD_PAGE = 0x200001000
"""The same where the kernel chooses the address: what begins at an odd page may come to any."""

ACCESSES = {
    "none": 0,
    "read": iommufd.READABLE,
    "write": iommufd.WRITEABLE,
    "both": iommufd.READABLE | iommufd.WRITEABLE,
}

UNKNOWN_FLAG = 1 << 31

MIDDLE = 1 << 63
"""The first byte of the upper half: as a signed number it would be the least."""

EDGES = (
    *(PAGE - 1, PAGE, 2 * PAGE - 1, LARGEST - 2 * PAGE),
    *(0, 2 * PAGE, 3 * PAGE - 1, MIDDLE, LARGEST - 2 * PAGE + 1, LARGEST - PAGE, LARGEST),
)
"""Bytes at which something begins or ends: the address space, the page that is never chosen at its start, the next two, its
upper half, and at its end the last one that may be chosen.

With the first four planned runs meet all that can be answered; the first two are beside one another.
"""

PLANNED = 4
"""How many of the addresses, the first of them, planned runs are about."""

CHOSEN = ("m0", "m1")
"""The names of areas whose addresses the kernel chooses: there are two at once, and the two pages have names."""

_WRONG_BY = (PAGE, PAGE + 1)
"""The lengths at which a request is wrong, in one way or in another: more of them would leave little time for what is done."""

_LOW, _HIGH = 3 * PAGE, LARGEST - 2 * PAGE
"""The bytes that have names are below the one, or from the other on, or the middle."""


class Requests:
    """Requests at these addresses."""

    def __init__(self, at: Mapping[str, int]) -> None:
        self._at = dict(at)
        self._names = {byte: name for name, byte in at.items()}

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """A range must have a length that the call takes, its first byte another address than ULONG_MAX, and what it leads to a name."""
        request = str(args.get("request", ""))
        if call == "ioas_map":
            if request == "range":
                return self._size(args) == PAGE and args["made"] in CHOSEN
            return self._size(args) in _WRONG_BY and args["to"] in ("none", "both")
        if call == "ioas_allow_iovas":
            return request not in ("one", "two") or self._can_be_allowed(args)
        if call not in LONGEST or request in ("unknown", "too large"):
            return True
        address, size = self.range(call, args)
        last = address + size - 1
        foreseen = call == "ioas_unmap" or _is_foreseen(address, last, str(args["made"]))
        return address < LARGEST and (request != "range" or (size <= LONGEST[call] and foreseen))

    def range(self, call: str, args: Mapping[str, Written]) -> tuple[int, int]:
        """The first byte and the length of what is asked for; what is wrong with it is so in one way or in another."""
        low, high = (self._at[str(args[end])] for end in ("low", "high"))
        one_way = low % 2 == 0
        match args["request"]:
            case "empty" if one_way or call == "ioas_unmap":
                return low, 0
            case "empty":  # of a length behind which no page fits nothing is mapped either, and it is told so
                return low, LONGEST[call] + 1
            case "wraps" if one_way and LARGEST - low + 2 <= LONGEST[call]:
                return low, LARGEST - low + 2
            case "wraps":  # from the lowest addresses on no length does
                return max(low, LARGEST - LONGEST[call] + 2), LONGEST[call]
            case "too large" if one_way or low == LARGEST:
                return LARGEST, 1
            case "too large":
                return low, LARGEST
        return low, high - low + 1

    def map_fixed(self, args: Mapping[str, Written]) -> bytes:
        """The structure for a request: as it is, or with just what is said to be wrong with it."""
        address, size = self.range("ioas_map_fixed", args)
        memory = min(MEMORY, LARGEST - size)
        if args["request"] == "target wraps":  # it ends on the last byte, which is one too far, or behind it
            memory, size = LARGEST - address % 2, 2
        return iommufd.ioas_map(iommufd.FIXED | _flags(args), memory, address, size)

    def map(self, args: Mapping[str, Written]) -> bytes:
        """The same where the kernel chooses."""
        longest, one_way = LONGEST["ioas_map"], self._size(args) % 2 == 1
        size, address = PAGE, 0
        match args["request"]:
            case "empty":
                size = 0 if one_way else longest + 1
            case "half":
                size = LARGEST // 2 if one_way else longest
            case "too large":
                size, address = (LARGEST, 0) if one_way else (PAGE, LARGEST)
        memory = min(ODD_PAGE, LARGEST - size)
        if args["request"] == "target wraps":
            memory = LARGEST - size + 1 + int(one_way)
        return iommufd.ioas_map(_flags(args), memory, address, size)

    def named(self, byte: int) -> str:
        """What an address is called; one that has no name is told as it is."""
        return self._names.get(byte, hex(byte))

    def allowed(self, args: Mapping[str, Written]) -> tuple[tuple[int, int], ...]:
        """The ranges that IOAS_ALLOW_IOVAS is told, by first and last byte."""
        low = self._at[str(args["low"])]
        match args["request"]:
            case "one":
                return (self._wide(*self._named_ranges(args)[0]),)
            case "two":
                one, other = self._named_ranges(args)
                return self._wide(*one), self._wide(*other)
            case "empty":
                return ((low, low - low % 2),)
        return ()

    def _named_ranges(self, args: Mapping[str, Written]) -> tuple[tuple[int, int], tuple[int, int]]:
        low, high, other_low, other_high = (
            self._at[str(args[end])] for end in ("low", "high", "other_low", "other_high")
        )
        return (low, high), (other_low, other_high)

    def _wide(self, low: int, high: int) -> tuple[int, int]:
        """A byte alone is no range to be allowed, so a byte without a name is put beside it: no page becomes whole by that."""
        if low == high and high < LARGEST and high + 1 not in self._names:
            return low, high + 1
        return (low - 1, high) if low == high and low and low - 1 not in self._names else (low, high)

    def _can_be_allowed(self, args: Mapping[str, Written]) -> bool:
        """From where a range begins two pages have names, or it ends with such; and no page is without its middle."""
        one, other = self._named_ranges(args)
        asked = (one, other) if args["request"] == "two" else (one,)
        if any(low == high for low, high in (self._wide(*r) for r in asked)):
            return False
        if any(PAGE < low < _HIGH and high >= _LOW for low, high in asked):
            return False
        (_, end), (begin, _) = sorted((one, other))
        return len(asked) == 1 or not (begin - end > 1 and begin // PAGE == end // PAGE)

    def _size(self, args: Mapping[str, Written]) -> int:
        """As many bytes as there are up to an address."""
        return self._at[str(args["length"])] + 1


def scope_of(sizes: dict[str, int]) -> Scope:
    """The scope in which the oracle has the first of these bytes, as many as it is to have."""
    return ioas_scope(sizes, EDGES[: sizes["address"]], range(PAGE, LARGEST - PAGE + 1))


def _flags(args: Mapping[str, Written]) -> int:
    return ACCESSES[str(args["to"])] | (UNKNOWN_FLAG if args["request"] == "unknown" else 0)


def _is_foreseen(first: int, last: int, made: str) -> bool:
    """Behind an area as many pages have names as the kernel may choose meanwhile, or none can be chosen.

    One that goes on to the last pages begins with the last byte of a page. So no areas together are all of 2^64 bytes, of which
    the kernel's numbers would say 0: before that byte no area ends.
    """
    if last < _LOW:
        return last < PAGE or (last < 2 * PAGE and made == CHOSEN[0])
    if first == MIDDLE:
        return True  # whatever is chosen is far below
    return first >= _HIGH or (first % PAGE == PAGE - 1 and last >= _HIGH)
