"""`tenure doctor`: what this machine lacks."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from tenure.cli.options import shared
from tenure.cli.telling import Telling
from tenure.commands.output import Exit

PACKAGES = (
    ("z3-solver", "prove"),
    ("cvc5", "prove --cross-check"),
    ("hypothesis", "conform"),
    ("msgspec", "gate exec:"),
)
"""What pip installs, and the command that it is for."""

PROGRAMS = ("qemu-system-x86_64", "modprobe", "musl-gcc", "zstd")
"""What a kernel needs that is booted."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a command needs of the machine: which one is there, or what installs it."""

    name: str
    command: str
    met: bool
    said: str


@click.command()
@shared
def doctor(*, tell: Telling) -> None:
    """Say what this machine lacks for which command, and the one line that installs it."""
    needs = [*(_package(*one) for one in PACKAGES), _compiler(), _python(), *map(_program, PROGRAMS), _builder()]
    for one in needs:
        if not tell.quiet or not one.met:
            click.echo(f"{'ok     ' if one.met else 'missing'} {one.name:<18} {one.said:<27} for {one.command}")
    if packages := _to_install(needs):
        click.echo(f"install what kernels need: {packages}")
    results = [
        {"name": one.name, "command": one.command, "verdict": "ok" if one.met else "missing", "said": one.said}
        for one in needs
    ]
    tell.document("doctor", None, results)
    sys.exit(Exit.OK if all(one.met for one in needs) else Exit.NOTHING)


def _to_install(needs: Sequence[Need]) -> str:
    """The one line that installs all programs that are missing; empty where none is."""
    from tenure.gate.linux import programs, source

    missing = [programs.PACKAGES[one.name] for one in needs if not one.met and one.name in PROGRAMS]
    missing += source.missing()
    return " ".join([programs.INSTALL, *missing]) if missing else ""


def _package(name: str, command: str) -> Need:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Need(name, command, met=True, said=version(name))
    except PackageNotFoundError:
        return Need(name, command, met=False, said=f"pip install {name}")


def _compiler() -> Need:
    found = shutil.which(os.environ.get("CC", "cc"))
    said = found or "install gcc or clang and make"
    return Need("C compiler", "make run, examples/c", met=found is not None, said=said)


def _program(name: str) -> Need:
    from tenure.gate.linux import programs

    found = programs.found(name)
    said = found or f"{programs.INSTALL} {programs.PACKAGES[name]}"
    return Need(name, "gate linux:", met=found is not None, said=said)


def _builder() -> Need:
    from tenure.gate.linux import programs, source

    missing = source.missing()
    said = f"{programs.INSTALL} {' '.join(missing)}" if missing else "all of it"
    return Need("what builds Linux", "gate linux:source:", met=not missing, said=said)


def _python() -> Need:
    return Need("Python", "everything", met=sys.version_info >= (3, 11), said=platform.python_version())
