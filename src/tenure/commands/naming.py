"""Names as people type them: found, or refused with the nearest that exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.vocabulary.properties import Property, Race
from tenure.vocabulary.systems import System


class UnknownName(ValueError):  # noqa: N818  # named for what it is
    """A name that nothing has; the message offers the nearest."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The refusal of a name, with the nearest names."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:6]
    return UnknownName(f"unknown {kind} {name!r}; the nearest: {', '.join(near)} (tenure list shows all)")


def systems_named(texts: Iterable[str]) -> list[System]:
    """The systems of these names: a bare name means all its variants; no name at all means every system."""
    found: list[System] = []
    for text in texts:
        name, colon, _ = text.partition(":")
        family = [s for s in SYSTEMS if s.name == name]
        if not family:
            raise unknown("system", name, (s.name for s in SYSTEMS))
        chosen = family if not colon else [s for s in family if s.id == text or (s.id == name and text == f"{name}:")]
        if not chosen:
            raise unknown("variant", text, (s.id for s in family))
        found += [s for s in chosen if s not in found]
    return found or list(SYSTEMS)


def system_named(text: str) -> System:
    """The one system of this name; a bare name is the base variant."""
    return systems_named([text])[0]


def property_named(text: str) -> Property:
    """The property of this identifier or sentence name."""
    for one in PROPERTIES:
        if text in (one.id, one.name):
            return one
    raise unknown("property", text, (p.id for p in PROPERTIES))


def races_named(text: str) -> list[Race]:
    """The races of this identifier, one for each system that has it."""
    return [r for r in RACES if r.id == text]
