"""Which systems the benchmark of the proofs has, each once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import __main__ as harness
from benchmarks import proofs
from tenure.models import SYSTEMS

BASES = {s.id for s in SYSTEMS if not s.variant}


@pytest.mark.parametrize("name", proofs.ALONE)
def test_a_system_that_is_measured_alone_has_a_group_of_its_own(name: str) -> None:
    """And a base variant, which is what is measured."""
    assert f"proofs-{name}" in harness.GROUPS
    assert name in BASES


def test_no_system_is_measured_twice() -> None:
    """What is measured with its variants is not measured alone too."""
    assert len({*proofs.FAMILIES, *proofs.ALONE}) == len(proofs.FAMILIES) + len(proofs.ALONE)


def test_every_system_of_containers_and_external_users_is_measured() -> None:
    """Those that a design is compared with, and those that the reader meets first."""
    families = {s.name for s in SYSTEMS if s.name.startswith(("containers-", "external-"))}

    assert families <= {*proofs.FAMILIES, *proofs.ALONE}


def test_what_is_put_beside_a_peer_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run has an empty cache of its own, which is not the user's."""
    caches = []

    def proved(_: proofs.Known) -> proofs.Done:
        cache = os.environ["TENURE_CACHE"]
        caches.append((cache, list(Path(cache).iterdir())))
        return proofs.Done(0, (), 0.0)

    monkeypatch.setattr(proofs, "_proved", proved)
    one = proofs.Known(("interrupts", "whole"), (), (), 0.0, 0.0)
    proofs.proved_afresh(one)
    proofs.proved_afresh(one)

    assert len({cache for cache, _ in caches}) == 2
    assert [kept for _, kept in caches] == [[], []]
    assert os.environ.get("TENURE_CACHE") not in {cache for cache, _ in caches}
