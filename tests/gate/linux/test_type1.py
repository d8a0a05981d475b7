"""Type1 on a guest: what a call of the rules is in bytes, and what the bytes that come back say."""

from __future__ import annotations

import struct
from typing import cast

import pytest
from tests.gate.linux.conftest import Played

from tenure.gate.linux.batch import Round
from tenure.gate.linux.edges import LAST_PAGE, PAGE
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.type1 import MOST, Type1
from tenure.gate.linux.vfio import TYPE1_V2
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import setup_of
from tenure.gate.subject import Setup, TargetFailed, Written
from tenure.models import SYSTEMS
from tenure.vocabulary.answers import Answer, Done, Refused

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2")


def left(number: int) -> bytes:
    """IOMMU_GET_INFO of an address space in which so many mappings may still be made."""
    chain = struct.pack("<HHI", 3, 1, 0) + struct.pack("<I", number)
    return (struct.pack("<IIQII", 256, 3, 0x1000, 24, 0) + chain).ljust(256, b"\0")


def honest(target: str, line: str) -> str | None:
    """A guest in which every call is done, the first unmap takes three pages, and no page is locked."""
    if line.startswith("r ") and line.endswith(" 256"):
        return left(MOST).hex()
    if line.startswith("r ") and line.endswith(" 24"):
        return struct.pack("<IIQQ", 24, 0, 0, 3 * PAGE).hex()
    del target
    return {"spawn 0": "100", "spawn 1": "101"}.get(line)


@pytest.fixture
def guest() -> Played:
    """It does all that it is asked."""
    return Played(honest)


@pytest.fixture
def setup(facts: Facts, guest: Played) -> Setup:
    """The edges of this machine."""
    scope, _ = adapter_of(guest, facts).scopes(SYSTEM)
    return setup_of(SYSTEM, Oracle(SYSTEM, scope).machine)


def adapter_of(guest: Played, facts: Facts) -> Type1:
    """An adapter on a guest that is played."""
    return Type1(cast("Guest", guest), facts, version=TYPE1_V2)


@pytest.fixture
def adapter(facts: Facts, guest: Played, setup: Setup) -> Type1:
    """The same after a reset."""
    made = adapter_of(guest, facts)
    made.reset(setup)
    return made


def named(setup: Setup, page: int) -> str:
    """The address of this page."""
    return next(name for name, number in setup.fixed["address_position"].items() if number == page)


def mapped(adapter: Type1, args: dict[str, Written]) -> tuple[int, int, int, int]:
    """Flags, memory, address and size of the MAP_DMA that a call becomes."""
    using = Round()
    adapter.ask("map_dma", {"process": "p0", "table": "tb0", "to": "both", "made": "m0", **args}, using)
    (batch,) = using.batches
    (structure,) = [line for line in batch.lines if line.startswith("w ")]
    _, *found = struct.unpack("<IIQQQ", bytes.fromhex(structure.split()[2]))
    return cast("tuple[int, int, int, int]", tuple(found))


def test_a_range_is_all_pages_from_the_first_to_the_last(adapter: Type1, setup: Setup) -> None:
    """Both of them."""
    low, high = named(setup, 0xFEDFE), named(setup, 0xFEDFF)

    flags, _, address, size = mapped(adapter, {"request": "range", "low": low, "high": high})

    assert (flags, address, size) == (3, 0xFEDFE000, 2 * PAGE)


@pytest.mark.parametrize("page", [1, 0xFEDFE, 0xFEDFF, 0xFEF00, LAST_PAGE])
def test_what_is_wrong_with_a_request_is_wrong_and_nothing_else_is(adapter: Type1, setup: Setup, page: int) -> None:
    """At whatever address."""
    at = named(setup, page)
    args: dict[str, Written] = {"low": at, "high": at}

    def ends(request: str) -> tuple[int, int, int]:
        _, memory, address, size = mapped(adapter, {"request": request, **args})
        return memory, address, size

    memory, address, size = ends("misaligned")
    assert (memory % PAGE, address % PAGE, size % PAGE) != (0, 0, 0)
    assert address + size <= 1 << 64 >= memory + size
    assert ends("empty")[2] == 0
    memory, address, size = ends("target wraps")
    assert memory + size > 1 << 64
    assert (memory % PAGE, address % PAGE, size % PAGE) == (0, 0, 0)
    if adapter.able("map_dma", {"request": "wraps", **args}):
        memory, address, size = ends("wraps")
        assert address + size > 1 << 64 >= memory + size
        assert size % PAGE == 0


def test_a_size_that_64_bits_do_not_hold_is_not_asked_for(adapter: Type1, setup: Setup) -> None:
    """Neither one that wraps from the first pages, nor the whole address space."""
    bottom, second, top = named(setup, 0), named(setup, 1), named(setup, LAST_PAGE)

    assert not adapter.able("unmap_dma", {"request": "wraps", "low": bottom, "high": bottom})
    assert not adapter.able("unmap_dma", {"request": "wraps", "low": second, "high": second})
    assert not adapter.able("unmap_dma", {"request": "range", "low": bottom, "high": top})
    assert adapter.able("unmap_dma", {"request": "range", "low": second, "high": top})


