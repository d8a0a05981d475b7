"""Targets: the subject that a word of the command line names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.exec_subject import ExecSubject
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.python_subject import PythonSubject
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Subject, UnknownTarget
from tenure.gate.wording import did_you_mean, excerpt


def open_target(
    text: str, profile: str, iommu: str | None = None, told: Callable[[str], None] = lambda _: None
) -> Subject:
    """The subject at work; raises UnknownTarget where the text names none, TargetFailed where it does not begin.

    The profile is a system with its variant; only subjects that have several are told. Only a kernel is given an IOMMU;
    raises NotRun where this machine cannot boot it.
    """
    kind, rest = kind_of(text)
    if kind == "linux":
        return LinuxSubject(rest, profile, iommu or "intel", told)
    if iommu is not None:
        raise UnknownTarget(f"--iommu {iommu} is for kernels, and {excerpt(text)} is none; leave it out")
    _, start = _KINDS[kind]
    return start(rest, profile)


def open_kernel(
    text: str, profile: str, iommu: str | None, told: Callable[[str], None], processors: int
) -> LinuxSubject:
    """The kernel with so many processors; raises as `open_target`, and UnknownTarget where the text names no kernel."""
    kind, rest = kind_of(text)
    if kind != "linux":
        raise UnknownTarget(
            f"races are run in kernels, and {excerpt(text)} is none; say linux:PATH or linux:debian:VERSION"
        )
    return LinuxSubject(rest, profile, iommu or "intel", told, processors)


def kind_of(text: str) -> tuple[str, str]:
    """The kind of a target, and what of that kind; raises UnknownTarget where the text has none, or nothing behind it."""
    kind, colon, rest = text.partition(":")
    if kind not in _KINDS:
        question = did_you_mean(kind, _KINDS, f"a target begins with {', '.join(f'{k}:' for k in _KINDS)}")
        raise UnknownTarget(f"there is no kind of target {excerpt(kind)}; {question}")
    form, _ = _KINDS[kind]
    if not colon or not rest.strip():
        raise UnknownTarget(f"{excerpt(text)} is not whole; say {form}")
    return kind, rest


def _reference(rest: str, _: str) -> Subject:
    try:
        return ReferenceSubject(rest)
    except ValueError as unknown:
        raise UnknownTarget(str(unknown)) from None


def _python(rest: str, _: str) -> Subject:
    module, _colon, path = rest.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *path.split("."))):
        raise UnknownTarget(f"{excerpt(rest)} is no MODULE:OBJECT; say python:mine:subject")
    return PythonSubject(rest)


_KINDS: Mapping[str, tuple[str, Callable[[str, str], Subject]]] = {
    "reference": ("reference:SYSTEM[:VARIANT]", _reference),
    "python": ("python:MODULE:OBJECT", _python),
    "exec": ("exec:COMMAND", ExecSubject),
    "linux": ("linux:PATH, linux:debian[:VERSION] or linux:source:VERSION", LinuxSubject),
}
