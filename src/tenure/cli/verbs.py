"""`tenure` itself: its commands, and what is said of them all."""

from __future__ import annotations

import click

from tenure.cli.comparing import compare
from tenure.cli.conforming import conform
from tenure.cli.diagnosing import doctor
from tenure.cli.drawing import draw
from tenure.cli.explaining import explain, list_
from tenure.cli.gating import gate
from tenure.cli.guarding import guards
from tenure.cli.proving import prove
from tenure.cli.replaying import replay
from tenure.cli.tracing import trace

COMMANDS = (list_, explain, prove, trace, compare, conform, guards, gate, replay, draw, doctor)


@click.group(commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tenure")
def tenure() -> None:
    """Who may hold a VFIO device, through what, and until when: proofs, an executable reference, and a gate.

    Exit codes: 0 all as required, 1 violation, divergence or unexpected verdict, 2 usage, 3 inconclusive, 4 nothing
    applicable, 5 the target broke, 70 our own bug, 74 our own disk, 130 interrupted.
    """
