"""The arithmetic of DMA ranges is proved in two ways, and each way finds the faults that are planted in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tenure.models.dma_rfc2011_ways import DEFECTS as IN_AN_ORDER
from tenure.prover import arithmetic, confirmation
from tenure.prover.arithmetic import Judged, Setting, over_bit_vectors, settings
from tenure.prover.confirmation import by_crosshair, distinct
from tenure.prover.second import cvc5_verdict
from tenure.reference.dma import lemmas
from tenure.reference.dma.lemmas import COUNTING, LEMMAS, Lemma
from tenure.reference.dma.mappings import Cut
from tenure.reference.dma.pages import Shift, is_aligned
from tenure.reference.dma.ranges import Range, overlap, without
from tenure.reference.dma.rfc2011_ways import DEFECTS, OF_COPIES, OF_INTEGERS
from tenure.reference.dma.widths import Malformed, Width, from_size, top
from tenure.vocabulary.verdicts import Verdict

ALL = (*LEMMAS, *COUNTING)
WAYS = (over_bit_vectors, by_crosshair)


class Fault(NamedTuple):
    """A wrong function in the place of a right one, and the lemma that it makes false."""

    lemma: Lemma
    name: str
    function: Callable[..., Any]
    what: str
    ways: tuple[Callable[[Lemma, Setting], Judged], ...] = WAYS
    defect: str = ""
    """The defect of the RFC of November 2011 that goes wrong so."""
    trigger: tuple[Any, ...] = ()
    """The numbers with which that defect was told."""


FOUR_KIB = Shift(12)
FULL = "TENURE_DMA_FULL" in os.environ
SECOND = cvc5_verdict if FULL else None
"""`make dma-full` asks both solvers, and CrossHair for every size of page."""

BITS = (over_bit_vectors,)
"""Where a bit is lost on the way and no more, Python's integers, and so CrossHair's, see no fault."""


def cut(value: int) -> int:
    """What is left of a word in 32 bits."""
    return value - ((value >> 32) << 32)


def as_int(value: int) -> int:
    """What a signed int of 32 bits keeps of it."""
    kept = cut(value)
    return kept - (1 << 32) if kept >= 1 << 31 else kept


def looped_by_int(numbers: Range, shift: Shift) -> Range:
    """The bytes of pages that a loop goes through whose counter is an int: none where that is negative."""
    negative = cut(numbers.last - numbers.first) >= (1 << 31) - 1
    return Range(1, 0) if negative else Range(numbers.first << shift, (numbers.last << shift) + ((1 << shift) - 1))


def overlap_in_32_bits(a: Range, b: Range) -> bool:
    """The test of a host whose words are narrower than addresses of the bus."""
    return cut(a.first) <= cut(b.last) and cut(b.first) <= cut(a.last)


def wrapped(address: int, size: int, width: Width) -> Range | Malformed:
    """A range whose end is not tested, only its first byte."""
    if address > top(width) or size > top(width):
        return Malformed.TOO_WIDE
    return Malformed.EMPTY if size == 0 else Range(address, address + (size - 1))


def refused_at_the_top(address: int, size: int, width: Width) -> Range | Malformed:
    """A wrap test of the exclusive end, which refuses the last byte of the address space."""
    if address > top(width) or size > top(width):
        return Malformed.TOO_WIDE
    if size == 0 or size > top(width) - address:
        return Malformed.WRAPS if size else Malformed.EMPTY
    return Range(address, address + (size - 1))


def truncated(address: int, size: int, width: Width) -> Range | Malformed:
    """Both numbers in the host's words, whatever the bus has."""
    return from_size(cut(address), cut(size), width)


def first_byte_kept(r: Range, hole: Range) -> tuple[Range, ...]:
    """The first byte of the hole stays."""
    return (Range(r.first, hole.first),) if r.first < hole.first <= r.last else without(r, hole)


def last_byte_kept(r: Range, hole: Range) -> tuple[Range, ...]:
    """The last byte of the hole stays."""
    return (Range(hole.last, r.last),) if hole.first <= r.first <= hole.last < r.last else without(r, hole)


