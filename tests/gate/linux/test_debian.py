"""Debian's kernels: apt is asked with lists of our own, for what the machine's configuration names, and no more than once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tenure.gate.linux import apt as packages
from tenure.gate.linux.apt import Package
from tenure.gate.linux.debian import fetched, newest
from tenure.gate.linux.store import alone, store
from tenure.gate.subject import NotRun, TargetFailed, UnknownTarget

TARGETS = """\
https://download.example.org/|bookworm|stable|/etc/apt/sources.list.d/example.list:1
http://mirror.example.org/debian/|bookworm|contrib|SOURCES:1
http://mirror.example.org/debian/|bookworm|main|SOURCES:1
"""

SHOWN = {
    "bookworm": {"linux-image-6.1.0-49-amd64": ("6.1.170-1", ""), "linux-image-6.1.0-50-amd64": ("6.1.176-1", "kmod")},
    "trixie": {"linux-image-6.12.107+deb13-amd64": ("6.12.107-1", "kmod, linux-base (>= 4.3)")},
    "forky": {
        "linux-image-7.2.12+deb14-amd64": (
            "7.2.12-1",
            "linux-base-7.2.12+deb14-amd64 (= 7.2.12-1), linux-binary-7.2.12+deb14-amd64, linux-modules-7.2.12+deb14-amd64",
        ),
        "linux-binary-unsigned-7.2.12+deb14-amd64": ("7.2.12-1", "linux-base-7.2.12+deb14-amd64"),
        "linux-image-7.2.12+deb14-cloud-amd64": ("7.2.12-1", ""),
    },
}


@dataclass
class Apt:
    """What the programs of Debian say, and what they were asked."""

    sources: Path
    targets: str = TARGETS
    asked: list[list[str]] = field(default_factory=list)
    fetches: bool = True

    def __call__(self, words: Sequence[str], *, cwd: Path | None = None, limit: float = 0) -> str:
        del limit
        self.asked.append(list(words))
        suite = next((word.rpartition("/")[0].rpartition("/")[2] for word in words if "sourcelist=" in word), "")
        if "indextargets" in words:
            return self.targets.replace("SOURCES", str(self.sources))
        if "search" in words:
            return "".join(f"{name} - Linux\n" for name in SHOWN.get(suite, {}))
        if "show" in words:
            names = words[words.index("show") + 1 :]
            return "".join(self._stanza(name, *SHOWN[suite].get(name, ("7.2.12-1", ""))) for name in names)
        if "download" in words and cwd is not None and self.fetches:
            for name in words[words.index("download") + 1 :]:
                (cwd / f"{name}.deb").touch()
        if words[0] == "dpkg-deb":
            for name in ("drivers/vfio/pci", "sound/core", "drivers/gpu/drm"):
                (Path(words[-1]) / "lib/modules/x/kernel" / name).mkdir(parents=True, exist_ok=True)
        return ""

    def _stanza(self, name: str, version: str, depends: str) -> str:
        return f"Package: {name}\nVersion: {version}\nDepends: {depends}\nDescription: a kernel\n  of Linux: yes\n\n"

    def fetched(self) -> list[str]:
        """The packages that were asked for."""
        return [word for words in self.asked if "download" in words for word in words[words.index("download") + 1 :]]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    """A machine whose apt is played, and whose cache is empty."""
    sources = tmp_path / "debian.sources"
    sources.write_text("Types: deb\nSigned-By: /usr/share/keyrings/archive.gpg\n", encoding="utf-8")
    played = Apt(sources)
    monkeypatch.setenv("TENURE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "run", played)
    return played


def test_the_newest_kernel_of_a_version_is_fetched_once(apt: Apt) -> None:
    """And kept, thinned to what a guest needs."""
    place = fetched("6.1")

    assert apt.fetched() == ["linux-image-6.1.0-50-amd64"]
    assert (place / "lib/modules/x/kernel/drivers/vfio/pci").is_dir()
    assert not (place / "lib/modules/x/kernel/sound").exists()
    assert not (place / "lib/modules/x/kernel/drivers/gpu").exists()
    before = len(apt.asked)
    assert fetched("6.1") == place
    assert len(apt.asked) == before


def test_a_kernel_in_several_packages_is_fetched_whole(apt: Apt) -> None:
    """From the first suite that has the version, by the image that says what it needs."""
    fetched("7.2")

    release = "7.2.12+deb14-amd64"
    assert apt.fetched() == [f"linux-{part}-{release}" for part in ("image", "base", "binary", "modules")]


def test_the_machine_stays_as_it_is(apt: Apt, tmp_path: Path) -> None:
    """Whatever changes something is told to look at our lists, our state and our sources alone."""
    fetched("6.12")

    changing = [words for words in apt.asked if {"update", "download"} & set(words)]
    assert changing
    for words in changing:
        settings = dict(word.split("=", 1) for word in words if word.startswith(("Dir::", "APT::")))
        ours = str(tmp_path / "cache")
        assert settings.pop("Dir::Etc::sourceparts") == "-"
        assert all(value.startswith(ours) for name, value in settings.items() if name.startswith("Dir::"))


def test_mirror_and_keys_are_the_machines_and_the_suite_is_ours(apt: Apt, tmp_path: Path) -> None:
    """Not those of somebody else's packages for the same suite."""
    del apt
    fetched("6.12")

    line = (tmp_path / "cache/linux/apt/trixie/sources.list").read_text(encoding="utf-8")
    assert line == "deb [signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example.org/debian/ trixie main\n"


