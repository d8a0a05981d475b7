"""The command line: exit codes, messages that help, and files that scripts read."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tenure import cli
from tenure.commands import conforming, explaining, gating, guarding, proving, tracing
from tenure.commands.guarding import GuardRow, Worth
from tenure.commands.judging import Judgement
from tenure.gate.conform import Conformance, Difference
from tenure.gate.reference_subject import ReferenceSubject
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.vocabulary.guards import Guard
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Row, Verdict

SOURCE = Path(__file__).resolve().parent.parent / "src"
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


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tests of this file one cache: what one of them proves, the next one finds."""
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
    monkeypatch.setattr(gating, "planned", lambda _system, _rules: iter(()))


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
        for key, (verdict, length) in proving.recorded().items()
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


# Names that nothing has


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ("prove container-2013", "containers-2013"),
        ("prove containers-2013:lokced", "containers-2013:locked"),
        ("prove containers-2013 --property CON1", "CON-1"),
        ("trace external-getput R1", "external-get-put"),
        ("trace external-get-put:from-device R4", "external-get-put:from-dev"),
        ("trace containers-2013 R9", "R5"),
        ("trace containers-2013 EXT1", "EXT-1"),
        ("explain set_contaner", "set_container"),
        ("explain GRP1", "GRP-1"),
        ("list race", "races"),
        ("conform external-v2", "external-v1"),
        ("gate reference:containers-2012", "containers-2013"),
        ("gate refrence:containers-2013 --profile containers-2013", "reference"),
        ("gate reference:containers-2013 --profile containers-2012", "containers-2013"),
        ("frobnicate", ""),
        ("prove --granularity half", "whole"),
        ("gate reference:containers-2013 --budget soon", "60s"),
        ("conform containers-2013 --budget 100calls", "60s"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(run: Run, arguments: str, nearest: str) -> None:
    """The usage is wrong: 2, nothing on standard output, and the name that was meant."""
    ended = run(*arguments.split())

    assert ended.code == 2
    assert ended.out == ""
    assert nearest in ended.err


def test_a_target_whose_rules_are_not_known_is_refused(run: Run) -> None:
    """Only the reference says by its name by which rules it goes."""
    ended = run("gate", "exec:true")

    assert ended.code == 2
    assert "--profile" in ended.err


# Trace files that are none


@pytest.mark.parametrize(
    ("text", "happened"),
    [
        ("", "no JSON"),
        ('{"vars": [1', "cut short"),
        ("[]", "vars"),
        ('{"vars": [], "states": []}', "by another tool"),
        ('{"#meta": {"schema": 2}, "vars": [], "states": []}', "another schema"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(run: Run, tmp_path: Path, text: str, happened: str) -> None:
    """The message says which file, and what is wrong with it."""
    (tmp_path / "bad.itf.json").write_text(text, encoding="utf-8")

    ended = run("replay", "bad.itf.json", "reference:containers-2013")

    assert ended.code == 2
    assert happened in ended.err
    assert "bad.itf.json" in ended.err


def test_a_truncated_trace_is_refused_with_its_line(run: Run, r1: dict[str, Any], tmp_path: Path) -> None:
    """Half a file is no trace; the message says where it stops."""
    text = json.dumps(r1, indent=1)
    (tmp_path / "half.itf.json").write_text(text[: len(text) // 2], encoding="utf-8")

    ended = run("replay", "half.itf.json", "reference:containers-2013")

    assert ended.code == 2
    assert re.search(r"half\.itf\.json.*line \d+", ended.err)


@pytest.mark.parametrize("path", ["absent.itf.json", "."])
def test_a_trace_that_cannot_be_read_is_refused(run: Run, path: str) -> None:
    """It was named by the caller: that is usage, and no trouble of our own disk."""
    ended = run("replay", path, "reference:containers-2013")

    assert ended.code == 2
    assert f"cannot read {path}" in ended.err


def test_a_trace_of_another_schema_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names both versions."""
    r1["#meta"]["schema"] = 7

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "`#meta.schema` is 7, and this Tenure reads 1" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_of_an_unknown_system_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The nearest system is offered."""
    r1["#meta"]["system"] = "containers-2012"

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "containers-2013" in ended.err


def test_a_trace_with_an_unknown_call_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names the file, the call and the event."""
    r1["#meta"]["events"][0] |= {"call": "open_grup", "rule": "open_grup.look_up"}

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "open_grup" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_with_an_unknown_object_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """An object outside the trace's own scope is named, and where it stands."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"], ["group", "g7"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "g7" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_with_a_word_that_is_no_object_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message says what it should have been."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"], ["group", "seven"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "'seven' is no group" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_that_lacks_an_argument_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names the call and the argument."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "open_group lacks the argument 'group'" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_of_steps_is_refused_by_a_target_that_takes_whole_calls(
    run: Run, r1: dict[str, Any], subject: Written
) -> None:
    """Only the reference can be led through it; the message says so."""
    ended = run("replay", written(r1), subject("return {'done': {}}"))

    assert ended.code == 2
    assert "reference:SYSTEM" in ended.err


# Targets that break


@pytest.mark.parametrize(
    ("target", "happened"),
    [
        ("exec:/no/such/subject", "there is no command /no/such/subject"),
        ("exec:/etc/passwd", "cannot be started"),
        ("exec:true", "it ended with status 0"),
        ("exec:sh -c 'read line; echo nonsense'", "nonsense"),
        ("python:no_such_module:Subject", "there is no module no_such_module"),
    ],
)
def test_a_subject_that_does_not_begin_is_the_targets_failure(run: Run, target: str, happened: str) -> None:
    """Missing, not executable, dead or talking nonsense: 5, with what to do."""
    ended = run("gate", target, *PROFILE, "--budget", "1s", "--quiet")

    assert ended.code == 5
    assert ended.err.startswith("target-failed: ")
    assert happened in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("nothing_planned")
def test_a_subject_that_breaks_later_is_the_targets_failure(run: Run, subject: Written) -> None:
    """An exception of the subject is no difference: 5."""
    ended = run("gate", subject("raise RuntimeError('no device')"), *PROFILE, "--budget", "1s", "--quiet")

    assert ended.code == 5
    assert "no device" in ended.err


@pytest.mark.usefixtures("nothing_planned")
def test_a_finding_counts_more_than_a_target_that_broke_later(run: Run, subject: Written, tmp_path: Path) -> None:
    """A later failure hides nothing: 1, and both are told."""
    breaks = "if Subject.made > 200:\n            raise RuntimeError('gone')\n        return {'refused': 'EXDEV'}"

    ended = run("gate", subject(breaks), *PROFILE, "--budget", "400calls", "--seed", "1", "--json", "found.json")

    assert ended.code == 1
    assert "answered EXDEV" in ended.out
    assert "gone" in ended.err
    verdicts = {r["verdict"] for r in json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["results"]}
    assert {"differs", "target-failed"} <= verdicts


@pytest.mark.usefixtures("nothing_planned")
@pytest.mark.parametrize("errno", ["EXDEV", "ENODEV", "ENONSENSE"])
def test_an_answer_that_is_merely_wrong_is_a_finding(run: Run, subject: Written, errno: str) -> None:
    """Whatever its errno: 1, with the calls, what was answered, and what the rules permit."""
    ended = run("gate", subject(f"return {{'refused': '{errno}'}}"), *PROFILE, "--budget", "50calls", "--seed", "1")

    assert ended.code == 1
    assert f"! answered {errno}, and the rules permit only ok" in ended.out


@pytest.mark.usefixtures("nothing_planned")
def test_a_campaign_that_calls_nothing_is_nothing_run(run: Run, subject: Written) -> None:
    """A target without a single call of these rules: 4."""
    target = subject("return {'done': {}}")
    Path(f"{target.split(':')[1]}.py").write_text(
        SUBJECT.replace("DO", "pass").replace('"open_container", "open_group"', ""), encoding="utf-8"
    )

    ended = run("gate", target, *PROFILE, "--budget", "0.2s")

    assert ended.code == 4


@pytest.mark.usefixtures("nothing_planned")
def test_the_reference_conforms_at_the_gate(run: Run, tmp_path: Path) -> None:
    """0, with the seed and the command that repeats the run, and one document."""
    again = "tenure gate reference:containers-2013 --budget 300calls --seed 5"

    ended = run("gate", "reference:containers-2013", "--budget", "300calls", "--seed", "5", "--json", "gate.json")

    assert ended.code == 0
    assert again in ended.out
    assert ended.err == ""
    found = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"], found["command"].split()[:2]) == (1, 5, ["tenure", "gate"])
    assert found["command"].count("tenure") == 1
    assert {r["verdict"] for r in found["results"]} <= {"conforms", "tested", "not-run", "not-applicable"}
    for result in found["results"]:
        assert {"system", "property", "target", "verdict", "steps", "seconds"} <= set(result)


@pytest.mark.usefixtures("nothing_planned")
def test_an_interrupted_campaign_keeps_its_findings(
    run: Run, subject: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """130, and what was found before is told and written."""
    breaks = "if Subject.made > 200:\n            raise KeyboardInterrupt\n        return {'refused': 'EXDEV'}"
    monkeypatch.setattr("tenure.gate.campaign.Campaign.shrink", lambda _, finding: finding)

    ended = run("gate", subject(breaks), *PROFILE, "--budget", "400calls", "--seed", "1", "--json", "found.json")

    assert ended.code == 130
    assert "answered EXDEV" in ended.out
    assert "differs" in (tmp_path / "found.json").read_text(encoding="utf-8")


def test_a_trace_that_the_target_does_not_follow_is_a_finding(run: Run, subject: Written) -> None:
    """A whole-call trace on a subject that refuses everything: 1."""
    assert run("trace", "external-v1", "A", "--format", "itf", "--out", "a.itf.json").code == 0

    ended = run("replay", "a.itf.json", subject("return {'refused': 'EXDEV'}"))

    assert ended.code == 1
    assert "parts from the trace" in ended.out


# Our own disk


@pytest.mark.parametrize("path", ["/dev/full", "file/below.json", "absent/below.json"])
@pytest.mark.parametrize(
    "command",
    [
        ("list", "--json"),
        ("explain", "R1", "--json"),
        ("doctor", "--json"),
        ("trace", "containers-2013", "R1", "--json"),
        ("trace", "containers-2013", "R1", "--format", "itf", "--out"),
        ("prove", LOCKED, "--granularity", "whole", "--junit"),
    ],
    ids=" ".join,
)
def test_a_file_that_cannot_be_written_is_our_own_disk(
    run: Run, judged: Judged, command: tuple[str, ...], path: str
) -> None:
    """74, and one line that says what, where and what to do."""
    Path("file").touch()
    judged(as_recorded(LOCKED, "whole"))

    ended = run(*command, path)

    assert ended.code == 74
    assert f"cannot write {path}" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("nothing_planned")
@pytest.mark.parametrize("folder", ["file/below", "file"])
def test_findings_that_cannot_be_written_are_our_own_disk(run: Run, subject: Written, folder: str) -> None:
    """The folder for traces cannot be made: 74."""
    Path("file").touch()

    ended = run("gate", subject("return {'refused': 'EXDEV'}"), *PROFILE, "--budget", "20calls", "--out", folder)

    assert ended.code == 74
    assert folder in ended.err


@pytest.mark.parametrize("arguments", ["list", "explain R1"])
def test_a_full_standard_output_is_our_own_disk(arguments: str, tmp_path: Path) -> None:
    """74, and no traceback."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = started(arguments, tmp_path, stdout=full.fileno())

    assert ended.code == 74
    assert "Traceback" not in ended.err


def started(arguments: str, folder: Path, stdout: int = subprocess.PIPE) -> Ended:
    """The command line as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TENURE_CACHE": str(folder), "TMPDIR": str(folder)}
    code = "from tenure.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()],
        env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout or "", done.stderr)


# What is there


def test_list_says_what_there_is(run: Run) -> None:
    """Every kind, in plain lines of full width where nobody watches."""
    assert all(s.id in run("list").out and s.title in run("list").out for s in SYSTEMS)
    assert all(p.id in run("list", "properties").out for p in PROPERTIES)
    assert all(r.system in run("list", "races").out for r in RACES)
    assert all(c.name in run("list", "calls").out for s in SYSTEMS for c in s.calls)
    assert "exec:COMMAND" in run("list", "targets").out


@pytest.mark.parametrize("kind", ["systems", "properties", "races", "calls", "targets"])
def test_list_ends_well_and_leaves_a_document(run: Run, tmp_path: Path, kind: str) -> None:
    """One row of the table is one result."""
    ended = run("list", kind, "--quiet", "--json", "list.json")

    found = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert (found["schema"], found["command"], found["seed"]) == (1, f"tenure list {kind}", None)
    assert found["results"]


@pytest.mark.parametrize(
    "name", [*(p.id for p in PROPERTIES), *sorted({r.id for r in RACES}), "containers-2013", "set_container"]
)
def test_explain_gives_words_and_a_source(run: Run, name: str) -> None:
    """Of a property, a race, a system and a call."""
    ended = run("explain", name)

    assert ended.code == 0
    assert name in ended.out
    assert "source: " in ended.out


def test_doctor_is_content_where_all_is_there(run: Run) -> None:
    """Where the tests run everything is installed; a missing compiler is named with what installs it."""
    ended = run("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert "z3-solver" in ended.out


def test_doctor_names_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do about it, even when it should be quiet."""
    monkeypatch.setenv("CC", "no-such-compiler")

    ended = run("doctor", "--quiet")

    assert ended.code == 4
    assert "install gcc or clang" in ended.out


@pytest.mark.parametrize("arguments", ["--help", "-h", "prove --help", "gate -h"])
def test_help_is_no_error(run: Run, arguments: str) -> None:
    """It says how a command is called."""
    ended = run(*arguments.split())

    assert ended.code == 0
    assert "Usage: " in ended.out


# Traces


@pytest.mark.parametrize(
    ("form", "part"),
    [("text", "set_container.attach"), ("itf", '"#meta"'), ("mermaid", "sequenceDiagram"), ("json", "{")],
)
def test_a_trace_of_a_race_is_shown_in_every_form(run: Run, form: str, part: str) -> None:
    """On standard output, with 0."""
    ended = run("trace", "containers-2013", "R1", "--format", form)

    assert (ended.code, ended.err) == (0, "")
    assert part in ended.out


def test_a_trace_in_a_file_replays_on_the_reference(run: Run, r1: dict[str, Any]) -> None:
    """Every step as the trace says, one ITF state for each and one for the start."""
    ended = run("replay", written(r1), "reference:containers-2013", "--json", "replay.json")

    assert ended.code == 0
    assert "replayed as the trace says; harm: list_corruption" in ended.out
    assert len(r1["states"]) == 11
    (result,) = json.loads(Path("replay.json").read_text(encoding="utf-8"))["results"]
    assert (result["target"], result["verdict"], result["steps"]) == ("reference:containers-2013", "witnessed", 10)


def test_a_trace_is_a_result_of_its_document(run: Run, tmp_path: Path) -> None:
    """With system, property, verdict, number of steps and the trace itself."""
    ended = run("trace", "external-v1:misuse", "D", "--quiet", "--json", "d.json")

    (result,) = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))["results"]
    assert (ended.code, ended.out) == (0, "")
    assert (result["system"], result["variant"], result["property"]) == ("external-v1", "misuse", "D")
    assert (result["verdict"], result["steps"], len(result["trace"]["states"])) == ("refuted", 5, 6)
    assert "seconds" in result


def test_a_proved_property_has_no_trace(run: Run) -> None:
    """4, the reason, and no file."""
    ended = run("trace", LOCKED, "CON-1", "--granularity", "whole", "--format", "itf", "--out", "none.itf.json")

    assert ended.code == 4
    assert "proved" in ended.out + ended.err
    assert not Path("none.itf.json").exists()


def test_a_property_that_was_only_searched_has_no_trace(run: Run, judged: Judged) -> None:
    """3, and no file: nothing was found, and nothing is known."""
    judged([row("containers-2013", "steps", "GRP-1", Verdict.SEARCHED)])

    ended = run("trace", "containers-2013", "GRP-1", "--granularity", "steps", "--out", "none.itf.json")

    assert ended.code == 3
    assert "searched" in ended.out + ended.err
    assert not Path("none.itf.json").exists()


def test_a_property_that_is_proved_whole_and_searched_in_steps_is_inconclusive(run: Run, judged: Judged) -> None:
    """What was proved of whole calls says nothing about the others."""
    judged(
        [
            row("containers-2013", "whole", "GRP-1", Verdict.PROVED),
            row("containers-2013", "steps", "GRP-1", Verdict.SEARCHED),
        ]
    )

    assert run("trace", "containers-2013", "GRP-1").code == 3


def test_a_race_that_its_whole_scope_does_not_have_is_only_searched(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """3: a bound on objects is no proof."""
    monkeypatch.setattr(tracing, "race_trace", lambda *_: None)

    assert run("trace", "containers-2013", "R1").code == 3


def test_a_harmless_race_has_no_trace(run: Run) -> None:
    """4: its property is proved."""
    ended = run("trace", "external-v1", "C")

    assert ended.code == 4
    assert "EXT-8" in ended.out + ended.err


def test_a_property_that_the_system_does_not_show_has_no_trace(run: Run, judged: Judged) -> None:
    """4: it is not applicable."""
    judged([row("containers-2013", level, "EXT-8", Verdict.NOT_APPLICABLE) for level in ("whole", "steps")])

    assert run("trace", "containers-2013", "EXT-8").code == 4


@pytest.fixture
def short_and_long(r1: dict[str, Any]) -> tuple[Trace, Trace]:
    """Make two traces of one property, by whole calls and by steps."""
    from tenure.report.itf import from_itf  # noqa: PLC0415  # only here

    steps = from_itf(json.dumps(r1))
    return replace(steps, granularity="whole", steps=steps.steps[:4]), steps


def test_a_trace_uses_the_coarsest_granularity_that_shows_the_harm(
    run: Run, judged: Judged, short_and_long: tuple[Trace, Trace]
) -> None:
    """Whole calls are easier to read; --granularity asks for the other."""
    rows = [
        replace(row("containers-2013", t.granularity, "HARM-3", Verdict.REFUTED, len(t)), trace=t)
        for t in short_and_long
    ]
    judged(rows[::-1])

    whole = run("trace", "containers-2013", "HARM-3", "--format", "itf")
    steps = run("trace", "containers-2013", "HARM-3", "--format", "itf", "--granularity", "steps")

    assert (whole.code, steps.code) == (0, 0)
    assert json.loads(whole.out)["#meta"]["granularity"] == "whole"
    assert json.loads(steps.out)["#meta"]["granularity"] == "steps"


# Proofs against the record


def test_prove_ends_well_where_all_is_as_recorded(run: Run, tmp_path: Path) -> None:
    """0, and a document with a result for every property."""
    ended = run("prove", LOCKED, "--granularity", "whole", "--jobs", "1", "--json", "proved.json")

    assert (ended.code, ended.err) == (0, "")
    assert "all as recorded" in ended.out
    found = json.loads((tmp_path / "proved.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"]) == (1, None)
    assert found["command"] == f"tenure prove {LOCKED} --granularity whole"
    assert {r["property"] for r in found["results"]} == {*(p.id for p in PROPERTIES), "CASES"}
    for result in found["results"]:
        assert {"system", "variant", "granularity", "property", "verdict", "steps", "seconds"} <= set(result)


def test_prove_fails_where_a_row_is_not_as_recorded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, and the row with what is recorded and what was found."""
    altered = {**proving.recorded(), ("containers-2013", "locked", "whole", "GRP-1"): ("refuted", 4)}
    monkeypatch.setattr(proving, "recorded", lambda: altered)

    ended = run("prove", LOCKED, "--granularity", "whole", "--jobs", "1")

    assert ended.code == 1
    assert f"{LOCKED} whole GRP-1: recorded refuted in 4 transitions, found proved" in ended.err


def everything() -> list[Row]:
    """Every row that is recorded for the variants of containers-2013."""
    return [r for s in ("containers-2013", LOCKED) for level in ("whole", "steps") for r in as_recorded(s, level)]


def test_a_bare_name_is_all_its_variants_at_both_granularities(run: Run, judged: Judged) -> None:
    """0 where every recorded row is found."""
    judged(everything())

    ended = run("prove", "containers-2013", "--quiet")

    assert (ended.code, ended.err) == (0, "")


def test_a_recorded_row_that_is_not_found_fails(run: Run, judged: Judged) -> None:
    """1: a property that nobody checks any more."""
    judged([r for r in everything() if r.key() != ("containers-2013", "locked", "steps", "GRP-1")])

    ended = run("prove", "containers-2013")

    assert ended.code == 1
    assert f"{LOCKED} steps GRP-1: recorded proved, found nothing" in ended.err


def test_a_row_that_is_not_recorded_fails(run: Run, judged: Judged) -> None:
    """1: a property that nobody thought about."""
    judged([*everything(), row("containers-2013", "whole", "NEW-1", Verdict.PROVED)])

    ended = run("prove", "containers-2013")

    assert ended.code == 1
    assert "containers-2013 whole NEW-1: recorded nothing, found proved" in ended.err


def test_a_longer_trace_than_recorded_fails(run: Run, judged: Judged) -> None:
    """1: the length is part of the record."""
    rows = everything()
    (one,) = (r for r in rows if r.key() == ("containers-2013", "", "steps", "HARM-3"))
    judged([replace(r, length=11) if r is one else r for r in rows])

    assert run("prove", "containers-2013").code == 1


def test_rows_outside_what_was_asked_for_are_not_compared(run: Run, judged: Judged) -> None:
    """A variant, a property or a granularity alone: the rest is not missing."""
    judged(everything())

    assert run("prove", LOCKED).code == 0
    assert run("prove", "containers-2013", "--property", "GRP-1").code == 0
    assert run("prove", "containers-2013", "--granularity", "steps").code == 0


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.NOT_INDUCTIVE])
def test_what_is_not_known_is_inconclusive_whatever_is_recorded(
    run: Run, judged: Judged, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3, where the record says proved and where it says the same."""
    rows = as_recorded(LOCKED, "whole")
    key = ("containers-2013", "locked", "whole", "GRP-1")
    judged([replace(r, verdict=verdict) if r.key() == key else r for r in rows])

    other = run("prove", LOCKED, "--granularity", "whole")
    same_record = {**proving.recorded(), key: (verdict.value, None)}
    monkeypatch.setattr(proving, "recorded", lambda: same_record)
    same = run("prove", LOCKED, "--granularity", "whole")

    assert same.code == 3
    assert other.code == 3
    assert "inconclusive" in other.err


def test_a_violation_counts_more_than_what_is_not_known(run: Run, judged: Judged) -> None:
    """1 comes before 3."""
    changed = {"GRP-1": Verdict.UNKNOWN, "CON-1": Verdict.REFUTED}
    judged([replace(r, verdict=changed.get(r.property, r.verdict)) for r in as_recorded(LOCKED, "whole")])

    assert run("prove", LOCKED, "--granularity", "whole").code == 1


def test_a_property_that_is_nowhere_applicable_is_nothing(run: Run, judged: Judged) -> None:
    """4: nothing was run."""
    judged(as_recorded(LOCKED, "whole"))

    assert run("prove", LOCKED, "--granularity", "whole", "--property", "EXT-8").code == 4


def test_prove_leaves_a_junit_report(run: Run, judged: Judged, tmp_path: Path) -> None:
    """One test for each row; what is not as recorded has failed."""
    judged([replace(r, verdict=Verdict.REFUTED) if r.property == "GRP-1" else r for r in as_recorded(LOCKED, "whole")])

    run("prove", LOCKED, "--granularity", "whole", "--junit", "prove.xml")

    text = (tmp_path / "prove.xml").read_text(encoding="utf-8")
    assert text.count("<testcase") == len(as_recorded(LOCKED, "whole"))
    assert text.count("<failure") == 1


def test_a_quiet_proof_says_nothing_where_all_is_well(run: Run, judged: Judged) -> None:
    """And says what failed where not."""
    judged(as_recorded(LOCKED, "whole"))

    ended = run("prove", LOCKED, "--granularity", "whole", "--quiet")

    assert ended == Ended(0, "", "")


def test_an_interrupted_proof_keeps_what_was_found(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """130, and the rows that were judged before are told and written."""

    def judged(*_: object, **__: object) -> Iterator[tuple[proving.Job, Judgement]]:
        yield (LOCKED, "whole"), Judgement(as_recorded(LOCKED, "whole"))
        raise KeyboardInterrupt

    monkeypatch.setattr(proving, "judged", judged)

    ended = run("prove", LOCKED, "--json", "proved.json")

    assert ended.code == 130
    assert "GRP-1" in ended.out
    assert "GRP-1" in (tmp_path / "proved.json").read_text(encoding="utf-8")


# Comparisons

COMPARED = Conformance(
    "containers-2013", "1 group", "whole calls", 9, 90, complete=True, refusals={"close.drop#0 EBADF"}
)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"missing": ("close.drop#0 EBADF",)}, 3),
        ({"walked": "close\nmodel: ok\nreference: EBADF"}, 1),
        ({"parts": [replace(COMPARED, differences=[Difference(("close",), "ok", "EBADF")])]}, 1),
        ({"walked": "close", "missing": ("close.drop#0 EBADF",)}, 1),
    ],
)
def test_conform_ends_as_the_comparison_did(
    run: Run, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], code: int
) -> None:
    """0 where nothing differs, 1 where something does, 3 where a refusal is not accounted for."""
    system = next(s for s in SYSTEMS if s.id == LOCKED)
    made = replace(conforming.Comparison(system, [COMPARED]), **changes)
    monkeypatch.setattr(conforming, "compare", lambda *_: made)

    ended = run("conform", LOCKED, "--seed", "3", "--json", "conform.json", "--junit", "conform.xml")

    assert ended.code == code
    assert f"tenure conform {LOCKED} --seed 3" in ended.out
    found = json.loads(Path("conform.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"]) == (1, 3)
    assert found["command"].startswith(f"tenure conform {LOCKED}")
    for result in found["results"]:
        assert {"system", "target", "verdict", "steps", "seconds"} <= set(result)
    assert len(re.findall("<(?:failure|error) ", Path("conform.xml").read_text(encoding="utf-8"))) == (code != 0)


# Guards

GUARD = Guard("open_group.claim#1", "EBUSY", "the group is open already")


def guard_row(worth: Worth) -> GuardRow:
    """The row of a guard that has this class."""
    verdict = Verdict.UNKNOWN if worth is Worth.UNMET else Verdict.PROVED
    return GuardRow((GUARD,), worth, verdict, extent="every state")


@pytest.mark.parametrize(
    ("worths", "code"),
    [([Worth.DEAD], 0), ([Worth.UNSPECIFIED, Worth.UNMET], 3), ([], 4)],
    ids=["classes", "unmet", "none"],
)
def test_guards_end_as_their_classes_say(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worths: list[Worth], code: int
) -> None:
    """0 where each has a class, 3 where one has none, 4 where there is no guard; the document has a result for each."""
    monkeypatch.setattr(guarding, "guard_rows", lambda jobs, *_: ((jobs[0], guard_row(w)) for w in worths))

    ended = run("guards", LOCKED, "--json", "guards.json")

    found = json.loads((tmp_path / "guards.json").read_text(encoding="utf-8"))
    assert ended.code == code
    assert ended.out.count("open_group.claim#1") == len(worths)
    assert [r["class"] for r in found["results"]] == [w.value for w in worths]
    for result in found["results"]:
        assert {"system", "property", "verdict", "steps", "seconds"} <= set(result)


def test_interrupted_guards_keep_the_rows_that_were_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, and the guard that was classified before is told."""

    def guard_rows(jobs: list[proving.Job], *_: object) -> Iterator[guarding.Found]:
        yield jobs[0], guard_row(Worth.DEAD)
        raise KeyboardInterrupt

    monkeypatch.setattr(guarding, "guard_rows", guard_rows)

    ended = run("guards", LOCKED)

    assert ended.code == 130
    assert "open_group.claim#1" in ended.out


def test_guards_are_quiet_but_for_what_has_no_class(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, with how far was searched."""
    rows = [guard_row(Worth.DEAD), guard_row(Worth.UNMET)]
    monkeypatch.setattr(guarding, "guard_rows", lambda jobs, *_: ((jobs[0], r) for r in rows))

    ended = run("guards", LOCKED, "--quiet")

    assert ended.out == ""
    assert ended.err == f"inconclusive: {LOCKED} whole open_group.claim#1: searched every state\n"


# Interruptions, bugs, colours


@pytest.mark.parametrize("arguments", ["explain R1", "list"])
def test_an_interruption_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    """And one word, no traceback."""
    monkeypatch.setattr(explaining, "explanation", raiser(KeyboardInterrupt()))
    monkeypatch.setattr(explaining, "listing", raiser(KeyboardInterrupt()))

    ended = run(*arguments.split())

    assert (ended.code, ended.out, ended.err.strip()) == (130, "", "interrupted")


@pytest.mark.parametrize(
    "bug",
    [RuntimeError("surprise"), KeyError("surprise"), AssertionError("surprise"), ValueError("surprise")],
    ids=repr,
)
def test_a_bug_of_our_own_is_one_line_and_a_saved_report(
    run: Run, monkeypatch: pytest.MonkeyPatch, bug: Exception, tmp_path: Path
) -> None:
    """70, and the traceback in a file for whoever mends it; a ValueError that nobody meant is a bug as well."""
    monkeypatch.setattr(explaining, "explanation", raiser(bug))

    ended = run("explain", "R1")

    assert ended.code == 70
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    (report,) = tmp_path.glob("tenure-report-*")
    assert str(report) in ended.err
    assert "Traceback" in report.read_text(encoding="utf-8")


def test_a_bug_of_our_own_while_the_disk_is_full_is_still_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 all the same."""
    monkeypatch.setattr(explaining, "explanation", raiser(RuntimeError("surprise")))
    monkeypatch.setattr("tempfile.NamedTemporaryFile", raiser(OSError(28, "No space left on device")))

    ended = run("explain", "R1")

    assert (ended.code, ended.err.count("\n")) == (70, 1)


@pytest.mark.usefixtures("nothing_planned")
def test_a_bug_in_a_campaign_is_ours_and_not_the_targets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 where the oracle breaks, not 5."""
    monkeypatch.setattr("tenure.gate.oracle.Oracle.outcomes", raiser(RuntimeError("surprise")))

    assert run("gate", "reference:containers-2013", "--budget", "20calls").code == 70


def test_a_subject_is_let_go_whatever_happens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where we break ourselves."""
    closed: list[str] = []
    monkeypatch.setattr(ReferenceSubject, "close", lambda subject: closed.append(subject.name))
    monkeypatch.setattr(gating, "planned", raiser(RuntimeError("surprise")))

    run("gate", "reference:containers-2013", "--budget", "20calls")

    assert closed == ["reference:containers-2013"]


COLOUR = re.compile(r"\x1b\[[0-9;]*[349][0-7]")


@pytest.mark.parametrize("arguments", ["list", "list properties", "prove"])
def test_no_color_is_honoured(run: Run, judged: Judged, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    """Even where colours are forced; a pipe gets none and no other escapes either."""
    judged([r for s in SYSTEMS for level in ("whole", "steps") for r in as_recorded(s.id, level)])
    plain = run(*arguments.split()).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    forced = run(*arguments.split()).out

    assert "\x1b" not in plain
    assert not COLOUR.search(forced)


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    """Whoever reads only the first line has read enough."""
    ends, begins = os.pipe()
    os.close(ends)

    ended = started("list calls", tmp_path, stdout=begins)

    os.close(begins)
    assert "Traceback" not in ended.err
    assert ended.code == 74


def test_every_exit_code_is_documented(run: Run) -> None:
    """The help of the command line names them all."""
    text = run("--help").out

    assert all(re.search(rf"\b{code}\b", text) for code in (0, 1, 2, 3, 4, 5, 70, 74, 130))


def test_progress_stays_off_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is shown on standard error, and only there."""
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(conforming, "compare", lambda *_: conforming.Comparison(SYSTEMS[1], [COMPARED]))

    ended = run("conform", LOCKED, "--seed", "3")

    assert ended.code == 0
    assert "\x1b" not in ended.out
