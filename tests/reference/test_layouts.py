"""Layouts of the RFC's structures: what the facts of its review say is computed, and its defects fall where they are."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.reference.device_info import (
    DeviceInfo,
    Interrupts,
    Region,
    RegionFlags,
    TreeEntry,
    TreeFlags,
    TreeProperty,
    room,
)
from tenure.reference.layouts import ARM, I386, X86_64, Abi, Difference, Structure, differences
from tenure.reference.rfc2011_interface import (
    AS_MEANT,
    AS_WRITTEN,
    DMA_MAP,
    DTINDEX,
    DTPATH,
    IRQ_INFO,
    REGION_INFO,
)
from tenure.vocabulary.answers import Refused

STRUCTURES = (DMA_MAP, REGION_INFO, IRQ_INFO, DTPATH, DTINDEX)

REG_1 = TreeEntry(TreeProperty.REG, 1)
DEVICE = DeviceInfo(
    regions=(
        Region(0x1000, 0, RegionFlags.MMAP, entry=REG_1),
        Region(0),
        Region(1 << 40, 1 << 41, RegionFlags.PHYS_VALID, 1 << 36),
    ),
    interrupts=(Interrupts(1, level=True), Interrupts(0), Interrupts(2048)),
    path="/soc/serial@1000",
)


def test_d_g1_18_three_calls_are_others_to_a_program_of_32_bits() -> None:
    """The numbers of three requests differ between i386 and x86-64, with the sizes of their arguments."""
    assert differences(AS_WRITTEN, I386, X86_64) == (
        Difference("VFIO_GROUP_GET_DEVICE_FD", (0x40043B68, 0x40083B68), ()),
        Difference("VFIO_DEVICE_GET_IRQ_INFO", (0xC0143B70, 0xC0183B70), ("flags",)),
        Difference("VFIO_DEVICE_GET_DTPATH", (0xC0143B75, 0xC0183B75), ()),
    )


def test_where_64_bits_are_aligned_one_number_still_differs() -> None:
    """A 32-bit machine that aligns 64 bits to 8 bytes disagrees on the length of a pointer alone."""
    assert [d.request for d in differences(AS_WRITTEN, ARM, X86_64)] == ["VFIO_GROUP_GET_DEVICE_FD"]


@pytest.mark.parametrize("abi", [I386, ARM], ids=lambda a: a.name)
def test_as_meant_every_program_is_understood(abi: Abi) -> None:
    """With what is reserved written down, and no pointer in a number, all machines agree."""
    assert differences(AS_MEANT, abi, X86_64) == ()


def test_a_field_that_is_not_reserved_is_noticed() -> None:
    """Take one reserved word away, and the machines disagree."""
    (irq_info,) = (r for r in AS_MEANT if r.name == "VFIO_DEVICE_GET_IRQ_INFO")
    assert isinstance(irq_info.argument, Structure)
    fields = tuple(f for f in irq_info.argument.fields if not f[0].startswith("reserved"))
    planted = replace(irq_info, argument=replace(irq_info.argument, fields=fields))
    assert differences((planted,), I386, X86_64)


@pytest.mark.parametrize(("one", "size"), [(DMA_MAP, 40), (REGION_INFO, 40), (DTINDEX, 24)], ids=str)
def test_three_structures_are_the_same_everywhere(one: Structure, size: int) -> None:
    """Mappings, regions and indexes of properties are laid out alike."""
    assert {one.size(abi) for abi in (I386, ARM, X86_64)} == {size}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the compiler of another machine lays out otherwise")
@pytest.mark.parametrize(("flag", "abi"), [("-m64", X86_64), ("-m32", I386)])
def test_a_compiler_lays_the_structures_out_alike(flag: str, abi: Abi, tmp_path: Path) -> None:
    """What a C compiler says of each structure, it says of its length and of where its fields begin."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler is not None, "the tests need a C compiler"
    checks = [f'_Static_assert(sizeof(struct {s.name}) == {s.size(abi)}, "{s.name}");' for s in STRUCTURES]
    checks += [
        f'_Static_assert(__builtin_offsetof(struct {s.name}, {name}) == {at}, "{s.name}.{name}");'
        for s in STRUCTURES
        for name, at in s.offsets(abi).items()
    ]
    types = "typedef unsigned int __u32; typedef unsigned long long __u64;"
    bodies = [f"struct {s.name} {{ {' '.join(f'{k.value} {n};' for n, k in s.fields)} }};" for s in STRUCTURES]
    source = tmp_path / "layouts.c"
    source.write_text("\n".join([types, *bodies, *checks]))
    said = subprocess.run(  # the compiler that was found
        [compiler, flag, "-fsyntax-only", "-ffreestanding", str(source)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr


def test_requests_have_their_numbers() -> None:
    """Type `;`, numbers 100 to 118, each once."""
    assert [r.number for r in AS_WRITTEN] == list(range(100, 119))
    assert {r.type for r in AS_WRITTEN} == {";"}


def asked(structure: Structure, index: int, length: int, *, more: int = 0) -> bytes:
    """What a caller of x86-64 passes; `more` bytes of its own after the structure."""
    return structure.packed(X86_64, {"len": length, "index": index}) + b"\xee" * more


def test_a_hole_is_told_with_size_0() -> None:
    """A region of size 0 is no error: its index is there."""
    told = DEVICE.region_info(X86_64, asked(REGION_INFO, 1, 40))
    assert isinstance(told, bytes)
    assert REGION_INFO.unpacked(X86_64, told) == {"len": 40, "index": 1, "size": 0, "offset": 0, "flags": 0, "phys": 0}


def test_regions_and_interrupts_are_told() -> None:
    """Size, offset, flags and address of a region; count and level of an index."""
    region = DEVICE.region_info(X86_64, asked(REGION_INFO, 2, 40))
    lines = DEVICE.irq_info(X86_64, asked(IRQ_INFO, 0, 24))
    assert isinstance(region, bytes)
    assert isinstance(lines, bytes)
    assert REGION_INFO.unpacked(X86_64, region)["phys"] == 1 << 36
    assert IRQ_INFO.unpacked(X86_64, lines) == {"len": 24, "index": 0, "count": 1, "flags": 1}


@pytest.mark.parametrize("index", [3, 1 << 31, (1 << 32) - 1])
def test_an_index_beyond_the_last_is_refused(index: int) -> None:
    """EINVAL, for regions and for interrupts."""
    assert DEVICE.region_info(X86_64, asked(REGION_INFO, index, 40)) == Refused("EINVAL")
    assert DEVICE.irq_info(X86_64, asked(IRQ_INFO, index, 24)) == Refused("EINVAL")


@given(length=st.integers(0, 200), more=st.integers(0, 64), index=st.integers(0, 2))
def test_a_caller_gets_what_it_has_room_for_and_no_byte_beyond(length: int, more: int, index: int) -> None:
    """A `len` too small is refused, one too large is no harm, and what is behind the structure stays the caller's."""
    data = asked(REGION_INFO, index, length, more=more)
    told = DEVICE.region_info(X86_64, data)
    if length < 40:
        assert told == Refused("EINVAL")
    else:
        assert isinstance(told, bytes)
        assert len(told) == len(data)
        assert told[40:] == data[40:]


@given(least=st.integers(1, 64), grown=st.integers(0, 64), length=st.integers(0, 256))
def test_an_old_program_is_answered_by_a_new_kernel(least: int, grown: int, length: int) -> None:
    """A structure that has grown is written as far as the caller has room; what every version has is never left out."""
    taken = room(length, least, least + grown)
    if length < least:
        assert taken == Refused("EINVAL")
    else:
        assert isinstance(taken, int)
        assert least <= taken <= min(length, least + grown)


def test_a_path_comes_whole_or_not_at_all() -> None:
    """With its NUL, where there is room for it; ENODEV where there is no device tree."""
    path = b"/soc/serial@1000\0"
    space = b"\xee" * 32
    assert DEVICE.dtpath(len(path), space) == path + space[len(path) :]
    assert DEVICE.dtpath(len(path) - 1, space) == Refused("EINVAL")
    assert DEVICE.dtpath(32, space[: len(path) - 1]) == Refused("EINVAL")
    assert DeviceInfo(regions=()).dtpath(32, space) == Refused("ENODEV")


def of_tree(flags: int, index: int) -> bytes:
    """What a caller of GET_DTINDEX passes."""
    return DTINDEX.packed(X86_64, {"len": 24, "index": index, "flags": flags})


def test_the_property_of_a_region_is_told_in_its_structure() -> None:
    """Type and entry; length, index and flags stay as the caller wrote them."""
    told = DEVICE.dtindex(X86_64, of_tree(TreeFlags.REGION, 0))
    assert told == DTINDEX.packed(X86_64, {"len": 24, "flags": 1, "prop_type": TreeProperty.REG, "prop_index": 1})


@pytest.mark.parametrize("flags", [0, 3, 4, 1 << 63])
def test_an_index_of_neither_regions_nor_interrupts_is_refused(flags: int) -> None:
    """EINVAL: nobody says whose index it is."""
    assert DEVICE.dtindex(X86_64, of_tree(flags, 0)) == Refused("EINVAL")


def test_the_page_prints_what_is_computed() -> None:
    """docs/layouts.md shows the differences as they are."""
    page = (Path(__file__).parents[2] / "docs" / "layouts.md").read_text()
    lines = [" ".join((d.request, *map(hex, d.codes), *d.moved)) for d in differences(AS_WRITTEN, I386, X86_64)]
    assert "\n".join(lines) in page
