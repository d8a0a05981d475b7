"""Kernels built of Debian's own source: with the interfaces that its stock kernels lack, and little else."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from tenure.gate.linux import programs
from tenure.gate.linux.apt import SUITES, Told, suites
from tenure.gate.linux.making import Making
from tenure.gate.linux.programs import INSTALL, run
from tenure.gate.linux.store import alone, arriving, store
from tenure.gate.subject import NotRun, UnknownTarget

PROGRAMS = ("make", "gcc", "flex", "bison", "bc", "tar", "xz")
"""What building a kernel needs."""

HEADERS = {"libelf.h": "libelf-dev", "openssl/opensslv.h": "libssl-dev"}
"""Headers of libraries that building it needs, and their packages."""

INCLUDES = (Path("/usr/include"), Path("/usr/local/include"))

REPRODUCIBLE = {
    "KBUILD_BUILD_TIMESTAMP": "1970-01-01",
    "KBUILD_BUILD_USER": "tenure",
    "KBUILD_BUILD_HOST": "tenure",
    "LC_ALL": "C",
}


def built(version: str, told: Told = lambda _: None) -> Path:
    """The folder of the minimal kernel of this version: built once, and kept. A build that was interrupted goes on."""
    if not re.fullmatch(r"[0-9]+\.[0-9]+", version):
        raise UnknownTarget(f"{version or 'nothing'} is no version of a source package; say linux:source:6.12")
    config, kept = _config(), kept_at(version)
    if (kept / "whole").exists():
        return kept
    if packages := missing():
        raise NotRun(
            f"this machine lacks what builds a kernel: {', '.join(packages)}",
            f"install it: {INSTALL} {' '.join(packages)}",
        )
    tree = kept.parent / f".{version}-tree"
    with alone(tree, lambda: told("waiting for another build of this kernel")), _given_back_when_full(tree):
        tree.mkdir(exist_ok=True)
        if not (kept / "whole").exists():
            _build(_unpacked(version, tree, told), tree / "build", config, kept, told)
            shutil.rmtree(tree)
    return kept


def kept_at(version: str) -> Path:
    """Where the minimal kernel of this version is, or would be: with another configuration it is another one."""
    return store() / "source" / f"{version}-{hashlib.sha256(_config()).hexdigest()[:8]}"


def _config() -> bytes:
    return resources.files("tenure.gate.linux").joinpath("minimal.config").read_bytes()


def missing() -> list[str]:
    """The packages that this machine lacks to build a kernel."""
    without = [programs.PACKAGES.get(name, name) for name in PROGRAMS if programs.found(name) is None]
    libraries = [package for name, package in HEADERS.items() if not _is_there(name)]
    return [*without, *libraries]


def _is_there(header: str) -> bool:
    """Some folder of headers has it; Debian has some in that of the machine's architecture."""
    return any((place / header).exists() or any(place.glob(f"*-linux-gnu/{header}")) for place in INCLUDES)


@contextmanager
def _given_back_when_full(tree: Path) -> Iterator[None]:
    """A full disk gets back what was put there."""
    try:
        yield
    except OSError:
        shutil.rmtree(tree, ignore_errors=True)
        raise


def _unpacked(version: str, tree: Path, told: Told) -> Path:
    """The source, fetched by apt if it is not there yet."""
    source = tree / f"linux-source-{version}"
    if source.is_dir():
        return source
    name = f"linux-source-{version}"
    told(f"looking for {name}")
    for suite in suites():
        if name in suite.names(f"^{re.escape(name)}$"):
            told(f"fetching {name} from {suite.name}")
            with arriving(tree / "fetched") as folder:
                suite.unpack([name], folder)
                told(f"unpacking {name}")
                run(["tar", "-xf", str(folder / f"usr/src/{name}.tar.xz"), "-C", str(folder)])
                (folder / name).rename(source)
            shutil.rmtree(tree / "fetched")
            return source
    raise UnknownTarget(
        f"no suite of {', '.join(SUITES)} has {name}; `apt-cache search linux-source` names those of this machine's own suite"
    )


def _build(source: Path, place: Path, config: bytes, kept: Path, told: Told) -> None:
    """Configure and make the image, and keep it with its configuration."""
    place.mkdir(exist_ok=True)
    wanted = place / "minimal.config"
    if not wanted.exists() or wanted.read_bytes() != config:
        wanted.write_bytes(config)
        Making(source, place, {**REPRODUCIBLE, "KCONFIG_ALLCONFIG": str(wanted)}).make("allnoconfig")
    jobs = len(os.sched_getaffinity(0))
    Making(source, place, REPRODUCIBLE).make(f"-j{jobs}", "bzImage", told=told)
    release = (place / "include/config/kernel.release").read_text(encoding="utf-8").strip()
    with arriving(kept) as folder:
        (folder / "boot").mkdir()
        shutil.copyfile(place / "arch/x86/boot/bzImage", folder / "boot" / f"vmlinuz-{release}")
        shutil.copyfile(place / ".config", folder / "boot" / f"config-{release}")
        (folder / "whole").touch()
