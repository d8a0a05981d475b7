"""Where kernels, and what is made of them, are kept between runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import platformdirs


def store() -> Path:
    """The folder of kernels: under TENURE_CACHE, or the user's cache directory."""
    chosen = os.environ.get("TENURE_CACHE")
    place = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("tenure"))
    place = place.absolute() / "linux"
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def alone(place: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Nobody else makes this place meanwhile; who comes second says that it `waits`, and finds what was made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def arriving(place: Path) -> Iterator[Path]:
    """A folder that takes this place when it is whole, and leaves nothing behind when it never is."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        yield partial
        if place.exists():
            shutil.rmtree(place)
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