def test_a_mapping_that_no_memory_is_behind_is_not_asked_for(adapter: Type1, setup: Setup) -> None:
    """Where the rules refuse the range whatever is behind it, it is."""
    bottom, last, beyond = named(setup, 0), named(setup, 0xFEDFF), named(setup, 0xFEE00)

    assert not adapter.able("map_dma", {"request": "range", "low": bottom, "high": last})
    assert adapter.able("map_dma", {"request": "range", "low": bottom, "high": beyond})


def unmapped(guest: Played, adapter: Type1, size: int, errno: int = 0) -> Answer | None:
    """What UNMAP_DMA answers where the guest says this."""

    def reply(target: str, line: str) -> str | None:
        if "15218" in line:
            return str(-errno)
        structure = struct.pack("<IIQQ", 24, 0, 0, size).hex()
        return structure if line.startswith("r ") and line.endswith(" 24") else honest(target, line)

    guest.reply = reply
    using = Round()
    read = adapter.ask("unmap_all", {"table": "tb0"}, using)
    guest.ask(*using.batches)
    return read()


def test_an_unmap_says_how_many_pages_went(guest: Played, adapter: Type1) -> None:
    """A size that is no number of pages is told as it is: no rule permits it."""
    assert unmapped(guest, adapter, 3 * PAGE) == Done((("size", 3),))
    assert unmapped(guest, adapter, 3 * PAGE + 1) == Done((("size", "12289 bytes"),))
    assert unmapped(guest, adapter, 0, errno=22) == Refused("EINVAL")


def test_a_call_that_the_last_page_concerns_is_marked(guest: Played, adapter: Type1, setup: Setup) -> None:
    """It reaches it, or a mapping of the address space does, from when it was made."""
    at, top = named(setup, 0xFEDFF), named(setup, LAST_PAGE)
    args: dict[str, Written] = {"process": "p0", "table": "tb0", "to": "both", "made": "m0", "request": "range"}

    assert adapter.marks("unmap_dma", {"table": "tb0", "request": "range", "low": at, "high": top})
    assert not adapter.marks("unmap_all", {"table": "tb0"})
    using = Round()
    read = adapter.ask("map_dma", {**args, "low": top, "high": top}, using)
    guest.ask(*using.batches)
    assert read() == Done(())
    assert adapter.marks("unmap_all", {"table": "tb0"})
    assert not adapter.marks("unmap_all", {"table": "tb1"})


def test_a_second_process_that_cannot_be_made_is_told(facts: Facts, setup: Setup) -> None:
    """It has the containers, or nothing can be tried."""

    def reply(target: str, line: str) -> str | None:
        return "-1" if line.startswith("s 438") else honest(target, line)

    with pytest.raises(TargetFailed, match="the containers that a run starts with cannot be made"):
        adapter_of(Played(reply), facts).reset(setup)


def test_what_is_shown_is_what_the_guest_says(guest: Played, adapter: Type1) -> None:
    """How many mappings are left, and how many pages are locked."""

    def reply(target: str, line: str) -> str | None:
        if "VmLck" in line:
            return b"VmLck:\t       8 kB".hex() if "/101/" in line else None
        return left(1).hex() if line.endswith(" 256") and line.startswith("r ") else honest(target, line)

    guest.reply = reply
    using = Round()
    read = adapter.look(using)
    guest.ask(*using.batches)
    shown = read()

    assert shown["mappings_left"] == {"tb0": 1, "tb1": 1}
    assert shown["pages_charged"] == {"p0": 0, "p1": 2}
    assert shown["mappings_most"] == {"tb0": MOST, "tb1": MOST}


def test_a_batch_goes_to_the_process_that_makes_the_call(adapter: Type1, setup: Setup) -> None:
    """Whose locked memory it is charged to."""
    using = Round()
    at = named(setup, 1)
    args: dict[str, Written] = {"table": "tb1", "to": "read", "made": "m0", "request": "range", "low": at, "high": at}
    adapter.ask("map_dma", {"process": "p1", **args}, using)

    assert [batch.target for batch in using.batches] == ["1"]


def test_a_charge_that_stays_is_told_and_its_process_goes(guest: Played, adapter: Type1, setup: Setup) -> None:
    """The next run starts with processes that nobody charged."""

    def reply(target: str, line: str) -> str | None:
        return b"VmLck:\t       4 kB".hex() if "/101/" in line else honest(target, line)

    guest.reply = reply
    assert adapter.settle() == "pages are charged though everything is closed"

    guest.asked.clear()
    guest.reply = lambda target, line: "102" if line == "spawn 1" else reply(target, line)
    adapter.reset(setup)
    assert ("hub", "kill 1") in guest.asked
    assert adapter.settle() == ""
