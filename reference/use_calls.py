"""The guest at work: it maps and unmaps pages of the table that its KVM was told about, and VFIO is not asked."""

from __future__ import annotations

from tenure.reference.calls import OK, Task
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_use(machine: Machine, user: int, page: int, to: int) -> bool:
    """The user counts for the group that it was told about."""
    return 0 <= page < machine.pages and to in (0, 1) and machine.users[user].is_related()


def use(machine: Machine, _: Task, user: int, page: int, to: int) -> Answer:
    """Map or unmap one page (H_PUT_TCE in the kernel); a table that nobody has any more is freed memory."""
    table = machine.users[user].told_table
    if table is None:
        raise LookupError(f"u{user} was told of no table")
    if not table.alive:
        raise Oops(USE_AFTER_FREE)
    table.pages[page] = bool(to)
    return OK
