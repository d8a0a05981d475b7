"""Containers on a guest: files belong to processes, devices to groups, and drivers come back."""

from __future__ import annotations

from typing import cast

import pytest
from tests.gate.linux.conftest import Kernel, made

from tenure.gate.linux.batch import Round
from tenure.gate.linux.containers import Containers
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.subject import NotRun, Setup
from tenure.vocabulary.answers import Done, Refused

SETUP = Setup(
    "containers-2022",
    {"process": 2, "file": 6, "group": 2, "device": 3, "container": 2, "table": 2},
    {"device_group": {"d0": "g0", "d1": "g1", "d2": "g0"}, "rawio": {"p0": True, "p1": False}},
    {"device_driver": {"d0": "vfio", "d1": "vfio", "d2": "vfio"}},
)


@pytest.fixture
def adapter(kernel: Kernel, facts: Facts) -> Containers:
    """An adapter after a reset."""
    made = Containers(cast("Guest", kernel), facts)
    made.reset(SETUP)
    kernel.asked.clear()
    return made


def test_devices_stand_for_those_of_the_rules_group_by_group(adapter: Containers) -> None:
    """Two of one group are two of one group of the guest."""
    using = Round()
    adapter.look(using)
    (batch,) = using.batches
    texts = [bytes.fromhex(line.split()[2]).decode().strip("\0") for line in batch.lines if line.startswith("w ")]

    devices = ("02:01.0", "02:02.0", "00:12.0")
    assert texts == ["/dev/vfio/8", "/dev/vfio/4", *(f"/sys/bus/pci/devices/0000:{one}/driver" for one in devices)]


def test_a_file_has_one_number_in_every_process_that_has_it(kernel: Kernel, adapter: Containers) -> None:
    """So that calls can be made before it is known what earlier ones returned."""
    assert made(kernel, adapter, "open_container", process="p0", file="f0", made="c0") == Done(())
    assert made(kernel, adapter, "pass_file", process="p0", file="f0", to="p1") == Done(())
    assert [line for _, line in kernel.asked if line.startswith("s 292")] == ["s 292 $1 100 524288"]
    made(kernel, adapter, "close", process="p1", file="f0")
    assert kernel.asked == [("1", "s 3 100")]
    made(kernel, adapter, "close", process="p0", file="f0")
    assert kernel.asked == [("0", "s 3 100")]


def test_a_file_is_a_number_whether_the_process_has_it_or_not(kernel: Kernel, adapter: Containers) -> None:
    """The kernel looks; and none is a negative one."""
    made(kernel, adapter, "open_group", process="p0", file="f0", group="g0")
    for other, number in (("f5", "69000000"), ("none", "ffffffff")):
        made(kernel, adapter, "set_container", process="p0", file="f0", other=other)
        assert [line for _, line in kernel.asked if line.startswith("w ")] == [f"w 0 {number}"]


def test_a_refusal_is_the_errno_of_the_guest(kernel: Kernel, adapter: Containers) -> None:
    """By name."""
    kernel.errno = {"s 257": 16}

    assert made(kernel, adapter, "open_group", process="p0", file="f0", group="g0") == Refused("EBUSY")


def test_an_extension_is_supported_where_the_number_is_above_zero(kernel: Kernel, adapter: Containers) -> None:
    """The types are the numbers of the interface, and one that no driver has."""
    asked = "s 16 100 15205 "
    kernel.returned = {asked + "1": 1, asked + "8": 0}
    types = ("type1", "noiommu", "unsupported")

    answers = [made(kernel, adapter, "check_extension", process="p0", file="f0", type=kind) for kind in types]

    assert answers == [Done((("supported", yes),)) for yes in (True, False, False)]
    kernel.errno = {asked: 9}
    assert made(kernel, adapter, "check_extension", process="p0", file="f0", type="type1") == Refused("EBADF")


def test_the_version_of_the_interface_is_the_number_that_is_returned(kernel: Kernel, adapter: Containers) -> None:
    """Whatever it is: the rules say which it has to be."""
    kernel.returned = {"s 16 100 15204 0": 3}

    assert made(kernel, adapter, "get_api_version", process="p0", file="f0") == Done((("version", 3),))
    kernel.errno = {"s 16 100 15204 ": 9}
    assert made(kernel, adapter, "get_api_version", process="p0", file="f0") == Refused("EBADF")


def test_a_process_that_exits_is_another_process_afterwards(kernel: Kernel, adapter: Containers) -> None:
    """Its number is known only then, so nothing is made ahead after it."""
    made(kernel, adapter, "open_container", process="p0", file="f0", made="c0")
    assert made(kernel, adapter, "exit_process", process="p0") == Done(())
    made(kernel, adapter, "open_container", process="p1", file="f1", made="c1")
    made(kernel, adapter, "fork", process="p1", child="p0")

    assert kernel.asked[0] == ("0", "s 434 101 0")
    assert adapter.last("exit_process")
    made(kernel, adapter, "pass_file", process="p0", file="f1", to="p1")
    assert kernel.asked[0] == ("1", "s 434 102 0")


def test_a_driver_that_the_guest_does_not_have_is_not_bound(adapter: Containers) -> None:
    """The machine of these tests has no pci-stub."""
    assert adapter.able("bind_driver", {"device": "d0", "to": "kernel"})
    assert not adapter.able("bind_driver", {"device": "d0", "to": "stub"})


def test_drivers_are_as_before_when_a_run_begins(kernel: Kernel, adapter: Containers) -> None:
    """One that moved is moved back; where none did, nothing is written."""
    adapter.reset(SETUP)
    assert not [line for target, line in kernel.asked if target == "15" and line.startswith("s 1 ")]

    kernel.driver = "virtio-pci"
    adapter.reset(SETUP)
    assert [line for target, line in kernel.asked if target == "15" and line.startswith("s 1 ")]


def test_a_guest_without_such_groups_cannot_be_tried(kernel: Kernel, facts: Facts) -> None:
    """Three groups are more than it has."""
    setup = Setup(
        SETUP.profile,
        SETUP.objects,
        {**SETUP.fixed, "device_group": {"d0": "g0", "d1": "g1", "d2": "g2"}},
        SETUP.initial,
    )

    with pytest.raises(NotRun, match="no group of 1 network cards"):
        Containers(cast("Guest", kernel), facts).reset(setup)
