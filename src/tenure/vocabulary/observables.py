"""Observables: the words of the properties. Models define them over their fields; targets show those that they can."""

from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, PAGE, PROCESS, TABLE, USER
from tenure.vocabulary.symbols import Observable, observable
from tenure.vocabulary.types import COUNT, FLAG, Choice

FILE_KIND = Choice("kind of file", ("closed", "container", "group", "device"))
HARM = Choice("harm", ("none", "list_corruption", "null_dereference", "use_after_free", "bug"))
DRIVER = Choice("driver", ("none", "vfio", "kernel", "stub"))

has_fd = observable("has_fd", PROCESS, FILE, FLAG, meaning="the process has an fd for the file")
file_kind = observable("file_kind", FILE, FILE_KIND, meaning="what the file is; closed: it is gone")
file_container = observable("file_container", FILE, CONTAINER.maybe, meaning="the container behind a container file")
file_group = observable("file_group", FILE, GROUP.maybe, meaning="the group behind a group or device file")
file_device = observable("file_device", FILE, DEVICE.maybe, meaning="the device behind a device file")
release_pending = observable(
    "release_pending", FILE, FLAG, meaning="the file's last reference is gone, its release not over"
)

group_exists = observable("group_exists", GROUP, FLAG, meaning="the VFIO group object is referenced")
group_opened = observable("group_opened", GROUP, FLAG, meaning="the group counts as open")
group_viable = observable("group_viable", GROUP, FLAG, meaning="no device of the group spoils its viability")
group_no_iommu = observable("group_no_iommu", GROUP, FLAG, meaning="no IOMMU isolates the group")
group_at_rest = observable(
    "group_at_rest", GROUP, FLAG, meaning="no call on the group, its files or devices is in flight"
)
group_placed = observable(
    "group_placed", GROUP, FLAG, meaning="SET_CONTAINER holds: neither UNSET nor last close undid it"
)
container_of = observable("container_of", GROUP, CONTAINER.maybe, meaning="the container that the group points to")
container_users = observable("container_users", GROUP, COUNT, meaning="the group's `container_users`")
table_reached = observable(
    "table_reached", GROUP, TABLE.maybe, meaning="the table that the group's devices translate through"
)

container_lists = observable("container_lists", CONTAINER, GROUP, FLAG, meaning="the group is in the container's list")
container_table = observable(
    "container_table", CONTAINER, TABLE.maybe, meaning="the container's table; none: no IOMMU driver"
)
container_references = observable("container_references", CONTAINER, COUNT, meaning="the container's reference count")
container_no_iommu = observable("container_no_iommu", CONTAINER, FLAG, meaning="the container holds no-IOMMU groups")

device_group = observable("device_group", DEVICE, GROUP, meaning="the IOMMU group of the device")
device_driver = observable("device_driver", DEVICE, DRIVER, meaning="the driver bound to the device")
device_registered = observable("device_registered", DEVICE, FLAG, meaning="a VFIO driver has registered the device")
device_leaving = observable("device_leaving", DEVICE, FLAG, meaning="the device is leaving its VFIO driver")
device_bridge = observable("device_bridge", DEVICE, FLAG, meaning="the device is a bridge")
file_counts = observable("file_counts", FILE, GROUP.maybe, meaning="the group in whose users the device file counts")

page_mapped = observable("page_mapped", TABLE, PAGE, FLAG, meaning="the table translates the page")

user_process = observable("user_process", USER, PROCESS.maybe, meaning="the process that the external user serves")
user_counts = observable("user_counts", USER, GROUP.maybe, meaning="the group in whose users the external user counts")
user_registered = observable(
    "user_registered", USER, GROUP.maybe, meaning="the group whose end VFIO tells the external user of, before it comes"
)
user_group = observable("user_group", USER, GROUP.maybe, meaning="the group that the external user had validated")
user_container = observable(
    "user_container", USER, CONTAINER.maybe, meaning="the container in which that group was then"
)
user_table = observable(
    "user_table", USER, TABLE.maybe, meaning="the table that the external user was shown, and maps into while it counts"
)
user_added_first = observable("user_added_first", USER, FLAG, meaning="the user counted before it validated")
user_idle = observable("user_idle", USER, FLAG, meaning="the external user holds nothing and is in no call")
user_keeps = observable("user_keeps", USER, FILE, FLAG, meaning="the external user keeps a reference to the file")

harm = observable("harm", HARM, meaning="the worst that has happened to the kernel")

ALL: tuple[Observable, ...] = tuple(o for o in list(globals().values()) if isinstance(o, Observable))
