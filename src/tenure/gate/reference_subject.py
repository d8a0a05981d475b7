"""The reference as a subject: the same kernel, called in words, its releases run before the next call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from tenure.gate import catalogue
from tenure.gate.memory import Memory, numbers
from tenure.gate.subject import Reply, Setup, Shown, TargetFailed, Written
from tenure.gate.wording import did_you_mean
from tenure.reference.descriptions import Descriptions
from tenure.reference.kernel import SHOWN, SYSTEMS, Configuration, Died, Kernel, NotCallable, WouldBlock
from tenure.reference.saving import Snapshot
from tenure.reference.wiring import NOTHING, Wiring
from tenure.search.interrupt_scopes import WIRED
from tenure.search.metagroup_scopes import DESCRIBED
from tenure.vocabulary import observables as seen
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.objects import (
    ADDRESS,
    DEVICE,
    FILE,
    GROUP,
    IOMMU_DRIVER,
    LINE,
    OBJECT,
    PAGE,
    PROCESS,
    SORTS,
    TABLE,
    USER,
)
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.types import Count, Flag, Maybe, Sort, Type, default, parsed, written

_SLEEPS = Reply(Refused("EAGAIN"))
_AT_REST = seen.group_at_rest
_WITHIN = frozenset(
    one.name
    for one in (seen.unmap_counted, seen.vaddr_marked_in, seen.line_delivers, seen.space_entangled, seen.area_told)
)
"""What only tells how far a call is; a subject of whole calls has nothing of it to show."""
_GROUP_OF: Mapping[Sort, Observable] = {DEVICE: seen.device_group, FILE: seen.file_group, USER: seen.user_counts}


class ReferenceSubject:
    """One system of the reference, each call from its beginning to its end."""

    def __init__(self, system_id: str) -> None:
        if system_id not in SYSTEMS:
            question = did_you_mean(system_id, SYSTEMS, "`tenure list systems` has the names")
            raise ValueError(f"the reference has no system {system_id}; {question}")
        self._system_id = system_id
        self._parameters = catalogue.parameters(system_id)
        self.name = f"reference:{system_id}"
        self.calls = frozenset(self._parameters)
        self.shows = frozenset({_AT_REST.name, *(one.name for one in SHOWN)}) - _WITHIN
        self._setup: Setup | None = None
        self._died: tuple[str, Mapping[str, Written]] | None = None
        self._kernel: Kernel
        self._start: Snapshot

    def reset(self, setup: Setup) -> None:
        self._died = None
        if setup == self._setup:
            self._kernel.restore(self._start)
            return
        self._kernel = Kernel(self._system_id, _configuration(setup))
        self._start = self._kernel.snapshot()
        self._values = {
            call: {name: numbers(kind) for name, kind in types.items()} for call, types in self._parameters.items()
        }
        self._columns = tuple(_Column(one, setup.objects) for one in SHOWN)
        self._groups = [GROUP.element(i) for i in range(setup.objects.get(GROUP.name, 0))]
        self._setup = setup

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        kernel, values = self._kernel, self._values[call]
        try:
            outcome = kernel.do(call, {name: values[name][value] for name, value in args.items()})
        except WouldBlock:
            return Reply(_SLEEPS.answer, self._shown()) if show else _SLEEPS
        except NotCallable:
            raise TargetFailed("nobody can make this call now", "reset first", f"{self.name}, {call} {args}") from None
        while due := kernel.pending():
            kernel.do(*due[0])
        answer = _in_order(outcome)
        if answer is None:
            self._died = call, args
        return Reply(answer, self._shown() if show else None)

    def close(self) -> None:
        """Nothing runs."""

    def _shown(self) -> Shown:
        shown: Shown = {}
        for column, values in zip(self._columns, self._kernel.observe(), strict=True):
            if column.name not in _WITHIN and (differing := column.differing[values]):
                shown[column.name] = differing
        if at_rest := self._at_rest(shown):
            shown[_AT_REST.name] = at_rest
        return shown

    def _at_rest(self, shown: Shown) -> dict[str, Written]:
        """Calls are whole: a group is at rest, unless a call died on it, on its devices, files or users."""
        if self._died is None:
            return dict.fromkeys(self._groups, True)
        call, args = self._died
        busy = set()
        for name, kind in self._parameters[call].items():
            sort = kind.sort if isinstance(kind, Maybe) else kind
            if sort is GROUP:
                busy.add(args[name])
            elif isinstance(sort, Sort) and sort in _GROUP_OF:
                busy.add(shown.get(_GROUP_OF[sort].name, {}).get(str(args[name]), "none"))
        return {group: True for group in self._groups if group not in busy}


class _Column:
    """One observable: from the kernel's tuple of numbers to what differs from the default, by place."""

    __slots__ = ("_default", "_places", "_type", "differing", "name")

    def __init__(self, observable: Observable, objects: Mapping[str, int]) -> None:
        sorts = [[sort.element(i) for i in range(objects.get(sort.name, 0))] for sort in observable.domain]
        self.name = observable.name
        self._places = list(map(",".join, product(*sorts)))
        self._type = observable.value
        self._default = None if isinstance(observable.value, Sort) else int(default(observable.value))
        self.differing = Memory(self._differing)

    def _differing(self, values: tuple[int, ...]) -> dict[str, Written]:
        """The places that do not hold their default."""
        return {
            place: written(self._type, value)
            for place, value in zip(self._places, values, strict=True)
            if value != self._default
        }