def empty_part_kept(r: Range, hole: Range) -> tuple[Range, ...]:
    """A low part stays where nothing is left."""
    return (Range(r.first, hole.first - 1),) if r.first <= hole.first <= r.last else without(r, hole)


FAULTS = (
    Fault(
        lemmas.ranges_that_share_a_byte_overlap,
        "overlap",
        lambda a, b: a.first < b.last and b.first < a.last,
        "< for <=",
    ),
    Fault(
        lemmas.ranges_that_share_a_byte_overlap,
        "overlap",
        lambda a, b: a.first < b.last + 1 and b.first < a.last + 1,
        "an exclusive end that wraps",
        BITS,
    ),
    Fault(lemmas.ranges_that_overlap_share_a_byte, "overlap", lambda a, b: a.first <= b.last, "half of the test"),
    Fault(
        lemmas.what_covers_a_range_holds_each_of_its_bytes,
        "covers",
        lambda outer, inner: outer.first <= inner.first <= outer.last,
        "only the first byte is tested",
    ),
    Fault(
        lemmas.what_holds_both_ends_covers,
        "covers",
        lambda outer, inner: outer.first <= inner.first and inner.last < outer.last,
        "the last byte counts as outside",
    ),
    Fault(
        lemmas.the_intersection_holds_what_both_hold,
        "intersection",
        lambda a, b: Range(max(a.first, b.first), b.last) if overlap(a, b) else None,
        "the wrong end",
    ),
    Fault(
        lemmas.the_intersection_is_a_range,
        "intersection",
        lambda a, b: Range(max(a.first, b.first), min(a.last, b.last)),
        "an intersection of what does not overlap",
    ),
    Fault(lemmas.what_is_left_is_what_was_there_and_not_cut, "without", first_byte_kept, "a dropped -1"),
    Fault(lemmas.what_is_left_is_ranges_in_order, "without", empty_part_kept, "<= for <"),
    Fault(lemmas.a_cut_keeps_every_byte_accounted_for, "without", last_byte_kept, "a dropped +1"),
    Fault(
        lemmas.an_unmap_that_splits_takes_what_was_asked_and_keeps_the_rest,
        "splitting",
        lambda mapping, request: Cut(Range(mapping.first, min(mapping.last, request.last)), without(mapping, request)),
        "the mapping's beginning goes too",
    ),
    Fault(
        lemmas.a_split_loses_no_byte_and_invents_none,
        "split",
        lambda r, at: (Range(r.first, at - 1), Range(at, r.last)),
        "a byte outside is not refused",
    ),
    Fault(
        lemmas.a_split_gives_ranges_in_order,
        "split",
        lambda r, at: (Range(r.first, at), Range(at, r.last)) if r.first < at <= r.last else (r,),
        "a dropped -1",
    ),
    Fault(
        lemmas.a_split_ends_before_the_byte_and_begins_at_it,
        "split",
        lambda r, at: (Range(r.first, at), Range(at + 1, r.last)) if r.first < at < r.last else (r,),
        "one byte late",
    ),
    Fault(
        lemmas.a_split_joins_again,
        "split",
        lambda r, at: (Range(r.first, at - 1), Range(at + 1, r.last)) if r.first < at < r.last else (r,),
        "the byte itself is lost",
    ),
    Fault(
        lemmas.bytes_of_parts_add_up,
        "split",
        lambda r, at: (Range(r.first, at), Range(at, r.last)) if r.first < at <= r.last else (r,),
        "a byte in both parts",
    ),
    Fault(
        lemmas.between_adjacent_ranges_is_no_byte,
        "is_adjacent",
        lambda a, b: a.last < b.first and b.first - a.last <= 2,
        "<= for ==",
    ),
    Fault(
        lemmas.between_adjacent_ranges_is_no_byte,
        "is_adjacent",
        lambda a, b: a.last + 1 == b.first or b.last + 1 == a.first,
        "an exclusive end that wraps",
        BITS,
    ),
    Fault(
        lemmas.between_ranges_that_are_apart_is_a_byte,
        "is_adjacent",
        lambda a, b: a.last < b.first and b.first - a.last == 1,
        "only one of the two orders",
    ),
    Fault(
        lemmas.a_join_holds_what_either_holds,
        "join",
        lambda a, b: Range(min(a.first, b.first), max(a.last, b.last)),
        "a hole is joined over",
    ),
    Fault(
        lemmas.only_a_hole_prevents_a_join,
        "join",
        lambda a, b: Range(min(a.first, b.first), max(a.last, b.last)) if overlap(a, b) else None,
        "adjacent ranges are kept apart",
    ),
    Fault(
        lemmas.a_byte_leads_as_far_from_the_target_as_it_is_from_the_first,
        "across",
        lambda r, target, byte: target if byte < r.last else target + (r.last - r.first),
        "the offset is dropped",
    ),
    Fault(lemmas.a_size_counts_the_bytes, "size", lambda r: r.last - r.first, "a dropped +1"),
    Fault(
        lemmas.a_page_begins_at_or_below_its_bytes,
        "last_byte",
        lambda page, shift: (page << shift) + (1 << shift),
        "a dropped -1",
    ),
    Fault(
        lemmas.a_byte_between_the_ends_of_a_page_is_in_it,
        "page_of",
        lambda byte, shift: (byte >> shift) + 1 if shift else byte,
        "pages counted from one",
    ),
    Fault(lemmas.an_aligned_address_begins_its_page, "is_aligned", lambda value, shift: value >= shift, "no test"),
    Fault(
        lemmas.aligned_ends_make_whole_pages,
        "is_page_aligned",
        lambda r, shift: is_aligned(r.first, shift),
        "the end is not tested",
    ),
    Fault(
        lemmas.a_range_touches_the_pages_of_its_bytes,
        "pages",
        lambda r, shift: Range(r.first >> shift, max(r.first, r.last, 1) - 1 >> shift),
        "an exclusive end for an inclusive one",
    ),
    Fault(
        lemmas.each_page_touched_holds_a_byte_of_the_range,
        "pages",
        lambda r, shift: Range(r.first >> shift, (r.last >> shift) + 1),
        "an inclusive end for an exclusive one",
    ),
    Fault(
        lemmas.the_bytes_of_pages_are_those_in_them,
        "bytes_of",
        lambda numbers, shift: Range(numbers.first << shift, numbers.last << shift),
        "the last page's bytes but the first are lost",
    ),
    Fault(
        lemmas.the_pages_of_a_range_are_whole_and_cover_it,
        "bytes_of",
        lambda numbers, shift: Range(numbers.first << shift, (numbers.last << shift) + (1 << shift)),
        "a dropped -1",
    ),
    Fault(
        lemmas.a_page_count_fits_an_address,
        "page_count",
        lambda r, shift: cut(((r.last - r.first) >> shift) + 1) if shift else 1,
        "a count truncated to 32 bits",
        defect="D-G1-04",
        trigger=(Range(0x10_0000, 0x10_0000 + (1 << 44) - 1), FOUR_KIB),
    ),
    Fault(
        lemmas.a_page_count_is_the_size_of_the_page_numbers,
        "page_count",
        lambda r, shift: cut((r.last >> shift) - (r.first >> shift) + 1),
        "page numbers counted in 32 bits",
        defect="D-G1-05",
        trigger=(Range(0x10_0000, 0x10_0000 + (1 << 44) + 0xFFF), FOUR_KIB),
    ),
    Fault(
        lemmas.a_page_count_fits_an_address,
        "page_count",
        lambda r, shift: as_int(((r.last - r.first) >> shift) + 1) if shift else 1,
        "a count that is an int",
        defect="D-G1-06",
        trigger=(Range(0x10_0000, 0x10_0000 + (1 << 43) - 1), FOUR_KIB),
    ),
    Fault(
        lemmas.pages_of_parts_add_up,
        "sum",
        lambda counts: as_int(sum(counts)),
        "a sum that is an int",
        defect="D-G1-29",
        trigger=(Range(0, (1 << 43) - 1), 1 << 42, FOUR_KIB),
    ),
    Fault(
        lemmas.the_bytes_of_pages_are_those_in_them,
        "bytes_of",
        looped_by_int,
        "a loop that counts by an int",
        defect="D-G1-30",
        trigger=(Range(0, (1 << 43) - 1), 0, FOUR_KIB),
    ),
    Fault(
        lemmas.ranges_that_overlap_share_a_byte,
        "overlap",
        overlap_in_32_bits,
        "a 64-bit bus in 32-bit words",
        defect="D-G1-17",
        trigger=(Range(0, 0xFFF), Range(1 << 32, (1 << 32) + 0xFFF)),
    ),
    Fault(
        lemmas.a_page_count_fits_an_address,
        "page_count",
        lambda r, shift: (r.last - r.first + 1) >> shift,
        "a size that wraps",
        BITS,
    ),
    Fault(
        lemmas.a_page_count_is_the_size_of_the_page_numbers,
        "page_count",
        lambda r, shift: (r.last - r.first + 1) >> shift,
        "pages touched in part are not counted",
    ),
    Fault(
        lemmas.one_page_has_its_bytes,
        "page_count",
        lambda r, shift: (r.last >> shift) - (r.first >> shift),
        "a dropped +1",
    ),
    Fault(
        lemmas.pages_of_parts_add_up,
        "page_count",
        lambda r, shift: (r.last >> shift) - (r.first >> shift),
        "a dropped +1 in each part",
    ),
    Fault(
        lemmas.a_byte_is_in_what_was_asked_for_exactly_if_it_is_that_far,
        "from_size",
        truncated,
        "a 64-bit bus in 32-bit words",
        defect="D-G1-17",
        trigger=(1 << 32, 0x1000, 1 << 32, Width(64)),
    ),
    Fault(lemmas.an_address_and_a_size_make_a_range_within_the_width, "from_size", wrapped, "no wrap test"),
    Fault(
        lemmas.only_what_is_no_range_is_refused,
        "from_size",
        refused_at_the_top,
        "the last byte of the address space is refused",
    ),
    Fault(
        lemmas.a_narrow_side_sees_the_same_bytes_or_none,
        "narrowed",
        lambda r, width: r if r.last <= top(width) else Range(cut(r.first), max(cut(r.first), cut(r.last))),
        "a 64-bit bus in 32-bit words",
    ),
    Fault(
        lemmas.only_what_does_not_fit_is_kept_from_a_narrow_side,
        "narrowed",
        lambda r, width: r if r.last < top(width) else None,
        "< for <=",
    ),
)


