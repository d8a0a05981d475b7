"""An iommufd as a container on a guest: what a call of the rules is in bytes, and what the kernel says of it."""

from __future__ import annotations

import struct
from itertools import product
from typing import cast

import pytest
from tests.gate.linux.playing_compat import COMPAT, Containers, setup

from tenure.gate.linux import spaces
from tenure.gate.linux.batch import Round
from tenure.gate.linux.edges import LAST_PAGE, PAGE
from tenure.gate.linux.facts import FIRST_FILE, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.ioas_compat import PAGES, IoContainers
from tenure.gate.linux.ioas_requests import LARGEST, LONGEST
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import NotRun, TargetFailed, Written
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.observables import VFIO_MAP_REQUEST, VFIO_UNMAP_REQUEST

SPANS = [(low, high) for low, high in product(PAGES, PAGES) if low <= high]


@pytest.fixture(autouse=True)
def _nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that has iommufds."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["iommu", "vfio"])


@pytest.fixture
def kernel() -> Containers:
    """It does all as it should."""
    return Containers()


@pytest.fixture
def adapter(kernel: Containers, facts: Facts) -> IoContainers:
    """An adapter after a reset."""
    made = IoContainers(cast("Guest", kernel), facts)
    made.reset(setup())
    kernel.asked.clear()
    return made


def made(kernel: Containers, adapter: IoContainers, *calls: tuple[str, dict[str, Written]]) -> list[Answer | None]:
    """Make calls in one exchange; their answers."""
    using = Round()
    asked = [adapter.ask(call, args, using) for call, args in calls]
    kernel.asked.clear()
    kernel.ask(*using.batches)
    return [read() for read in asked]


def about(request: str, low: int, high: int | None = None, table: str = "tb0") -> dict[str, Written]:
    """The arguments of a map or an unmap of these pages."""
    ends = {"low": f"a{PAGES.index(low)}", "high": f"a{PAGES.index(low if high is None else high)}"}
    return {"table": table, "request": request, **ends, "to": "both", "made": "m0", "behind": "m1", "inside": "m2"}


def shown(kernel: Containers, adapter: IoContainers) -> dict[str, Written]:
    """Where an IO address space stands for a container."""
    using = Round()
    read = adapter.look(using)
    kernel.ask(*using.batches)
    return read()["space_exists"]


ALLOC: tuple[str, dict[str, Written]] = ("ioas_alloc", {"made": "tb0"})
OTHER: tuple[str, dict[str, Written]] = ("ioas_alloc", {"made": "tb1"})


@pytest.mark.parametrize("low", PAGES)
@pytest.mark.parametrize("request_", VFIO_MAP_REQUEST.values)
def test_what_is_wrong_with_a_map_is_wrong_and_nothing_else_is(
    kernel: Containers, adapter: IoContainers, request_: str, low: int
) -> None:
    """All is of whole pages but where no area comes of it, so that areas can be cut."""
    if not adapter.able("map_dma", about(request_, low)):
        assert request_ == "wraps"
        return
    made(kernel, adapter, ("map_dma", about(request_, low)))

    ((request, structure),) = kernel.asked
    long, flags, memory, address, size = struct.unpack("<IIQQQ", structure.ljust(32, b"\0"))
    wrong = {
        "unknown": bool(flags & ~3) or long < 32,
        "target wraps": memory + size > LARGEST,
        "empty": not size or size > LONGEST["ioas_map_fixed"],
        "wraps": address + size - 1 > LARGEST,
    }
    assert (request, next((one for one in wrong if wrong[one]), "range")) == (Ioctl.IOMMU_MAP_DMA, request_)
    assert request_ != "range" or (memory % PAGE, address, size) == (0, low * PAGE, PAGE)


@pytest.mark.parametrize("low", PAGES)
@pytest.mark.parametrize("request_", VFIO_UNMAP_REQUEST.values)
def test_what_is_wrong_with_an_unmap_is_wrong_and_nothing_else_is(
    kernel: Containers, adapter: IoContainers, request_: str, low: int
) -> None:
    """One that wraps ends where no area is, so that nothing is cut there."""
    if not adapter.able("unmap_dma", about(request_, low)):
        assert request_ == "wraps"
        return
    made(kernel, adapter, ("unmap_dma", about(request_, low)))

    ((_, structure),) = kernel.asked
    long, flags, address, size = struct.unpack("<IIQQ", structure.ljust(24, b"\0"))
    wrong = {
        "unknown": bool(flags) or long < 24,
        "empty": not size,
        "wraps": address + size - 1 > LARGEST,
    }
    assert (next((one for one in wrong if wrong[one]), "range"), address) == (request_, low * PAGE)
    assert request_ != "wraps" or 3 < (address + size - 1) % (LARGEST + 1) // PAGE < LAST_PAGE - 3


def test_what_is_wrong_is_wrong_in_one_way_or_in_another(kernel: Containers, adapter: IoContainers) -> None:
    """A flag or a length of the structure; no size or one that is too large; memory that ends with the address space, or behind it."""

    def ways(call: str, request: str) -> set[tuple[int, ...]]:
        able = [about(request, low) for low in PAGES if adapter.able(call, about(request, low))]
        made(kernel, adapter, *((call, one) for one in able))
        return {struct.unpack_from("<II", one) for _, one in kernel.asked}

    assert ways("map_dma", "unknown") == {(32, 1 << 31 | 3), (24, 3)}
    assert ways("unmap_dma", "unknown") == {(24, 1 << 31), (16, 0)}
    sizes = [struct.unpack("<24xQ", one)[0] for low in (0, 1) for _, one in asked(kernel, adapter, about("empty", low))]
    assert sizes == [0, LARGEST - PAGE + 1]
    ends = [
        sum(struct.unpack("<8xQ8xQ", one)) - LARGEST
        for low in (0, 1)
        for _, one in asked(kernel, adapter, about("target wraps", low))
    ]
    assert ends == [1, PAGE + 1]


