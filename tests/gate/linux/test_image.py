"""Images: a kernel is known by what is in the file, and what is none is told."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tenure.gate.linux.image import image_at, image_in
from tenure.gate.subject import UnknownTarget

RELEASE = "6.1.0-50-amd64"


def bz_image(release: str = RELEASE) -> bytes:
    """The first bytes of a kernel as boot loaders take it."""
    head = bytearray(4096)
    head[0x202:0x206] = b"HdrS"
    head[0x20E:0x210] = struct.pack("<H", 0x400)
    head[0x600 : 0x600 + len(release) + 10] = f"{release} (builder)".encode()
    return bytes(head)


def elf(machine: int, wide: int = 2) -> bytes:
    """The first bytes of a program or an uncompressed kernel."""
    return b"\x7fELF" + bytes([wide]) + bytes(13) + struct.pack("<H", machine) + b"Linux version 7.2.12-x (who)"


def test_an_image_says_its_version(tmp_path: Path) -> None:
    """Both forms do."""
    (tmp_path / "bzImage").write_bytes(bz_image())
    (tmp_path / "vmlinux").write_bytes(elf(62))

    assert image_at(tmp_path / "bzImage").release == RELEASE
    assert image_at(tmp_path / "vmlinux").release == "7.2.12-x"


@pytest.mark.parametrize("place", ["lib/modules", "usr/lib/modules"])
def test_modules_are_found_beside_the_image_and_one_folder_above(tmp_path: Path, place: str) -> None:
    """As a package has them: the image in boot, the modules in lib."""
    boot = tmp_path / "boot"
    boot.mkdir()
    (boot / f"vmlinuz-{RELEASE}").write_bytes(bz_image())
    (tmp_path / place / RELEASE).mkdir(parents=True)

    found = image_in(tmp_path).modules

    assert found is not None
    assert (found / "lib/modules" / RELEASE).samefile(tmp_path / place / RELEASE)


def test_an_image_alone_has_no_modules(tmp_path: Path) -> None:
    """Then all that is needed is built in, or the guest will lack it and that is told."""
    (tmp_path / "bzImage").write_bytes(bz_image("4.99.77-nowhere"))

    assert image_at(tmp_path / "bzImage").modules is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a text\n", "is no kernel image; say linux:PATH"),
        (b"", "is no kernel image"),
        (elf(183), "is a kernel for arm64; only kernels for x86-64"),
        (elf(62, wide=1), "is a kernel for ELF machine 62"),
        (bytes(56) + b"ARMd", "is a kernel for arm64"),
    ],
)
def test_what_cannot_be_booted_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    """Before anything is started."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(UnknownTarget, match=said):
        image_at(tmp_path / "file")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what to say instead."""
    with pytest.raises(UnknownTarget, match="No such file or directory; say linux:PATH"):
        image_at(tmp_path / "missing")