@pytest.mark.parametrize("version", ["six", "6", "6.1; rm", "../6.1"])
def test_what_is_no_version_is_told(apt: Apt, version: str) -> None:
    """Before apt is asked."""
    with pytest.raises(UnknownTarget, match="is no version of a kernel"):
        fetched(version)
    assert apt.asked == []


def test_a_version_that_no_suite_has_is_told(apt: Apt) -> None:
    """6.1 is no beginning of 6.12."""
    with pytest.raises(UnknownTarget, match=r"no suite of bookworm, .* has a stock kernel 5.15"):
        fetched("5.15")
    assert apt.fetched() == []


def test_the_empty_version_is_of_the_machines_own_suite(apt: Apt) -> None:
    """The newest there."""
    fetched("")

    assert apt.fetched() == ["linux-image-6.1.0-50-amd64"]


def test_a_machine_that_takes_nothing_from_debian_is_told(apt: Apt) -> None:
    """With what it could do."""
    apt.targets = TARGETS.splitlines()[0]

    with pytest.raises(NotRun, match="takes nothing from Debian; add a source"):
        fetched("6.1")


def test_half_a_kernel_is_not_kept(apt: Apt, tmp_path: Path) -> None:
    """The next time it is fetched again."""
    apt.fetches = False

    with pytest.raises(TargetFailed, match="fetched less"):
        fetched("6.1")
    assert [path.name for path in (tmp_path / "cache/linux/debian").iterdir()] == [".6.1.lock"]


def test_who_comes_second_waits_and_finds_what_was_fetched(apt: Apt) -> None:
    """Two gates at once fetch one kernel, and neither takes it away from the other."""
    said: list[str] = []

    def second(what: str) -> None:
        said.append(what)
        (kept / "whole").parent.mkdir()
        (kept / "whole").touch()  # what the first does
        first.close()

    with ExitStack() as first:
        kept = store() / "debian" / "6.1"
        first.enter_context(alone(kept.with_name(f".{kept.name}"), lambda: None))
        assert fetched("6.1", second) == kept
    assert said == ["waiting for another fetch of linux 6.1"]
    assert apt.fetched() == []


def test_versions_are_ordered_number_by_number() -> None:
    """As Debian has them: 6.1.9 comes before 6.1.176."""
    assert newest([Package("a", "6.1.9-1", ""), Package("b", "6.1.176-1", "")]).name == "b"
