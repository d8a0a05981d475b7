"""Races on a guest that is played: two system calls stand behind the line that makes them at once, and each has its answer."""

from __future__ import annotations

from typing import cast

import pytest
from tests.gate.linux.conftest import Kernel
from tests.gate.linux.test_containers import SETUP

from tenure.gate.linux.containers import Containers
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.racing import Racing, Words
from tenure.gate.subject import TargetFailed
from tenure.vocabulary.answers import Done, Refused

OPENS: Words = ("open_container", {"process": "p0", "file": "f0", "made": "c0"})
GROUP: Words = ("open_group", {"process": "p0", "file": "f1", "group": "g0"})
SETS: Words = ("set_container", {"process": "p0", "file": "f1", "other": "f0"})
STATUS: Words = ("get_status", {"process": "p0", "file": "f1"})


@pytest.fixture
def racing(kernel: Kernel, facts: Facts) -> Racing:
    """Two threads of a guest that does what it is asked."""
    adapter = Containers(cast("Guest", kernel), facts)
    adapter.reset(SETUP)
    kernel.asked.clear()
    return Racing(cast("Guest", kernel), adapter, adapter)


def test_two_system_calls_are_made_at_once_and_all_else_around_them(kernel: Kernel, racing: Racing) -> None:
    """Bytes to point to come before, and the numbers of new files after."""
    racing.run([OPENS], (GROUP, SETS), [STATUS], [-7])

    lines = [line for target, line in kernel.asked if target == "0"]
    at = lines.index("b -7")
    assert lines[0].startswith("s 436 4 ")
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["s", "s"]
    assert lines[at + 1].startswith("s 257 ")
    assert lines[at + 2].startswith("s 16 101 15208 ")
    assert [line.split()[0] for line in lines[at - 2 : at]] == ["w", "w"]
    assert lines[at + 3 : at + 5] == [f"s 292 ${at + 1} 101 524288", f"s 3 ${at + 1}"]


def test_what_two_calls_point_to_lies_apart(kernel: Kernel, racing: Racing) -> None:
    """Else one would write over what the other is about to read."""
    racing.run([], (GROUP, SETS), [], [1])

    lines = [line for target, line in kernel.asked if target == "0"]
    at = lines.index("b 1")
    first, second = (line.split() for line in lines[at - 2 : at])
    assert int(first[1]) + len(first[2]) // 2 <= int(second[1])


def test_each_race_has_its_own_answers(kernel: Kernel, racing: Racing) -> None:
    """Of the calls before it, of the two, and of those that look."""
    kernel.errno["15208"] = 16

    said = racing.run([OPENS, GROUP], (SETS, STATUS), [STATUS], [1, 2, 3])

    status = Done((("container_set", False), ("viable", False)))
    assert said == [((Done(()), Done(())), (Refused("EBUSY"), status, status), {})] * 3
    assert [line for _, line in kernel.asked if line.startswith("b ")] == ["b 1", "b 2", "b 3"]


def test_a_call_that_takes_more_than_a_thread_of_one_process_does_not_race(racing: Racing) -> None:
    """Drivers are bound by another process, and files passed by two."""
    assert racing.able(*SETS)
    assert not racing.able("bind_driver", {"device": "d0", "to": "vfio"})
    assert not racing.able("pass_file", {"process": "p0", "file": "f0", "to": "p1"})
    assert not racing.able("exit_process", {"process": "p0"})
    assert not racing.able("use_page", {})


def test_an_agent_without_a_second_thread_is_told(kernel: Kernel, racing: Racing) -> None:
    """Nothing was made at once."""
    kernel.errno["b 1"] = 11

    with pytest.raises(TargetFailed, match="the agent has no second thread"):
        racing.run([], (GROUP, SETS), [], [1])
