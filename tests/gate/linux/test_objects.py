"""Objects of iommufds on a guest: numbers that only their iommufd knows, what is asked of it, and what a guest must have."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import cast

import pytest
from tests.gate.linux.conftest import Played
from tests.gate.linux.playing_objects import Objects as Iommus

from tenure.commands.naming import system_named
from tenure.gate.linux import mdev, objects
from tenure.gate.linux.batch import Round
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import NO_OBJECT, CdevIoctl, IommuIoctl
from tenure.gate.linux.objects import ACCESSES, NOT_OPEN, Objects
from tenure.gate.linux.racing import RACER, Racing
from tenure.gate.subject import NotRun, Setup, TargetFailed, Written
from tenure.search.object_scopes import MIXTURE
from tenure.vocabulary.answers import Answer, Done, Refused

SETUP = Setup(
    "iommufd-objects:accesses",
    {"process": 2, "file": 6, "object": 6, "device": 3},
    {"device_emulated": {"d0": True, "d1": True, "d2": True}},
    {},
)

NODES = {"/dev": ["iommu"], "/dev/vfio/devices": [f"vfio{n}" for n in range(7, 14)]}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the folders of a guest have: iommufds, and a device file for each device."""
    known = dict(NODES)
    places: list[str] = []

    def folder(_guest: object, _target: str, path: str) -> list[str]:
        if path.endswith("vfio-dev"):
            places.append(path)
            return [f"vfio{6 + len(places)}"]
        return known.get(path, [])

    monkeypatch.setattr(objects, "folder", folder)
    monkeypatch.setattr(objects, "mediated", lambda _guest, _facts, many: [f"/sys/mdev/{n}" for n in range(many)])
    return known


@pytest.fixture
def iommus() -> Iommus:
    """A guest that does all as it should."""
    return Iommus()


@pytest.fixture
def adapter(iommus: Iommus, facts: Facts, nodes: object) -> Objects:
    """An adapter after a reset."""
    del nodes
    made = Objects(cast("Guest", iommus), facts, ACCESSES)
    made.reset(SETUP)
    iommus.asked.clear()
    return made


def made(iommus: Iommus, adapter: Objects, call: str, **args: Written) -> Answer | None:
    """Make a call; its answer. What the kernel was asked before is forgotten."""
    using = Round()
    read = adapter.ask(call, cast("Mapping[str, Written]", args), using)
    iommus.asked.clear()
    iommus.ask(*using.batches)
    return read()


def asked(iommus: Iommus, request: int) -> tuple[int, ...]:
    """The structure of the last ioctl, as numbers of 32 bits."""
    found, structure = iommus.asked[-1]
    assert found == request
    return struct.unpack(f"<{len(structure) // 4}I", structure)


def two_iommufds(iommus: Iommus, adapter: Objects) -> None:
    """Each has an IO address space, and knows it by the number 1."""
    for file, obj in (("f0", "o0"), ("f1", "o1")):
        made(iommus, adapter, "open_iommufd", process="p0", file=file)
        assert made(iommus, adapter, "ioas_alloc", process="p0", file=file, made=obj) == Done(())


def test_an_object_is_a_number_that_its_iommufd_alone_knows(iommus: Iommus, adapter: Objects) -> None:
    """Of another's, and of one that nobody made, it is asked by a number that it never gives."""
    two_iommufds(iommus, adapter)

    for file, obj, number in (("f0", "o0", 1), ("f1", "o1", 1), ("f0", "o1", NO_OBJECT), ("f0", "o2", NO_OBJECT)):
        made(iommus, adapter, "iova_ranges", process="p0", file=file, obj=obj)
        assert asked(iommus, IommuIoctl.IOAS_IOVA_RANGES)[:3] == (32, number, 16)


def test_one_that_is_gone_keeps_its_number_until_another_gets_it(iommus: Iommus, adapter: Objects) -> None:
    """So that a table which still finds it is seen, and the other is not taken for it."""
    two_iommufds(iommus, adapter)
    destroyed: dict[str, Written] = {"process": "p0", "file": "f0", "obj": "o0"}

    answers = [made(iommus, adapter, "destroy", **destroyed) for _ in range(2)]
    assert answers == [Done(()), Refused("ENOENT")]
    assert asked(iommus, IommuIoctl.DESTROY) == (8, 1)
    made(iommus, adapter, "ioas_alloc", process="p0", file="f0", made="o2")
    assert made(iommus, adapter, "destroy", **destroyed) == Refused("ENOENT")
    assert asked(iommus, IommuIoctl.DESTROY) == (8, NO_OBJECT)
    made(iommus, adapter, "open_iommufd", process="p0", file="f1")
    made(iommus, adapter, "destroy", process="p0", file="f1", obj="o1")
    assert asked(iommus, IommuIoctl.DESTROY) == (8, NO_OBJECT)


