"""The proof cache: what was proved stays proved while everything that went into it is the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

import tenure.vocabulary

SOURCES = ("vocabulary", "models", "properties", "prover", "search", "commands")
"""The rooms whose text makes a formula, a search or a limit; a change in any of them makes every entry stale."""


def directory() -> Path:
    """Where entries live: TENURE_CACHE, or the user's cache directory."""
    chosen = os.environ.get("TENURE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("tenure"))


def source_digest() -> str:
    """A digest of the text of every module that makes formulas, and of the versions of both solvers."""
    root = Path(tenure.vocabulary.__file__).parent.parent
    digest = hashlib.sha256()
    for name in ("z3-solver", "cvc5"):
        digest.update(f"{name} {version(name)}\n".encode())
    for room in SOURCES:
        for path in sorted((root / room).glob("*.py")):
            digest.update(f"{room}/{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def key(parts: Iterable[str]) -> str:
    """The name of an entry: the sources and whatever else decides the answer, options and limits included."""
    return hashlib.sha256("\n".join([source_digest(), *parts]).encode()).hexdigest()


def load(name: str) -> Any | None:  # a JSON document
    """The entry of this name; None where there is none, or none that can be read."""
    try:
        return json.loads((directory() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def store(name: str, document: Any) -> None:  # a JSON document
    """Keep an entry; a cache that cannot be written only costs time, so that is no error."""
    folder = directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{name}.{os.getpid()}.tmp"
        draft.write_text(json.dumps(document), encoding="utf-8")
        draft.replace(folder / f"{name}.json")
    except OSError:
        return
