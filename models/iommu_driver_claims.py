"""What holds containers and their IOMMU drivers together: helper invariants for the proofs, at either granularity."""

from tenure.models.containers import table
from tenure.models.iommu_drivers import driver_of, is_registered, module_references
from tenure.vocabulary.objects import CONTAINER, IOMMU_DRIVER
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, implies, is_none, no, number_of


@claim(container=CONTAINER)
def a_table_has_a_driver(container: Term) -> Term:
    """A container has a table exactly while it has an IOMMU driver."""
    without, none = is_none(table[container]), is_none(driver_of[container])
    return both(implies(without, none), implies(none, without))


@claim(driver=IOMMU_DRIVER)
def module_references_count_containers(driver: Term) -> Term:
    """A module is referenced once for each container that uses its driver."""
    return module_references[driver] == number_of(CONTAINER, lambda c: driver_of[c] == driver)


@claim(container=CONTAINER)
def a_driver_in_use_is_registered(container: Term) -> Term:
    """No module of a driver is removed while a container uses it."""
    driver = driver_of[container]
    return implies(no(is_none(driver)), is_registered[driver])


CLAIMS = (a_table_has_a_driver, module_references_count_containers, a_driver_in_use_is_registered)
