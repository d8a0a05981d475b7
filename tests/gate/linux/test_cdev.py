"""Device files and iommufds on a guest: numbers that an iommufd gives, nodes that a driver brings, requests that are wrong."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import cast

import pytest
from tests.gate.linux.conftest import Kernel, made

from tenure.gate.linux import cdev
from tenure.gate.linux.cdev import IOMMUFD_AS_CONTAINER, Cdevs
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import NO_OBJECT
from tenure.gate.subject import NotRun, Setup, Written
from tenure.models import SYSTEMS
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import BIND_REQUEST

SETUP = Setup(
    "cdev",
    {"process": 2, "file": 8, "group": 2, "device": 3, "container": 2, "table": 3},
    {"device_group": {"d0": "g0", "d1": "g1", "d2": "g0"}, "rawio": {"p0": True, "p1": False}},
    {"device_driver": {"d0": "vfio", "d1": "vfio", "d2": "vfio"}},
)

DESTROY, IOAS_ALLOC, BIND, ATTACH = "15232", "15233", "15222", "15223"


class Iommus(Kernel):
    """It gives the numbers of objects that are said here, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    def answered(self, target: str, line: str) -> str | None:
        """What a line returns."""
        if line.startswith("r ") and line.endswith(" 12") and self.numbers:
            return struct.pack("<III", 12, 0, self.numbers.pop(0)).hex()
        return super().answered(target, line)


@pytest.fixture
def kernel() -> Iommus:
    """It does what it is asked."""
    return Iommus()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each device's folder of nodes has, and how a guest looks that has device files."""
    names = ["vfio3"]

    def folder(_guest: object, _target: str, path: str) -> list[str]:
        return {"/dev": ["iommu", "vfio"], "/dev/vfio/devices": ["vfio0"]}.get(path, list(names))

    monkeypatch.setattr(cdev, "folder", folder)
    return names


@pytest.fixture
def adapter(kernel: Iommus, facts: Facts, nodes: list[str]) -> Cdevs:
    """An adapter after a reset, of a kernel that knows of tokens."""
    del nodes
    made = Cdevs(cast("Guest", kernel), replace(facts, release="7.2.12"))
    made.reset(SETUP)
    kernel.asked.clear()
    return made


def given(kernel: Iommus, request: str) -> tuple[int, ...]:
    """The structure of the last ioctl of this kind, as numbers of 32 bits."""
    lines = [line for _, line in kernel.asked]
    place = next(line.split()[-1].removeprefix("@") for line in lines if line.split()[3:4] == [request])
    content = next(line.split()[2] for line in lines if line.startswith(f"w {place} "))
    return struct.unpack(f"<{len(content) // 8}I", bytes.fromhex(content))


def test_an_io_address_space_is_the_number_that_its_iommufd_gave(kernel: Iommus, adapter: Cdevs) -> None:
    """Until it is destroyed; it is looked up in the iommufd to which the device is bound."""
    kernel.numbers = [7]
    made(kernel, adapter, "open_iommufd", process="p0", file="f0")
    assert made(kernel, adapter, "ioas_alloc", process="p0", file="f0", made="tb1") == Done(())
    made(kernel, adapter, "open_cdev", process="p0", file="f1", device="d0")
    made(kernel, adapter, "bind", process="p0", file="f1", other="f0", request="well formed")

    made(kernel, adapter, "attach", process="p0", file="f1", obj="tb1")
    assert given(kernel, ATTACH) == (12, 0, 7)
    assert made(kernel, adapter, "destroy", process="p0", file="f0", obj="tb1") == Done(())
    assert given(kernel, DESTROY) == (8, 7)
    made(kernel, adapter, "attach", process="p0", file="f1", obj="tb1")
    assert given(kernel, ATTACH) == (12, 0, NO_OBJECT)


