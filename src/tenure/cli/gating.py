"""`tenure gate`: what was found of a target, how much of it was tried, and how to try it again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import click

from tenure.cli.options import SYSTEM, budget_in, junit, seeded, shared
from tenure.cli.racing import gate_races
from tenure.cli.screen import progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble
from tenure.commands.output import Ending, Exit, folder, write
from tenure.vocabulary.verdicts import Verdict

if TYPE_CHECKING:
    from tenure.commands.gating import GateResult


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, but for how much of it."""

    target: str
    profile: str | None
    seed: int
    iommu: str | None = None
    races: bool = False

    def command(self, budget: str) -> str:
        """The words that ask for the same with this budget."""
        target = f"'{self.target}'" if " " in self.target else self.target
        profile = ["--profile", self.profile] if self.profile else []
        iommu = ["--iommu", self.iommu] if self.iommu else []
        races = ["--races"] if self.races else []
        return " ".join(["gate", target, *profile, *races, *iommu, "--budget", budget, "--seed", str(self.seed)])


@click.command()
@click.argument("target")
@click.option("--profile", metavar=SYSTEM, help="The rules to hold it to; by default those that its name says.")
@click.option("--budget", default="20s", show_default=True, metavar="60s|20000calls")
@seeded("the random runs")
@click.option(
    "--iommu", type=click.Choice(["intel", "intel48", "amd", "none"]), help="The IOMMU of a kernel's machine."
)
@click.option("--matrix", is_flag=True, help="linux:debian:6.1,6.12,...: kernels side by side.")
@click.option("--races", is_flag=True, help="linux:...: two calls at once, over and over, each outcome allowed or not.")
@click.option("--out", metavar="DIR", help="Write each finding there as an ITF trace.")
@junit
@shared
def gate(  # noqa: PLR0913  # what a user may ask for
    *,
    target: str,
    profile: str | None,
    budget: str,
    seed: int,
    iommu: str | None,
    matrix: bool,
    races: bool,
    out: str | None,
    tell: Telling,
) -> None:
    """Hold an implementation to the rules: solver-made and random runs, every answer checked."""
    from tenure.commands.gating import run_gate

    seconds, calls = budget_in(budget)
    asked = Asked(target, profile, seed, iommu, races)
    if races and matrix:
        raise click.UsageError("--races is of one kernel, and --matrix of several; say one of them")
    if races:
        gate_races(target, profile, budget, seed, iommu, out, asked.command(budget), tell)
    if matrix:
        _gate_kernels(asked, budget, out, tell)
    with progress("gate", quiet=tell.quiet) as told:
        result = run_gate(target, profile, seconds, calls, seed, told, iommu)
    ending = Ending()
    _tell_findings(result, out, ending)
    _note(result, asked, ending)
    tell.say(_of_answers(result))
    tell.say(_of_properties(result))
    for line in _of_site(result):
        tell.say(line)
    tell.say(f"repeat with: tenure {asked.command(budget)}")
    tell.document(asked.command(budget), seed, result.results())
    tell.junit(result.rows())
    sys.exit(ending.code)


def _gate_kernels(asked: Asked, budget: str, out: str | None, tell: Telling) -> NoReturn:
    """Hold each kernel of a list to the rules of its version, and set them side by side."""
    from tenure.cli.kernels import print_kernels
    from tenure.commands import kernels
    from tenure.commands.gating import run_gate

    if asked.profile is None:
        raise click.UsageError("--matrix needs --profile SYSTEM (tenure list systems)")
    seconds, calls = budget_in(budget)
    ending, results = Ending(), {}
    for version, target in kernels.targets(asked.target).items():
        one = Asked(target, kernels.profile_for(asked.profile, version), asked.seed, asked.iommu)
        with progress(target, quiet=tell.quiet) as told:
            results[version] = result = run_gate(target, one.profile, seconds, calls, one.seed, told, one.iommu)
        _tell_findings(result, f"{out}/{version}" if out else None, ending)
        _note(result, one, ending)
        if result.report.interrupted:
            break
    print_kernels(kernels.Kernels(results))
    command = f"{asked.command(budget)} --matrix"
    tell.say(f"repeat with: tenure {command}")
    tell.document(command, asked.seed, [row for result in results.values() for row in result.results()])
    tell.junit(row for result in results.values() for row in result.rows())
    sys.exit(ending.code)


