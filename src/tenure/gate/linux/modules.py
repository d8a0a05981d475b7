"""Modules: which ones a kernel needs for a name, in which order, and their bytes."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tenure.gate.linux.image import Image
from tenure.gate.linux.programs import path_of, run
from tenure.gate.subject import TargetFailed

EARLY = ("virtio_pci", "virtio_console")
"""What the agent's port needs."""

VFIO = ("vfio_iommu_type1", "vfio-pci", "pci-stub")

KVM = ("kvm-amd", "kvm-intel")
"""What a guest needs besides to make VMs itself; the one that is for another processor is not taken."""

PARAMETERS = dict.fromkeys(("vfio_iommu_type1", "iommufd"), "allow_unsafe_interrupts=1")
"""What a module is told when it is inserted: QEMU's AMD IOMMU remaps no interrupts."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module as it is inserted."""

    name: str
    content: bytes
    parameters: str = ""


def modules_for(image: Image, names: tuple[str, ...]) -> list[Module]:
    """The modules that these names need, in the order of their insertion; those that are built in need none."""
    if image.modules is None:
        return []
    index = image.modules / "lib/modules" / image.release / "modules.dep.bin"
    if not index.exists():
        run(["depmod", "-b", str(image.modules), image.release])
    found: dict[str, Module] = {}
    for name in names:
        for path in _order(image, name):
            plain = path.name.partition(".ko")[0].replace("-", "_")
            if plain not in found:
                found[plain] = Module(plain, content(path), PARAMETERS.get(plain, ""))
    return list(found.values())


def _order(image: Image, name: str) -> list[Path]:
    """The files that a module needs, itself the last; none where it is built in, or the kernel does not have it."""
    words = ["-C", "/dev/null", "-d", str(image.modules), "-S", image.release, "--show-depends", name]
    ended = subprocess.run(  # noqa: S603 -- modprobe only tells here
        [path_of("modprobe"), *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return [Path(line.split()[1]) for line in ended.stdout.splitlines() if line.startswith("insmod ")]


def content(path: Path) -> bytes:
    """A module as the kernel takes it, whatever it is compressed with."""
    packed = path.read_bytes()
    match path.suffix:
        case ".xz":
            return lzma.decompress(packed)
        case ".gz":
            return gzip.decompress(packed)
        case ".zst":
            ended = subprocess.run(  # noqa: S603 -- the program is ours to choose
                [path_of("zstd"), "-dcq"], input=packed, capture_output=True, check=False
            )
            if ended.returncode:
                raise TargetFailed(f"zstd cannot unpack {path}", "is the file whole?")
            return ended.stdout
    return packed