def test_what_an_iommufd_has_not_is_a_number_that_it_never_gives(kernel: Iommus, adapter: Cdevs) -> None:
    """The number in another iommufd may be one of its own; and a file that is bound to nothing knows none."""
    kernel.numbers = [1, 1]
    for file, table in (("f0", "tb0"), ("f1", "tb1")):
        made(kernel, adapter, "open_iommufd", process="p0", file=file)
        made(kernel, adapter, "ioas_alloc", process="p0", file=file, made=table)

    made(kernel, adapter, "destroy", process="p0", file="f0", obj="tb1")
    assert given(kernel, DESTROY) == (8, NO_OBJECT)
    made(kernel, adapter, "attach", process="p0", file="f2", obj="tb0")
    assert given(kernel, ATTACH) == (12, 0, NO_OBJECT)


def test_a_refusal_leaves_what_is_known(kernel: Iommus, adapter: Cdevs) -> None:
    """A table that could not be destroyed has its number still, a file that could not be bound has no iommufd."""
    kernel.numbers = [5]
    made(kernel, adapter, "ioas_alloc", process="p0", file="f0", made="tb0")
    kernel.errno = {f" {DESTROY} ": 16, f" {BIND} ": 1}

    assert made(kernel, adapter, "destroy", process="p0", file="f0", obj="tb0") == Refused("EBUSY")
    assert made(kernel, adapter, "bind", process="p0", file="f1", other="f0", request="well formed") == Refused("EPERM")
    made(kernel, adapter, "destroy", process="p0", file="f0", obj="tb0")
    assert given(kernel, DESTROY) == (8, 5)
    made(kernel, adapter, "attach", process="p0", file="f1", obj="tb0")
    assert given(kernel, ATTACH) == (12, 0, NO_OBJECT)


def test_an_iommufd_of_a_name_that_was_another_has_nothing(kernel: Iommus, adapter: Cdevs) -> None:
    """Its number of old is another's now, or nobody's."""
    kernel.numbers = [5]
    made(kernel, adapter, "ioas_alloc", process="p0", file="f0", made="tb0")
    made(kernel, adapter, "open_iommufd", process="p0", file="f0")

    made(kernel, adapter, "destroy", process="p0", file="f0", obj="tb0")

    assert given(kernel, DESTROY) == (8, NO_OBJECT)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("well formed", (24, 0, 103, 0, 0, 0, 0, 0)),
        ("too short", (12, 0, 103, 0, 0, 0, 0, 0)),
        ("too long", (32, 0, 103, 0, 0, 0, 1, 0)),
        ("unknown flag", (24, 1 << 31, 103, 0, 0, 0, 0, 0)),
        ("token", (24, 1, 103, 0, 0, 0, 0, 0)),
        ("unwritable", (24, 0, 103, 0, 0, 0, 0, 0)),
    ],
)
def test_a_request_is_wrong_in_the_way_that_is_said(
    kernel: Iommus, adapter: Cdevs, request_: str, expected: tuple[int, ...]
) -> None:
    """Its size, its flags, its iommufd, where the device's number comes back, the address of a token, and one field more."""
    made(kernel, adapter, "bind", process="p0", file="f1", other="f3", request=request_)

    assert given(kernel, BIND) == expected


def test_an_unreadable_request_is_nowhere_and_an_unwritable_one_on_a_page_of_its_own(
    kernel: Iommus, adapter: Cdevs
) -> None:
    """Which can be written again afterwards; a negative fd is none."""
    made(kernel, adapter, "bind", process="p0", file="f1", other="f3", request="unreadable")
    assert [line for _, line in kernel.asked] == [f"s 16 101 {BIND} 0"]

    made(kernel, adapter, "bind", process="p0", file="f1", other="f3", request="unwritable")
    calls = [line for _, line in kernel.asked if line.startswith("s ")]
    assert calls == ["s 10 @1044480 4096 1", f"s 16 101 {BIND} @1044480", "s 10 @1044480 4096 3"]

    made(kernel, adapter, "bind", process="p0", file="f1", other="none", request="well formed")
    assert given(kernel, BIND)[2] == (1 << 32) - 1