def _tell_findings(result: GateResult, out: str | None, ending: Ending) -> None:
    """Say each finding and write it where that was asked for; each counts."""
    for number, one in enumerate(result.report.findings):
        ending.note(Exit.FINDING)
        click.echo(result.told(one))
        if out:
            write(str(folder(out) / f"finding-{number}.itf.json"), result.itf(one))
            if one.program:
                write(str(folder(out) / f"finding-{number}.c"), result.program(one))
            if one.log:
                write(str(folder(out) / f"finding-{number}.console"), one.log)


def _note(result: GateResult, asked: Asked, ending: Ending) -> None:
    """Say why there is less to say than was asked for: a target that broke, a budget that ended; it counts."""
    report = result.report
    if report.interrupted:
        ending.note(Exit.INTERRUPTED)
    if report.missing:
        trouble(ending, Exit.NOTHING, f"not-run: {report.missing}")
        return
    for one in report.once:
        what = "the kernel fell" if one.fell() else one.given
        said = f"inconclusive: after {len(one.calls)} calls {what}, and not again by the same calls: {one.reason}"
        trouble(ending, Exit.INCONCLUSIVE, said)
    if report.failure:
        trouble(ending, Exit.TARGET, f"target-failed: {report.failure}")
        return
    if report.calls == 0:
        ending.note(Exit.NOTHING)
    if report.followed < report.planned and not report.interrupted:
        enough = asked.command(f"{report.planned_calls}calls")
        said = f"inconclusive: the budget ended with {result.extent}; enough for them all: tenure {enough}"
        trouble(ending, Exit.INCONCLUSIVE, said)


def _of_answers(result: GateResult) -> str:
    """What is said of the answers, and how many there were."""
    report = result.report
    speed = report.calls / report.seconds if report.seconds else 0.0
    verdict = f"{len(report.findings)} findings" if report.findings else result.verdict.value
    return (
        f"{result.target}: {verdict}: {report.calls:,} calls in {report.runs:,} runs, {speed:,.0f} calls/s, "
        f"{len(report.refusals)} refusals met, {result.extent}"
    )


def _of_site(result: GateResult) -> Iterator[str]:
    """What the target's own machine made besides, what it did not make, and what it made otherwise."""
    report = result.report
    if (devices := report.devices) is not None:
        beyond = f", {devices.left_out:,} left out that it could not be told" if devices.left_out else ""
        yield (
            f"device: asked at one unmap of {devices.every:,} and at each of a shrunk run: "
            f"at {devices.tries:,} of {devices.unmaps:,} that took something away, for {devices.addresses:,} addresses{beyond}"
        )
    if report.lacking:
        yield f"not run: calls that the target does not have: {', '.join(report.lacking)}"
    if report.left_out:
        said = ", ".join(f"{call} {number:,} times" for call, number in sorted(report.left_out.items()))
        yield f"not run: what the machine of the target cannot do: {said}"
    if report.unvisited:
        yield f"not run: addresses that no call was about: {', '.join(map(str, report.unvisited.values()))}"
    for said, number in sorted(report.intended.items()):
        yield f"otherwise than the rules, as recorded: {said}, {number:,} times"


def _of_properties(result: GateResult) -> str:
    """Which properties were looked at, and which were not, and why."""
    report = result.report
    word = (result.held or Verdict.TESTED).value
    return (
        f"{word}: {', '.join(report.checked) or 'no property'}"
        + (f"; not run (not shown): {', '.join(report.not_run)}" if report.not_run else "")
        + (f"; the rules themselves break: {', '.join(report.waived)}" if report.waived else "")
    )
