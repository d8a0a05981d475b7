"""Who made the VMs of a run, and which of their devices were let go: what the rules do not say as kernels do is marked by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tenure.gate.subject import Written

ANOTHERS_VM = "a VM of another process"
"""VMs and their devices are for the memory of the process that made the VM; all others meet EIO."""

DEVICE_CLOSED = "a KVM VFIO device that was closed"
"""What it kept is given up with its last fd, and not with its VM."""

Told = tuple[str, tuple[tuple[str, str], ...]]


class VmLives:
    """What was called in a run. Marks are of calls as they were made: of a run that was made ahead, too."""

    def __init__(self) -> None:
        self._lives: Counter[str] = Counter()
        """How often each process ended and began anew."""
        self._makers: dict[str, tuple[str, int]] = {}
        """Of each file of a VM, the process that made the VM, in which of its lives."""
        self._devices: set[str] = set()
        """The files that were made as those of KVM VFIO devices."""
        self._closed = False
        self._marks: dict[Told, set[str]] = {}

    def hear(self, call: str, args: Mapping[str, Written]) -> None:
        """A call is made."""
        file, process = str(args.get("file", "")), str(args.get("process", ""))
        marks = self._marks.setdefault(_told(call, args), set())
        me = process, self._lives[process]
        if call == "create_vm":
            self._makers[file] = me
        elif call in ("create_kvm_vfio", "file_add", "file_del") and self._makers.get(file, me) != me:
            marks.add(ANOTHERS_VM)
        elif call == "create_kvm_vfio":
            self._makers[str(args["made"])] = me
            self._devices.add(str(args["made"]))
        elif call == "exit_process":
            self._lives[process] += 1
        if self._closed:
            marks.add(DEVICE_CLOSED)
        self._closed |= bool(self._devices) and (call == "exit_process" or (call == "close" and file in self._devices))

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        """What the call was about whenever it was made."""
        return frozenset(self._marks.get(_told(call, args), ()))


def _told(call: str, args: Mapping[str, Written]) -> Told:
    """A call with its arguments, to be found again."""
    return call, tuple(sorted((name, str(value)) for name, value in args.items()))
