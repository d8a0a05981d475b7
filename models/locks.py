"""Locks that nobody takes by name: what the release of an object takes, when its last reference is dropped."""

from collections.abc import Mapping

LOCKS_OF_RELEASE: Mapping[str, tuple[str, ...]] = {
    "container": (),
    "device": ("group.device_lock",),
    "group": ("vfio.group_lock", "iommu_group.notifier"),
}
"""For each kind of object that steps drop, the locks of its release in Linux 3.11 to 5.18, one taken after the other.

* container: `vfio_container_put`, `vfio_container_release` only frees it.
* device: `vfio_device_put` is `kref_put_mutex` with the group's `device_lock`; the group's reference goes after it.
* group: `vfio_group_put` is `kref_put_mutex` with `vfio.group_lock`; `vfio_group_unlock_and_free` lets that go and then
  calls `iommu_group_unregister_notifier`, which takes the notifier's rwsem for writing. That is why the notifier callback,
  which runs under the rwsem, hands its own reference to `vfio_group_schedule_put`.
"""