def _in_order(outcome: Done | Refused | Died) -> Done | Refused | None:
    """The answer with its values in the order of their names; None for a call that never returned."""
    if isinstance(outcome, Died):
        return None
    if isinstance(outcome, Done) and len(outcome.values) > 1:
        return Done(tuple(sorted(outcome.values)))
    return outcome


def _configuration(setup: Setup) -> Configuration:
    """The reference's machine for a setup; raises KeyError or ValueError where the setup leaves something open."""

    def column(table: Shown, name: str, sort: Sort, kind: Type) -> tuple[int, ...]:
        places = (sort.element(i) for i in range(setup.objects.get(sort.name, 0)))
        return tuple(int(parsed(kind, table[name][place])) for place in places)

    def flags(name: str, sort: Sort) -> tuple[bool, ...]:
        return tuple(map(bool, column(setup.fixed, name, sort, Flag())))

    def wired(one: Observable) -> tuple[int, ...]:
        sorts = [[sort.element(i) for i in range(sizes[sort.name])] for sort in one.domain]
        return tuple(int(parsed(one.value, setup.fixed[one.name][",".join(place)])) for place in product(*sorts))

    sizes = {sort.name: setup.objects.get(sort.name, 0) for sort in SORTS}
    no_devices = (0,) * sizes[DEVICE.name]
    paged, valid = "page_reserved" in setup.fixed, "address_valid" in setup.fixed
    ranged = paged or valid
    placed = "group_no_iommu" in setup.fixed
    bound = "device_coherent" in setup.fixed
    told_of_vms = "device_enforced_coherent" in setup.fixed
    told = Descriptions(**{name: wired(catalogue.OBSERVABLES[name]) for name in DESCRIBED if name in setup.fixed})
    if "group_bus" in setup.fixed:
        return _configuration_2011(setup, sizes, told, column)
    return Configuration(
        sizes=sizes,
        device_group=column(setup.fixed, "device_group", DEVICE, GROUP) if placed else no_devices,
        bridge=flags("device_bridge", DEVICE) if placed else (False,) * sizes[DEVICE.name],
        no_iommu=flags("group_no_iommu", GROUP) if placed else (False,) * sizes[GROUP.name],
        noiommu_driver=flags("driver_noiommu", IOMMU_DRIVER),
        rawio=flags("rawio", PROCESS) if placed else (False,) * sizes[PROCESS.name],
        driver=column(setup.initial, "device_driver", DEVICE, seen.DRIVER) if placed else no_devices,
        valid_range=column(setup.fixed, "address_valid", ADDRESS, Count()) if valid else (),
        entry_limit=column(setup.fixed, "mappings_most", TABLE, Count()) if valid else (),
        page_limit=column(setup.fixed, "pages_most", PROCESS, Count()) if ranged else (),
        may_exceed=flags("pages_unlimited", PROCESS) if ranged else (),
        may_be_chosen=flags("address_choosable", ADDRESS) if "address_choosable" in setup.fixed else (),
        group_reserves=tuple(map(bool, wired(seen.group_reserves))) if "group_reserves" in setup.fixed else (),
        lets_go=flags("device_lets_go", DEVICE) if "device_lets_go" in setup.fixed else (),
        most_repeats=column(setup.fixed, "repeats_most", TABLE, Count()) if "repeats_most" in setup.fixed else (),
        most_tries=column(setup.fixed, "tries_most", TABLE, Count()) if "tries_most" in setup.fixed else (),
        bitmap_limit=column(setup.fixed, "bitmaps_most", TABLE, Count()) if "bitmaps_most" in setup.fixed else (),
        pins_first=flags("group_pins_first", GROUP) if "group_pins_first" in setup.fixed else (),
        begins_page=flags("address_begins_page", ADDRESS) if "address_begins_page" in setup.fixed else (),
        reserves=tuple(map(bool, wired(seen.device_reserves))) if "device_reserves" in setup.fixed else (),
        reserved=flags("page_reserved", PAGE) if paged else (),
        frame_0=flags("page_frame_0", PAGE) if paged else (),
        coherent=flags("device_coherent", DEVICE) if bound else (),
        enforced_coherent=flags("device_enforced_coherent", DEVICE) if told_of_vms else (),
        isolated=flags("device_isolated", DEVICE) if bound else (),
        wiring=Wiring(**{name: wired(catalogue.OBSERVABLES[name]) for name in WIRED}) if sizes[LINE.name] else NOTHING,
        descriptions=told,
        emulated=flags("device_emulated", DEVICE) if bound or sizes[OBJECT.name] else (),
    )


def _configuration_2011(
    setup: Setup, sizes: dict[str, int], told: Descriptions, column: Callable[..., tuple[int, ...]]
) -> Configuration:
    """The same for groups that have a bus, and stand behind one IOMMU or another."""
    fixed = setup.fixed
    return Configuration(
        sizes=sizes,
        device_group=column(fixed, "device_group", DEVICE, GROUP),
        bridge=(False,) * sizes[DEVICE.name],
        no_iommu=(False,) * sizes[GROUP.name],
        rawio=(False,) * sizes[PROCESS.name],
        driver=column(setup.initial, "device_driver", DEVICE, seen.DRIVER),
        noiommu_driver=(),
        page_limit=column(fixed, "pages_most", PROCESS, Count()),
        may_exceed=tuple(map(bool, column(fixed, "pages_unlimited", PROCESS, Flag()))),
        bus=column(fixed, "group_bus", GROUP, Count()),
        coherent=tuple(map(bool, column(fixed, "group_coherent", GROUP, Flag()))),
        descriptions=told,
    )
