"""External users: kernel code outside VFIO (KVM) that uses a group's table on behalf of a process."""

from __future__ import annotations

from tenure.reference.files import File
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import Lock
from tenure.reference.notifiers import Notifier
from tenure.reference.registrations import Registration
from tenure.reference.tables import IommuTable
from tenure.vocabulary.types import NONE


class ExternalUser:
    """What KVM keeps of VFIO: references, and what it was told."""

    __slots__ = (
        "added_first",
        "counts",
        "file",
        "group",
        "index",
        "inside",
        "keeps",
        "linked",
        "lock",
        "lost",
        "notifier",
        "process",
        "registration",
        "told_container",
        "told_group",
        "told_table",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.process = NONE
        """The process served; none after its exit, until the kernel has released what is held for it."""
        self.group: VfioGroup | None = None
        """get and put: the group that it references."""
        self.file: File | None = None
        """The 2013 proposal: the file that it works with."""
        self.keeps = False
        """It holds a reference to that file."""
        self.registration: Registration | None = None
        """The notification model: what unregister gives back; the callback may have freed it."""
        self.notifier: Notifier | None = None
        """A driver: what it asked to be called back through; freed memory, where it freed that too early."""
        self.inside = False
        """The notification model: a handler is inside the table that it was told of."""
        self.lock = Lock()
        """Its own lock, under which its callback closes the table."""
        self.linked: IommuTable | None = None
        """SPAPR: the table that a bus number of the guest is linked to."""
        self.counts = NONE
        self.told_group = NONE
        self.told_container = NONE
        self.told_table: IommuTable | None = None
        self.added_first = False
        self.lost = False
        """A call of it never returns."""

    def was_told(self, group: VfioGroup, container: int, table: IommuTable) -> None:
        self.told_group = group.iommu.index
        self.told_container = container
        self.told_table = table

    def forget(self) -> None:
        """Nothing of what it was told holds any longer."""
        self.told_group = NONE
        self.told_container = NONE
        self.told_table = None
        self.added_first = False

    def is_related(self) -> bool:
        """It counts for the group that it was told about."""
        return self.counts != NONE and self.counts == self.told_group

    def holds_nothing(self) -> bool:
        return self.group is None and self.file is None and self.registration is None

    def is_idle(self) -> bool:
        """Outside its calls: it holds nothing."""
        return self.process == NONE and self.counts == NONE and self.holds_nothing() and not self.lost

    def is_left(self) -> bool:
        """Its process is gone, and it still holds something."""
        return self.process == NONE and not self.holds_nothing()
