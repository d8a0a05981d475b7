"""`tenure explain`: words and a source for every name."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.vocabulary.systems import System


@pytest.mark.parametrize(
    "name",
    [*(p.id for p in PROPERTIES), *sorted({r.id for r in RACES}), "containers-2013", "set_container", "CASES", "LOCKS"],
)
def test_explain_gives_words_and_a_source(run: Run, name: str) -> None:
    """Of a property, a race, a system and a call."""
    ended = run("explain", name)

    assert ended.code == 0
    assert name in ended.out
    assert "source: " in ended.out


@pytest.mark.parametrize("variant", sorted({s.variant for s in SYSTEMS if s.variant}))
def test_explain_finds_a_variant_by_its_name_alone(run: Run, variant: str) -> None:
    """A defect, a proposal, or one way of several: every system that has it is told, with its title."""
    ended = run("explain", variant)

    assert ended.code == 0
    for system in (s for s in SYSTEMS if s.variant == variant):
        assert f"{system.id}\n  {system.title}\n" in ended.out


@pytest.mark.parametrize("system", [pytest.param(s, id=s.id) for s in SYSTEMS])
def test_explain_tells_each_property_that_is_recorded_as_refuted(run: Run, system: System) -> None:
    """What a variant breaks by itself with the length of its trace and the command that shows it, the rest by name."""
    ended = run("explain", system.id)

    rows = {
        (granularity, property_): length
        for (name, variant, granularity, property_), (verdict, length) in recorded().items()
        if (name, variant) == (system.name, system.variant) and verdict == "refuted"
    }
    told = [line.strip() for line in ended.out.splitlines()]
    shared = next((line for line in told if line.startswith(f"breaks as {system.name} does: ")), "")
    for (granularity, property_), length in rows.items():
        own = [line for line in told if line.startswith(f"{property_} (")]
        assert own or property_ in shared.partition(": ")[2].split(", ")
        assert all(f"{granularity} {length}" in line for line in own)
        assert not own or any(line.startswith(f"tenure trace {system.id} {property_} --granularity ") for line in told)
    assert bool(rows) != ("breaks, as recorded: nothing" in told)


def test_explain_tells_what_a_proposal_keeps_that_was_broken(run: Run) -> None:
    """A merge into an open metagroup is what RFC-9 forbids."""
    assert "  keeps, which rfc2011 breaks: RFC-9\n" in run("explain", "no-merge-into-open").out


def test_explain_refuses_what_nothing_is_called_and_offers_the_nearest(run: Run) -> None:
    """A variant among them."""
    ended = run("explain", "no-merge-into-opened")

    assert ended.code == 2
    assert "unknown name 'no-merge-into-opened'; the nearest: no-merge-into-open" in ended.err
