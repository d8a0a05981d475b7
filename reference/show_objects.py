"""What a machine shows of the objects of iommufds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.iommufd import IommuObject

OF_OBJECTS = (
    seen.object_type,
    seen.object_context,
    seen.object_listed,
    seen.object_users,
    seen.object_waits,
    seen.object_ioas,
    seen.object_auto,
    seen.object_attached,
)


def observe_object(obj: IommuObject) -> tuple[int, ...]:
    """The observables of OF_OBJECTS, in this order."""
    context = NONE if obj.context is None else obj.context.index
    counts = obj.type, context, int(obj.listed), obj.users, obj.wait_cnt
    return *counts, name_of(obj.ioas), int(obj.auto), name_of(obj.attached)


def name_of(obj: IommuObject | None) -> int:
    """A pointer to an object."""
    return NONE if obj is None else obj.index
