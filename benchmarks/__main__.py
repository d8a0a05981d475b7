"""`make bench`: every figure beside its goal and its peer, or those of some groups: `make bench ONLY="gates races"`.

A missed goal is printed as missed and ends with 0 like any other measurement: how fast a machine is, is no verdict. Exit
codes: 0 all was measured, 1 something could not be measured, 2 usage, 74 our own disk, 130 interrupted; what was measured
until then is printed all the same.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import click
from rich.console import Console

from benchmarks import gates, kernels, machine, proofs, races, ranges, searches
from benchmarks.figures import Figure, NotMeasured
from benchmarks.spin.curve import curve
from benchmarks.table import document, line, table
from tenure.commands.output import DiskTrouble, Exit, write

Measurement = Callable[[], Iterator[Figure]]

GROUPS: Mapping[str, tuple[Measurement, ...]] = {
    "proofs": (proofs.proofs,),
    **{f"proofs-{name}": (proofs.proofs_of(name),) for name in proofs.ALONE},
    "races": (races.races,),
    "gates": (gates.in_process, gates.through_pipes),
    "searches": (searches.searches,),
    "ranges": (ranges.ranges,),
    "spin": (curve,),
    "kernels": (kernels.kernels,),
}


@dataclass
class Measured:
    """What was measured so far, and what could not be, with the reason."""

    figures: list[Figure] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def exit_code(self) -> Exit:
        """Goals do not count: only whether there are figures."""
        if self.interrupted:
            return Exit.INTERRUPTED
        return Exit.FINDING if self.missing else Exit.OK


def measure(groups: Iterable[str], told: Callable[[str], None]) -> Measured:
    """Every figure of these groups; one that cannot be measured does not keep the others from it."""
    found = Measured()

    def interrupt(*_: object) -> None:
        found.interrupted = True  # kept: Python ignores an exception that meets a callback of its garbage collector
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for group in groups:
            for measurement in GROUPS[group]:
                _measure(f"{group}, {measurement.__name__}", measurement, found, told)
    except KeyboardInterrupt:
        found.interrupted = True
    finally:
        signal.signal(signal.SIGINT, before)
    return found


def _measure(name: str, measurement: Measurement, found: Measured, told: Callable[[str], None]) -> None:
    try:
        for figure in measurement():
            found.figures.append(figure)
            told(line(figure))
            if found.interrupted:
                raise KeyboardInterrupt  # noqa: TRY301  # it ends what the user would have ended
    except NotMeasured as lacking:
        found.missing[name] = str(lacking)
    except Exception as broken:  # noqa: BLE001  # ten minutes of figures outlive a fault in one of them
        found.missing[name] = f"a fault of ours: {type(broken).__name__}: {broken}"
        told(traceback.format_exc())
    if name in found.missing:
        told(f"not measured: {name}: {found.missing[name]}")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("groups", nargs=-1)
@click.option("--json", "json_file", metavar="FILE", help="Write one JSON document, every sample in it.")
def bench(groups: tuple[str, ...], json_file: str | None) -> None:
    """Measure GROUPS (all of them if none is named), each figure beside its goal and its peer of the same run."""
    for group in groups:
        if group not in GROUPS:
            raise click.UsageError(
                f"there is no group {group!r} of figures; say some of {', '.join(GROUPS)}, or none for all"
            )
    described = machine.described()
    click.echo("\n".join(f"{name}: {value}" for name, value in described.items()))
    found = measure(groups or tuple(GROUPS), lambda text: click.echo(text, err=True))
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDE).print(table(found.figures))
    for name, reason in found.missing.items():
        click.echo(f"not measured: {name}: {reason}")
    if found.interrupted:
        click.echo("interrupted: what was measured until then is above", err=True)
    if json_file:
        _write(json_file, document(described, found.figures, found.missing))
    sys.exit(found.exit_code)


WIDE = 260
"""Columns where nobody's terminal says how many there are: no cell is folded."""


def _write(path: str, text: str) -> None:
    try:
        write(path, text)
    except DiskTrouble as trouble:
        click.echo(str(trouble), err=True)
        sys.exit(Exit.DISK)


if __name__ == "__main__":
    bench(prog_name="python -m benchmarks")
