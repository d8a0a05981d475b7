"""The families of systems that speak of no groups, or not of the same: each has its own scopes."""

from __future__ import annotations

from tenure.search.both_group_scopes import GROUPS_OF_BOTH
from tenure.search.cdev_group_scopes import CDEVS_AND_GROUPS
from tenure.search.cdev_scopes import CDEVS
from tenure.search.cdev_vm_scopes import CDEVS_GROUPS_AND_VMS
from tenure.search.family import Family
from tenure.search.interrupt_scopes import INTERRUPTS
from tenure.search.ioas_scopes import ACCESSES, BUILDING, COMPAT, COPIES, DEVICES, IOAS
from tenure.search.iommufd_group_scopes import GROUPS_OF_IOMMUFDS
from tenure.search.metagroup_scopes import METAGROUPS
from tenure.search.object_scopes import OBJECTS, PAGE_TABLES
from tenure.search.paged_scopes import RFC2011
from tenure.search.range_scopes import DIRTY_PAGES, GROUPS, PINS, TYPE1, VADDRS
from tenure.vocabulary.systems import System

FAMILIES = (
    ACCESSES,
    PINS,
    DIRTY_PAGES,
    VADDRS,
    GROUPS,
    TYPE1,
    COMPAT,
    BUILDING,
    COPIES,
    DEVICES,
    IOAS,
    RFC2011,
    INTERRUPTS,
    PAGE_TABLES,
    OBJECTS,
    METAGROUPS,
    GROUPS_OF_BOTH,
    GROUPS_OF_IOMMUFDS,
    CDEVS_GROUPS_AND_VMS,
    CDEVS_AND_GROUPS,
    CDEVS,
)


def family_of(system: System) -> Family | None:
    """The family of the system; None where it speaks of groups and files."""
    return next((one for one in FAMILIES if one.has(system)), None)
