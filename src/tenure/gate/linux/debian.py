"""Stock kernels of Debian: found, fetched, unpacked, and kept without what no guest needs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tenure.gate.linux.apt import SUITES, Package, Suite, Told, own_suite, suites
from tenure.gate.linux.store import alone, arriving, store
from tenure.gate.subject import UnknownTarget

WANTED = (
    "arch/x86/crypto",
    "arch/x86/kvm",
    "crypto",
    "drivers/char",
    "drivers/crypto/ccp",
    "drivers/iommu",
    "drivers/pci",
    "drivers/vfio",
    "drivers/virtio",
    "lib",
    "virt",
)
"""The folders of modules that are kept; all others are most of a kernel's size."""

_IMAGES = "^linux-(image|binary-unsigned)-[0-9].*-amd64$"
_FLAVOURS = re.compile(r"-(cloud|rt)-|-dbg$|-image-.*-unsigned$")


def fetched(version: str, told: Told = lambda _: None) -> Path:
    """The folder of the newest stock kernel whose version begins so: unpacked, and kept for the next time.

    The empty version is the one of the machine's own suite.
    """
    if version and not re.fullmatch(r"[0-9]+\.[0-9]+[0-9a-z.+~-]*", version):
        raise UnknownTarget(f"{version} is no version of a kernel; say linux:debian:6.12")
    kept = store() / "debian" / (version or f"of-{own_suite()}")
    if (kept / "whole").exists():
        return kept
    with alone(kept.with_name(f".{kept.name}"), lambda: told(f"waiting for another fetch of linux {version}")):
        return kept if (kept / "whole").exists() else _fetch(version, kept, told)


def _fetch(version: str, kept: Path, told: Told) -> Path:
    told(f"looking for linux {version}")
    for suite in suites(own=not version):
        packages = _kernel(suite, version)
        if packages:
            told(f"fetching {packages[0].name} from {suite.name}")
            _unpack(suite, packages, kept)
            return kept
    raise UnknownTarget(
        f"no suite of {', '.join(SUITES)} has a stock kernel {version}; "
        "`apt-cache search linux-image` names those of this machine's own suite"
    )


def newest(packages: list[Package]) -> Package:
    """The one of the highest version, number by number; of several the image, which says what else it needs."""
    return max(packages, key=lambda one: ([int(n) for n in re.findall(r"[0-9]+", one.version)], _is_image(one)))


def _is_image(package: Package) -> bool:
    """It is a whole kernel by itself or by what it depends on."""
    return package.name.startswith("linux-image-")


def _parts(image: Package) -> list[str]:
    """The names of the packages in which the rest of the kernel is."""
    _, binary, release = image.name.partition("linux-binary-unsigned-")
    if binary:
        return [f"linux-modules-{release}", f"linux-base-{release}"]
    return re.findall(r"linux-(?:binary|modules|base)-[0-9][^\s,|(]*", image.depends)


def _kernel(suite: Suite, version: str) -> list[Package]:
    """The newest image of this version in the suite, and the packages that hold its parts; empty where there is none."""
    images = [name for name in suite.names(_IMAGES) if not _FLAVOURS.search(name)]
    known = list(suite.shown(images)) if images else []
    fitting = [one for one in known if not version or re.match(rf"{re.escape(version)}(?![0-9])", one.version)]
    if not fitting:
        return []
    image = newest(fitting)
    parts = _parts(image)
    return [image, *(suite.shown(parts) if parts else ())]


def _unpack(suite: Suite, packages: list[Package], place: Path) -> None:
    """Fetch the packages, take out of them what a guest needs, and keep only that."""
    with arriving(place) as folder:
        suite.unpack([one.name for one in packages], folder)
        for modules in (*folder.glob("lib/modules/*"), *folder.glob("usr/lib/modules/*")):
            _thin(modules / "kernel")
        (folder / "whole").touch()


def _thin(kernel: Path) -> None:
    """Remove the modules that no guest of ours needs."""
    kept = [kernel / one for one in WANTED]
    folders = sorted((one for one in kernel.rglob("*") if one.is_dir()), key=lambda one: len(one.parts))
    for folder in folders:
        above = any(folder in one.parents for one in kept)
        if folder.exists() and not above and not any(folder == one or one in folder.parents for one in kept):
            shutil.rmtree(folder)
