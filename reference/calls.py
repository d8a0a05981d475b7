"""How a call is written: a function that names each next step just before it, and ends with its answer."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from tenure.reference.files import File
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused

Steps = Generator[str, None, Answer]
"""A call of several steps: what stands between two yields is indivisible, the first part runs when the call begins."""

Part = Generator[str, None, None]
"""A part of a call that several calls share; it may wait for a lock."""

OK = Done()
EPERM = Refused("EPERM")
EBADF = Refused("EBADF")
EBADFD = Refused("EBADFD")
EBUSY = Refused("EBUSY")
EIO = Refused("EIO")
EEXIST = Refused("EEXIST")
EINVAL = Refused("EINVAL")
ENODEV = Refused("ENODEV")
EWOULDBLOCK = Refused("EWOULDBLOCK")
ENOENT = Refused("ENOENT")
ENOTTY = Refused("ENOTTY")
ENOMEM = Refused("ENOMEM")
EFAULT = Refused("EFAULT")
EMFILE = Refused("EMFILE")


class Task:
    """A call in flight: who makes it, with which arguments, and the file references that end with it (fdget, fdput)."""

    __slots__ = ("actor", "args", "call", "held", "names", "steps")

    def __init__(self, actor: str, call: str, args: Mapping[str, int], names: tuple[tuple[str, int], ...]) -> None:
        self.actor = actor
        self.call = call
        self.args = args
        self.names = names
        """The names that the call is going to give to new objects; nobody else may give them meanwhile."""
        self.held: list[File] = []
        self.steps: Steps

    def hold(self, file: File) -> File:
        """Keep a file until the call ends."""
        self.held.append(file.get())
        return file

    def drop(self, file: File) -> None:
        """Keep a file no longer, before the call ends."""
        self.held.remove(file)
        file.put()

    def let_go(self) -> None:
        """The call has ended."""
        for file in self.held:
            file.put()


def put_group(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """Drop a reference to a group; at zero the object is freed (vfio_group_put)."""
    if group.kref > 1:
        group.kref -= 1
        return
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    group.kref -= 1
    machine.group_lock.release()
