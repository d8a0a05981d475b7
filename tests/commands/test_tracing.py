"""Which property a trace is asked for, where a system does not show what the one that was named speaks of."""

from __future__ import annotations

import pytest

from tenure.commands.naming import property_named
from tenure.commands.tracing import in_its_place
from tenure.models import SYSTEMS


@pytest.mark.parametrize(
    ("system", "asked", "answers"),
    [
        ("containers-2013", "FREE", "FREE"),
        ("cdev", "FREE", "FREE"),
        ("cdev-no-group:before-cycle-fix", "FREE", "FREE-2"),
        ("cdev-no-group", "ISO", "ISO-2"),
        ("cdev-no-group", "CON-4", "CON-4"),
        ("cdev-no-container", "ISO", "ISO"),
        ("cdev-no-container", "FREE", "FREE-2"),
        ("rfc2011", "ISO", "RFC-3 and RFC-4"),
        ("rfc2011:metagroups-from-outside", "FREE", "RFC-8"),
    ],
)
def test_what_says_the_same_answers_in_place_of_what_a_system_does_not_show(
    system: str, asked: str, answers: str
) -> None:
    """FREE speaks of containers, FREE-2 of device files, RFC-8 of metagroups; what is shown answers for itself, and what nothing stands for too."""
    (one,) = (s for s in SYSTEMS if s.id == system)

    assert " and ".join(p.id for p in in_its_place(one, property_named(asked))) == answers
