"""What a machine shows of the objects of iommufds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.columns import Columns, columns
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.iommufd import IommuObject
    from tenure.reference.machine import Machine

OF_OBJECTS = (
    seen.object_type,
    seen.object_context,
    seen.object_listed,
    seen.object_users,
    seen.object_waits,
    seen.object_ioas,
    seen.object_auto,
    seen.object_attached,
    seen.file_bound,
)


def observe_objects(machine: Machine) -> Columns:
    """The observables of OF_OBJECTS, in this order."""
    bound = tuple([_name(file.bound) for file in machine.files])
    return *columns([_object(obj) for obj in machine.objects], len(OF_OBJECTS) - 1), bound


def _object(obj: IommuObject) -> tuple[int, ...]:
    context = NONE if obj.context is None else obj.context.index
    counts = obj.type, context, int(obj.listed), obj.users, obj.wait_cnt
    return *counts, _name(obj.ioas), int(obj.auto), _name(obj.attached)


def _name(obj: IommuObject | None) -> int:
    """A pointer to an object."""
    return NONE if obj is None else obj.index
