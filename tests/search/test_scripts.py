"""A script is a run of the rules, or an error: what it takes is reached, and what it is not allowed to do is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.commands.judging import find_system
from tenure.search.long_runs import LONG_RUNS
from tenure.search.scripts import Script, play
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity


def taken(script: Script) -> frozenset[str]:
    """The cases that a script takes."""
    return play(rules_of(find_system(script.system), Granularity.STEPS), script)


@pytest.mark.parametrize("script", LONG_RUNS, ids=str)
def test_a_script_is_a_run_of_the_rules_to_its_case(script: Script) -> None:
    """Each script's last line comes to the case for whose sake it is told."""
    assert script.takes in taken(script)


@pytest.mark.parametrize("script", LONG_RUNS, ids=str)
def test_no_two_scripts_take_the_same_case(script: Script) -> None:
    """Where two scripts are for one case, one of them is for nothing."""
    assert [other for other in LONG_RUNS if (other.system, other.takes) == (script.system, script.takes)] == [script]


def test_a_line_that_the_rules_do_not_allow_is_an_error() -> None:
    """A script that begins with its end is turned down."""
    first = LONG_RUNS[0]
    with pytest.raises(LookupError, match="no run goes on by 'u0 release_user'"):
        taken(replace(first, lines=("u0 release_user",)))


def test_a_case_that_is_not_taken_is_an_error() -> None:
    """A script that runs, but not to its case, is turned down."""
    with pytest.raises(LookupError, match=r"to release_user\.dissolve#9: no run takes it"):
        taken(replace(LONG_RUNS[0], takes="release_user.dissolve#9"))


def test_a_line_names_its_actor_and_its_arguments() -> None:
    """A line by another thread, with another process, or with an argument that no call has, is another line."""
    first = LONG_RUNS[0]
    for wrong in ("th1 open_group process=p0", "th0 open_group process=p7", "th0 open_group proces=p0"):
        with pytest.raises(LookupError, match="no run goes on by"):
            taken(replace(first, lines=(wrong, *first.lines[1:])))


def test_a_step_alone_leaves_its_call_in_flight() -> None:
    """One step of an open takes fewer cases than the whole call."""
    first = LONG_RUNS[0]
    part = replace(first, lines=("th0 open_group.look_up",), takes="open_group.look_up#1")
    whole = replace(part, lines=("th0 open_group",), takes="open_group.look_up#1")
    assert taken(part) < taken(whole)
