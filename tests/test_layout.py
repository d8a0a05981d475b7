"""The rooms of the repository: what a distribution holds, and which way imports may go."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
LINKED = ("models", "properties", "reference")

ARROWS = {
    "": (),
    "vocabulary": (),
    "models": ("tenure.vocabulary",),
    "properties": ("tenure.vocabulary",),
    "reference": ("tenure.vocabulary",),
    "prover": ("tenure.vocabulary", "tenure.models", "tenure.properties", "tenure.reference.dma"),
    "search": ("tenure.vocabulary", "tenure.models", "tenure.properties"),
    "gate": ("tenure.vocabulary", "tenure.models", "tenure.properties", "tenure.reference", "tenure.search"),
    "report": ("tenure.vocabulary",),
    "commands": ("tenure",),
    "cli": ("tenure",),
}
"""What each room may import of ours, besides itself; the room without a name is ``tenure/__init__.py``."""

KEPT = {
    "z3": ("prover",),
    "cvc5": ("prover",),
    "crosshair": ("prover",),
    "pty": ("gate", "cli"),
    "signal": ("gate", "cli"),
    "socket": ("gate", "cli"),
    "subprocess": ("gate", "cli"),
}
"""Modules of others that only these rooms may import."""

SPEAKERS = ("cli", "report")
"""The rooms that may print."""


@pytest.mark.parametrize("folder", LINKED)
def test_each_root_folder_is_linked_into_the_package(folder: str) -> None:
    """The link is relative, so that it holds wherever the repository is cloned."""
    link = SOURCE / "tenure" / folder

    assert link.readlink() == Path("..", "..", folder)
    assert (link / "__init__.py").samefile(ROOT / folder / "__init__.py")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel out of the sdist, from a copy that has one more file of verdicts."""
    copy = tmp_path_factory.mktemp("tree") / "tenure"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
    expected = copy / "properties" / "expected"
    expected.mkdir(exist_ok=True)
    (expected / "planted.toml").touch()
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", str(copy)], check=True)
    return copy / "dist"


def test_wheel_holds_every_module_and_every_verdict(distributions: Path) -> None:
    """What runs from a clone runs from an installed wheel."""
    assert files_of_the_package() <= names_in_wheel(distributions)


def test_sdist_holds_every_module_and_every_verdict(distributions: Path) -> None:
    """The links become real files, so that a wheel can be built from the sdist alone."""
    assert files_of_the_package() <= names_in_sdist(distributions)


def test_wheel_installs_the_single_name_tenure(distributions: Path) -> None:
    """No root folder becomes a name of its own in site-packages."""
    tops = {name.split("/")[0] for name in names_in_wheel(distributions)}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"tenure"}


def files_of_the_package() -> set[str]:
    """The files that a distribution owes, relative to ``src``."""
    verdicts = {f"tenure/properties/expected/{path.name}" for path in ROOT.glob("properties/expected/*.toml")}
    planted = {"tenure/properties/expected/planted.toml", "tenure/py.typed"}
    planted |= {"tenure/gate/linux/agent.c", "tenure/gate/linux/differences.toml"}
    return {path.relative_to(SOURCE).as_posix() for path in python_files()} | verdicts | planted


