"""Targets: what the command line names is opened, and what it does not name is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.gate.conftest import PROFILE

from tenure.gate.exec_subject import ExecSubject
from tenure.gate.python_subject import PythonSubject
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import TargetFailed, UnknownTarget
from tenure.gate.targets import open_target


def test_the_reference_is_opened() -> None:
    """With the variant that is named, whatever profile it is held to."""
    subject = open_target("reference:external-get-put:put-ref-first", PROFILE)

    assert isinstance(subject, ReferenceSubject)
    assert subject.name == "reference:external-get-put:put-ref-first"


def test_a_command_is_opened_for_its_profile(script: Callable[[str], str]) -> None:
    """Colons of the command stay in it."""
    habit = "def hello(request): say({**introduction, 'name': request['profile'] + sys.argv[1]})"
    subject = open_target(f"exec:{script(habit)} a:b", PROFILE)

    with closing(subject):
        assert isinstance(subject, ExecSubject)
        assert subject.name.endswith("a:b")


def test_an_object_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the directory where the tool runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    text = "class S:\n    calls = shows = ()\n    def reset(self, _): ...\n    do = show = reset\n"
    (tmp_path / "opened_by_target.py").write_text(text, encoding="utf-8")

    assert isinstance(open_target("python:opened_by_target:S", PROFILE), PythonSubject)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exce:./subject", "there is no kind of target exce; did you mean exec?"),
        ("vfio-user:/run/socket", "a target begins with reference:, python:, exec:"),
        ("", "a target begins with reference:, python:, exec:"),
        ("exec", "exec is not whole; say exec:COMMAND"),
        ("exec: ", "exec:  is not whole; say exec:COMMAND"),
        ("reference:", "reference: is not whole; say reference:SYSTEM[:VARIANT]"),
        ("reference:container-2013", "the reference has no system container-2013; did you mean containers-2013?"),
        ("reference:external-v1:misus", "did you mean external-v1:misuse?"),
        ("reference:ioctl", "`tenure list systems` has the names"),
        ("python:mine", "mine is no MODULE:OBJECT; say python:mine:subject"),
        ("python:mine.py:subject()", "is no MODULE:OBJECT"),
    ],
)
def test_a_text_that_names_no_target_is_told(text: str, told: str) -> None:
    """It is the user's slip, not the subject's: nothing was started."""
    with pytest.raises(UnknownTarget) as unknown:
        open_target(text, PROFILE)

    assert told in str(unknown.value)


def test_a_subject_that_does_not_begin_has_failed() -> None:
    """The text named one."""
    with pytest.raises(TargetFailed, match="there is no module no_such_module"):
        open_target("python:no_such_module:subject", PROFILE)
