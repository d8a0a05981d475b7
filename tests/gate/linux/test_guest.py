"""Guests: a kernel that falls is told from all else that breaks, and nothing of it is left behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenure.gate.linux import guest as guests
from tenure.gate.linux.batch import Batch
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.image import Image
from tenure.gate.linux.machine import Board
from tenure.gate.subject import Fell, NotRun, TargetFailed

QEMU = """\
import os, socket, subprocess, sys, time
channel, console = socket.socket(fileno=int(sys.argv[1])), open(sys.argv[2], "a", buffering=1)

def say(text):
    print(text, file=console, flush=True)

def answer():
    head = b""
    while not head.endswith(b"\\n"):
        head += channel.recv(1)
    target, size = head.split()
    text = b""
    while len(text) < int(size):
        text += channel.recv(int(size))
    lines = text.decode().splitlines()
    HABIT
    replies = "".join("0\\n" for _ in lines).encode()
    channel.sendall(b"%d\\n%s" % (len(replies), replies))

BOOT
channel.sendall(b"tenure 1\\n")
while True:
    answer()
"""

Boot = Callable[..., Guest]


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Boot]:
    """Start a guest whose QEMU is a script with a habit; none of it is left afterwards."""
    started: list[Guest] = []
    monkeypatch.setattr(guests, "initramfs", lambda *_: (b"", []))
    monkeypatch.setattr(guests, "_GRACE", 1.0)

    def start(habit: str = "pass", boot: str = "pass") -> Guest:
        script = tmp_path / "qemu.py"
        script.write_text(QEMU.replace("HABIT", habit).replace("BOOT", boot), encoding="utf-8")

        def command(_b: Board, _k: Path, _i: Path, console: Path, channel: int) -> list[str]:
            return [sys.executable, "-I", "-S", str(script), str(channel), str(console)]

        monkeypatch.setattr(guests, "command", command)
        started.append(Guest(Image(tmp_path / "kernel", "6.1"), Board()))
        return started[-1]

    yield start
    for one in started:
        one.end()
    assert not list(Path("/proc/self/task").glob("*/children")) or not _children()


def _children() -> list[str]:
    return [word for path in Path("/proc/self/task").glob("*/children") for word in path.read_text().split()]


def asked(text: str = "nop") -> Batch:
    """One line for the hub."""
    batch = Batch("hub")
    batch.order(text)
    return batch


def test_a_guest_answers(boot: Boot) -> None:
    """A line for a line."""
    batch = asked()
    boot().ask(batch)

    assert batch.replies == ["0"]


@pytest.mark.parametrize(
    ("habit", "kind", "line"),
    [
        ("say('[ 1.0] Kernel panic - not syncing: Fatal exception'); os._exit(0)", "panic", "Kernel panic - not"),
        ("say('[ 1.0] BUG: unable to handle page fault'); os._exit(0)", "BUG", "BUG: unable"),
        ("say('[ 1.0] WARNING: CPU: 0 PID: 1 at x.c:1')", "WARN", "WARNING: CPU: 0"),
        ("time.sleep(60)", "hang", "no answer within"),
    ],
)
def test_a_kernel_in_trouble_has_fallen(
    boot: Boot, monkeypatch: pytest.MonkeyPatch, habit: str, kind: str, line: str
) -> None:
    """Its console is kept, and it is stopped."""
    monkeypatch.setattr(guests, "CALL", 0.3)
    guest = boot(habit)

    with pytest.raises(Fell, match=line) as fell:
        guest.ask(asked(), limit=0.3)

    assert fell.value.kind == kind
    assert kind == "hang" or line in fell.value.log
    assert not guest.runs


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("print('qemu: no luck', file=sys.stderr, flush=True); os._exit(3)", "QEMU ended with status 3 .* no luck"),
        (
            "say('Kernel panic - not syncing: Attempted to kill init!'); os._exit(0)",
            "the agent in the guest was killed",
        ),
        ("say('Out of memory: Killed process 80'); os._exit(0)", "the guest ran out of memory"),
        ("lines = []", "hub of the agent answers 0 of 1 lines"),
        ("channel.sendall(b'what\\n')", "the agent answers b'what'"),
    ],
)
def test_what_is_not_the_kernels_is_the_targets_failure(boot: Boot, habit: str, said: str) -> None:
    """QEMU, the agent and the memory are not what is held to the rules."""
    guest = boot(habit)

    with pytest.raises(TargetFailed, match=said):
        guest.ask(asked())

    assert not guest.runs


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("print('cannot boot', file=sys.stderr, flush=True); os._exit(1)", "came to the agent, and said: cannot boot;"),
        (
            "say('no room'); os._exit(0)",
            "with status 0 before the kernel came to the agent, the kernel last said: no room",
        ),
        ("os._exit(0)", "with status 0 before the kernel came to the agent, and said: nothing"),
        ("time.sleep(60)", "did not come to the agent within"),
    ],
)
def test_a_kernel_that_does_not_boot_is_told(
    boot: Boot, monkeypatch: pytest.MonkeyPatch, habit: str, said: str
) -> None:
    """With its last words, or QEMU's; and it is stopped."""
    monkeypatch.setattr(guests, "BOOT", 0.3)

    with pytest.raises(TargetFailed, match=said):
        boot(boot=habit)

    assert _children() == []


def test_a_kernel_without_its_modules_is_not_run(boot: Boot) -> None:
    """Without the drivers of the agent's port nothing can be asked: it is said where they are looked for, and nobody waits."""
    with pytest.raises(NotRun, match=r"Linux 6\.1 has no port .*put lib/modules/6\.1 beside the image") as told:
        boot(boot="say('tenure-agent: there is no virtio-serial port: No such file'); os._exit(0)")

    assert "virtio_pci and virtio_console" in str(told.value)
    assert _children() == []


def test_what_a_guest_started_ends_with_it(boot: Boot, tmp_path: Path) -> None:
    """Its whole process group."""
    note = tmp_path / "note"
    guest = boot(boot=f"p = subprocess.Popen(['sleep', '60']); open({str(note)!r}, 'w').write(str(p.pid))")
    number = int(note.read_text())

    guest.end()

    for _ in range(100):
        if not Path(f"/proc/{number}").exists() or "Z" in Path(f"/proc/{number}/stat").read_text().split()[2]:
            break
        time.sleep(0.02)
    else:
        os.kill(number, 9)
        pytest.fail("it lives on")


def test_an_interruption_stops_the_guest(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a request and its reply nothing can follow."""
    guest = boot("time.sleep(60)")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(guest._transport, "exchange", interrupted)  # noqa: SLF001  # Ctrl-C while it waits

    with pytest.raises(KeyboardInterrupt):
        guest.ask(asked())
    assert not guest.runs


def test_a_guest_that_was_stopped_says_so(boot: Boot) -> None:
    """Nobody waits for it."""
    guest = boot()
    guest.end()

    with pytest.raises(TargetFailed, match="the guest was stopped"):
        guest.ask(asked())