def test_a_bind_names_a_file_whether_it_is_open_or_not(iommus: Iommus, adapter: Objects) -> None:
    """None is one that nobody has; a negative one would be refused for another reason. A bind that fails binds nothing."""
    two_iommufds(iommus, adapter)
    made(iommus, adapter, "open_cdev", process="p0", file="f2", device="d1")
    opened = iommus.workers["0"].files[102]
    assert opened.path == "/dev/vfio/devices/vfio8"

    for other, said in (("none", "EBADF"), ("f5", "EBADF"), ("f2", "EBADFD")):
        answer = made(iommus, adapter, "bind", process="p0", file="f2", other=other, made="o3")
        assert answer == Refused(said)
        number = NOT_OPEN if other == "none" else 100 + int(other[1:])
        assert asked(iommus, CdevIoctl.DEVICE_BIND_IOMMUFD)[:3] == (16, 0, number)
    assert made(iommus, adapter, "attach", process="p0", file="f2", obj="o1") == Refused("EINVAL")
    assert made(iommus, adapter, "bind", process="p0", file="f2", other="f1", made="o3") == Done(())
    assert made(iommus, adapter, "attach", process="p0", file="f2", obj="o0") == Refused("ENOENT")
    assert made(iommus, adapter, "attach", process="p0", file="f2", obj="o1") == Done(())
    assert asked(iommus, CdevIoctl.DEVICE_ATTACH_IOMMUFD_PT) == (12, 0, 1)
    assert made(iommus, adapter, "bind", process="p0", file="f2", other="f1", made="o4") == Refused("EINVAL")
    assert made(iommus, adapter, "attach", process="p0", file="f2", obj="o1") == Done(())
    assert made(iommus, adapter, "destroy", process="p0", file="f1", obj="o3") == Refused("EBUSY")


def test_nothing_is_made_ahead_of_what_gives_numbers(adapter: Objects) -> None:
    """All else may be."""
    assert {call for call in adapter.calls if adapter.last(call)} == {"ioas_alloc", "bind", "attach", "exit_process"}


def test_physical_devices_bring_page_tables(iommus: Iommus, adapter: Objects, facts: Facts, nodes: object) -> None:
    """And one device is emulated beside them; without devices there is nothing but IO address spaces."""
    del nodes
    mixed = Objects(cast("Guest", iommus), facts, MIXTURE)
    alone = Objects(cast("Guest", iommus), facts)

    assert mixed.calls - alone.calls == {"open_cdev", "bind", "attach", "detach", "hwpt_alloc"}
    where, plan = mixed.scopes(system_named("iommufd-objects"))
    assert where.fixed["emulated"] == (False, False, True)
    assert plan.fixed["emulated"] == (False, True)
    assert mixed.last("hwpt_alloc")
    with pytest.raises(NotRun, match="which page table an attach made is known when it is over"):
        mixed.race_scope(system_named("iommufd-objects"))
    rules = system_named("iommufd-objects:accesses")
    assert all(adapter.race_scope(rules).fixed["emulated"])


def test_in_a_race_a_number_is_found_where_the_kernel_wrote_it(iommus: Iommus, adapter: Objects) -> None:
    """Nobody has read it yet; of what was destroyed before it is found no more, though another object gets it."""
    racing = Racing(cast("Guest", iommus), adapter, adapter)
    file: dict[str, Written] = {"process": "p0", "file": "f0"}
    before = [
        ("open_iommufd", file),
        ("ioas_alloc", {**file, "made": "o0"}),
        ("destroy", {**file, "obj": "o0"}),
        ("ioas_alloc", {**file, "made": "o1"}),
    ]
    pair = ("iova_ranges", {**file, "obj": "o0"}), ("iova_ranges", {**file, "obj": "o1"})
    iommus.workers[RACER].arena[:] = bytes(len(iommus.workers[RACER].arena))

    lines = racing.lines(before, pair, [("destroy", {**file, "obj": "o1"})])
    assert all(racing.able(*one) for one in (*before, *pair))
    (done,) = racing.run(before, pair, [("destroy", {**file, "obj": "o1"})], [1])

    assert any(line.startswith("b ") for line in lines)
    assert done == ((Done(()),) * 4, (Refused("ENOENT"), Done(()), Done(())), {})


def test_a_guest_without_iommufd_cannot_be_tried(iommus: Iommus, facts: Facts, nodes: dict[str, list[str]]) -> None:
    """Stock kernels have none; others have no device files."""
    nodes["/dev/vfio/devices"] = []
    with pytest.raises(NotRun, match="has no device files; it needs CONFIG_VFIO_DEVICE_CDEV"):
        Objects(cast("Guest", iommus), facts, ACCESSES)
    nodes["/dev"] = []
    with pytest.raises(NotRun, match="has no iommufd; it needs CONFIG_IOMMUFD"):
        Objects(cast("Guest", iommus), facts)


def test_emulated_devices_are_made(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by a name of its own; where there is nothing that makes them it is said what that takes."""
    written: list[str] = []

    def reply(_: str, line: str) -> str | None:
        if line.startswith("w "):
            written.append(bytes.fromhex(line.split()[2]).decode().strip("\0"))
        return "-28" if line.startswith("s 1 ") and len(written) > 6 else None

    monkeypatch.setattr(mdev, "folder", lambda *_: [mdev.PARENT])
    places = mdev.mediated(cast("Guest", Played(reply)), facts, 3)
    assert [one.rpartition("/")[2] for one in places] == written[1::2]
    assert len(set(places)) == 3
    with pytest.raises(TargetFailed, match="mtty makes no device: errno 28"):
        mdev.mediated(cast("Guest", Played(reply)), facts, 1)
    monkeypatch.setattr(mdev, "folder", lambda *_: [])
    with pytest.raises(NotRun, match=r"has no mediated sample device; it needs CONFIG_VFIO_MDEV"):
        mdev.mediated(cast("Guest", Played()), facts, 1)
