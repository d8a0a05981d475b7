"""`tenure gate linux:`: what is no kernel, and what this machine lacks, is told before anything is started."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest
from tests.cli.conftest import Run

from tenure.gate.linux import machine, programs

ASKED = ("--profile", "dma-type1-v2", "--budget", "1s", "--quiet")


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A file that is no kernel."""
    path = tmp_path / "notes"
    path.write_text("no kernel\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("linux:/no/such/file", "cannot read /no/such/file: No such file or directory"),
        ("linux:debian:six", "six is no version of a kernel"),
        ("linux:source:six", "six is no version of a source package"),
        ("linux:", "linux: is not whole; say linux:PATH, linux:debian"),
    ],
)
def test_what_names_no_kernel_is_wrong_usage(run: Run, monkeypatch: pytest.MonkeyPatch, target: str, said: str) -> None:
    """2, in one line."""
    monkeypatch.setattr("tenure.gate.linux.subject.qemu", lambda: "/usr/bin/qemu-system-x86_64")
    ended = run("gate", target, *ASKED)

    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_file_that_is_no_kernel_is_wrong_usage(run: Run, text: str) -> None:
    """It is said what would be one."""
    ended = run("gate", f"linux:{text}", *ASKED)

    assert (ended.code, ended.err) == (
        2,
        f"tenure: {text} is no kernel image; say linux:PATH with the path of a bzImage or vmlinux\n",
    )


def test_without_qemu_nothing_is_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """4, with the line that installs it."""
    monkeypatch.setattr(programs, "found", lambda _: None)
    machine.qemu.cache_clear()
    ended = run("gate", "linux:debian:6.12", *ASKED)

    assert ended.code == 4
    assert ended.err.startswith("not-run: there is no qemu-system-x86_64 on this machine; install it: apt-get install")


def test_a_profile_that_no_adapter_has_is_not_run(run: Run, text: str) -> None:
    """The kernel is not even looked at."""
    ended = run("gate", f"linux:{text}", "--profile", "external-v1", "--budget", "1s", "--quiet")

    assert ended.code == 4
    assert "no adapter makes the calls of external-v1 on a kernel" in ended.err


def test_an_iommu_is_for_kernels_alone(run: Run) -> None:
    """Whoever gives one to another target meant something else."""
    ended = run("gate", "reference:dma-type1-v2", "--iommu", "amd", "--budget", "1s")

    assert ended.code == 2
    assert "--iommu amd is for kernels, and reference:dma-type1-v2 is none" in ended.err


def test_a_full_disk_is_our_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """74: neither the kernel nor the network is at fault."""

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tenure.gate.linux.subject.qemu", lambda: "/usr/bin/qemu-system-x86_64")
    monkeypatch.setattr("tenure.gate.linux.subject.fetched", full)
    ended = run("gate", "linux:debian:6.12", *ASKED)

    assert ended.code == 74
    assert "No space left on device; free some space, or keep kernels elsewhere" in ended.err
