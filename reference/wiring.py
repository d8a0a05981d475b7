"""How interrupts are wired: what never changes of lines, eventfds and of the arrays that callers pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wiring:
    """One tuple for each observable that never changes, under its name; of `array_eventfd`, array by array, each line's."""

    line_index: tuple[int, ...] = ()
    line_number: tuple[int, ...] = ()
    eventfd_most: tuple[int, ...] = ()
    eventfd_unmasks: tuple[int, ...] = ()
    array_count: tuple[int, ...] = ()
    array_eventfd: tuple[int, ...] = ()

    def passed(self, array: int) -> tuple[int, ...]:
        """The eventfds that an array has, line by line."""
        lines = len(self.line_index)
        return self.array_eventfd[array * lines : (array + 1) * lines]


NOTHING = Wiring()
"""A machine of whose interrupts nobody speaks."""
