"""The same small trace for every form of words."""

from __future__ import annotations

import pytest

from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.machine import Event
from tenure.vocabulary.traces import Shown, Trace, TraceStep


def shown(users: int, thread: str, keeps: str) -> Shown:
    """A state of the small system."""
    return {"container users": {"g0": users}, "at thread": {"th0": thread}, "user has file 0": {"u0": keeps}}


@pytest.fixture
def small() -> Trace:
    """Three actors, a call in one go, two calls of two steps between each other, two answers, one change."""
    given = (("file", "f0"), ("other", "f1"))
    user = (("user", "u0"), ("file", "f0"))
    ready = Done((("viable", True),))
    return Trace(
        system="external-small",
        granularity="steps",
        subject="R9",
        reason="The group leaves while a user looks at it.",
        scope=(("thread", 1), ("group", 1), ("user", 1)),
        fixed={"no iommu": {"g0": False}},
        initial=shown(0, "idle", "none"),
        steps=(
            TraceStep(Event("open", "open", "open.open", "", (("file", "f0"),), Done()), shown(0, "idle", "none")),
            TraceStep(Event("set.check", "set", "set.check", "th0", given, None), shown(0, "set.attach", "none")),
            TraceStep(Event("get.look_up", "get", "get.look_up", "u0", user, None), shown(0, "set.attach", "f0")),
            TraceStep(Event("set.attach", "set", "set.attach", "th0", given, ready), shown(1, "idle", "f0")),
            TraceStep(Event("get.count", "get", "get.count", "u0", user, Refused("EBUSY")), shown(1, "idle", "none")),
        ),
    )
