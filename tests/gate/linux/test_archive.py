"""Archives: what a kernel unpacks is what was put in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tenure.gate.linux.archive import archive

FILES = {"init": b"#!agent", "modules/vfio.ko": b"\x7fELF" * 5, "modules/empty.ko": b""}


def unpacked(packed: bytes) -> dict[str, bytes]:
    """Read the form `newc` as its description says: thirteen numbers of eight digits, name and content padded to four."""
    found: dict[str, bytes] = {}
    at = 0
    while True:
        assert packed[at : at + 6] == b"070701"
        fields = [int(packed[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        size, name_size = fields[6], fields[11]
        name = packed[at + 110 : at + 110 + name_size - 1].decode()
        at += (110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        if fields[1] & 0o170000 == 0o100000:
            found[name] = packed[at : at + size]
        at += (size + 3) // 4 * 4


def test_every_file_comes_out_as_it_went_in() -> None:
    """Whatever its length."""
    assert unpacked(archive(FILES)) == FILES


def test_a_folder_comes_before_what_is_in_it() -> None:
    """A kernel makes no folder that it was not told of."""
    packed = archive(FILES)

    assert packed.index(b"modules\0") < packed.index(b"modules/vfio.ko\0")


@pytest.mark.skipif(shutil.which("cpio") is None, reason="this machine has no cpio to compare with")
def test_cpio_reads_it(tmp_path: Path) -> None:
    """The program that everybody has reads the same files."""
    subprocess.run(["cpio", "-id", "--quiet"], input=archive(FILES), cwd=tmp_path, check=True)  # noqa: S607 -- PATH's

    assert {name: (tmp_path / name).read_bytes() for name in FILES} == FILES
