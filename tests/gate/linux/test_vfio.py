"""VFIO as bytes: what the kernel is told, and what it says."""

from __future__ import annotations

import struct

from tests.gate.linux.conftest import RANGES

from tenure.gate.linux import vfio


def capability(kind: int, following: int, body: bytes) -> bytes:
    """One link of the chain."""
    return struct.pack("<HHI", kind, 1, following) + body


def told() -> bytes:
    """An answer with ranges, something unknown, and how many mappings are left."""
    ranges = b"".join(struct.pack("<QQ", *one) for one in RANGES)
    first = capability(1, 24 + 48, struct.pack("<II", len(RANGES), 0) + ranges)
    second = capability(2, 24 + 48 + 24, bytes(16))
    third = capability(3, 0, struct.pack("<I", 7))
    return (struct.pack("<IIQII", 256, 3, 0x40201000, 24, 0) + first + second + third).ljust(256, b"\0")


def test_the_chain_of_capabilities_is_followed() -> None:
    """Past what is unknown, to its end."""
    assert vfio.info(told()) == vfio.Info(0x40201000, RANGES, 7)


def test_a_kernel_without_capabilities_tells_no_ranges() -> None:
    """Then every address is valid, and nothing is known of how many mappings are left."""
    answer = struct.pack("<IIQII", 256, 1, 0x1000, 0, 0).ljust(256, b"\0")

    assert vfio.info(answer) == vfio.Info(0x1000, (), -1)


def test_a_chain_that_leads_back_ends() -> None:
    """Whoever wrote it."""
    answer = struct.pack("<IIQII", 256, 2, 0x1000, 24, 0) + capability(9, 24, b"")

    assert vfio.info(answer.ljust(256, b"\0")).ranges == ()


def test_structures_have_the_sizes_that_they_name() -> None:
    """The first number of each is its length."""
    for made in (vfio.map_dma(3, 0, 0, 0), vfio.unmap_dma(2, 0, 0), vfio.info_request(), vfio.STATUS):
        assert struct.unpack_from("<I", made)[0] == len(made)