def names_in_wheel(folder: Path) -> set[str]:
    """Every file of the one wheel in the folder."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def names_in_sdist(folder: Path) -> set[str]:
    """Every regular file under ``src`` of the one sdist in the folder, relative to it."""
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = [member.name.split("/", 2) for member in archive if member.isreg()]
    return {parts[2] for parts in files if parts[1:2] == ["src"]}


def test_imports_follow_the_arrows() -> None:
    """Data flows one way: no room imports what stands on it, and each outside power has its own room."""
    found = [fault for path in python_files() for fault in faults(module_of(path), path.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize(
    ("module", "planted", "fault"),
    [
        ("tenure", "import tenure.cli", "imports tenure.cli"),
        ("tenure.vocabulary.calls", "from tenure.models import containers", "imports tenure.models.containers"),
        ("tenure.vocabulary.calls", "from tenure import models", "imports tenure.models"),
        ("tenure.vocabulary.calls", "from models import containers", "imports models.containers"),
        ("tenure.models.kvm", "import tenure.properties.harm", "imports tenure.properties.harm"),
        ("tenure.properties.harm", "from tenure.models.kvm import put", "imports tenure.models.kvm.put"),
        ("tenure.reference.files", "from tenure.models.kvm import put", "imports tenure.models.kvm.put"),
        ("tenure.prover.claims", "from tenure.reference import files", "imports tenure.reference.files"),
        ("tenure.prover.claims", "from tenure.search import paths", "imports tenure.search.paths"),
        ("tenure.search.paths", "def f():\n    import tenure.prover", "imports tenure.prover"),
        ("tenure.gate.compare", "from tenure.prover import claims", "imports tenure.prover.claims"),
        ("tenure.gate.compare", "import tenure", "imports tenure"),
        ("tenure.report.text", "from tenure.gate import compare", "imports tenure.gate.compare"),
        ("tenure.models.kvm", "import z3", "imports z3"),
        ("tenure.cli", "from z3 import Solver", "imports z3.Solver"),
        ("tenure.search.paths", "import cvc5.pythonic", "imports cvc5.pythonic"),
        ("tenure.reference.dma.ranges", "import crosshair.core", "imports crosshair.core"),
        ("tenure.reference.dma.ranges", "from tenure.prover import words", "imports tenure.prover.words"),
        ("tenure.prover.solve", "import subprocess", "imports subprocess"),
        ("tenure.report.text", "from socket import socket", "imports socket.socket"),
        ("tenure.reference.files", "import pty", "imports pty"),
        ("tenure.search.paths", "import json, signal as s", "imports signal"),
        ("tenure.gate.compare", "print('done')", "prints"),
        ("tenure.models.kvm", "from . import containers", "imports relatively"),
        ("tenure.tools.text", "import json", "is in no room"),
    ],
)
def test_an_import_against_the_arrows_is_reported(module: str, planted: str, fault: str) -> None:
    """Each rule is able to fail: one planted line is found, and named."""
    assert [found.split(" ", 1)[1] for found in faults(module, planted)] == [fault]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("tenure.models.kvm", "from tenure.models import containers"),
        ("tenure.prover.claims", "from tenure.reference.dma import cut"),
        ("tenure.prover.claims", "from tenure.reference import dma"),
        ("tenure.prover.solve", "import z3, cvc5"),
        ("tenure.gate.process", "import subprocess, socket, pty, signal"),
        ("tenure.cli", "import tenure.prover.claims, subprocess"),
        ("tenure.report.text", "print('done')"),
    ],
)
def test_an_import_along_the_arrows_is_not_reported(module: str, line: str) -> None:
    """The rules refuse what is against them and nothing else."""
    assert list(faults(module, line)) == []


def faults(module: str, source: str) -> Iterator[str]:
    """What this text, standing in this module, does that its room may not do."""
    place = room(module)
    if place not in ARROWS:
        yield f"{module} is in no room"
        return
    for node in ast.walk(ast.parse(source)):
        for deed in deeds_against(place, node):
            yield f"{module}:{node.lineno if isinstance(node, ast.stmt | ast.expr) else 0} {deed}"


def deeds_against(place: str, node: ast.AST) -> Iterator[str]:
    """What this one piece of syntax does that a room may not do."""
    match node:
        case ast.Import(names=names):
            yield from (f"imports {alias.name}" for alias in names if not may_import(place, alias.name))
        case ast.ImportFrom(module=str(origin), names=names, level=0):
            full = [f"{origin}.{alias.name}" for alias in names]
            yield from (f"imports {name}" for name in full if not may_import(place, name))
        case ast.ImportFrom():
            yield "imports relatively"
        case ast.Call(func=ast.Name(id="print")) if place not in SPEAKERS:
            yield "prints"


def may_import(place: str, name: str) -> bool:
    """Whether a room may import this name: what is ours by the arrows, what is others' by its keepers."""
    top = name.partition(".")[0]
    if top in ("tenure", *LINKED):
        own = (f"tenure.{place}",) if place else ()
        return any(f"{name}.".startswith(f"{allowed}.") for allowed in (*own, *ARROWS[place]))
    return place in KEPT.get(top, ARROWS)


def room(module: str) -> str:
    """The name right under ``tenure``; empty for ``tenure`` itself."""
    return module.partition(".")[2].partition(".")[0]


def module_of(path: Path) -> str:
    """The import name of a file under ``src``."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_files() -> list[Path]:
    """Every Python file of the package, through the links."""
    folders = os.walk(SOURCE / "tenure", followlinks=True)
    return sorted(Path(folder, name) for folder, _, names in folders for name in names if name.endswith(".py"))
