"""Subjects to hold to the rules: scripts that speak the line protocol, each with one habit of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenure.gate.subject import Setup

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "external-get-put"

SCRIPT = """\
import json, os, signal, subprocess, sys, time

def say(value):
    write(json.dumps(value) + "\\n")

def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()

calls, shows = ["open_group", "get_status"], ["container_users", "device_group", "file_kind"]
introduction = {"hello": 1, "name": "mine", "version": "0.3", "calls": calls, "shows": shows, "stepwise": False}
at_start = {"device_group": {"d0": "g0"}}

def hello(request):
    say(introduction)

def reset(request):
    say({"reset": True})

def call(request):
    say({"done": {}, "shown": at_start} if "show" in request else {"done": {}})

def quit(request):
    say({"quit": True})
    sys.exit(0)

HABIT

for line in sys.stdin:
    request = json.loads(line)
    globals()[next(iter(request))](request)
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a subject that does all as it should, but for the functions redefined by its habit; its command."""

    def write(habit: str) -> str:
        path = tmp_path / "subject.py"
        path.write_text(SCRIPT.replace("HABIT", habit), encoding="utf-8")
        return shlex.join([sys.executable, "-I", "-S", str(path)])

    return write


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """Make a target of an example in C from a copy of them all; its command."""
    make = shutil.which("make")
    assert make, "the examples in C need make: apt-get install gcc make"
    assert shutil.which("cc"), "the examples in C need a compiler: apt-get install gcc make"
    copy = tmp_path_factory.mktemp("built") / "examples"
    shutil.copytree(ROOT / "examples", copy, ignore=shutil.ignore_patterns("build"))

    def built(example: str, target: str) -> str:
        subprocess.run([make, "-s", "-C", str(copy / example), target], check=True)
        return shlex.quote(str(copy / example / target))

    return built


@pytest.fixture
def setup() -> Setup:
    """Say that there is one of each and three files; the device starts with a VFIO driver."""
    return Setup(
        PROFILE,
        {"process": 1, "file": 3, "group": 1, "device": 1, "container": 1, "table": 1, "page": 1, "user": 1}
        | {"iommu_driver": 1},
        {
            "device_group": {"d0": "g0"},
            "device_bridge": {"d0": False},
            "group_no_iommu": {"g0": False},
            "rawio": {"p0": True},
            "driver_noiommu": {"dr0": False},
        },
        {"device_driver": {"d0": "vfio"}},
    )


@pytest.fixture
def nothing_stays() -> Iterator[None]:
    """Hold a test to two seconds, and to leaving no child process behind, not even a dead one."""
    started = time.monotonic()

    yield

    assert time.monotonic() - started < 2
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
