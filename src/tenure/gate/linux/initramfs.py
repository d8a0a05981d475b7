"""The first file system of a guest: the agent as /init, and the modules that it inserts."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from tenure.gate.linux.archive import archive
from tenure.gate.linux.image import Image
from tenure.gate.linux.modules import EARLY, VFIO, Module, modules_for
from tenure.gate.linux.programs import found, run
from tenure.gate.linux.store import store
from tenure.gate.subject import NotRun, TargetFailed

_STATIC = ("-static", "-Os", "-o")
_COMPILERS = ("musl-gcc", "gcc", "cc", "clang")


def agent() -> bytes:
    """The agent, compiled so that it needs no library; kept while its source is the same."""
    source = resources.files("tenure.gate.linux").joinpath("agent.c").read_bytes()
    built = store() / "agent" / hashlib.sha256(source).hexdigest()[:16]
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        text = built.with_suffix(".c")
        text.write_bytes(source)
        _compile(text, built)
    return built.read_bytes()


def _compile(source: Path, built: Path) -> None:
    """Try the compilers that are there, the one for small static programs first."""
    failed = None
    for compiler in filter(found, _COMPILERS):
        partial = built.with_suffix(".partial")
        try:
            run([compiler, *_STATIC, str(partial), str(source)])
        except TargetFailed as wrong:
            failed = wrong
            continue
        partial.rename(built)
        return
    if failed is not None:
        raise failed
    raise NotRun("there is no C compiler", "install one: apt-get install -y --no-install-recommends musl-tools gcc")


def initramfs(image: Image, more: tuple[str, ...] = ()) -> tuple[bytes, list[Module]]:
    """The archive, and the modules in it that the host has inserted when the agent is there: VFIO's, and more."""
    early, later = modules_for(image, EARLY), modules_for(image, (*VFIO, *more))
    later = [one for one in later if all(one.name != other.name for other in early)]
    files = {"init": agent()}
    files |= {f"early/{number:02}-{one.name}.ko": one.content for number, one in enumerate(early)}
    files |= {f"modules/{one.name}.ko": one.content for one in later}
    return archive(files), later
