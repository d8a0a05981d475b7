"""A subject in the tool's own process: what it raises is told in one line, and is no bug of ours."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.gate.python_subject import PythonSubject
from tenure.gate.subject import Reply, Setup, TargetFailed
from tenure.vocabulary.answers import Done, Refused

MODULE = """\
class Subject:
    calls = ["open_group", "get_status"]
    shows = ["container_users"]

    def reset(self, configuration):
        self.configuration = configuration

    def do(self, call, args):
        return ANSWER

    def show(self):
        return SHOWN

subject = Subject()
"""

Module = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """Write a module into the directory where the tool runs; its name, which no other test has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    name = re.sub(r"\W", "_", tmp_path.name)

    def write(answer: str = '{"done": {}}', shown: str = "{}", text: str = MODULE) -> str:
        (tmp_path / f"{name}.py").write_text(text.replace("ANSWER", answer).replace("SHOWN", shown), encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize("named", ["Subject", "subject"])
def test_an_object_or_its_class_is_a_subject(module: Module, setup: Setup, named: str) -> None:
    """Of a class, an instance is made."""
    name = module("{'refused': 'EBUSY'}", "{'container_users': {'g0': 1}}")
    subject = PythonSubject(f"{name}:{named}")
    subject.reset(setup)

    assert subject.calls == {"open_group", "get_status"}
    assert subject.do("get_status", {}, show=True) == Reply(Refused("EBUSY"), {"container_users": {"g0": 1}})
    assert subject.do("get_status", {}, show=False) == Reply(Refused("EBUSY"))


def test_a_subject_may_keep_what_it_is_given(module: Module, setup: Setup) -> None:
    """Configuration and arguments are its own, whatever it does with them."""
    spoiling = "self.configuration['fixed'].clear() or args.clear() or {'done': {}}"
    subject = PythonSubject(f"{module(spoiling)}:subject")
    subject.reset(setup)
    args = {"process": "p0"}

    assert subject.do("get_status", args, show=False) == Reply(Done())

    assert args == {"process": "p0"}
    assert setup.fixed["rawio"] == {"p0": True}


@pytest.mark.parametrize(
    ("answer", "shown", "happened"),
    [
        ("None", "{}", "what do returns is no object: null"),
        ("{'done': {}, 'shown': {}}", "{}", "none of the shapes of an answer"),
        ("{'done': {'viable': 1}}", "{}", "viable of get_status is 1; it is written as a flag"),
        ("{'done': {}}", "None", "shown is no object: null"),
        ("{'done': {}}", "{1: {}}", "shown has a name that is no text: 1"),
        ("{'done': {}}", "{'harm': {}}", "it shows harm, which it did not declare"),
        (
            "{'done': {}}",
            "{'container_users': {'g0': 1.5}}",
            "container_users of 'g0' is 1.5; a count is a whole number",
        ),
    ],
)
def test_a_wrong_reply_is_told(module: Module, setup: Setup, answer: str, shown: str, happened: str) -> None:
    """The same rules as for a line."""
    subject = PythonSubject(f"{module(answer, shown)}:subject")
    subject.reset(setup)

    with pytest.raises(TargetFailed) as failed:
        subject.do("get_status", {}, show=True)

    assert happened in str(failed.value)
    assert failed.value.where.endswith(":subject, get_status")


@pytest.mark.parametrize(
    ("answer", "shown", "happened"),
    [
        ("self.files['f0']", "{}", "get_status raised AttributeError: 'Subject' object has no attribute 'files' at "),
        ("int('seven\\nand')", "{}", "get_status raised ValueError: invalid literal for int() with base 10: "),
        ("exit(3)", "{}", "get_status raised SystemExit: 3 at "),
        ("{'done': {}}", "1 / 0", "show raised ZeroDivisionError: division by zero at "),
    ],
)
def test_an_exception_is_told(module: Module, setup: Setup, answer: str, shown: str, happened: str) -> None:
    """With its type, its text and its place, and no traceback of ours."""
    name = module(answer, shown)
    subject = PythonSubject(f"{name}:subject")
    subject.reset(setup)

    with pytest.raises(TargetFailed) as failed:
        subject.do("get_status", {}, show=True)

    assert happened in str(failed.value)
    assert re.search(rf"{name}\.py:(9|12)[ ;]", str(failed.value))
    assert "\n" not in str(failed.value)
    assert failed.value.__suppress_context__


def test_a_method_of_another_form_is_told(module: Module, setup: Setup) -> None:
    """Python's own words say what is missing."""
    subject = PythonSubject(f"{module(text=MODULE.replace('(self, configuration)', '(self)'))}:subject")

    with pytest.raises(TargetFailed, match=r"reset raised TypeError: .*takes 1 positional argument but 2 were given; "):
        subject.reset(setup)


@pytest.mark.parametrize(
    ("text", "target", "happened"),
    [
        (MODULE, "{name}:subjct", "has no subjct; did you mean subject?"),
        (MODULE, "{name}:subject.inner", "its Subject has no inner; docs/adapters.md lists"),
        (MODULE, "{name}x:subject", "there is no module {name}x; did you mean {name}?"),
        (MODULE, "json.decodr:subject", "there is no module json.decodr; did you mean json.decoder?"),
        (MODULE, "{name}.inner:subject", "there is no module {name}.inner; is it installed, or in /"),
        (MODULE.replace("def show", "def shows_it"), "{name}:subject", "its Subject has no show; did you mean shows?"),
        (MODULE.replace("def do", "do = 1\n    def done"), "{name}:subject", "do cannot be called; make it a method"),
        (MODULE.replace("open_group", "open"), "{name}:subject", "calls has a name that does not exist: 'open'"),
        (MODULE.replace('["container_users"]', "1"), "{name}:subject", "shows is no list: 1"),
        ("import no_such_library", "{name}:subject", "its import raised ModuleNotFoundError: No module named"),
        ("raise RuntimeError('no device')", "{name}:subject", "its import raised RuntimeError: no device at "),
        ("def subject(:", "{name}:subject", "its import raised SyntaxError: "),
        (
            MODULE + "\nclass Other:\n    def __init__(self): self.device = open('/no/such')",
            "{name}:Other",
            "it raised FileNo",
        ),
    ],
)
def test_a_subject_that_is_not_there_is_told(module: Module, text: str, target: str, happened: str) -> None:
    """And which one may have been meant."""
    name = module(text=text)

    with pytest.raises(TargetFailed) as failed:
        PythonSubject(target.replace("{name}", name))

    assert happened.replace("{name}", name) in str(failed.value)
