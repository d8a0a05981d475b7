"""Families of systems without groups: which systems belong to one, and that their scopes are theirs."""

from __future__ import annotations

import pytest

from tenure.gate.profiles import gate_scope, pair_fields, plan_scope, whole_fields
from tenure.models import SYSTEMS
from tenure.search.both_group_scopes import GROUPS_OF_BOTH
from tenure.search.cdev_group_scopes import CDEVS_AND_GROUPS
from tenure.search.cdev_scopes import CDEVS
from tenure.search.cdev_vm_scopes import CDEVS_GROUPS_AND_VMS
from tenure.search.families import FAMILIES, family_of
from tenure.search.interrupt_scopes import INTERRUPTS
from tenure.search.ioas_scopes import ACCESSES, BUILDING, COPIES, DEVICES, IOAS
from tenure.search.iommufd_group_scopes import GROUPS_OF_IOMMUFDS
from tenure.search.object_scopes import OBJECTS, PAGE_TABLES
from tenure.search.range_scopes import DIRTY_PAGES, GROUPS, PINS, TYPE1, VADDRS
from tenure.search.scopes import main_scope, witness_areas
from tenure.vocabulary import observables as seen
from tenure.vocabulary.emission import Layout
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System

OF_FAMILIES = [s for s in SYSTEMS if family_of(s) is not None]


def scopes(system: System) -> list[Scope]:
    """Every scope in which the system is looked at."""
    fields = [*whole_fields(system), *pair_fields(system)]
    searched = [main_scope(system, g) for g in Granularity]
    reached = [area.scope for area in witness_areas(system, Granularity.STEPS)]
    return [*searched, *reached, gate_scope(system), plan_scope(system), *(f.scope for f in fields)]


def test_a_system_without_groups_is_of_one_family_and_no_other_is_of_any() -> None:
    """A family is told by what its systems show, and by nothing that others do; but who has more shows what the others do, too."""
    marked = {s.id: [f for f in FAMILIES if f.has(s)] for s in SYSTEMS}
    of_both = [GROUPS_OF_BOTH, GROUPS_OF_IOMMUFDS, CDEVS_GROUPS_AND_VMS, CDEVS_AND_GROUPS, CDEVS]

    assert marked.pop("cdev:iommufd-as-container") == of_both
    assert marked.pop("cdev:vms") == [CDEVS_GROUPS_AND_VMS, CDEVS_AND_GROUPS, CDEVS]
    assert marked.pop("cdev") == [CDEVS_AND_GROUPS, CDEVS]
    assert marked.pop("cdev-no-container") == [GROUPS_OF_IOMMUFDS, CDEVS_AND_GROUPS, CDEVS]
    assert marked.pop("dma-type1-v2:groups") == [GROUPS, TYPE1]
    assert marked.pop("dma-type1-v2:vaddr") == [VADDRS, GROUPS, TYPE1]
    assert marked.pop("dma-type1-v2:pins") == [PINS, TYPE1]
    assert marked.pop("dma-type1-v2:dirty") == [DIRTY_PAGES, TYPE1]
    assert marked.pop("dma-ioas:devices") == [DEVICES, IOAS]
    assert marked.pop("dma-ioas:copies") == [COPIES, IOAS]
    assert marked.pop("dma-ioas:building") == [BUILDING, IOAS]
    assert marked.pop("dma-ioas:accesses") == [ACCESSES, IOAS]
    assert marked.pop("iommufd-objects") == [PAGE_TABLES, OBJECTS]
    assert all(len(marked[s.id]) == (0 if s.defines(seen.group_exists) else 1) for s in SYSTEMS if s.id in marked)
    assert [s.id for s in SYSTEMS if family_of(s) is TYPE1] == ["dma-type1-v1", "dma-type1-v2"]
    assert [s.id for s in SYSTEMS if family_of(s) is INTERRUPTS] == ["interrupts", "interrupts:no-drain"]


@pytest.mark.parametrize("system", OF_FAMILIES, ids=lambda s: s.id)
def test_every_scope_of_a_family_gives_its_systems_what_never_changes(system: System) -> None:
    """A field without a value, or of another length, would stop the machine; whose base starts there starts there too."""
    rules = rules_of(system, Granularity.STEPS)

    for where in scopes(system):
        layout = Layout(rules.fields, where.sizes, where.fixed)
        starts = [(f, start) for f in layout.fields if f.initial is None for start in where.initial[f.name]]
        assert all(len(values) == layout.size(f) for f, values in [*layout.fixed.items(), *starts])
        assert system.variant or list(Machine(rules, where).initial()) != []


def test_threads_are_two_where_calls_interleave() -> None:
    """One thread makes no two calls at a time."""
    whole, steps = (TYPE1.main_scope(g).sizes["thread"] for g in (Granularity.WHOLE, Granularity.STEPS))

    assert (whole, steps) == (1, 2)
