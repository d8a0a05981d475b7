"""A machine to try calls on: kernels of each system, and short ways to call, step and look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pytest

from tenure.reference.descriptions import Descriptions
from tenure.reference.kernel import SHOWN, Configuration, Died, Kernel, Paused
from tenure.reference.outcomes import Outcome
from tenure.reference.wiring import Wiring
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.objects import SORTS
from tenure.vocabulary.types import written

NO_DRIVER, VFIO, KERNEL, STUB = range(4)

SIZES = {
    "process": 3,
    "thread": 3,
    "file": 6,
    "group": 3,
    "container": 3,
    "device": 5,
    "table": 3,
    "page": 2,
    "user": 2,
    "address": 0,
    "mapping": 0,
    "index": 0,
    "line": 0,
    "eventfd": 0,
    "array": 0,
    "object": 0,
    "vm": 2,
    "iommu_driver": 3,
    "metagroup": 0,
    "region": 0,
    "iopt_pages": 0,
}


def configuration() -> Configuration:
    """Real groups g0 = {d0, bridge d4} and g1 = {d1, d2}, g2 = {d3} without IOMMU; p0 alone has CAP_SYS_RAWIO.

    dr0 and dr2 are type1, dr1 is for groups without IOMMU.
    """
    return Configuration(
        sizes=SIZES,
        device_group=(0, 1, 1, 2, 0),
        bridge=(False, False, False, False, True),
        no_iommu=(False, False, True),
        rawio=(True, False, False),
        driver=(VFIO, VFIO, STUB, VFIO, KERNEL),
        noiommu_driver=(False, True, False),
    )


WIRING = Wiring(
    line_index=(0, 0, 1),
    line_number=(0, 1, 0),
    eventfd_most=(2, 2, 2),
    eventfd_unmasks=(0, 0, 1),
    array_count=(0, 1, 2),
    array_eventfd=(0, 1, 0, 0, 1, 0, 0, 1, 0),
)
TOLD = Descriptions(device_resets=(1, 0), index_device=(0, 0, 1), index_level=(1, 0, 1), index_count=(2, 1, 0))
"""Two level-triggered lines and one of edges of d0, an index without lines of d1; e2 is for unmasking."""


def of_interrupts() -> Configuration:
    """Two devices with interrupts, three files, and arrays of no eventfd, one and two."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 2, "file": 3, "device": 2, "index": 3, "line": 3}
    return Configuration(
        sizes={**sizes, "eventfd": 3, "array": 3},
        device_group=(0, 0),
        bridge=(False, False),
        no_iommu=(),
        rawio=(),
        driver=(0, 0),
        wiring=WIRING,
        descriptions=TOLD,
    )


def of_objects(emulated: tuple[bool, bool, bool] = (False, False, True)) -> Configuration:
    """Two physical devices and an emulated one, two processes, six files, six objects."""
    sizes = dict.fromkeys(SIZES, 0) | {"process": 2, "thread": 3, "file": 6, "device": 3, "object": 6}
    return Configuration(
        sizes=sizes,
        device_group=(0, 0, 0),
        bridge=(False, False, False),
        no_iommu=(),
        rawio=(False, False),
        driver=(0, 0, 0),
        emulated=emulated,
    )


