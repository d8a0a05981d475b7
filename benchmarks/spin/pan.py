"""Spin's verifier of a Promela model, `pan`: written by spin, made by gcc, run, and what it says read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import ran
from benchmarks.figures import NotMeasured, Sample

WRITTEN = ("spin", "-o2", "-a")
"""Without -o2 Spin leaves out what no guard reads, such as what a caller was told; the explorer counts it."""
COMPILED = ("gcc", "-O2", "-w", "-DSAFETY")
WITHOUT_REDUCTION = "-DNOREDUCE"
RUN = ("-E", "-n", "-m200000", "-w22")
"""A state without a next one is no error here; nothing is said of parts not reached; depth; size of the hash table."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A program that explores one model at one size, and the processor time by which spin and gcc made it."""

    program: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What one run of a verifier says."""

    states: int
    megabytes: float
    """What it kept the states in, without its hash table and its stack."""


class ModelBroken(Exception):  # noqa: N818  # named for what it is
    """The Promela model does what it must not, or Spin did not come to its end."""


def needs_programs() -> None:
    """Raises NotMeasured where spin or gcc is missing."""
    missing = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    if missing:
        names = " ".join(missing)
        raise NotMeasured(
            f"not installed: {names}; on Debian: apt-get install {names} (only this benchmark needs spin)"
        )


def made(folder: Path, model: Path, given: Mapping[str, int], *, reduced: bool) -> Verifier:
    """The verifier of the model with these -D, with partial-order reduction or without, in a folder of its own."""
    folder.mkdir(parents=True)
    defined = [f"-D{name}={value}" for name, value in given.items()]
    switches = () if reduced else (WITHOUT_REDUCTION,)
    seconds = _ran(folder, *WRITTEN, *defined, str(model.resolve()))[0].processor
    seconds += _ran(folder, *COMPILED, *switches, "-o", "pan", "pan.c")[0].processor
    return Verifier(folder / "pan", seconds)


def counted(verifier: Verifier) -> tuple[Sample, Counted]:
    """One run; raises ModelBroken where an index was out of bounds or not every state was seen."""
    sample, said = _ran(verifier.program.parent, str(verifier.program), *RUN)
    if "errors: 0" not in said or "error: max search depth too small" in said or "Search not completed" in said:
        raise ModelBroken(f"pan did not see every state: {said[:500]}")
    return sample, Counted(
        int(_number(r"(\d+) states, stored", said)), float(_number(r"([\d.]+)\tactual memory", said))
    )


def _number(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    if found is None:
        raise ModelBroken(f"pan does not say {pattern!r}: {said[:500]}")
    return found[1]


def _ran(folder: Path, *command: str) -> tuple[Sample, str]:
    with (folder / "said").open("w+b") as said:
        sample, code, complaint = ran(command, folder=folder, out=said)
        said.seek(0)
        words = said.read().decode(errors="backslashreplace")
    if code:
        raise ModelBroken(f"{' '.join(command)} ends with exit code {code}: {(words + complaint)[-500:]}")
    return sample, words
