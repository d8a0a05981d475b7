"""Archives as a kernel unpacks them into its first file system: cpio, in the form `newc`."""

from __future__ import annotations

from collections.abc import Mapping

_REGULAR = 0o100000
_FOLDER = 0o040000
_END = "TRAILER!!!"


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files by their path, without a slash at the beginning; folders are made as they are needed, all is executable."""
    folders = sorted({"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)})
    entries = [(folder, _FOLDER | 0o755, b"") for folder in folders]
    entries += [(path, _REGULAR | 0o755, content) for path, content in files.items()]
    parts = [_entry(number + 1, *one) for number, one in enumerate(entries)]
    return b"".join([*parts, _entry(0, _END, 0, b"")])


def _entry(inode: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if mode & _FOLDER == mode & 0o170000 else 1
    fields = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(head + name) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + b"\0" * (-len(part) % 4)
