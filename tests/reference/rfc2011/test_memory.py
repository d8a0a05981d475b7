"""Memory in 2011: whose it is, and who pays."""

from __future__ import annotations

from tests.reference.conftest import Bench
from tests.reference.rfc2011.calls import (
    DEVICE,
    EFAULT,
    ENOMEM,
    EPERM,
    G0,
    G1,
    IOMMU,
    OK,
    get_iommu,
    map_page,
    share,
    unmap_page,
)


def test_map_dma_refuses_a_stranger_then_the_limit_then_the_address(bench: Bench) -> None:
    """EPERM, ENOMEM, EFAULT; what is refused is not charged."""
    get_iommu(bench, G0)
    share(bench, IOMMU)

    assert map_page(bench, 0, process=1, faulty=1) == EPERM
    assert map_page(bench, 0, faulty=1) == EFAULT
    assert bench.see("pages_charged", 0) == 0
    assert map_page(bench, 0) == OK
    assert map_page(bench, 1, faulty=1) == ENOMEM
    assert bench.see("pages_charged", 0) == 1


def test_unmap_dma_refuses_a_stranger_and_takes_no_offence_at_a_hole(bench: Bench) -> None:
    """EPERM; and nothing where nothing is mapped, or another metagroup leads there."""
    get_iommu(bench, G0)
    map_page(bench, 0)
    get_iommu(bench, G1, made=DEVICE)
    share(bench, IOMMU)

    assert unmap_page(bench, 0, process=1) == EPERM
    assert unmap_page(bench, 1) == OK
    assert bench.do("unmap_dma", process=0, file=DEVICE, page=0, contended=0) == OK
    assert bench.see("page_metagroup", 0) == "mg0"
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, 0]
    assert unmap_page(bench, 0) == OK
    assert bench.see("pages_charged", 0) == 0


def test_what_cannot_be_given_back_at_once_is_given_back_by_a_work_item(bench: Bench) -> None:
    """Until then it is paid for, and counts against the limit."""
    get_iommu(bench, G0)
    map_page(bench, 0)

    assert unmap_page(bench, 0, contended=1) == OK
    assert (bench.see("page_metagroup", 0), bench.see("page_payer", 0)) == ("none", "p0")
    assert map_page(bench, 1) == ENOMEM
    assert bench.kernel.pending() == [("give_back", {"page": 0})]

    bench.settle()
    assert (bench.see("pages_charged", 0), bench.see("page_memory", 0)) == (0, "none")
    assert map_page(bench, 1) == OK


def test_a_metagroup_leads_to_the_memory_of_the_process_that_opened_it(bench: Bench) -> None:
    """The second process pays for its own, by a metagroup of its own, without limit."""
    get_iommu(bench, G0)
    map_page(bench, 0)
    share(bench, G1)
    assert get_iommu(bench, G1, process=1, made=DEVICE) == OK

    for page in (1, 2):
        assert bench.do("map_dma", process=1, file=DEVICE, page=page, faulty=0, contended=0) == OK
    assert [bench.see("page_memory", page) for page in range(3)] == ["p0", "p1", "p1"]
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, 2]
