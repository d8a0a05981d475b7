"""Which devices of VMs were let go in a run: what the rules of one version do not say as its kernels do is marked by it."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.gate.subject import Written

DEVICE_CLOSED = "a KVM VFIO device that was closed"
"""What it kept is given up with its last fd, and not with its VM."""

Told = tuple[str, tuple[tuple[str, str], ...]]


class VmLives:
    """What was called in a run. Marks are of calls as they were made: of a run that was made ahead, too."""

    def __init__(self) -> None:
        self._devices: set[str] = set()
        """The files that were made as those of KVM VFIO devices."""
        self._closed = False
        self._marked: set[Told] = set()

    def hear(self, call: str, args: Mapping[str, Written]) -> None:
        """A call is made."""
        if self._closed:
            self._marked.add(_told(call, args))
        if call == "create_kvm_vfio":
            self._devices.add(str(args["made"]))
        self._closed |= bool(self._devices) and (
            call == "exit_process" or (call == "close" and args["file"] in self._devices)
        )

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        """What the call was about whenever it was made."""
        return frozenset({DEVICE_CLOSED} if _told(call, args) in self._marked else ())


def _told(call: str, args: Mapping[str, Written]) -> Told:
    """A call with its arguments, to be found again."""
    return call, tuple(sorted((name, str(value)) for name, value in args.items()))
