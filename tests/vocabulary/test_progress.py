"""What can go on: releases are told apart from other calls, and who sleeps from who can take a step."""

from __future__ import annotations

import pytest

from tenure.models import SYSTEMS, external_notify, external_users
from tenure.models.files import kind
from tenure.models.notify import inside
from tenure.properties.releases import RELEASES
from tenure.search.explorer import explore, trace_of
from tenure.search.scopes import scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import FILE, USER
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import both, no, some, stands

NO_RELEASES = {"take_interrupt", "unmask_by_eventfd", "charge"}
"""What the kernel does by itself and that releases nothing: an interrupt is taken, a page is charged late (D-G1-14)."""


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_the_properties_of_releases_name_every_release(system: System) -> None:
    """A release that they do not name could bring something back, and none of them would fall."""
    assert {c.name for c in system.calls if c.internal} <= {*RELEASES, *NO_RELEASES}


def test_a_release_sleeps_while_a_handler_is_inside_and_counts_as_going_on() -> None:
    """The handler takes the next step; where nobody is under way, whoever sleeps is told apart (FREE-3 in test_mutants)."""
    rules = rules_of(external_notify.SYSTEMS[0], Granularity.STEPS)
    sizes = {"process": 1, "thread": 1, "file": 2, "group": 1, "container": 1, "device": 1, "table": 1, "user": 1}
    machine = Machine(rules, scope({"page": 1, **sizes}))
    asleep = some(FILE, lambda f: both(stands(f, "release_group.drain"), kind[f] == "group", seen.release_goes_on[f]))
    within = some(USER, lambda u: both(inside[u], no(external_users.listens[u] == external_users.listens.nothing)))

    found = explore(machine, [], until=rules.lower(both(asleep, within)))

    (way,) = found.violations.values()
    assert "use.enter" in str(trace_of(machine, way, "", "").events)
