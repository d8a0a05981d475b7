"""`tenure conform`: what was compared of the reference and the model, and where they part."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tenure.cli.options import SYSTEM, budget_in, junit, parallel, seeded, shared
from tenure.cli.screen import progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import until_interrupted
from tenure.commands.naming import systems_named
from tenure.commands.output import Ending, Exit
from tenure.vocabulary.systems import System
from tenure.vocabulary.verdicts import Verdict

if TYPE_CHECKING:
    from tenure.commands.conforming import Comparison
    from tenure.gate.conform import Conformance

ENDS = {Verdict.CONFORMS: Exit.OK, Verdict.DIFFERS: Exit.FINDING, Verdict.UNKNOWN: Exit.INCONCLUSIVE}


@click.command()
@click.argument("systems", nargs=-1, metavar=f"[{SYSTEM}]...")
@click.option(
    "--budget",
    metavar="60s",
    help="Time for each system: its small scopes, then random walks for what is left. Without it, the large scopes too.",
)
@seeded("the random walks")
@parallel
@junit
@shared
def conform(*, systems: tuple[str, ...], budget: str | None, seed: int, jobs: int, tell: Telling) -> None:
    """Compare the reference with the model: whole calls, pairs of calls in flight, random walks."""
    seconds, calls = budget_in(budget)
    if calls is not None:
        raise click.UsageError("conform takes its budget in seconds, such as 60s")
    ending = Ending()
    found = []
    for one in until_interrupted(_compared(systems_named(systems), jobs, seconds, seed, tell), ending):
        found.append(one)
        ending.note(ENDS[one.verdict])
        _tell(one, seed, tell)
    tell.junit((one.row(), one.verdict is Verdict.CONFORMS) for one in found)
    tell.document(" ".join(["conform", *systems]), seed, [r for one in found for r in one.results()])
    _tell_ending(found, tell)
    again = ["tenure conform", *systems, *(["--budget", budget] if budget else []), "--seed", str(seed)]
    tell.say(f"repeat with: {' '.join(again)}")
    sys.exit(ending.code)


def _compared(
    systems: Iterable[System], workers: int, seconds: float | None, seed: int, tell: Telling
) -> Iterator[Comparison]:
    """Everything that is compared of each system, with its progress."""
    from tenure.commands.conforming import compared

    with progress("conform", quiet=tell.quiet) as told:
        yield from compared([s.id for s in systems], workers, seconds, seed, told)


def _tell(found: Comparison, seed: int, tell: Telling) -> None:
    """What was compared of one system, and all that stands against it."""
    tell.say(f"{found.system}: {found.verdict.value}")
    for part in found.parts:
        _tell_part(part, tell)
    if found.walked:
        click.echo("  differs on a random walk:\n    " + found.walked.replace("\n", "\n    "), err=True)
    tell.say(f"  {found.walks} random walks, seed {seed}; refusals proved unreachable: {found.dead}")
    for name in found.left:
        tell.say(f"  not run (make conform-full): {name}")
    for reason in _open(found):
        click.echo(f"  {reason}", err=True)


def _open(found: Comparison) -> Iterator[str]:
    """What keeps a comparison from a verdict."""
    yield from (f"inconclusive: the budget ended before all of it was seen; give more: {n}" for n in found.unfinished)
    yield from (f"refusal neither reached nor proved unreachable: {n}" for n in found.missing)


def _tell_ending(found: Sequence[Comparison], tell: Telling) -> None:
    """How many systems conform, and once more each that does not: what was said of it may be far above."""
    others = [one for one in found if one.verdict is not Verdict.CONFORMS]
    tell.say(f"{len(found) - len(others)} of {len(found)} systems conform")
    for one in others:
        reasons = "; ".join([*([f"{one.differences} differences"] if one.differences else []), *_open(one)])
        click.echo(f"{one.system}: {one.verdict.value}: {reasons}", err=True)


def _tell_part(part: Conformance, tell: Telling) -> None:
    """How much of one scope was seen, and where the two tellings part in it."""
    extent = "every orbit" if part.complete else "budget ended"
    tell.say(
        f"  {part.kind}, {part.scope}: {part.states:,} orbits, {part.transitions:,} transitions, "
        f"{len(part.refusals)} refusals, {part.seconds:.1f} s, {extent}"
    )
    for one in part.differences:
        click.echo("\n    ".join(["  differs after:", *one.calls]), err=True)
        click.echo(f"    model: {one.model}\n    reference: {one.reference}", err=True)
