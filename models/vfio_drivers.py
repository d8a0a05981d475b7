"""VFIO drivers of devices, such as vfio-pci: how their modules come and go; an open device keeps that of its driver."""

from tenure.models.groups import driver
from tenure.models.modules import module_goes, open_references, removal
from tenure.vocabulary.calls import Steps, call, done, requires, step
from tenure.vocabulary.objects import DEVICE, THREAD
from tenure.vocabulary.terms import Term, no


@call("module_init of a VFIO driver", actor=THREAD, source="init_module(2), driver_register", device=DEVICE)
def register_vfio_driver(device: Term) -> Steps:
    """Load the module of the device's VFIO driver again, once the driver that went is unbound: now it can be bound."""
    yield requires(module_goes[device], no(driver[device] == "vfio"))
    yield step("register", done(module_goes[device].becomes(value=False)))


@call("delete_module of a VFIO driver", actor=THREAD, source="delete_module(2), try_stop_module", device=DEVICE)
def unregister_vfio_driver(device: Term) -> Steps:
    """Begin to remove the module of the device's VFIO driver, unless the device is open; the unbind is what follows."""
    yield requires(no(module_goes[device]))
    yield removal(open_references[device], "the device is open", module_goes[device].becomes(value=True))


CALLS = (register_vfio_driver, unregister_vfio_driver)
