"""The errnos that calls over ranges answer with."""

from __future__ import annotations

from enum import Enum


class Errno(Enum):
    """Why a call did not do what was asked."""

    EPERM = 1
    ENOENT = 2
    ENOMEM = 12
    EACCES = 13
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    ENODEV = 19
    EINVAL = 22
    ENOSPC = 28
    EDEADLOCK = 35
    EOVERFLOW = 75
    EMSGSIZE = 90
    EOPNOTSUPP = 95
    EADDRINUSE = 98
    EKEYEXPIRED = 127
