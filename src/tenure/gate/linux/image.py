"""Kernel images: what a file is, which version it has, and where its modules are."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from tenure.gate.subject import UnknownTarget
from tenure.gate.wording import excerpt

_ENOUGH = 1 << 16
_SETUP_MAGIC = slice(0x202, 0x206)
_VERSION_AT = slice(0x20E, 0x210)
_SETUP_OFFSET = 0x200
_ARM64_MAGIC = slice(56, 60)
_X86_64 = 62
_WIDE = 2
_RELEASE = rb"[0-9]+\.[0-9]+[0-9A-Za-z.+~_-]*"
_WHERE = ("lib/modules", "usr/lib/modules", "../lib/modules", "../usr/lib/modules")
"""Where modules are, seen from the folder of the image."""

MACHINES = {3: "32-bit x86", 40: "ARM", 183: "arm64", 243: "RISC-V", 21: "PowerPC", 22: "s390", 258: "LoongArch"}


@dataclass(frozen=True, slots=True)
class Image:
    """A kernel that QEMU can boot, and its modules, if any are beside it."""

    path: Path
    release: str
    """As `uname -r` will say; empty where the file does not say it."""
    modules: Path | None = None
    """The folder in which `lib/modules/RELEASE` is."""

    def lacking(self, what: str) -> str:
        """What helps where the kernel lacks something that may be a module."""
        if self.modules is not None:
            return f"neither it nor {self.modules} has {what}"
        where = f"lib/modules/{self.release or 'RELEASE'}"
        return f"no modules were found: put {where} beside the image or one folder above, or build {what} in"


def image_at(path: Path) -> Image:
    """The kernel in a file; raises UnknownTarget where it is none, or for another machine."""
    try:
        with path.open("rb") as file:
            head = file.read(_ENOUGH)
    except OSError as wrong:
        raise UnknownTarget(
            f"cannot read {path}: {wrong.strerror}; say linux:PATH with the path of a bzImage or vmlinux"
        ) from None
    release = _release(path, head)
    return Image(path.absolute(), release, _modules(path.absolute().parent, release))


def image_in(folder: Path) -> Image:
    """The kernel of an unpacked package."""
    found = sorted([*folder.glob("boot/vmlinuz-*"), *folder.glob("usr/lib/modules/*/vmlinuz")])
    if not found:
        raise UnknownTarget(f"{folder} has no boot/vmlinuz-*; remove it, and it is fetched again")
    image = image_at(found[0])
    return Image(image.path, image.release, _modules(folder, image.release))


def _release(path: Path, head: bytes) -> str:
    if head[_SETUP_MAGIC] == b"HdrS":
        (offset,) = struct.unpack("<H", head[_VERSION_AT])
        found = re.match(_RELEASE, head[_SETUP_OFFSET + offset :])
        return found[0].decode() if found else ""
    if head[:4] == b"\x7fELF":
        wide, (machine,) = head[4] == _WIDE, struct.unpack("<H", head[18:20])
        if wide and machine == _X86_64:
            return _release_within(path)
        raise _elsewhere(path, MACHINES.get(machine, f"ELF machine {machine}"))
    if head[_ARM64_MAGIC] == b"ARMd":
        raise _elsewhere(path, "arm64")
    raise UnknownTarget(f"{path} is no kernel image; say linux:PATH with the path of a bzImage or vmlinux")


def _elsewhere(path: Path, machine: str) -> UnknownTarget:
    return UnknownTarget(f"{path} is a kernel for {excerpt(machine)}; only kernels for x86-64 can be booted")


def _release_within(path: Path) -> str:
    """The version that an uncompressed kernel says in its banner; empty where it says none."""
    found = re.search(rb"Linux version (" + _RELEASE + rb") \(", path.read_bytes())
    return found[1].decode() if found else ""


def _modules(beside: Path, release: str) -> Path | None:
    for place in _WHERE:
        if release and (beside / place / release).is_dir():
            return (beside / place).resolve().parent.parent
    return None
