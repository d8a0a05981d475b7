"""Processes that work for a command end with it."""

from __future__ import annotations

import os
import time

import pytest

from tenure.commands.workers import pool_of


def test_workers_end_at_once_where_the_command_is_interrupted() -> None:
    """However long what they are at would take, and whatever else they were given."""
    pids: list[int] = []

    def interrupted() -> None:
        with pool_of(1) as pool:
            pids.append(pool.submit(os.getpid).result())
            for _ in range(3):
                pool.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_workers_that_are_not_interrupted_do_all_that_they_were_given() -> None:
    """In any order."""
    with pool_of(2) as pool:
        given = [pool.submit(abs, -n) for n in range(5)]

    assert [one.result() for one in given] == [0, 1, 2, 3, 4]
