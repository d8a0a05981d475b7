"""VMs on a guest: ioctls of /dev/kvm, files that KVM names itself, and a KVM VFIO device that is closed before its VM."""

from __future__ import annotations

import struct
from typing import cast

import pytest
from tests.gate.linux.conftest import Kernel, made

from tenure.gate.linux.facts import KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.kvm_files import KvmFiles
from tenure.gate.linux.subject import ADAPTERS, MODULES
from tenure.gate.linux.vm_lives import DEVICE_CLOSED
from tenure.gate.subject import NotRun, Setup, Written
from tenure.vocabulary.answers import Done, Refused

SETUP = Setup(
    "kvm-file",
    {"process": 2, "file": 8, "group": 2, "device": 3, "container": 2, "table": 2, "user": 2, "vm": 2},
    {"device_group": {"d0": "g0", "d1": "g1", "d2": "g0"}, "rawio": {"p0": True, "p1": False}},
    {"device_driver": {"d0": "vfio", "d1": "vfio", "d2": "vfio"}},
)

CREATE_VM, CREATE_DEVICE, SET_DEVICE_ATTR = "44545", "3222056672", "1075359457"


@pytest.fixture
def adapter(kernel: Kernel, facts: Facts) -> KvmFiles:
    """An adapter after a reset."""
    made = KvmFiles(cast("Guest", kernel), facts)
    made.reset(SETUP)
    kernel.asked.clear()
    return made


def test_a_vm_is_a_file_of_the_process_that_makes_it(kernel: Kernel, adapter: KvmFiles) -> None:
    """And the file of KVM itself, by which it is made, is closed again."""
    assert made(kernel, adapter, "create_vm", process="p1", file="f2", made="vm0") == Done(())

    calls = [line for target, line in kernel.asked if target == "1" and line.startswith("s ")]
    assert calls[1:] == [f"s 16 $1 {CREATE_VM} 0", "s 292 $2 102 524288", "s 3 $2", "s 3 $1"]


def test_the_file_of_a_kvm_vfio_device_has_the_number_that_kvm_wrote_back(kernel: Kernel, adapter: KvmFiles) -> None:
    """It returns none: where it refuses, what stands there is no file's number."""
    assert made(kernel, adapter, "create_kvm_vfio", process="p0", file="f0", made="f1") == Done(())

    written, *calls = [line for _, line in kernel.asked]
    assert struct.unpack("<IiI", bytes.fromhex(written.split()[2])) == (4, -1, 0)
    assert calls == [f"s 16 100 {CREATE_DEVICE} @0", "s 292 *4 101 524288", "s 3 *4"]


@pytest.mark.parametrize(("call", "attribute"), [("file_add", 1), ("file_del", 2)])
def test_a_file_is_told_by_the_address_of_its_number(
    kernel: Kernel, adapter: KvmFiles, call: str, attribute: int
) -> None:
    """Whether the process has it or not: the kernel looks."""
    made(kernel, adapter, call, process="p0", file="f1", other="f7", entry="u0")

    number, structure, address, ioctl = [line for _, line in kernel.asked]
    assert number == "w 0 6b000000"
    assert struct.unpack("<IIQQ", bytes.fromhex(structure.split()[2])) == (0, 1, attribute, 0)
    assert (address, ioctl) == ("p 32 @0", f"s 16 101 {SET_DEVICE_ATTR} @16")


def test_a_refusal_is_the_errno_of_the_guest(kernel: Kernel, adapter: KvmFiles) -> None:
    """By name."""
    kernel.errno = {SET_DEVICE_ATTR: 17}

    assert made(kernel, adapter, "file_add", process="p0", file="f1", other="f2", entry="u0") == Refused("EEXIST")


def test_all_else_is_as_with_containers(kernel: Kernel, adapter: KvmFiles) -> None:
    """The same calls, and the same that is shown."""
    made(kernel, adapter, "open_group", process="p0", file="f0", group="g1")

    assert bytes.fromhex(kernel.asked[0][1].split()[2]) == b"/dev/vfio/4\0"
    assert adapter.shows == {"device_driver", "group_exists", "device_group"}
    assert {"create_vm", "file_add", "get_device_fd", "close"} <= adapter.calls


def test_calls_after_a_kvm_vfio_device_was_closed_are_marked(kernel: Kernel, adapter: KvmFiles) -> None:
    """Not those before, and not because another file was closed."""
    add: dict[str, Written] = {"process": "p0", "file": "f1", "other": "f2", "entry": "u0"}
    opens: dict[str, Written] = {"process": "p0", "file": "f3", "group": "g0"}
    made(kernel, adapter, "create_vm", process="p0", file="f0", made="vm0")
    made(kernel, adapter, "create_kvm_vfio", process="p0", file="f0", made="f1")
    made(kernel, adapter, "close", process="p0", file="f2")
    made(kernel, adapter, "file_add", **add)
    made(kernel, adapter, "close", process="p0", file="f1")
    made(kernel, adapter, "open_group", **opens)

    assert adapter.marks("file_add", add) == frozenset()
    assert adapter.marks("open_group", opens) == {DEVICE_CLOSED}
    adapter.reset(SETUP)
    assert adapter.marks("open_group", opens) == frozenset()


@pytest.mark.parametrize(("line", "said"), [("s 257", "has no KVM"), (CREATE_VM, "fails with errno 12")])
def test_a_guest_that_makes_no_vm_cannot_be_tried(kernel: Kernel, facts: Facts, line: str, said: str) -> None:
    """Before anything is called; what was opened is closed."""
    kernel.errno = {line: 12}

    with pytest.raises(NotRun, match=said):
        KvmFiles(cast("Guest", kernel), facts)
    assert {target for target, _ in kernel.asked} == {KEEPER}


def test_every_profile_of_vms_has_kvms_modules() -> None:
    """And no other."""
    assert set(MODULES) == {name for name in ADAPTERS if name.startswith("kvm-file")}
    assert all({"kvm-amd", "kvm-intel"} == set(names) for names in MODULES.values())
