"""The transport: frames out and replies in, and what is no reply is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tenure.gate.linux.batch import ARENA, PAGE, At, Batch, Line, Number, Round
from tenure.gate.linux.transport import Silent, Transport, encoded
from tenure.gate.subject import TargetFailed


@pytest.fixture
def wire() -> Iterator[tuple[Transport, socket.socket]]:
    """Both ends of a line."""
    ours, theirs = socket.socketpair()
    transport = Transport(ours)
    yield transport, theirs
    transport.close()
    theirs.close()


def played(theirs: socket.socket, *said: bytes) -> threading.Thread:
    """An agent that says this, piece by piece, once it was asked."""

    def play() -> None:
        theirs.recv(1 << 16)
        for piece in said:
            theirs.sendall(piece)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def asked() -> Batch:
    """Two lines."""
    batch = Batch("0")
    batch.call(Number.CLOSE, 4)
    batch.take(At(0), 2)
    return batch


def test_a_batch_is_a_frame() -> None:
    """Its target and its length, then its lines."""
    assert encoded(asked()) == b"0 12\ns 3 4\nr 0 2\n"


def test_arguments_are_numbers_places_and_earlier_lines() -> None:
    """A negative number is the one of 64 bits."""
    batch = Batch("0")
    file = batch.open("/dev/vfio/vfio")
    batch.ioctl(file, 0x3B67, b"\1\2")
    batch.call(Number.CLOSE, -1)

    assert batch.lines == [
        "w 0 2f6465762f7666696f2f7666696f00",
        "s 257 18446744073709551516 @0 524290",
        "w 16 0102",
        "s 16 $1 15207 @16",
        "s 3 18446744073709551615",
    ]


def test_replies_are_read_however_they_arrive(wire: tuple[Transport, socket.socket]) -> None:
    """In pieces, and two at once."""
    transport, theirs = wire
    first, second = asked(), asked()
    thread = played(theirs, b"9", b"\n-16\nab", b"cd\n7\n0\n", b"000", b"1\n")

    transport.exchange([first, second], 1)
    thread.join()

    assert (first.replies, second.replies) == (["-16", "abcd"], ["0", "0001"])


def test_a_reply_with_fewer_lines_is_told(wire: tuple[Transport, socket.socket]) -> None:
    """A process that is gone answers nothing."""
    transport, theirs = wire
    thread = played(theirs, b"0\n")

    with pytest.raises(TargetFailed, match="0 of the agent answers 0 of 2 lines"):
        transport.exchange([asked()], 1)
    thread.join()


@pytest.mark.parametrize("said", [b"what\n", b"x" * 100])
def test_what_is_no_reply_is_told(wire: tuple[Transport, socket.socket], said: bytes) -> None:
    """Neither a word nor a line without end."""
    transport, theirs = wire
    thread = played(theirs, said)

    with pytest.raises(TargetFailed, match="its transport broke"):
        transport.exchange([asked()], 1)
    thread.join()


def test_silence_is_told_from_an_end(wire: tuple[Transport, socket.socket]) -> None:
    """Who says nothing in time may hang; who is gone does not."""
    transport, theirs = wire

    with pytest.raises(Silent) as silent:
        transport.exchange([asked()], 0.1)
    assert not silent.value.gone

    theirs.close()
    with pytest.raises(Silent) as silent:
        transport.exchange([asked()], 1)
    assert silent.value.gone


def test_an_agent_of_another_version_is_told(wire: tuple[Transport, socket.socket]) -> None:
    """By its first words."""
    transport, theirs = wire
    theirs.sendall(b"tenure 9\n")

    with pytest.raises(TargetFailed, match="tenure 9"):
        transport.hello(1, lambda: True)


def test_a_reply_that_is_no_number_is_told() -> None:
    """It is the transport that broke."""
    batch = asked()
    batch.replies = ["zero", "xyz"]

    with pytest.raises(TargetFailed, match="its transport broke"):
        batch.number(Line(0))
    with pytest.raises(TargetFailed, match="its transport broke"):
        batch.content(Line(1))


def test_a_batch_points_to_no_more_memory_than_there_is() -> None:
    """It would overwrite its own; the last page is for what must lie there."""
    batch = Batch("0")
    batch.put(b"", ARENA - PAGE)

    with pytest.raises(ValueError, match="more memory than there is"):
        batch.put(b"x")


def test_a_round_is_in_the_order_in_which_it_is_made() -> None:
    """What a process does in a row is one batch; after another process it is a new one."""
    using = Round()
    using.of("1").order("x")
    using.of("0").order("y")
    using.of("0").order("z")
    using.of("1").order("x")

    assert [(batch.target, batch.lines) for batch in using.batches] == [("1", ["x"]), ("0", ["y", "z"]), ("1", ["x"])]
