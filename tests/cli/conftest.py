"""The command line in this process, in an empty folder, and what its tests plant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tenure import cli
from tenure.commands import gating, proving, tracing
from tenure.commands.judging import Judgement
from tenure.commands.recording import recorded
from tenure.vocabulary.verdicts import Row, Verdict

SOURCE = Path(__file__).resolve().parents[2] / "src"

LOCKED = "containers-2013:locked"

PROFILE = ("--profile", "containers-2013")

SUBJECT = """\
class Subject:
    calls = ["open_container", "open_group"]
    shows = []
    made = 0

    def reset(self, configuration):
        pass

    def do(self, call, args):
        Subject.made += 1
        DO

    def show(self):
        return {}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]

Written = Callable[[str], str]


@pytest.fixture(scope="session")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tests of the command line one cache: what one of them proves, the next one finds."""
    return tmp_path_factory.mktemp("proofs")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, proofs: Path, tmp_path: Path) -> Run:
    """Run the command line in this process, in an empty folder, with a cache and a place for reports of its own."""
    monkeypatch.setenv("TENURE_CACHE", str(proofs))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)

    def made(*arguments: str) -> Ended:
        capsys.readouterr()
        code = 0
        try:
            cli.main(list(arguments))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return made


@pytest.fixture
def nothing_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin campaigns with random runs: the plan has tests of its own."""
    monkeypatch.setattr(gating, "planned", lambda *_: ())


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Write a subject whose `do` is this text; the target that names it."""
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    name = re.sub(r"\W", "_", tmp_path.name)

    def write(text: str) -> str:
        (tmp_path / f"{name}.py").write_text(SUBJECT.replace("DO", text), encoding="utf-8")
        return f"python:{name}:Subject"

    return write


@pytest.fixture
def r1(run: Run, tmp_path: Path) -> dict[str, Any]:
    """Make the trace of a race as a JSON document."""
    assert run("trace", "containers-2013", "R1", "--format", "itf", "--out", "r1.itf.json").code == 0
    found: dict[str, Any] = json.loads((tmp_path / "r1.itf.json").read_text(encoding="utf-8"))
    return found


def written(document: object) -> str:
    """The document in a file of this name."""
    Path("changed.itf.json").write_text(json.dumps(document), encoding="utf-8")
    return "changed.itf.json"


def row(system: str, granularity: str, name: str, verdict: Verdict, length: int | None = None) -> Row:
    """A row as a judgement has it."""
    family, _, variant = system.partition(":")
    return Row(family, variant, granularity, name, verdict, "as planted", length)


def as_recorded(system: str, granularity: str) -> list[Row]:
    """The rows that are recorded for a system."""
    name, _, variant = system.partition(":")
    return [
        row(system, granularity, key[3], Verdict(verdict), length)
        for key, (verdict, length) in recorded().items()
        if key[:3] == (name, variant, granularity)
    ]


Judged = Callable[[list[Row]], None]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Let every judgement have these of the rows that are its own."""

    def plant(rows: list[Row]) -> None:
        def judge(jobs: list[proving.Job], *_: object, **__: object) -> Iterator[tuple[proving.Job, Judgement]]:
            for job in jobs:
                yield job, Judgement([r for r in rows if (r.system_id(), r.granularity) == job])

        monkeypatch.setattr(proving, "judged", judge)
        monkeypatch.setattr(tracing, "judged", judge)

    return plant


def raiser(error: BaseException) -> Callable[..., Any]:
    """A function that does nothing but raise."""

    def fail(*_: object, **__: object) -> Any:  # noqa: ANN401  # it stands for functions of any type
        raise error

    return fail


def started(arguments: str, folder: Path, stdout: int = subprocess.PIPE) -> Ended:
    """The command line as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TENURE_CACHE": str(folder), "TMPDIR": str(folder)}
    code = "from tenure.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()],
        env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout or "", done.stderr)


def verdicts(path: str) -> set[str]:
    """The verdicts of a document's results."""
    return {result["verdict"] for result in json.loads(Path(path).read_text(encoding="utf-8"))["results"]}
