"""What `tenure gate --matrix` shows: kernels side by side, and where their answers change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from tenure.cli.screen import console, print_wide

if TYPE_CHECKING:
    from tenure.commands.kernels import Kernels


def print_kernels(kernels: Kernels) -> None:
    """A table with a column for each version, then a line for whatever some of them answer otherwise than the rules."""
    table = Table("", *kernels.results, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in kernels.table():
        table.add_row(*row)
    print_wide(table)
    for line in kernels.changes():
        console().print(f"otherwise than the rules: {line}")
