"""`make mutants`: cosmic-ray changes the DMA range core, a line at a time, and its tests must notice; what they do not is listed.

It works on copies under build/mutants, keeps what it found, and goes on from there when it is run again; where the code or
its tests have changed it begins anew. Exit codes: 0 every survivor is listed with a reason, and every listed one survives;
1 it is not so; 2 usage; 3 some mutants are left; 130 interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from tests.mutants.survivors import Tried, faults, listed, score, tried

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "reference" / "dma"
QUICK = "test_ranges.py"
"""The tests of the arithmetic: they take a moment, need no hypothesis, and most of its mutants meet no others."""

THE_REST = "test_tracker.py", "test_walks.py"

COPIED = ("models", "properties", "reference", "src", "tests", "pyproject.toml")
WORK = ROOT / "build" / "mutants"
TOOLS = WORK / "venv" / "bin"
LIST = Path(__file__).with_name("dma.toml")

ARITHMETIC = ("ranges", "pages", "widths", "removal")
MODULES = (*ARITHMETIC, "bounds", "mappings", "effects", "tracker", "page_table")
"""All but lemmas.py: sentences, which are proved, and whose own faults are planted in tests/prover/test_arithmetic.py."""

SECONDS = 120.0
"""A test run that takes longer does not end: the mutant is killed."""

KILOBYTES = 4_000_000
"""Memory of a test run: a shift that became a power would take all there is."""

FOLDER = "tests/reference/dma"

LEFT_OUT = "core/ReplaceBinaryOperator_BitOr_.*"
"""`|` stands between types only here, and annotations are not evaluated."""


def command(module: str) -> list[str]:
    """The tests that may notice a change of this module, in a copy, the quickest first."""
    pytest = '"$0" -B -m pytest -q -x -p no:cacheprovider'
    first = f"{pytest} -p no:hypothesispytest --assert=plain {FOLDER}/{QUICK} && " if module in ARITHMETIC else ""
    rest = f"{pytest} {' '.join(f'{FOLDER}/{name}' for name in THE_REST)}"
    return ["sh", "-c", f"ulimit -v {KILOBYTES}; {first}{rest}", sys.executable]


def configuration(module: str) -> str:
    """What cosmic-ray is told."""
    return f"""[cosmic-ray]
module-path = "reference/dma/{module}.py"
timeout = {SECONDS}
excluded-modules = []
test-command = {json.dumps(shlex.join(command(module)))}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["{LEFT_OUT}"]
"""


def digest(module: str) -> str:
    """What the findings about a module depend on."""
    files = sorted([*CORE.glob("*.py"), *(ROOT / "tests" / "reference" / "dma").glob("*.py")])
    whole = hashlib.sha256(configuration(module).encode())
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def prepare(module: str) -> Path:
    """A fresh copy to work on, and a session: the one of before, where nothing has changed since."""
    folder = WORK / module
    stamp, session, settings = folder / "digest", folder / "session.sqlite", folder / "config.toml"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest(module):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder / "tree", ignore_errors=True)  # an interrupted run leaves a mutant behind
    copy(folder / "tree")
    settings.write_text(configuration(module), encoding="utf-8")
    if not stamp.exists():
        tool("cosmic-ray", "init", settings, session, "--force", within=folder / "tree")
        tool("cr-filter-operators", session, settings, within=folder / "tree")
        stamp.write_text(digest(module), encoding="utf-8")
    return folder


def copy(tree: Path) -> None:
    """What the tests need, its links among it."""
    tree.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)


def tool(name: str, *words: object, within: Path) -> str:
    """A program of cosmic-ray, in a copy; what it prints."""
    whole = [str(TOOLS / name), *map(str, words)]
    return subprocess.run(whole, cwd=within, check=True, stdout=subprocess.PIPE, text=True).stdout


def found(folder: Path, module: str) -> Tried:
    """What a session knows so far."""
    text = tool("cosmic-ray", "dump", folder / "session.sqlite", within=folder)
    return tried(f"{module}.py", text.splitlines())


def run(module: str) -> Tried:
    """Try each mutant that is left, after the code itself has passed: tests that fail anyhow would kill them all."""
    folder = prepare(module)
    before = found(folder, module)
    if before.left:
        subprocess.run(command(module), cwd=folder / "tree", check=True, stdout=subprocess.DEVNULL, env=environment())
        tool("cosmic-ray", "exec", "../config.toml", "../session.sqlite", within=folder / "tree")
    return found(folder, module)


def environment() -> dict[str, str]:
    """Ours, without a path that would lead the tests out of their copy."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def tell(all_tried: Iterable[Tried]) -> int:
    """Print the scores, the survivors and what is wrong with them; the exit code."""
    rows = sorted(all_tried, key=lambda one: one.file)
    equivalent = listed(LIST.read_text(encoding="utf-8"))
    for one in rows:
        click.echo(score(one))
        for survivor in sorted(one.survivors & equivalent.keys()):
            click.echo(f"  equivalent: {survivor}: {equivalent[survivor]}")
    wrong = faults(rows, equivalent)
    click.echo("\n".join(wrong) if wrong else "every survivor is listed with a reason")
    left = sum(one.left for one in rows)
    if left:
        click.echo(f"{left} are left: run it again")
    return 1 if wrong else 3 if left else 0


def main(modules: list[str]) -> int:
    """Try the mutants of these modules, or of all; so many at a time as there are processors."""
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        click.echo(f"no module {', '.join(unknown)}; say some of {', '.join(MODULES)}", err=True)
        return 2
    chosen = modules or list(MODULES)
    os.environ.pop("PYTHONPATH", None)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            return tell(list(workers.map(run, chosen)))
    except KeyboardInterrupt:
        click.echo("interrupted: what was tried is kept", err=True)
        return 130
    except subprocess.CalledProcessError as failed:
        click.echo(f"{shlex.join(map(str, failed.cmd))} ends with {failed.returncode}; mend that first", err=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
