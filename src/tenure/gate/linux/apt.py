"""Debian's packages by apt, with lists of our own: found, fetched and unpacked, while the machine stays as it is.

The mirror and its keys are those of the machine's own apt configuration; only the names of suites are ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tenure.gate.linux.programs import run
from tenure.gate.linux.store import store
from tenure.gate.subject import NotRun, TargetFailed

SUITES = ("bookworm", "trixie", "forky", "sid", "trixie-backports", "bookworm-backports")
"""Where kernels are looked for, in this order; the machine's own suite first."""

FRESH = 24 * 3600
"""How long lists of packages are good for, in seconds."""

Told = Callable[[str], None]
"""Who is told what is being done."""


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


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of Debian, and the options by which apt knows it alone, and keeps what it knows in our store."""

    name: str
    options: tuple[str, ...]

    def names(self, pattern: str) -> list[str]:
        """The packages whose name is like this."""
        said = run(["apt-cache", *self.options, "search", "--names-only", pattern])
        return [line.split()[0] for line in said.splitlines()]

    def shown(self, names: list[str]) -> Iterator[Package]:
        """What apt knows of these packages."""
        text = run(["apt-cache", *self.options, "--no-all-versions", "show", *names])
        for stanza in text.strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"[A-Z][A-Za-z-]*: ", line))
            if "Package" in fields:
                yield Package(fields["Package"], fields["Version"], fields.get("Depends", ""))

    def unpack(self, names: list[str], folder: Path) -> None:
        """Fetch these packages, and unpack them in a folder."""
        run(["apt-get", *self.options, "-q", "download", *names], cwd=folder)
        archives = list(folder.glob("*.deb"))
        if len(archives) < len(names):
            raise TargetFailed("apt fetched less than was asked for", "try again")
        for archive in archives:
            run(["dpkg-deb", "-x", str(archive), str(folder)])
            archive.unlink()


def own_suite() -> str:
    """The suite from which this machine takes its packages."""
    return _mirror().suite


def suites(*, own: bool = False) -> Iterator[Suite]:
    """Every suite with fresh lists, the machine's own first; or that one alone."""
    mirror = _mirror()
    others = [suite for suite in SUITES if suite != mirror.suite and not own]
    for name in (mirror.suite, *others):
        yield Suite(name, tuple(_listed(mirror, name)))


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
    """The options, once what apt keeps is fresh."""
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
