"""Each property of IO address spaces with devices has a mutant: a test that nobody makes, and a run that gets by it."""

from __future__ import annotations

import pytest
from tests.search.test_ioas_mutants import choosing_as_if, fallen_in
from tests.search.test_mutants import Fault, unguarded

from tenure.models import SYSTEMS
from tenure.models.dma_ioas_devices import begins_page, ends_page, reserves
from tenure.search.ioas_scopes import device_scope
from tenure.vocabulary.systems import System

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas:devices")
SCOPE = device_scope({"thread": 1, "table": 1, "device": 2, "address": 4, "mapping": 2})


def untested(step: str, why: str) -> Fault:
    """The step does not refuse for this reason."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SOUND.call(call).steps if s.name == name)
    return unguarded(step, next(i for i, one in enumerate(cases) if why in one.why))


def anywhere_in_a_page(system: System) -> System:
    """IOAS_MAP chooses a place of whole pages' length, wherever it begins; with that it ends there, too."""
    return choosing_as_if(ends_page, answer=True)(choosing_as_if(begins_page, answer=True)(system))


MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-10", untested("ioas_allow_iovas.allow", "a device reserves")),
    ("DMA-10", untested("attach.attach", "reserves what is mapped or allowed")),
    ("DMA-11", untested("ioas_map_fixed.map", "only in part")),
    ("DMA-11", untested("attach.attach", "only a part of a page")),
    ("DMA-11", anywhere_in_a_page),
    ("DMA-16", choosing_as_if(reserves, answer=False)),
    ("DMA-16", untested("ioas_map_fixed.map", "a device reserves")),
    ("DMA-16", untested("attach.attach", "reserves what is mapped or allowed")),
)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_test_that_nobody_makes_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen_in(fault(SOUND), SCOPE, property_)


@pytest.mark.ci
def test_without_a_fault_none_of_them_breaks() -> None:
    """In the same scope."""
    assert {property_ for property_, _ in MUTANTS}.isdisjoint(fallen_in(SOUND, SCOPE))
