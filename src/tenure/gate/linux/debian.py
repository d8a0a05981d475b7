"""Stock kernels of Debian: found and fetched by apt, with lists of our own, and unpacked; the machine stays as it is.

The mirror and its keys are those of the machine's own apt configuration; only the names of suites are ours.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tenure.gate.linux.programs import run
from tenure.gate.linux.store import arriving, store
from tenure.gate.subject import NotRun, TargetFailed, UnknownTarget

SUITES = ("bookworm", "trixie", "forky", "sid", "trixie-backports", "bookworm-backports")
"""Where kernels are looked for, in this order; the machine's own suite first."""

FRESH = 24 * 3600
"""How long lists of packages are good for, in seconds."""

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

Told = Callable[[str], None]

_IMAGES = "^linux-(image|binary-unsigned)-[0-9].*-amd64$"
_FLAVOURS = re.compile(r"-(cloud|rt)-|-dbg$|-image-.*-unsigned$")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place from which this machine takes Debian's packages."""

    address: str
    suite: str
    keys: str

    def line(self, suite: str) -> str:
        """The same place, another suite, as a line of sources.list."""
        keys = f"[signed-by={self.keys}] " if self.keys else ""
        return f"deb {keys}{self.address} {suite} main\n"


@dataclass(frozen=True, slots=True)
class Package:
    """A binary package as apt knows it."""

    name: str
    version: str
    depends: str

    @property
    def is_image(self) -> bool:
        """It is a whole kernel by itself or by what it depends on."""
        return self.name.startswith("linux-image-")

    @property
    def parts(self) -> list[str]:
        """The names of the packages in which the rest of the kernel is."""
        _, binary, release = self.name.partition("linux-binary-unsigned-")
        if binary:
            return [f"linux-modules-{release}", f"linux-base-{release}"]
        return re.findall(r"linux-(?:binary|modules|base)-[0-9][^\s,|(]*", self.depends)


def fetched(version: str, told: Told = lambda _: None) -> Path:
    """The folder of the newest stock kernel whose version begins so: unpacked, and kept for the next time.

    The empty version is the one of the machine's own suite.
    """
    if version and not re.fullmatch(r"[0-9]+\.[0-9]+[0-9a-z.+~-]*", version):
        raise UnknownTarget(f"{version} is no version of a kernel; say linux:debian:6.12")
    kept = store() / "debian" / (version or f"of-{_mirror().suite}")
    if (kept / "whole").exists():
        return kept
    mirror = _mirror()
    others = [suite for suite in SUITES if suite != mirror.suite and version]
    for suite in (mirror.suite, *others):
        told(f"looking for linux {version} in {suite}")
        options = _listed(mirror, suite)
        packages = _kernel(options, version)
        if packages:
            told(f"fetching {packages[0].name} from {suite}")
            _unpack(options, packages, kept)
            return kept
    raise UnknownTarget(
        f"no suite of {', '.join(SUITES)} has a stock kernel {version}; "
        "`apt-cache search linux-image` names those of this machine's own suite"
    )


def newest(packages: list[Package]) -> Package:
    """The one of the highest version, number by number; of several the image, which says what else it needs."""
    return max(packages, key=lambda one: ([int(n) for n in re.findall(r"[0-9]+", one.version)], one.is_image))


def _mirror() -> Mirror:
    """The first place of this machine's configuration that has a suite of Debian itself."""
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SOURCESENTRY)"
    for line in run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).splitlines():
        address, suite, component, entry = line.split("|")
        if suite in SUITES and component == "main":
            return Mirror(address, suite, _keys(Path(entry.rpartition(":")[0])))
    raise NotRun(
        "this machine's apt takes nothing from Debian",
        f"add a source with one of the suites {', '.join(SUITES[:3])}, or give a kernel by linux:PATH",
    )


def _keys(source: Path) -> str:
    """The keys that a file of sources is signed by; empty where apt's own are meant."""
    try:
        named = re.search(r"signed-by\s*[:=]\s*(/[^\s\]]+)", source.read_text(encoding="utf-8"), re.IGNORECASE)
    except OSError:
        return ""
    return named[1] if named else ""


def _listed(mirror: Mirror, suite: str) -> list[str]:
    """Options by which apt knows this suite alone, and keeps what it knows in our store; its lists are fresh."""
    place = store() / "apt" / suite
    lists, cache, sources = place / "lists", place / "cache", place / "sources.list"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    sources.write_text(mirror.line(suite), encoding="utf-8")
    status = place / "status"
    status.touch()
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": lists,
        "Dir::State::status": status,
        "Dir::State::extended_states": place / "extended_states",
        "Dir::Cache": cache,
        "APT::Sandbox::User": "",
        "APT::Architecture": "amd64",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    stamp = place / "updated"
    if not stamp.exists() or time.time() - stamp.stat().st_mtime > FRESH:
        run(["apt-get", *options, "-q", "--error-on=any", "update"])
        stamp.touch()
    return options


def _kernel(options: list[str], version: str) -> list[Package]:
    """The newest image of this version in the lists, and the packages that hold its parts; empty where there is none."""
    names = run(["apt-cache", *options, "search", "--names-only", _IMAGES]).splitlines()
    images = [name.split()[0] for name in names if not _FLAVOURS.search(name.split()[0])]
    known = list(_shown(options, images)) if images else []
    fitting = [one for one in known if not version or re.match(rf"{re.escape(version)}(?![0-9])", one.version)]
    if not fitting:
        return []
    image = newest(fitting)
    return [image, *(_shown(options, image.parts) if image.parts else ())]


def _shown(options: list[str], names: list[str]) -> Iterator[Package]:
    text = run(["apt-cache", *options, "--no-all-versions", "show", *names])
    for stanza in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"[A-Z][A-Za-z-]*: ", line))
        if "Package" in fields:
            yield Package(fields["Package"], fields["Version"], fields.get("Depends", ""))


def _unpack(options: list[str], packages: list[Package], place: Path) -> None:
    """Fetch the packages, take out of them what a guest needs, and keep only that."""
    with arriving(place) as folder:
        run(["apt-get", *options, "-q", "download", *(one.name for one in packages)], cwd=folder)
        archives = list(folder.glob("*.deb"))
        if len(archives) < len(packages):
            raise TargetFailed("apt fetched less than was asked for", "try again")
        for archive in archives:
            run(["dpkg-deb", "-x", str(archive), str(folder)])
            archive.unlink()
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
