"""The locks of Linux 3.11 to 5.18 under which the calls of these models run, and what the last references take.

They stand in drivers/vfio/vfio.c and vfio_iommu_type1.c, drivers/iommu/iommu.c and drivers/base/dd.c. Where versions differ,
a step declares what any of them takes. docs/assumptions.md says which locks are left out.
"""

from tenure.vocabulary.locks import Lock, Queue, Reference, briefly

DEVICE_MUTEX = Lock("device.mutex", "the driver core's lock of a device, over the whole of a bind or an unbind")
NOTIFIER = Lock("iommu_group.notifier", "rwsem of the notifier chain: for reading around callbacks, else for writing")
VFIO_GROUP_LOCK = Lock("vfio.group_lock", "mutex of the list of all VFIO groups")
IOMMU_DRIVERS_LOCK = Lock("vfio.iommu_drivers_lock", "mutex of the list of IOMMU drivers")
CONTAINER_GROUP_LOCK = Lock("container.group_lock", "rwsem of a container: its groups and its IOMMU driver")
TYPE1_LOCK = Lock("type1.lock", "mutex of the IOMMU driver's data of a container")
DEVICE_LIST_LOCK = Lock("type1.device_list_lock", "mutex of the list of devices whose drivers are told of an unmap")
IOMMU_GROUP_MUTEX = Lock("iommu_group.mutex", "the IOMMU layer's lock of a group: over each walk through its devices")
UNBOUND_LOCK = Lock("group.unbound_lock", "mutex of the list of devices that are leaving their VFIO driver")
DEVICE_LOCK = Lock("group.device_lock", "mutex of the list of a group's VFIO devices")

RELEASE_Q = Queue("vfio.release_q", "an unbind waits until nobody holds its device")
CONTAINER_Q = Queue("group.container_q", "the unbind of a group's last device waits until the group is in no container")

NOTIFIERS = Lock("type1.notifier", "rwsem of the list of callbacks of the IOMMU driver's data of a container")

CALLBACKS_LOCK = Lock("group.callbacks_lock", "mutex of the list of a group's callbacks, in a VFIO that has such")
USER_LOCK = Lock("user.lock", "the external user's own: under it, it registers, and its callback unlinks the table")
CALLBACK_Q = Queue("group.callback_q", "an unregister waits until a callback that runs has returned")
USES_Q = Queue("user.uses_q", "a callback waits until nobody is inside the table: real-mode handlers, vcpus")

CONTAINER_REFERENCE = Reference("container", meaning="vfio_container_release only frees it")
DEVICE_REFERENCE = Reference(
    "device", (briefly(DEVICE_LOCK),), meaning="vfio_device_put takes the lock for the last reference, and lets it go"
)
GROUP_REFERENCE = Reference(
    "group",
    (briefly(VFIO_GROUP_LOCK), briefly(NOTIFIER)),
    meaning="vfio_group_put takes the lock for the last reference, lets it go, and then unregisters the notifier; "
    "so the callback, which runs under the notifier's rwsem, leaves its own reference to a work item",
)

HEARD = briefly(NOTIFIER, VFIO_GROUP_LOCK)
"""A notification, in which the callback looks the group up before anything else."""

TABLE_LOCKS = (CONTAINER_GROUP_LOCK, TYPE1_LOCK, IOMMU_GROUP_MUTEX)
"""What is taken to attach a group to a table or to detach it."""

SCAN = briefly(IOMMU_GROUP_MUTEX, briefly(UNBOUND_LOCK), briefly(DEVICE_LOCK), drops=(DEVICE_REFERENCE,))
"""vfio_group_viable: a walk through the group's devices, of each of which a reference is held for a moment.

It may be the last one then. The group's reference that goes with it is never the last: whoever scans holds another.
"""
