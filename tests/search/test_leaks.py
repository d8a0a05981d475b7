"""What a user that never releases keeps: its group, from everybody, where it is counted; nothing, where it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import NOTIFY, system_named, without_detach

from tenure.search.explorer import Exploration, explore, transitions_of
from tenure.search.scopes import SETUP, has_vms, scope, sleepers
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import FILE, GROUP, PROCESS, USER
from tenure.vocabulary.properties import always
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some

RELIES = frozenset({"get_external_user", "take_file", "add_external_user", "validate_and_use", "register"})
"""How a user comes to rely on a group; what it would do to rely on it no longer is not among them."""

LISTS = frozenset({"create_vm", "create_kvm_vfio", "file_add"})
LEAVES = frozenset({"close", "release_group", "release_container"})


@always("LEAK", "refcount model of Herrenschmidt's mail: release never called", group=GROUP)
def a_group_that_all_have_closed_is_in_no_container(group: Term) -> Term:
    """A group on which a user relies, of which nobody has a file and nothing is under way, is in no container."""

    def is_closed(file: Term) -> Term:
        return both(every(PROCESS, lambda p: no(seen.has_fd[p, file])), no(seen.release_pending[file]))

    left = both(seen.group_at_rest[group], every(FILE, lambda f: implies(seen.file_group[f] == group, is_closed(f))))
    relied_on = some(USER, lambda u: either(seen.user_counts[u] == group, seen.user_registered[u] == group))
    return implies(both(left, relied_on), is_none(seen.container_of[group]))


def searched(system: System) -> Exploration:
    """Every state in which a user relies on a group, and releases nothing, while its owner sets up and closes."""
    calls = SETUP | RELIES | LISTS | LEAVES | {"set_iommu", "use"}
    system = replace(system, calls=tuple(c for c in system.calls if c.name in calls))
    vms = int(has_vms(system))
    sizes = {"process": 1, "thread": sleepers(system), "file": 2 + 2 * vms, "group": 1, "container": 1, "device": 1}
    rules = rules_of(system, Granularity.WHOLE)
    machine = Machine(rules, scope({**sizes, "table": 1, "page": 0, "user": 1, "vm": vms}))
    return explore(machine, [sentence(rules, a_group_that_all_have_closed_is_in_no_container)])


COUNTED = {
    "external-v1": 6,
    "external-get-put": 7,
    "external-get-put:locked-container": 7,
    "external-validate": 6,
    "kvm-file:get-put": 9,
    "kvm-file:group-only": 7,
}
"""Designs in which a user counts or keeps the group's file, and the transitions of a shortest run to a group that nobody gets back."""


@pytest.mark.parametrize("design", COUNTED)
def test_who_counts_and_never_releases_keeps_the_group(design: str) -> None:
    """The owner has closed everything, and its group is where it was."""
    found = searched(system_named(design))

    assert len(transitions_of(found.machine, found.violations["LEAK"])) == COUNTED[design]


@pytest.mark.parametrize(
    "design", ["external-notify", "external-notify:late-register", "external-notify:double-release"]
)
def test_who_is_told_and_never_unregisters_keeps_nothing(design: str) -> None:
    """No state of the scope has such a group: the last close takes it out, whoever stands in the list of callbacks."""
    found = searched(system_named(design))

    assert found.complete
    assert not found.violations


def test_a_last_close_that_takes_nothing_out_is_found() -> None:
    """A notification design that forgets to detach has the leak of the other model."""
    forgets = without_detach("release_group.dissolve", "put")

    assert "LEAK" in searched(forgets(system_named(NOTIFY))).violations
