"""Structures of 2011 for 32 and for 64 bits: three of them differ, and with them the numbers of their ioctls (D-G1-18)."""

from __future__ import annotations

import pytest

from tenure.reference.layouts_2011 import AS_MEANT, AS_WRITTEN, Bits, Member, Structure


@pytest.mark.parametrize(
    ("name", "sizes", "numbers"),
    [
        ("GET_IRQ_INFO", (20, 24), (0xC0143B70, 0xC0183B70)),
        ("GET_DTPATH", (20, 24), (0xC0143B75, 0xC0183B75)),
        ("GET_DEVICE_FD", (4, 8), (0x40043B68, 0x40083B68)),
    ],
)
def test_a_structure_with_a_hole_or_a_pointer_has_two_numbers(
    name: str, sizes: tuple[int, int], numbers: tuple[int, int]
) -> None:
    """A 64-bit kernel does not know what a 32-bit program asks for."""
    written = AS_WRITTEN[name]

    assert not written.is_neutral()
    assert tuple(written.size(bits) for bits in Bits) == sizes
    assert tuple(written.ioctl(bits) for bits in Bits) == numbers


@pytest.mark.parametrize(("name", "size"), [("MAP_DMA", 40), ("GET_REGION_INFO", 40), ("GET_DTINDEX", 24)])
def test_the_others_are_neutral(name: str, size: int) -> None:
    """They have neither."""
    written = AS_WRITTEN[name]

    assert written.is_neutral()
    assert {written.size(bits) for bits in Bits} == {size}


@pytest.mark.parametrize("name", AS_MEANT)
def test_as_meant_every_structure_is_neutral(name: str) -> None:
    """With addresses as numbers, and padding that is written down."""
    assert AS_MEANT[name].is_neutral()


def test_a_pointer_is_never_neutral_even_where_offsets_agree() -> None:
    """Behind a number of 64 bits it leaves the same offsets, and another size."""
    assert not Structure(1, (("flags", Member.U64), ("at", Member.POINTER))).is_neutral()
