"""The locks of Linux 5.19 and later that earlier versions have not; the others are those of `models/locks.py`.

One lock of the group takes the place of its atomic counters, and ownership of DMA that of the notifier.
"""

from tenure.models.locks import CONTAINER_GROUP_LOCK, IOMMU_GROUP_MUTEX, TYPE1_LOCK
from tenure.vocabulary.locks import Lock, Queue

GROUP_LOCK = Lock("group.group_lock", "mutex of a VFIO group: its file, its container, its users")
DEV_SET_LOCK = Lock("dev_set.lock", "mutex of the devices that are reset together: their opens and closes")

REGISTRATION = Queue("device.comp", "an unbind waits until the device's last registration reference is dropped")

ATTACH_LOCKS = (CONTAINER_GROUP_LOCK, TYPE1_LOCK, IOMMU_GROUP_MUTEX)
"""What is taken under the group's lock to claim a group and attach it to a table, or to detach and release it."""
