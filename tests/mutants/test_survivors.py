"""The check of `make mutants` can fail: an unlisted survivor, a listed one that is none, one without a reason."""

from __future__ import annotations

import json

import pytest
from tests.mutants.dma import LIST, MODULES
from tests.mutants.survivors import Mutant, Tried, faults, listed, score, tried

DIFF = """--- mutation diff ---
--- a/reference/dma/ranges.py
+++ b/reference/dma/ranges.py
@@ -1,3 +1,3 @@
 def overlap(a, b):
-    return a.first <= b.last
+    return a.first < b.last
"""
CHANGED = Mutant("ranges.py", "overlap", "return a.first <= b.last", "return a.first < b.last")


def line(worker: str | None, test: str | None = None) -> str:
    """A line of the tool: a mutant and what became of it."""
    work = {"mutations": [{"definition_name": "overlap"}]}
    return json.dumps(
        [work, None if worker is None else {"worker_outcome": worker, "test_outcome": test, "diff": DIFF}]
    )


def test_each_end_of_a_mutant_is_counted() -> None:
    """What is left out or left over is no kill."""
    lines = [line("normal", "killed"), line("normal", "survived"), line("skipped"), line(None), line("exception")]

    found = tried("ranges.py", lines)

    assert found.ends == {"killed": 1, "survived": 1, "left out": 1, "left": 1, "exception": 1}
    assert found.survivors == {CHANGED}
    assert score(found) == "ranges.py: 1 of 2 killed (50.0%), 1 exception, 1 left, 1 left out"


def test_a_survivor_that_is_not_listed_is_a_fault() -> None:
    """And no longer, once it is."""
    found = [tried("ranges.py", [line("normal", "survived")])]

    assert faults(found, {}) == [f"survives, and is not listed: {CHANGED}"]
    assert faults(found, {CHANGED: "nothing can tell"}) == []


def test_a_listed_mutant_that_is_killed_is_a_fault() -> None:
    """A list of what is not so any more would hide the next one; where some are left, nobody knows."""
    told = {CHANGED: "nothing can tell"}

    assert faults([tried("ranges.py", [line("normal", "killed")])], told) == [
        f"listed as equivalent, and killed or no more a mutant: {CHANGED}"
    ]
    assert faults([tried("ranges.py", [line("normal", "killed"), line(None)])], told) == []
    assert faults([tried("pages.py", [line("normal", "killed")])], told) == []


def test_a_mutant_that_could_not_be_tried_is_a_fault() -> None:
    """A tool that breaks kills nothing."""
    assert faults([Tried("ranges.py", {"exception": 2}, frozenset())], {}) == [
        "2 in ranges.py could not be tried: exception"
    ]


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_listed_mutant_has_a_reason(reason: str) -> None:
    """A list without reasons is a bin."""
    row = f'[[equivalent]]\nfile="a"\nwithin="f"\nwas="x"\nnow="y"\nreason="{reason}"\n'

    with pytest.raises(ValueError, match="no reason"):
        listed(row)


def test_a_mutant_is_listed_once() -> None:
    """Two reasons for one thing are one too many."""
    row = '[[equivalent]]\nfile="a"\nwithin="f"\nwas="x"\nnow="y"\nreason="so"\n'

    with pytest.raises(ValueError, match="listed twice"):
        listed(row * 2)


def test_the_list_is_of_files_that_are_tried() -> None:
    """It can be read, too."""
    assert {one.file.removesuffix(".py") for one in listed(LIST.read_text(encoding="utf-8"))} <= set(MODULES)
