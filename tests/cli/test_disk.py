"""Our own disk, standard output among it: 74, and one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.conftest import LOCKED, PROFILE, Judged, Run, Written, as_recorded, started


@pytest.mark.parametrize("path", ["/dev/full", "file/below.json", "absent/below.json"])
@pytest.mark.parametrize(
    "command",
    [
        ("list", "--json"),
        ("explain", "R1", "--json"),
        ("doctor", "--json"),
        ("trace", "containers-2013", "R1", "--json"),
        ("trace", "containers-2013", "R1", "--format", "itf", "--out"),
        ("draw", "ranges.json", "--json"),
        ("draw", "ranges.json", "--format", "svg", "--out"),
        ("prove", LOCKED, "--granularity", "whole", "--junit"),
    ],
    ids=" ".join,
)
def test_a_file_that_cannot_be_written_is_our_own_disk(
    run: Run, judged: Judged, command: tuple[str, ...], path: str
) -> None:
    """74, and one line that says what, where and what to do."""
    Path("file").touch()
    Path("ranges.json").write_text('[{"first": 0, "last": 1}]', encoding="utf-8")
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


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    """Whoever reads only the first line has read enough."""
    ends, begins = os.pipe()
    os.close(ends)

    ended = started("list calls", tmp_path, stdout=begins)

    os.close(begins)
    assert "Traceback" not in ended.err
    assert ended.code == 74
