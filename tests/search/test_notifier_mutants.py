"""What breaks the calls about a notifier, or the rule of those who make them, breaks a property."""

from __future__ import annotations

import pytest
from tests.search.test_mutants import LIMIT, Fault, Mutant, broken, forgetful, system_named, unbroken, unguarded, where

from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity

NOTIFIERS = "external-get-put:notifiers"

FAULTS: dict[str, tuple[str, Fault]] = {
    "a freed notifier stays in the list": ("EXT-11", forgetful("unregister_notifier.unlist", "told by")),
    "a driver forgets what it has registered": ("EXT-11", forgetful("register_notifier.list", "registers for")),
    "register gives back what it did not take": ("EXT-2", forgetful("register_notifier.count", "container users")),
    "unregister gives back what it did not take": ("EXT-2", forgetful("unregister_notifier.count", "container users")),
    "a refused register gives nothing back": ("CON-2", forgetful("register_notifier.validate", "container users")),
    "a registered notifier counts": ("CON-2", forgetful("register_notifier.dissolve", "container users")),
    "a notifier counts once it is unregistered": (
        "CON-2",
        forgetful("unregister_notifier.dissolve", "container users"),
    ),
    "register does not ask for a container": ("HARM-1", unguarded("register_notifier.count", 0)),
    "unregister does not ask for a container": ("HARM-1", unguarded("unregister_notifier.count", 0)),
}


@pytest.mark.parametrize(("property_", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false; without it there is none among as many states."""
    sound, mutant = system_named(NOTIFIERS), Mutant(property_, fault, (NOTIFIERS,))
    place = where(mutant, sound)

    length, states = broken(Machine(rules_of(fault(sound), Granularity.WHOLE), place), mutant, LIMIT)

    assert length is not None
    assert broken(unbroken(sound, place), mutant, states)[0] is None
