"""Programs of the machine: run to their end, with what they said where they fail; and what installs one that is missing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tenure.gate.subject import NotRun, TargetFailed
from tenure.gate.wording import excerpt

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "musl-gcc": "musl-tools",
    "depmod": "kmod",
    "modprobe": "kmod",
    "zstd": "zstd",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
    "apt-cache": "apt",
    "xz": "xz-utils",
}
"""What Debian calls the package that has a program."""

FULL = ("No space left on device", "Wrote only ")
"""How programs say that the disk is full; the second is what tar says of a file that it wrote in part."""

INSTALL = "apt-get install -y --no-install-recommends"

_WITH_ROOTS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def found(name: str) -> str | None:
    """The path of a program; those of the administrator, which a user's PATH may lack, are looked at too."""
    return shutil.which(name, path=_WITH_ROOTS)


def path_of(name: str) -> str:
    """The path of a program; raises NotRun with the line that installs it."""
    path = found(name)
    if path is None:
        raise NotRun(f"there is no {name} on this machine", f"install it: {INSTALL} {PACKAGES.get(name, name)}")
    return path


def run(words: Sequence[str], *, cwd: Path | None = None, limit: float = 900.0) -> str:
    """What a program wrote to its standard output; raises TargetFailed where it failed, OSError where the disk is full."""
    command = [path_of(words[0]), *words[1:]]
    try:
        ended = subprocess.run(  # noqa: S603 -- only programs that this package names
            command, cwd=cwd, capture_output=True, timeout=limit, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise TargetFailed(f"{words[0]} did not end within {limit:g} s", "try again") from None
    said = ended.stderr.decode(errors="backslashreplace").strip()
    if ended.returncode:
        if any(words in said for words in FULL):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        last = said.splitlines()[-1] if said else "nothing"
        raise TargetFailed(
            f"{words[0]} ended with status {ended.returncode}, and said: {excerpt(last)}", " ".join(command)
        )
    return ended.stdout.decode(errors="backslashreplace")
