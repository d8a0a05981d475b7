"""Help is no error, and documents every exit code."""

from __future__ import annotations

import re

import pytest
from tests.cli.conftest import Run


@pytest.mark.parametrize("arguments", ["--help", "-h", "prove --help", "gate -h"])
def test_help_is_no_error(run: Run, arguments: str) -> None:
    """It says how a command is called."""
    ended = run(*arguments.split())

    assert ended.code == 0
    assert "Usage: " in ended.out


def test_every_exit_code_is_documented(run: Run) -> None:
    """The help of the command line names them all."""
    text = run("--help").out

    assert all(re.search(rf"\b{code}\b", text) for code in (0, 1, 2, 3, 4, 5, 70, 74, 130))
