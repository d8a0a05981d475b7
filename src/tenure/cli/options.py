"""What several commands are asked in the same words."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import wraps

import click

from tenure.cli.telling import Telling

SYSTEM = "SYSTEM[:VARIANT]"

LEVELS = click.Choice(["whole", "steps"])

LEVEL_HELP = "Only where calls are indivisible, or interleave."

Command = Callable[..., None]


def shared(command: Command) -> Command:
    """The options that every command takes; it gets them as one value, `tell`."""

    @wraps(command)
    def telling(*, quiet: bool, json_file: str | None, junit_file: str | None = None, **asked: object) -> None:
        command(**asked, tell=Telling(quiet, json_file, junit_file))

    asking = click.option("--json", "json_file", metavar="FILE", help="Write one JSON document.")(telling)
    return click.option("--quiet", is_flag=True, help="Say only what failed.")(asking)


def junit(command: Command) -> Command:
    """The option of commands with test-like results: above `shared`, which takes it in."""
    return click.option("--junit", "junit_file", metavar="FILE", help="Write a JUnit report.")(command)


def parallel(command: Command) -> Command:
    """The option of commands that work in several processes."""
    workers = os.cpu_count() or 1
    return click.option("--jobs", default=workers, show_default=True, help="How many processes work at once.")(command)


def seeded(what: str) -> Callable[[Command], Command]:
    """The option of commands that do something at random: where no seed is given they get one by chance."""
    return click.option("--seed", type=int, default=lambda: secrets.randbelow(2**32), help=f"The seed of {what}.")


def budget_in(text: str | None) -> tuple[float | None, int | None]:
    """A budget in seconds or in calls."""
    if text is None:
        return None, None
    for ending, scale in (("calls", 0.0), ("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        number = text.removesuffix(ending)
        if number != text and number.replace(".", "", 1).isdigit():
            return (None, int(float(number))) if ending == "calls" else (float(number) * scale, None)
    raise click.UsageError(f"a budget is a time or a number of calls, such as 60s or 20000calls, not {text!r}")
