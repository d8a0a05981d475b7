"""The command line: the only place that parses arguments, prints and exits."""

from __future__ import annotations

import errno
import json
import os
import platform
import secrets
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tenure.commands.naming import UnknownName, system_named, systems_named
from tenure.commands.output import BadInput, DiskTrouble, Ending, Exit, read, write
from tenure.gate.subject import TargetFailed
from tenure.gate.targets import UnknownTarget, kind_of
from tenure.models import SYSTEMS
from tenure.vocabulary.types import BadValue
from tenure.vocabulary.verdicts import Row, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenure.commands.comparing import Line
    from tenure.report.address_space import Region
    from tenure.vocabulary.traces import Trace

PROVE_SYSTEMS = "SYSTEM[:VARIANT]"


class Plain(Console):
    """A console that leaves a closed pipe to whoever decides how we end."""

    def on_broken_pipe(self) -> None:
        """Say so, as any other failed write does."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console() -> Console:
    """Standard output; NO_COLOR is honoured, and a pipe gets plain lines of full width."""
    return Plain(highlight=False, width=None if sys.stdout.isatty() else 240)


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress line on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with shown:
        task = shown.add_task(title, total=None)
        yield lambda what, done, total: shown.update(
            task, description=f"{title} {what}", completed=done, total=total or None
        )


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every command takes."""
    command = click.option("--json", "json_file", metavar="FILE", help="Write one JSON document.")(command)
    return click.option("--quiet", is_flag=True, help="Say only what failed.")(command)


def junit(command: Callable[..., None]) -> Callable[..., None]:
    """The option of commands with test-like results."""
    return click.option("--junit", "junit_file", metavar="FILE", help="Write a JUnit report.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tenure")
def tenure() -> None:
    """Who may hold a VFIO device, through what, and until when: proofs, an executable reference, and a gate.

    Exit codes: 0 all as required, 1 violation, divergence or unexpected verdict, 2 usage, 3 inconclusive, 4 nothing
    applicable, 5 the target broke, 70 our own bug, 74 our own disk, 130 interrupted.
    """


