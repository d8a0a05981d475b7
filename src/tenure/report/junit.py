"""Rows as a JUnit report: what continuous integration shows without being taught anything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from tenure.report.text import to_text
from tenure.vocabulary.verdicts import Row, Verdict

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(rows: Iterable[tuple[Row, bool]]) -> str:
    """The text of a JUnit report with one case a row; each row comes with whether it is as required."""
    suite = ET.Element("testsuite", name="tenure")
    told = [(_case(suite, row), outcome(row, as_required=good), row) for row, good in rows]
    for case, word, row in told:
        if word != "passed":
            message = _clean(f"{row.verdict.value}: {row.reason}" if row.reason else row.verdict.value)
            fault = ET.SubElement(case, word, message=message)
            fault.text = _clean(to_text(row.trace)) if row.trace and word != "skipped" else None
    words = [word for _, word, _ in told]
    suite.set("tests", str(len(words)))
    suite.set("failures", str(words.count("failure")))
    suite.set("errors", str(words.count("error")))
    suite.set("skipped", str(words.count("skipped")))
    suite.set("time", f"{sum(row.seconds for _, _, row in told):.3f}")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def outcome(row: Row, *, as_required: bool) -> str:
    """JUnit's word for a row: what is unknown is never green, and what was not run is no failure if none is due."""
    match row.verdict:
        case Verdict.UNKNOWN | Verdict.TARGET_FAILED:
            return "error"
        case Verdict.NOT_INDUCTIVE if row.trace is None:
            return "error"
        case Verdict.NOT_RUN | Verdict.NOT_APPLICABLE if as_required:
            return "skipped"
    return "passed" if as_required else "failure"


def _case(suite: ET.Element, row: Row) -> ET.Element:
    where = _clean(f"{row.system_id()}.{row.granularity}")
    return ET.SubElement(suite, "testcase", classname=where, name=_clean(row.property), time=f"{row.seconds:.3f}")


def _clean(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return NOT_XML.sub("\ufffd", text)
