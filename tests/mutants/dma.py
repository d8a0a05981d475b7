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
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import click
from tests.mutants.survivors import Tried, faults, listed, score, tried

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"
TOOLS = WORK / "venv" / "bin"
LIST = Path(__file__).with_name("dma.toml")

CODE = "reference/dma"
TESTS = "tests/reference/dma"
QUICK = ("test_ranges.py", "test_tracker.py")
WALKS = "test_walks.py"

COPIED = ("models", "properties", "reference", "src", "tests", "pyproject.toml")
"""What the tests need in a copy: `src` links to the first three."""

ARITHMETIC = ("ranges", "pages", "widths", "removal")
"""The modules of which `test_ranges.py` tries every argument of a few bits."""

MODULES = (*ARITHMETIC, "bounds", "mappings", "effects", "tracker", "page_table")
"""All but lemmas.py: sentences, which are proved, and whose own faults are planted in tests/prover/test_arithmetic.py."""

LEFT_OUT = "core/ReplaceBinaryOperator_BitOr_.*"
"""`|` stands between types only here, and annotations are not evaluated."""

SECONDS = 60
"""Seconds of processor time after which a test run does not end: the mutant is killed. A busy machine does not count."""

HOUR = 3600
"""Seconds by the wall, for what waits and does nothing; nothing here does."""

KILOBYTES = 4_000_000
"""Memory of a test run: a shift that became a power would take all there is."""

TOLD_EVERY = 15.0
"""Seconds between two words on how far a module is."""


def command(module: str) -> list[str]:
    """The tests that may notice a change of this module, in a copy: those without hypothesis first, for they take a moment."""
    pytest = f'"$0" -B -m pytest -q -x -p no:cacheprovider -p no:xdist {TESTS}/'
    first = QUICK if module in ARITHMETIC else QUICK[1:]
    runs = [f"{pytest}{name} -p no:hypothesispytest --assert=plain" for name in first]
    script = " && ".join([f"ulimit -v {KILOBYTES}", f"ulimit -t {SECONDS}", *runs, f"{pytest}{WALKS}"])
    return ["sh", "-c", script, sys.executable]


def configuration(module: str) -> str:
    """What cosmic-ray is told."""
    return f"""[cosmic-ray]
module-path = "{CODE}/{module}.py"
timeout = {HOUR}.0
excluded-modules = []
test-command = {json.dumps(shlex.join(command(module)))}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["{LEFT_OUT}"]
"""


def digest(module: str) -> str:
    """What the findings about a module depend on."""
    whole = hashlib.sha256(configuration(module).encode())
    code = [ROOT / CODE / f"{name}.py" for name in (*MODULES, "lemmas")]
    for file in [*code, *(ROOT / TESTS / name for name in (*QUICK, WALKS))]:
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
    if not stamp.exists():
        settings.write_text(configuration(module), encoding="utf-8")
        tool("cosmic-ray", "init", settings, session, "--force", within=folder / "tree")
        tool("cr-filter-operators", session, settings, within=folder / "tree")
        stamp.write_text(digest(module), encoding="utf-8")
    return folder


def copy(tree: Path) -> None:
    """What the tests need, with the links among it."""
    tree.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)


def tool(name: str, *words: object, within: Path) -> str:
    """Run a program of cosmic-ray in a copy; what it prints."""
    whole = [str(TOOLS / name), *map(str, words)]
    return subprocess.run(whole, cwd=within, check=True, stdout=subprocess.PIPE, text=True).stdout


def found(module: str) -> Tried:
    """What the session of a module knows so far."""
    text = tool("cosmic-ray", "dump", "session.sqlite", within=WORK / module)
    return tried(f"{module}.py", text.splitlines())


def run(module: str, stop: Event) -> Tried:
    """Try each mutant that is left, after the code itself has passed: tests that fail anyhow would kill them all."""
    if stop.is_set():
        raise KeyboardInterrupt
    tree = prepare(module) / "tree"
    if found(module).left:
        subprocess.run(command(module), cwd=tree, check=True, stdout=subprocess.DEVNULL)
        attempt(module, tree, stop)
    return found(module)


def attempt(module: str, tree: Path, stop: Event) -> None:
    """Have cosmic-ray try what is left, and say now and then how far it is; it ends when it is done, or told to stop."""
    words = [str(TOOLS / "cosmic-ray"), "exec", "../config.toml", "../session.sqlite"]
    with subprocess.Popen(words, cwd=tree) as trying:
        while trying.poll() is None:
            try:
                trying.wait(TOLD_EVERY)
            except subprocess.TimeoutExpired:
                click.echo(score(found(module)), err=True)
            if stop.is_set():
                trying.send_signal(signal.SIGINT)
    if trying.returncode:
        raise subprocess.CalledProcessError(trying.returncode, words)


def tell(rows: Sequence[Tried]) -> int:
    """Print the scores, the survivors and what is wrong with them; the exit code."""
    equivalent = listed(LIST.read_text(encoding="utf-8"))
    for one in rows:
        click.echo(score(one))
        for survivor in sorted(one.survivors & equivalent.keys()):
            click.echo(f"  equivalent: {survivor}: {equivalent[survivor]}")
    wrong, left = faults(rows, equivalent), sum(one.left for one in rows)
    click.echo("\n".join(wrong) if wrong else "every survivor is listed with a reason")
    if left:
        click.echo(f"{left} are left: run it again")
    return 1 if wrong else 3 if left else 0


def main(modules: Sequence[str]) -> int:
    """Try the mutants of these modules, or of all; so many at a time as there are processors."""
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        click.echo(
            f"there is no module {', '.join(unknown)}; say some of {', '.join(MODULES)}, or none for all", err=True
        )
        return 2
    os.environ.pop("PYTHONPATH", None)  # it would lead the tests out of their copy
    stop = Event()
    workers = ThreadPoolExecutor(os.cpu_count())
    try:
        return tell(list(workers.map(run, modules or MODULES, [stop] * len(modules or MODULES))))
    except KeyboardInterrupt:
        click.echo("interrupted: what was tried is kept; run it again to go on", err=True)
        return 130
    except subprocess.CalledProcessError as failed:
        click.echo(f"{shlex.join(failed.cmd)} ends with {failed.returncode}; mend that first", err=True)
        return 1
    finally:
        stop.set()
        workers.shutdown(cancel_futures=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