def asked(kernel: Containers, adapter: IoContainers, args: dict[str, Written]) -> list[tuple[int, bytes]]:
    """What a MAP_DMA becomes."""
    made(kernel, adapter, ("map_dma", args))
    return [*kernel.asked]


def test_areas_are_of_the_first_pages_or_of_the_last(adapter: IoContainers) -> None:
    """So whatever is cut begins and ends at pages that have names; what is unmapped may go from the ones to the others."""
    mapped = [one for one in SPANS if adapter.able("map_dma", about("range", *one))]
    unmapped = [one for one in SPANS if adapter.able("unmap_dma", about("range", *one))]

    assert {page for low, high in mapped for page in range(low, high + 1)} == {*PAGES}
    assert {*SPANS} - {*unmapped} == {(0, LAST_PAGE)}


def test_each_iommufd_has_the_io_address_space_that_stands_for_its_container(
    kernel: Containers, adapter: IoContainers
) -> None:
    """What is mapped in one is not in the other, and before there is one all is refused."""
    page = about("range", LAST_PAGE)

    before = made(kernel, adapter, ("map_dma", page), ("unmap_all", {"table": "tb0"}))
    answers = made(
        kernel, adapter, ALLOC, OTHER, ("map_dma", page), ("unmap_all", {"table": "tb1"}), ("unmap_dma", page)
    )

    assert before == [Refused("ENODEV")] * 2
    assert answers == [*[Done(())] * 3, Done((("size", 0),)), Done((("size", 1),))]
    assert [*kernel.files] == [FIRST_FILE, FIRST_FILE + 1]


@pytest.mark.parametrize(("version", "answers"), [("v1", Done((("size", 1),))), ("v2", Refused("ENOENT"))])
def test_a_version_is_the_type_that_is_asked_for(
    kernel: Containers, adapter: IoContainers, version: str, answers: Answer
) -> None:
    """Version 1 cuts areas."""
    three, middle = about("range", 0, 2), about("range", 1)
    chosen: dict[str, Written] = {"table": "tb0", "version": version}

    *_, last = made(kernel, adapter, ALLOC, ("set_iommu", chosen), ("map_dma", three), ("unmap_dma", middle))

    assert last == answers
    other: dict[str, Written] = {"table": "tb0", "version": "other"}
    assert made(kernel, adapter, ("set_iommu", other)) == [Refused("EINVAL")]


def test_what_is_there_is_what_the_kernel_says_of_each_iommufd(kernel: Containers, adapter: IoContainers) -> None:
    """Another refusal is told as it is; and the next run begins with nothing."""
    assert shown(kernel, adapter) == {"tb0": False, "tb1": False}
    made(kernel, adapter, OTHER)
    assert shown(kernel, adapter) == {"tb0": False, "tb1": True}
    adapter.reset(setup())
    assert shown(kernel, adapter) == {"tb0": False, "tb1": False}
    kernel.files.clear()
    assert shown(kernel, adapter) == {"tb0": "errno 9", "tb1": "errno 9"}


def test_what_went_wrong_first_is_told_of_what_is_made_in_two_calls(
    kernel: Containers, adapter: IoContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An IO address space that cannot stand for a container is none here."""
    monkeypatch.setattr(kernel, "_stand", lambda *_: -22)

    assert made(kernel, adapter, ALLOC) == [Refused("EINVAL")]
    assert [request for request, _ in kernel.asked] == [IommuIoctl.IOAS_ALLOC, IommuIoctl.VFIO_IOAS]


def test_pages_that_stay_pinned_are_told(kernel: Containers, adapter: IoContainers) -> None:
    """When everything is closed."""
    assert adapter.settle() == ""
    kernel.pinned = 4
    assert adapter.settle() == "pages are pinned though everything is closed"


def test_the_oracle_has_the_pages_that_are_asked_for(adapter: IoContainers) -> None:
    """The page before one and the page after it, where these have names."""
    where, plan = adapter.scopes(COMPAT)
    at = {page: n for n, page in enumerate(PAGES)}

    assert where.fixed["position"] == PAGES
    assert where.fixed["page before"][at[1]] == at[0]
    assert where.fixed["page before"][at[LAST_PAGE - 3]] == at[LAST_PAGE - 3]
    assert where.fixed["page after"][at[3]] == at[3]
    assert plan.fixed["position"] == PAGES[: plan.sizes["address"]]


def test_a_guest_without_iommufd_cannot_be_tried(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock kernels have none; and one that cannot be opened is said."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["vfio"])
    with pytest.raises(NotRun, match="has no iommufd; it needs CONFIG_IOMMUFD"):
        IoContainers(cast("Guest", Containers()), facts)


def test_iommufds_that_cannot_be_opened_are_said(
    kernel: Containers, adapter: IoContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run begins without them."""
    monkeypatch.setattr(kernel, "_call", lambda _: -24)

    with pytest.raises(TargetFailed, match="the iommufds that a run starts with cannot be opened"):
        adapter.reset(setup())
