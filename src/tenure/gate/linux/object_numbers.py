"""Numbers of an iommufd's objects: as the kernel said them, or, before anybody has read that, where it writes them."""

from __future__ import annotations

import struct

from tenure.gate.linux.batch import ARENA, PAGE, At, Batch, There
from tenure.gate.linux.iommufd import NO_OBJECT

Number = int | There
"""What an iommufd knows an object by."""

_APART = 32
_INTO = 16


class Numbers:
    """The iommufd of each object, and its number there; one that is gone keeps its number until another object gets this."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Number]] = {}

    def clear(self) -> None:
        """There is no object."""
        self._known.clear()

    def begins(self, file: str) -> None:
        """An iommufd of this name is made: it has nothing of an earlier one."""
        self._known = {name: one for name, one in self._known.items() if one[0] != file}

    def promise(self, batch: Batch, obj: str, file: str, structure: bytes, says: int) -> At:
        """Put the structure of a call that makes the object where the number that it says, from this byte on, is kept."""
        place = _place(obj)
        self._known[obj] = file, There(ARENA - PAGE + place)
        return batch.put_last(structure, place - says)

    def keep(self, obj: str, file: str, number: int) -> None:
        """The object has this number, and none that had it before it has it any more."""
        self._known = {name: one for name, one in self._known.items() if one != (file, number)}
        self._known[obj] = file, number

    def drop(self, obj: str) -> None:
        """The object was not made."""
        self._known.pop(obj, None)

    def forget(self, batch: Batch, obj: str) -> None:
        """Put that the object is gone where its number is kept, if nobody has read that yet."""
        if obj in self._known and isinstance(self._known[obj][1], There):
            batch.put_last(struct.pack("<I", NO_OBJECT), _place(obj))

    def within(self, file: str, obj: str) -> Number:
        """What this iommufd knows the object by; of one that it has not, a number that it knows nothing by."""
        where, number = self._known.get(obj, ("", NO_OBJECT))
        return number if where == file else NO_OBJECT


def put_about(batch: Batch, structure: bytes, *numbers: tuple[int, Number]) -> At:
    """Bytes to point to, with the numbers of objects in them, each from its byte on."""
    content = bytearray(structure)
    later = []
    for offset, number in numbers:
        if isinstance(number, int):
            struct.pack_into("<I", content, offset, number)
        else:
            later.append((offset, number))
    if not later:
        return batch.put(bytes(content))
    ((offset, there),) = later
    return batch.put_with_number(bytes(content), offset, there)


def _place(obj: str) -> int:
    """From which byte of the last page on the object's number is kept."""
    return _APART * int(obj.removeprefix("o")) + _INTO
