"""What steps of Linux 3.6 to 3.10 lock otherwise than those of later versions; the locks are those of `models/locks.py`."""

from tenure.models.locks import (
    DEVICE_LOCK,
    DEVICE_REFERENCE,
    GROUP_REFERENCE,
    IOMMU_GROUP_MUTEX,
    NOTIFIER,
    VFIO_GROUP_LOCK,
)
from tenure.vocabulary.locks import briefly

HEARD = briefly(NOTIFIER, briefly(VFIO_GROUP_LOCK), drops=(GROUP_REFERENCE,))
"""A notification: the callback looks the group up, and drops that reference before it returns, whoever else is left."""

SCAN = briefly(IOMMU_GROUP_MUTEX, briefly(DEVICE_LOCK), drops=(DEVICE_REFERENCE,))
"""vfio_group_viable: a walk through the group's devices, of each of which a reference is held for a moment."""