@pytest.mark.parametrize("lemma", ALL)
def test_each_lemma_is_proved_over_bit_vectors(lemma: Lemma) -> None:
    """At 32 and at 64 bits, and for a 64-bit bus on a 32-bit host, with no bit lost on any way."""
    verdicts = {str(setting): over_bit_vectors(lemma, setting, SECOND).verdict for setting in settings(lemma)}

    assert set(verdicts) >= {"32", "64"}
    assert set(verdicts.values()) == {Verdict.PROVED}


@pytest.mark.parametrize("lemma", ALL)
def test_each_lemma_is_confirmed_by_crosshair(lemma: Lemma) -> None:
    """The second way: the same functions, by somebody else's engine, over Python's own integers."""
    verdicts = {str(setting): by_crosshair(lemma, setting, every_page=FULL).verdict for setting in distinct(lemma)}

    assert "64" in verdicts
    assert set(verdicts.values()) == {Verdict.PROVED}


def plant(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the wrong function where the lemmas look: for one of theirs, or for one of Python's."""
    monkeypatch.setattr(lemmas, fault.name, fault.function, raising=fault.name != "sum")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name}: {fault.what}")
def test_each_planted_fault_is_refuted_with_numbers(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way answers with arguments of which the lemma is False, or with an operation that loses a bit."""
    *_, widest = settings(fault.lemma)
    plant(fault, monkeypatch)

    judged = [way(fault.lemma, widest) for way in fault.ways]

    assert {one.verdict for one in judged} == {Verdict.REFUTED}
    assert all(one.arguments for one in judged)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.defect], ids=lambda fault: f"{fault.defect} {fault.name}")
def test_a_defect_of_2011_makes_a_lemma_false_with_its_own_numbers(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's integers say so, of the sizes at which the code went wrong."""
    assert fault.lemma(*fault.trigger) is True
    plant(fault, monkeypatch)
    assert fault.lemma(*fault.trigger) is False


def test_each_defect_of_2011_that_is_arithmetic_is_planted() -> None:
    """Those that an abstract order of addresses cannot show, but for memory that is copied (D-G1-26)."""
    assert {fault.defect for fault in FAULTS} - {""} == OF_INTEGERS
    assert DEFECTS.keys() - IN_AN_ORDER.keys() == OF_INTEGERS | OF_COPIES


def test_each_lemma_has_a_planted_fault() -> None:
    """A lemma that no fault makes false says nothing."""
    assert {fault.lemma for fault in FAULTS} == set(ALL)


def test_a_solver_that_gives_up_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What neither way decides within its limit is unknown."""
    lemma = lemmas.what_is_left_is_what_was_there_and_not_cut
    setting = Setting(64, Width(64), 64)
    monkeypatch.setattr(arithmetic, "RLIMIT", 1)
    monkeypatch.setattr(confirmation, "SECONDS", 0.0)

    assert over_bit_vectors(lemma, setting).verdict is Verdict.UNKNOWN
    assert by_crosshair(lemma, setting).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("lemma", [lemmas.ranges_that_overlap_share_a_byte, lemmas.a_page_count_fits_an_address])
def test_a_second_solver_is_asked_whatever_the_first_excludes(lemma: Lemma) -> None:
    """cvc5 says the same to the same text; what another does not confirm is not proved."""
    setting = Setting(64, Width(64), 64)

    assert over_bit_vectors(lemma, setting, cvc5_verdict).verdict is Verdict.PROVED
    assert (
        over_bit_vectors(lemma, setting, lambda text: "sat" if "bvul" in text else "unsat").verdict is Verdict.UNKNOWN
    )


def test_a_refutation_is_of_numbers_that_python_has_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give arguments of which the lemma, run on plain integers, is False."""
    lemma = lemmas.ranges_that_overlap_share_a_byte
    monkeypatch.setattr(lemmas, "overlap", lambda a, b: a.first <= b.last)

    for way in WAYS:
        arguments: dict[str, Any] = dict(way(lemma, Setting(64, Width(64), 64)).arguments)
        assert lemma(**arguments) is False


def adds_one(byte: int) -> bool:
    """True of Python's integers."""
    return byte + 1 > byte


def takes_one(byte: int) -> bool:
    """True of Python's integers."""
    return byte - 1 < byte


def doubles(byte: int) -> bool:
    """True of Python's integers."""
    return byte << 1 >= byte


@pytest.mark.parametrize(
    ("lemma", "loss", "least", "most"),
    [
        (adds_one, "a sum wraps", top(Width(32)), top(Width(32))),
        (takes_one, "a difference wraps", 0, 0),
        (doubles, "a shift to the left loses a bit", 1 << 31, top(Width(32))),
    ],
)
def test_an_operation_that_loses_a_bit_is_named(lemma: Lemma, loss: str, least: int, most: int) -> None:
    """With an argument for which it does."""
    judged = over_bit_vectors(lemma, Setting(32, Width(32), 32))

    assert (judged.verdict, judged.reason) == (Verdict.REFUTED, loss)
    assert judged.arguments[0][1] in Range(least, most)  # type: ignore[operator]  # an integer


def test_an_unknown_integer_meets_only_integers() -> None:
    """What is no integer is a mistake in the function, said where it is made."""
    with pytest.raises(TypeError, match="'7', which is no integer"):
        over_bit_vectors(compares_with_text, Setting(32, Width(32), 32))


def compares_with_text(byte: int) -> bool:
    """A function that is no arithmetic."""
    return byte == "7"  # type: ignore[comparison-overlap]  # the mistake
