"""Processes that work for a command end with it."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from multiprocessing import active_children

import pytest

from tenure.commands.workers import pool_of


def _told() -> object:
    return os.getpid()


def _asleep() -> object:
    time.sleep(600)
    return None


def test_workers_end_at_once_where_the_command_is_interrupted() -> None:
    """However long what they are at would take, and whatever else they were given."""
    given: list[Future[object]] = []

    def interrupted() -> None:
        with pool_of(1) as pool:
            given.append(pool.submit(_told))
            given.extend(pool.submit(_asleep) for _ in range(3))
            given[0].result()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert given[0].result() not in {child.pid for child in active_children()}


def test_workers_that_are_not_interrupted_do_all_that_they_were_given() -> None:
    """In any order."""
    with pool_of(2) as pool:
        given = [pool.submit(abs, -n) for n in range(5)]

    assert [one.result() for one in given] == [0, 1, 2, 3, 4]