@tenure.command("list")
@click.argument("kind", default="systems")
@shared
def list_(kind: str, json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # click's calling convention
    """List systems, properties, races, calls or targets."""
    from tenure.commands.explaining import listing

    headings, rows = listing(kind)
    if not quiet:
        table = Table(*headings, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        console().print(table)
    _document(json_file, f"list {kind}", None, [dict(zip(headings, row, strict=True)) for row in rows])


@tenure.command()
@click.argument("name")
@shared
def explain(name: str, json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # as above
    """Explain a property, race, call or system, with its source."""
    from tenure.commands.explaining import explanation

    text = explanation(name)
    if not quiet:
        click.echo(text)
    _document(json_file, f"explain {name}", None, [{"name": name, "text": text}])


@tenure.command()
@click.argument("systems", nargs=-1, metavar=f"[{PROVE_SYSTEMS}]...")
@click.option("--property", "property_id", metavar="ID", help="Show and compare only this property.")
@click.option(
    "--granularity", type=click.Choice(["whole", "steps"]), help="Only where calls are indivisible, or interleave."
)
@click.option("--cross-check", is_flag=True, help="Have a second solver prove every obligation again.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="How many processes work at once.")
@click.option("--export", metavar="DIR", help="Write every obligation as SMT-LIB.")
@click.option("--fresh", is_flag=True, help="Do not use what was proved before.")
@click.option("--obligations", is_flag=True, help="Show every obligation with its time.")
@junit
@shared
def prove(  # noqa: PLR0913  # click's calling convention
    systems: tuple[str, ...],
    property_id: str | None,
    granularity: str | None,
    cross_check: bool,  # noqa: FBT001  # as above
    jobs: int,
    export: str | None,
    fresh: bool,  # noqa: FBT001  # as above
    obligations: bool,  # noqa: FBT001  # as above
    junit_file: str | None,
    json_file: str | None,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    """Prove every property for any number of objects, or refute it by a shortest trace; compare with what is recorded."""
    from tenure.commands import proving
    from tenure.commands.naming import property_named
    from tenure.report.documents import row_result
    from tenure.report.junit import to_junit

    chosen = systems_named(systems)
    wanted = property_named(property_id).id if property_id else None
    ending = Ending()
    rows: list[Row] = []
    counts: dict[tuple[str, str], tuple[int, float]] = {}
    out = console()
    planned = proving.jobs_for([s.id for s in chosen], granularity)
    with progress("proving", quiet=quiet) as told:
        judging = proving.judged(planned, jobs, lambda j, n, m: told(" ".join(j), n, m), fresh=fresh)
        for job, judgement in _until_interrupted(judging, ending):
            found = [r for r in judgement.rows if wanted in (None, r.property)]
            rows += found
            counts[job] = (len(judgement.obligations), judgement.prove_seconds)
            if obligations and not quiet:
                out.print(
                    f"{job[0]} {job[1]}: {judgement.framed} more are preserved because nothing they read is assigned"
                )
                _obligations(out, judgement.obligations)
    if cross_check or export:
        _second_opinion(out, planned, export, cross_check, jobs, ending, quiet)
    order = {system.id: i for i, system in enumerate(SYSTEMS)}
    rows.sort(key=lambda r: (order[r.system_id()], r.granularity != "whole"))
    if not quiet:
        _matrix(out, rows, counts)
    stopped = Exit.INTERRUPTED in ending.codes
    partial = stopped or wanted is not None or granularity is not None or any(":" in s for s in systems)
    wrong = proving.mismatches(rows, partial=partial)
    for one in wrong:
        click.echo(f"not as recorded: {one}", err=True)
        ending.note(Exit.FINDING)
    for row in rows:
        if row.verdict in (Verdict.UNKNOWN, Verdict.NOT_INDUCTIVE):
            click.echo(f"inconclusive: {row.system_id()} {row.granularity} {row.property}: {row.reason}", err=True)
            ending.note(Exit.INCONCLUSIVE)
    bad = {m.key for m in wrong}
    _write(junit_file, lambda: to_junit((r, r.key() not in bad) for r in rows))
    asked = [*(["--property", wanted] if wanted else []), *(["--granularity", granularity] if granularity else [])]
    command = " ".join(["prove", *systems, *asked])
    _document(json_file, command, None, [row_result(r) for r in rows])
    if not rows or all(r.verdict is Verdict.NOT_APPLICABLE for r in rows):
        ending.note(Exit.NOTHING)
    if not quiet:
        tally = ", ".join(
            f"{sum(r.verdict is v for r in rows)} {v.value}" for v in Verdict if any(r.verdict is v for r in rows)
        )
        click.echo(f"{tally}; {'all as recorded' if not wrong else f'{len(wrong)} not as recorded'}")
    sys.exit(ending.code)


def _until_interrupted(found: Iterator[Any], ending: Ending) -> Iterator[Any]:
    """What comes before an interruption; what was found until then is told like anything else."""
    try:
        yield from found
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ending.note(Exit.INTERRUPTED)


def _matrix(out: Console, rows: Sequence[Row], counts: dict[tuple[str, str], tuple[int, float]]) -> None:
    """One line for each system and granularity, one column for each property."""
    by_job: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_job.setdefault((row.system_id(), row.granularity), {})[row.property] = row
    names = list(dict.fromkeys(r.property for r in rows))
    table = Table("system", "calls", *names, "obligations", "s", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for job, cells in by_job.items():
        obligations, seconds = counts[job]
        table.add_row(*job, *(_cell(cells.get(n)) for n in names), str(obligations), f"{seconds:.1f}")
    Plain(highlight=False, width=max(out.width, 190)).print(table)
    out.print(
        "P proved for any number of objects; a number: refuted, transitions of a shortest trace; s searched; . not applicable"
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    marks = {Verdict.PROVED: "P", Verdict.SEARCHED: "s", Verdict.NOT_APPLICABLE: ".", Verdict.REFUTED: str(row.length)}
    return marks.get(row.verdict, "?")


def _obligations(out: Console, results: Sequence[Any]) -> None:
    table = Table("obligation", "goals", "verdict", "seconds", box=None, pad_edge=False)
    for one in results:
        table.add_row(one.name, str(len(one.goals)), one.verdict, f"{one.seconds:.3f}")
    out.print(table)


def _second_opinion(  # noqa: PLR0913  # what `prove` was asked, passed on
    out: Console,
    jobs: list[tuple[str, str]],
    export: str | None,
    check: bool,  # noqa: FBT001  # as above
    workers: int,
    ending: Ending,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    from tenure.commands.crosschecking import cross_checked, exported

    if export:
        count = exported(jobs, export)
        if not quiet:
            out.print(f"{count} obligations written to {export}")
    if not check:
        return
    with progress("second solver", quiet=quiet) as told:
        for job, agreed, left, seconds in cross_checked(jobs, workers, told):
            if not quiet:
                out.print(f"{job[0]} {job[1]}  both solvers say unsat: {agreed} obligations in {seconds:.1f} s")
            for name in left:
                click.echo(f"inconclusive: {job[0]} {job[1]}: only one solver proves {name}", err=True)
                ending.note(Exit.INCONCLUSIVE)


@tenure.command()
@click.argument("system", metavar=PROVE_SYSTEMS)
@click.argument("name", metavar="PROPERTY|RACE")
@click.option("--granularity", type=click.Choice(["whole", "steps"]), help="Only a trace at this granularity.")
@click.option(
    "--format", "form", type=click.Choice(["text", "itf", "mermaid", "json"]), default="text", show_default=True
)
@click.option("--out", metavar="FILE", help="Write the trace there instead of printing it.")
@shared
def trace(  # noqa: PLR0913  # click's calling convention
    system: str,
    name: str,
    granularity: str | None,
    form: str,
    out: str | None,
    json_file: str | None,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    """Show the shortest trace to a property's fall, or the one to a named race."""
    from tenure.commands.tracing import find_trace

    chosen = system_named(system)
    found = find_trace(chosen, name, granularity)
    result: dict[str, object] = {
        "system": chosen.name,
        "variant": chosen.variant,
        "property": name,
        "verdict": found.verdict.value,
        "steps": len(found.trace) if found.trace else None,
        "seconds": 0.0,
        "reason": found.reason,
    }
    if found.trace is None:
        click.echo(f"{chosen.id} {name}: no trace: {found.verdict.value}: {found.reason}")
        _document(json_file, f"trace {system} {name}", None, [result])
        sys.exit(Exit.INCONCLUSIVE if found.verdict is Verdict.SEARCHED else Exit.NOTHING)
    text = _formed(found.trace, form, found.sentence)
    if out:
        write(out, text)
    elif not quiet:
        click.echo(text)
    from tenure.report.itf import itf_object

    _document(json_file, f"trace {system} {name}", None, [{**result, "trace": itf_object(found.trace)}])


def _formed(found: Trace, form: str, sentence: str) -> str:
    from tenure.report.itf import to_itf
    from tenure.report.mermaid import to_mermaid
    from tenure.report.text import to_text

    match form:
        case "itf" | "json":
            return to_itf(found)
        case "mermaid":
            return to_mermaid(found)
        case _:
            return to_text(found, sentence)


@tenure.command()
@click.argument("systems", nargs=-1, metavar=f"{PROVE_SYSTEMS} {PROVE_SYSTEMS}...")
@click.option(
    "--granularity", type=click.Choice(["whole", "steps"]), help="Only where calls are indivisible, or interleave."
)
@shared
def compare(systems: tuple[str, ...], granularity: str | None, json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # as above
    """Set designs side by side: what is known of each property, and what a user gains or loses with each.

    A bare name is the base variant. The verdicts are those of properties/expected, which `prove` checks.
    """
    from tenure.commands import comparing
    from tenure.vocabulary.systems import Granularity

    designs = comparing.designs_named(systems)
    lines = comparing.compared(designs, [Granularity(granularity)] if granularity else Granularity)
    if not quiet:
        _side_by_side([d.id for d in designs], lines)
    ending = Ending()
    for lacking in comparing.unrecorded(lines):
        click.echo(lacking, err=True)
        ending.note(Exit.NOTHING)
    asked = ["--granularity", granularity] if granularity else []
    _document(json_file, " ".join(["compare", *systems, *asked]), None, comparing.results(lines))
    sys.exit(ending.code)


def _side_by_side(designs: Sequence[str], lines: Sequence[Line]) -> None:
    """One row for each property and granularity, one column for each design; then a line for each row that differs."""
    from tenure.commands.comparing import LEGEND

    table = Table("property", "calls", *(d.replace(":", "\n:") for d in designs), box=None, pad_edge=False)
    for one in lines:
        table.add_row(one.about.id, one.granularity.value, *one.marks)
    out = console()
    out.print(table)
    out.print(LEGEND)
    differing = [one for one in lines if one.differs]
    for one in differing:
        click.echo(f"\n{one.about.id} {one.granularity.value}: {one.about.sentence}\n  {one.means}")
    click.echo(f"\n{len(differing)} of {len(lines)} rows differ")


@tenure.command()
@click.argument("systems", nargs=-1, metavar=f"[{PROVE_SYSTEMS}]...")
@click.option(
    "--budget",
    metavar="60s",
    help="Time for each system: its small scopes, then random walks for what is left. Without it, the large scopes too.",
)
@click.option("--seed", type=int, help="The seed of the random walks.")
@junit
@shared
def conform(  # click's calling convention
    systems: tuple[str, ...],
    budget: str | None,
    seed: int | None,
    junit_file: str | None,
    json_file: str | None,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    """Compare the reference with the model: whole calls, pairs of calls in flight, random walks."""
    from tenure.commands.conforming import compare
    from tenure.report.junit import to_junit

    seconds, calls = _budget(budget)
    if calls is not None:
        raise click.UsageError("conform takes its budget in seconds, such as 60s")
    seed = secrets.randbelow(2**32) if seed is None else seed
    ending = Ending()
    results: list[dict[str, object]] = []
    rows: list[tuple[Row, bool]] = []
    for system in systems_named(systems):
        with progress(f"conform {system.id}", quiet=quiet) as told:
            result = compare(system, seconds, seed, lambda n, s, t: told(f"{n}: {s:,} states, {t:,} transitions", 0, 0))
        if not quiet:
            click.echo(f"{system.id}: {result.verdict.value}")
        for part in result.parts:
            extent = "every orbit" if part.complete else "budget ended"
            if not quiet:
                click.echo(
                    f"  {part.kind}, {part.scope}: {part.states:,} orbits, {part.transitions:,} transitions, "
                    f"{len(part.refusals)} refusals, {part.seconds:.1f} s, {extent}"
                )
            for one in part.differences:
                click.echo("\n    ".join(["  differs after:", *one.calls]), err=True)
                click.echo(f"    model: {one.model}\n    reference: {one.reference}", err=True)
        if result.walked:
            click.echo("  differs on a random walk:\n    " + result.walked.replace("\n", "\n    "), err=True)
        if not quiet:
            click.echo(f"  {result.walks} random walks, seed {seed}; refusals proved unreachable: {result.dead}")
            for name in result.left:
                click.echo(f"  not run (make conform-full): {name}")
        for name in result.unfinished:
            click.echo(f"  inconclusive: the budget ended before all of it was seen; give more: {name}", err=True)
        for name in result.missing:
            click.echo(f"  refusal neither reached nor proved unreachable: {name}", err=True)
        ending.note({Verdict.CONFORMS: Exit.OK, Verdict.DIFFERS: Exit.FINDING}.get(result.verdict, Exit.INCONCLUSIVE))
        results += [
            {
                "system": system.name,
                "variant": system.variant,
                "target": f"reference:{system.id}",
                "kind": p.kind,
                "scope": p.scope,
                "verdict": p.verdict.value,
                "steps": p.transitions,
                "states": p.states,
                "complete": p.complete,
                "refusals": sorted(p.refusals),
                "seconds": round(p.seconds, 2),
            }
            for p in result.parts
        ]
        results += [
            {
                "system": system.name,
                "variant": system.variant,
                "target": f"reference:{system.id}",
                "scope": name,
                "verdict": Verdict.NOT_RUN.value,
                "steps": 0,
                "seconds": 0.0,
            }
            for name in result.left
        ]
        row = Row(system.name, system.variant, "whole", "conform", result.verdict, f"{result.differences} differences")
        rows.append((row, result.verdict is Verdict.CONFORMS))
    _write(junit_file, lambda: to_junit(rows))
    _document(json_file, " ".join(["conform", *systems]), seed, results)
    if not quiet:
        again = " ".join(["tenure conform", *systems, *(["--budget", budget] if budget else []), "--seed", str(seed)])
        click.echo(f"repeat with: {again}")
    sys.exit(ending.code)


@tenure.command(hidden=True)  # for those who work on the rules; the stable commands are those that `--help` lists
@click.argument("systems", nargs=-1, metavar=f"[{PROVE_SYSTEMS}]...")
@click.option("--granularity", type=click.Choice(["whole", "steps"]), default="whole", show_default=True)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="How many processes work at once.")
@shared
def guards(
    systems: tuple[str, ...],
    granularity: str,
    jobs: int,
    json_file: str | None,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    """Take out each guard of a system, and each that mask one another, and say what is lost without it."""
    from tenure.commands import guarding

    chosen = [s.id for s in systems_named(systems)] if systems else guarding.DEFAULT
    planned = [(system, granularity) for system in chosen]
    ending = Ending()
    with progress("guards", quiet=quiet) as told:
        found = list(_until_interrupted(guarding.guard_rows(planned, jobs, told), ending))
    found = guarding.in_order(found, planned)
    if not quiet:
        _guard_table(found)
    for (system, _), row in found:
        if row.worth is guarding.Worth.UNMET:
            click.echo(f"inconclusive: {system} {granularity} {row.guards[0].name}: {row.evidence}", err=True)
            ending.note(Exit.INCONCLUSIVE)
    if not found:
        ending.note(Exit.NOTHING)
    _document(
        json_file,
        " ".join(["guards", *systems, "--granularity", granularity]),
        None,
        [guarding.result(job, row) for job, row in found],
    )
    sys.exit(ending.code)


def _guard_table(found: Sequence[Any]) -> None:
    table = Table("system", "guard", "does", "why", "class", "without it", box=None, pad_edge=False)
    for (system, _), row in found:
        names, does, why = (
            "\n+ ".join(parts) for parts in zip(*((g.name, g.does, g.why) for g in row.guards), strict=True)
        )
        table.add_row(system, names, does, why, row.worth.value, row.evidence)
    out = console()
    Plain(highlight=False, width=max(out.width, 190)).print(table)
    words = [row.worth.value for _, row in found]
    out.print(", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words)))


@tenure.command()
@click.argument("target")
@click.option("--profile", metavar=PROVE_SYSTEMS, help="The rules to hold it to; by default those that its name says.")
@click.option("--budget", default="20s", show_default=True, metavar="60s|20000calls")
@click.option("--seed", type=int, help="The seed of the random runs.")
@click.option("--out", metavar="DIR", help="Write each finding there as an ITF trace.")
@junit
@shared
def gate(  # noqa: PLR0913  # click's calling convention
    target: str,
    profile: str | None,
    budget: str,
    seed: int | None,
    out: str | None,
    junit_file: str | None,
    json_file: str | None,
    quiet: bool,  # noqa: FBT001  # as above
) -> None:
    """Hold an implementation to the rules: solver-made and random runs, every answer checked."""
    from tenure.commands.gating import run_gate
    from tenure.report.junit import to_junit

    seconds, calls = _budget(budget)
    seed = secrets.randbelow(2**32) if seed is None else seed
    asked = ["tenure gate", _quoted(target), *(["--profile", profile] if profile else [])]

    def again(budget: str) -> str:
        return " ".join([*asked, "--budget", budget, "--seed", str(seed)])

    with progress("gate", quiet=quiet) as told:
        result = run_gate(target, profile, seconds, calls, seed, told)
    ending = Ending()
    report = result.report
    for number, one in enumerate(report.findings):
        ending.note(Exit.FINDING)
        click.echo(result.told(one))
        if out:
            folder = Path(out)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as trouble:
                raise DiskTrouble(f"cannot make {out}: {trouble.strerror}; choose another place") from trouble
            write(str(folder / f"finding-{number}.itf.json"), result.itf(one))
    if report.failure:
        click.echo(f"target-failed: {report.failure}", err=True)
        ending.note(Exit.TARGET)
    if report.calls == 0 and not report.failure:
        ending.note(Exit.NOTHING)
    if report.followed < report.planned and not report.failure and not report.interrupted:
        ending.note(Exit.INCONCLUSIVE)
        enough = again(f"{report.planned_calls}calls")
        click.echo(f"inconclusive: the budget ended with {result.extent}; enough for them all: {enough}", err=True)
    if not quiet:
        speed = report.calls / report.seconds if report.seconds else 0.0
        verdict = f"{len(report.findings)} findings" if report.findings else result.verdict.value
        click.echo(
            f"{target}: {verdict}: {report.calls:,} calls in {report.runs:,} runs, {speed:,.0f} calls/s, "
            f"{len(report.refusals)} refusals met, {result.extent}"
        )
        word = (result.held or Verdict.TESTED).value
        click.echo(
            f"{word}: {', '.join(report.checked) or 'no property'}"
            + (f"; not run (not shown): {', '.join(report.not_run)}" if report.not_run else "")
            + (f"; the rules themselves break: {', '.join(report.waived)}" if report.waived else "")
        )
        click.echo(f"repeat with: {again(budget)}")
    _document(json_file, again(budget).removeprefix("tenure "), seed, result.results())
    _write(junit_file, lambda: to_junit(result.rows()))
    if report.interrupted:
        sys.exit(Exit.INTERRUPTED)
    sys.exit(ending.code)


@tenure.command()
@click.argument("trace_file", metavar="TRACE")
@click.argument("target")
@shared
def replay(trace_file: str, target: str, json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # click's calling convention
    """Make a trace again: step by step on the reference, call by call on any other target."""
    from tenure.commands.gating import replay_calls
    from tenure.commands.replaying import replay_on_reference
    from tenure.report.itf import BadTrace, from_itf

    kind, rest = kind_of(target)
    try:
        trace_ = from_itf(read(trace_file))
        system = system_named(trace_.system)
        done = (
            replay_on_reference(trace_, system_named(rest))
            if kind == "reference"
            else replay_calls(trace_, system, target)
        )
    except (BadInput, BadTrace, UnknownName, BadValue) as trouble:
        raise BadInput(f"{trace_file}: {trouble}") from trouble
    for number, (step, expected, given) in enumerate(done.steps):
        if not quiet:
            mark = "" if done.parted != number else f"   but the trace says: {expected}"
            click.echo(f"{number + 1:3}  {step:<44} {given}{mark}")
    agreed = done.parted is None
    if not quiet:
        click.echo(f"{'replayed as the trace says' if agreed else 'parts from the trace'}; harm: {done.harm}")
    verdict = Verdict.WITNESSED if agreed else Verdict.DIFFERS
    _document(
        json_file,
        f"replay {trace_file} {target}",
        None,
        [
            {
                "system": system.id,
                "target": target,
                "property": trace_.subject,
                "verdict": verdict.value,
                "steps": len(done.steps),
                "seconds": 0.0,
            }
        ],
    )
    sys.exit(Exit.OK if agreed else Exit.FINDING)


@tenure.command()
@click.argument("file", metavar="FILE")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write the drawing there instead of printing it.")
@shared
def draw(file: str, form: str, out: str | None, json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # click's calling convention
    """Draw an address space: a JSON list of ranges, or what a trace shows."""
    from tenure.commands.drawing import given_in, results
    from tenure.report.address_space import space
    from tenure.report.address_svg import to_svg
    from tenure.report.address_text import plain, to_lines
    from tenure.report.itf import BadTrace

    try:
        given = given_in(read(file, "name a list of ranges or a trace file"))
    except BadTrace as trouble:
        raise BadInput(f"{file}: {trouble}") from trouble
    except BadInput as trouble:
        raise BadInput(str(trouble) if str(trouble).startswith("cannot read") else f"{file}: {trouble}") from trouble
    if not isinstance(given, tuple):
        click.echo(f"{file}: nothing to draw: a trace of {given.system}, which shows no ranges", err=True)
        _document(json_file, f"draw {file}", None, [])
        sys.exit(Exit.NOTHING)
    drawn = space(given)
    if out:
        write(out, to_svg(drawn) if form == "svg" else plain(to_lines(drawn, OUT_WIDTH)))
    elif form == "svg" and not quiet:
        click.echo(to_svg(drawn), nl=False)
    elif not quiet:
        _print_space(given)
    _document(json_file, f"draw {file}", None, list(results(drawn)))


OUT_WIDTH = 120
"""Columns of a drawing in a file."""


def _print_space(regions: Sequence[Region]) -> None:
    """A drawing as wide as the terminal, in characters that standard output can write."""
    from tenure.report.address_space import space
    from tenure.report.address_text import glyphs_for, plain, to_lines

    out = console()
    encoding = sys.stdout.encoding or "ascii"
    named = [replace(r, owner=r.owner.encode(encoding, "backslashreplace").decode(encoding)) for r in regions]
    lines = to_lines(space(named), out.width if out.is_terminal else OUT_WIDTH, glyphs_for(encoding))
    if not out.is_terminal:
        click.echo(plain(lines), nl=False)
        return
    for line in lines:
        out.print(line, soft_wrap=True)


@tenure.command()
@shared
def doctor(json_file: str | None, quiet: bool) -> None:  # noqa: FBT001  # as above
    """Say what this machine lacks for which command, and the one line that installs it."""
    from importlib.metadata import PackageNotFoundError, version

    checks: list[tuple[str, str, bool, str]] = []
    for package, need in (
        ("z3-solver", "prove"),
        ("cvc5", "prove --cross-check"),
        ("hypothesis", "conform"),
        ("msgspec", "gate exec:"),
    ):
        try:
            checks.append((package, need, True, version(package)))
        except PackageNotFoundError:
            checks.append((package, need, False, f"pip install {package}"))
    compiler = shutil.which(os.environ.get("CC", "cc"))
    checks.append(
        ("C compiler", "make run, examples/c", compiler is not None, compiler or "install gcc or clang and make")
    )
    checks.append(("Python", "everything", sys.version_info >= (3, 11), platform.python_version()))
    for name, need, good, said in checks:
        if not quiet or not good:
            click.echo(f"{'ok     ' if good else 'missing'} {name:<12} {said:<24} for {need}")
    _document(
        json_file,
        "doctor",
        None,
        [{"name": n, "command": c, "verdict": "ok" if g else "missing", "said": s} for n, c, g, s in checks],
    )
    sys.exit(Exit.OK if all(good for _, _, good, _ in checks) else Exit.NOTHING)


def _budget(text: str | None) -> tuple[float | None, int | None]:
    """A budget in seconds or in calls."""
    if text is None:
        return None, None
    for ending, scale in (("calls", 0.0), ("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        number = text.removesuffix(ending)
        if number != text and number.replace(".", "", 1).isdigit():
            return (None, int(float(number))) if ending == "calls" else (float(number) * scale, None)
    raise click.UsageError(f"a budget is a time or a number of calls, such as 60s or 20000calls, not {text!r}")


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text else text


def _document(path: str | None, command: str, seed: int | None, results: list[dict[str, Any]]) -> None:
    from tenure.report.documents import document

    _write(path, lambda: document(f"tenure {command}", seed, results))


def _write(path: str | None, text: Callable[[], str]) -> None:
    if path:
        write(path, text())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code; no traceback reaches the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with tenure.make_context("tenure", given) as context:
            tenure.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as usage:
        usage.show()
        sys.exit(Exit.USAGE)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(Exit.INTERRUPTED)
    except (BadInput, UnknownName, UnknownTarget) as usage:
        click.echo(f"tenure: {usage}", err=True)
        sys.exit(Exit.USAGE)
    except TargetFailed as failure:
        click.echo(f"target-failed: {failure}", err=True)
        sys.exit(Exit.TARGET)
    except DiskTrouble as trouble:
        click.echo(f"tenure: {trouble}", err=True)
        sys.exit(Exit.DISK)
    except OSError as trouble:
        click.echo(f"tenure: cannot write: {trouble.strerror}; free some space or read all of the output", err=True)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # what is left to print has no reader
        sys.exit(Exit.DISK)
    except Exception as bug:  # noqa: BLE001  # our own bug: one line and a saved report
        click.echo(f"tenure: our own bug: {type(bug).__name__}: {bug}; report saved as {_saved_report()}", err=True)
        sys.exit(Exit.INTERNAL)


def _saved_report() -> str:
    """A file that says what happened, for whoever mends it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="tenure-report-", suffix=".json", delete=False, encoding="utf-8"
        ) as file:
            json.dump(
                {"argv": sys.argv[1:], "python": platform.python_version(), "trace": traceback.format_exc()},
                file,
                indent=1,
            )
            return file.name
    except OSError:
        return "nothing: the disk could not be written"
