"""Processes that work for a command, and that end with it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def pool_of(number: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many processes; where the command is interrupted they end at once, whatever they are at."""
    with ProcessPoolExecutor(max_workers=number) as pool:
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):
            processes = tuple((pool._processes or {}).values())  # noqa: SLF001  # a pool tells nobody else; it has `terminate_workers` from Python 3.14 on
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()
            raise
