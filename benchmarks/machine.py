"""The machine on which figures were measured: without its name they mean nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import COLLECTOR

MEASURED = ("z3-solver", "cvc5", "hypothesis", "msgspec", "sortedcontainers", "intervaltree", "portion")
"""The libraries whose speed is part of a figure."""


def described() -> dict[str, str]:
    """The processor, its cores, the system, the Python, the libraries, and how busy the machine was before."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: version(name) for name in MEASURED},
        "load before": f"{os.getloadavg()[0]:.2f}",
        "memory": COLLECTOR,
        "hash seed": os.environ.get("PYTHONHASHSEED", "random"),
    }


def _processor() -> str:
    """The name that the processor gives itself, or what kind it is where it has none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
