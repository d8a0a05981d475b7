"""Every step of every type1 call that can fail, fails once: what is left is what was, but where the answer itself is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenure.reference.dma import Access, Bounds, Range
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.processes import Process
from tenure.reference.dma.type1 import Flags, Tracking, Type1
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_state import Device, Group

PAGE = 0x1000
RW = Flags.READ | Flags.WRITE
GROUP, ALIKE, OTHER, MDEV = Group("g0"), Group("g1"), Group("g2", iommu="other"), Group("mdev", emulated=True)

Shown = tuple[object, ...]


def container(*groups: Group) -> tuple[Type1, Process, Process]:
    """Two processes with scattered memory, one mapping of each; a device that lets go, with a page pinned."""
    old, new = Process("old", 64), Process("new", 64)
    for who in (old, new):
        for page in range(8):
            who.has(Range(page * PAGE, page * PAGE + 0xFFF), 0x7000_0000 - page * 2 * PAGE)
    made = Type1(bounds=Bounds(entries=8))
    assert [made.attach(group) for group in groups] == [None] * len(groups)
    assert made.map_dma(old, 0, 0, 3 * PAGE, RW) is None
    assert made.map_dma(new, 0x8000, PAGE, 2 * PAGE, RW) is None
    device = Device("d0", groups[0], lambda r: made.unpin_pages(r.first, (r.last + 1 - r.first) // PAGE))
    made.register_device(device)
    assert isinstance(made.pin_pages(device, PAGE, 1, Access.READ), tuple)
    return made, old, new


def shown(made: Type1) -> Shown:
    """All that a call could change: what is tracked, pinned, charged, translated, dirty, valid, attached."""
    kept = made.container
    dmas = [
        (d.mapping(), d.is_invalid, d.locked, tuple(d.runs), dict(d.pinned), frozenset(d.dirty))
        for d in sorted(kept.dmas.values(), key=lambda dma: dma.range)
    ]
    who = {d.process.name: d.process.locked for d in kept.dmas.values()}
    domains = [(domain.iommu, tuple(domain.groups), tuple(domain.table)) for domain in kept.domains]
    return dmas, who, domains, tuple(kept.emulated), kept.tracks_dirty, tuple(kept.space), made.get_info()


def device(made: Type1) -> Device:
    """The one that is registered."""
    return made.container.devices[0]


def invalidated(made: Type1) -> Type1:
    """With the first address invalid."""
    assert made.unmap_dma(0, 3 * PAGE, Flags.VADDR) == 3 * PAGE
    return made


Case = tuple[tuple[Group, ...], int, Callable[[Type1, Process, Process], object]]

CASES: dict[str, Case] = {
    "map, one IOMMU": ((GROUP,), 8, lambda made, who, _: made.map_dma(who, 0x10000, 2 * PAGE, 3 * PAGE, RW)),
    "map, two IOMMUs": ((GROUP, OTHER), 11, lambda made, who, _: made.map_dma(who, 0x10000, 2 * PAGE, 3 * PAGE, RW)),
    "map, no IOMMU": ((MDEV,), 2, lambda made, who, _: made.map_dma(who, 0x10000, 2 * PAGE, 3 * PAGE, RW)),
    "start tracking": ((GROUP,), 3, lambda made, _, __: made.dirty_pages(Tracking.START)),
    "attach an IOMMU alike": ((GROUP,), 3, lambda made, _, __: made.attach(ALIKE)),
    "attach another IOMMU": ((GROUP,), 7, lambda made, _, __: made.attach(OTHER)),
    "attach the first IOMMU": ((MDEV,), 12, lambda made, _, __: made.attach(GROUP)),
    "attach an emulated group": ((GROUP,), 1, lambda made, _, __: made.attach(MDEV)),
    "pin pages, one of them once more": (
        (MDEV,),
        2,
        lambda made, _, __: made.pin_pages(device(made), 0, 3, Access.READ),
    ),
    "unmap nothing": ((GROUP,), 2, lambda made, _, __: made.unmap_dma(0x3000, PAGE)),
}
"""How many steps can fail before anything is done, counted by hand: arguments, a record, pins, translations by IOMMU."""


@pytest.mark.parametrize("case", CASES)
def test_whatever_step_fails_everything_is_as_it_was(case: str) -> None:
    """ACT-2: pins, charges, translations, entries; and with no step left to fail the call succeeds."""
    groups, steps, act = CASES[case]
    for step in range(steps):
        made, old, new = container(*groups)
        before = shown(made)
        made.container.faults.fails_in = step

        answer = act(made, new, old)

        assert isinstance(answer, Errno), (step, answer)
        assert shown(made) == before
    made, old, new = container(*groups)
    made.container.faults.fails_in = steps
    assert not isinstance(act(made, new, old), Errno)


def test_an_unmap_whose_answer_cannot_be_copied_out_has_taken_effect() -> None:
    """D-G1-31: the caller is told EFAULT, and the mapping is gone; where the arguments cannot be read, it is not."""
    made, old, _ = container(GROUP)
    before = shown(made)
    made.container.faults.fails_in = 0
    assert made.unmap_dma(0, 3 * PAGE) is Errno.EFAULT
    assert shown(made) == before
    made.container.faults.fails_in = 1

    assert made.unmap_dma(0, 3 * PAGE) is Errno.EFAULT

    assert [mapping.range.first for mapping in made.container.space] == [0x8000]
    assert old.locked == 0


def test_an_unmap_whose_bits_cannot_be_copied_out_stops_there() -> None:
    """What went before is gone, with its bits; what comes after stays."""
    made, _, _ = container(GROUP)
    made.dirty_pages(Tracking.START)
    bitmap = Bitmap(PAGE, 8)
    made.container.faults.fails_in = 3

    assert made.unmap_dma(0, 0x10000, Flags.DIRTY, bitmap) is Errno.EFAULT

    assert bitmap.dirty == {1}
    assert [mapping.range.first for mapping in made.container.space] == [0x8000]


def test_a_map_whose_bitmap_cannot_be_had_is_undone() -> None:
    """The last step of a map where dirty pages are tracked; a bitmap of too many bits is EINVAL."""
    made, _, new = container(MDEV)
    made.dirty_pages(Tracking.START)
    before = shown(made)

    made.container.faults.fails_in = 2
    assert made.map_dma(new, 0x10000, 0, PAGE, RW) is Errno.ENOMEM
    assert made.map_dma(new, 1 << 62, 0, 1 << 43, RW) is Errno.EINVAL

    assert shown(made) == before


def test_a_renewed_address_whose_owner_may_not_pay_is_still_invalid() -> None:
    """And the one who paid still pays."""
    made, _, new = container(GROUP)
    invalidated(made)
    before = shown(made)
    new.limit = 0

    assert made.map_dma(new, 0, 0, 3 * PAGE, Flags.VADDR) is Errno.ENOMEM

    assert shown(made) == before


@pytest.mark.parametrize("lost", ["unpin", "uninstall", "uncharge"])
def test_an_undo_that_forgets_something_is_seen(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep can fail: whichever part of the undo is left out, something stays in sight."""
    made, _, new = container(GROUP)
    before = shown(made)
    if lost == "uncharge":
        monkeypatch.setattr(Process, "unlock", lambda _, __: None)
    else:
        monkeypatch.setattr(made.memory, lost, lambda _: None)
    made.container.faults.fails_in = 6

    assert made.map_dma(new, 0x10000, 2 * PAGE, 3 * PAGE, RW) is Errno.EFAULT

    monkeypatch.undo()
    assert shown(made) != before
