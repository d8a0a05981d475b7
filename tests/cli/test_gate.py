"""`tenure gate`: findings, targets that break, and campaigns that say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import PROFILE, SUBJECT, Run, Written, raiser, verdicts

from tenure.commands import gating
from tenure.gate.reference_subject import ReferenceSubject


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

    ended = run("gate", target, *PROFILE, "--budget", "10calls", "--json", "gate.json")

    assert ended.code == 4
    assert verdicts("gate.json") == {"not-run"}


@pytest.mark.usefixtures("nothing_planned")
def test_the_calls_that_a_target_does_not_have_are_named(run: Run, subject: Written) -> None:
    """What is held to the rest of the rules is not held to these, whatever it answers otherwise; and nobody calls them."""
    ended = run("gate", subject("return {'refused': 'EPERM'}"), *PROFILE, "--budget", "10calls", "--json", "gate.json")
    (line,) = (line for line in ended.out.splitlines() if line.startswith("not run: calls"))
    whole = run("gate", "reference:containers-2013", "--budget", "10calls")

    assert line.startswith("not run: calls that the target does not have: ")
    assert {"set_container", "get_device_fd", "close"} <= set(line.replace(",", "").split())
    assert not {"open_container", "open_group"} & set(line.replace(",", "").split())
    answers = next(r for r in json.loads(Path("gate.json").read_text(encoding="utf-8"))["results"] if "reason" in r)
    assert "; not run: " in answers["reason"]
    assert "not run: calls" not in whole.out


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
