"""VFIO drivers that come and go, such as vfio-pci: the module's init, and the beginning of its removal."""

from __future__ import annotations

from tenure.reference.calls import EWOULDBLOCK, OK
from tenure.reference.groups import VFIO
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_register_vfio_driver(machine: Machine, device: int) -> bool:
    """The module of the device's VFIO driver has gone, from the device too."""
    one = machine.devices[device]
    return not one.module.is_live and one.driver != VFIO


def register_vfio_driver(machine: Machine, _: object, device: int) -> Answer:
    """The module is loaded: its driver can be bound to the device again."""
    machine.devices[device].module.is_live = True
    return OK


def may_unregister_vfio_driver(machine: Machine, device: int) -> bool:
    """The module of the device's VFIO driver is loaded, and nobody removes it."""
    return machine.devices[device].module.is_live


def unregister_vfio_driver(machine: Machine, _: object, device: int) -> Answer:
    """The removal begins unless something refers to the module; EWOULDBLOCK (delete_module, try_stop_module).

    What the module's exit does to the device is an unbind, and runs when it runs.
    """
    module = machine.devices[device].module
    if module.module_references:
        return EWOULDBLOCK
    module.is_live = False
    return OK
