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

READING = ("vocabulary", "prover")
"""The rooms that make formulas out of the words of models and properties."""


def directory() -> Path:
    """Where entries live: TENURE_CACHE, or the user's cache directory."""
    chosen = os.environ.get("TENURE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("tenure"))


def source_digest(rooms: Iterable[str] = SOURCES) -> str:
    """A digest of the text of every module in these rooms, and of the versions of both solvers."""
    root = Path(tenure.vocabulary.__file__).parent.parent
    digest = hashlib.sha256()
    for name in ("z3-solver", "cvc5"):
        digest.update(f"{name} {version(name)}\n".encode())
    for room in rooms:
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


class Proofs:
    """Formulas found unsatisfiable, each known by a digest of its words: a file of lines that only grows.

    Those that Z3 refuted while a system was judged are kept apart from those that both solvers refuted (`by`).

    Behind the digest stand the names of the claims from which it follows, where these had to be looked for.

    A formula is decided by its words and by the rooms that read them. Only `unsat` is kept, so no limit and no option
    of the solver belongs to the key: however it was found, it stays true. Several processes may add to the file.
    """

    def __init__(self, by: str = "z3") -> None:
        self._path = directory() / f"proofs-{by}-{source_digest(READING)}.txt"
        try:
            lines = self._path.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            lines = []
        entries = (line.split(" ") for line in lines)
        self._known = {one: tuple(needed) for one, *needed in entries if len(one) == hashlib.sha256().digest_size * 2}

    def has(self, words: str) -> bool:
        """The formula of these words was proved unsatisfiable before."""
        return _digest(words) in self._known

    def needed(self, words: str) -> tuple[str, ...]:
        """The claims from which the formula of these words was proved; none where they did not have to be looked for."""
        return self._known.get(_digest(words), ())

    def keep(self, words: str, needed: tuple[str, ...] = ()) -> None:
        """Remember it; a file that cannot be written only costs time, so that is no error."""
        one = _digest(words)
        self._known[one] = needed
        line = " ".join((one, *needed))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="ascii") as file:
                file.write(f"{line}\n")
        except OSError:
            return


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
