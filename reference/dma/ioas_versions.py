"""Where the kernels differ in iommufd: one value for each."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.reference.dma.errnos import Errno


@dataclass(frozen=True, slots=True)
class Version:
    """Which of a bad length and a wrap of the memory's range is told first, and what VFIO's unmap of nothing is."""

    name: str
    length_before_wrap: bool
    nothing_unmapped: Errno | None


V6_12 = Version("6.12", length_before_wrap=True, nothing_unmapped=None)
V6_12_UNFIXED = Version("6.12 before the fix of November 2025", length_before_wrap=True, nothing_unmapped=Errno.ENOENT)
V7_2 = Version("7.2", length_before_wrap=False, nothing_unmapped=None)
