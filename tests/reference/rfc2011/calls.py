"""The machine of 2011 that examples are told on, and its calls in few words."""

from __future__ import annotations

from dataclasses import replace

from tests.reference.conftest import Bench, of_metagroups

from tenure.reference.groups import KERNEL
from tenure.reference.kernel import Kernel
from tenure.vocabulary.answers import Done, Refused

G0, G1, G2, IOMMU, DEVICE = range(5)
"""The files: of each group one, which the first process has; two more."""

EBADF, EBUSY, EFAULT, EINVAL, EIO, EMFILE, ENODEV, ENOENT, ENOMEM, EPERM = map(
    Refused, ("EBADF", "EBUSY", "EFAULT", "EINVAL", "EIO", "EMFILE", "ENODEV", "ENOENT", "ENOMEM", "EPERM")
)
OK = Done()


def opened(made: Bench) -> Bench:
    """The same machine, each group open."""
    for group in (G0, G1, G2):
        assert made.do("open_group", process=0, file=group, group=group, made=group, fails=0) == OK
    return made


def on_another_bus() -> Bench:
    """The last group is behind an IOMMU of the same kind, and on another bus."""
    there = replace(of_metagroups(), bus=(0, 0, 1), coherent=(True, True, True))
    return opened(Bench(Kernel("rfc2011", there)))


def get_iommu(bench: Bench, group: int, process: int = 0, made: int = IOMMU, fails: int = 0) -> object:
    """GET_IOMMU_FD."""
    return bench.do("get_iommu_fd", process=process, file=group, made=made, fails=fails)


def get_device(bench: Bench, group: int, device: int, process: int = 0, fails: int = 0) -> object:
    """GET_DEVICE_FD."""
    return bench.do("get_device_fd", process=process, file=group, device=device, made=DEVICE, fails=fails)


def merge(bench: Bench, into: int, other: int, process: int = 0, fails: int = 0) -> object:
    """MERGE."""
    return bench.do("merge", process=process, file=into, other=other, fails=fails)


def unmerge(bench: Bench, group: int, other: int, process: int = 0, fails: int = 0) -> object:
    """UNMERGE, into a metagroup of the name that MERGE freed."""
    return bench.do("unmerge", process=process, file=group, other=other, made=1, fails=fails)


def spoil(bench: Bench, device: int) -> None:
    """A driver of the kernel has the device instead of VFIO's."""
    bench.do("unbind_driver", device=device)
    assert bench.do("bind_driver", device=device, to=KERNEL) == OK


def close(bench: Bench, *files: int, process: int = 0) -> None:
    """Close them one after the other, and let each be released."""
    for file in files:
        assert bench.do("close", process=process, file=file) == OK
        bench.settle()


def share(bench: Bench, *files: int) -> None:
    """The second process has them too."""
    for file in files:
        assert bench.do("pass_file", process=0, file=file, to=1) == OK


def map_page(bench: Bench, page: int, process: int = 0, *, faulty: int = 0) -> object:
    """MAP_DMA of a page by the iommu file."""
    return bench.do("map_dma", process=process, file=IOMMU, page=page, faulty=faulty, contended=0)


def unmap_page(bench: Bench, page: int, process: int = 0, *, contended: int = 0) -> object:
    """UNMAP_DMA of a page by the iommu file."""
    return bench.do("unmap_dma", process=process, file=IOMMU, page=page, contended=contended)
