"""The machine that a kernel boots in: QEMU's command line, with devices to own and an IOMMU to isolate them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tenure.gate.linux.programs import path_of, run
from tenure.gate.subject import NotRun
from tenure.gate.wording import excerpt

IOMMUS = {
    "intel": (["-device", "intel-iommu,intremap=on"], ["intel_iommu=on"]),
    "intel48": (["-device", "intel-iommu,intremap=on,aw-bits=48"], ["intel_iommu=on"]),
    "amd": (["-device", "amd-iommu"], ["amd_iommu=on"]),
    "none": ([], []),
}
"""By name: what QEMU is told, and what the kernel is told."""

_QUIET = "romfile=,mq=off,disable-legacy=on,iommu_platform=on"

_WIDE = "dma_mask=0xffffffffffffffff"

DEVICES = (
    f"edu,bus=pcie.0,addr=0x10,{_WIDE}",
    f"edu,bus=pcie.0,addr=0x11,{_WIDE}",
    f"virtio-net-pci,bus=pcie.0,addr=0x12,{_QUIET}",
    "pcie-root-port,id=rp0,slot=1,chassis=1,addr=0x13",
    "pcie-pci-bridge,id=pb0,bus=rp0",
    f"virtio-net-pci,bus=pb0,addr=0x1,{_QUIET}",
    f"virtio-net-pci,bus=pb0,addr=0x2,{_QUIET}",
    f"edu,bus=pcie.0,addr=0x15.0,multifunction=on,{_WIDE}",
    f"virtio-net-pci,bus=pcie.0,addr=0x15.1,{_QUIET}",
)
"""What guests own: devices alone in their group, two behind one conventional bridge, two functions of one device."""

OLDEST = (6, 0)
"""The oldest QEMU that has all that is said to it."""

UNTIMED = "no_timer_check"
"""The kernel does not test at boot whether its timer ticks in time: on a busy machine an emulated one does not, and it panics."""

UNSAFE = tuple(f"{name}.allow_unsafe_interrupts=1" for name in ("vfio_iommu_type1", "iommufd"))
"""For drivers that are built in, what modules are told when they are inserted: QEMU's AMD IOMMU remaps no interrupts."""

TROUBLE_ENDS = (
    "panic=-1",
    "oops=panic",
    "sysctl.kernel.panic_on_warn=1",
    "sysctl.kernel.hung_task_panic=1",
    "sysctl.kernel.hung_task_timeout_secs=30",
    "sysctl.kernel.softlockup_panic=1",
)
"""Whatever a kernel complains of ends it at once, so that what it was called with last is what it complains of."""


@dataclass(frozen=True, slots=True)
class Board:
    """What is in a machine, besides its kernel."""

    iommu: str = "intel"
    memory: int = 512
    """In MiB."""
    processors: int = 1


def command(board: Board, kernel: Path, initrd: Path, console: Path, channel: int) -> list[str]:
    """QEMU's words: no disk, no network, the console into a file, the agent's port on an open socket."""
    hardware, parameters = IOMMUS[board.iommu]
    accelerated = accelerator() == "kvm"
    chip = "split" if accelerated and board.iommu.startswith("intel") else "on" if accelerated else "off"
    processor = "host" if accelerated else "qemu64,+svm"
    devices = [word for device in DEVICES for word in ("-device", device)]
    said = ["console=ttyS0", "loglevel=5", "nokaslr", "mitigations=off", UNTIMED, *UNSAFE, *TROUBLE_ENDS, *parameters]
    return [
        qemu(),
        *("-machine", f"q35,kernel-irqchip={chip}", "-accel", accelerator(), "-cpu", processor),
        *("-m", f"{board.memory}M", "-smp", str(board.processors)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-net", "none", "-display", "none", "-vga", "none"),
        *("-monitor", "none", "-serial", f"file:{console}"),
        *hardware,
        *("-chardev", f"socket,id=agent,fd={channel}"),
        *("-device", "virtio-serial-pci,bus=pcie.0,addr=0x2,max_ports=2"),
        *("-device", "virtserialport,chardev=agent,name=agent"),
        *devices,
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", " ".join(said)),
    ]


@cache
def qemu() -> str:
    """The path of QEMU; raises NotRun where there is none, or one that is too old."""
    path = path_of("qemu-system-x86_64")
    said = run(["qemu-system-x86_64", "--version"])
    found = re.search(r"version ([0-9]+)\.([0-9]+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise NotRun(
            f"{path} is {excerpt(said.partition(chr(10))[0])}, too old",
            f"version {OLDEST[0]}.{OLDEST[1]} or later is needed",
        )
    return path


@cache
def accelerator() -> str:
    """`kvm` where a machine of hardware virtualisation can be made, else `tcg`: QEMU is asked to make one, and to quit."""
    if not Path("/dev/kvm").exists():
        return "tcg"
    words = [
        "-machine",
        "q35",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-nodefaults",
        "-display",
        "none",
        "-m",
        "16",
        "-S",
        "-monitor",
        "stdio",
    ]
    try:
        ended = subprocess.run(  # noqa: S603 -- the words are above
            [qemu(), *words], input=b"quit\n", capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "tcg"
    return "tcg" if ended.returncode else "kvm"
