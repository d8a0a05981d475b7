"""VIA: a group in use has no driver that does DMA on the kernel's behalf."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP
from tenure.vocabulary.properties import always, at_rest
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import Term, either, every, implies, some


@at_rest("VIA-2", seen.group_at_rest, "vfio_iommu_group_notifier, BUG on BOUND_DRIVER", group=GROUP)
def a_group_in_use_is_viable_or_the_machine_has_stopped(group: Term) -> Term:
    """A group of which a device is open is viable, or the kernel has stopped itself."""
    device_open = some(FILE, lambda f: seen.file_counts[f] == group)
    return implies(device_open, either(seen.group_viable[group], seen.harm.now == "bug"))


@always("VIA-3", "vfio_dev_viable, unbound_list", group=GROUP)
def a_device_leaving_its_vfio_driver_counts_as_viable(group: Term) -> Term:
    """A group is viable where each device has no driver, pci-stub or a VFIO driver, is leaving one, or is a bridge."""

    def harmless(device: Term) -> Term:
        unbound = choice_is(seen.device_driver[device], "none", "stub")
        vfio = either(seen.device_registered[device], seen.device_leaving[device])
        return either(unbound, vfio, seen.device_bridge[device])

    return implies(
        every(DEVICE, lambda d: implies(seen.device_group[d] == group, harmless(d))), seen.group_viable[group]
    )


PROPERTIES = (
    a_group_in_use_is_viable_or_the_machine_has_stopped,
    a_device_leaving_its_vfio_driver_counts_as_viable,
)
