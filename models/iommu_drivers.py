"""IOMMU drivers: how they come and go, and the module reference by which a container keeps the one that it uses."""

from tenure.models.harm import uses_after_free
from tenure.models.locks import IOMMU_DRIVERS_LOCK
from tenure.models.modules import keep, let_go, removal
from tenure.vocabulary.calls import Case, Steps, call, done, requires, step
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.objects import CONTAINER, IOMMU_DRIVER
from tenure.vocabulary.symbols import anything, fixed, state
from tenure.vocabulary.terms import Term, both, is_none, no
from tenure.vocabulary.types import COUNT, FLAG, Choice

IOMMU_TYPE = Choice("iommu type", ("type1", "noiommu", "unsupported"))

is_noiommu = fixed("is noiommu", IOMMU_DRIVER, FLAG, meaning="the driver is the one for no-IOMMU groups, else type1")
is_registered = anything("driver registered", IOMMU_DRIVER, FLAG, meaning="the driver is in VFIO's list")
module_references = state("module references", IOMMU_DRIVER, COUNT, meaning="the references to the driver's module")
driver_of = state("iommu driver", CONTAINER, IOMMU_DRIVER.maybe, meaning="the container's `iommu_driver` pointer")


def supports(driver: Term, kind: Term) -> Term:
    """The driver's CHECK_EXTENSION says yes to the type."""
    return both(no(kind == "unsupported"), is_noiommu[driver] == (kind == "noiommu"))


def serves(driver: Term, kind: Term) -> Term:
    """The driver is registered, so that its module can be referenced, and supports the type."""
    return both(is_registered[driver], supports(driver, kind))


def taken(container: Term, driver: Term) -> tuple[Assign, ...]:
    """The container has the driver, and a reference to its module: try_module_get."""
    return driver_of[container].becomes(driver), keep(module_references[driver])


def given_back(container: Term, last: Term) -> tuple[Assign, ...]:
    """Where the last group leaves, the container has no driver any more, and its module one reference less: module_put."""
    driver = driver_of[container]
    return (
        provided(last, driver_of[container].becomes(None)),
        provided(last, let_go(module_references[driver])),
    )


def calls_driver(container: Term) -> Case:
    """The container's driver is called, if it has one; where its module was removed, there is no such code any more."""
    driver = driver_of[container]
    return uses_after_free(both(no(is_none(driver)), no(is_registered[driver])))


@call("module_init of an IOMMU driver", actor="driver", source="vfio_register_iommu_driver", driver=IOMMU_DRIVER)
def register_iommu_driver(driver: Term) -> Steps:
    """Load the module of an IOMMU driver: from now on SET_IOMMU may choose it."""
    yield requires(no(is_registered[driver]))
    yield step("register", done(is_registered[driver].becomes(value=True)), locks=(IOMMU_DRIVERS_LOCK,))


@call(
    "delete_module of an IOMMU driver",
    actor="driver",
    source="delete_module(2), vfio_unregister_iommu_driver",
    driver=IOMMU_DRIVER,
)
def unregister_iommu_driver(driver: Term) -> Steps:
    """Remove the module of an IOMMU driver, unless some container uses it."""
    yield requires(is_registered[driver])
    goes = is_registered[driver].becomes(value=False)
    yield removal(module_references[driver], "a container uses the driver", goes, IOMMU_DRIVERS_LOCK)


CALLS = (register_iommu_driver, unregister_iommu_driver)
