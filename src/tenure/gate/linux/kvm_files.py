"""VMs on a guest: their KVM VFIO devices, and the files that these keep; containers and groups are beside them as ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.linux import kvm
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Number, Round, There
from tenure.gate.linux.containers import Containers
from tenure.gate.linux.facts import KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.kvm import KvmIoctl
from tenure.gate.linux.processes import Answering, number_of, opened, worker
from tenure.gate.linux.vfio import number
from tenure.gate.linux.vm_lives import VmLives
from tenure.gate.subject import NotRun, Setup, Shown, Written
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System


class KvmFiles:
    """Files of VMs and of their KVM VFIO devices are files of processes, like all others. No kernel shows a list of entries."""

    def __init__(self, guest: Guest, facts: Facts) -> None:
        _probe(guest, facts)
        self._containers = Containers(guest, facts)
        self._calls: Mapping[str, Callable[[Mapping[str, str], Round], Answering]] = {
            "create_vm": self._create_vm,
            "create_kvm_vfio": self._create_kvm_vfio,
            "file_add": lambda args, using: self._tell(kvm.ADD, args, using),
            "file_del": lambda args, using: self._tell(kvm.DEL, args, using),
        }
        self.calls = self._containers.calls | frozenset(self._calls)
        self.shows = self._containers.shows
        self._lives = VmLives()

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        return self._containers.scopes(system)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        return self._containers.able(call, args)

    def last(self, call: str) -> bool:
        return self._containers.last(call)

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        return self._lives.marks(call, args)

    def settle(self) -> str:
        return self._containers.settle()

    def reset(self, setup: Setup) -> None:
        self._lives = VmLives()
        self._containers.reset(setup)

    def look(self, using: Round) -> Callable[[], Shown]:
        return self._containers.look(using)

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Answering:
        self._lives.hear(call, args)
        if call not in self._calls:
            return self._containers.ask(call, args, using)
        return self._calls[call]({name: str(value) for name, value in args.items()}, using)

    def _create_vm(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        interface = batch.open("/dev/kvm")
        made = batch.ioctl(interface, KvmIoctl.CREATE_VM)
        read = opened(args["file"], batch, made)
        batch.call(Number.CLOSE, interface)
        return read

    def _create_kvm_vfio(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        wanted = batch.put(kvm.create_device())
        line = batch.ioctl(number_of(args["file"]), KvmIoctl.CREATE_DEVICE, wanted)
        batch.move(There(wanted.offset + kvm.CREATED), number_of(args["made"]))
        return lambda: answer(batch.number(line))

    def _tell(self, what: int, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        other = batch.put(number(number_of(args["other"])))
        about = batch.put_with_address(kvm.file_attribute(what), kvm.ADDRESS, other)
        line = batch.ioctl(number_of(args["file"]), KvmIoctl.SET_DEVICE_ATTR, about)
        return lambda: answer(batch.number(line))


def _probe(guest: Guest, facts: Facts) -> None:
    """Raises NotRun where the guest makes no VM."""
    batch = Batch(KEEPER)
    interface = batch.open("/dev/kvm")
    made = batch.ioctl(interface, KvmIoctl.CREATE_VM)
    for line in (made, interface):
        batch.call(Number.CLOSE, line)
    guest.ask(batch)
    if batch.number(interface) < 0:
        raise NotRun(
            f"Linux {facts.release} has no KVM in this guest",
            "it needs the modules kvm and kvm-amd, or kvm-intel where hardware virtualisation is passed on to guests",
        )
    if batch.number(made) < 0:
        raise NotRun(
            f"KVM_CREATE_VM of Linux {facts.release} fails with errno {-batch.number(made)}", "try another kernel"
        )
