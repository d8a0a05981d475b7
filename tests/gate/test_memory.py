"""Memory: the same answers as the function gives, each worked out once, and never more kept than there is room for."""

from __future__ import annotations

import pytest

from tenure.gate.memory import REMEMBERED, Memory, numbers
from tenure.vocabulary.objects import GROUP
from tenure.vocabulary.types import COUNT, NONE, BadValue


def test_what_is_remembered_is_not_worked_out_again() -> None:
    """The second answer is the first one."""
    asked: list[int] = []

    def work(key: int) -> int:
        asked.append(key)
        return key + 1

    memory = Memory(work)

    assert [memory[4], memory[4], memory[5]] == [5, 5, 6]
    assert asked == [4, 5]


def test_a_full_memory_still_answers() -> None:
    """A subject whose counts never end costs time, not memory."""
    memory = numbers(COUNT)

    assert all(memory[count] == count for count in range(2 * REMEMBERED))
    assert len(memory) == REMEMBERED


def test_what_writes_no_value_is_refused_every_time() -> None:
    """A failure is not remembered as a value."""
    memory = numbers(GROUP.maybe)

    assert (memory["g1"], memory["none"]) == (1, NONE)
    for _ in range(2):
        with pytest.raises(BadValue):
            memory["f1"]
    assert len(memory) == 2
