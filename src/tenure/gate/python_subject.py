"""A subject in the tool's own process: a Python object that answers as a line of the protocol would."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import NoReturn

from tenure.gate.replies import Showing, declared_calls, declared_observables, object_of, read_answer
from tenure.gate.subject import Reply, Setup, TargetFailed, Written
from tenure.gate.wording import did_you_mean, excerpt

_BROKEN = (Exception, SystemExit)
"""What a subject may raise that is its own failure; an interruption by the user is not."""


class PythonSubject:
    """An object with `reset`, `do`, `show`, `calls` and `shows`, named MODULE:OBJECT; of a class, an instance."""

    def __init__(self, text: str) -> None:
        self.name = text
        self._where = f"python:{text}"
        module, _, path = text.partition(":")
        found = self._find(self._import(module), path)
        subject = self._run(found, "it") if isinstance(found, type) else found
        self._reset = self._method(subject, "reset")
        self._do = self._method(subject, "do")
        self._show = self._method(subject, "show")
        try:
            self.calls = declared_calls(self._member(subject, "calls"))
            self.shows = declared_observables(self._member(subject, "shows"))
        except TargetFailed as failed:
            raise self._failed(failed) from None
        self._objects: Mapping[str, int] = {}
        self._showing = Showing((), {})

    def reset(self, setup: Setup) -> None:
        if setup.objects != self._objects:
            self._objects = dict(setup.objects)
            self._showing = Showing(self.shows, setup.objects)
        self._run(lambda: self._reset(setup.configuration()), "reset")

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = self._run(lambda: self._do(call, dict(args)), call)
        shown = self._run(self._show, "show") if show else None
        try:
            answer = read_answer(call, object_of(reply, "what do returns"))
            return Reply(answer, self._showing.read(shown) if show else None)
        except TargetFailed as failed:
            raise self._failed(failed, call) from None

    def close(self) -> None:
        """Nothing runs."""

    def _import(self, name: str) -> ModuleType:
        here = str(Path.cwd())
        if here not in sys.path and "" not in sys.path:
            sys.path.insert(0, here)  # as `python -m` does; it stays, for what the subject imports later
        try:
            return import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
                self._raised(missing, "its import")
            advice = did_you_mean(missing.name, _modules_beside(missing.name), f"is it installed, or in {here}?")
            raise TargetFailed(f"there is no module {excerpt(missing.name)}", advice, self._where) from None
        except _BROKEN as error:
            self._raised(error, "its import")

    def _find(self, module: ModuleType, path: str) -> object:
        found: object = module
        for name in path.split("."):
            found = self._member(found, name)
        return found

    def _member(self, of: object, name: str) -> object:
        try:
            return getattr(of, name)
        except AttributeError:
            public = [other for other in dir(of) if not other.startswith("_")]
            owner = f"module {of.__name__}" if isinstance(of, ModuleType) else f"its {type(of).__name__}"
            advice = did_you_mean(name, public, "docs/adapters.md lists what a subject in Python has")
            raise TargetFailed(f"{owner} has no {excerpt(name)}", advice, self._where) from None
        except _BROKEN as error:
            self._raised(error, name)

    def _method(self, subject: object, name: str) -> Callable[..., object]:
        method = self._member(subject, name)
        if not callable(method):
            raise TargetFailed(f"{name} cannot be called", "make it a method", self._where)
        return method

    def _run(self, what: Callable[[], object], name: str) -> object:
        try:
            return what()
        except _BROKEN as error:
            self._raised(error, name)

    def _raised(self, error: BaseException, name: str) -> NoReturn:
        """Report an exception of the subject in one line."""
        text = excerpt(f"{type(error).__name__}: {error}")
        raise TargetFailed(
            f"{name} raised {text}{_place(error)}", "a refusal is an answer: return it", self._where
        ) from None

    def _failed(self, failed: TargetFailed, call: str = "") -> TargetFailed:
        failed.where = f"{self._where}, {call}" if call else self._where
        return failed


def _modules_beside(name: str) -> list[str]:
    """The modules that could be imported from where this one was looked for."""
    package, _, _ = name.rpartition(".")
    if not package:
        return [found.name for found in iter_modules()]
    return [f"{package}.{found.name}" for found in iter_modules(getattr(import_module(package), "__path__", ()))]


def _place(error: BaseException) -> str:
    """The file and line where it was raised, the innermost that is a file and not this one; empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" at {error.filename}:{error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__ and f.filename[:1] != "<"]
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
