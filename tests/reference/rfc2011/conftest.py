"""The machines of 2011 that examples begin with."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_metagroups
from tests.reference.rfc2011.calls import OK, opened

from tenure.reference.kernel import Kernel


@pytest.fixture
def bench() -> Bench:
    """A machine on which p0 has a file of each group: g0 and g1 behind IOMMUs of one kind, g2 behind another."""
    return opened(Bench(Kernel("rfc2011", of_metagroups())))


@pytest.fixture
def empty() -> Bench:
    """A machine on which an administrator made metagroups mg0 and mg1, and nothing else happened."""
    made = Bench(Kernel("rfc2011:metagroups-from-outside", of_metagroups()))
    for one in (0, 1):
        assert made.do("create_metagroup", made=one) == OK
    return made
