"""VMs beside groups and device files compared with their model: the two tellings agree, and planted faults are found."""

from __future__ import annotations

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import kvm_file_calls
from tenure.reference.files import File
from tenure.reference.groups import VfioGroup
from tenure.search.cdev_scopes import cdev_scope

VMS = next(s for s in SYSTEMS if s.id == "cdev:vms")
SIZES = {"process": 1, "thread": 0, "group": 1, "device": 1, "table": 0, "user": 1, "vm": 1}


def listed() -> Conformance:
    """Whole calls with a VM whose list keeps a group's file or a device's, until a first difference."""
    return conform_whole(VMS, cdev_scope({**SIZES, "file": 3}), most=1)


def test_the_two_tellings_agree_where_a_list_keeps_a_file() -> None:
    """In every state of the scope."""
    found = listed()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 10_000


@pytest.mark.parametrize("told", [VfioGroup, File], ids=["group", "device file"])
def test_a_file_that_is_not_told_of_its_vm_is_found(told: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """FILE_ADD tells nobody."""
    monkeypatch.setattr(told, "kvm", property(lambda _: None, lambda *_: None))

    assert listed().differences


def test_a_list_that_keeps_no_file_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fd's close is the file's end, listed or not."""
    monkeypatch.setattr(File, "get", lambda self: self)

    assert listed().differences


def test_an_entry_that_is_told_to_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a list leaves the pointers to the VM where they are."""
    sound = kvm_file_calls._set_kvm  # noqa: SLF001  # the fault is planted inside

    def told(me: object, file: object, vm: object, *, locked: bool) -> object:
        return iter(()) if vm is None else sound(me, file, vm, locked=locked)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(kvm_file_calls, "_set_kvm", told)

    assert listed().differences
