"""The example in C and the page that describes the protocol: what the page says is what happens."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.gate.conftest import PROFILE, ROOT

from tenure.gate.exec_subject import ExecSubject
from tenure.gate.python_subject import PythonSubject
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Reply, Setup, Subject, TargetFailed
from tenure.vocabulary.answers import Done, Refused

pytestmark = pytest.mark.usefixtures("nothing_stays")

PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
_, _, SESSION = PAGE.partition("## A whole session")


@pytest.fixture(scope="module")
def c_example(build: Callable[[str, str], str]) -> str:
    """Build the example; its command."""
    return build("c", "build/subject")


def exchanges() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each request of the page's session, and the reply to it."""
    for request, reply in re.findall(r"^> (.*)\n< (.*)$", SESSION, re.MULTILINE):
        yield json.loads(request), json.loads(reply)


def replayed(subject: Subject) -> list[Reply]:
    """What the subject replies to the calls of the page's session."""
    found = []
    for request, _ in exchanges():
        match request:
            case {"reset": configuration}:
                subject.reset(Setup(PROFILE, **configuration))
            case {"call": call, "args": args}:
                found.append(subject.do(call, args, show="show" in request))
    return found


def expected() -> list[Reply]:
    """What the page says that the replies are."""
    found: list[Reply] = []
    for _, reply in exchanges():
        match reply:
            case {"done": values}:
                found.append(Reply(Done(tuple(sorted(values.items()))), reply.get("shown")))
            case {"refused": errno}:
                found.append(Reply(Refused(errno), reply.get("shown")))
    return found


def test_the_session_of_the_page_is_what_the_example_does(c_example: str) -> None:
    """Every answer and every state shown, from hello to quit."""
    with closing(ExecSubject(c_example, PROFILE)) as subject:
        assert replayed(subject) == expected()


def test_the_session_of_the_page_is_what_the_reference_does() -> None:
    """The same answers and states, as far as the example shows them: it knows nothing of IOMMU drivers."""
    _, hello = next(exchanges())

    def common(reply: Reply) -> Reply:
        shown = reply.shown
        return Reply(reply.answer, shown and {name: shown[name] for name in shown if name in hello["shows"]})

    assert [common(reply) for reply in replayed(ReferenceSubject(PROFILE))] == expected()
    assert len(expected()) == 12


def test_the_example_declines_what_it_does_not_have(c_example: str) -> None:
    """The text of its error is told."""
    with pytest.raises(TargetFailed, match="it answers error: hello: not a profile of this subject"):
        ExecSubject(c_example, "external-v1")


def test_the_afternoon_of_the_page_is_a_subject_in_both_forms(
    tmp_path: Path, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's adapter and module run as they stand there, and say the same in and out of the tool's process."""
    adapter, mine = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "adapter.py").write_text(adapter, encoding="utf-8")
    (tmp_path / "mine.py").write_text(mine, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    inside = PythonSubject("mine:subject")
    start = Setup("containers-2013", setup.objects, setup.fixed, setup.initial)
    opened = {"process": "p0", "file": "f0", "group": "g0"}

    with closing(ExecSubject(f"{shlex.quote(sys.executable)} adapter.py", "containers-2013")) as outside:
        for subject in (inside, outside):
            subject.reset(start)
        first = [s.do("open_group", opened, show=True) for s in (inside, outside)]
        second = [s.do("open_group", {**opened, "file": "f1"}, show=False) for s in (inside, outside)]

    assert first == [Reply(Done(), {"has_fd": {"p0,f0": True}, "group_opened": {"g0": True}})] * 2
    assert second == [Reply(Refused("EBUSY"))] * 2
