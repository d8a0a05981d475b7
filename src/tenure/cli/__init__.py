"""The command line: the only place that parses arguments, prints and exits."""

from tenure.cli.ending import main
from tenure.cli.verbs import tenure

__all__ = ["main", "tenure"]
