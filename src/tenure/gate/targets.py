"""Targets: the subject that a word of the command line names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.exec_subject import ExecSubject
from tenure.gate.python_subject import PythonSubject
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Subject
from tenure.gate.wording import did_you_mean, excerpt


class UnknownTarget(ValueError):  # noqa: N818 -- what it is, and it is the user's
    """The text names no target: nothing was started."""


def open_target(text: str, profile: str) -> Subject:
    """The subject at work; raises UnknownTarget where the text names none, TargetFailed where it does not begin.

    The profile is a system with its variant; only subjects that have several are told.
    """
    scheme, colon, rest = text.partition(":")
    if scheme not in _SCHEMES:
        question = did_you_mean(scheme, _SCHEMES, f"a target begins with {', '.join(f'{s}:' for s in _SCHEMES)}")
        raise UnknownTarget(f"there is no kind of target {excerpt(scheme)}; {question}")
    form, start = _SCHEMES[scheme]
    if not colon or not rest.strip():
        raise UnknownTarget(f"{excerpt(text)} is not whole; say {form}")
    return start(rest, profile)


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


_SCHEMES: Mapping[str, tuple[str, Callable[[str, str], Subject]]] = {
    "reference": ("reference:SYSTEM[:VARIANT]", _reference),
    "python": ("python:MODULE:OBJECT", _python),
    "exec": ("exec:COMMAND", ExecSubject),
}
