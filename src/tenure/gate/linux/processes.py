"""Processes of the rules on a guest: which worker each is, which number each file has in all that have it, and how they share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line, Number, Round
from tenure.gate.linux.facts import FIRST_FILE
from tenure.gate.linux.guest import Guest
from tenure.gate.subject import Setup
from tenure.vocabulary.answers import Answer, Done

FILES = 100
"""The number of the first file of the rules."""

Answering = Callable[[], Answer | None]
"""What reads an answer, once the guest has made the call."""

Asking = Callable[[Mapping[str, str], Round], Answering]
"""What puts a call into a round."""


def worker(process: str) -> str:
    """The worker that makes the calls of a process."""
    return process.removeprefix("p")


def number_of(file: str) -> int:
    """The number of a file, whether a process has it or not."""
    return FILES + int(file.removeprefix("f"))


def opened(file: str, batch: Batch, line: Line) -> Answering:
    """A call that gives the process a file of this name, where it is done."""
    batch.move(line, number_of(file))
    return lambda: answer(min(batch.number(line), 0))


class Holders:
    """Which processes have each file, by the calls that were made."""

    def __init__(self) -> None:
        self._have: set[tuple[str, str]] = set()

    def hear(self, call: str, args: Mapping[str, str]) -> None:
        """Such a call is made, and done."""
        process, file = args["process"], args.get("file", "")
        match call:
            case "close":
                self._have.discard((process, file))
            case "pass_file":
                self._have.add((args["to"], file))
            case "fork":
                self._have |= {(args["child"], one) for who, one in self._have if who == process}
            case "exit_process":
                self._have = {(who, one) for who, one in self._have if who != process}
            case _ if call.startswith("open_"):
                self._have.add((process, file))

    def has(self, file: str) -> bool:
        """Some process has the file."""
        return any(one == file for _, one in self._have)


class Processes:
    """The processes of a run, each a worker with files of its own, and the calls by which they share and lose these."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self.calls: Mapping[str, Asking] = {
            "close": self._close,
            "pass_file": self._pass_file,
            "fork": self._fork,
            "exit_process": self._exit_process,
        }
        self._files: list[str] = []
        """The files that a process may have."""
        self._pids: dict[str, int] = {}

    def begin(self, setup: Setup) -> None:
        """They are there, and have no file."""
        self._files = [f"f{n}" for n in range(setup.objects["file"])]
        if not self._pids:
            self._populate([f"p{n}" for n in range(setup.objects["process"])])
        self.close_all()

    def close_all(self) -> None:
        """Nobody has a file any more."""
        using = Round()
        for process in self._pids:
            using.of(worker(process)).close_all(FIRST_FILE)
        self._guest.ask(*using.batches)

    def _populate(self, processes: list[str]) -> None:
        hub = Batch("hub")
        for process in processes:
            hub.order(f"kill {worker(process)}")
        born = {process: hub.order(f"spawn {worker(process)}") for process in processes}
        self._guest.ask(hub)
        self._pids = {process: hub.number(line) for process, line in born.items()}

    def _close(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        line = batch.call(Number.CLOSE, number_of(args["file"]))
        return lambda: answer(batch.number(line))

    def _pass_file(self, args: Mapping[str, str], using: Round) -> Answering:
        batch, lines = self._shared(args["process"], args["to"], [args["file"]], using)
        return lambda: answer(batch.number(lines[0]))

    def _fork(self, args: Mapping[str, str], using: Round) -> Answering:
        self._shared(args["process"], args["child"], self._files, using)
        return lambda: Done(())

    def _shared(self, owner: str, process: str, files: list[str], using: Round) -> tuple[Batch, list[Line]]:
        """Another process has those of these files that the owner has: the same objects, as after fork or SCM_RIGHTS."""
        batch = using.of(worker(process))
        source = batch.call(Number.PIDFD_OPEN, self._pids[owner], 0)
        lines = []
        for file in files:
            lines.append(batch.call(Number.PIDFD_GETFD, source, number_of(file), 0))
            batch.move(lines[-1], number_of(file))
        batch.call(Number.CLOSE, source)
        return batch, lines

    def _exit_process(self, args: Mapping[str, str], using: Round) -> Answering:
        process = args["process"]
        hub = using.of("hub")
        line = hub.order(f"kill {worker(process)}")
        born = hub.order(f"spawn {worker(process)}")

        def read() -> Answer | None:
            self._pids[process] = hub.number(born)
            return answer(hub.number(line))

        return read
