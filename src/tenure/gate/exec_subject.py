"""A subject behind a command: the line protocol of docs/adapters.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tenure.gate.child import Child
from tenure.gate.json_lines import decode, encode, said
from tenure.gate.replies import VERSION, Hello, Showing, is_answer, read_answer, read_hello
from tenure.gate.subject import Reply, Setup, TargetFailed, Written
from tenure.gate.wording import excerpt

_MOST_REMEMBERED = 1 << 12
_LONGEST_REMEMBERED = 1 << 13


class ExecSubject:
    """A process that answers each line with a line. At the first failure it is stopped for good."""

    def __init__(self, command: str, profile: str, limit: float = 10.0) -> None:
        self.name = command
        self._profile = profile
        self._open = False
        self._messages = 0
        self._request = b""
        self._said: dict[tuple[str, bool, bytes], Reply] = {}
        """What lines were read as: most say what some line said before."""
        self._objects: Mapping[str, int] = {}
        self._showing = Showing((), {})
        try:
            self._child = Child(command, limit)
        except TargetFailed as failed:
            failed.where = f"exec:{command}"
            raise
        self._open = True
        hello = self._hello()
        self.version = hello.version
        self.calls = hello.calls
        self.shows = hello.shows

    def reset(self, setup: Setup) -> None:
        if setup.profile != self._profile:
            raise ValueError(f"hello was said for {self._profile}, and it is said once; not for {setup.profile}")
        if setup.objects != self._objects:
            self._objects = dict(setup.objects)
            self._showing = Showing(self.shows, setup.objects)
            self._said.clear()
        self._expect("reset", {"reset": setup.configuration()})

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        request: dict[str, object] = {"call": call, "args": args}
        if show:
            request["show"] = True
        line = self._ask(request)
        key = (call, show, line)
        known = self._said.get(key)
        if known is None:
            known = self._read(call, line, show=show)
            if len(self._said) >= _MOST_REMEMBERED:
                self._said.clear()
            if len(line) <= _LONGEST_REMEMBERED:
                self._said[key] = known
        return known

    def close(self) -> None:
        if not self._open:
            return
        try:
            self._expect("quit", {"quit": True})
            with self._placing_failures():
                self._child.leave()
        finally:
            self._stop()

    def _hello(self) -> Hello:
        line = self._ask({"hello": VERSION, "profile": self._profile})
        with self._placing_failures():
            return read_hello(_unless_error(decode(line)))

    def _expect(self, name: str, request: dict[str, object]) -> None:
        """Ask for something that has one right answer."""
        line = self._ask(request)
        with self._placing_failures():
            if not is_answer(_unless_error(decode(line)), name):
                raise TargetFailed(f"it answers {said(line)}", f'the answer is {{"{name}": true}}')

    def _read(self, call: str, line: bytes, *, show: bool) -> Reply:
        with self._placing_failures():
            reply = _unless_error(decode(line))
            if show != ("shown" in reply):
                raise TargetFailed(
                    "it shows nothing, though asked" if show else "it shows, though not asked",
                    'send "shown" where the request has "show": true, and nowhere else',
                )
            shown = self._showing.read(reply.pop("shown")) if show else None
            return Reply(read_answer(call, reply), shown)

    def _ask(self, request: dict[str, object]) -> bytes:
        self._messages += 1
        self._request = encode(request)
        if not self._open:
            raise TargetFailed("it was stopped", "start it anew", f"exec:{self.name}")
        try:
            return self._child.ask(self._request)
        except TargetFailed as failed:
            raise self._failed(failed) from None
        except BaseException:  # interrupted between a request and its reply: nothing can follow
            self._stop()
            raise

    @contextmanager
    def _placing_failures(self) -> Iterator[None]:
        """Whatever fails within, failed at the last request."""
        try:
            yield
        except TargetFailed as failed:
            raise self._failed(failed) from None

    def _failed(self, failed: TargetFailed) -> TargetFailed:
        """The same failure, with its place and the subject's last words; the subject is stopped."""
        self._stop()
        failed.where = f"exec:{self.name}, message {self._messages}, {said(self._request)}"
        if words := self._child.last_words():
            failed.happened += f" (its last words on standard error: {words})"
        return failed

    def _stop(self) -> None:
        self._open = False
        self._child.end()


def _unless_error(reply: dict[str, object]) -> dict[str, object]:
    """The reply, if the subject could go on; raises TargetFailed with its text where it could not."""
    if len(reply) == 1 and type(text := reply.get("error")) is str:
        raise TargetFailed(f"it answers error: {excerpt(text)}", "the text is the subject's own")
    return reply
