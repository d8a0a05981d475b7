"""The machine: what QEMU is told, and what the kernel in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.gate.linux import machine
from tenure.gate.linux.machine import Board, command
from tenure.gate.subject import NotRun


@pytest.fixture
def tcg(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hardware virtualisation, and a QEMU that is somewhere."""
    monkeypatch.setattr(machine, "accelerator", lambda: "tcg")
    monkeypatch.setattr(machine, "qemu", lambda: "/usr/bin/qemu-system-x86_64")


def words(iommu: str) -> list[str]:
    """The command line for this IOMMU."""
    return command(Board(iommu), Path("/boot/vmlinuz"), Path("/run/initrd"), Path("/run/console"), 7)


@pytest.mark.usefixtures("tcg")
@pytest.mark.parametrize(
    ("iommu", "device", "parameter"),
    [
        ("intel", "intel-iommu,intremap=on", "intel_iommu=on"),
        ("intel48", "intel-iommu,intremap=on,aw-bits=48", "intel_iommu=on"),
        ("amd", "amd-iommu", "amd_iommu=on"),
    ],
)
def test_each_iommu_is_a_device_and_a_word_for_the_kernel(iommu: str, device: str, parameter: str) -> None:
    """It comes before the devices that it isolates."""
    said = words(iommu)

    assert said.index(device) < said.index(machine.DEVICES[0])
    assert parameter in said[said.index("-append") + 1].split()


@pytest.mark.usefixtures("tcg")
def test_a_machine_without_iommu_has_none() -> None:
    """Neither the device nor the word."""
    assert not [
        word for word in words("none") if "iommu=on" in word.replace("iommu_platform=on", "") or "-iommu" in word
    ]


@pytest.mark.usefixtures("tcg")
def test_a_machine_has_no_disk_and_no_network() -> None:
    """Nothing leads out of it but the console's file and the agent's socket."""
    said = words("intel")

    assert said[said.index("-net") + 1] == "none"
    assert not {"-drive", "-hda", "-netdev", "-nic", "-virtfs"} & set(said)
    assert [word for word in said if "chardev" in word or "file:" in word] == [
        "file:/run/console",
        "-chardev",
        "virtserialport,chardev=agent,name=agent",
    ]
    assert "socket,id=agent,fd=7" in said


@pytest.mark.usefixtures("tcg")
def test_a_kernel_ends_at_its_first_complaint() -> None:
    """So that what it complains of is what it was last called with."""
    told = words("intel")[-1].split()

    assert {"panic=-1", "oops=panic", "sysctl.kernel.panic_on_warn=1"} <= set(told)
    assert "-no-reboot" in words("intel")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("QEMU emulator version 4.2.1 (Debian)\nCopyright\n", "4.2.1 .Debian., too old; version 6.0"),
        ("what", "too old"),
    ],
)
def test_a_qemu_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, version: str, said: str) -> None:
    """With the version that would do."""
    monkeypatch.setattr(machine, "path_of", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine, "run", lambda _: version)
    machine.qemu.cache_clear()

    with pytest.raises(NotRun, match=said):
        machine.qemu()


def test_a_qemu_that_will_do_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is."""
    monkeypatch.setattr(machine, "path_of", lambda name: f"/opt/{name}")
    monkeypatch.setattr(machine, "run", lambda _: "QEMU emulator version 7.2.22 (Debian 1:7.2)")
    machine.qemu.cache_clear()

    assert machine.qemu() == "/opt/qemu-system-x86_64"
    machine.qemu.cache_clear()


@pytest.mark.usefixtures("tcg")
def test_a_kernel_does_not_test_its_timer() -> None:
    """On a busy machine it would fail, and the kernel not boot."""
    said = words("intel")

    assert "no_timer_check" in said[said.index("-append") + 1].split()
