"""The JUnit report: one case a row, and only what is known to be right is green."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tenure.report.junit import outcome, to_junit
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Row, Verdict


def row(verdict: Verdict, reason: str = "", trace: Trace | None = None) -> Row:
    """A row with this verdict."""
    return Row("external-get-put", "from-dev", "steps", "CON-1", verdict, reason, seconds=1.25, trace=trace)


def test_each_row_is_a_case_and_the_suite_counts_them() -> None:
    """Counts and times are those of the rows."""
    verdicts = [(Verdict.PROVED, True), (Verdict.PROVED, False), (Verdict.UNKNOWN, True), (Verdict.NOT_RUN, True)]
    text = to_junit((row(verdict), good) for verdict, good in verdicts)
    suite = ET.fromstring(text)[0]  # noqa: S314  # our own text

    assert suite.attrib == {
        "name": "tenure",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "5.000",
    }
    assert [case.attrib for case in suite] == [
        {"classname": "external-get-put:from-dev.steps", "name": "CON-1", "time": "1.250"}
    ] * 4
    assert [[fault.tag for fault in case] for case in suite] == [[], ["failure"], ["error"], ["skipped"]]


@pytest.mark.parametrize(
    ("verdict", "as_required", "word"),
    [
        (Verdict.REFUTED, True, "passed"),
        (Verdict.REFUTED, False, "failure"),
        (Verdict.PROVED, False, "failure"),
        (Verdict.UNKNOWN, True, "error"),
        (Verdict.UNKNOWN, False, "error"),
        (Verdict.NOT_INDUCTIVE, True, "error"),
        (Verdict.TARGET_FAILED, True, "error"),
        (Verdict.NOT_RUN, True, "skipped"),
        (Verdict.NOT_RUN, False, "failure"),
        (Verdict.NOT_APPLICABLE, True, "skipped"),
    ],
)
def test_a_row_is_green_only_where_it_is_known_and_required(verdict: Verdict, as_required: bool, word: str) -> None:  # noqa: FBT001  # a parameter of the test
    """Unknown is an error whatever is recorded, and what was not run although a verdict is due is a failure."""
    assert outcome(row(verdict), as_required=as_required) == word


def test_a_failure_shows_its_trace(small: Trace) -> None:
    """Who looks at the report sees the counterexample, and the reason above it."""
    text = to_junit([(row(Verdict.REFUTED, "race", small), False)])
    failure = ET.fromstring(text).find(".//failure")  # noqa: S314  # our own text

    assert failure is not None
    assert failure.get("message") == "refuted: race"
    assert "get.count -> EBUSY" in str(failure.text)


def test_what_xml_cannot_hold_is_replaced() -> None:
    """A stray control character does not make the whole report unreadable."""
    text = to_junit([(row(Verdict.REFUTED, "a\x00b <&>"), False)])
    failure = ET.fromstring(text).find(".//failure")  # noqa: S314  # our own text

    assert failure is not None
    assert failure.get("message") == "refuted: a\ufffdb <&>"
