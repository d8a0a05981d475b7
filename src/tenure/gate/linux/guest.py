"""A guest: a kernel running in QEMU with the agent in it, called in batches, watched, and never left behind."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from os import killpg
from pathlib import Path
from tempfile import mkdtemp

from tenure.gate.linux.batch import Batch
from tenure.gate.linux.console import AGENT_ENDED, NO_PORT, Console, Trouble, out_of_memory
from tenure.gate.linux.image import Image
from tenure.gate.linux.initramfs import initramfs
from tenure.gate.linux.machine import Board, command
from tenure.gate.linux.modules import EARLY
from tenure.gate.linux.transport import Silent, Transport
from tenure.gate.subject import Fell, NotRun, TargetFailed
from tenure.gate.wording import excerpt

BOOT = 180.0
"""Seconds in which a kernel must come to the agent; a busy machine without hardware virtualisation needs 30."""

CALL = 60.0
"""Seconds in which a batch must be answered: what takes longer hangs."""

_GRACE = 5.0
_LAST_WORDS = 4000


class Guest:
    """One boot of a kernel."""

    def __init__(self, image: Image, board: Board, more: tuple[str, ...] = ()) -> None:
        """Boot it with VFIO's modules, and more of these names."""
        self.image = image
        self._more = more
        self.heard: list[tuple[Batch, ...]] = []
        """What it was asked, for whoever clears it again and again."""
        self._folder = Path(mkdtemp(prefix="tenure-guest-"))
        self._open = False
        try:
            self._start(board)
        except BaseException:
            self.end()
            raise

    def _start(self, board: Board) -> None:
        archive, modules = initramfs(self.image, self._more)
        initrd = self._folder / "initrd"
        initrd.write_bytes(archive)
        self.console = Console(self._folder / "console")
        ours, theirs = socket.socketpair()
        words = command(board, self.image.path, initrd, self.console.path, theirs.fileno())
        self._said = (self._folder / "qemu").open("wb+")
        started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 -- QEMU, by words of ours
            words,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        self._open = True
        theirs.close()
        self._transport = Transport(ours)
        try:
            self._transport.hello(BOOT, self._runs)
        except Silent as silent:
            raise self._why(silent, booting=True) from None
        self.boot_seconds = time.monotonic() - started
        self._insert(modules=[f"/modules/{one.name}.ko {one.parameters}".rstrip() for one in modules])

    def _insert(self, modules: list[str]) -> None:
        hub = Batch("hub")
        for one in modules:
            hub.order(f"module {one}")
        if hub.lines:
            self.ask(hub)

    def ask(self, *batches: Batch, limit: float = CALL) -> None:
        """Have batches made, one after the other; raises Fell where the kernel falls, TargetFailed where the rest does."""
        if not self._open:
            raise TargetFailed("the guest was stopped", "start it anew")
        self.heard.append(batches)
        try:
            self._transport.exchange(batches, limit, self._runs)
        except Silent as silent:
            raise self._why(silent) from None
        except TargetFailed as failed:
            raise self._worse(failed) from None
        except BaseException:  # interrupted between a request and its reply: nothing can follow
            self.end()
            raise
        if trouble := self.console.trouble():
            raise self._fell(trouble)

    @property
    def runs(self) -> bool:
        """It was not stopped, nor did it fall."""
        return self._open

    def _runs(self) -> bool:
        return self._process.poll() is None

    def _why(self, silent: Silent, *, booting: bool = False) -> Exception:
        """Why there is no reply: the kernel fell or hangs, or QEMU or the agent is gone."""
        if silent.gone:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        if trouble := self.console.trouble():
            return self._fell(trouble)
        said = self.console.all()
        if silent.gone:
            return self._ended(said, booting=booting)
        if booting:
            return self._failed(f"the kernel did not come to the agent within {BOOT:g} s; it last said: {_last(said)}")
        return self._fell(Trouble("hang", f"no answer within {CALL:g} s"))

    def _ended(self, said: str, *, booting: bool) -> Exception:
        if out_of_memory(said):
            return self._failed("the guest ran out of memory", "give it more, or fewer processes")
        if AGENT_ENDED in said:
            return self._failed("the agent in the guest was killed", "run it again")
        if booting and NO_PORT in said:
            self.end()
            return NotRun(
                f"Linux {self.image.release} has no port for the agent", self.image.lacking(" and ".join(EARLY))
            )
        self._said.seek(0)
        words = self._said.read().decode(errors="backslashreplace")
        words = "\n".join(line for line in words.splitlines() if "has no peer" not in line)
        told = f"and said: {_last(words)}" if words or not said else f"the kernel last said: {_last(said)}"
        status = self._process.poll()
        when = "before the kernel came to the agent" if booting else "in the middle of a call"
        return self._failed(f"QEMU ended with status {status} {when}, {told}", "does it boot this kernel?")

    def _worse(self, failed: TargetFailed) -> Exception:
        """The same failure, or what the console says that it comes from."""
        if trouble := self.console.trouble():
            return self._fell(trouble)
        if out_of_memory(self.console.all()):
            return self._failed("the guest ran out of memory", "give it more, or fewer processes")
        return self._failed(failed.happened, failed.advice)

    def _fell(self, trouble: Trouble) -> Fell:
        self._settle()
        fell = Fell(trouble.kind, trouble.line, self.console.all()[-_LAST_WORDS:])
        self.end()
        return fell

    def _settle(self) -> None:
        """Give a kernel in trouble the time to say all that it has to say."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)

    def _failed(self, happened: str, advice: str = "is the machine very busy?") -> TargetFailed:
        self.end()
        return TargetFailed(happened, advice, f"linux:{self.image.path}")

    def end(self) -> None:
        """Stop QEMU and whatever it started, and remove what was made for it."""
        if self._open:
            self._open = False
            with suppress(ProcessLookupError, PermissionError):
                killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
            self._transport.close()
            self._said.close()
            self.console.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return excerpt(" | ".join(lines[-3:]), 300) if lines else "nothing"