def of_metagroups() -> Configuration:
    """Two groups of a device each and one of two behind another IOMMU; p0 may lock one page, p1 any number."""
    sizes = dict.fromkeys(SIZES, 0) | {"process": 2, "thread": 2, "file": 5, "group": 3, "device": 4, "page": 3}
    return Configuration(
        sizes={**sizes, "metagroup": 3, "region": 3, "index": 2},
        device_group=(0, 1, 2, 2),
        bridge=(False,) * 4,
        no_iommu=(False,) * 3,
        rawio=(False,) * 2,
        driver=(VFIO,) * 4,
        page_limit=(1, 1),
        may_exceed=(False, True),
        bus=(0, 0, 0),
        coherent=(True, True, False),
        descriptions=Descriptions(
            device_resets=(1, 0, 0, 0),
            device_in_tree=(1, 0, 0, 0),
            region_device=(0, 0, 1),
            region_size=(4096, 0, 64),
            region_mappable=(1, 0, 0),
            region_read_only=(0, 0, 1),
            region_offset=(0, 1 << 40, 1 << 41),
            region_phys_valid=(1, 0, 0),
            region_phys=(1 << 20, 1 << 21, 1 << 22),
            region_property=(1, 0, 0),
            region_property_index=(3, 0, 0),
            index_device=(0, 1),
            index_level=(1, 0),
            index_count=(1, 4),
            index_property_index=(2, 0),
        ),
    )


def of_cdevs() -> Configuration:
    """Two devices of one group and an emulated one, two processes, six files, two IO address spaces, a VM with an entry."""
    sizes = dict.fromkeys(SIZES, 0) | {"process": 2, "thread": 3, "file": 6, "group": 2, "device": 3, "table": 2}
    sizes |= {"container": 2, "iommu_driver": 1, "vm": 1, "user": 1}
    return Configuration(
        sizes=sizes,
        device_group=(0, 0, 1),
        bridge=(False, False, False),
        no_iommu=(False, False),
        rawio=(False, False),
        driver=(1, 1, 1),
        noiommu_driver=(False,),
        emulated=(False, False, True),
        coherent=(True, True, True),
        isolated=(True, True, True),
    )


@dataclass(frozen=True)
class Bench:
    """A kernel, called with keywords and read by the names of the observables."""

    kernel: Kernel

    def do(self, call: str, **args: int) -> Answer | Died:
        """Run a call from its beginning to its end."""
        return self.kernel.do(call, args)

    def begin(self, actor: str | None, call: str, **args: int) -> Outcome:
        """Run the first step of a call."""
        return self.kernel.begin(call, args, actor)

    def step(self, actor: str) -> Outcome:
        """Run the next step of the actor's call."""
        return self.kernel.step(actor)

    def can(self, call: str, **args: int) -> bool:
        """Say whether somebody can make the call."""
        return self.kernel.callable(call, args)

    def through(self, actor: str | None, call: str, **args: int) -> list[str]:
        """Run a call step by step, alone; the steps that it paused at, then how it ended."""
        outcome = self.begin(actor, call, **args)
        met: list[str] = []
        while isinstance(outcome, Paused):
            met.append(outcome.step)
            outcome = self.step(actor or "th0")
        return [*met, str(outcome)]

    def settle(self) -> None:
        """Run every release that is due."""
        while due := self.kernel.pending():
            self.kernel.do(*due[0])

    def see(self, name: str, *args: int) -> str | int | bool:
        """What an observable shows, as people write it."""
        (position,) = (i for i, shown in enumerate(SHOWN) if shown.name == name)
        shown = SHOWN[position]
        ranges = [range(self.kernel.configuration.number(sort)) for sort in shown.domain]
        return written(shown.value, self.kernel.observe()[position][list(product(*ranges)).index(args)])


@pytest.fixture
def new() -> Callable[[str], Bench]:
    """Make a machine that runs a system, where nothing has happened yet."""
    return lambda system: Bench(Kernel(system, configuration()))


@pytest.fixture
def ready() -> Callable[[str], Bench]:
    """Make one where p0 has put g0 (f0) into c0 (f1) with table tb0, and has f2, the file of empty container c1."""

    def build(system: str) -> Bench:
        bench = Bench(Kernel(system, configuration()))
        bench.do("open_group", process=0, file=0, group=0)
        bench.do("open_container", process=0, file=1, made=0)
        bench.do("set_container", process=0, file=0, other=1)
        bench.do("set_iommu", process=0, file=1, type=0, made=0)
        bench.do("open_container", process=0, file=2, made=1)
        return bench

    return build


assert set(SIZES) == {sort.name for sort in SORTS}
