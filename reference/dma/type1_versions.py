"""Where the kernels differ: one value for each."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.reference.dma.errnos import Errno


@dataclass(frozen=True, slots=True)
class Version:
    """What a kernel answers to ranges that wrap, and what it does while some address is invalid.

    `wraps` is the answer to a range that wraps or needs too many bits; `checks_pins` says whether pinning looks for that at
    all; `sleeps`, whether who needs an address that is invalid waits for it to be valid again, instead of being refused;
    `sees_the_top`, whether look-ups compare last bytes, and not the first byte after, which wraps.
    """

    name: str
    wraps: Errno
    checks_pins: bool
    sleeps: bool
    sees_the_top: bool


V6_1 = Version("6.1", Errno.EINVAL, checks_pins=False, sleeps=True, sees_the_top=False)
V6_12 = Version("6.12", Errno.EINVAL, checks_pins=False, sleeps=False, sees_the_top=False)
V7_2 = Version("7.2", Errno.EOVERFLOW, checks_pins=True, sleeps=False, sees_the_top=True)
