"""The objects of an iommufd: each counted twice, once for whoever relies on it, once for calls that have it in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.vocabulary.observables import OBJECT_TYPE

if TYPE_CHECKING:
    from tenure.reference.files import File

NOTHING = OBJECT_TYPE.values.index("none")
IOAS = OBJECT_TYPE.values.index("ioas")
HWPT = OBJECT_TYPE.values.index("hwpt")
DEVICE = OBJECT_TYPE.values.index("device")
ACCESS = OBJECT_TYPE.values.index("access")


class IommuObject:
    """struct iommufd_object, alive until it has no context any more."""

    __slots__ = ("attached", "auto", "context", "file", "index", "ioas", "listed", "type", "users", "wait_cnt")

    def __init__(self, index: int, type_: int = NOTHING, context: File | None = None, users: int = 0) -> None:
        self.index = index
        self.type = type_
        self.context = context
        """The iommufd; None once the memory is freed."""
        self.listed = context is not None
        """It is in the table of its iommufd."""
        self.users = users
        self.wait_cnt = int(self.listed)
        self.ioas: IommuObject | None = None
        """Of a HWPT: the IO address space that it translates."""
        self.auto = False
        """Of a HWPT: it was made in an attach."""
        self.attached: IommuObject | None = None
        """Of a device: its HWPT; of an access: its IO address space."""
        self.file: File | None = None
        """Of a device or an access: the device file that is bound."""

    def lock(self) -> bool:
        """Get it for a call, unless one of its counts is zero (iommufd_lock_obj)."""
        self.touch()
        if self.users == 0 or self.wait_cnt == 0:
            return False
        self.users += 1
        self.wait_cnt += 1
        return True

    def drop_user(self) -> None:
        """Rely on it no longer."""
        self.touch()
        self.users -= 1

    def drop_wait(self) -> None:
        """Have it in hand no longer."""
        self.touch()
        self.wait_cnt -= 1

    def erase(self) -> None:
        """The table is its last user, and lets go of it."""
        self.drop_user()
        self.listed = False

    def free(self) -> None:
        """Its memory goes, and a HWPT relies on its IO address space no longer."""
        if self.ioas is not None:
            self.ioas.drop_user()
            self.ioas = None
        self.auto = False
        self.context = None
        self.type = NOTHING

    def touch(self) -> None:
        """Use it; raises Oops where it was freed."""
        if self.context is None:
            raise Oops(USE_AFTER_FREE)
