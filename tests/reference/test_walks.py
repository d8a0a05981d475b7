"""Random walks: whatever happens, a snapshot brings everything back, and the counters count their holders."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.reference.conftest import of_cdevs, of_interrupts, of_metagroups, of_objects

from tenure.reference.kernel import SHOWN, SYSTEMS, Configuration, Died, Kernel, Paused, WouldBlock
from tenure.reference.outcomes import Outcome
from tenure.reference.show import Window
from tenure.vocabulary.observables import DMA_REQUEST
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = {
    "process": 2,
    "thread": 2,
    "file": 4,
    "group": 2,
    "container": 2,
    "device": 3,
    "table": 2,
    "page": 1,
    "user": 1,
    "vm": 1,
    "iommu_driver": 2,
}
OF_RANGES = {"process": 1, "thread": 1, "table": 1, "address": 3, "mapping": 2}
OF_IOASES = {"thread": 2, "table": 2, "address": 3, "mapping": 2}
OF_IOASES_WITH_DEVICES = {
    "sizes": {**OF_IOASES, "device": 2},
    "device_group": (0, 0),
    "bridge": (False, False),
    "driver": (0, 0),
    "begins_page": (True, True, False),
    "reserves": (True, *(False,) * 5),
}
OF_IOASES_WITH_COPIES = {
    "sizes": {**OF_IOASES, "device": 2, "iopt_pages": 2},
    "device_group": (0, 0),
    "bridge": (False, False),
    "driver": (0, 0),
}
OF_IOASES_WITH_ACCESSES = {
    "sizes": {**OF_IOASES, "device": 2},
    "device_group": (0, 0),
    "bridge": (False, False),
    "driver": (0, 0),
    "lets_go": (True, False),
    "most_tries": (1, 1),
}
OF_IOASES_WITH_PAGE_TABLES = {**OF_IOASES_WITH_COPIES} | {"sizes": {**OF_IOASES, "device": 2}}
OF_IOASES_BY_VARIANT = {
    "devices": OF_IOASES_WITH_DEVICES,
    "copies": OF_IOASES_WITH_COPIES,
    "building": OF_IOASES_WITH_PAGE_TABLES,
    "accesses": OF_IOASES_WITH_ACCESSES,
}
OF_2011 = {"process": 1, "thread": 1, "table": 1, "address": 4, "mapping": 3, "page": 2}
RANGES = {
    **{name: range(size) for name, size in SIZES.items()},
    "child": range(2),
    "to_process": range(2),
    "to_driver": range(1, 4),
    "to_flag": range(2),
    "events": range(2),
    "other": range(NONE, 4),
    "type": range(3),
    "request": range(4),
    "request_bitmap": range(6),
    "request_pin": range(3),
    "action": range(3),
    "length": range(3),
    "low_address": range(3),
    "other_low": range(3),
    "version": range(3),
    "behind": range(2),
    "inside": range(2),
    "other_high": range(3),
    "high_address": range(3),
    "address": range(3),
    "begin_address": range(3),
    "source_table": range(2),
    "pages": range(2),
    "memory": range(2),
    "to_access": range(4),
    "mapping": range(2),
    "index": range(3),
    "line": range(3),
    "array": range(3),
    "eventfd": range(NONE, 3),
    "other_file": range(4),
    "entry_user": range(1),
    "driver": range(2),
    "request_2011": tuple(map(DMA_REQUEST.values.index, ("range", "wraps", "no memory"))),
    "low_word": range(4),
    "high_word": range(4),
    "to_page": range(2),
    "writes": (1,),
    "request_bind": (0, 0, 0, 6),
    "made_word": range(2),
    "rest": range(2, 3),
    "obj": range(6),
    "dev": range(6),
    "object": range(6),
    "group_2011": range(3),
    "metagroup": range(3),
    "faulty": range(2),
    "contended": range(2),
    "fails": range(9),
}
PARAMETERS = {
    "close": ("process", "file"),
    "pass_file": ("process", "file", "to_process"),
    "fork": ("process", "child"),
    "exit_process": ("process",),
    "open_group": ("process", "file", "group"),
    "bind_driver": ("device", "to_driver"),
    "unbind_driver": ("device",),
    "open_container": ("process", "file", "made_container"),
    "set_container": ("process", "file", "other"),
    "unset_container": ("process", "file"),
    "set_iommu": ("process", "file", "type", "made_table"),
    "check_extension": ("process", "file", "type"),
    "get_api_version": ("process", "file"),
    "register_iommu_driver": ("driver",),
    "unregister_iommu_driver": ("driver",),
    "register_vfio_driver": ("device",),
    "unregister_vfio_driver": ("device",),
    "get_status": ("process", "file"),
    "get_device_fd": ("process", "file", "device", "made_file"),
    "use": ("user", "page", "to_flag"),
    "map_dma": ("process", "table", "request", "low_address", "high_address", "to_access", "made_mapping"),
    "unmap_dma": ("table", "request", "low_address", "high_address"),
    "unmap_all": ("table",),
    "map_vaddr": ("process", "table", "request", "low_address", "high_address"),
    "unmap_vaddr": ("table", "request", "low_address", "high_address"),
    "unmap_vaddr_all": ("table",),
    "register_device": ("device", "table"),
    "pin_pages": ("device", "table", "request_pin", "low_address", "high_address", "to_access"),
    "unpin_pages": ("device", "address"),
    "unmap_dirty": ("table", "request_bitmap", "low_address", "high_address"),
    "dirty_pages": ("table", "action"),
    "get_bitmap": ("table", "request_bitmap", "low_address", "high_address"),
    "pin_page": ("group", "address", "to_access"),
    "unpin_page": ("group", "address"),
    "driver_writes": ("group", "address"),
    "device_writes": ("group", "address"),
    "attach_group": ("table", "group"),
    "detach_group": ("table", "group"),
    "get_external_user": ("user", "process", "file"),
    "get_external_user_from_dev": ("user", "process", "device"),
    "put_external_user": ("user",),
    "register_notifier": ("user", "device", "events"),
    "unregister_notifier": ("user", "device"),
    "register_group_notifier": ("user", "device", "events"),
    "unregister_group_notifier": ("user", "device"),
    "iommu_id": ("user",),
    "external_check_extension": ("user", "type"),
    "take_file": ("user", "process", "file"),
    "iommu_id_from_file": ("user",),
    "add_external_user": ("user",),
    "del_external_user": ("user",),
    "drop_file": ("user",),
    "drop_file_early": ("user",),
    "validate_and_use": ("user", "process", "file", "table"),
    "release": ("user", "file", "table"),
    "release_without_use": ("user", "process", "file"),
    "open_device": ("file", "device"),
    "close_device": ("file",),
    "get_irq_info": ("file", "index"),
    "set_irq_eventfds": ("file", "index", "array"),
    "unmask_irq": ("file", "index"),
    "set_unmask_irq_eventfd": ("file", "index", "eventfd"),
    "reset_device": ("file",),
    "raise_line": ("device", "line"),
    "lower_line": ("device", "line"),
    "read_eventfd": ("eventfd",),
    "write_eventfd": ("eventfd",),
    "open_iommufd": ("process", "file"),
    "ioas_alloc": ("process", "file", "made_object"),
    "iova_ranges": ("process", "file", "obj"),
    "destroy": ("process", "file", "obj"),
    "open_cdev": ("process", "file", "device"),
    "bind": ("process", "file", "other", "made_object"),
    "attach": ("process", "file", "obj", "made_object"),
    "detach": ("process", "file"),
    "hwpt_alloc": ("process", "file", "dev", "obj", "made_object"),
    "create_vm": ("process", "file", "made_vm"),
    "create_kvm_vfio": ("process", "file", "made_file"),
    "file_add": ("process", "file", "other_file", "entry_user"),
    "file_del": ("process", "file", "other_file"),
    "set_spapr_tce": ("process", "file", "other_file"),
    "h_put_tce": ("entry_user", "page", "to_flag"),
    "host_map": ("device",),
    "host_unmap": ("device",),
    "get_info": ("process", "file"),
}

PARAMETERS_2011 = {
    "map_dma": ("table", "request_2011", "low_word", "high_word", "to_page", "writes", "made_word"),
    "unmap_dma": ("table", "request_2011", "low_word", "high_word", "rest"),
    "release_iommu": ("table",),
}

PARAMETERS_OF_IOASES = {
    "ioas_alloc": ("made_table",),
    "ioas_allow_iovas": ("table", "request", "low_address", "high_address", "other_low", "other_high"),
    "ioas_map_fixed": ("table", "request", "low_address", "high_address", "to_access", "made_mapping"),
    "ioas_map": ("table", "request", "length", "to_access", "made_mapping"),
    "ioas_unmap": ("table", "request", "low_address", "high_address"),
    "ioas_unmap_all": ("table",),
    "ioas_iova_ranges": ("table", "request", "address"),
    "attach": ("device", "table"),
    "detach": ("device",),
    "destroy": ("table",),
}

PARAMETERS_OF_COPIES = {
    **PARAMETERS_OF_IOASES,
    "ioas_map_fixed": (*PARAMETERS_OF_IOASES["ioas_map_fixed"], "pages"),
    "ioas_map": (*PARAMETERS_OF_IOASES["ioas_map"], "pages"),
    "ioas_copy_fixed": (
        *("table", "source_table", "request", "low_address", "length", "begin_address", "to_access", "made_mapping"),
    ),
    "ioas_copy": ("table", "source_table", "request", "low_address", "length", "to_access", "made_mapping"),
}

PARAMETERS_OF_BUILDING = {
    **PARAMETERS_OF_IOASES,
    "ioas_map_fixed": (*PARAMETERS_OF_IOASES["ioas_map_fixed"], "memory"),
    "ioas_map": (*PARAMETERS_OF_IOASES["ioas_map"], "memory"),
}

PARAMETERS_OF_PINS_IN_IOASES = {
    **PARAMETERS_OF_IOASES,
    "pin_pages": ("device", "request", "low_address", "high_address", "to_access"),
    "unpin_pages": ("device", "address"),
}

PARAMETERS_OF_VFIO_ON_IOASES = {
    "ioas_alloc": ("made_table",),
    "set_iommu": ("table", "version"),
    "map_dma": PARAMETERS_OF_IOASES["ioas_map_fixed"],
    "unmap_dma": ("table", "request", "low_address", "high_address", "behind", "inside"),
    "unmap_all": ("table",),
}

PARAMETERS_OF_ACCESSES = {**PARAMETERS, "attach": ("process", "file", "obj")}
PARAMETERS_OF_CDEVS = {
    **PARAMETERS_OF_ACCESSES,
    "ioas_alloc": ("process", "file", "made_table"),
    "bind": ("process", "file", "other", "request_bind"),
}
PARAMETERS_WITH_IOMMUFDS_OF_GROUPS = {
    **PARAMETERS_OF_CDEVS,
    "set_container": ("process", "file", "other", "made_table"),
    "get_vfio_ioas": ("process", "file"),
    "set_vfio_ioas": ("process", "file", "obj"),
    "clear_vfio_ioas": ("process", "file"),
}
PARAMETERS_OF_METAGROUPS = {
    "close": ("process", "file"),
    "pass_file": ("process", "file", "to_process"),
    "fork": ("process", "child"),
    "exit_process": ("process",),
    "open_group": ("process", "file", "group_2011", "made_metagroup", "fails"),
    "get_flags": ("process", "file"),
    "get_iommu_fd": ("process", "file", "made_file", "fails"),
    "get_device_fd": ("process", "file", "device", "made_file", "fails"),
    "merge": ("process", "file", "other", "fails"),
    "unmerge": ("process", "file", "other", "made_metagroup", "fails"),
    "map_dma": ("process", "file", "page", "faulty", "contended"),
    "unmap_dma": ("process", "file", "page", "contended"),
    "bind_driver": ("device", "to_driver"),
    "unbind_driver": ("device",),
    "add_device": ("device",),
    "remove_device": ("device",),
}

PARAMETERS_OF_VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "rfc2011:unmerge-self": {"unmerge": ("process", "file", "made_metagroup", "fails")},
    "rfc2011:metagroups-from-outside": {
        "open_group": ("process", "file", "group_2011"),
        "create_metagroup": ("made_metagroup",),
        "destroy_metagroup": ("metagroup",),
        "assign_group": ("group_2011", "metagroup"),
        "withdraw_group": ("group_2011",),
    },
}
"""Where a proposal has other calls, or other parameters of them."""

MISCOUNTED = ("external-v1:misuse", "external-validate:unbalanced-release")
"""Where a client gives back uses that it does not have."""

WHOLE = frozenset({"other_low", "other_high", "source_table"})
"""Parameters of two words; of others the second word says what they are chosen from."""

CHOICES = st.lists(st.integers(min_value=0, max_value=10**6), min_size=10, max_size=60)


def machine(system: str) -> Kernel:
    """A real group of two devices and one without IOMMU; a small address space; or devices with interrupts, or for iommufds."""
    if system.startswith("interrupts"):
        return Kernel(system, of_interrupts())
    if system.startswith("iommufd-"):
        return Kernel(system, of_objects((True, True, True) if system.endswith("accesses") else (False, False, True)))
    if system.startswith("rfc2011"):
        return Kernel(system, of_metagroups())
    if system.startswith("cdev"):
        return Kernel(system, of_cdevs())
    if system.startswith("dma-rfc2011"):
        last = (False, True)
        limits = {"page_limit": (1,), "may_exceed": (False,)}
        return Kernel(system, Configuration(OF_2011, (), (), (), (False,), (), **limits, reserved=last, frame_0=last))  # type: ignore[arg-type]  # two fields of two types
    if system.startswith("dma-ioas"):
        none = {"sizes": OF_IOASES, "device_group": (), "bridge": (), "driver": ()}
        known = Configuration(
            **OF_IOASES_BY_VARIANT.get(system.partition(":")[2], none),
            no_iommu=(),
            rawio=(),
            may_be_chosen=(False, True, True),
        )
        return Kernel(system, known)
    if system.startswith("dma-"):
        known = Configuration(OF_RANGES, (), (), (), (False,), (), (1, 1, 2), (2,), (1,), (False,))
        if system.endswith((":groups", ":vaddr")):
            sizes, reserves = {**OF_RANGES, "group": 2}, (False,) * 3 + (True, False, False)
            known = replace(known, sizes=sizes, no_iommu=(False, False), group_reserves=reserves)
        if system.endswith(":dirty"):
            known = replace(known, sizes={**OF_RANGES, "group": 2}, no_iommu=(False, False), valid_range=(1, 1, 1))
            known = replace(known, bitmap_limit=(1,), pins_first=(True, False))
        if system.endswith(":pins"):
            of_devices = {"device_group": (0, 0), "bridge": (False, False), "driver": (0, 0)}
            pins = {"lets_go": (True, False), "most_repeats": (1,)}
            known = replace(known, sizes={**OF_RANGES, "device": 2}, **of_devices, **pins)  # type: ignore[arg-type]  # fields of three types
        return Kernel(system, known)
    isolated, rawio = (False, True), (True, False)
    return Kernel(
        system,
        Configuration(
            SIZES, (0, 0, 1), (False, False, False), isolated, rawio, (1, 0, 1), noiommu_driver=(False, True)
        ),
    )


Move = tuple[str, dict[str, int]]


def chosen(kernel: Kernel, system: str, choice: int) -> str | Move | None:
    """One time of three who has a call in flight, or a call that is due, if there are any; else a call that somebody can make.

    That is the next in the order of the table: to filter all of them for each choice takes most of a walk's time.
    """
    due: list[str | Move] = [*kernel.in_flight(), *kernel.pending()]
    if due and choice % 3 == 0:
        return due[choice // 3 % len(due)]
    ways = thinkable(system)
    turned = (ways[(choice + n) % len(ways)] for n in range(len(ways)))
    able = (move for move in turned if kernel.callable(*move))
    return next(able, due[0] if due else None)


def called(kernel: Kernel, system: str, choice: int) -> Move | None:
    """The same where nothing is in flight."""
    move = chosen(kernel, system, choice)
    assert not isinstance(move, str)
    return move


def parameters_of(system: str) -> dict[str, tuple[str, ...]]:
    """The calls of a system that callers make, with what they pass."""
    if system.startswith("dma-rfc2011"):
        return PARAMETERS_2011
    if system == "dma-ioas:copies":
        return PARAMETERS_OF_COPIES
    if system == "dma-ioas:building":
        return PARAMETERS_OF_BUILDING
    if system == "dma-ioas:accesses":
        return PARAMETERS_OF_PINS_IN_IOASES
    if system.startswith("dma-ioas"):
        return PARAMETERS_OF_VFIO_ON_IOASES if system.endswith("compat") else PARAMETERS_OF_IOASES
    if system.startswith("cdev"):
        of_groups = "clear_vfio_ioas" in SYSTEMS[system].forms
        return PARAMETERS_WITH_IOMMUFDS_OF_GROUPS if of_groups else PARAMETERS_OF_CDEVS
    if not system.startswith("rfc2011"):
        return PARAMETERS_OF_ACCESSES if system == "iommufd-objects:accesses" else PARAMETERS
    return {**PARAMETERS_OF_METAGROUPS, **PARAMETERS_OF_VARIANTS.get(system, {})}


@cache
def thinkable(system: str) -> tuple[tuple[str, dict[str, int]], ...]:
    """Every call of a system with every choice of what is passed, whether or not anybody can make it now."""
    return tuple(
        (call, {p if p in WHOLE else p.partition("_")[0]: value for p, value in zip(parameters, values, strict=True)})
        for call, parameters in parameters_of(system).items()
        if call in SYSTEMS[system].forms
        for values in product(*(RANGES[p if p in RANGES else p.removeprefix("made_")] for p in parameters))
    )


def shown(kernel: Kernel) -> dict[str, tuple[int, ...]]:
    """What the machine shows, by name."""
    return {observable.name: values for observable, values in zip(SHOWN, kernel.observe(), strict=True)}


EVERY_SYSTEM = [pytest.param(s, id=s, marks=[pytest.mark.wide] if ":" in s else []) for s in SYSTEMS]


@pytest.mark.parametrize("system", EVERY_SYSTEM)
@settings(max_examples=40)
@example(choices=[482, 1, 1, 1, 1, 1, 1, 1, 503, 385])  # of D-G1-03: a walk over a list whose order counts
@given(choices=CHOICES)
def test_a_snapshot_brings_everything_back(system: str, choices: list[int]) -> None:
    """Restored, the machine shows the same, is the same, and answers the same again."""
    kernel, other = machine(system), machine(system)
    start = kernel.snapshot()
    for choice in choices:
        if (move := called(kernel, system, choice)) is None:
            break
        call, args = move
        before, view = kernel.snapshot(), kernel.observe()
        try:
            answer = kernel.do(call, args)
        except WouldBlock:
            assert (kernel.snapshot(), kernel.observe()) == (before, view)
            continue
        after, then = kernel.snapshot(), kernel.observe()

        kernel.restore(start)
        kernel.restore(before)
        assert (kernel.snapshot(), kernel.observe()) == (before, view)
        assert kernel.do(call, args) == answer
        assert (kernel.snapshot(), kernel.observe()) == (after, then)
        other.restore(after)
        assert (other.snapshot(), other.observe()) == (after, then)


@pytest.mark.parametrize("system", EVERY_SYSTEM)
@settings(max_examples=10)
@given(choices=CHOICES)
def test_what_is_looked_at_only_once_never_changes(system: str, choices: list[int]) -> None:
    """Whatever has happened, a machine shows the same to who looks for the first time."""
    kernel = machine(system)
    for choice in choices:
        if (move := called(kernel, system, choice)) is None:
            break
        call, args = move
        with contextlib.suppress(WouldBlock):
            kernel.do(call, args)

        assert kernel.observe() == Window(kernel.machine, ()).columns()


def views(system: str, choices: list[int]) -> Iterator[dict[str, tuple[int, ...]]]:
    """What the machine shows after each whole call, up to a death that the rules know."""
    kernel = machine(system)
    for choice in choices:
        if (move := called(kernel, system, choice)) is None:
            break
        call, args = move
        try:
            answer = kernel.do(call, args)
        except WouldBlock:
            continue
        if isinstance(answer, Died):
            assert (call, answer) in (("bind_driver", Died("bug")), ("use", Died("use_after_free")))
            break
        yield shown(kernel)


def entitled(view: dict[str, tuple[int, ...]], group: int) -> int:
    """How many uses of the group somebody has."""
    counted = sum(view[who].count(group) for who in ("file_counts", "device_counts", "user_counts"))
    return view["group_placed"][group] + counted


OPENED_TWICE = ("containers-2012", "containers-2012:locked")


@pytest.mark.parametrize(
    "system",
    [
        s
        for s in SYSTEMS
        if s not in (*OPENED_TWICE, *MISCOUNTED)
        and not s.startswith(("interrupts", "dma-", "iommufd-", "rfc2011", "cdev"))
    ],
)
@settings(max_examples=40)
@given(choices=CHOICES)
def test_whole_calls_count_every_holder(system: str, choices: list[int]) -> None:
    """With nobody in between, `container_users` and the references to containers and modules are exactly their holders."""
    for view in views(system, choices):
        assert view["harm"] == (0,)
        for group in range(SIZES["group"]):
            assert view["container_users"][group] == entitled(view, group)
            assert (view["container_of"][group] == NONE) == (view["container_users"][group] == 0)
        for container in range(SIZES["container"]):
            holders = view["file_container"].count(container) + view["container_of"].count(container)
            assert view["container_references"][container] == holders
        for driver in range(SIZES["iommu_driver"]):
            assert view["driver_references"][driver] == view["container_driver"].count(driver)
        for device in range(SIZES["device"]):
            files = view["file_device"].count(device)
            opens = min(files, 1) if view["device_counts"][device] != NONE else files
            assert view["module_references"][device] == opens


@pytest.mark.parametrize("system", OPENED_TWICE)
@settings(max_examples=40)
@given(choices=CHOICES)
def test_where_a_group_opens_twice_closing_takes_too_much_and_leaves_nothing(system: str, choices: list[int]) -> None:
    """A use may be lost, none is left over; and a group is in a container exactly while it is used."""
    for view in views(system, choices):
        assert view["harm"] == (0,)
        for group in range(SIZES["group"]):
            assert view["container_users"][group] <= entitled(view, group)
            assert (view["container_of"][group] == NONE) == (view["container_users"][group] == 0)


@pytest.mark.parametrize("system", EVERY_SYSTEM)
@settings(max_examples=40)
@given(choices=CHOICES)
def test_whatever_the_interleaving_a_replay_ends_the_same(system: str, choices: list[int]) -> None:
    """Steps of several callers, mixed at random: the machine knows no chance of its own."""
    first, second = machine(system), machine(system)
    for choice in choices:
        if (move := chosen(first, system, choice)) is None:
            break
        kernels = (first, second)
        outcomes: list[Outcome] = [k.step(move) if isinstance(move, str) else k.begin(*move) for k in kernels]

        assert outcomes[0] == outcomes[1]
        assert first.observe() == second.observe()
        assert isinstance(outcomes[0], Paused) <= bool(first.in_flight())
        if isinstance(outcomes[0], Died):
            break
