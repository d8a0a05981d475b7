"""What calls on groups and drivers do otherwise in 6.1: one errno, and when a device that leaves is last found."""

from tenure.models.groups_2022 import setting_container, unbinding
from tenure.vocabulary.calls import Steps, call, number
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, THREAD
from tenure.vocabulary.terms import Term


@call(
    "VFIO_GROUP_SET_CONTAINER",
    actor=THREAD,
    source="vfio_group_ioctl_set_container, vfio_container_attach_group, 6.1",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
)
def set_container(process: Term, file: Term, other: Term) -> Steps:
    """Claim the group's DMA and put it into a container, in one step."""
    yield from setting_container(process, file, other, "EINVAL")


@call(
    "unbind the driver",
    actor="device",
    source="vfio_unregister_group_dev, vfio_device_remove_group, 6.1",
    device=DEVICE,
)
def unbind_driver(device: Term) -> Steps:
    """The driver leaves the device; while a VFIO driver waits for those who use the device, others can open it still."""
    yield from unbinding(device)


CALLS = (set_container, unbind_driver)
