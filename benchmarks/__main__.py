"""`python -m benchmarks [prove|trace|gate|conform]... [SYSTEM]...` from the checkout: every number, or some of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from benchmarks import comparisons, gates, machine, proofs, traces

PARTS: dict[str, Callable[[tuple[str, ...]], Iterator[tuple[str, str]]]] = {
    "prove": proofs.proofs,
    "trace": traces.races,
    "gate": lambda _: gates.gates(),
    "conform": comparisons.comparisons,
}


def main() -> None:
    """Print the machine, then one line for each number as it is measured."""
    chosen = [word for word in sys.argv[1:] if word in PARTS] or list(PARTS)
    systems = tuple(word for word in sys.argv[1:] if word not in PARTS)
    click.echo(machine.name())
    for part in chosen:
        for what, figure in PARTS[part](systems):
            click.echo(f"{what:<60}  {figure}")


if __name__ == "__main__":
    main()