def test_a_token_is_told_by_its_address(kernel: Iommus, adapter: Cdevs) -> None:
    """Where the structure has it."""
    made(kernel, adapter, "bind", process="p0", file="f1", other="f3", request="token")

    assert [line for _, line in kernel.asked if line.startswith("p ")] == ["p 32 @0"]


def test_before_tokens_what_has_to_do_with_them_is_not_made(kernel: Iommus, facts: Facts, nodes: list[str]) -> None:
    """Nor what is beyond the structure, at which those kernels do not look; and they know a shorter one."""
    del nodes
    old = Cdevs(cast("Guest", kernel), replace(facts, release="6.12.95+deb12-amd64"))
    old.reset(SETUP)
    able = [one for one in BIND_REQUEST.values if old.able("bind", {"request": one})]

    assert able == [one for one in BIND_REQUEST.values if one not in ("too long", "token")]
    made(kernel, old, "bind", process="p0", file="f1", other="f3", request="well formed")
    assert given(kernel, BIND)[0] == 16


def test_a_device_has_another_node_each_time_that_it_gets_a_driver(
    kernel: Iommus, adapter: Cdevs, nodes: list[str]
) -> None:
    """It is looked up when it is not known, and one without a driver has none."""
    opens: dict[str, Written] = {"process": "p0", "device": "d1"}

    def opened(file: str) -> str:
        made(kernel, adapter, "open_cdev", file=file, **opens)
        return bytes.fromhex(kernel.asked[0][1].split()[2]).decode()

    assert opened("f0") == "/dev/vfio/devices/vfio3\0"
    nodes[:] = ["vfio4"]
    assert opened("f1") == "/dev/vfio/devices/vfio3\0"
    made(kernel, adapter, "bind_driver", device="d1", to="vfio")
    assert opened("f2") == "/dev/vfio/devices/vfio4\0"
    nodes.clear()
    made(kernel, adapter, "unbind_driver", device="d1")
    assert opened("f3") == "/dev/vfio/devices/none\0"


def test_an_iommufd_in_the_place_of_a_container_is_marked(kernel: Iommus, adapter: Cdevs) -> None:
    """Not another file, nor one that has the iommufd's name later."""
    sets: dict[str, Written] = {"process": "p0", "file": "f1", "other": "f0"}
    again: dict[str, Written] = {**sets, "file": "f2"}
    made(kernel, adapter, "open_iommufd", process="p0", file="f0")
    made(kernel, adapter, "set_container", **sets)
    made(kernel, adapter, "open_container", process="p0", file="f0", made="c0")
    made(kernel, adapter, "set_container", **again)

    assert adapter.marks("set_container", sets) == {IOMMUFD_AS_CONTAINER}
    assert adapter.marks("set_container", again) == frozenset()
    assert adapter.marks("unset_container", sets) == frozenset()


def test_nothing_is_made_ahead_of_what_gives_numbers_and_nodes(adapter: Cdevs) -> None:
    """All else may be."""
    assert {call for call in adapter.calls if adapter.last(call)} == {
        "ioas_alloc",
        "destroy",
        "bind",
        "bind_driver",
        "exit_process",
    }


def test_a_guest_without_iommufd_cannot_be_tried(kernel: Iommus, facts: Facts) -> None:
    """Stock kernels have none."""
    with pytest.raises(NotRun, match="no device files and no iommufd; it needs CONFIG_IOMMUFD"):
        Cdevs(cast("Guest", kernel), facts)


def test_a_guest_is_driven_where_every_device_is_physical_and_has_an_iommu(adapter: Cdevs) -> None:
    """It has no others."""
    where, _ = adapter.scopes(next(s for s in SYSTEMS if s.id == "cdev"))

    assert not any(where.fixed["no iommu"])
    assert not any(where.fixed["emulated"])
    assert where.sizes["device"] == 3
