"""Names and targets that nothing has: 2, and the nearest that exist."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run


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
        ("compare external-v1 external-getput", "external-get-put"),
        ("compare external-v1 external-v1:misue", "external-v1:misuse"),
        ("explain set_contaner", "set_container"),
        ("explain GRP1", "GRP-1"),
        ("list race", "races"),
        ("conform external-v2", "external-v1"),
        ("gate reference:containers-2014", "containers-2013"),
        ("gate refrence:containers-2013 --profile containers-2013", "reference"),
        ("gate reference:containers-2013 --profile containers-2014", "containers-2013"),
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


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("exce:./subject", "there is no kind of target exce; did you mean exec?"),
        ("./subject", "there is no kind of target ./subject; a target begins with reference:, python:, exec:"),
        ("exec:", "exec: is not whole; say exec:COMMAND"),
        ("reference:", "reference: is not whole; say reference:SYSTEM[:VARIANT]"),
    ],
)
def test_a_target_of_no_kind_is_told_before_its_rules_are_asked_for(run: Run, target: str, told: str) -> None:
    """Whoever adds a profile to it would only be refused again."""
    ended = run("gate", target)

    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "--profile" not in ended.err


def test_a_target_whose_rules_are_not_known_is_refused(run: Run) -> None:
    """Only the reference says by its name by which rules it goes."""
    ended = run("gate", "exec:true")

    assert ended.code == 2
    assert "--profile" in ended.err
