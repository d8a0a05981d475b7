"""Comparing the two tellings of DEL by get: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import get_put_calls, kvm_get_put_calls
from tenure.reference.calls import EINVAL, Task
from tenure.reference.containers import Container
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.search.scopes import scope
from tenure.vocabulary.answers import Answer

SIZES = {
    "process": 1,
    "thread": 0,
    "file": 4,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 1,
    "vm": 1,
}

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


def whole() -> Conformance:
    """Whole calls in a scope with one entry, until a first difference."""
    (system,) = (s for s in SYSTEMS if s.id == "kvm-file:del-by-get")
    return conform_whole(system, scope(SIZES), most=1)


def test_the_two_tellings_agree() -> None:
    """Without a fault the scope is seen whole, nothing differs, and each refusal that it has room for is met."""
    report = whole()

    assert report.complete
    assert report.differences == []
    assert {one for one in report.refusals if "file_del" in one} == {
        "file_del.look_up#1 EBADF",
        "file_del.count#0 EINVAL",
        "file_del.count#1 EINVAL",
        "file_del.validate#1 EINVAL",
        "file_del.validate#2 EINVAL",
        "file_del.put_own#0 ENOENT",
    }


def it_looks_for_the_group_without_getting_it(patch: pytest.MonkeyPatch) -> None:
    """ENOENT comes where get would have refused: what it does today."""

    def own_use(me: Task, named: File) -> Generator[str, None, Answer | VfioGroup]:
        yield f"{me.call}.count"
        group = named.group
        if named.kind != GROUP_FILE or group is None:
            return EINVAL
        group.kref += 1
        group.users += 1
        me.drop(named)
        return group

    patch.setattr(kvm_get_put_calls, "own_use", own_use)


def what_get_refuses_goes_on_counting(patch: pytest.MonkeyPatch) -> None:
    """A group that is unfit is not given back."""
    looks = get_put_calls.validated

    def validated(me: Task, group: VfioGroup) -> Generator[str, None, Container | None]:
        found = yield from looks(me, group)
        group.users += found is None
        return found

    patch.setattr(get_put_calls, "validated", validated)


def its_own_use_is_never_given_back(patch: pytest.MonkeyPatch) -> None:
    """The entry's is, and no other."""
    uses = get_put_calls.own_use

    def own_use(me: Task, named: File) -> Generator[str, None, Answer | VfioGroup]:
        group = yield from uses(me, named)
        if isinstance(group, VfioGroup):
            group.users += 1
        return group

    patch.setattr(kvm_get_put_calls, "own_use", own_use)


def the_entry_keeps_its_use(patch: pytest.MonkeyPatch) -> None:
    """The call's own is given back, and no other."""

    def nothing(*_: object) -> Iterator[str]:
        yield from ()

    patch.setattr(kvm_get_put_calls, "_put", nothing)


@pytest.mark.parametrize(
    ("plant", "shown"),
    [
        (it_looks_for_the_group_without_getting_it, "EINVAL"),
        (what_get_refuses_goes_on_counting, "container_users"),
        (its_own_use_is_never_given_back, "container_users"),
        (the_entry_keeps_its_use, "container_users"),
    ],
)
def test_a_fault_in_the_reference_is_found(monkeypatch: pytest.MonkeyPatch, plant: Plant, shown: str) -> None:
    """The difference says in what they part: an answer, or what is shown."""
    plant(monkeypatch)

    report = whole()

    assert report.differences
    assert shown in report.differences[0].model
