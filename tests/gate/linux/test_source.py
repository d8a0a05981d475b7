"""Kernels of Debian's source: fetched and built once, and what cannot be built is said."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import pytest

from tenure.gate.linux import programs, source
from tenure.gate.linux.apt import Told
from tenure.gate.linux.source import HEADERS, PROGRAMS, built, missing
from tenure.gate.subject import NotRun, UnknownTarget

RELEASE = "6.12.107"


@dataclass
class Played:
    """A suite with one source, and a make that makes what it should."""

    done: list[str] = field(default_factory=list)
    fails: BaseException | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def names(self, pattern: str) -> list[str]:
        """The packages that there are."""
        return [name for name in ("linux-source-6.12",) if re.search(pattern, name)]

    def unpack(self, names: list[str], folder: Path) -> None:
        """The archive of the source."""
        self.done += names
        (folder / "usr/src").mkdir(parents=True)

    def run(self, words: list[str]) -> str:
        """Unpack the archive."""
        (Path(words[-1]) / "linux-source-6.12").mkdir()
        return ""

    def making(self, _source: Path, place: Path, environment: Mapping[str, str]) -> Played:
        """What makes the kernel."""
        self.place, self.environment = place, environment
        return self

    def make(self, *targets: str, told: Told = lambda _: None) -> None:
        """Its files."""
        told("building")
        self.done.append(targets[-1])
        if targets[-1] != "bzImage":
            return
        if self.fails is not None:
            raise self.fails
        for name, text in (
            ("include/config/kernel.release", RELEASE),
            ("arch/x86/boot/bzImage", "HdrS"),
            (".config", "y"),
        ):
            (self.place / name).parent.mkdir(parents=True, exist_ok=True)
            (self.place / name).write_text(text, encoding="utf-8")


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    """A machine that has all, and whose cache is empty."""
    one = Played()

    def suites() -> Iterator[object]:
        yield type("Suite", (), {"name": "trixie", "names": one.names, "unpack": one.unpack})

    monkeypatch.setenv("TENURE_CACHE", str(tmp_path))
    monkeypatch.setattr(source, "suites", suites)
    monkeypatch.setattr(source, "run", one.run)
    monkeypatch.setattr(source, "Making", one.making)
    monkeypatch.setattr(source, "missing", list)
    return one


def test_a_kernel_is_built_once(played: Played, tmp_path: Path) -> None:
    """And kept with its configuration, without what it was built in."""
    told: list[str] = []

    place = built("6.12", told.append)

    assert played.done == ["linux-source-6.12", "allnoconfig", "bzImage"]
    assert sorted(one.name for one in (place / "boot").iterdir()) == [f"config-{RELEASE}", f"vmlinuz-{RELEASE}"]
    assert [one.name for one in (tmp_path / "linux/source").iterdir() if one.is_dir()] == [place.name]
    assert told == [
        "looking for linux-source-6.12",
        "fetching linux-source-6.12 from trixie",
        "unpacking linux-source-6.12",
        "building",
    ]
    assert built("6.12") == place
    assert len(played.done) == 3


def test_a_build_that_was_interrupted_goes_on(played: Played) -> None:
    """Nothing is fetched or configured again."""
    played.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        built("6.12")
    played.fails = None
    played.done.clear()

    built("6.12")

    assert played.done == ["bzImage"]


def test_a_full_disk_gets_back_what_was_put_there(played: Played, tmp_path: Path) -> None:
    """All of it."""
    played.fails = OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        built("6.12")
    assert not [one for one in (tmp_path / "linux/source").iterdir() if one.is_dir()]


def test_each_version_has_its_own_lock(played: Played, tmp_path: Path) -> None:
    """Who builds one does not wait for who builds another."""
    built("6.12")

    assert played.done
    assert [one.name for one in (tmp_path / "linux/source").iterdir() if one.is_file()] == [".6.12-tree.lock"]


def test_another_configuration_is_another_kernel(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is of the one that is meant."""
    first = built("6.12")
    other = Path(str(first) + "-of-tests")
    other.mkdir()
    (other / "minimal.config").write_text("CONFIG_SMP=n\n", encoding="utf-8")
    monkeypatch.setattr("tenure.gate.linux.source.resources.files", lambda _: other)

    assert built("6.12") != first
    assert played.done.count("bzImage") == 2


@pytest.mark.parametrize("version", ["", "six", "6", "6.12.107", "6.12; rm", "../6.12"])
def test_what_is_no_version_is_told(played: Played, version: str) -> None:
    """Before anything is fetched."""
    with pytest.raises(UnknownTarget, match=r"is no version of a source package; say linux:source:6.12"):
        built(version)
    assert played.done == []


def test_a_version_that_no_suite_has_is_told(played: Played) -> None:
    """With who knows more."""
    with pytest.raises(UnknownTarget, match=r"no suite of .* has linux-source-5.15"):
        built("5.15")
    assert played.done == []


def test_what_is_missing_is_told_in_one_line(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(source, "missing", lambda: ["flex", "libelf-dev"])

    with pytest.raises(
        NotRun, match=r"lacks what builds a kernel: flex, libelf-dev; install it: apt-get .* flex libelf-dev"
    ):
        built("6.12")
    assert played.done == []


def test_programs_and_headers_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the folder of the machine's architecture."""
    monkeypatch.setattr(source, "INCLUDES", (tmp_path,))
    monkeypatch.setattr(programs, "found", lambda name: None if name == "xz" else f"/usr/bin/{name}")
    assert missing() == ["xz-utils", *HEADERS.values()]

    for number, name in enumerate(HEADERS):
        place = tmp_path / ("x86_64-linux-gnu" if number else "") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert missing() == ["xz-utils"]
    assert {"make", "flex", "bison"} <= set(PROGRAMS)


def test_the_configuration_has_what_stock_kernels_lack() -> None:
    """Each option once, in the words of a configuration."""
    text = resources.files("tenure.gate.linux").joinpath("minimal.config").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert all(re.fullmatch(r"CONFIG_[A-Z0-9_]+=(y|n|[0-9]+)", line) for line in lines)
    assert len(lines) == len({line.partition("=")[0] for line in lines})
    wanted = (
        "IOMMUFD",
        "VFIO_DEVICE_CDEV",
        "VFIO_GROUP",
        "VFIO_CONTAINER",
        "VFIO_NOIOMMU",
        "SAMPLE_VFIO_MDEV_MTTY",
        "KVM_AMD",
    )
    assert {f"CONFIG_{name}=y" for name in wanted} <= set(lines)
