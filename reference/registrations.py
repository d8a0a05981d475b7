"""Registrations: what VFIO keeps of an external user that wants to be told before its group goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.reference.groups import IommuGroup
    from tenure.reference.users import ExternalUser


class Registration:
    """A callback in a group's list; it is freed when it leaves the list, whoever takes it out."""

    __slots__ = ("group", "running", "user")

    def __init__(self, group: IommuGroup, user: ExternalUser) -> None:
        self.group = group
        self.user = user
        self.running = False
        """The callback has begun and not returned."""

    def is_listed(self) -> bool:
        return self in self.group.callbacks

    def end(self) -> None:
        """Leave the list; the user has forgotten what it was told, and uses nothing any more."""
        self.group.callbacks.remove(self)
        self.running = False
        self.user.forget()
