"""A trace of an address space is made again on the reference, step by step and call by call."""

from __future__ import annotations

from tenure.commands.gating import GateResult, replay_calls
from tenure.commands.replaying import replay_on_reference
from tenure.commands.tracing import run_of_trace
from tenure.gate.findings import CampaignReport, Finding
from tenure.gate.oracle import Made, Oracle
from tenure.models import SYSTEMS
from tenure.search.explorer import explore, trace_of
from tenure.search.scopes import main_scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import MAPPING
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.terms import is_none, no, some
from tenure.vocabulary.traces import Trace

V2 = next(s for s in SYSTEMS if s.id == "dma-type1-v2")


def mapped() -> Trace:
    """A shortest run to a first mapping."""
    rules = rules_of(V2, Granularity.WHOLE)
    goal = rules.lower(some(MAPPING, lambda m: no(is_none(seen.mapping_listed[m]))))
    found = explore(Machine(rules, main_scope(V2, Granularity.WHOLE)), until=goal)
    return trace_of(found.machine, found.violations["until"], "mapped", "")


def test_a_trace_of_an_address_space_is_made_again() -> None:
    """Both ways answer as the trace says."""
    trace = mapped()

    stepped = replay_on_reference(trace, V2)
    called = replay_calls(trace, V2, "reference:dma-type1-v2")

    assert (stepped.parted, called.parted) == (None, None)
    assert [step.split()[0] for step, _, _ in called.steps] == ["map_dma"]
    assert len(stepped.steps) == 1


def test_a_call_that_loops_is_made_once() -> None:
    """Its rounds are steps of a finding's trace, and no calls of their own."""
    oracle = Oracle(V2, main_scope(V2, Granularity.WHOLE))
    run = (*run_of_trace(mapped(), V2), Made("unmap_all", (0, 0)))
    found = Finding("differs", run, ("", ""), ("", ""), "", "")
    trace = GateResult("mine", V2, oracle, CampaignReport()).trace(found)

    called = replay_calls(trace, V2, "reference:dma-type1-v2")

    assert len(trace.events) > len(run)
    assert [step.split()[0] for step, _, _ in called.steps] == ["map_dma", "unmap_all"]
